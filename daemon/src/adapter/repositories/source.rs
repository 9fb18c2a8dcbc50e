//! What rustic reads: texts, folders, dumps, one after the other in the order of restic's trees. rustic passes over
//! what it cannot read with a warning; here every failure is remembered, and the snapshot then never is.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustic_core::jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{
    ErrorKind, ReadSource, ReadSourceEntry, ReadSourceOpen, RusticError, RusticResult,
};
use rustix::fs::{FileType, Mode, OFlags, openat};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::fault;
use super::walk::{Walk, go_mode};
use super::work::Work;
use crate::ports::{Bytes, Fault};

/// Held by whatever may still read a file; when the last one is gone, all has been read.
pub(super) type StillReading = mpsc::Sender<Infallible>;

/// Reads what another source of the same snapshot has stored already.
pub(super) type Stored = Box<dyn Read + Send>;

/// One thing to be saved.
pub(super) enum Item {
    Text(Arc<Zeroizing<Vec<u8>>>),
    Folder(PathBuf),
    Dump(Bytes),
    /// A dump that is stored already, with its length.
    Stored(u64, Stored),
}

/// What all entries and readers of one reading share.
pub(super) struct Reading {
    pub work: Arc<Work>,
    /// Set when the work is cancelled, and when one of its readings has failed.
    stop: CancellationToken,
    /// Whether this is the reading in the moment, in which nothing may change.
    pub strict: bool,
    first_fault: Mutex<Option<Fault>>,
    /// Entries that must be found again in the snapshot.
    entries: AtomicU64,
}

impl Reading {
    pub fn new(work: &Arc<Work>, strict: bool) -> Arc<Self> {
        Arc::new(Self {
            work: work.clone(),
            stop: work.stop.child_token(),
            strict,
            first_fault: Mutex::default(),
            entries: AtomicU64::new(0),
        })
    }

    pub fn fault(&self) -> Option<Fault> {
        locked(&self.first_fault).clone()
    }

    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::SeqCst)
    }

    pub fn fail(&self, fault: Fault) {
        let mut first = locked(&self.first_fault);
        if first.is_none() {
            *first = Some(if self.work.is_cancelled() {
                fault::cancelled()
            } else {
                fault
            });
        }
        self.stop.cancel();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A source for one reading.
pub(super) struct Source {
    reading: Arc<Reading>,
    time: Option<Timestamp>,
    once: Mutex<Option<Once>>,
    folders: Vec<PathBuf>,
}

struct Once {
    items: VecDeque<(PathBuf, Item)>,
    still_reading: Option<StillReading>,
    handle: Handle,
}

impl Source {
    /// `items` have absolute paths, none of which lies in another one.
    pub fn new(
        reading: &Arc<Reading>,
        time: Option<Timestamp>,
        mut items: Vec<(PathBuf, Item)>,
        still_reading: Option<StillReading>,
        handle: Handle,
    ) -> Self {
        // By their parts, as trees are ordered.
        items.sort_by(|(a, _), (b, _)| a.cmp(b));
        let folders = items
            .iter()
            .filter_map(|(_, item)| match item {
                Item::Folder(here) => Some(here.clone()),
                _ => None,
            })
            .collect();
        let once = Once {
            items: items.into(),
            still_reading,
            handle,
        };
        Self {
            reading: reading.clone(),
            time,
            once: Mutex::new(Some(once)),
            folders,
        }
    }
}

impl ReadSource for Source {
    type Open = Openable;
    type Iter = Entries;

    /// For the measure alone: what cannot be looked at is told by the reading itself.
    fn size(&self) -> RusticResult<Option<u64>> {
        let mut bytes = 0;
        for folder in &self.folders {
            for found in Walk::new(PathBuf::new(), folder.clone()) {
                if self.reading.work.is_cancelled() {
                    return Ok(None);
                }
                if let Ok(found) = found
                    && found.node.is_file()
                {
                    bytes += found.node.meta.size;
                }
            }
        }
        Ok(Some(bytes))
    }

    fn entries(&self) -> Entries {
        let once = locked(&self.once).take();
        let (items, still_reading, handle) = match once {
            Some(once) => (once.items, once.still_reading, Some(once.handle)),
            None => (VecDeque::new(), None, None),
        };
        Entries {
            reading: self.reading.clone(),
            time: self.time,
            items,
            walk: None,
            above: BTreeSet::new(),
            ahead: VecDeque::new(),
            still_reading,
            handle,
        }
    }
}

/// The entries in order.
pub(super) struct Entries {
    reading: Arc<Reading>,
    time: Option<Timestamp>,
    items: VecDeque<(PathBuf, Item)>,
    walk: Option<Walk>,
    /// Folders above our own that have been told.
    above: BTreeSet<PathBuf>,
    ahead: VecDeque<ReadSourceEntry<Openable>>,
    still_reading: Option<StillReading>,
    handle: Option<Handle>,
}

impl Entries {
    fn meta(&self, mode: u32, size: u64) -> Metadata {
        Metadata {
            mode: Some(go_mode(mode)),
            mtime: self.time,
            atime: self.time,
            ctime: self.time,
            uid: Some(0),
            gid: Some(0),
            size,
            links: u64::from(mode & 0o040_000 == 0),
            ..Metadata::default()
        }
    }

    /// Folders above, which are nobody's: owned by root, closed to others.
    fn tell_above(&mut self, path: &Path) {
        let mut above: Vec<_> = path
            .ancestors()
            .skip(1)
            .filter(|at| at.file_name().is_some())
            .collect();
        above.reverse();
        for at in above {
            if !self.above.insert(at.to_path_buf()) {
                continue;
            }
            let name = at.file_name().unwrap_or_default();
            let node = Node::new_node(name, NodeType::Dir, self.meta(0o040_700, 0));
            self.ahead.push_back(ReadSourceEntry {
                path: at.to_path_buf(),
                node,
                open: None,
            });
        }
    }

    fn file(&mut self, path: PathBuf, size: u64, what: What) {
        let name = path.file_name().unwrap_or_default();
        let node = Node::new_node(name, NodeType::File, self.meta(0o100_600, size));
        let open = self.openable(path.clone(), size, what);
        self.ahead.push_back(ReadSourceEntry {
            path,
            node,
            open: Some(open),
        });
    }

    fn openable(&self, inside: PathBuf, size: u64, what: What) -> Openable {
        Openable {
            inside,
            size,
            what,
            reading: self.reading.clone(),
            still_reading: self.still_reading.clone(),
        }
    }

    fn take(&mut self, path: PathBuf, item: Item) {
        self.tell_above(&path);
        match item {
            Item::Text(bytes) => {
                let size = bytes.len() as u64;
                self.file(path, size, What::Text(bytes));
            }
            Item::Folder(here) => self.walk = Some(Walk::new(path, here)),
            Item::Dump(bytes) => {
                if let Some(handle) = self.handle.clone() {
                    self.file(path, 0, What::Dump(bytes, handle));
                }
            }
            Item::Stored(size, stored) => self.file(path, size, What::Stored(stored)),
        }
    }
}

impl Iterator for Entries {
    type Item = RusticResult<ReadSourceEntry<Openable>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.reading.stop.is_cancelled() {
                self.reading.fail(fault::cancelled());
                self.still_reading = None;
                return None;
            }
            if let Some(entry) = self.ahead.pop_front() {
                if !entry.node.is_dir() {
                    self.reading.entries.fetch_add(1, Ordering::SeqCst);
                }
                return Some(Ok(entry));
            }
            match self.walk.as_mut().map(Iterator::next) {
                Some(Some(Ok(found))) => {
                    let what = What::File(found.folder, found.name);
                    let size = found.node.meta.size;
                    let open = found
                        .node
                        .is_file()
                        .then(|| self.openable(found.inside.clone(), size, what));
                    self.ahead.push_back(ReadSourceEntry {
                        path: found.inside,
                        node: found.node,
                        open,
                    });
                }
                Some(Some(Err((inside, error)))) => {
                    self.reading
                        .fail(fault::unreadable(&inside.to_string_lossy(), &error));
                }
                Some(None) => self.walk = None,
                None => match self.items.pop_front() {
                    Some((path, item)) => self.take(path, item),
                    None => {
                        self.still_reading = None;
                        return None;
                    }
                },
            }
        }
    }
}

enum What {
    Text(Arc<Zeroizing<Vec<u8>>>),
    File(Arc<OwnedFd>, OsString),
    Dump(Bytes, Handle),
    Stored(Stored),
}

/// A file that can be opened once.
pub(super) struct Openable {
    inside: PathBuf,
    size: u64,
    what: What,
    reading: Arc<Reading>,
    still_reading: Option<StillReading>,
}

impl ReadSourceOpen for Openable {
    type Reader = Reader;

    fn open(self) -> RusticResult<Reader> {
        let inside = self.inside.to_string_lossy().into_owned();
        let from = match self.what {
            What::Text(bytes) => From::Text(Cursor::new(Shared(bytes))),
            What::Stored(stored) => From::Stored(stored),
            What::Dump(bytes, handle) => From::Dump(bytes, handle),
            What::File(folder, name) => match open_file(&folder, &name) {
                Ok(Some(file)) => From::File(file),
                // Gone, or another thing by now: left out of the snapshot.
                gone @ (Ok(None) | Err(_)) => {
                    match gone {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            self.reading.fail(fault::unreadable(&inside, &error));
                        }
                        Ok(_) if self.reading.strict => self.reading.fail(fault::changed(&inside)),
                        _ => {}
                    }
                    self.reading.entries.fetch_sub(1, Ordering::SeqCst);
                    return Err(RusticError::new(ErrorKind::InputOutput, "cannot be opened"));
                }
            },
        };
        Ok(Reader {
            inside,
            left: self.size,
            from,
            reading: self.reading,
            _still_reading: self.still_reading,
        })
    }
}

fn open_file(folder: &OwnedFd, name: &OsStr) -> io::Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    // Reading leaves no trace, where we are allowed to leave none.
    let opened = match openat(folder, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(rustix::io::Errno::PERM) => openat(folder, name, flags, Mode::empty()),
        opened => opened,
    };
    let file = match opened {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stat = rustix::fs::fstat(&file)?;
    Ok((FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then_some(file))
}

#[derive(Clone)]
struct Shared(Arc<Zeroizing<Vec<u8>>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

enum From {
    Text(Cursor<Shared>),
    File(File),
    Dump(Bytes, Handle),
    Stored(Stored),
}

/// Reads one of them and remembers what goes wrong.
pub(super) struct Reader {
    inside: String,
    left: u64,
    from: From,
    reading: Arc<Reading>,
    _still_reading: Option<StillReading>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let reading = &self.reading;
        if reading.stop.is_cancelled() {
            reading.fail(fault::cancelled());
            return Err(io::Error::other("cancelled"));
        }
        let read = match &mut self.from {
            From::Text(text) => text.read(buffer),
            From::Stored(stored) => stored.read(buffer),
            From::Dump(bytes, handle) => {
                let stop = &reading.stop;
                let read = handle.block_on(async {
                    tokio::select! {
                        () = stop.cancelled() => Err(io::Error::other("cancelled")),
                        read = tokio::io::AsyncReadExt::read(bytes, buffer) => read,
                    }
                });
                if let Ok(count) = read {
                    reading.work.add_total(count as u64);
                    reading.work.add_done(count as u64);
                }
                read.inspect_err(|error| reading.fail(fault::dump(&self.inside, error)))
            }
            // What has grown is read as far as it reached when we looked.
            From::File(file) => {
                let most = usize::try_from(self.left)
                    .unwrap_or(usize::MAX)
                    .min(buffer.len());
                let read = file.read(&mut buffer[..most]);
                if matches!(read, Ok(0)) && most > 0 {
                    if reading.strict {
                        reading.fail(fault::changed(&self.inside));
                    }
                    // Left out of the first reading, so that it is read again in the moment.
                    return Err(io::Error::other("shorter than it was"));
                }
                if let Ok(count) = read {
                    self.left -= count as u64;
                }
                read
            }
        };
        read.inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                reading.fail(fault::unreadable(&self.inside, error));
            }
        })
    }
}
