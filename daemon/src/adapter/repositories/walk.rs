//! Reading a folder as it is: every name in order, by descriptors, so that nothing swapped under us leads outside.

use std::collections::VecDeque;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use rustic_core::jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};

/// Opens a folder and nothing else.
pub(super) const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// A change within so much before we looked may be followed by another one that leaves the same time.
const RACY_NS: i128 = 2_000_000_000;
/// Bytes of the names, and of the value, of extended attributes (Linux' own maximum).
const ATTRIBUTE_BYTES_MAX: usize = 64 * 1024;

/// What stands in a folder.
pub(super) struct Found {
    /// Its path inside the snapshot.
    pub inside: PathBuf,
    pub node: Node,
    /// The folder that it is in, for opening it.
    pub folder: Arc<OwnedFd>,
    pub name: OsString,
}

struct Level {
    folder: Arc<OwnedFd>,
    inside: PathBuf,
    names: VecDeque<OsString>,
}

/// Goes through a folder in the order of restic's trees. What is gone when we come to it is passed over.
pub(super) struct Walk {
    root: Option<(PathBuf, PathBuf)>,
    levels: Vec<Level>,
}

impl Walk {
    /// `inside` is the folder's path in the snapshot, `here` the one on this machine.
    pub fn new(inside: PathBuf, here: PathBuf) -> Self {
        Self {
            root: Some((inside, here)),
            levels: Vec::new(),
        }
    }

    fn enter(&mut self, inside: PathBuf, folder: OwnedFd) -> io::Result<Arc<OwnedFd>> {
        let names = names(&folder)?;
        let folder = Arc::new(folder);
        self.levels.push(Level {
            folder: folder.clone(),
            inside,
            names: names.into(),
        });
        Ok(folder)
    }

    fn begin(&mut self, inside: PathBuf, here: &Path) -> io::Result<Found> {
        let folder = openat(rustix::fs::CWD, here, FOLDER, Mode::empty())?;
        let stat = rustix::fs::fstat(&folder)?;
        let name = inside.file_name().unwrap_or_default().to_os_string();
        let mut meta = meta(&stat);
        add_attributes(&mut meta, &proc_path(&folder, OsStr::new(".")))?;
        let node = Node::new_node(&name, NodeType::Dir, meta);
        let folder = self.enter(inside.clone(), folder)?;
        Ok(Found {
            inside,
            node,
            folder,
            name: OsString::from("."),
        })
    }

    /// The next one, and where it stands if it cannot be read.
    fn step(&mut self) -> Option<Result<Found, (PathBuf, io::Error)>> {
        if let Some((inside, here)) = self.root.take() {
            return Some(self.begin(inside.clone(), &here).map_err(|e| (inside, e)));
        }
        loop {
            let level = self.levels.last_mut()?;
            let Some(name) = level.names.pop_front() else {
                self.levels.pop();
                continue;
            };
            let inside = level.inside.join(&name);
            let folder = level.folder.clone();
            match self.look(&folder, &name, &inside) {
                Ok(Some(node)) => {
                    return Some(Ok(Found {
                        inside,
                        node,
                        folder,
                        name,
                    }));
                }
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Some(Err((inside, error))),
            }
        }
    }

    /// Its node; none for what is not saved: devices and sockets.
    fn look(&mut self, folder: &OwnedFd, name: &OsStr, inside: &Path) -> io::Result<Option<Node>> {
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => NodeType::Dir,
            FileType::RegularFile => NodeType::File,
            FileType::Symlink => {
                let target = readlinkat(folder, name, Vec::new())?;
                NodeType::from_link(Path::new(OsStr::from_bytes(target.as_bytes())))
            }
            FileType::Fifo => NodeType::Fifo,
            _ => return Ok(None),
        };
        let mut meta = meta(&stat);
        add_attributes(&mut meta, &proc_path(folder, name))?;
        if kind == NodeType::Dir {
            match openat(folder, name, FOLDER, Mode::empty()) {
                Ok(sub) => drop(self.enter(inside.to_path_buf(), sub)?),
                // It was a folder a moment ago.
                Err(rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(Node::new_node(name, kind, meta)))
    }
}

impl Iterator for Walk {
    type Item = Result<Found, (PathBuf, io::Error)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step()
    }
}

/// All names in a folder, in the order of their bytes.
pub(super) fn names(folder: &OwnedFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name.to_vec()));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// A path to what stands under that name in that very folder.
pub(super) fn proc_path(folder: &OwnedFd, name: &OsStr) -> PathBuf {
    Path::new("/proc/self/fd")
        .join(folder.as_fd().as_raw_fd().to_string())
        .join(name)
}

fn meta(stat: &Stat) -> Metadata {
    let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    let links = if is_folder {
        0
    } else {
        u64::from(stat.st_nlink as u32)
    };
    let mtime = time(stat.st_mtime, stat.st_mtime_nsec as i64);
    let ctime = time(stat.st_ctime, stat.st_ctime_nsec as i64);
    Metadata {
        mode: Some(go_mode(stat.st_mode)),
        mtime,
        // As restic's default: else each reading would change the tree.
        atime: mtime,
        ctime: if is_racy(ctime) {
            Some(Timestamp::UNIX_EPOCH)
        } else {
            ctime
        },
        uid: Some(stat.st_uid),
        gid: Some(stat.st_gid),
        // Names belong to a container's user list, not to this machine's.
        user: None,
        group: None,
        inode: stat.st_ino,
        device_id: if links > 1 { stat.st_dev } else { 0 },
        size: if is_folder {
            0
        } else {
            stat.st_size.try_into().unwrap_or(0)
        },
        links,
        extended_attributes: Vec::new(),
    }
}

/// Whether a later change could leave the very same time: then the file is read again the next time.
fn is_racy(ctime: Option<Timestamp>) -> bool {
    ctime.is_none_or(|at| Timestamp::now().as_nanosecond() - at.as_nanosecond() < RACY_NS)
}

fn time(seconds: i64, nanoseconds: i64) -> Option<Timestamp> {
    Timestamp::new(seconds, i32::try_from(nanoseconds).ok()?).ok()
}

/// restic keeps modes as Go does.
pub(super) fn go_mode(mode: u32) -> u32 {
    let kind = match FileType::from_raw_mode(mode) {
        FileType::Directory => 1 << 31,
        FileType::Symlink => 1 << 27,
        FileType::Fifo => 1 << 25,
        _ => 0,
    };
    let set = |bit: u32, go: u32| if mode & bit != 0 { go } else { 0 };
    (mode & 0o777) | kind | set(0o4000, 1 << 23) | set(0o2000, 1 << 22) | set(0o1000, 1 << 20)
}

/// And back: permissions, without the kind.
pub(super) fn unix_mode(go: u32) -> u32 {
    let set = |bit: u32, unix: u32| if go & bit != 0 { unix } else { 0 };
    (go & 0o777) | set(1 << 23, 0o4000) | set(1 << 22, 0o2000) | set(1 << 20, 0o1000)
}

/// Adds extended attributes. The library's own type for them has no public name, so they come in as they are stored.
fn add_attributes(meta: &mut Metadata, path: &Path) -> io::Result<()> {
    let attributes = attributes(path)?;
    if attributes.is_empty() {
        return Ok(());
    }
    let stored: Vec<_> = attributes
        .into_iter()
        .map(|(name, value)| {
            let value = base64::engine::general_purpose::STANDARD.encode(value);
            serde_json::json!({ "name": name.to_string_lossy(), "value": value })
        })
        .collect();
    let stored = serde_json::json!({ "extended_attributes": stored });
    let with: Metadata = serde_json::from_value(stored).map_err(io::Error::other)?;
    meta.extended_attributes = with.extended_attributes;
    Ok(())
}

/// Extended attributes of what stands there; a link is not followed.
pub(super) fn attributes(path: &Path) -> io::Result<Vec<(CString, Vec<u8>)>> {
    use rustix::io::Errno;
    let mut list = vec![0_u8; 1024];
    let length = loop {
        match rustix::fs::llistxattr(path, &mut list[..]) {
            Ok(length) => break length,
            Err(Errno::RANGE) if list.len() < ATTRIBUTE_BYTES_MAX => {
                list.resize(ATTRIBUTE_BYTES_MAX, 0)
            }
            Err(Errno::NOTSUP | Errno::PERM) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
    };
    let mut attributes = Vec::new();
    for name in list[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
    {
        let name = CString::new(name).map_err(io::Error::other)?;
        let mut value = vec![0_u8; ATTRIBUTE_BYTES_MAX];
        match rustix::fs::lgetxattr(path, name.as_c_str(), &mut value[..]) {
            Ok(length) => {
                value.truncate(length);
                attributes.push((name, value));
            }
            Err(Errno::NODATA | Errno::NOTSUP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(attributes)
}
