//! Writing a folder of a snapshot out. Not the library's way, which reads whole packs with twenty threads and queues
//! what it read without bound (a GiB of memory for a GiB of data): files go one after the other to a few threads, each
//! with one piece in memory, and each piece is checked against its name.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use lavoir_core::backup::SnapshotId;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{IndexedFullStatus, Repository, TreeId};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, openat,
};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::carrier::Carrier;
use super::fault;
use super::place::{Door, Opened};
use super::read::{node_at, piece, snapshot_file};
use super::walk::{FOLDER, attributes, names, proc_path, unix_mode};
use super::work::Work;
use crate::ports::{Answer, Fault};

/// Threads that write files.
const WRITERS: usize = 2;
/// Files that wait for them.
const FILES_AHEAD: usize = 16;
/// Zeros of at least this length, and in such steps, become holes.
const HOLE_BYTES: usize = 4096;
static ZEROS: [u8; HOLE_BYTES] = [0; HOLE_BYTES];
const NS_PER_S: i128 = 1_000_000_000;
/// Folders in folders.
const DEPTH_MAX: usize = 1024;

/// Makes `into` what `folder` was. What is there already is compared piece by piece, what does not belong goes.
pub(super) fn put_back(
    door: &Door,
    work: &Arc<Work>,
    id: &SnapshotId,
    folder: &str,
    into: &Path,
) -> Answer<()> {
    let Opened {
        repository,
        carrier,
    } = door.open(work)?;
    let snapshot = snapshot_file(&repository, &carrier, id)?;
    let repository = repository
        .to_indexed()
        .map_err(|error| carrier.fault(&error))?;
    let node = node_at(&repository, &carrier, &snapshot, folder)?;
    let tree = node.subtree.ok_or_else(|| fault::no_path(folder))?;
    let cannot = |error: Errno| fault::cannot_put_back(folder, &error.into());
    let root = openat(rustix::fs::CWD, into, FOLDER, Mode::empty()).map_err(cannot)?;
    let root = Arc::new(root);
    let put = PutBack {
        repository: &repository,
        carrier: &carrier,
        work,
        first_fault: Mutex::default(),
    };
    work.add_total(put.size(tree, 0)?);
    let mut later = Later::default();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel::<Task>(FILES_AHEAD);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..WRITERS {
            let (put, receiver) = (&put, receiver.clone());
            scope.spawn(move || {
                loop {
                    let task = receiver
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .recv();
                    let Ok(task) = task else { return };
                    if put.failed().is_none() {
                        put.note(put.file(&task));
                    }
                }
            });
        }
        put.note(put.folder(
            &root,
            tree,
            Path::new(folder),
            Path::new(""),
            &sender,
            &mut later,
            0,
        ));
    });
    if let Some(fault) = put.failed() {
        return Err(fault);
    }
    later.finish(&root, &node, folder)?;
    work.go_on()?;
    rustix::fs::syncfs(&*root).map_err(cannot)
}

/// A file to be written.
struct Task {
    folder: Arc<OwnedFd>,
    node: Node,
    inside: PathBuf,
}

/// What comes after all files: further names of the same file, and what writing changes of folders.
#[derive(Default)]
struct Later {
    first_names: BTreeMap<(u64, u64), PathBuf>,
    links: Vec<(PathBuf, PathBuf)>,
    folders: Vec<(PathBuf, Metadata)>,
}

impl Later {
    fn finish(self, root: &OwnedFd, node: &Node, folder: &str) -> Answer<()> {
        for (first, other) in &self.links {
            link(root, first, other)
                .map_err(|error| fault::cannot_put_back(&other.to_string_lossy(), &error))?;
        }
        // The deepest first: setting times within a folder changes nothing of it any more.
        for (path, meta) in self.folders.iter().rev() {
            within(root, path)
                .and_then(|(above, name)| set(&above, &name, meta, &NodeType::Dir))
                .map_err(|error| fault::cannot_put_back(&path.to_string_lossy(), &error))?;
        }
        if node.name.is_empty() {
            return Ok(());
        }
        set(root, OsStr::new("."), &node.meta, &NodeType::Dir)
            .map_err(|error| fault::cannot_put_back(folder, &error))
    }
}

struct PutBack<'a> {
    repository: &'a Repository<IndexedFullStatus>,
    carrier: &'a Carrier,
    work: &'a Work,
    first_fault: Mutex<Option<Fault>>,
}

impl PutBack<'_> {
    fn failed(&self) -> Option<Fault> {
        self.first_fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, answer: Answer<()>) {
        if let Err(fault) = answer {
            let mut first = self
                .first_fault
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(fault);
        }
    }

    fn nodes(&self, tree: TreeId) -> Answer<Vec<Node>> {
        let tree = self.repository.get_tree(&tree);
        Ok(tree.map_err(|error| self.carrier.fault(&error))?.nodes)
    }

    /// Bytes of all files below.
    fn size(&self, tree: TreeId, depth: usize) -> Answer<u64> {
        self.work.go_on()?;
        if depth > DEPTH_MAX {
            return Err(fault::damaged(vec!["folders without end".to_owned()]));
        }
        let mut bytes = 0;
        for node in self.nodes(tree)? {
            if node.is_file() {
                bytes += node.meta.size;
            } else if let Some(tree) = node.subtree {
                bytes += self.size(tree, depth + 1)?;
            }
        }
        Ok(bytes)
    }

    #[allow(clippy::too_many_arguments)]
    fn folder(
        &self,
        here: &Arc<OwnedFd>,
        tree: TreeId,
        inside: &Path,
        below: &Path,
        files: &mpsc::SyncSender<Task>,
        later: &mut Later,
        depth: usize,
    ) -> Answer<()> {
        let nodes = self.nodes(tree)?;
        let wanted: BTreeSet<_> = nodes.iter().map(|node| node.name().into_owned()).collect();
        // Twice the same name: what is made of the first would be found under the second.
        if wanted.len() != nodes.len() {
            let twice = format!("a name that stands twice: {}", inside.display());
            return Err(fault::damaged(vec![twice]));
        }
        let cannot =
            |path: &Path, error: &io::Error| fault::cannot_put_back(&path.to_string_lossy(), error);
        for name in names(here).map_err(|error| cannot(inside, &error))? {
            if !wanted.contains(&name) {
                remove(here, &name).map_err(|error| cannot(&inside.join(&name), &error))?;
            }
        }
        for node in nodes {
            self.work.go_on()?;
            if let Some(fault) = self.failed() {
                return Err(fault);
            }
            let name = node.name().into_owned();
            let path = inside.join(&name);
            if !is_a_name(&name) {
                return Err(fault::damaged(vec![format!("a name: {}", path.display())]));
            }
            let below = below.join(&name);
            let cannot = |error: io::Error| cannot(&path, &error);
            match &node.node_type {
                NodeType::Dir => {
                    let sub = make_folder(here, &name).map_err(cannot)?;
                    if let Some(tree) = node.subtree {
                        if depth > DEPTH_MAX {
                            return Err(fault::damaged(vec!["folders without end".to_owned()]));
                        }
                        self.folder(&Arc::new(sub), tree, &path, &below, files, later, depth + 1)?;
                    }
                    later.folders.push((below, node.meta));
                }
                NodeType::File => {
                    let key = (node.meta.device_id, node.meta.inode);
                    if node.meta.links > 1 && key.0 != 0 && key.1 != 0 {
                        if let Some(first) = later.first_names.get(&key) {
                            self.work.add_done(node.meta.size);
                            later.links.push((first.clone(), below));
                            continue;
                        }
                        later.first_names.insert(key, below);
                    }
                    let task = Task {
                        folder: here.clone(),
                        node,
                        inside: path,
                    };
                    if files.send(task).is_err() {
                        return Err(fault::other("the writers are gone".to_owned()));
                    }
                }
                NodeType::Symlink { .. } | NodeType::Fifo => {
                    make_other(here, &name, &node).map_err(cannot)?;
                }
                // Devices and sockets are made by whoever uses them.
                _ => remove(here, &name).map_err(cannot)?,
            }
        }
        Ok(())
    }

    fn file(&self, task: &Task) -> Answer<()> {
        let name = task.node.name();
        let cannot =
            |error: io::Error| fault::cannot_put_back(&task.inside.to_string_lossy(), &error);
        let (file, was_there) = open_file(&task.folder, &name).map_err(cannot)?;
        let mut at = 0;
        for id in task.node.content.iter().flatten() {
            self.work.go_on()?;
            let entry = self
                .repository
                .get_index_entry(id)
                .map_err(|e| self.carrier.fault(&e))?;
            let length = entry.data_length() as usize;
            if !was_there || !holds(&file, at, length, id) {
                let bytes =
                    piece(self.repository, *id).map_err(|error| self.carrier.fault(&error))?;
                write(&file, at, &bytes, was_there).map_err(cannot)?;
            }
            at += length as u64;
            self.work.add_done(length as u64);
        }
        file.set_len(at).map_err(cannot)?;
        set(&task.folder, &name, &task.node.meta, &task.node.node_type).map_err(cannot)
    }
}

/// A name that leads nowhere else.
fn is_a_name(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    !bytes.is_empty()
        && bytes != b"."
        && bytes != b".."
        && !bytes.contains(&b'/')
        && !bytes.contains(&0)
}

fn kind_of(folder: &OwnedFd, name: &OsStr) -> io::Result<Option<FileType>> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn remove(folder: &OwnedFd, name: &OsStr) -> io::Result<()> {
    match kind_of(folder, name)? {
        None => Ok(()),
        Some(FileType::Directory) => {
            let sub = openat(folder, name, FOLDER, Mode::empty())?;
            for name in names(&sub)? {
                remove(&sub, &name)?;
            }
            Ok(rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?)
        }
        Some(_) => Ok(rustix::fs::unlinkat(folder, name, AtFlags::empty())?),
    }
}

fn make_folder(folder: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    if kind_of(folder, name)?.is_some_and(|kind| kind != FileType::Directory) {
        remove(folder, name)?;
    }
    match rustix::fs::mkdirat(folder, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(openat(folder, name, FOLDER, Mode::empty())?)
}

fn make_other(folder: &OwnedFd, name: &OsStr, node: &Node) -> io::Result<()> {
    remove(folder, name)?;
    if node.is_symlink() {
        rustix::fs::symlinkat(node.node_type.to_link(), folder, name)?;
    } else {
        rustix::fs::mknodat(folder, name, FileType::Fifo, Mode::RUSR, 0)?;
    }
    set(folder, name, &node.meta, &node.node_type)
}

/// The file, empty or as it is. One with several names is made anew, so that no other name's content is written over.
fn open_file(folder: &OwnedFd, name: &OsStr) -> io::Result<(File, bool)> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat)
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
                && stat.st_nlink == 1 =>
        {
            return Ok((openat(folder, name, flags, Mode::empty())?.into(), true));
        }
        Ok(_) => remove(folder, name)?,
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = flags | OFlags::CREATE | OFlags::EXCL;
    Ok((
        openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?.into(),
        false,
    ))
}

/// Whether the piece is there already.
fn holds(file: &File, at: u64, length: usize, id: &rustic_core::DataId) -> bool {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at).is_ok()
        && rustic_core::DataId::from(rustic_core::Id::new(Sha256::digest(&bytes).into())) == *id
}

/// Writes a piece; zeros are left out where nothing was.
fn write(file: &File, at: u64, mut bytes: &[u8], was_there: bool) -> io::Result<()> {
    if was_there {
        return file.write_all_at(bytes, at);
    }
    let mut at = at;
    while !bytes.is_empty() {
        // Holes begin and end where blocks of the file do.
        let to_edge = HOLE_BYTES - usize::try_from(at % HOLE_BYTES as u64).unwrap_or(0);
        let mut end = 0;
        let mut block = to_edge.min(bytes.len());
        while block > 0 && bytes[end..end + block] != ZEROS[..block] {
            end += block;
            block = HOLE_BYTES.min(bytes.len() - end);
        }
        file.write_all_at(&bytes[..end], at)?;
        let skipped = end + block;
        at += skipped as u64;
        bytes = &bytes[skipped..];
    }
    Ok(())
}

/// Owner, mode, extended attributes, times: in this order, since each may change the ones before.
fn set(folder: &OwnedFd, name: &OsStr, meta: &Metadata, kind: &NodeType) -> io::Result<()> {
    let (uid, gid) = (meta.uid.map(Uid::from_raw), meta.gid.map(Gid::from_raw));
    rustix::fs::chownat(folder, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
    let is_link = matches!(kind, NodeType::Symlink { .. });
    if !is_link {
        // restic writes no mode where there are no permissions at all.
        let mode = Mode::from_bits_truncate(unix_mode(meta.mode.unwrap_or(0)));
        // By the file itself, never by what a link leads to.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let itself = openat(folder, name, flags, Mode::empty())?;
        rustix::fs::fchmod(itself, mode)?;
    }
    set_attributes(folder, name, meta)?;
    // Before 1970 too, the part of a second counts forward.
    let spec = |time: rustic_core::jiff::Timestamp| Timespec {
        tv_sec: time.as_nanosecond().div_euclid(NS_PER_S) as i64,
        tv_nsec: time.as_nanosecond().rem_euclid(NS_PER_S) as i64,
    };
    if let Some(changed) = meta.mtime {
        let times = Timestamps {
            last_access: spec(meta.atime.unwrap_or(changed)),
            last_modification: spec(changed),
        };
        rustix::fs::utimensat(folder, name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    }
    Ok(())
}

fn set_attributes(folder: &OwnedFd, name: &OsStr, meta: &Metadata) -> io::Result<()> {
    let path = proc_path(folder, name);
    let wanted = &meta.extended_attributes;
    for (name, value) in attributes(&path)? {
        let stays = wanted
            .iter()
            .any(|attribute| attribute.name.as_bytes() == name.as_bytes());
        // What the system itself puts on a file, it also puts on it here.
        if !stays && name.as_bytes().starts_with(b"user.") {
            rustix::fs::lremovexattr(&path, name.as_c_str())?;
        }
        drop(value);
    }
    for attribute in wanted {
        let value = attribute.value.as_deref().unwrap_or_default();
        match rustix::fs::lsetxattr(&path, attribute.name.as_str(), value, XattrFlags::empty()) {
            Ok(()) => {}
            // A label of another system's security module.
            Err(Errno::NOTSUP | Errno::PERM) if attribute.name.starts_with("security.") => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The folder that a path below `root` lies in, and its last name.
fn within(root: &OwnedFd, path: &Path) -> io::Result<(OwnedFd, OsString)> {
    let mut at = openat(root, ".", FOLDER, Mode::empty())?;
    let above = path.parent().unwrap_or(Path::new(""));
    for part in above {
        at = openat(&at, part, FOLDER, Mode::empty())?;
    }
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::other("a path without a name"))?;
    Ok((at, name.to_os_string()))
}

fn link(root: &OwnedFd, first: &Path, other: &Path) -> io::Result<()> {
    let (first_folder, first_name) = within(root, first)?;
    let (folder, name) = within(root, other)?;
    remove(&folder, &name)?;
    Ok(rustix::fs::linkat(
        &first_folder,
        &first_name,
        &folder,
        &name,
        AtFlags::empty(),
    )?)
}
