//! Backups, in restic's words: repositories, snapshots, what is kept of them; and when the next round is due.

mod concern;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

pub use crate::id::{RepositoryId, SnapshotId};
pub use concern::{Concern, DAMAGED, concerns};

use crate::app::{App, Intent, Phase};
use crate::event::Event;
use crate::id::{AppId, NotAnId, Revision, Timestamp};
use crate::limits;

/// Where a repository lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Place {
    /// A folder of this machine, best on another disk.
    Folder {
        /// Absolute.
        path: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder { path } => f.write_str(path),
        }
    }
}

/// Which snapshots stay when the others are forgotten: the last one of so many hours, days… (restic's `--keep-…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeepRule {
    /// The last ones, whenever they were taken.
    pub last: u32,
    /// Of days.
    pub daily: u32,
    /// Of weeks.
    pub weekly: u32,
    /// Of months.
    pub monthly: u32,
    /// Of years.
    pub yearly: u32,
}

impl Default for KeepRule {
    fn default() -> Self {
        Self {
            last: 3,
            daily: 14,
            weekly: 8,
            monthly: 12,
            yearly: 2,
        }
    }
}

/// What a snapshot is of. Written `box`, or `app:blog`; so stand restic's tags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// An app: its data, databases, secrets and release.
    App(AppId),
    /// The box itself: ledger, private table, secrets, authority.
    Box,
}

impl Subject {
    /// The app, if it is one.
    pub fn app(&self) -> Option<&AppId> {
        match self {
            Subject::App(app) => Some(app),
            Subject::Box => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::App(app) => write!(f, "app:{app}"),
            Subject::Box => f.write_str("box"),
        }
    }
}

impl FromStr for Subject {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        match text.strip_prefix("app:") {
            Some(app) => app.parse().map(Subject::App),
            None if text == "box" => Ok(Subject::Box),
            None => Err(NotAnId {
                expected: "box, or app: and an app's short name",
            }),
        }
    }
}

impl TryFrom<String> for Subject {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> String {
        format!("{subject}")
    }
}

/// A snapshot in one of the box's repositories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// In which repository.
    pub repository: RepositoryId,
    /// Which snapshot.
    pub snapshot: SnapshotId,
}

/// The repositories, as decided, and what was saved in them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Backups {
    repositories: BTreeMap<RepositoryId, Repository>,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repository {
    /// Where it lies.
    pub place: Place,
    /// A round every so many nights.
    pub every_nights: u32,
    /// What is kept of it.
    pub keep: KeepRule,
    /// Since when.
    pub added_at: Timestamp,
    /// The round under way.
    pub round: Option<Round>,
    /// When the last round was decided that was not asked for by somebody for one thing alone.
    pub last_round: Option<Timestamp>,
    /// The last good snapshot of each.
    pub saved: BTreeMap<Subject, Saved>,
    /// What went wrong since then.
    pub troubles: BTreeMap<Subject, Trouble>,
    /// When it was last tidied and checked, and what went wrong then.
    pub tidied: Option<(Timestamp, Option<String>)>,
}

/// A round of backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Round {
    /// The entry that decided it.
    pub revision: Revision,
    /// Since when.
    pub since: Timestamp,
    /// What is still to be saved.
    pub left: BTreeSet<Subject>,
    /// Whether the repository is tidied and checked at the end.
    pub tidy: bool,
}

/// A snapshot that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// Which.
    pub snapshot: SnapshotId,
    /// When.
    pub at: Timestamp,
    /// The entry that says so.
    pub entry: Revision,
    /// Files in it.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Bytes that the repository grew by.
    pub added: u64,
    /// For how long the app was held, ms.
    pub held_ms: u64,
    /// Bytes of the one before, to tell odd growth.
    pub bytes_before: Option<u64>,
}

/// A snapshot that could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// When.
    pub at: Timestamp,
    /// Stable code of what broke.
    pub code: String,
}

impl Backups {
    /// By name.
    pub fn repositories(&self) -> &BTreeMap<RepositoryId, Repository> {
        &self.repositories
    }

    /// The last good snapshot of it, in whichever repository.
    pub fn last_saved(&self, subject: &Subject) -> Option<(&RepositoryId, &Saved)> {
        let all = self.repositories.iter();
        all.filter_map(|(id, repository)| Some((id, repository.saved.get(subject)?)))
            .max_by_key(|(_, saved)| saved.at)
    }

    /// Where a snapshot before an update goes: to the repository that served last.
    pub fn readiest(&self) -> Option<&RepositoryId> {
        let served = |repository: &Repository| repository.saved.values().map(|s| s.at).max();
        self.repositories
            .iter()
            .max_by_key(|(_, repository)| served(repository))
            .map(|(id, _)| id)
    }

    pub(crate) fn apply(&mut self, entry: Revision, time: Timestamp, event: &Event) {
        if let Event::RepositoryAdded {
            repository,
            place,
            every_nights,
            keep,
        } = event
        {
            self.repositories.insert(
                repository.clone(),
                Repository {
                    place: place.clone(),
                    every_nights: *every_nights,
                    keep: *keep,
                    added_at: time,
                    round: None,
                    last_round: None,
                    saved: BTreeMap::new(),
                    troubles: BTreeMap::new(),
                    tidied: None,
                },
            );
            return;
        }
        if let Event::RepositoryRemoved { repository } = event {
            self.repositories.remove(repository);
            return;
        }
        let of = match event {
            Event::RepositoryChanged { repository, .. }
            | Event::BackupDecided { repository, .. }
            | Event::BackupCancelled { repository }
            | Event::SnapshotTaken { repository, .. }
            | Event::SnapshotFailed { repository, .. }
            | Event::RepositoryTidied { repository, .. } => repository,
            _ => return,
        };
        if let Some(repository) = self.repositories.get_mut(of) {
            repository.apply(entry, time, event);
        }
    }

    /// An app is to be away: nothing of it is left to be saved, and nothing wrong with that. Its snapshots stay.
    pub(crate) fn leave_out(&mut self, app: &AppId) {
        let gone = Subject::App(app.clone());
        for repository in self.repositories.values_mut() {
            repository.troubles.remove(&gone);
            repository.done_with(&gone);
        }
    }
}

impl Repository {
    fn apply(&mut self, entry: Revision, time: Timestamp, event: &Event) {
        match event {
            Event::RepositoryChanged {
                every_nights, keep, ..
            } => {
                self.every_nights = *every_nights;
                self.keep = *keep;
            }
            Event::BackupDecided { of, tidy, .. } => {
                self.round = Some(Round {
                    revision: entry,
                    since: time,
                    left: of.iter().cloned().collect(),
                    tidy: *tidy,
                });
                if *tidy {
                    self.last_round = Some(time);
                }
            }
            Event::BackupCancelled { .. } => self.round = None,
            Event::SnapshotTaken {
                of,
                snapshot,
                files,
                bytes,
                added,
                held_ms,
                ..
            } => {
                let saved = Saved {
                    snapshot: snapshot.clone(),
                    at: time,
                    entry,
                    files: *files,
                    bytes: *bytes,
                    added: *added,
                    held_ms: *held_ms,
                    bytes_before: self.saved.get(of).map(|saved| saved.bytes),
                };
                self.saved.insert(of.clone(), saved);
                self.troubles.remove(of);
                self.done_with(of);
            }
            Event::SnapshotFailed { of, code, .. } => {
                let trouble = Trouble {
                    at: time,
                    code: code.clone(),
                };
                self.troubles.insert(of.clone(), trouble);
                self.done_with(of);
            }
            Event::RepositoryTidied { code, .. } => {
                self.tidied = Some((time, code.clone()));
                self.round = None;
            }
            _ => {}
        }
    }

    /// It has had its turn in this round.
    fn done_with(&mut self, subject: &Subject) {
        let Some(round) = &mut self.round else {
            return;
        };
        round.left.remove(subject);
        if round.left.is_empty() && !round.tidy {
            self.round = None;
        }
    }

    /// When the next round is due: in the first quiet hours after as many nights as it rests, later by up to an hour so
    /// that boxes do not all call at the same minute. A box that was off catches up at once. `offset_s`: local time
    /// less UTC.
    pub fn next_round(&self, offset_s: i64, jitter: u64) -> Timestamp {
        let day = limits::DAY_MS;
        let quiet = limits::BACKUPS_QUIET_MS + jitter % limits::BACKUPS_JITTER_MS;
        let since = self.last_round.unwrap_or(self.added_at).0;
        let offset_ms = offset_s.unsigned_abs().saturating_mul(1_000);
        let local = |utc: u64| match offset_s < 0 {
            true => utc.saturating_sub(offset_ms),
            false => utc.saturating_add(offset_ms),
        };
        let utc = |local: u64| match offset_s < 0 {
            true => local.saturating_add(offset_ms),
            false => local.saturating_sub(offset_ms),
        };
        // The night to which the last round belongs began at its day's midnight; one asked for in the afternoon does
        // not take the next night's place.
        let midnight = local(since) / day * day;
        let nights = match self.last_round {
            Some(_) => u64::from(self.every_nights.max(1)),
            None if local(since) < midnight + quiet => 0,
            None => 1,
        };
        Timestamp(utc(midnight
            .saturating_add(nights.saturating_mul(day))
            .saturating_add(quiet)))
    }
}

/// Whether an app can be saved now: it was seen to be well, and its databases can be asked.
pub fn can_be_saved(app: &App) -> bool {
    match (app.intent, app.phase) {
        (Intent::Running, Phase::Settled) => true,
        (Intent::Stopped, Phase::Settled) => app.release.databases.is_empty(),
        _ => false,
    }
}
