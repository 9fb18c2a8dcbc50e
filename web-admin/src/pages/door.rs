//! The door: first visit, sign in, sign out, language.

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use lavoir_core::limits;
use minijinja::context;
use serde::Deserialize;
use std::sync::Arc;
use zeroize::Zeroizing;

use crate::admin::{Credentials, FirstAccount, NewSession, No};
use crate::forms::{Field, Wrong, place, summary};
use crate::panel::Panel;
use crate::reader::{Reader, Sent, form, ours};
use crate::render::{Chapter, see};
use crate::{cookies, language, refused};

/// The set-up code makes the first account, or gives the one there is a new password.
pub(crate) async fn first(reader: Reader) -> Response {
    if !reader.about.code_waits {
        return see("/");
    }
    let fields = first_fields(&reader, "", "");
    show_first(&reader, StatusCode::OK, &fields, Vec::new())
}

fn first_fields(reader: &Reader, code: &str, name: &str) -> Vec<Field> {
    let (code_hint, name_hint, new_password) = match reader.about.no_account {
        true => ("first-code-hint", "first-name-hint", "first-password"),
        false => ("reset-code-hint", "reset-name-hint", "reset-password"),
    };
    vec![
        Field {
            id: "code".into(),
            kind: "text",
            label: reader.t("first-code"),
            hint: Some(reader.t(code_hint)),
            value: code.to_owned(),
            required: true,
            autocomplete: "one-time-code",
            ..Field::default()
        },
        Field {
            id: "name".into(),
            kind: "text",
            label: reader.t("first-name"),
            hint: Some(reader.t(name_hint)),
            value: name.to_owned(),
            required: true,
            autocomplete: "username",
            ..Field::default()
        },
        Field {
            id: "password".into(),
            kind: "password",
            label: reader.t(new_password),
            hint: Some(password_hint(reader)),
            required: true,
            autocomplete: "new-password",
            ..Field::default()
        },
        Field {
            id: "again".into(),
            kind: "password",
            label: reader.t("first-again"),
            required: true,
            autocomplete: "new-password",
            ..Field::default()
        },
    ]
}

pub(crate) fn password_hint(reader: &Reader) -> String {
    let min = limits::PASSWORD_MIN.to_string();
    reader.words().with("password-hint", &[("min", &min)])
}

fn show_first(reader: &Reader, status: StatusCode, fields: &[Field], rest: Vec<Wrong>) -> Response {
    let lead = match reader.about.no_account {
        true => reader.t("first-lead"),
        false => reader.t("reset-lead"),
    };
    let of_page = context! { fields => fields.to_vec(), wrong => summary(fields, rest), lead };
    let title = reader.t("first-title");
    reader.page_as(status, "first.html", Chapter::Door, &title, of_page)
}

pub(crate) async fn open_first_account(State(panel): State<Arc<Panel>>, sent: Sent) -> Response {
    let reader = &sent.reader;
    if !reader.about.code_waits {
        return see("/");
    }
    let mut fields = first_fields(reader, sent.get("code"), sent.get("name"));
    let (password, again) = (sent.raw("password"), sent.raw("again"));
    let words = reader.words();
    fields[0].error = sent
        .get("code")
        .is_empty()
        .then(|| words.plain("wrong-empty"));
    fields[1].error = name_wrong(reader, sent.get("name"));
    fields[2].error = password_wrong(reader, password);
    fields[3].error = (password != again).then(|| words.plain("wrong-again"));
    if fields.iter().any(|field| field.error.is_some()) {
        return show_first(
            reader,
            StatusCode::UNPROCESSABLE_ENTITY,
            &fields,
            Vec::new(),
        );
    }
    let Some(one_try) = panel.throttle.try_from(reader.from).await else {
        return refused::too_often(reader);
    };
    let given = FirstAccount {
        // As it is read aloud: in small letters, with spaces.
        code: Zeroizing::new(sent.get("code").to_uppercase()),
        name: sent.get("name").to_owned(),
        password: Zeroizing::new(password.to_owned()),
        from: reader.from,
        browser: reader.browser.clone(),
    };
    match panel.admin.open_first_account(given).await {
        Ok(new) => {
            one_try.right();
            welcome(&new, "/")
        }
        Err(no) => {
            let rest = said(reader, &mut fields, &no);
            show_first(reader, refused::status(no.kind), &fields, rest)
        }
    }
}

/// Puts a "no" beside its fields; one that is about none stands in the summary.
pub(crate) fn said(reader: &Reader, fields: &mut [Field], no: &No) -> Vec<Wrong> {
    if no.problems.is_empty() {
        let next = refused::next_step(reader, &no.message);
        return vec![Wrong {
            at: None,
            text: format!("{} {next}", reader.text(&no.message.sentence)),
        }];
    }
    place(reader, fields, &no.problems)
}

fn name_wrong(reader: &Reader, name: &str) -> Option<String> {
    let words = reader.words();
    let max = limits::PERSON_NAME_MAX;
    match name.chars().count() {
        0 => Some(words.plain("wrong-empty")),
        n if n > max => Some(words.with("wrong-long", &[("max", &max.to_string())])),
        _ => name
            .chars()
            .any(char::is_control)
            .then(|| words.plain("wrong-signs")),
    }
}

pub(crate) fn password_wrong(reader: &Reader, password: &str) -> Option<String> {
    let words = reader.words();
    let (min, max) = (limits::PASSWORD_MIN, limits::PASSWORD_MAX);
    match password.chars().count() {
        0 => Some(words.plain("wrong-empty")),
        n if n < min => Some(words.with("wrong-short", &[("min", &min.to_string())])),
        n if n > max => Some(words.with("wrong-long", &[("max", &max.to_string())])),
        _ => None,
    }
}

/// A new key at every sign-in: one that was planted before is worth nothing.
pub(crate) fn welcome(new: &NewSession, path: &str) -> Response {
    let mut response = see(path);
    let headers = response.headers_mut();
    let session = cookies::set(cookies::SESSION, &new.token, Some(new.lasts_s));
    for cookie in [session, cookies::gone(cookies::VISIT)]
        .into_iter()
        .flatten()
    {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

pub(crate) async fn sign_in(reader: Reader, Query(Next { next }): Query<Next>) -> Response {
    if reader.about.no_account {
        return see("/first");
    }
    if reader.session.is_some() {
        return see("/");
    }
    let fields = sign_in_fields(&reader, "");
    show_sign_in(&reader, StatusCode::OK, &fields, Vec::new(), &next)
}

fn sign_in_fields(reader: &Reader, name: &str) -> Vec<Field> {
    vec![
        Field {
            id: "name".into(),
            kind: "text",
            label: reader.t("sign-in-name"),
            value: name.to_owned(),
            required: true,
            autocomplete: "username",
            ..Field::default()
        },
        Field {
            id: "password".into(),
            kind: "password",
            label: reader.t("sign-in-password"),
            required: true,
            autocomplete: "current-password",
            ..Field::default()
        },
    ]
}

fn show_sign_in(
    reader: &Reader,
    status: StatusCode,
    fields: &[Field],
    rest: Vec<Wrong>,
    next: &str,
) -> Response {
    let of_page = context! {
        fields => fields.to_vec(), wrong => summary(fields, rest), next => ours(next).unwrap_or("/"),
        code_waits => reader.about.code_waits,
    };
    let title = reader.t("sign-in-title");
    reader.page_as(status, "sign-in.html", Chapter::Door, &title, of_page)
}

pub(crate) async fn come_in(State(panel): State<Arc<Panel>>, sent: Sent) -> Response {
    let reader = &sent.reader;
    let mut fields = sign_in_fields(reader, sent.get("name"));
    let (name, password, next) = (sent.get("name"), sent.raw("password"), sent.get("next"));
    let empty = |text: &str| text.is_empty().then(|| reader.t("wrong-empty"));
    fields[0].error = empty(name);
    fields[1].error = empty(password);
    let long = password.chars().count() > limits::PASSWORD_MAX
        || name.chars().count() > limits::PERSON_NAME_MAX;
    if fields.iter().any(|field| field.error.is_some()) {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show_sign_in(reader, status, &fields, Vec::new(), next);
    }
    let Some(one_try) = panel.throttle.try_from(reader.from).await else {
        return refused::too_often(reader);
    };
    let given = Credentials {
        name: name.to_owned(),
        // Nobody's password is that long: it costs no more than another wrong one.
        password: Zeroizing::new(if long {
            String::new()
        } else {
            password.to_owned()
        }),
        from: reader.from,
        browser: reader.browser.clone(),
    };
    match panel.admin.sign_in(given).await {
        Ok(new) => {
            one_try.right();
            welcome(&new, ours(next).unwrap_or("/"))
        }
        Err(no) => {
            let rest = said(reader, &mut fields, &no);
            show_sign_in(reader, refused::status(no.kind), &fields, rest, next)
        }
    }
}

pub(crate) async fn sign_out(
    State(panel): State<Arc<Panel>>,
    headers: HeaderMap,
    _sent: Sent,
) -> Response {
    if let Some(token) = cookies::get(&headers, cookies::SESSION) {
        panel.admin.sign_out(token).await;
    }
    let mut response = see("/sign-in");
    if let Some(cookie) = cookies::gone(cookies::SESSION) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[derive(Deserialize)]
pub(crate) struct Chosen {
    language: String,
    #[serde(default)]
    back: String,
}

/// Harmless, so that it needs no token: every page has this form, also those that no session stands behind.
pub(crate) async fn language(reader: Reader, request: Request) -> Response {
    let chosen: Chosen = match form(&reader, request, limits::LANGUAGE_FORM_BYTES_MAX).await {
        Ok(chosen) => chosen,
        Err(no) => return no,
    };
    let mut response = see(ours(&chosen.back).unwrap_or("/"));
    if matches!(chosen.language.as_str(), "fr" | "en")
        && let Some(cookie) = cookies::set(language::COOKIE, &chosen.language, Some(31_536_000))
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
