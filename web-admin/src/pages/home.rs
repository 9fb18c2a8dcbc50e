//! The first page: what needs somebody, what runs, how the machine is.

use axum::extract::State;
use axum::response::Response;
use lavoir_core::app::Intent;
use lavoir_core::backup::Concern;
use lavoir_core::standing::Sign;
use lavoir_core::text::Language;
use minijinja::context;
use serde::Serialize;
use std::sync::Arc;

use crate::admin::{About, Amount, AppLine, Health};
use crate::figures;
use crate::panel::Panel;
use crate::reader::{Reader, SignedIn};
use crate::render::Chapter;

/// More of them about backups are told as one.
const CONCERNS_MAX: usize = 3;

/// An app as a row.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) open: bool,
    pub(crate) sign: &'static str,
    pub(crate) state: String,
    pub(crate) version: String,
}

/// Something that waits for a person.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Waiting {
    sentence: String,
    link: String,
    words: String,
    grave: bool,
}

pub(crate) async fn home(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
) -> Response {
    let apps = panel.admin.apps();
    let mut waiting = waiting(&reader, &apps);
    let concerns = panel.admin.backup_concerns();
    let grave = |concern: &Concern| concern.is_grave() && *concern != Concern::Nowhere;
    let of_backups = |sentence: String, grave: bool| Waiting {
        sentence,
        link: "/backups".into(),
        words: reader.t("home-see-backups"),
        grave,
    };
    if concerns.len() > CONCERNS_MAX {
        // A disk that is away makes all of them late: that is one thing to do.
        let n = concerns.len() as u64;
        let sentence = reader.words().count("home-backups-many", n);
        waiting.push(of_backups(sentence, concerns.iter().any(grave)));
    } else {
        waiting.extend(concerns.iter().map(|concern| {
            let sentence = super::backups::said(&reader, &apps, concern);
            of_backups(sentence, grave(concern))
        }));
    }
    // What is broken comes first.
    waiting.sort_by_key(|one| !one.grave);
    let (busy, open) = (
        count(&apps, |app| app.sign == Sign::Busy),
        count(&apps, |app| app.open),
    );
    let title = match (waiting.len(), busy) {
        (0, 0) => reader.t("home-well"),
        (0, _) => reader.words().count("home-busy", busy),
        (n, _) => reader.words().count("home-waiting", n as u64),
    };
    let present: Vec<Row> = apps
        .iter()
        .filter(|app| app.intent != Intent::Removed)
        .map(|app| row(&reader, app))
        .collect();
    let removed: Vec<Row> = apps
        .iter()
        .filter(|app| app.intent == Intent::Removed)
        .map(|app| row(&reader, app))
        .collect();
    let of_page = context! {
        lead => if apps.is_empty() { reader.t("home-none") } else { reader.words().count("home-open", open) },
        waiting, present, removed,
        machine => machine_line(&reader, &reader.about),
        refresh => busy > 0,
    };
    reader.page("home.html", Chapter::Home, &title, of_page)
}

fn count(apps: &[AppLine], which: impl Fn(&AppLine) -> bool) -> u64 {
    apps.iter().filter(|app| which(app)).count() as u64
}

/// The sign's class in the sheet.
pub(crate) fn class(sign: Sign) -> &'static str {
    match sign {
        Sign::Fine => "fine",
        Sign::Busy => "busy",
        Sign::Rest => "rest",
        Sign::Warn => "warn",
        Sign::Grave => "grave",
    }
}

pub(crate) fn row(reader: &Reader, app: &AppLine) -> Row {
    let (sign, state) = standing(reader, app);
    Row {
        id: app.id.to_string(),
        name: reader.text(&app.name),
        host: app.host.to_string(),
        open: app.open,
        sign,
        state,
        version: short(&app.version).to_owned(),
    }
}

/// How an app stands, with how far it has come, and what is seen of its containers where that is not the same.
pub(crate) fn standing(reader: &Reader, app: &AppLine) -> (&'static str, String) {
    if let (Sign::Busy, Some((done, all))) = (app.sign, app.steps) {
        let at = (done + 1).min(all).to_string();
        let words = [
            ("doing", reader.text(&app.state)),
            ("step", at),
            ("all", all.to_string()),
        ];
        let words: Vec<(&str, &str)> = words.iter().map(|(k, v)| (*k, v.as_str())).collect();
        return ("busy", reader.words().with("state-step", &words));
    }
    match (app.sign, app.health) {
        (Sign::Fine, Health::Unwell) => ("warn", reader.t("state-unwell")),
        (Sign::Fine, Health::Starting) => ("busy", reader.t("state-starting")),
        (sign, _) => (class(sign), reader.text(&app.state)),
    }
}

/// The software's own version, without the recipe's count: what people know it by.
pub(crate) fn short(version: &str) -> &str {
    match version.rsplit_once('-') {
        Some((own, count)) if !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit()) => own,
        _ => version,
    }
}

/// Two versions told apart: whole where only the recipe changed.
pub(crate) fn versions<'a>(from: &'a str, to: &'a str) -> (&'a str, &'a str) {
    if short(from) == short(to) {
        (from, to)
    } else {
        (short(from), short(to))
    }
}

fn waiting(reader: &Reader, apps: &[AppLine]) -> Vec<Waiting> {
    let words = reader.words();
    let mut all = Vec::new();
    let of_machine = |key: &str| Waiting {
        sentence: reader.t(key),
        link: "/machine".into(),
        words: reader.t("home-see-machine"),
        grave: true,
    };
    if !reader.about.engine {
        all.push(of_machine("home-no-engine"));
    }
    if let Some(doubt) = &reader.about.clock {
        all.push(Waiting {
            sentence: reader.text(&doubt.sentence),
            ..of_machine("home-no-engine")
        });
    }
    if reader.about.disk.is_some_and(nearly_full) {
        all.push(of_machine("home-disk-full"));
    }
    for app in apps {
        let name = reader.text(&app.name);
        let named = [("name", name.as_str())];
        let sentence = match (app.sign, app.health, &app.update) {
            (Sign::Grave, ..) => words.with("home-broken", &named),
            (Sign::Warn, ..) => words.with("home-went-back", &named),
            (Sign::Fine, Health::Unwell, _) => words.with("home-unwell", &named),
            (Sign::Fine | Sign::Rest, _, Some(version)) if app.intent != Intent::Removed => words
                .with(
                    "home-update",
                    &[
                        ("name", name.as_str()),
                        ("from", versions(&app.version, version).0),
                        ("to", versions(&app.version, version).1),
                    ],
                ),
            _ => continue,
        };
        all.push(Waiting {
            sentence,
            link: format!("/apps/{}", app.id),
            words: words.with("home-see-app", &named),
            grave: matches!(app.sign, Sign::Grave),
        });
    }
    all
}

fn nearly_full(amount: Amount) -> bool {
    amount.used / 9 >= amount.total / 10
}

fn machine_line(reader: &Reader, about: &About) -> Option<String> {
    let language: Language = reader.language;
    let free = |amount: Amount| amount.total.saturating_sub(amount.used);
    let (memory, disk) = (about.memory?, about.disk?);
    Some(reader.words().with(
        "home-machine",
        &[
            ("memory", &figures::memory(free(memory), language)),
            ("memory-all", &figures::memory(memory.total, language)),
            ("disk", &figures::disk(free(disk), language)),
            ("disk-all", &figures::disk(disk.total, language)),
        ],
    ))
}
