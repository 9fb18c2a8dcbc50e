//! What is shown of repositories and snapshots.

use std::collections::BTreeMap;

use lavoir_core::backup::{KeepRule, Place, Repository, RepositoryId, Saved, SnapshotId, Subject};
use lavoir_core::id::{Revision, Timestamp};
use lavoir_core::text::Message;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::under_way::Now;
use crate::ports::{Measure, Snapshot};

/// A repository as decided, and what is under way there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RepositoryCard {
    /// Its short name.
    pub repository: RepositoryId,
    /// Where it lies.
    pub place: Place,
    /// A round every so many nights.
    pub every_nights: u32,
    /// What is kept.
    pub keep: KeepRule,
    /// Since when it is known.
    pub added_at: Timestamp,
    /// When the next round is due.
    pub next: Timestamp,
    /// The round under way.
    pub round: Option<RoundCard>,
    /// The last good snapshot of each: `box`, `app:blog`.
    pub saved: BTreeMap<Subject, SavedCard>,
    /// What has gone wrong since.
    pub troubles: BTreeMap<Subject, TroubleCard>,
    /// When it was last tidied and checked.
    pub tidied: Option<TidiedCard>,
}

/// A round under way.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RoundCard {
    /// The decision that asked for it.
    pub revision: Revision,
    /// Since when.
    pub since: Timestamp,
    /// What is still to be saved, what is being saved included.
    pub left: Vec<Subject>,
    /// What is being saved; nothing before the first and while the repository is tidied and checked.
    pub of: Option<Subject>,
    /// How far that has come.
    pub measure: Option<Measure>,
    /// Why it waits.
    pub waits: Option<Message>,
}

/// A good snapshot.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SavedCard {
    /// Which.
    pub snapshot: SnapshotId,
    /// When it was taken.
    pub at: Timestamp,
    /// Files in it.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Bytes that the repository grew by.
    pub added: u64,
    /// For how long the app was held, ms.
    pub held_ms: u64,
}

/// A snapshot that could not be taken.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TroubleCard {
    /// When.
    pub at: Timestamp,
    /// Stable code of what broke.
    pub code: String,
    /// In words, while the daemon still remembers them.
    pub message: Option<Message>,
    /// What the outside said, likewise.
    pub lines: Vec<String>,
}

/// Forgetting, pruning and checking.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TidiedCard {
    /// When.
    pub at: Timestamp,
    /// Stable code of what went wrong.
    pub code: Option<String>,
    /// Damaged files, while the daemon still remembers them.
    pub damaged: Vec<String>,
}

/// A snapshot in a repository.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotCard {
    /// Which.
    pub snapshot: SnapshotId,
    /// When it was taken.
    pub at: Timestamp,
    /// What is in it, where its tags say; also of a box that this one takes the place of.
    pub of: Option<Subject>,
    /// Whose it is, in restic's words its host.
    pub host: String,
    /// It is of this box.
    pub own: bool,
    /// Files in it, where the snapshot says.
    pub files: Option<u64>,
    /// Bytes in them, where it says.
    pub bytes: Option<u64>,
}

/// An entry of a folder in a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ListedCard {
    /// Its name.
    pub name: String,
    /// It is a folder.
    pub folder: bool,
    /// Bytes of a file.
    pub bytes: u64,
    /// When its content last changed.
    pub changed: Option<Timestamp>,
}

pub(super) fn card(
    id: &RepositoryId,
    repository: &Repository,
    now: Now,
    next: Timestamp,
) -> RepositoryCard {
    let round = repository.round.as_ref().map(|round| RoundCard {
        revision: round.revision,
        since: round.since,
        left: round.left.iter().cloned().collect(),
        of: now.of.clone(),
        measure: now.measure,
        waits: now.waits.clone(),
    });
    let saved = repository.saved.iter();
    let troubles = repository.troubles.iter().map(|(of, trouble)| {
        let told = now.failed.get(of).filter(|(m, _)| m.code == trouble.code);
        let card = TroubleCard {
            at: trouble.at,
            code: trouble.code.clone(),
            message: told.map(|(message, _)| message.clone()),
            lines: told.map(|(_, lines)| lines.clone()).unwrap_or_default(),
        };
        (of.clone(), card)
    });
    let tidied = repository.tidied.as_ref().map(|(at, code)| TidiedCard {
        at: *at,
        code: code.clone(),
        damaged: now.damaged.clone(),
    });
    RepositoryCard {
        repository: id.clone(),
        place: repository.place.clone(),
        every_nights: repository.every_nights,
        keep: repository.keep,
        added_at: repository.added_at,
        next,
        round,
        saved: saved
            .map(|(of, saved)| (of.clone(), saved_card(saved)))
            .collect(),
        troubles: troubles.collect(),
        tidied,
    }
}

fn saved_card(saved: &Saved) -> SavedCard {
    SavedCard {
        snapshot: saved.snapshot.clone(),
        at: saved.at,
        files: saved.files,
        bytes: saved.bytes,
        added: saved.added,
        held_ms: saved.held_ms,
    }
}

pub(super) fn snapshot_card(snapshot: Snapshot, own: &str) -> SnapshotCard {
    let of = snapshot.tags.iter().find_map(|tag| tag.parse().ok());
    SnapshotCard {
        of,
        own: snapshot.host == own,
        snapshot: snapshot.id,
        at: snapshot.time,
        host: snapshot.host,
        files: snapshot.files,
        bytes: snapshot.bytes,
    }
}
