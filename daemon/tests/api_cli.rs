//! The command line: what can be typed, what it says, how it ends.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::Path;

use clap::{CommandFactory as _, Parser as _};
use lavoir::api::wire::ExportedEntry;
use lavoir::cli::{Cli, Lent, run, sentences::sentence};
use lavoir_core::command::Actor;
use lavoir_core::event::Event;
use lavoir_core::id::{Revision, Timestamp};
use lavoir_core::ledger::{Entry, Tree, leaf_hash, write};

#[test]
fn what_can_be_typed() {
    Cli::command().debug_assert();
    for (line, good) in [
        ("status", true),
        ("status --json --lang fr --color never", true),
        ("--socket /tmp/s status", true),
        ("daemon --config /etc/x.toml", true),
        ("gateway", true),
        (
            "install wordpress --name blog --host blog.a.b --extra-host static=s.a.b --answer t=x=y --yes --no-wait",
            true,
        ),
        ("install wordpress --answers-file a.toml", true),
        ("install WordPress", false),
        ("install wordpress --host blog", false),
        ("install wordpress --answer title", false),
        ("app stop blog", true),
        ("app stop ../blog", false),
        ("app delete blog -y", true),
        ("app logs blog -n 5", true),
        ("app change blog --answer t=x", true),
        ("app", false),
        ("recipe check d", true),
        ("recipe schema", true),
        ("ledger show --from 3 --limit 2", true),
        ("ledger verify", false),
        ("completion fish", true),
        ("completion tcsh", false),
        ("setup-code --new", true),
        ("token create --label x --scope act --days 3", true),
        ("token create --label x --days 400", false),
        ("token create", false),
        ("token revoke 3", true),
        ("token revoke x", false),
        ("status --lang de", false),
        ("sttaus", false),
    ] {
        let words = std::iter::once("lavoir").chain(line.split(' '));
        assert_eq!(Cli::try_parse_from(words).is_ok(), good, "{line}");
    }
}

#[test]
fn every_command_has_examples_and_completion_knows_it() {
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let mut subcommands = command
            .get_subcommands()
            .filter(|c| c.get_name() != "help")
            .peekable();
        if subcommands.peek().is_none() {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                help.contains("Example") && help.contains(path),
                "{path}: {help}"
            );
            found.push(command.get_name().to_owned());
        }
        for subcommand in subcommands {
            leaves(
                subcommand,
                &format!("{path} {}", subcommand.get_name()),
                found,
            );
        }
    }
    let mut found = Vec::new();
    leaves(&Cli::command(), "lavoir", &mut found);
    assert!(found.len() >= 25);
    for shell in [
        clap_complete::Shell::Bash,
        clap_complete::Shell::Zsh,
        clap_complete::Shell::Fish,
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "lavoir", &mut script);
        let script = String::from_utf8(script).unwrap();
        for name in &found {
            assert!(script.contains(name.as_str()), "{shell}: {name}");
        }
    }
}

fn entry(index: u64, tree: &Tree, actor: Actor, events: Vec<Event>) -> Entry {
    Entry {
        index,
        time: Timestamp(1_800_000_000_000 + index),
        actor,
        events,
        root_before: tree.root(),
    }
}

fn ledger() -> Vec<String> {
    let mut tree = Tree::default();
    let app: lavoir_core::id::AppId = "blog".parse().unwrap();
    let all = [
        (
            Actor::Installer,
            Event::BoxPrepared {
                box_id: "07".into(),
                domain: "verger.example".parse().unwrap(),
            },
        ),
        (Actor::Installer, Event::StopDecided { app: app.clone() }),
        (
            Actor::Box,
            Event::Settled {
                app: app.clone(),
                revision: Revision(1),
            },
        ),
        (Actor::Installer, Event::DeleteDecided { app }),
    ];
    let mut lines = Vec::new();
    for (index, (actor, event)) in (0u64..).zip(all) {
        let bytes = write(&entry(index, &tree, actor, vec![event])).unwrap();
        let hash = leaf_hash(&bytes);
        tree.push(hash);
        lines.push(serde_json::to_string(&ExportedEntry::new(&bytes, &hash)).unwrap());
    }
    lines
}

const LENT: Lent = Lent {
    read_database: |_, _| Box::pin(async { Ok(()) }),
    look_at_state: |_| Box::pin(async { Err(lavoir::repair::cannot(&"not here")) }),
    now: || lavoir_core::id::Timestamp(0),
};

async fn verify(file: &Path) -> u8 {
    let file = file.to_str().unwrap();
    let cli = Cli::try_parse_from(["lavoir", "--lang", "fr", "ledger", "verify", file]).unwrap();
    run(cli, &LENT).await
}

#[tokio::test]
async fn a_ledger_that_was_touched_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.jsonl");
    let good = ledger();
    let changed = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = good.clone();
        change(&mut lines);
        lines.join("\n")
    };
    // One bit of an entry, its hash made to agree with it again.
    let rewritten = |lines: &mut Vec<String>| {
        let exported: ExportedEntry = serde_json::from_str(&lines[1]).unwrap();
        let (bytes, _) = exported.read().unwrap();
        let bytes = String::from_utf8(bytes)
            .unwrap()
            .replace("blog", "blof")
            .into_bytes();
        lines[1] = serde_json::to_string(&ExportedEntry::new(&bytes, &leaf_hash(&bytes))).unwrap();
    };
    for (what, text, code) in [
        ("whole", changed(&|_| {}), 0),
        (
            "cut at the end",
            changed(&|l| {
                l.pop();
            }),
            0,
        ),
        (
            "bit flipped",
            changed(&|l| l[2] = l[2].replacen("eyJ", "eyK", 1)),
            1,
        ),
        (
            "hash altered",
            changed(&|l| {
                l[2] = l[2]
                    .replace("\"hash\":\"", "\"hash\":\"0")
                    .replacen("0\"}", "\"}", 1)
            }),
            1,
        ),
        ("rewritten with its hash", changed(&rewritten), 1),
        (
            "removed",
            changed(&|l| {
                l.remove(1);
            }),
            1,
        ),
        ("swapped", changed(&|l| l.swap(1, 2)), 1),
        (
            "doubled",
            changed(&|l| {
                let line = l[1].clone();
                l.insert(1, line);
            }),
            1,
        ),
        ("no ledger", "hello".into(), 1),
        (
            "unknown field",
            changed(&|l| l[0] = l[0].replace("{", "{\"x\":1,")),
            1,
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(verify(&file).await, code, "{what}");
    }
    assert_eq!(verify(&dir.path().join("absent")).await, 1);
    std::fs::write(&file, b"SQLite format 3\0 and more").unwrap();
    assert_eq!(verify(&file).await, 0, "read by what main.rs lends");
}

#[test]
fn entries_are_sentences_in_both_languages() {
    let tree = Tree::default();
    let app: lavoir_core::id::AppId = "blog".parse().unwrap();
    let failed = Event::Failed {
        app: app.clone(),
        revision: Revision(3),
        step: "pull-image".into(),
        code: "image-absent".into(),
    };
    for (actor, event, fr, en) in [
        (
            Actor::Installer,
            Event::RemoveDecided { app },
            "La personne qui installe retire « blog » et garde ses données.",
            "The person who installs removes “blog” and keeps its data.",
        ),
        (
            Actor::Box,
            failed,
            "La machine n'a pas pu faire pour « blog » ce que dit la ligne 3 : télécharger une image (image-absent).",
            "The box could not do for “blog” what line 3 says: download an image (image-absent).",
        ),
    ] {
        let text = sentence(&entry(3, &tree, actor, vec![event]));
        assert_eq!((text.fr.as_str(), text.en.as_str()), (fr, en));
    }
}

#[tokio::test]
async fn a_daemon_that_is_away_is_exit_code_3() {
    let cli = Cli::try_parse_from(["lavoir", "--socket", "/nowhere/api.sock", "status"]).unwrap();
    assert_eq!(run(cli, &LENT).await, 3);
}
