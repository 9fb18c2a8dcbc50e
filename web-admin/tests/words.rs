//! No word is missing in either language, none is left over.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|one| one == ending) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((
                    path.strip_prefix(root()).unwrap().display().to_string(),
                    text,
                ));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// Key → the names of what stands in it.
fn sentences(language: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut all: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    for (path, text) in files(&format!("locales/{language}"), "ftl") {
        let mut key = String::new();
        for line in text.lines() {
            if line.starts_with(|c: char| c.is_ascii_lowercase()) {
                key = line.split(" =").next().unwrap().to_owned();
                let before = all.insert(key.clone(), Default::default());
                assert!(before.is_none(), "{path}: {key} twice");
            }
            let (words, names) = all.entry(key.clone()).or_default();
            words.push_str(line);
            for name in line.split('$').skip(1) {
                let end = name
                    .find(|c: char| !c.is_ascii_lowercase() && c != '-')
                    .unwrap_or(name.len());
                names.insert(name[..end].to_owned());
            }
        }
    }
    all.remove("");
    all
}

#[test]
fn both_languages_say_the_same_things() {
    let (fr, en) = (sentences("fr"), sentences("en"));
    let keys = |of: &BTreeMap<String, (String, BTreeSet<String>)>| -> BTreeSet<String> {
        of.keys().cloned().collect()
    };
    assert_eq!(keys(&fr), keys(&en));
    for (key, (words, names)) in &fr {
        let (other, others) = &en[key];
        assert_eq!(names, others, "{key}");
        let bare = words.split_once('=').unwrap().1.trim();
        assert!(!bare.is_empty(), "{key}");
        // Names and signs alone may be alike.
        let alike = words == other
            && bare.chars().filter(|c| c.is_alphabetic()).count() > 16
            && !bare.starts_with("{ $");
        assert!(!alike, "{key} is not translated: {words}");
    }
}

#[test]
fn every_key_is_known_and_used() {
    let known: BTreeSet<String> = sentences("fr").into_keys().collect();
    let mut used = BTreeSet::new();
    for (path, text) in files("templates", "html") {
        for call in text.split("t(\"").skip(1) {
            let key = call.split('"').next().unwrap();
            let whole = call[key.len() + 1..].trim_start().starts_with([',', ')']);
            if whole {
                assert!(known.contains(key), "{path} says {key}");
                used.insert(key.to_owned());
            }
        }
    }
    // In Rust every text between quotes that is a key is one.
    for (_, text) in files("src", "rs") {
        for word in text.split('"') {
            if known.contains(word) {
                used.insert(word.to_owned());
            }
        }
    }
    // Made of parts: acts, help, pictures, messages, next steps.
    let made = |key: &str| {
        key.starts_with("next-")
            || key.starts_with("act-")
            || key.starts_with("help-")
            || key.starts_with("picture-")
            || ["-title", "-sentence", "-next"]
                .iter()
                .any(|part| key.ends_with(part))
    };
    let unused: Vec<&String> = known
        .iter()
        .filter(|key| !used.contains(*key) && !made(key))
        .collect();
    assert!(unused.is_empty(), "said nowhere: {unused:?}");
}

#[test]
fn templates_carry_no_words_of_their_own() {
    for (path, text) in files("templates", "html") {
        // What is left when tags and expressions are taken away.
        let mut words = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['<', '{']) {
            words.push_str(&rest[..at]);
            words.push(' ');
            let close = match &rest[at..at + 2] {
                "{{" => "}}",
                "{%" => "%}",
                "{#" => "#}",
                _ => ">",
            };
            let end = rest[at..].find(close).unwrap() + close.len();
            rest = &rest[at + end..];
        }
        words.push_str(rest);
        for word in words.split_whitespace() {
            let name = [
                "Lavoir",
                "English",
                "Français",
                "Firefox",
                "Windows",
                "macOS",
                "iPhone,",
                "iPad",
                "Android",
                "Debian,",
                "Ubuntu",
            ];
            assert!(
                word.contains('=')
                    || word.starts_with('-')
                    || name.contains(&word)
                    || !word.chars().any(char::is_alphabetic),
                "{path} says “{word}” in one language only"
            );
        }
    }
}
