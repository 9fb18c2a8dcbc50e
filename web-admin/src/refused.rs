//! Pages that say no, and why.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use lavoir_core::text::Message;
use minijinja::context;

use crate::admin::{No, NoKind};
use crate::reader::Reader;
use crate::render::{Chapter, see};

/// There is no such page.
pub(crate) fn missing(reader: &Reader, chapter: Chapter) -> Response {
    told(reader, StatusCode::NOT_FOUND, chapter, "missing")
}

/// There is no such app, or no more.
pub(crate) fn gone(reader: &Reader) -> Response {
    told(reader, StatusCode::NOT_FOUND, Chapter::Home, "gone")
}

/// A form that cannot be read, is too long, or did not arrive in time.
pub(crate) fn unreadable(reader: &Reader, status: StatusCode) -> Response {
    told(reader, status, Chapter::Home, "unreadable")
}

/// A form of somebody else's page.
pub(crate) fn not_from_here(reader: &Reader) -> Response {
    told(reader, StatusCode::FORBIDDEN, Chapter::Home, "elsewhere")
}

/// A form of a session that is over, or from before a restart.
pub(crate) fn too_old(reader: &Reader) -> Response {
    told(reader, StatusCode::FORBIDDEN, Chapter::Home, "too-old")
}

/// Too many tries.
pub(crate) fn too_often(reader: &Reader) -> Response {
    let mut response = told(
        reader,
        StatusCode::TOO_MANY_REQUESTS,
        Chapter::Door,
        "often",
    );
    let wait = HeaderValue::from_static("60");
    response.headers_mut().insert(header::RETRY_AFTER, wait);
    response
}

fn told(reader: &Reader, status: StatusCode, chapter: Chapter, what: &str) -> Response {
    let title = reader.t(&format!("{what}-title"));
    let of_page = context! {
        sentence => reader.t(&format!("{what}-sentence")),
        next_step => reader.t(&format!("{what}-next")),
        code => None::<String>, operation => None::<String>, back => None::<String>,
        problems => Vec::<String>::new(),
    };
    reader.page_as(status, "message.html", chapter, &title, of_page)
}

/// The status of a "no".
pub(crate) fn status(kind: NoKind) -> StatusCode {
    match kind {
        NoKind::SignedOut | NoKind::Forbidden => StatusCode::FORBIDDEN,
        NoKind::Missing => StatusCode::NOT_FOUND,
        NoKind::Conflict => StatusCode::CONFLICT,
        NoKind::Unfit => StatusCode::UNPROCESSABLE_ENTITY,
        NoKind::TooOften => StatusCode::TOO_MANY_REQUESTS,
        NoKind::Broken => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A "no" of the daemon on a page of its own, with the way back.
pub(crate) fn no(reader: &Reader, chapter: Chapter, no: &No, back: &str) -> Response {
    if no.kind == NoKind::SignedOut {
        return see("/sign-in");
    }
    let title = reader.t(match no.kind {
        NoKind::Broken => "broken-title",
        NoKind::Missing => "missing-title",
        NoKind::Forbidden => "forbidden-title",
        _ => "refused-title",
    });
    let problems: Vec<String> = no
        .problems
        .iter()
        .map(|problem| reader.text(&problem.message.sentence))
        .collect();
    let of_page = context! {
        sentence => reader.text(&no.message.sentence),
        next_step => next_step(reader, &no.message),
        code => no.message.code.as_str(), operation => no.operation.as_deref(), back, problems,
    };
    reader.page_as(status(no.kind), "message.html", chapter, &title, of_page)
}

/// What to do now, for somebody who sits before a page: the core's words are also for the command line, and name its
/// commands. Where they do, the panel has its own.
pub(crate) fn next_step(reader: &Reader, message: &Message) -> String {
    next_step_or(reader, message, "next-here")
}

/// The same, with the panel's own words for where the core names a command.
pub(crate) fn next_step_or(reader: &Reader, message: &Message, own: &str) -> String {
    let key = format!("next-{}", message.code);
    match reader.words().say(&key, None) {
        Ok(words) => words,
        Err(_) if names_a_command(&message.next_step.fr) => reader.t(own),
        Err(_) => reader.text(&message.next_step),
    }
}

fn names_a_command(text: &str) -> bool {
    ["« lavoir", "« systemctl", "« journalctl", " --"]
        .iter()
        .any(|mark| text.contains(mark))
}
