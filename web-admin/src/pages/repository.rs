//! One place of backups: adding it, its key, its settings, letting go of it; rounds begun and cancelled.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use lavoir_core::backup::{KeepRule, RepositoryId, Subject};
use lavoir_core::limits;
use minijinja::context;
use zeroize::Zeroizing;

use super::act::broke;
use super::backups::{kept, list_path};
use crate::admin::{BackupAct, NewPlace, No, RepositoryFacts, Session};
use crate::form_token::Taken;
use crate::forms::{Choice, Field, Wrong, place, summary};
use crate::panel::Panel;
use crate::reader::{Reader, Sent, SentBy, SignedIn};
use crate::refused;
use crate::render::{Chapter, see};

const ALL: &str = "/backups";
/// Rhythms that are offered, in nights.
const RHYTHMS: &[(u32, &str)] = &[
    (1, "rhythm-nightly"),
    (2, "rhythm-second"),
    (7, "rhythm-weekly"),
];

/// Has it decided once, however often the form is sent; what was begun is finished also when the browser goes away.
///
/// # Errors
/// What was refused.
async fn once(
    panel: &Panel,
    sent: &Sent,
    session: Session,
    act: BackupAct,
    to: String,
) -> Result<Response, No> {
    let hand = match panel.tokens.take(&sent.form_token) {
        Taken::First(hand) => hand,
        Taken::Done(path) => return Ok(see(&path)),
        Taken::InHand => return Ok(see(ALL)),
    };
    let admin = panel.admin.clone();
    let decided = tokio::spawn(async move {
        admin.act_on_backups(&session, act).await?;
        hand.led_to(&to);
        Ok(see(&to))
    });
    decided.await.unwrap_or_else(|_| Err(broke()))
}

async fn find(panel: &Panel, reader: &Reader, id: &str) -> Result<RepositoryFacts, Response> {
    let all = panel.admin.backups().await;
    let all = all.map_err(|no| refused::no(reader, Chapter::Backups, &no, ALL))?;
    let found = all
        .repositories
        .into_iter()
        .find(|one| one.id.as_str() == id);
    found.ok_or_else(|| refused::missing(reader, Chapter::Backups))
}

fn rhythm_field(reader: &Reader, chosen: &str) -> Field {
    let mut choices: Vec<Choice> = RHYTHMS
        .iter()
        .map(|(nights, key)| Choice {
            value: nights.to_string(),
            label: reader.t(key),
            chosen: nights.to_string() == chosen,
        })
        .collect();
    // One that was chosen on the command line.
    if let Ok(nights) = chosen.parse::<u32>()
        && !choices.iter().any(|choice| choice.chosen)
    {
        choices.push(Choice {
            value: chosen.to_owned(),
            label: reader.words().count("place-rhythm", nights.into()),
            chosen: true,
        });
    }
    Field {
        id: "rhythm".into(),
        kind: "choice",
        label: reader.t("add-rhythm"),
        required: true,
        choices,
        ..Field::default()
    }
}

fn rhythm(reader: &Reader, field: &mut Field, typed: &str) -> u32 {
    match typed.parse::<u32>() {
        Ok(nights) if (1..=limits::BACKUP_NIGHTS_MAX).contains(&nights) => nights,
        _ => {
            field.error = Some(reader.t("wrong-choose"));
            1
        }
    }
}

fn add_fields(reader: &Reader, path: &str, name: &str, rhythm: &str) -> Vec<Field> {
    let text = |id: &str, kind: &'static str, label: &str, hint: &str, value: &str| Field {
        id: id.into(),
        kind,
        label: reader.t(label),
        hint: Some(reader.t(hint)),
        value: value.to_owned(),
        required: true,
        autocomplete: "off",
        ..Field::default()
    };
    vec![
        text("path", "address", "add-path", "add-path-hint", path),
        text("name", "address", "add-name", "add-name-hint", name),
        rhythm_field(reader, rhythm),
        Field {
            required: false,
            ..text("key", "password", "add-key", "add-key-hint", "")
        },
    ]
}

pub(crate) async fn add_form(SignedIn(reader, _): SignedIn) -> Response {
    let fields = add_fields(&reader, "", &reader.t("add-name-example"), "1");
    show_add(&reader, StatusCode::OK, &fields, Vec::new())
}

fn show_add(reader: &Reader, status: StatusCode, fields: &[Field], rest: Vec<Wrong>) -> Response {
    let of_page = context! { fields => fields.to_vec(), wrong => summary(fields, rest) };
    let title = reader.t("add-title");
    reader.page_as(status, "backup-add.html", Chapter::Backups, &title, of_page)
}

pub(crate) async fn add(
    State(panel): State<Arc<Panel>>,
    SentBy(sent, session): SentBy,
) -> Response {
    let reader = &sent.reader;
    let (path, name) = (sent.get("path"), sent.get("name"));
    let mut fields = add_fields(reader, path, name, sent.get("rhythm"));
    if path.is_empty() {
        fields[0].error = Some(reader.t("wrong-empty"));
    } else if !path.starts_with('/') {
        fields[0].error = Some(reader.t("wrong-path"));
    }
    let repository = name.parse::<RepositoryId>();
    if name.is_empty() {
        fields[1].error = Some(reader.t("wrong-empty"));
    } else if repository.is_err() {
        fields[1].error = Some(reader.t("wrong-place-name"));
    }
    let every_nights = rhythm(reader, &mut fields[2], sent.get("rhythm"));
    let wrong = fields.iter().any(|field| field.error.is_some());
    let (Ok(repository), false) = (repository, wrong) else {
        return show_add(
            reader,
            StatusCode::UNPROCESSABLE_ENTITY,
            &fields,
            Vec::new(),
        );
    };
    let key = sent.get("key");
    let to = format!("{ALL}/places/{repository}/key");
    let act = BackupAct::Add(NewPlace {
        repository,
        path: path.to_owned(),
        every_nights,
        key: (!key.is_empty()).then(|| Zeroizing::new(key.to_owned())),
    });
    match once(&panel, &sent, session, act, to).await {
        Ok(response) => response,
        Err(no) => {
            let mut rest = place(reader, &mut fields, &no.problems);
            if no.problems.is_empty() {
                let next = refused::next_step_or(reader, &no.message, "backups-next-try");
                let text = format!("{} {next}", reader.text(&no.message.sentence));
                rest.push(Wrong { at: None, text });
            }
            show_add(reader, refused::status(no.kind), &fields, rest)
        }
    }
}

pub(crate) async fn key(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Path(id): Path<String>,
) -> Response {
    match find(&panel, &reader, &id).await {
        Ok(one) => show_key(&reader, &one, None),
        Err(response) => response,
    }
}

fn show_key(reader: &Reader, one: &RepositoryFacts, value: Option<&str>) -> Response {
    // By fours, as it is copied onto paper; the whole is what is taken along with the pointer.
    let by_fours = value.map(|value| {
        let signs: Vec<char> = value.chars().collect();
        let fours: Vec<String> = signs.chunks(4).map(|four| four.iter().collect()).collect();
        fours.join(" ")
    });
    let of_page = context! {
        id => one.id.as_str(), path => one.place.as_str(), value, by_fours,
        new => one.saved.is_empty(),
    };
    let title = reader.words().with("key-title", &[("id", one.id.as_str())]);
    let mut response = reader.page("backup-key.html", Chapter::Backups, &title, of_page);
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, never);
    response
}

/// The answer is no redirection: the key stands on it, and nowhere else.
pub(crate) async fn read_key(
    State(panel): State<Arc<Panel>>,
    Path(id): Path<String>,
    SentBy(sent, session): SentBy,
) -> Response {
    let reader = &sent.reader;
    let one = match find(&panel, reader, &id).await {
        Ok(one) => one,
        Err(response) => return response,
    };
    let hand = match panel.tokens.take(&sent.form_token) {
        Taken::First(hand) => hand,
        Taken::Done(_) | Taken::InHand => return see(&format!("{ALL}/places/{}/key", one.id)),
    };
    match panel.admin.read_repository_key(&session, &one.id).await {
        Ok(value) => {
            hand.led_to(ALL);
            show_key(reader, &one, Some(&value))
        }
        Err(no) => refused::no(reader, Chapter::Backups, &no, ALL),
    }
}

const RULE: [&str; 5] = ["last", "daily", "weekly", "monthly", "yearly"];

fn setting_fields(reader: &Reader, rhythm: &str, rule: [&str; 5]) -> Vec<Field> {
    let labels = [
        "settings-last",
        "settings-daily",
        "settings-weekly",
        "settings-monthly",
        "settings-yearly",
    ];
    let numbers = RULE.iter().zip(labels).zip(rule);
    let numbers = numbers.map(|((id, label), value)| Field {
        id: (*id).to_owned(),
        kind: "number",
        label: reader.t(label),
        value: value.to_owned(),
        required: true,
        autocomplete: "off",
        ..Field::default()
    });
    std::iter::once(rhythm_field(reader, rhythm))
        .chain(numbers)
        .collect()
}

pub(crate) async fn settings(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Path(id): Path<String>,
) -> Response {
    let one = match find(&panel, &reader, &id).await {
        Ok(one) => one,
        Err(response) => return response,
    };
    let keep = one.keep;
    let rule = [
        keep.last,
        keep.daily,
        keep.weekly,
        keep.monthly,
        keep.yearly,
    ];
    let rule = rule.map(|n| n.to_string());
    let rule = rule.each_ref().map(String::as_str);
    let fields = setting_fields(&reader, &one.every_nights.to_string(), rule);
    show_settings(&reader, StatusCode::OK, &one, &fields, Vec::new())
}

fn show_settings(
    reader: &Reader,
    status: StatusCode,
    one: &RepositoryFacts,
    fields: &[Field],
    rest: Vec<Wrong>,
) -> Response {
    let of_page = context! {
        id => one.id.as_str(), fields => fields.to_vec(), wrong => summary(fields, rest),
        kept => kept(reader, &one.keep),
    };
    let title = reader
        .words()
        .with("place-settings-title", &[("id", one.id.as_str())]);
    let template = "backup-settings.html";
    reader.page_as(status, template, Chapter::Backups, &title, of_page)
}

pub(crate) async fn change(
    State(panel): State<Arc<Panel>>,
    Path(id): Path<String>,
    SentBy(sent, session): SentBy,
) -> Response {
    let reader = &sent.reader;
    let one = match find(&panel, reader, &id).await {
        Ok(one) => one,
        Err(response) => return response,
    };
    let typed = RULE.map(|id| sent.get(id));
    let mut fields = setting_fields(reader, sent.get("rhythm"), typed);
    let every_nights = rhythm(reader, &mut fields[0], sent.get("rhythm"));
    let mut rule = [0u32; 5];
    let max = limits::SNAPSHOTS_KEPT_MAX;
    for ((n, text), field) in rule.iter_mut().zip(typed).zip(&mut fields[1..]) {
        field.error = match text.parse::<u32>() {
            Ok(number) if number <= max => {
                *n = number;
                None
            }
            Ok(_) => {
                let max = max.to_string();
                Some(reader.words().with("wrong-large", &[("max", &max)]))
            }
            Err(_) => Some(reader.t("wrong-number")),
        };
    }
    if fields.iter().all(|field| field.error.is_none()) && rule == [0; 5] {
        fields[1].error = Some(reader.t("wrong-keep"));
    }
    if fields.iter().any(|field| field.error.is_some()) {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show_settings(reader, status, &one, &fields, Vec::new());
    }
    let [last, daily, weekly, monthly, yearly] = rule;
    let act = BackupAct::Change {
        repository: one.id.clone(),
        every_nights,
        keep: KeepRule {
            last,
            daily,
            weekly,
            monthly,
            yearly,
        },
    };
    match once(&panel, &sent, session, act, ALL.to_owned()).await {
        Ok(response) => response,
        Err(no) => {
            let text = reader.text(&no.message.sentence);
            let rest = vec![Wrong { at: None, text }];
            show_settings(reader, refused::status(no.kind), &one, &fields, rest)
        }
    }
}

pub(crate) async fn remove_form(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Path(id): Path<String>,
) -> Response {
    let one = match find(&panel, &reader, &id).await {
        Ok(one) => one,
        Err(response) => return response,
    };
    let of_page = context! { id => one.id.as_str(), path => one.place.as_str() };
    let title = reader
        .words()
        .with("place-remove-title", &[("id", one.id.as_str())]);
    reader.page("backup-remove.html", Chapter::Backups, &title, of_page)
}

pub(crate) async fn remove(
    State(panel): State<Arc<Panel>>,
    Path(id): Path<String>,
    SentBy(sent, session): SentBy,
) -> Response {
    let act = id.parse().ok().map(BackupAct::Remove);
    simple(&panel, sent, session, act, ALL.to_owned()).await
}

pub(crate) async fn cancel(
    State(panel): State<Arc<Panel>>,
    Path(id): Path<String>,
    SentBy(sent, session): SentBy,
) -> Response {
    let act = id.parse().ok().map(BackupAct::Cancel);
    simple(&panel, sent, session, act, ALL.to_owned()).await
}

/// Everything, or the one thing that the form names.
pub(crate) async fn now(
    State(panel): State<Arc<Panel>>,
    Path(id): Path<String>,
    SentBy(sent, session): SentBy,
) -> Response {
    let of: Option<Subject> = sent.get("of").parse().ok();
    let to = of.as_ref().map_or_else(|| ALL.to_owned(), list_path);
    let act = id.parse().ok().map(|id| BackupAct::BackUp(id, of));
    simple(&panel, sent, session, act, to).await
}

async fn simple(
    panel: &Panel,
    sent: Sent,
    session: Session,
    act: Option<BackupAct>,
    to: String,
) -> Response {
    let Some(act) = act else {
        return refused::missing(&sent.reader, Chapter::Backups);
    };
    match once(panel, &sent, session, act, to.clone()).await {
        Ok(response) => response,
        Err(no) => refused::no(&sent.reader, Chapter::Backups, &no, &to),
    }
}
