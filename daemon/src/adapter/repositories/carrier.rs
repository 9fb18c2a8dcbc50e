//! Between rustic and the place: what happens there is remembered, and a snapshot is held back until it is proven.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustic_core::{
    BytesList, ErrorKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};
use sha2::{Digest as _, Sha256};

use super::fault;
use super::work::Work;
use crate::ports::Fault;

/// Carries a repository's files to and from their place, for one piece of work.
#[derive(Debug)]
pub(super) struct Carrier {
    place: Arc<dyn WriteBackend>,
    /// The repository's folder, where its place is one.
    folder: Option<PathBuf>,
    work: Arc<Work>,
    hold: AtomicBool,
    held: Mutex<BTreeMap<Id, Bytes>>,
    written: AtomicU64,
    /// What first went wrong. rustic passes over some failures with a warning: here none is lost.
    trouble: Mutex<Option<Fault>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Carrier {
    pub fn new(
        place: Arc<dyn WriteBackend>,
        folder: Option<PathBuf>,
        work: Arc<Work>,
    ) -> Arc<Self> {
        Arc::new(Self {
            place,
            folder,
            work,
            hold: AtomicBool::new(false),
            held: Mutex::default(),
            written: AtomicU64::new(0),
            trouble: Mutex::default(),
        })
    }

    /// From here on snapshots are kept in memory: as far as the place is concerned there are none.
    pub fn hold_snapshots(&self) {
        self.hold.store(true, Ordering::Relaxed);
    }

    /// Writes the snapshot that was held back: now it is there.
    pub fn release(&self, id: &Id) -> RusticResult<()> {
        let Some(bytes) = locked(&self.held).remove(id) else {
            return Err(RusticError::new(
                ErrorKind::Internal,
                "no such snapshot was held back",
            ));
        };
        self.put(FileType::Snapshot, id, false, bytes.into())
    }

    /// Those that are held back.
    pub fn held(&self) -> Vec<Id> {
        locked(&self.held).keys().copied().collect()
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// What first went wrong at the place, even where rustic passed over it.
    pub fn trouble(&self) -> Option<Fault> {
        locked(&self.trouble).clone()
    }

    /// Forgets what went wrong so far: it was of no concern.
    pub fn forgive(&self) {
        *locked(&self.trouble) = None;
    }

    /// What an error of rustic means, in the light of what was seen here.
    pub fn fault(&self, error: &RusticError) -> Fault {
        if self.work.is_cancelled() {
            return fault::cancelled();
        }
        if let Some(trouble) = self.trouble() {
            return trouble;
        }
        if error.is_incorrect_password() {
            return fault::wrong_key();
        }
        if let Some(fault) = fault::ground(error).and_then(fault::of_place) {
            return fault;
        }
        let said = fault::line(error);
        // What was read does not decrypt, unpack or parse.
        if [
            "ecrypt",
            "ecompress",
            "orrupt",
            "eserializ",
            "not found in index",
            "contained in index",
        ]
        .iter()
        .any(|sign| said.contains(sign))
        {
            return fault::damaged(vec![said]);
        }
        fault::other(said)
    }

    fn remember(&self, kind: FileType, id: &Id, error: Box<RusticError>) -> Box<RusticError> {
        let found = match fault::ground(&*error) {
            Some(io) => fault::of_place(io).unwrap_or_else(|| {
                let name = fault::file_name(kind, id);
                match &self.folder {
                    // The whole repository went, not one file of it.
                    Some(folder) if !folder.join("config").exists() => {
                        fault::not_there(&folder.to_string_lossy())
                    }
                    _ => fault::damaged(vec![format!("{name}: {io}")]),
                }
            }),
            None => fault::other(fault::line(&error)),
        };
        locked(&self.trouble).get_or_insert(found);
        error
    }

    fn put(
        &self,
        kind: FileType,
        id: &Id,
        cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        let bytes = content.size() as u64;
        self.place
            .write_bytes(kind, id, cacheable, content)
            .and_then(|()| self.settle(kind, id))
            .map_err(|error| self.remember(kind, id, error))?;
        self.written.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// The file is on the disk; so is its name, after this.
    fn settle(&self, kind: FileType, id: &Id) -> RusticResult<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let file = folder.join(fault::file_name(kind, id));
        file.parent().map_or(Ok(()), sync_folder).map_err(|error| {
            RusticError::with_source(ErrorKind::InputOutput, "the folder cannot be synced", error)
        })
    }

    fn cancelled(&self) -> RusticResult<()> {
        if self.work.is_cancelled() {
            return Err(RusticError::new(ErrorKind::Other, "cancelled"));
        }
        Ok(())
    }
}

/// Every file but the config is named after its content.
pub(super) fn is_named_after(bytes: &[u8], id: &Id) -> bool {
    Id::new(Sha256::digest(bytes).into()) == *id
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

impl ReadBackend for Carrier {
    fn location(&self) -> String {
        self.place.location()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        self.cancelled()?;
        let mut list = match &self.folder {
            // The library's own listing leaves out what it cannot read; here that is an error.
            Some(folder) => list_folder(folder, kind).map_err(|error| {
                let error = RusticError::with_source(ErrorKind::Backend, "cannot be listed", error);
                self.remember(kind, &Id::default(), error)
            })?,
            None => self
                .place
                .list_with_size(kind)
                .map_err(|error| self.remember(kind, &Id::default(), error))?,
        };
        if kind == FileType::Snapshot {
            let held = locked(&self.held);
            list.extend(
                held.iter()
                    .map(|(id, bytes)| (*id, u32::try_from(bytes.len()).unwrap_or(u32::MAX))),
            );
        }
        Ok(list)
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        self.cancelled()?;
        if kind == FileType::Snapshot
            && let Some(bytes) = locked(&self.held).get(id)
        {
            return Ok(bytes.clone());
        }
        let bytes = self
            .place
            .read_full(kind, id)
            .map_err(|error| self.remember(kind, id, error))?;
        if kind != FileType::Config && !is_named_after(&bytes, id) {
            let found = fault::damaged(vec![fault::file_name(kind, id)]);
            locked(&self.trouble).get_or_insert(found);
            return Err(RusticError::new(
                ErrorKind::Verification,
                "a file is damaged",
            ));
        }
        Ok(bytes)
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        self.cancelled()?;
        self.place
            .read_partial(kind, id, cacheable, offset, length)
            .map_err(|error| self.remember(kind, id, error))
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        self.place.warmup_path(kind, id)
    }

    fn needs_warm_up(&self) -> bool {
        self.place.needs_warm_up()
    }

    fn warm_up(&self, kind: FileType, id: &Id) -> RusticResult<()> {
        self.place.warm_up(kind, id)
    }
}

impl WriteBackend for Carrier {
    fn create(&self) -> RusticResult<()> {
        self.place.create()
    }

    // Writing goes on when the work is cancelled: what was read is then stored and found again the next time.
    fn write_bytes(
        &self,
        kind: FileType,
        id: &Id,
        cacheable: bool,
        content: BytesList,
    ) -> RusticResult<()> {
        if kind == FileType::Snapshot && self.hold.load(Ordering::Relaxed) {
            let bytes = content.into_vec().concat();
            locked(&self.held).insert(*id, bytes.into());
            return Ok(());
        }
        self.put(kind, id, cacheable, content)
    }

    fn remove(&self, kind: FileType, id: &Id, cacheable: bool) -> RusticResult<()> {
        self.cancelled()?;
        self.place
            .remove(kind, id, cacheable)
            .map_err(|error| self.remember(kind, id, error))
    }
}

/// All files of a kind in a repository's folder. Names that are none of restic's are passed over.
fn list_folder(folder: &Path, kind: FileType) -> io::Result<Vec<(Id, u32)>> {
    let mut list = Vec::new();
    if kind == FileType::Config {
        match folder.join("config").metadata() {
            Ok(meta) => list.push((Id::default(), length(&meta)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        return Ok(list);
    }
    let top = folder.join(kind.dirname());
    let mut folders = vec![top.clone()];
    while let Some(at) = folders.pop() {
        for entry in at.read_dir()? {
            let entry = entry?;
            let file_type = entry.file_type()?;
            if file_type.is_dir() && at == top {
                folders.push(entry.path());
            } else if file_type.is_file()
                && let Some(id) = entry
                    .file_name()
                    .to_str()
                    .and_then(|name| Id::parse_some(name, kind))
            {
                list.push((id, length(&entry.metadata()?)?));
            }
        }
    }
    Ok(list)
}

fn length(meta: &std::fs::Metadata) -> io::Result<u32> {
    u32::try_from(meta.len()).map_err(io::Error::other)
}
