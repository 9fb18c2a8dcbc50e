//! Where backups are kept: repositories in restic's format. Whoever implements this knows nothing of apps.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use lavoir_core::backup::{KeepRule, Place, SnapshotId};
use lavoir_core::id::Timestamp;
use tokio::io::AsyncRead;
use zeroize::Zeroizing;

use super::{Answer, OnMeasure};

/// A repository, and the key that opens it.
#[derive(Clone)]
pub struct Opener {
    /// Where it lies.
    pub place: Place,
    /// restic's password.
    pub key: Zeroizing<String>,
}

/// Bytes on their way; an error of the reader says that they are not whole.
pub type Bytes = Pin<Box<dyn AsyncRead + Send>>;

/// An answer on its way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>;

/// What is to be saved in one snapshot. Paths inside a snapshot are absolute: `/data/uploads`.
pub struct Content {
    /// Whose it is: restic's host name, the same at each backup.
    pub host: String,
    /// restic's tags: they tell what is in it, and group snapshots.
    pub tags: Vec<String>,
    /// When.
    pub time: Timestamp,
    /// Small files from memory, mode 0600: path inside, bytes.
    pub texts: Vec<(String, Zeroizing<Vec<u8>>)>,
    /// Folders, read as they are: path inside, path here.
    pub folders: Vec<(String, PathBuf)>,
}

/// The moment in which what is saved stands still, and what is only to be had in it.
pub trait Moment: Send + Sync {
    /// Whoever writes is held; dumps begin. Each has said its first bytes (or all of them) when this returns, so that
    /// it is of this moment: path inside, the dump.
    fn begin(&self) -> Pending<'_, Vec<(String, Bytes)>>;
    /// Whoever writes goes on. Dumps may still be read.
    fn end(&self) -> Pending<'_, ()>;
}

/// A snapshot that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub snapshot: SnapshotId,
    /// Files in it.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Bytes that the repository grew by.
    pub added: u64,
}

/// A snapshot in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Which.
    pub id: SnapshotId,
    /// When it was taken.
    pub time: Timestamp,
    /// Whose.
    pub host: String,
    /// As they were given.
    pub tags: Vec<String>,
    /// Files in it, where the snapshot says.
    pub files: Option<u64>,
    /// Bytes in them, where it says.
    pub bytes: Option<u64>,
}

/// An entry of a folder in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name; what is not UTF-8 stands with replacement signs.
    pub name: String,
    /// What it is.
    pub kind: ListedKind,
    /// Bytes of a file.
    pub bytes: u64,
    /// When its content last changed.
    pub changed: Option<Timestamp>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedKind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A link, a socket, a device.
    Other,
}

/// How much room the place has, bytes; none where the place does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Free.
    pub free: Option<u64>,
    /// In all.
    pub total: Option<u64>,
}

/// What forgetting and pruning did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tidied {
    /// Snapshots that went.
    pub forgotten: u64,
    /// Bytes given back.
    pub freed: u64,
}

/// A damage found: the repository's file, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// In words, with the file's kind and name.
    pub lines: Vec<String>,
}

/// How much of the data a check reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The structure only.
    Structure,
    /// One part of so many, by turns: which (from 0), of how many.
    OneOf(u32, u32),
    /// All.
    All,
}

/// Repositories. Work on one of them is done one at a time, in turn; reading is not held up. What is dropped half way
/// leaves the repository as restorable as it was.
pub trait Repositories: Send + Sync + 'static {
    /// Makes a repository; well when one is there that the key opens. A folder with anything else in it is refused and
    /// left alone.
    fn make(&self, at: &Opener) -> impl Future<Output = Answer<()>> + Send;
    /// Whether it is there and opens, and its room.
    fn look(&self, at: &Opener) -> impl Future<Output = Answer<Room>> + Send;
    /// Takes a snapshot. Folders are read twice: first while all goes on, so that most is stored, then in the moment,
    /// when little has changed. Anything that could not be read whole (but a file that vanished in the first reading)
    /// fails the snapshot, which then does not exist. The moment is ended on every way out: as soon as the last folder
    /// is read, after a failure, and when the future is dropped (which is why it is not borrowed).
    fn save(
        &self,
        at: &Opener,
        content: Content,
        moment: Arc<dyn Moment>,
        on_measure: OnMeasure<'_>,
    ) -> impl Future<Output = Answer<Taken>> + Send;
    /// All snapshots, oldest first.
    fn snapshots(&self, at: &Opener) -> impl Future<Output = Answer<Vec<Snapshot>>> + Send;
    /// Entries of a folder in a snapshot, by name: at most `count` from the place `from` on.
    fn list(
        &self,
        at: &Opener,
        snapshot: &SnapshotId,
        folder: &str,
        from: usize,
        count: usize,
    ) -> impl Future<Output = Answer<Vec<Listed>>> + Send;
    /// A file of a snapshot, streamed with flat memory.
    fn read(
        &self,
        at: &Opener,
        snapshot: &SnapshotId,
        file: &str,
    ) -> impl Future<Output = Answer<Bytes>> + Send;
    /// Writes a folder of a snapshot out into an empty folder: owners, modes, times, links, holes, extended attributes.
    /// On the disk when this returns. Repeated, it goes on where it was.
    fn put_back(
        &self,
        at: &Opener,
        snapshot: &SnapshotId,
        folder: &str,
        into: &Path,
        on_measure: OnMeasure<'_>,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Forgets snapshots of `host` by the rule, group by group of tags, and gives their room back. Snapshots of other
    /// hosts are left alone, and so is the last one of each group.
    fn tidy(
        &self,
        at: &Opener,
        host: &str,
        keep: &KeepRule,
        on_measure: OnMeasure<'_>,
    ) -> impl Future<Output = Answer<Tidied>> + Send;
    /// Checks it; what is damaged is named.
    fn check(
        &self,
        at: &Opener,
        part: Part,
        on_measure: OnMeasure<'_>,
    ) -> impl Future<Output = Answer<Option<Damaged>>> + Send;
}
