//! Getting at a repository in its place, and being sure that it is the one that is meant.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use lavoir_core::backup::Place;
use rustic_backend::LocalBackend;
use rustic_core::repofile::MasterKey;
use rustic_core::{
    ConfigOptions, Credentials, KeyOptions, OpenStatus, Repository, RepositoryBackends,
    RepositoryOptions, WriteBackend,
};
use sha2::{Digest as _, Sha256};

use super::carrier::Carrier;
use super::fault;
use super::work::{Bars, Work};
use crate::adapter::durable;
use crate::ports::{Answer, Fault, Opener, Room};

/// Data are packed into files of about this size (restic's own); a greater one costs memory.
const PACK_SIZE: &str = "16MiB";
/// Trees likewise.
const TREE_PACK_SIZE: &str = "4MiB";
/// restic renews its locks every five minutes, and takes them for left behind after this.
const LOCK_IS_STALE: Duration = Duration::from_secs(30 * 60);
/// What a repository's folder may have in it while it is being made, and a new file system's own folder.
const EMPTY_FOLDERS: [&str; 4] = ["data", "index", "locks", "snapshots"];
/// Of a key with which something new is made.
const KEY_BYTES_MIN: usize = 20;
const LOST_AND_FOUND: &str = "lost+found";

/// A repository that is open, with what carries its files.
pub(super) struct Opened<S> {
    pub repository: Repository<S>,
    pub carrier: Arc<Carrier>,
}

/// Master keys of repositories that were opened before. Each opening with the password takes 128 MiB of memory and
/// half a second (scrypt, as the library has it): once in the daemon's life is enough.
#[derive(Default)]
pub(super) struct Keys(Mutex<BTreeMap<PathBuf, MasterKey>>);

impl Keys {
    fn all(&self) -> MutexGuard<'_, BTreeMap<PathBuf, MasterKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One repository, to be opened as often as needed.
#[derive(Clone)]
pub(super) struct Door {
    at: Opener,
    keys: Arc<Keys>,
    folder: PathBuf,
    made: PathBuf,
}

impl Door {
    /// `notes` is the folder in which it stands which repositories were made.
    pub fn new(at: &Opener, notes: &Path, keys: &Arc<Keys>) -> Answer<Self> {
        let Place::Folder { path } = &at.place;
        let folder = PathBuf::from(path);
        if !folder.is_absolute() {
            return Err(fault::not_a_place(path));
        }
        // A place that is made anew gets a new key: it is another one then.
        let mut digest = Sha256::new();
        digest.update(path.as_bytes());
        digest.update([0]);
        digest.update(at.key.as_bytes());
        let name: String = digest.finalize()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Self {
            at: at.clone(),
            keys: keys.clone(),
            folder,
            made: notes.join(name),
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn shown(&self) -> String {
        self.folder.to_string_lossy().into_owned()
    }

    fn is_there(&self) -> Answer<bool> {
        match self.folder.join("config").metadata() {
            Ok(meta) => Ok(meta.is_file()),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(place_fault(&error)),
        }
    }

    fn raw(&self, work: &Arc<Work>) -> Answer<Arc<Carrier>> {
        let local = LocalBackend::new(self.shown(), Vec::new())
            .map_err(|error| fault::other(fault::line(&error)))?;
        let local: Arc<dyn WriteBackend> = Arc::new(local);
        Ok(Carrier::new(local, Some(self.folder.clone()), work.clone()))
    }

    /// What carries its files, without opening it.
    pub fn carrier(&self, work: &Arc<Work>) -> Answer<Arc<Carrier>> {
        if !self.is_there()? {
            return Err(fault::not_there(&self.shown()));
        }
        self.raw(work)
    }

    /// Opens it with its key.
    pub fn open(&self, work: &Arc<Work>) -> Answer<Opened<OpenStatus>> {
        let carrier = self.carrier(work)?;
        let repository = self.open_over(work, &carrier)?;
        Ok(Opened {
            repository,
            carrier,
        })
    }

    fn open_over(
        &self,
        work: &Arc<Work>,
        carrier: &Arc<Carrier>,
    ) -> Answer<Repository<OpenStatus>> {
        let backends = RepositoryBackends::new(carrier.clone(), None);
        let open = |credentials: &Credentials| {
            Repository::new_with_progress(&options(), &backends, Bars(work.clone()))
                .and_then(|repository| repository.open(credentials))
        };
        let known = self.keys.all().get(&self.made).cloned();
        if let Some(key) = known {
            if let Ok(repository) = open(&Credentials::Masterkey(key)) {
                return Ok(repository);
            }
            // Another repository lies there by now, or this one is damaged: as if for the first time.
            work.go_on()?;
            self.keys.all().remove(&self.made);
            carrier.forgive();
        }
        let repository = open(&self.credentials()).map_err(|error| carrier.fault(&error))?;
        self.keys.all().insert(self.made.clone(), repository.key());
        Ok(repository)
    }

    /// Opens it with its password, whatever is remembered.
    pub fn open_anew(
        &self,
        work: &Arc<Work>,
        carrier: &Arc<Carrier>,
    ) -> Answer<Repository<OpenStatus>> {
        self.keys.all().remove(&self.made);
        self.open_over(work, carrier)
    }

    fn credentials(&self) -> Credentials {
        Credentials::Password(self.at.key.as_str().to_owned())
    }

    /// Makes it, if it is not there; never a second one where one was made before.
    pub fn make(&self, work: &Arc<Work>) -> Answer<()> {
        if self.is_there()? {
            self.open(work)?;
            return self.note();
        }
        if self.made.exists() {
            return Err(fault::not_there(&self.shown()));
        }
        // Ours are longer; one that is given opens what is there already.
        if self.at.key.len() < KEY_BYTES_MIN {
            return Err(fault::weak_key());
        }
        self.clear()?;
        let carrier = self.raw(work)?;
        let backends = RepositoryBackends::new(carrier.clone(), None);
        let mut config = ConfigOptions::default()
            .set_version(2_u32)
            .set_datapack_growfactor(0_u32)
            .set_treepack_growfactor(0_u32);
        config.set_datapack_size = PACK_SIZE.parse().ok();
        config.set_treepack_size = TREE_PACK_SIZE.parse().ok();
        let bars = Bars(work.clone());
        // restic looks into it.
        fs::create_dir(self.folder.join("locks"))
            .or_else(if_there)
            .map_err(|e| place_fault(&e))?;
        Repository::new_with_progress(&options(), &backends, bars)
            .and_then(|new| new.init(&self.credentials(), &KeyOptions::default(), &config))
            .map_err(|error| carrier.fault(&error))?;
        self.sync()?;
        self.note()
    }

    /// That the folder is empty, or was left in the middle of being made: then it is emptied.
    fn clear(&self) -> Answer<()> {
        let entries = match self.folder.read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match fs::DirBuilder::new().mode(0o700).create(&self.folder) {
                    Err(error) if is_missing(&error) => Err(fault::not_a_place(&self.shown())),
                    made => made.map_err(|error| place_fault(&error)),
                };
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(fault::not_a_place(&self.shown()));
            }
            Err(error) => return Err(place_fault(&error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| place_fault(&error))?;
            let name = entry.file_name();
            let known = name == LOST_AND_FOUND
                || name == "keys"
                || EMPTY_FOLDERS
                    .iter()
                    .any(|known| name == *known && has_no_files(&entry.path()).unwrap_or(false));
            if !known {
                return Err(fault::not_empty(&self.shown()));
            }
        }
        // Without a config and with nothing stored, a key of an attempt before opens nothing.
        match fs::remove_dir_all(self.folder.join("keys")) {
            Err(error) if !is_missing(&error) => Err(place_fault(&error)),
            _ => Ok(()),
        }
    }

    /// Remembers that a repository was made here with this key: an empty folder is then a disk that is not plugged in.
    fn note(&self) -> Answer<()> {
        let said = |error: io::Error| fault::other(error.to_string());
        if let Some(notes) = self.made.parent() {
            durable::make_folder(notes).map_err(said)?;
        }
        durable::write(&self.made, b"", durable::Access::PRIVATE).map_err(said)
    }

    /// That everything written so far is on the disk.
    pub fn sync(&self) -> Answer<()> {
        let folder = fs::File::open(&self.folder).map_err(|error| place_fault(&error))?;
        rustix::fs::syncfs(&folder).map_err(|error| place_fault(&error.into()))
    }

    /// How much room its disk has.
    pub fn room(&self) -> Room {
        let Ok(disk) = nix::sys::statvfs::statvfs(&self.folder) else {
            return Room {
                free: None,
                total: None,
            };
        };
        let block = disk.fragment_size();
        Room {
            free: Some(disk.blocks_available().saturating_mul(block)),
            total: Some(disk.blocks().saturating_mul(block)),
        }
    }

    /// That restic is not at work on it. A stale lock is passed over and left where it is: restic knows what to do with it.
    pub fn is_free(&self) -> Answer<()> {
        let entries = match self.folder.join("locks").read_dir() {
            Ok(entries) => entries,
            Err(error) if is_missing(&error) => return Ok(()),
            Err(error) => return Err(place_fault(&error)),
        };
        let now = SystemTime::now();
        for entry in entries {
            let changed = entry
                .and_then(|entry| entry.metadata())
                .and_then(|meta| meta.modified());
            match changed {
                // A lock of the future is a fresh one too: the clock went back.
                Ok(at) if now.duration_since(at).is_ok_and(|age| age > LOCK_IS_STALE) => {
                    tracing::warn!("a lock that restic left behind lies in the repository");
                }
                Ok(_) => return Err(fault::in_use()),
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(place_fault(&error)),
            }
        }
        Ok(())
    }

    /// Removes what writing left behind when it was cut off; whoever calls has the repository for himself.
    pub fn sweep(&self) -> Answer<()> {
        let swept = || -> io::Result<()> {
            for top in ["data", "index", "keys", "snapshots"] {
                let top = self.folder.join(top);
                let mut folders = vec![top.clone()];
                while let Some(at) = folders.pop() {
                    for entry in at.read_dir()? {
                        let entry = entry?;
                        if at == top && entry.file_type()?.is_dir() {
                            folders.push(entry.path());
                        } else if entry.file_name().to_string_lossy().ends_with("-tmp-") {
                            fs::remove_file(entry.path())?;
                        }
                    }
                }
            }
            Ok(())
        };
        swept().map_err(|error| place_fault(&error))
    }

    /// Bytes of all its files.
    pub fn size(&self) -> Answer<u64> {
        let counted = || -> io::Result<u64> {
            let mut bytes = 0;
            let mut folders = vec![self.folder.clone()];
            while let Some(at) = folders.pop() {
                for entry in at.read_dir()? {
                    let entry = entry?;
                    if entry.file_type()?.is_dir() {
                        if entry.file_name() != LOST_AND_FOUND {
                            folders.push(entry.path());
                        }
                    } else {
                        bytes += entry.metadata()?.size();
                    }
                }
            }
            Ok(bytes)
        };
        counted().map_err(|error| place_fault(&error))
    }
}

fn options() -> RepositoryOptions {
    // A cache would lie in root's home, and is of no use beside a local disk.
    RepositoryOptions::default().no_cache(true)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn if_there(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return Ok(());
    }
    Err(error)
}

fn place_fault(error: &io::Error) -> Fault {
    fault::of_place(error).unwrap_or_else(|| fault::failing(error.to_string()))
}

fn has_no_files(folder: &Path) -> io::Result<bool> {
    for entry in folder.read_dir()? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || !has_no_files(&entry.path())? {
            return Ok(false);
        }
    }
    Ok(true)
}
