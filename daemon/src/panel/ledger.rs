//! The ledger for the panel: found by kind, actor and app without reading what is not shown.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use lavoir_core::command::Actor;
use lavoir_core::event::Event;
use lavoir_core::id::{AppId, PersonId, Timestamp};
use lavoir_core::lasting::Lasting;
use lavoir_core::ledger::{Entry, Hash, hex, read};
use lavoir_core::limits;
use lavoir_core::text::Language;
use lavoir_web_admin::admin::{ActorKind, EntryKind, LedgerAsked, LedgerLine, LedgerPage, Turn};

use crate::cli::sentences::sentence_with;
use crate::ports::{Answer, LedgerStore};

/// Entries read at once while words are looked for.
const BATCH: usize = 64;

/// What is known of each entry without reading it: four bytes, so that a hundred thousand cost little.
#[derive(Default)]
pub struct Briefs {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    apps: BTreeMap<AppId, u16>,
    briefs: Vec<Brief>,
    lasting: Lasting,
    /// The latest turns of backups, the oldest first.
    turns: VecDeque<Turn>,
}

#[derive(Clone, Copy)]
struct Brief {
    app: Option<std::num::NonZeroU16>,
    kind: EntryKind,
    by: ActorKind,
}

impl Kept {
    fn push(&mut self, entry: &Entry) {
        let app = entry.events.iter().find_map(Event::app).map(|app| {
            let next = u16::try_from(self.apps.len()).unwrap_or(u16::MAX);
            *self.apps.entry(app.clone()).or_insert(next)
        });
        self.briefs.push(Brief {
            app: app.and_then(|app| std::num::NonZeroU16::new(app.saturating_add(1))),
            kind: kind(entry),
            by: by(&entry.actor),
        });
        self.lasting.apply(entry.index, entry.time, &entry.events);
        for event in &entry.events {
            let (of, saved) = match event {
                Event::SnapshotTaken { of, .. } => (of, true),
                Event::SnapshotFailed { of, .. } => (of, false),
                _ => continue,
            };
            if self.turns.len() >= limits::BACKUP_TURNS_MAX {
                self.turns.pop_front();
            }
            self.turns.push_back(Turn {
                at: entry.time,
                of: of.clone(),
                saved,
            });
        }
    }
}

impl Briefs {
    /// Notes the next entry of a ledger that is being read.
    pub fn push(&self, entry: &Entry) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry);
    }

    fn len(&self) -> u64 {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.briefs.len() as u64
    }

    /// What was saved and what was not since then, as far as the ledger was read.
    pub fn turns(&self, since: Timestamp) -> Vec<Turn> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = kept.turns.iter().filter(|turn| turn.at >= since);
        turns.cloned().collect()
    }

    /// How long acts took, as far as the ledger was read.
    pub fn lasting<T>(&self, ask: impl FnOnce(&Lasting) -> T) -> T {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        ask(&kept.lasting)
    }

    /// Reads those that were written since.
    pub(super) async fn catch_up(&self, store: &impl LedgerStore, size: u64) -> Answer<()> {
        loop {
            let from = self.len();
            if from >= size {
                return Ok(());
            }
            let to = size.min(from + limits::LEDGER_PAGE_MAX);
            let rows = store.read_from(from, to.saturating_sub(from)).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            for (place, (bytes, _)) in (from..).zip(&rows) {
                // Somebody else may have been quicker.
                if kept.briefs.len() as u64 == place
                    && let Ok(entry) = read(bytes)
                {
                    kept.push(&entry);
                }
            }
            if (kept.briefs.len() as u64) <= from {
                return Ok(());
            }
        }
    }

    /// The places of the latest entries before `before` that are as asked; at most `limit`, and the place where the
    /// search ended.
    fn find(&self, asked: &LedgerAsked, before: u64, limit: usize) -> (Vec<u64>, u64) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let app = asked.app.as_ref().map(|app| kept.apps.get(app));
        let wanted = |brief: &Brief| {
            let app_fits = match app {
                None => true,
                Some(None) => false,
                Some(Some(number)) => brief.app.is_some_and(|app| app.get() == number + 1),
            };
            app_fits
                && asked.kind.is_none_or(|kind| kind == brief.kind)
                && asked.by.is_none_or(|by| by == brief.by)
        };
        let mut place = before.min(kept.briefs.len() as u64);
        let mut found = Vec::new();
        while place > 0 && found.len() < limit {
            place -= 1;
            let brief = usize::try_from(place)
                .ok()
                .and_then(|at| kept.briefs.get(at));
            if brief.is_some_and(wanted) {
                found.push(place);
            }
        }
        (found, place)
    }
}

/// A page, the latest first. Words are looked for in a bounded number of entries; where the search ended, the next
/// page goes on.
pub async fn page(
    store: &impl LedgerStore,
    briefs: &Briefs,
    names: &BTreeMap<PersonId, String>,
    asked: &LedgerAsked,
    (size, root): (u64, String),
) -> Answer<LedgerPage> {
    briefs.catch_up(store, size).await?;
    let limit = asked.limit.clamp(1, page_max());
    let words = asked.words.as_ref().map(|(language, words)| {
        let words = words.to_lowercase();
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        (*language, words)
    });
    let mut before = asked.before.unwrap_or(size).min(size);
    let last = before.saturating_sub(limits::LEDGER_SEARCHED_MAX);
    let mut lines = Vec::new();
    loop {
        // Words are looked for in many entries: several are read at once.
        let batch = if words.is_some() { BATCH } else { limit };
        let (places, end) = briefs.find(asked, before, batch);
        for (place, row) in read_places(store, &places).await? {
            before = place;
            let line = line(&row, names);
            let fits = |line: &LedgerLine| {
                words
                    .as_ref()
                    .is_none_or(|(language, words)| has_all(line, *language, words))
            };
            lines.extend(line.filter(fits));
            if lines.len() >= limit {
                break;
            }
        }
        let full = lines.len() >= limit;
        if !full {
            before = end;
        }
        if full || before == 0 || before < last {
            break;
        }
    }
    let older = !briefs.find(asked, before, 1).0.is_empty();
    Ok(LedgerPage {
        size,
        root,
        lines,
        older: older.then_some(before),
    })
}

/// Reads the entries at these places, the latest first; those that stand side by side in one go.
async fn read_places(
    store: &impl LedgerStore,
    places: &[u64],
) -> Answer<Vec<(u64, (Vec<u8>, Hash))>> {
    let mut all = Vec::new();
    for run in places.chunk_by(|later, earlier| later - earlier == 1) {
        let (Some(last), Some(first)) = (run.first(), run.last()) else {
            continue;
        };
        let rows = store.read_from(*first, last - first + 1).await?;
        let in_order: Vec<_> = (*first..).zip(rows).collect();
        all.extend(in_order.into_iter().rev());
    }
    Ok(all)
}

fn page_max() -> usize {
    usize::try_from(limits::LEDGER_PAGE_MAX).unwrap_or(usize::MAX)
}

fn has_all(line: &LedgerLine, language: Language, words: &[String]) -> bool {
    let sentence = line.sentence.get(language).to_lowercase();
    words.iter().all(|word| sentence.contains(word.as_str()))
}

fn line((bytes, hash): &(Vec<u8>, Hash), names: &BTreeMap<PersonId, String>) -> Option<LedgerLine> {
    let entry = read(bytes).ok()?;
    Some(LedgerLine {
        index: entry.index,
        time: entry.time,
        sentence: sentence_with(&entry, names),
        app: entry.events.iter().find_map(Event::app).cloned(),
        kind: kind(&entry),
        hash: hex(hash),
        actor: entry.actor,
    })
}

fn by(actor: &Actor) -> ActorKind {
    match actor {
        Actor::Box | Actor::Clock => ActorKind::Box,
        Actor::Installer | Actor::Member(_) | Actor::Person(_) | Actor::Token(_) => {
            ActorKind::People
        }
    }
}

/// Entries of format 1 hold one event; of several, the first one says.
fn kind(entry: &Entry) -> EntryKind {
    match entry.events.first() {
        Some(Event::Settled { .. }) => EntryKind::Settled,
        Some(Event::Failed { .. }) => EntryKind::Failed,
        Some(Event::SecretRead { .. } | Event::RepositoryKeyRead { .. }) => EntryKind::Secrets,
        Some(
            Event::BackupDecided { .. }
            | Event::BackupCancelled { .. }
            | Event::SnapshotTaken { .. }
            | Event::SnapshotFailed { .. }
            | Event::RepositoryTidied { .. },
        ) => EntryKind::Backups,
        Some(
            Event::AccountOpened { .. }
            | Event::PasswordReset { .. }
            | Event::PasswordChanged { .. }
            | Event::SetupCodeMade {}
            | Event::TokenMade { .. }
            | Event::TokenRevoked { .. },
        ) => EntryKind::People,
        _ => EntryKind::Decisions,
    }
}
