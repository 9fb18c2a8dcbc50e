//! A person's own page: password, open sessions, tokens.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use minijinja::{Value, context};
use std::sync::Arc;
use zeroize::Zeroizing;

use super::door::{password_hint, password_wrong, said, welcome};
use crate::admin::{NewToken, Session, TokenScope};
use crate::form_token::Taken;
use crate::forms::{Choice, Field, Wrong, summary};
use crate::panel::Panel;
use crate::reader::{Reader, SentBy, SignedIn};
use crate::refused;
use crate::render::{Chapter, see};

const DAYS: &[(u32, &str)] = &[
    (7, "days-7"),
    (30, "days-30"),
    (90, "days-90"),
    (365, "days-365"),
];

pub(crate) async fn page(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, session): SignedIn,
) -> Response {
    let forms = Forms::new(&reader);
    show(&panel, &reader, &session, StatusCode::OK, forms).await
}

/// The page's two forms, and what is wrong with no field of theirs.
struct Forms {
    password: Vec<Field>,
    token: Vec<Field>,
    rest: Vec<Wrong>,
}

impl Forms {
    /// Nothing is filled in yet.
    fn new(reader: &Reader) -> Self {
        Self {
            password: password_fields(reader),
            token: token_fields(reader, "", "read", "30"),
            rest: Vec::new(),
        }
    }
}

fn password_fields(reader: &Reader) -> Vec<Field> {
    let field = |id: &str, key: &str, autocomplete| Field {
        id: id.into(),
        kind: "password",
        label: reader.t(key),
        required: true,
        autocomplete,
        ..Field::default()
    };
    let mut fields = vec![
        field("old", "account-old", "current-password"),
        field("new", "account-new", "new-password"),
        field("again", "first-again", "new-password"),
    ];
    fields[1].hint = Some(password_hint(reader));
    fields
}

fn token_fields(reader: &Reader, label: &str, scope: &str, days: &str) -> Vec<Field> {
    let choice = |value: &str, key: &str, chosen: &str| Choice {
        value: value.to_owned(),
        label: reader.t(key),
        chosen: value == chosen,
    };
    vec![
        Field {
            id: "label".into(),
            kind: "text",
            label: reader.t("token-label"),
            hint: Some(reader.t("token-label-hint")),
            value: label.to_owned(),
            required: true,
            autocomplete: "off",
            max: Some(60),
            ..Field::default()
        },
        Field {
            id: "scope".into(),
            kind: "choice",
            label: reader.t("token-scope"),
            required: true,
            choices: vec![
                choice("read", "scope-read", scope),
                choice("act", "scope-act", scope),
            ],
            ..Field::default()
        },
        Field {
            id: "days".into(),
            kind: "choice",
            label: reader.t("token-days"),
            required: true,
            choices: DAYS
                .iter()
                .map(|(n, key)| choice(&n.to_string(), key, days))
                .collect(),
            ..Field::default()
        },
    ]
}

async fn show(
    panel: &Panel,
    reader: &Reader,
    session: &Session,
    status: StatusCode,
    forms: Forms,
) -> Response {
    let account = match panel.admin.account(session).await {
        Ok(account) => account,
        Err(no) => return refused::no(reader, Chapter::Account, &no, "/"),
    };
    let calendar = &reader.calendar;
    let sessions: Vec<Value> = account
        .sessions
        .iter()
        .map(|one| {
            context! {
                browser => browser(&one.browser), this => one.id == session.id,
                since => calendar.moment(one.since), last_used => calendar.moment(one.last_used),
            }
        })
        .collect();
    let tokens: Vec<Value> = account
        .tokens
        .iter()
        .map(|one| {
            context! {
                id => one.id, label => one.label.as_str(),
                scope => reader.t(match one.scope {
                    TokenScope::Read => "scope-read",
                    TokenScope::Act => "scope-act",
                }),
                ends => calendar.moment(one.ends),
                last_used => one.last_used.map(|at| calendar.moment(at)),
            }
        })
        .collect();
    let mut wrong = summary(&forms.password, Vec::new());
    wrong.extend(summary(&forms.token, forms.rest));
    let of_page = context! {
        password => forms.password, token => forms.token, sessions, tokens, wrong,
        name => session.name.as_str(),
    };
    let title = reader.t("account-title");
    reader.page_as(status, "account.html", Chapter::Account, &title, of_page)
}

/// The browser's family: what a person knows it by.
fn browser(said: &str) -> String {
    let families = [
        ("Firefox/", "Firefox"),
        ("Edg/", "Edge"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("w3m/", "w3m"),
        ("Lynx/", "Lynx"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |of: &[(&str, &str)]| {
        of.iter()
            .find(|(mark, _)| said.contains(mark))
            .map(|(_, name)| (*name).to_owned())
    };
    match (find(&families), find(&systems)) {
        (Some(family), Some(system)) => format!("{family}, {system}"),
        (Some(family), None) => family,
        _ => said.chars().take(40).collect(),
    }
}

pub(crate) async fn change_password(
    State(panel): State<Arc<Panel>>,
    SentBy(sent, session): SentBy,
) -> Response {
    let reader = &sent.reader;
    let mut forms = Forms::new(reader);
    let fields = &mut forms.password;
    let (old, new, again) = (sent.raw("old"), sent.raw("new"), sent.raw("again"));
    fields[0].error = old.is_empty().then(|| reader.t("wrong-empty"));
    fields[1].error = password_wrong(reader, new);
    fields[2].error = (new != again).then(|| reader.t("wrong-again"));
    if fields.iter().any(|field| field.error.is_some()) {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(&panel, reader, &session, status, forms).await;
    }
    // The old password can be guessed here as at the door.
    let Some(one_try) = panel.throttle.try_from(reader.from).await else {
        return refused::too_often(reader);
    };
    let (old, new) = (
        Zeroizing::new(old.to_owned()),
        Zeroizing::new(new.to_owned()),
    );
    match panel.admin.change_password(&session, old, new).await {
        Ok(new) => {
            one_try.right();
            welcome(&new, "/account")
        }
        Err(no) => {
            forms.rest = said(reader, &mut forms.password, &no);
            let status = refused::status(no.kind);
            show(&panel, reader, &session, status, forms).await
        }
    }
}

pub(crate) async fn end_others(
    State(panel): State<Arc<Panel>>,
    SentBy(sent, session): SentBy,
) -> Response {
    match panel.admin.end_other_sessions(&session).await {
        Ok(()) => see("/account"),
        Err(no) => refused::no(&sent.reader, Chapter::Account, &no, "/account"),
    }
}

pub(crate) async fn make_token(
    State(panel): State<Arc<Panel>>,
    SentBy(sent, session): SentBy,
) -> Response {
    let reader = &sent.reader;
    let (label, scope, days) = (sent.get("label"), sent.get("scope"), sent.get("days"));
    let mut forms = Forms {
        token: token_fields(reader, label, scope, days),
        ..Forms::new(reader)
    };
    let fields = &mut forms.token;
    let asked_scope = match scope {
        "read" => Some(TokenScope::Read),
        "act" => Some(TokenScope::Act),
        _ => None,
    };
    let asked_days = DAYS
        .iter()
        .find(|(n, _)| n.to_string() == days)
        .map(|one| one.0);
    let unsound = label.chars().count() > 60 || label.chars().any(char::is_control);
    if label.is_empty() || unsound {
        fields[0].error = Some(reader.t(if unsound {
            "wrong-signs"
        } else {
            "wrong-empty"
        }));
    }
    let choose = |is_none: bool| is_none.then(|| reader.t("wrong-choose"));
    fields[1].error = choose(asked_scope.is_none());
    fields[2].error = choose(asked_days.is_none());
    let sound = !fields.iter().any(|field| field.error.is_some());
    let (Some(scope), Some(days), true) = (asked_scope, asked_days, sound) else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(&panel, reader, &session, status, forms).await;
    };
    let hand = match panel.tokens.take(&sent.form_token) {
        Taken::First(hand) => hand,
        Taken::Done(_) | Taken::InHand => return see("/account"),
    };
    let asked = NewToken {
        label: label.to_owned(),
        scope,
        days,
    };
    match panel.admin.make_token(&session, asked).await {
        Ok(value) => {
            hand.led_to("/account");
            let of_page = context! { value => value.as_str(), label };
            let title = reader.t("token-title");
            reader.page("token.html", Chapter::Account, &title, of_page)
        }
        Err(no) => {
            forms.rest = said(reader, &mut forms.token, &no);
            let status = refused::status(no.kind);
            show(&panel, reader, &session, status, forms).await
        }
    }
}

pub(crate) async fn end_token(
    State(panel): State<Arc<Panel>>,
    Path(id): Path<u64>,
    SentBy(sent, session): SentBy,
) -> Response {
    match panel.admin.end_token(&session, id).await {
        Ok(()) => see("/account"),
        Err(no) => refused::no(&sent.reader, Chapter::Account, &no, "/account"),
    }
}
