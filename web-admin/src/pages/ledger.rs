//! The ledger as sentences, with filter and search.

use axum::extract::{Query, State};
use axum::response::Response;
use lavoir_core::id::AppId;
use lavoir_core::limits;
use minijinja::context;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::admin::{ActorKind, EntryKind, LedgerAsked, LedgerLine};
use crate::figures::{self, Moment};
use crate::forms::Choice;
use crate::panel::Panel;
use crate::reader::{Reader, SignedIn};
use crate::refused;
use crate::render::Chapter;

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    index: u64,
    number: String,
    sentence: String,
    when: Moment,
    sign: &'static str,
    app: Option<String>,
}

pub(crate) fn row(reader: &Reader, line: &LedgerLine) -> Row {
    Row {
        index: line.index,
        number: figures::number(line.index, reader.language),
        sentence: reader.text(&line.sentence),
        when: reader.calendar.moment(line.time),
        sign: match line.kind {
            EntryKind::Settled => "fine",
            EntryKind::Failed => "grave",
            _ => "",
        },
        app: line.app.as_ref().map(ToString::to_string),
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Looked {
    q: String,
    app: String,
    kind: String,
    by: String,
    before: String,
}

const KINDS: &[(&str, EntryKind, &str)] = &[
    ("decisions", EntryKind::Decisions, "kind-decisions"),
    ("settled", EntryKind::Settled, "kind-settled"),
    ("failed", EntryKind::Failed, "kind-failed"),
    ("secrets", EntryKind::Secrets, "kind-secrets"),
    ("backups", EntryKind::Backups, "kind-backups"),
    ("people", EntryKind::People, "kind-people"),
];
const ACTORS: &[(&str, ActorKind, &str)] = &[
    ("people", ActorKind::People, "by-people"),
    ("box", ActorKind::Box, "by-box"),
];

pub(crate) async fn page(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Query(looked): Query<Looked>,
) -> Response {
    let words: String = looked
        .q
        .trim()
        .chars()
        .take(limits::SEARCH_BYTES_MAX)
        .collect();
    let asked = LedgerAsked {
        words: (!words.is_empty()).then(|| (reader.language, words.clone())),
        app: looked.app.parse::<AppId>().ok(),
        kind: KINDS
            .iter()
            .find(|one| one.0 == looked.kind)
            .map(|one| one.1),
        by: ACTORS
            .iter()
            .find(|one| one.0 == looked.by)
            .map(|one| one.1),
        before: looked.before.parse().ok(),
        limit: limits::LEDGER_ROWS,
    };
    let filtered =
        asked.words.is_some() || asked.app.is_some() || asked.kind.is_some() || asked.by.is_some();
    let first_page = asked.before.is_none();
    let found = match panel.admin.ledger(asked).await {
        Ok(found) => found,
        Err(no) => return refused::no(&reader, Chapter::Ledger, &no, "/ledger"),
    };
    let rows: Vec<Row> = found.lines.iter().map(|line| row(&reader, line)).collect();
    let apps: Vec<Choice> = panel
        .admin
        .apps()
        .iter()
        .map(|app| Choice {
            value: app.id.to_string(),
            label: format!("{} ({})", reader.text(&app.name), app.id),
            chosen: app.id.as_str() == looked.app,
        })
        .collect();
    let choices = |all: Vec<(&str, &str)>, chosen: &str| -> Vec<Choice> {
        let one = |(value, key): (&str, &str)| Choice {
            value: value.to_owned(),
            label: reader.t(key),
            chosen: value == chosen,
        };
        all.into_iter().map(one).collect()
    };
    let of_page = context! {
        size => found.size, root => found.root.as_str(), rows, filtered, first_page,
        looked => words, app => looked.app.as_str(), kind => looked.kind.as_str(),
        by => looked.by.as_str(),
        apps,
        kinds => choices(KINDS.iter().map(|one| (one.0, one.2)).collect(), &looked.kind),
        actors => choices(ACTORS.iter().map(|one| (one.0, one.2)).collect(), &looked.by),
        older => found.older,
    };
    let title = reader.t("ledger-title");
    reader.page("ledger.html", Chapter::Ledger, &title, of_page)
}
