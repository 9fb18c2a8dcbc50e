//! Backups, as they are shown.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use lavoir_core::backup::{Concern, KeepRule, RepositoryId, SnapshotId, Subject};
use lavoir_core::id::Timestamp;
use lavoir_core::text::Message;
use zeroize::Zeroizing;

use super::Measure;

/// The chapter's first page.
#[derive(Debug, Clone, Default)]
pub struct Backups {
    /// Where backups go, in the order of their names.
    pub repositories: Vec<RepositoryFacts>,
    /// What needs somebody, the gravest first.
    pub concerns: Vec<Concern>,
    /// What was saved and what was not, these last weeks, the oldest first.
    pub turns: Vec<Turn>,
}

/// A repository.
#[derive(Debug, Clone)]
pub struct RepositoryFacts {
    /// Its short name.
    pub id: RepositoryId,
    /// Where it lies.
    pub place: String,
    /// A round every so many nights.
    pub every_nights: u32,
    /// What is kept.
    pub keep: KeepRule,
    /// Since when it is known.
    pub added_at: Timestamp,
    /// When the next round is due.
    pub next: Timestamp,
    /// The round under way.
    pub round: Option<RoundFacts>,
    /// The last good snapshot of each.
    pub saved: BTreeMap<Subject, SavedFacts>,
    /// What has gone wrong since.
    pub troubles: BTreeMap<Subject, TroubleFacts>,
    /// When it was last tidied and checked.
    pub tidied: Option<TidiedFacts>,
    /// Whether its place is there.
    pub presence: Presence,
}

/// Whether a repository's place is there, looked at for the page.
#[derive(Debug, Clone)]
pub enum Presence {
    /// Not looked at: a round is under way there, or the look took too long.
    Unknown,
    /// It is, with so much room, bytes, where it tells.
    There {
        /// Free.
        free: Option<u64>,
        /// In all.
        total: Option<u64>,
    },
    /// It is not, or does not open.
    Away(Message),
}

/// A round under way.
#[derive(Debug, Clone)]
pub struct RoundFacts {
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
#[derive(Debug, Clone)]
pub struct SavedFacts {
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
#[derive(Debug, Clone)]
pub struct TroubleFacts {
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
#[derive(Debug, Clone)]
pub struct TidiedFacts {
    /// When.
    pub at: Timestamp,
    /// Stable code of what went wrong.
    pub code: Option<String>,
    /// Damaged files, while the daemon still remembers them.
    pub damaged: Vec<String>,
}

/// Something was saved, or was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// When.
    pub at: Timestamp,
    /// What.
    pub of: Subject,
    /// Whether it was.
    pub saved: bool,
}

/// A snapshot in a repository.
#[derive(Debug, Clone)]
pub struct SnapshotFacts {
    /// Which.
    pub id: SnapshotId,
    /// When it was taken.
    pub at: Timestamp,
    /// What is in it, where its tags say.
    pub of: Option<Subject>,
    /// It is of this box.
    pub own: bool,
    /// Bytes in its files, where it says.
    pub bytes: Option<u64>,
}

/// An entry of a folder in a snapshot.
#[derive(Debug, Clone)]
pub struct EntryFacts {
    /// Its name, as it was written: any signs.
    pub name: String,
    /// It is a folder.
    pub folder: bool,
    /// It is a regular file, which can be had.
    pub file: bool,
    /// Bytes of a file.
    pub bytes: u64,
    /// When its content last changed.
    pub changed: Option<Timestamp>,
}

/// A file on its way; an error says that it is not whole.
pub type FileStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// What can be asked about repositories.
#[derive(Debug, Clone)]
pub enum BackupAct {
    /// Save to a new place.
    Add(NewPlace),
    /// Another rhythm, another rule.
    Change {
        /// Which.
        repository: RepositoryId,
        /// A round every so many nights.
        every_nights: u32,
        /// What is kept.
        keep: KeepRule,
    },
    /// Save there no more; what lies there stays.
    Remove(RepositoryId),
    /// Save everything now, or one thing.
    BackUp(RepositoryId, Option<Subject>),
    /// Let the round under way be.
    Cancel(RepositoryId),
}

/// A repository that is to be added.
#[derive(Debug, Clone)]
pub struct NewPlace {
    /// Its short name.
    pub repository: RepositoryId,
    /// The folder.
    pub path: String,
    /// A round every so many nights.
    pub every_nights: u32,
    /// The key, where there is a repository already.
    pub key: Option<Zeroizing<String>>,
}
