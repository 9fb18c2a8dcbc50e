//! Keeps the laws of docs/ARCHITECTURE.md that a compiler does not keep.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// L1: what the core may depend on, all of it without std.
const CORE_MAY_USE: &[&str] = &["schemars", "serde", "serde_json", "sha2"];
/// L3: adapters that others may name, and why.
const SHARED_ADAPTERS: &[(&str, &str)] = &[(
    "durable",
    "files that are wholly there or not at all: a foundation, not a port",
)];
/// Files that may pass the length; none does.
const LONG_FILES: &[&str] = &[];
const LINES_MAX: usize = 600;
/// Words that say nothing or mean something else here.
const BANNED: &[(&str, &str)] = &[
    ("utils", "the name of what it does"),
    ("manager", "what it does"),
    ("misc", "the name of what it does"),
    ("helper", "the name of what it does"),
    ("saga", "plan, step"),
    ("vouch", "certification"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Files that git knows.
fn tracked() -> Vec<String> {
    let output = Command::new("git")
        .args(["ls-files"])
        .current_dir(root())
        .output()
        .expect("git");
    assert!(output.status.success(), "tidy needs git");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .filter(|path| root().join(path).is_file())
        .collect()
}

fn rust_in(folder: &str) -> Vec<(String, String)> {
    let sources: Vec<(String, String)> = tracked()
        .into_iter()
        .filter(|path| path.starts_with(folder) && path.ends_with(".rs"))
        .map(|path| (path.clone(), fs::read_to_string(root().join(path)).unwrap()))
        .collect();
    assert!(!sources.is_empty(), "{folder} has no sources");
    sources
}

/// A source without its tests: those stand last in a file.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or(text)
}

fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    let table: toml::Table = text.parse().unwrap();
    table["dependencies"]
        .as_table()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

#[test]
fn l1_the_core_is_pure() {
    let may: BTreeSet<String> = CORE_MAY_USE.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(dependencies("daemon/core/Cargo.toml"), may);
    let lib = fs::read_to_string(root().join("daemon/core/src/lib.rs")).unwrap();
    assert!(lib.contains("#![no_std]"));
    for (path, text) in rust_in("daemon/core/src/") {
        let code = without_tests(&text);
        assert!(
            !code.contains("std::") && !code.contains("extern crate std"),
            "{path} uses std"
        );
        for float in [": f32", ": f64", "as f32", "as f64"] {
            assert!(!code.contains(float), "{path} reckons with floats (L7)");
        }
    }
}

#[test]
fn l2_the_web_admin_knows_the_core_alone() {
    let ours: Vec<String> = dependencies("web-admin/Cargo.toml")
        .into_iter()
        .filter(|name| name.starts_with("lavoir"))
        .collect();
    assert_eq!(ours, ["lavoir-core"]);
}

#[test]
fn l3_only_main_names_adapters_and_adapters_do_not_know_each_other() {
    for (path, text) in rust_in("daemon/src/") {
        let code = without_tests(&text);
        if let Some(inside) = path.strip_prefix("daemon/src/adapter/") {
            let own = inside.trim_end_matches(".rs").split('/').next().unwrap();
            for named in code.split("adapter::").skip(1) {
                let named: String = named
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let shared = SHARED_ADAPTERS.iter().any(|(name, _)| *name == named);
                assert!(named == own || shared, "{path} names the adapter {named}");
            }
            assert!(
                !code.contains("lavoir_core::state"),
                "{path} sees the state"
            );
        } else if ![
            "daemon/src/main.rs",
            "daemon/src/world.rs",
            "daemon/src/adapter.rs",
        ]
        .contains(&path.as_str())
        {
            assert!(!code.contains("adapter::"), "{path} names an adapter");
        }
    }
}

#[test]
fn l4_deciding_and_applying_keep_their_shape() {
    let decide = fs::read_to_string(root().join("daemon/core/src/decide.rs")).unwrap();
    assert!(decide.contains(
        "pub fn decide(state: &State, request: &Request) -> Result<Vec<Event>, Refusal>"
    ));
    let state = fs::read_to_string(root().join("daemon/core/src/state.rs")).unwrap();
    assert!(
        state.contains("pub fn apply(&mut self, index: u64, time: Timestamp, events: &[Event]) {")
    );
    assert_eq!(
        state.matches("&mut self").count(),
        2,
        "only apply changes the state"
    );
    for (path, text) in rust_in("daemon/src/") {
        let appends = without_tests(&text).contains("ledger_store().append")
            || text.contains(".ledger_store()\n        .append");
        assert!(!appends || path == "daemon/src/engine.rs", "{path} appends");
    }
}

#[test]
fn codes_are_kebab_case_and_refusals_unique() {
    let text: String = ["refusal.rs", "refusal/accounts.rs", "refusal/backups.rs"]
        .iter()
        .map(|file| fs::read_to_string(root().join("daemon/core/src").join(file)).unwrap())
        .collect();
    let codes: Vec<&str> = text
        .split("=> \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let unique: BTreeSet<&str> = codes.iter().copied().collect();
    assert_eq!(unique.len(), codes.len());
    assert!(codes.len() > 20);
    let mut all: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    for (_, text) in rust_in("daemon/src/") {
        for call in ["Fault::lasting(", "Fault::passing("] {
            let firsts = text
                .split(call)
                .skip(1)
                .filter_map(|rest| rest.trim_start().strip_prefix('"'));
            all.extend(
                firsts
                    .filter_map(|rest| rest.split('"').next())
                    .map(str::to_owned),
            );
        }
    }
    for code in all {
        let fine = code.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        assert!(fine, "the code {code}");
    }
}

#[test]
fn files_are_short_and_their_words_are_ours() {
    for folder in ["daemon/", "web-admin/", "tests/"] {
        for (path, text) in rust_in(folder) {
            if path == "tests/tests/tidy.rs" {
                continue;
            }
            let long = text.lines().count() > LINES_MAX;
            assert_eq!(
                long,
                LONG_FILES.contains(&path.as_str()),
                "{path}: {} lines",
                text.lines().count()
            );
            let small = text.to_lowercase();
            let mut words = small.split(|c: char| !c.is_alphanumeric());
            for (word, instead) in BANNED {
                assert!(
                    !words.clone().any(|w| w == *word),
                    "{path} says “{word}”: use {instead}"
                );
            }
            let left = words.find(|word| ["todo", "fixme"].contains(word));
            // The lint's own name is no promise.
            assert!(left.is_none(), "{path} leaves a {left:?}");
        }
    }
}

#[test]
fn every_maximum_is_used() {
    let limits = fs::read_to_string(root().join("daemon/core/src/limits.rs")).unwrap();
    let everything: String = ["daemon/", "web-admin/"]
        .into_iter()
        .flat_map(rust_in)
        .filter(|(path, _)| path != "daemon/core/src/limits.rs")
        .map(|(_, text)| text)
        .collect();
    let names = limits
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split(':').next());
    let unused: Vec<&str> = names.filter(|name| !everything.contains(name)).collect();
    let waiting: Vec<&str> = unused.into_iter().collect();
    assert_eq!(waiting, [""; 0], "maxima that nobody keeps");
}

#[test]
fn no_path_of_one_machine_is_told() {
    let forbidden = [["/wo", "rk/"].concat(), ["/home", "/"].concat()];
    for path in tracked() {
        let Ok(text) = fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for word in &forbidden {
            assert!(!text.contains(word.as_str()), "{path} names {word}");
        }
    }
}

#[test]
fn the_map_names_every_room_and_no_file_that_is_not_there() {
    let Ok(map) = fs::read_to_string(root().join("docs/ARCHITECTURE.md")) else {
        return;
    };
    let rooms: BTreeSet<String> = tracked()
        .iter()
        .filter_map(|path| path.split_once('/'))
        .map(|(room, _)| room.to_owned())
        .collect();
    for room in rooms.iter().filter(|room| !room.starts_with('.')) {
        assert!(map.contains(room.as_str()), "the map does not name {room}/");
    }
    for quoted in map.split('`').skip(1).step_by(2) {
        if quoted.starts_with("daemon/") && quoted.ends_with(".rs") {
            assert!(
                root().join(quoted).is_file(),
                "the map names {quoted}, which is not there"
            );
        }
    }
}

#[test]
fn the_glossary_has_our_words() {
    let Ok(glossary) = fs::read_to_string(root().join("docs/glossary.md")) else {
        return;
    };
    let glossary = glossary.to_lowercase();
    for word in [
        "recipe",
        "app",
        "release",
        "intended",
        "observed",
        "plan",
        "step",
        "reconcile",
        "ledger",
        "entry",
        "refusal",
        "generation",
    ] {
        assert!(glossary.contains(word), "the glossary lacks “{word}”");
    }
}
