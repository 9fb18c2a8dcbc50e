//! Acts on an app: each on a page that says what will happen, what stops, what is kept, how to go back.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use lavoir_core::app::Doing;
use lavoir_core::id::{AppId, PartId};
use lavoir_core::lasting::Times;
use lavoir_core::recipe::{Question, QuestionKind};
use lavoir_core::text::{Message, Text};
use minijinja::{Value, context};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::app::{At, SentAt};
use crate::admin::{Act, Answered, AppPage, No, NoKind, Session};
use crate::figures;
use crate::form_token::{InHand, Taken};
use crate::forms::{
    Choice, Field, Wrong, answer_name, answers, asked, place, set_wrong, summary, wrong,
};
use crate::panel::Panel;
use crate::reader::{Reader, Sent};
use crate::refused;
use crate::render::{Chapter, see};

/// Has an act decided. What was begun is finished also when the browser goes away meanwhile.
pub(crate) async fn carry_out(
    panel: &Panel,
    session: Session,
    act: Act,
    hand: InHand,
) -> Result<AppId, No> {
    let admin = panel.admin.clone();
    let decided = tokio::spawn(async move {
        let decided = admin.act(&session, act).await?;
        hand.led_to(&format!("/apps/{}", decided.app));
        Ok(decided.app)
    });
    decided.await.unwrap_or_else(|_| Err(broke()))
}

/// The same for a form about one app, once however often it is sent.
///
/// # Errors
/// What was refused for its answers: the page shows them again.
async fn carry_out_once(
    panel: &Panel,
    sent: &Sent,
    session: Session,
    app: &AppPage,
    act: Act,
) -> Result<Response, No> {
    let back = format!("/apps/{}", app.line.id);
    let hand = match panel.tokens.take(&sent.form_token) {
        Taken::First(hand) => hand,
        Taken::Done(path) => return Ok(see(&path)),
        Taken::InHand => return Ok(see(&back)),
    };
    match carry_out(panel, session, act, hand).await {
        Ok(app) => Ok(see(&format!("/apps/{app}"))),
        Err(no) if no.problems.is_empty() => {
            Ok(refused::no(&sent.reader, Chapter::App, &no, &back))
        }
        Err(no) => Err(no),
    }
}

pub(crate) fn broke() -> No {
    No {
        kind: NoKind::Broken,
        message: Message {
            code: "broke-inside".into(),
            sentence: Text::new(
                "Quelque chose s'est cassé dans la machine.",
                "Something broke inside the box.",
            ),
            next_step: Text::new("Recommencez.", "Try again."),
        },
        problems: Vec::new(),
        operation: None,
    }
}

/// What goes on during an act, by the same words.
fn doing_of(word: &str) -> Option<Doing> {
    Some(match word {
        "start" => Doing::Start,
        "stop" => Doing::Stop,
        "restart" => Doing::Restart,
        "remove" => Doing::Remove,
        "reinstall" => Doing::Reinstall,
        "delete" => Doing::Delete,
        "update" => Doing::Update,
        _ => return None,
    })
}

/// How long it takes: as it was seen on this box, in words without a number where it was not.
pub(crate) fn lasts(
    reader: &Reader,
    times: &Times,
    doing: Option<Doing>,
    (seen, unseen): (&str, &str),
) -> String {
    match doing.and_then(|doing| times.likely(doing)) {
        Some(ms) => {
            let about = figures::about(ms, reader.language);
            reader.words().with(seen, &[("about", &about)])
        }
        None => reader.t(unseen),
    }
}

/// The acts that have a page, by their word in its address.
fn act_of(word: &str, app: &AppPage, answers: BTreeMap<PartId, String>) -> Option<Act> {
    let id = app.line.id.clone();
    Some(match word {
        "start" => Act::Start(id),
        "stop" => Act::Stop(id),
        "restart" => Act::Restart(id),
        "remove" => Act::Remove(id),
        "reinstall" => Act::Reinstall(id),
        "delete" => Act::Delete(id),
        "update" => Act::Update(id, answers),
        _ => return None,
    })
}

pub(crate) async fn confirm(
    At { reader, app }: At,
    Path((_, word)): Path<(String, String)>,
) -> Response {
    if act_of(&word, &app, BTreeMap::new()).is_none() {
        return refused::missing(&reader, Chapter::App);
    }
    if word == "update" && app.update.is_none() {
        return see(&format!("/apps/{}", app.line.id));
    }
    let fields = confirm_fields(&reader, &app, &word, |question| {
        question.default.clone().unwrap_or_default()
    });
    show_confirm(&reader, StatusCode::OK, &app, &word, &fields, Vec::new())
}

fn confirm_fields(
    reader: &Reader,
    app: &AppPage,
    word: &str,
    value: impl Fn(&Question) -> String,
) -> Vec<Field> {
    match (word, &app.update) {
        ("update", Some(update)) => update
            .questions
            .iter()
            .map(|question| asked(reader, question, &value(question)))
            .collect(),
        ("delete", _) => vec![Field {
            id: "sure".into(),
            kind: "text",
            label: reader
                .words()
                .with("act-delete-sure", &[("id", app.line.id.as_str())]),
            required: true,
            autocomplete: "off",
            ..Field::default()
        }],
        _ => Vec::new(),
    }
}

fn show_confirm(
    reader: &Reader,
    status: StatusCode,
    app: &AppPage,
    word: &str,
    fields: &[Field],
    rest: Vec<Wrong>,
) -> Response {
    let name = reader.text(&app.line.name);
    let say = |part: &str| {
        let key = format!("act-{word}-{part}");
        reader.words().with(&key, &[("name", &name)])
    };
    let lasts_key = format!("act-{word}-lasts");
    let keys = (lasts_key.as_str(), &*format!("{lasts_key}-unknown"));
    let lasts = lasts(reader, &app.lasts, doing_of(word), keys);
    let update = app
        .update
        .as_ref()
        .filter(|_| word == "update")
        .map(|update| {
            let (from, to) = super::home::versions(&app.line.version, &update.version);
            context! {
                from, to,
                notes => update.notes.as_ref().map(|notes| reader.text(notes)),
            }
        });
    let of_page = context! {
        id => app.line.id.as_str(), name => name.as_str(), word, update,
        lasts,
        happens => say("happens"), kept => say("kept"), back => say("back"), button => say("button"),
        grave => matches!(word, "delete" | "remove"),
        volumes => app.volumes.iter().map(|(label, _)| reader.text(label)).collect::<Vec<_>>(),
        lists_data => word == "delete",
        fields => fields.to_vec(), wrong => summary(fields, rest),
    };
    let title = say("title");
    reader.page_as(status, "confirm.html", Chapter::App, &title, of_page)
}

pub(crate) async fn act(
    State(panel): State<Arc<Panel>>,
    Path((_, word)): Path<(String, String)>,
    SentAt { sent, session, app }: SentAt,
) -> Response {
    let reader = &sent.reader;
    let typed = |question: &Question| sent.get(&answer_name(&question.id)).to_owned();
    let mut fields = confirm_fields(reader, &app, &word, typed);
    let questions = app.update.as_ref().map(|update| &update.questions[..]);
    let answers = answers(reader, &sent, questions.unwrap_or_default(), &mut fields);
    if word == "delete" && sent.get("sure") != app.line.id.as_str() {
        fields[0].value = sent.get("sure").to_owned();
        fields[0].error = Some(reader.t("wrong-sure"));
    }
    if word != "update" && word != "delete" {
        fields.clear();
    }
    let Some(act) = act_of(&word, &app, answers) else {
        return refused::missing(reader, Chapter::App);
    };
    if fields.iter().any(|field| field.error.is_some()) {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show_confirm(reader, status, &app, &word, &fields, Vec::new());
    }
    match carry_out_once(&panel, &sent, session, &app, act).await {
        Ok(response) => response,
        Err(no) => {
            let rest = place(reader, &mut fields, &no.problems);
            show_confirm(reader, refused::status(no.kind), &app, &word, &fields, rest)
        }
    }
}

pub(crate) async fn settings(At { reader, app }: At) -> Response {
    let fields = setting_fields(&reader, &app, |_| None);
    show_settings(&reader, StatusCode::OK, &app, &fields, Vec::new())
}

/// What may be answered anew, with the answers that may be shown.
fn setting_fields(
    reader: &Reader,
    app: &AppPage,
    typed: impl Fn(&Question) -> Option<String>,
) -> Vec<Field> {
    let mut fields = Vec::new();
    for setting in app.settings.iter().filter(|one| one.question.changeable) {
        let public = match &setting.answer {
            Answered::Public(answer) => answer.clone(),
            Answered::No | Answered::Private => String::new(),
        };
        let value = typed(&setting.question).unwrap_or(public);
        let mut field = asked(reader, &setting.question, &value);
        if setting.answer == Answered::Private {
            field.required = false;
            let keep = reader.t("settings-private-hint");
            field.hint = Some(match field.hint {
                Some(hint) => format!("{hint} {keep}"),
                None => keep,
            });
            if field.kind == "choice" {
                let chosen = value.is_empty();
                let label = reader.t("settings-keep");
                let value = String::new();
                field.choices.insert(
                    0,
                    Choice {
                        value,
                        label,
                        chosen,
                    },
                );
            }
        }
        fields.push(field);
    }
    fields
}

fn show_settings(
    reader: &Reader,
    status: StatusCode,
    app: &AppPage,
    fields: &[Field],
    rest: Vec<Wrong>,
) -> Response {
    let name = reader.text(&app.line.name);
    let fixed: Vec<Value> = app
        .settings
        .iter()
        .filter(|one| !one.question.changeable)
        .map(|one| {
            let answer = match &one.answer {
                Answered::Public(answer) => answer.clone(),
                Answered::Private => reader.t("answer-private"),
                Answered::No => reader.t("answer-none"),
            };
            context! { label => reader.text(&one.question.label), answer }
        })
        .collect();
    let title = reader.words().with("settings-title", &[("name", &name)]);
    let of_page = context! {
        id => app.line.id.as_str(), name => name.as_str(), fields => fields.to_vec(), wrong => summary(fields, rest), fixed,
        lasts => lasts(reader, &app.lasts, Some(Doing::Change), ("settings-lasts", "settings-lasts-unknown")),
    };
    reader.page_as(status, "settings.html", Chapter::App, &title, of_page)
}

pub(crate) async fn change(
    State(panel): State<Arc<Panel>>,
    SentAt { sent, session, app }: SentAt,
) -> Response {
    let reader = &sent.reader;
    let typed = |question: &Question| sent.get(&answer_name(&question.id)).to_owned();
    let mut fields = setting_fields(reader, &app, |question| Some(typed(question)));
    let answers = changed(reader, &sent, &app, &mut fields);
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    if fields.iter().any(|field| field.error.is_some()) {
        return show_settings(reader, status, &app, &fields, Vec::new());
    }
    if answers.is_empty() {
        let text = reader.t("settings-nothing");
        return show_settings(
            reader,
            status,
            &app,
            &fields,
            vec![Wrong { at: None, text }],
        );
    }
    let act = Act::Change(app.line.id.clone(), answers);
    match carry_out_once(&panel, &sent, session, &app, act).await {
        Ok(response) => response,
        Err(no) => {
            let rest = place(reader, &mut fields, &no.problems);
            show_settings(reader, refused::status(no.kind), &app, &fields, rest)
        }
    }
}

/// Only what is answered otherwise than before. A private answer left empty stays.
fn changed(
    reader: &Reader,
    sent: &Sent,
    app: &AppPage,
    fields: &mut [Field],
) -> BTreeMap<PartId, String> {
    let mut answers = BTreeMap::new();
    for setting in app.settings.iter().filter(|one| one.question.changeable) {
        let question = &setting.question;
        let answer = sent.get(&answer_name(&question.id)).to_owned();
        let same = match &setting.answer {
            Answered::Private | Answered::No => answer.is_empty(),
            Answered::Public(before) => *before == answer,
        };
        if same && setting.answer != Answered::No {
            continue;
        }
        set_wrong(fields, question, wrong(reader, question, &answer));
        if let (Ok(id), false) = (question.id.parse(), same) {
            answers.insert(id, answer);
        }
    }
    answers
}

pub(crate) async fn secret(
    At { reader, app }: At,
    Path((_, secret)): Path<(String, String)>,
) -> Response {
    show_secret(&reader, &app, &secret, None)
}

fn show_secret(reader: &Reader, app: &AppPage, secret: &str, value: Option<&str>) -> Response {
    let Some((id, label)) = app.secrets.iter().find(|(id, _)| id.as_str() == secret) else {
        return refused::missing(reader, Chapter::App);
    };
    let name = reader.text(&app.line.name);
    let of_page = context! {
        id => app.line.id.as_str(), name => name.as_str(), secret => id.as_str(), label => reader.text(label), value,
        question => app.settings.iter()
            .any(|setting| setting.question.kind == QuestionKind::Username),
    };
    let title = reader.words().with("secret-title", &[("name", &name)]);
    let mut response = reader.page("secret.html", Chapter::App, &title, of_page);
    let never = axum::http::HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    response
}

/// The one answer to a form that is no redirection: the secret stands on it, and nowhere else.
pub(crate) async fn read_secret(
    State(panel): State<Arc<Panel>>,
    Path((_, secret)): Path<(String, String)>,
    SentAt { sent, session, app }: SentAt,
) -> Response {
    let reader = &sent.reader;
    let back = format!("/apps/{}", app.line.id);
    let Ok(part) = secret.parse::<PartId>() else {
        return refused::missing(reader, Chapter::App);
    };
    let hand = match panel.tokens.take(&sent.form_token) {
        Taken::First(hand) => hand,
        Taken::Done(_) | Taken::InHand => return see(&format!("{back}/secrets/{part}")),
    };
    match panel.admin.read_secret(&session, &app.line.id, &part).await {
        Ok(value) => {
            hand.led_to(&back);
            show_secret(reader, &app, &secret, Some(&value))
        }
        Err(no) => refused::no(reader, Chapter::App, &no, &back),
    }
}
