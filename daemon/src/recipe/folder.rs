//! A recipe's folder as it lies on the disk: read within bounds, following no link.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use lavoir_core::ledger::hex;
use lavoir_core::limits;
use lavoir_core::release::ContextFile;
use sha2::{Digest, Sha256};

use super::problem::{Code, Problems};
use super::{COMPOSE, RECIPE};

/// Folders inside folders.
const DEPTH_MAX: usize = 8;

/// The folder's texts.
#[derive(Debug, Default)]
pub struct Texts {
    /// The folder's own name.
    pub name: String,
    /// `recipe.toml`.
    pub recipe: Option<String>,
    /// `compose.yaml`.
    pub compose: Option<String>,
    /// Under `files/`.
    pub files: BTreeMap<String, String>,
    /// Under `image/`.
    pub image: BTreeMap<String, ContextFile>,
    /// SHA-256 of everything, in hex.
    pub digest: String,
}

/// A path of a recipe: letters, digits, `._-`, no hidden file, no step up.
pub fn good_path(path: &str) -> bool {
    !path.is_empty()
        && path.len() <= 200
        && path.split('/').all(|step| {
            !step.is_empty()
                && !step.starts_with(['.', '-'])
                && step
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-@".contains(&b))
        })
}

/// Reads a folder.
pub fn read(dir: &Path, problems: &mut Problems) -> Texts {
    let mut walk = Walk {
        problems,
        found: BTreeMap::new(),
        bytes: 0,
    };
    let mut texts = Texts::default();
    let root = match fs::canonicalize(dir) {
        Ok(root) => root,
        Err(error) => {
            walk.unreadable("", &error);
            return texts;
        }
    };
    texts.name = root
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    walk.folder(&root, "", 0);
    let found = walk.found;
    texts.digest = digest(&found);
    for (path, file) in found {
        if path == RECIPE {
            texts.recipe = Some(file.text);
        } else if path == COMPOSE {
            texts.compose = Some(file.text);
        } else if let Some(name) = path.strip_prefix("files/") {
            texts.files.insert(name.to_owned(), file.text);
        } else if let Some(name) = path.strip_prefix("image/") {
            texts.image.insert(name.to_owned(), file);
        } else if path.contains('/')
            || !(path.ends_with(".md") || path == "LICENSE" || path == "icon.svg")
        {
            problems.add(Code::UnexpectedFile, &path, None, &[&path]);
        }
    }
    for (name, text) in [(RECIPE, &texts.recipe), (COMPOSE, &texts.compose)] {
        if text.is_none() && !problems.speaks_of(name) {
            problems.add(Code::FileMissing, name, None, &[name]);
        }
    }
    texts
}

struct Walk<'p> {
    problems: &'p mut Problems,
    found: BTreeMap<String, ContextFile>,
    bytes: usize,
}

impl Walk<'_> {
    fn unreadable(&mut self, path: &str, error: &std::io::Error) {
        self.problems
            .add(Code::Unreadable, path, None, &[&error.to_string()]);
    }

    fn folder(&mut self, dir: &Path, under: &str, depth: usize) {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(under, &error),
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.unreadable(under, &error),
            };
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = match under {
                "" => name,
                _ => format!("{under}/{name}"),
            };
            if !good_path(&path) {
                self.problems.add(Code::BadPath, &path, None, &[&path]);
                continue;
            }
            // Without following: a link is a link.
            let kind = match fs::symlink_metadata(entry.path()) {
                Ok(kind) => kind,
                Err(error) => {
                    self.unreadable(&path, &error);
                    continue;
                }
            };
            if kind.is_dir() {
                if depth >= DEPTH_MAX {
                    self.problems.add(Code::BadPath, &path, None, &[&path]);
                } else {
                    self.folder(&entry.path(), &path, depth + 1);
                }
            } else if kind.is_file() {
                if self.found.len() >= limits::RECIPE_FILES_MAX {
                    let max = limits::RECIPE_FILES_MAX.to_string();
                    return self
                        .problems
                        .add(Code::TooMany, &path, None, &["files", &max]);
                }
                self.file(&entry.path(), path);
            } else {
                self.problems.add(Code::NotAFile, &path, None, &[&path]);
            }
        }
    }

    fn file(&mut self, at: &Path, path: String) {
        let no_link = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(no_link.bits())
            .open(at);
        let most = limits::RECIPE_FILE_BYTES_MAX;
        let mut bytes = Vec::new();
        let read = opened.and_then(|file| {
            let executable = file.metadata()?.permissions().mode() & 0o111 != 0;
            file.take(most as u64 + 1).read_to_end(&mut bytes)?;
            Ok(executable)
        });
        let executable = match read {
            Ok(executable) => executable,
            Err(error) => return self.unreadable(&path, &error),
        };
        self.bytes = self.bytes.saturating_add(bytes.len());
        if bytes.len() > most || self.bytes > limits::RECIPE_BYTES_MAX {
            let max = (most / 1024).to_string();
            let all = (limits::RECIPE_BYTES_MAX / 1024).to_string();
            return self
                .problems
                .add(Code::TooLarge, &path, None, &[&path, &max, &all]);
        }
        match String::from_utf8(bytes) {
            Ok(text) => {
                self.found.insert(path, ContextFile { text, executable });
            }
            Err(_) => self.problems.add(Code::NotUtf8, &path, None, &[&path]),
        }
    }
}

/// SHA-256 over sorted paths: length and bytes of the path, the executable bit, length and bytes of the text.
pub fn digest(files: &BTreeMap<String, ContextFile>) -> String {
    let mut sum = Sha256::new();
    for (path, file) in files {
        sum.update((path.len() as u64).to_le_bytes());
        sum.update(path);
        sum.update([u8::from(file.executable)]);
        sum.update((file.text.len() as u64).to_le_bytes());
        sum.update(&file.text);
    }
    hex(&sum.finalize())
}
