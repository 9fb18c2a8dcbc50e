//! A folder with all that a file system can hold, and comparing two of them entry by entry.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::rig::{is_root, noise};

/// Files of at least so many bytes are nearly all holes, and only looked at in their middle.
const SPARSE_BYTES: u64 = 32 * 1024 * 1024;

/// Builds it, with so many small files and a great one of so many bytes.
pub fn build(at: &Path, small_files: usize, great: u64) {
    fs::create_dir_all(at.join("a/b/c")).unwrap();
    fs::create_dir(at.join("empty folder")).unwrap();
    fs::write(at.join("empty"), b"").unwrap();
    fs::write(at.join("a/text"), b"a few words\n").unwrap();
    fs::write(at.join("a.text"), b"sorted after the folder a\n").unwrap();
    fs::write(at.join("a/b/big"), noise(1, 5_000_000)).unwrap();
    fs::write(at.join("a/b/twice"), noise(1, 5_000_000)).unwrap();
    fs::write(at.join(".gitignore"), b"*\n").unwrap();
    fs::write(at.join("a/.ignore"), b"*\n").unwrap();
    fs::write(
        at.join("a/CACHEDIR.TAG"),
        b"Signature: 8a477f597d28d172789f06886806bc55\n",
    )
    .unwrap();
    fs::write(at.join(OsStr::from_bytes(b"not \xff\xfe UTF-8 \xe9")), b"1").unwrap();
    fs::write(at.join("quote \" back \\ slash \n line"), b"2").unwrap();
    fs::write(at.join("é è ù – 日本"), b"3").unwrap();
    fs::write(at.join("first name"), noise(2, 70_000)).unwrap();
    fs::hard_link(at.join("first name"), at.join("a/second name")).unwrap();
    fs::hard_link(at.join("first name"), at.join("z third name")).unwrap();
    symlink("a/text", at.join("link")).unwrap();
    symlink("/nowhere/at all", at.join("broken link")).unwrap();
    symlink(OsStr::from_bytes(b"to \xff"), at.join(ODD_LINK)).unwrap();
    symlink("a", at.join("link to folder")).unwrap();
    let sparse = File::create(at.join("sparse")).unwrap();
    sparse.set_len(great).unwrap();
    sparse
        .write_all_at(b"in the middle", great / 2 + 5)
        .unwrap();
    let mut deep = at.join("deep");
    for level in 0..40 {
        deep = deep.join(format!("level number {level:03}"));
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("bottom"), b"deep down").unwrap();
    for n in 0..small_files {
        let folder = at.join(format!("many/{:02}", n % 50));
        if n < 50 {
            fs::create_dir_all(&folder).unwrap();
        }
        fs::write(folder.join(format!("{n}")), format!("small file {n}")).unwrap();
    }
    attributes(at);
    if is_root() {
        lchown(at.join("a/text"), Some(33), Some(44)).unwrap();
        lchown(at.join("link"), Some(1234), Some(4321)).unwrap();
        lchown(at.join("a"), Some(999), Some(998)).unwrap();
        lchown(at, Some(70_000), Some(70_001)).unwrap();
        fs::write(at.join("setuid"), b"#!").unwrap();
        lchown(at.join("setuid"), Some(33), Some(33)).unwrap();
    } else {
        fs::write(at.join("setuid"), b"#!").unwrap();
    }
    let modes: [(&str, u32); 6] = [
        ("a/text", 0o640),
        ("empty", 0o000),
        ("setuid", 0o4755),
        ("a/b", 0o2775),
        ("empty folder", 0o1777),
        ("a/b/c", 0o500),
    ];
    for (name, mode) in modes {
        fs::set_permissions(at.join(name), Permissions::from_mode(mode)).unwrap();
    }
    for (name, seconds, nanoseconds) in [
        ("a/text", 1_000_000_000, 123_456_789),
        ("a/b/big", 1, 0),
        ("a/b", 1_234_567_890, 5),
        ("a", 1_600_000_000, 999_999_999),
    ] {
        let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        File::open(at.join(name))
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
}

fn attributes(at: &Path) {
    use rustix::fs::{XattrFlags, setxattr};
    setxattr(
        at.join("a/text"),
        "user.colour",
        b"blue",
        XattrFlags::empty(),
    )
    .unwrap();
    setxattr(
        at.join("a/b"),
        "user.bytes",
        b"\x00\xff\x01",
        XattrFlags::empty(),
    )
    .unwrap();
    setxattr(at, "user.root", b"of all", XattrFlags::empty()).unwrap();
    if is_root() {
        setxattr(
            at.join("empty"),
            "trusted.of-root",
            b"1",
            XattrFlags::empty(),
        )
        .unwrap();
    }
}

/// What is compared of one entry.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Entry {
    kind: &'static str,
    mode: u32,
    owner: (u32, u32),
    changed: (i64, i64),
    size: u64,
    content: Vec<u8>,
    links: u64,
    attributes: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// All entries of a folder, by their path in it; the folder itself under the empty path.
pub fn entries(at: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut all = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    all.insert(PathBuf::new(), entry(at));
    while let Some(folder) = folders.pop() {
        for found in at.join(&folder).read_dir().unwrap() {
            let found = found.unwrap();
            let path = folder.join(found.file_name());
            if found.file_type().unwrap().is_dir() {
                folders.push(path.clone());
            }
            all.insert(path, entry(&found.path()));
        }
    }
    all
}

fn entry(path: &Path) -> Entry {
    let meta = path.symlink_metadata().unwrap();
    let kind = match meta.file_type() {
        kind if kind.is_dir() => "folder",
        kind if kind.is_symlink() => "link",
        kind if kind.is_file() => "file",
        _ => "other",
    };
    Entry {
        kind,
        mode: meta.mode(),
        owner: (meta.uid(), meta.gid()),
        changed: (meta.mtime(), meta.mtime_nsec()),
        size: if kind == "folder" { 0 } else { meta.len() },
        content: match kind {
            "link" => fs::read_link(path)
                .unwrap()
                .into_os_string()
                .as_bytes()
                .to_vec(),
            // All zeros but for a few bytes: comparing it whole costs seconds.
            "file" if meta.len() >= SPARSE_BYTES => {
                let mut bytes = vec![0; 64 * 1024];
                File::open(path)
                    .unwrap()
                    .read_exact_at(&mut bytes, meta.len() / 2)
                    .unwrap();
                bytes
            }
            "file" => fs::read(path).unwrap(),
            _ => Vec::new(),
        },
        links: if kind == "file" { meta.nlink() } else { 0 },
        attributes: attributes_of(path),
    }
}

fn attributes_of(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut list = vec![0_u8; 4096];
    let length = rustix::fs::llistxattr(path, &mut list[..]).unwrap();
    list[..length]
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
        .map(|name| {
            let mut value = vec![0_u8; 4096];
            let length =
                rustix::fs::lgetxattr(path, OsStr::from_bytes(name), &mut value[..]).unwrap();
            value.truncate(length);
            (name.to_vec(), value)
        })
        .collect()
}

/// A link whose target is not UTF-8: Debian's restic knows none, and writes signs of replacement.
pub const ODD_LINK: &str = "odd link";

/// That two folders are the same.
pub fn assert_same(one: &Path, other: &Path) {
    compare(entries(one), entries(other));
}

/// The same, as far as Debian's restic goes.
pub fn assert_same_to_restic(one: &Path, other: &Path) {
    let (mut one, mut other) = (entries(one), entries(other));
    one.remove(Path::new(ODD_LINK));
    other.remove(Path::new(ODD_LINK));
    compare(one, other);
}

fn compare(one: BTreeMap<PathBuf, Entry>, other: BTreeMap<PathBuf, Entry>) {
    for (path, entry) in &one {
        let Some(found) = other.get(path) else {
            panic!("{} is missing", path.display());
        };
        if found != entry {
            let (mut found, mut entry) = (found.clone(), entry.clone());
            let same = found.content == entry.content;
            found.content.truncate(40);
            entry.content.truncate(40);
            panic!(
                "{}: {found:?}\ninstead of {entry:?}; same content: {same}",
                path.display()
            );
        }
    }
    for path in other.keys() {
        assert!(one.contains_key(path), "{} is too many", path.display());
    }
}

/// Bytes that a file really takes.
pub fn taken(path: &Path) -> u64 {
    path.metadata().unwrap().blocks() * 512
}
