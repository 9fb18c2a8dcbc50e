//! Snapshots: of one app by date, what is in one, a file of it, and the way back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use lavoir_core::app::Intent;
use lavoir_core::backup::{RepositoryId, SnapshotId, Subject};
use lavoir_core::id::AppId;
use lavoir_core::limits;
use minijinja::{Value, context};
use serde::Deserialize;
use tokio::time::timeout;

use super::act::broke;
use super::app::sentence;
use super::backups::{heading, list_path, named};
use crate::admin::{AppLine, No, NoKind, SnapshotFacts};
use crate::figures::{self, Moment};
use crate::form_token::Taken;
use crate::panel::Panel;
use crate::reader::{Reader, SentBy, SignedIn};
use crate::refused;
use crate::render::{Chapter, see};

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Inside {
    path: String,
    from: usize,
}

/// A disk that sleeps or hangs is not waited for without end.
async fn in_time<T>(answer: impl Future<Output = Result<T, No>>) -> Result<T, No> {
    let limit = Duration::from_millis(limits::SNAPSHOTS_WAIT_MS_MAX);
    match timeout(limit, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(slow()),
    }
}

fn slow() -> No {
    let mut no = broke();
    no.message = lavoir_core::text::Message {
        code: "place-slow".into(),
        sentence: lavoir_core::text::Text::new(
            "L'endroit des sauvegardes met trop de temps à répondre.",
            "The place of the backups takes too long to answer.",
        ),
        next_step: lavoir_core::text::Text::new(
            "Vérifiez que le disque est branché, puis recommencez.",
            "Check that the disk is plugged in, then try again.",
        ),
    };
    no
}

pub(crate) async fn of_app(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Path(id): Path<String>,
    Query(inside): Query<Inside>,
) -> Response {
    match id.parse::<AppId>() {
        Ok(id) => list(&panel, &reader, &Subject::App(id), inside.from).await,
        Err(_) => refused::missing(&reader, Chapter::Backups),
    }
}

pub(crate) async fn of_box(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Query(inside): Query<Inside>,
) -> Response {
    list(&panel, &reader, &Subject::Box, inside.from).await
}

async fn list(panel: &Panel, reader: &Reader, of: &Subject, from: usize) -> Response {
    let backups = match panel.admin.backups().await {
        Ok(backups) => backups,
        Err(no) => return refused::no(reader, Chapter::Backups, &no, "/backups"),
    };
    let apps = panel.admin.apps();
    let line = of
        .app()
        .and_then(|id| apps.iter().find(|app| app.id == *id));
    let asked = backups
        .repositories
        .iter()
        .map(|one| async move { (one, in_time(panel.admin.snapshots(&one.id)).await) });
    let mut found: Vec<(&RepositoryId, SnapshotFacts)> = Vec::new();
    let mut away = Vec::new();
    let mut there = BTreeSet::new();
    for (one, answer) in futures_util::future::join_all(asked).await {
        match answer {
            Ok(all) => {
                there.insert(&one.id);
                let its = all.into_iter().filter(|one| one.of.as_ref() == Some(of));
                found.extend(its.map(|snapshot| (&one.id, snapshot)));
            }
            Err(no) => away.push(context! {
                sentence => reader.text(&no.message.sentence),
                next_step => refused::next_step_or(reader, &no.message, "backups-next-try"),
            }),
        }
    }
    found.sort_by_key(|(_, snapshot)| std::cmp::Reverse(snapshot.at));
    let all = found.len();
    let several = backups.repositories.len() > 1;
    let rows: Vec<Value> = found
        .iter()
        .skip(from)
        .take(limits::SNAPSHOT_ROWS)
        .map(|(repository, snapshot)| {
            let when = reader.calendar.moment(snapshot.at);
            let mut more = Vec::new();
            more.extend(
                snapshot
                    .bytes
                    .map(|bytes| figures::disk(bytes, reader.language)),
            );
            if several {
                let id = repository.as_str();
                more.push(reader.words().with("snapshot-in", &[("id", id)]));
            }
            if !snapshot.own {
                more.push(reader.t("snapshot-other-box"));
            }
            context! {
                when => Moment {
                    words: sentence(&when.words),
                    ..when
                },
                more => more.join(" · "),
                path => format!("/backups/places/{repository}/snapshots/{}", snapshot.id),
            }
        })
        .collect();
    let name = reader.text(&named(&apps, of));
    let title = reader.words().with("snapshots-title", &[("name", &name)]);
    let savable = line.is_none_or(|app| app.doing.is_none() && app.intent != Intent::Removed);
    let places: Vec<Value> = backups
        .repositories
        .iter()
        .filter(|one| there.contains(&one.id))
        .map(|one| {
            let busy = one.round.is_some();
            context! { id => one.id.as_str(), busy }
        })
        .collect();
    let busy = backups.repositories.iter().any(|one| {
        one.round
            .as_ref()
            .is_some_and(|round| round.left.contains(of))
    });
    let of_page = context! {
        rows, away, places, several, busy,
        nowhere => backups.repositories.is_empty(),
        here => line.map(|app| context! { id => app.id.as_str(), name => reader.text(&app.name) }),
        is_box => *of == Subject::Box,
        gone => of.app().is_some() && line.is_none(),
        can_save => savable && (line.is_some() || *of == Subject::Box),
        of => of.to_string(), path => list_path(of),
        older => (from + limits::SNAPSHOT_ROWS < all).then_some(from + limits::SNAPSHOT_ROWS),
        refresh => busy,
    };
    reader.page("snapshots.html", Chapter::Backups, &title, of_page)
}

/// A snapshot that an address names.
struct Found {
    repository: RepositoryId,
    snapshot: SnapshotFacts,
    apps: Vec<AppLine>,
}

impl Found {
    fn path(&self) -> String {
        let (repository, id) = (&self.repository, &self.snapshot.id);
        format!("/backups/places/{repository}/snapshots/{id}")
    }

    fn back(&self) -> String {
        let of = self.snapshot.of.as_ref();
        of.map_or_else(|| "/backups".to_owned(), list_path)
    }

    fn name(&self, reader: &Reader) -> String {
        match &self.snapshot.of {
            Some(of) => heading(reader, &self.apps, of),
            None => reader.t("snapshot-unnamed"),
        }
    }
}

async fn find(
    panel: &Panel,
    reader: &Reader,
    (repository, snapshot): &(String, String),
) -> Result<Found, Response> {
    let missing = || refused::missing(reader, Chapter::Backups);
    let repository: RepositoryId = repository.parse().map_err(|_| missing())?;
    let id: SnapshotId = snapshot.parse().map_err(|_| missing())?;
    let all = in_time(panel.admin.snapshots(&repository)).await;
    let all = all.map_err(|no| refused::no(reader, Chapter::Backups, &no, "/backups"))?;
    let found = all.into_iter().find(|one| one.id == id);
    Ok(Found {
        snapshot: found.ok_or_else(missing)?,
        repository,
        apps: panel.admin.apps(),
    })
}

/// A path inside a snapshot: absolute, plain.
fn sound(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= limits::PLACE_BYTES_MAX
        && !path.split('/').any(|part| part == "..")
}

pub(crate) async fn folder(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Path(at): Path<(String, String)>,
    Query(inside): Query<Inside>,
) -> Response {
    let found = match find(&panel, &reader, &at).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let folder = if inside.path.is_empty() {
        "/"
    } else {
        inside.path.as_str()
    };
    if !sound(folder) {
        return refused::missing(&reader, Chapter::Backups);
    }
    let base = found.path();
    // One more than is shown tells whether there are more.
    let most = limits::SNAPSHOT_ROWS + 1;
    let at = (&found.repository, &found.snapshot.id);
    let listed = in_time(panel.admin.snapshot_folder(at, folder, inside.from, most));
    let listed = match listed.await {
        Ok(listed) => listed,
        Err(no) => return refused::no(&reader, Chapter::Backups, &no, &found.back()),
    };
    let under = folder.trim_end_matches('/');
    let mut left = limits::SNAPSHOT_BYTES_ON_PAGE_MAX;
    let rows: Vec<Value> = listed
        .iter()
        .take(limits::SNAPSHOT_ROWS)
        .map_while(|entry| {
            let inner = format!("{under}/{}", entry.name);
            let can_be_had = inner.starts_with("/data/") || inner.starts_with("/dumps/");
            let link = match (entry.folder, entry.file && can_be_had) {
                (true, _) => Some(format!("{base}?path={}", encoded(&inner))),
                (false, true) => Some(format!("{base}/file?path={}", encoded(&inner))),
                (false, false) => None,
            };
            // One is always shown, so that every page leads on.
            let whole = left == limits::SNAPSHOT_BYTES_ON_PAGE_MAX;
            left =
                left.saturating_sub(entry.name.len() + link.as_ref().map_or(0, String::len) + 100);
            if left == 0 && !whole {
                return None;
            }
            Some(context! {
                name => shown(&entry.name), folder => entry.folder, link,
                size => entry.file.then(|| figures::disk(entry.bytes, reader.language)),
                changed => entry.changed.map(|at| reader.calendar.moment(at)),
            })
        })
        .collect();
    let further = (rows.len() < listed.len()).then(|| {
        let from = inside.from.saturating_add(rows.len());
        format!("{base}?path={}&from={from}", encoded(folder))
    });
    let when = reader.calendar.moment(found.snapshot.at);
    let words = [("name", found.name(&reader)), ("when", when.words)];
    let words = words.each_ref().map(|(key, text)| (*key, text.as_str()));
    let title = reader.words().with("folder-title", &words);
    let app = found.snapshot.of.as_ref().and_then(Subject::app);
    let of_page = context! {
        crumbs => crumbs(&base, folder), rows, further, base => base.as_str(),
        back => found.back(), name => found.name(&reader),
        root => folder == "/", restorable => app.is_some(),
    };
    reader.page("folder.html", Chapter::Backups, &title, of_page)
}

/// A name without signs that would hide or turn what is beside it.
fn shown(name: &str) -> String {
    let odd = |sign: char| {
        sign.is_control()
            || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    name.chars()
        .map(|sign| if odd(sign) { '\u{fffd}' } else { sign })
        .collect()
}

fn crumbs(base: &str, folder: &str) -> Vec<Value> {
    let mut path = String::new();
    let mut all = Vec::new();
    for part in folder.split('/').filter(|part| !part.is_empty()) {
        path = format!("{path}/{part}");
        all.push(
            context! { name => shown(part), link => format!("{base}?path={}", encoded(&path)) },
        );
    }
    all
}

/// For the query of an address (RFC 3986).
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let signs = path.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    signs.collect()
}

pub(crate) async fn file(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Path((repository, snapshot)): Path<(String, String)>,
    Query(inside): Query<Inside>,
) -> Response {
    let (Ok(repository), Ok(id)) = (
        repository.parse::<RepositoryId>(),
        snapshot.parse::<SnapshotId>(),
    ) else {
        return refused::missing(&reader, Chapter::Backups);
    };
    if !sound(&inside.path) {
        return refused::missing(&reader, Chapter::Backups);
    }
    let back = format!("/backups/places/{repository}/snapshots/{id}");
    // As many as follow pages: each holds a reader of the repository.
    let Ok(place) = panel.live.clone().try_acquire_owned() else {
        let mut no = slow();
        no.kind = NoKind::TooOften;
        return refused::no(&reader, Chapter::Backups, &no, &back);
    };
    let stream = in_time(panel.admin.snapshot_file((&repository, &id), &inside.path)).await;
    let stream = match stream {
        Ok(stream) => stream,
        Err(no) => return refused::no(&reader, Chapter::Backups, &no, &back),
    };
    let held = futures_util::StreamExt::inspect(stream, move |_| {
        let _ = &place;
    });
    let name = inside.path.rsplit('/').next().unwrap_or_default();
    let kept = HeaderValue::from_str(&attachment(name));
    let kept = kept.unwrap_or(HeaderValue::from_static("attachment"));
    let mut response = Body::from_stream(held).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_DISPOSITION, kept);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Any name, told so that every browser keeps it (RFC 6266).
fn attachment(name: &str) -> String {
    let plain: String = name
        .chars()
        .take(100)
        .map(|sign| match sign {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '_' | ' ' => sign,
            _ => '_',
        })
        .collect();
    let whole = encoded(&name.replace('/', "_"));
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}")
}

pub(crate) async fn restore_form(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Path(at): Path<(String, String)>,
) -> Response {
    let found = match find(&panel, &reader, &at).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let Some(Subject::App(id)) = &found.snapshot.of else {
        return refused::missing(&reader, Chapter::Backups);
    };
    let line = found.apps.iter().find(|app| app.id == *id);
    let when = reader.calendar.moment(found.snapshot.at).words;
    let name = found.name(&reader);
    let said = |key: &str| {
        let words = [("name", name.as_str()), ("when", when.as_str())];
        reader.words().with(key, &words)
    };
    let (title, happens, kept, back) = match line {
        Some(_) => (
            said("restore-title"),
            said("restore-happens"),
            said("restore-kept"),
            said("restore-back"),
        ),
        None => (
            said("bring-title"),
            said("bring-happens"),
            said("bring-kept"),
            said("bring-back"),
        ),
    };
    let of_page = context! {
        base => found.path(), back_path => found.back(), name => name.as_str(),
        happens, lost => line.map(|_| said("restore-lost")), kept, back,
        list => list_path(&Subject::App(id.clone())),
    };
    reader.page("restore.html", Chapter::Backups, &title, of_page)
}

pub(crate) async fn restore(
    State(panel): State<Arc<Panel>>,
    Path((repository, snapshot)): Path<(String, String)>,
    SentBy(sent, session): SentBy,
) -> Response {
    let reader = &sent.reader;
    let (Ok(repository), Ok(id)) = (
        repository.parse::<RepositoryId>(),
        snapshot.parse::<SnapshotId>(),
    ) else {
        return refused::missing(reader, Chapter::Backups);
    };
    let back = format!("/backups/places/{repository}/snapshots/{id}/restore");
    let hand = match panel.tokens.take(&sent.form_token) {
        Taken::First(hand) => hand,
        Taken::Done(path) => return see(&path),
        Taken::InHand => return see("/backups"),
    };
    let admin = panel.admin.clone();
    let decided = tokio::spawn(async move {
        let decided = admin.restore(&session, (&repository, &id)).await?;
        let to = format!("/apps/{}", decided.app);
        hand.led_to(&to);
        Ok::<_, No>(to)
    });
    match decided.await.unwrap_or_else(|_| Err(broke())) {
        Ok(to) => see(&to),
        Err(no) => refused::no(reader, Chapter::Backups, &no, &back),
    }
}
