//! Tests of reading as a whole, over one sound recipe and its mutations.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod mutations;
mod whole;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lavoir_core::text::Language;

use super::*;

/// Where the sound recipe lies.
fn sound_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recipes/sound")
}

/// A copy of the sound recipe in a folder of its own, which keeps its name.
fn copy() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("sound");
    copy_all(&sound_dir(), &dir);
    (home, dir)
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
        }
    }
}

fn request(answers: &[(&str, &str)]) -> ResolveRequest {
    ResolveRequest {
        app: "music".parse().unwrap(),
        host: "music.example.org".parse().unwrap(),
        extra_hosts: BTreeMap::new(),
        answers: answers
            .iter()
            .map(|(id, answer)| ((*id).to_owned(), (*answer).to_owned()))
            .collect(),
        box_facts: BoxFacts {
            domain: "box.example.org".to_owned(),
            language: Language::Fr,
            timezone: "Europe/Paris".to_owned(),
            proxies: vec!["172.18.0.0/16".to_owned(), "fd00::/8".to_owned()],
        },
        day: None,
        salt: [7; 32],
    }
}
