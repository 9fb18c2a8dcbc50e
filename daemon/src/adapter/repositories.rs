//! Repositories in restic's format, by the library of the rustic project. Debian's `restic` reads all that is written
//! here, and what it writes is read here (decision 0017).

mod carrier;
mod check;
mod fault;
mod place;
mod put_back;
mod read;
mod save;
mod source;
mod tidy;
mod walk;
mod work;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lavoir_core::backup::{KeepRule, SnapshotId};
use tokio::sync::OwnedMutexGuard;

use crate::ports::{
    Answer, Bytes, Content, Damaged, Fault, Listed, Moment, OnMeasure, Opener, Part, Repositories,
    Room, Snapshot, Taken, Tidied,
};
use place::{Door, Keys};
use work::{Work, on_thread, told};

/// Repositories as restic has them.
pub struct ResticRepositories {
    notes: PathBuf,
    keys: Arc<Keys>,
    /// Work on one repository is done one at a time.
    turns: Mutex<BTreeMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>,
}

impl ResticRepositories {
    /// `notes` is a folder of the box's own, in which it stands which repositories were made: where one was, an empty
    /// folder is a disk that is not plugged in, and no fresh one is made.
    pub fn new(notes: PathBuf) -> Self {
        work::tame_the_pool();
        Self {
            notes,
            keys: Arc::default(),
            turns: Mutex::default(),
        }
    }

    fn door(&self, at: &Opener) -> Answer<Door> {
        Door::new(at, &self.notes, &self.keys)
    }

    /// Waits for those who came before.
    fn turn(&self, door: &Door) -> impl Future<Output = OwnedMutexGuard<()>> + use<> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns
            .entry(door.folder().to_path_buf())
            .or_default()
            .clone();
        turn.lock_owned()
    }

    /// Does it in its turn. The turn lasts until the thread has ended, even when nobody waits for it any more.
    async fn in_turn<T: Send + 'static>(
        &self,
        at: &Opener,
        on_measure: Option<OnMeasure<'_>>,
        what: impl FnOnce(&Door, &Arc<Work>) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let door = self.door(at)?;
        let turn = self.turn(&door).await;
        let work = Work::new();
        let its = work.clone();
        let done = on_thread(move || {
            let done = what(&door, &its);
            drop(turn);
            done
        });
        told(&work, on_measure, done).await
    }

    /// Does it at once: it only reads.
    async fn reading<T: Send + 'static>(
        &self,
        at: &Opener,
        on_measure: Option<OnMeasure<'_>>,
        what: impl FnOnce(&Door, &Arc<Work>) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let door = self.door(at)?;
        let work = Work::new();
        let its = work.clone();
        told(&work, on_measure, on_thread(move || what(&door, &its))).await
    }
}

impl Repositories for ResticRepositories {
    async fn make(&self, at: &Opener) -> Answer<()> {
        self.in_turn(at, None, |door, work| door.make(work)).await
    }

    async fn look(&self, at: &Opener) -> Answer<Room> {
        self.reading(at, None, |door, work| {
            door.open(work)?;
            Ok(door.room())
        })
        .await
    }

    async fn save(
        &self,
        at: &Opener,
        content: Content,
        moment: Arc<dyn Moment>,
        on_measure: OnMeasure<'_>,
    ) -> Answer<Taken> {
        let door = self.door(at)?;
        let turn = self.turn(&door).await;
        let work = Work::new();
        let its = work.clone();
        // A task of its own: dropping our future cancels the work, and the moment is ended all the same.
        let saved = tokio::spawn(async move {
            let saved = save::save(door, its, content, moment).await;
            drop(turn);
            saved
        });
        let saved = async {
            saved
                .await
                .unwrap_or_else(|error| Err::<Taken, Fault>(fault::other(error.to_string())))
        };
        told(&work, Some(on_measure), saved).await
    }

    async fn snapshots(&self, at: &Opener) -> Answer<Vec<Snapshot>> {
        self.reading(at, None, read::snapshots).await
    }

    async fn list(
        &self,
        at: &Opener,
        snapshot: &SnapshotId,
        folder: &str,
        from: usize,
        count: usize,
    ) -> Answer<Vec<Listed>> {
        let (snapshot, folder) = (snapshot.clone(), folder.to_owned());
        self.reading(at, None, move |door, work| {
            read::list(door, work, &snapshot, &folder, from, count)
        })
        .await
    }

    async fn read(&self, at: &Opener, snapshot: &SnapshotId, file: &str) -> Answer<Bytes> {
        read::read(self.door(at)?, snapshot.clone(), file.to_owned()).await
    }

    async fn put_back(
        &self,
        at: &Opener,
        snapshot: &SnapshotId,
        folder: &str,
        into: &Path,
        on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        let (snapshot, folder, into) = (snapshot.clone(), folder.to_owned(), into.to_path_buf());
        self.reading(at, Some(on_measure), move |door, work| {
            put_back::put_back(door, work, &snapshot, &folder, &into)
        })
        .await
    }

    async fn tidy(
        &self,
        at: &Opener,
        host: &str,
        keep: &KeepRule,
        on_measure: OnMeasure<'_>,
    ) -> Answer<Tidied> {
        let (host, keep) = (host.to_owned(), *keep);
        self.in_turn(at, Some(on_measure), move |door, work| {
            tidy::tidy(door, work, &host, &keep)
        })
        .await
    }

    async fn check(
        &self,
        at: &Opener,
        part: Part,
        on_measure: OnMeasure<'_>,
    ) -> Answer<Option<Damaged>> {
        self.in_turn(at, Some(on_measure), move |door, work| {
            check::check(door, work, part)
        })
        .await
    }
}
