//! The chapter of backups: what needs somebody, the calendar, and each place with what lies there.

mod calendar;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use lavoir_core::app::Intent;
use lavoir_core::backup::{Concern, KeepRule, RepositoryId, Subject};
use lavoir_core::id::Timestamp;
use lavoir_core::limits;
use lavoir_core::text::{Message, Text};
use minijinja::{Value, context};

use super::app::{bounded, measured, sentence};
use crate::admin::{AppLine, Backups, Presence, RepositoryFacts, RoundFacts, SavedFacts};
use crate::panel::Panel;
use crate::reader::{Reader, SignedIn};
use crate::render::Chapter;
use crate::{figures, refused};

/// What people call what is saved, inside a sentence.
pub(crate) fn named(apps: &[AppLine], of: &Subject) -> Text {
    let Subject::App(id) = of else {
        return Text::new("la machine elle-même", "the box itself");
    };
    let line = apps.iter().find(|app| app.id == *id);
    let (fr, en) = line.map_or((id.as_str(), id.as_str()), |app| {
        (app.name.fr.as_str(), app.name.en.as_str())
    });
    let same = |other: &&AppLine| line.is_some_and(|app| other.name == app.name);
    match apps.iter().filter(same).count() {
        0 | 1 => Text::new(format!("« {fr} »"), format!("“{en}”")),
        // Two apps of one recipe have one name.
        _ => Text::new(format!("« {fr} » ({id})"), format!("“{en}” ({id})")),
    }
}

/// The same at the head of a line.
pub(crate) fn heading(reader: &Reader, apps: &[AppLine], of: &Subject) -> String {
    let Subject::App(id) = of else {
        return reader.t("backups-box");
    };
    let line = apps.iter().find(|app| app.id == *id);
    let same = |other: &&AppLine| line.is_some_and(|app| other.name == app.name);
    match line {
        None => id.to_string(),
        Some(app) if apps.iter().filter(same).count() > 1 => {
            format!("{} ({id})", reader.text(&app.name))
        }
        Some(app) => reader.text(&app.name),
    }
}

/// Where its snapshots are listed.
pub(crate) fn list_path(of: &Subject) -> String {
    match of {
        Subject::App(app) => format!("/backups/apps/{app}"),
        Subject::Box => "/backups/box".to_owned(),
    }
}

pub(crate) fn said(reader: &Reader, apps: &[AppLine], concern: &Concern) -> String {
    reader.text(&concern.sentence(|of| named(apps, of), reader.about.now))
}

pub(crate) async fn page(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
) -> Response {
    let backups = match panel.admin.backups().await {
        Ok(backups) => backups,
        Err(no) => return refused::no(&reader, Chapter::Backups, &no, "/"),
    };
    let apps = panel.admin.apps();
    let busy = backups.repositories.iter().any(|one| one.round.is_some());
    let places: Vec<Value> = backups
        .repositories
        .iter()
        .map(|one| place(&reader, &apps, one))
        .collect();
    let (title, lead) = title(&reader, &apps, &backups);
    let of_page = context! {
        lead, busy, places,
        attention => attention(&reader, &apps, &backups),
        rounds => backups.repositories.iter()
            .filter_map(|one| Some(round(&reader, &apps, one, one.round.as_ref()?)))
            .collect::<Vec<_>>(),
        calendar => calendar::calendar(&reader, &backups),
        gone => gone(&reader, &apps, &backups),
        refresh => busy,
    };
    reader.page("backups.html", Chapter::Backups, &title, of_page)
}

/// What runs here, and the box itself.
fn wanted(apps: &[AppLine]) -> Vec<Subject> {
    let running = apps.iter().filter(|app| app.intent == Intent::Running);
    let apps = running.map(|app| Subject::App(app.id.clone()));
    apps.chain([Subject::Box]).collect()
}

fn last_saved<'a>(backups: &'a Backups, of: &Subject) -> Option<&'a SavedFacts> {
    let saved = backups
        .repositories
        .iter()
        .filter_map(|one| one.saved.get(of));
    saved.max_by_key(|saved| saved.at)
}

/// The title is the answer; the lead says what follows from it.
fn title(reader: &Reader, apps: &[AppLine], backups: &Backups) -> (String, String) {
    let words = reader.words();
    if backups.repositories.is_empty() {
        return (
            reader.t("backups-nothing"),
            reader.t("backups-nothing-lead"),
        );
    }
    let next = backups.repositories.iter().map(|one| one.next).min();
    let next = next.map_or_else(String::new, |next| {
        let when = reader.calendar.moment(next).words;
        words.with("backups-next", &[("when", &when)])
    });
    let failed: BTreeSet<&Subject> = backups
        .concerns
        .iter()
        .filter_map(|concern| match concern {
            Concern::Failed { of, .. } => Some(of),
            _ => None,
        })
        .collect();
    let title = match (backups.concerns.first(), failed.len()) {
        (Some(Concern::Damaged { .. }), _) => reader.t("backups-damaged"),
        (_, 2..) => words.count("backups-failed-many", failed.len() as u64),
        (Some(first), _) if first.is_grave() => match failed.first() {
            Some(of) => {
                let name = reader.text(&named(apps, of));
                words.with("backups-failed", &[("name", &name)])
            }
            None => reader.t("backups-nothing"),
        },
        (Some(Concern::Late { .. }), _) => reader.t("backups-late"),
        (Some(_), _) => reader.t("backups-unchecked"),
        (None, _) => well(reader, apps, backups),
    };
    (title, next)
}

fn well(reader: &Reader, apps: &[AppLine], backups: &Backups) -> String {
    let wanted = wanted(apps);
    let saved: Vec<Timestamp> = wanted
        .iter()
        .filter_map(|of| last_saved(backups, of))
        .map(|saved| saved.at)
        .collect();
    match saved.iter().min() {
        None => reader.t("backups-first-comes"),
        Some(_) if saved.len() < wanted.len() => reader.t("backups-not-all"),
        Some(oldest) if reader.calendar.is_last_night(*oldest) => reader.t("backups-well-tonight"),
        Some(oldest) => {
            let when = reader.calendar.moment(*oldest).words;
            reader.words().with("backups-well", &[("when", &when)])
        }
    }
}

fn message(reader: &Reader, message: &Message) -> (String, String) {
    (
        reader.text(&message.sentence),
        refused::next_step_or(reader, message, "backups-next-try"),
    )
}

/// What needs somebody: a sentence, what was said of it, what to do.
fn attention(reader: &Reader, apps: &[AppLine], backups: &Backups) -> Vec<Value> {
    let find = |id: &RepositoryId| backups.repositories.iter().find(|one| one.id == *id);
    let lines = |lines: &[String]| bounded(lines, limits::LOG_LINES_SHOWN_MAX, 4 * 1024);
    let none: &[String] = &[];
    let mut all = Vec::new();
    let late: Vec<String> = backups
        .concerns
        .iter()
        .filter_map(|concern| match concern {
            Concern::Late { of, .. } => Some(heading(reader, apps, of)),
            _ => None,
        })
        .collect();
    // A disk that is away makes all of them late: that is one thing to do.
    let together = late.len() > 2;
    if together {
        let names = late.join(", ");
        let sentence = reader
            .words()
            .with("backups-late-names", &[("names", &names)]);
        all.push(context! {
            sentence, own => (), next_step => reader.t("backups-late-next"), grave => false,
            when => (), lines => Vec::<String>::new(),
        });
    }
    for concern in &backups.concerns {
        if together && matches!(concern, Concern::Late { .. }) {
            continue;
        }
        let sentence = said(reader, apps, concern);
        let (own, next, when, shown) = match concern {
            Concern::Nowhere => continue,
            Concern::Failed { repository, of, .. } => {
                let trouble = find(repository).and_then(|one| one.troubles.get(of));
                let (own, next) = trouble
                    .and_then(|trouble| trouble.message.as_ref())
                    .map(|told| message(reader, told))
                    .unzip();
                let next = next.unwrap_or_else(|| reader.t("backups-next-try"));
                let at = trouble.map(|trouble| trouble.at);
                (own, next, at, trouble.map_or(none, |one| &one.lines))
            }
            Concern::Damaged { repository } => {
                let tidied = find(repository).and_then(|one| one.tidied.as_ref());
                let own = Some(reader.t("backups-damaged-words"));
                let next = reader.t("backups-damaged-next");
                let at = tidied.map(|tidied| tidied.at);
                (own, next, at, tidied.map_or(none, |one| &one.damaged))
            }
            Concern::Late { .. } => (None, reader.t("backups-late-next"), None, none),
            Concern::Untidy { .. } => (None, reader.t("backups-next-try"), None, none),
        };
        all.push(context! {
            sentence, own, next_step => next, grave => concern.is_grave(),
            when => when.map(|at| reader.calendar.moment(at)), lines => lines(shown),
        });
    }
    for one in &backups.repositories {
        if let Presence::Away(told) = &one.presence {
            let (own, next_step) = message(reader, told);
            let sentence = reader
                .words()
                .with("backups-away", &[("id", one.id.as_str())]);
            all.push(context! {
                sentence, own, next_step, grave => false, when => (), lines => Vec::<String>::new(),
            });
        }
    }
    all
}

fn round(reader: &Reader, apps: &[AppLine], one: &RepositoryFacts, round: &RoundFacts) -> Value {
    let words = reader.words();
    let doing = match &round.of {
        Some(of) => {
            let name = reader.text(&named(apps, of));
            words.with("round-saves", &[("name", &name), ("id", one.id.as_str())])
        }
        None if round.left.is_empty() => words.with("round-tidies", &[("id", one.id.as_str())]),
        None => words.with("round-begins", &[("id", one.id.as_str())]),
    };
    let after = round.left.iter().filter(|of| round.of.as_ref() != Some(of));
    let after: Vec<String> = after.map(|of| heading(reader, apps, of)).collect();
    let waits = round.waits.as_ref().map(|told| message(reader, told));
    context! {
        id => one.id.as_str(), doing,
        measure => round.measure.map(|measure| measured(reader, measure)),
        since => reader.calendar.moment(round.since),
        after => (!after.is_empty()).then(|| after.join(", ")),
        waits => waits.as_ref().map(|(sentence, _)| sentence.as_str()),
        waits_next => waits.as_ref().map(|(_, next)| next.as_str()),
    }
}

/// What is kept, in words.
pub(crate) fn kept(reader: &Reader, keep: &KeepRule) -> String {
    let parts = [
        ("keep-last", keep.last),
        ("keep-daily", keep.daily),
        ("keep-weekly", keep.weekly),
        ("keep-monthly", keep.monthly),
        ("keep-yearly", keep.yearly),
    ];
    let said = parts
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(key, n)| reader.words().count(key, u64::from(*n)));
    let all: Vec<String> = said.collect();
    format!("{}.", sentence(&all.join(", ")))
}

fn place(reader: &Reader, apps: &[AppLine], one: &RepositoryFacts) -> Value {
    let (words, language) = (reader.words(), reader.language);
    let last = one.saved.values().max_by_key(|saved| saved.at);
    let (sign, presence) = match &one.presence {
        Presence::There {
            free: Some(free),
            total: Some(total),
        } => (
            "fine",
            words.with(
                "place-room",
                &[
                    ("free", &figures::disk(*free, language)),
                    ("total", &figures::disk(*total, language)),
                ],
            ),
        ),
        Presence::There { .. } => ("fine", reader.t("place-there")),
        Presence::Away(_) => ("warn", reader.t("place-away")),
        Presence::Unknown if one.round.is_some() => ("busy", reader.t("place-busy")),
        Presence::Unknown => ("rest", reader.t("place-unknown")),
    };
    let checked = one.tidied.as_ref().map(|tidied| {
        let (sign, key) = match &tidied.code {
            None => ("fine", "place-checked"),
            Some(_) => ("grave", "place-not-checked"),
        };
        context! { sign, words => reader.t(key), when => reader.calendar.moment(tidied.at) }
    });
    let mut subjects: BTreeSet<&Subject> = one.saved.keys().chain(one.troubles.keys()).collect();
    // What is gone from here has a list of its own.
    subjects.retain(|of| {
        of.app()
            .is_none_or(|id| apps.iter().any(|app| app.id == *id))
    });
    let rows: Vec<Value> = subjects
        .into_iter()
        .map(|of| row(reader, apps, one, of))
        .collect();
    context! {
        id => one.id.as_str(), path => one.place.as_str(), sign, presence, checked, rows,
        rhythm => words.count("place-rhythm", u64::from(one.every_nights)),
        kept => kept(reader, &one.keep),
        last => last.map(|saved| reader.calendar.moment(saved.at)),
        next => reader.calendar.moment(one.next),
        busy => one.round.is_some(),
    }
}

fn row(reader: &Reader, apps: &[AppLine], one: &RepositoryFacts, of: &Subject) -> Value {
    let (words, language) = (reader.words(), reader.language);
    let saved = one.saved.get(of);
    let failed = one.troubles.contains_key(of);
    let when = saved.map(|saved| reader.calendar.moment(saved.at));
    let (sign, state) = match (&when, failed) {
        (_, true) => ("grave", reader.t("saved-failed")),
        (Some(when), false) => ("fine", words.with("saved-when", &[("when", &when.words)])),
        (None, false) => ("rest", reader.t("saved-never")),
    };
    let more = saved.map(|saved| {
        let size = figures::disk(saved.bytes, language);
        let mut more = vec![words.with(
            "saved-size",
            &[
                ("size", &size),
                ("added", &figures::disk(saved.added, language)),
            ],
        )];
        if of.app().is_some() {
            let held = figures::duration(saved.held_ms, language);
            more.push(words.with("saved-held", &[("held", &held)]));
        }
        if failed && let Some(when) = &when {
            more.push(words.with("saved-before", &[("when", &when.words)]));
        }
        more.join(" · ")
    });
    context! { name => heading(reader, apps, of), path => list_path(of), sign, state, more }
}

/// Apps that are no longer here, and can be brought back.
fn gone(reader: &Reader, apps: &[AppLine], backups: &Backups) -> Vec<Value> {
    let saved = backups.repositories.iter().flat_map(|one| one.saved.keys());
    let of: BTreeSet<&Subject> = saved
        .filter(|of| {
            of.app()
                .is_some_and(|id| apps.iter().all(|app| app.id != *id))
        })
        .collect();
    of.into_iter()
        .filter_map(|of| {
            let saved = last_saved(backups, of)?;
            Some(context! {
                name => heading(reader, apps, of), path => list_path(of),
                when => reader.calendar.moment(saved.at),
                size => figures::disk(saved.bytes, reader.language),
            })
        })
        .collect()
}
