//! The record: the bytes of an entry are a promise, and whatever is done to a ledger the first bad entry is named.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use lavoir_core::account::Scope;
use lavoir_core::backup::{KeepRule, Place, RepositoryId, SnapshotId, Subject};
use lavoir_core::command::Actor;
use lavoir_core::event::Event;
use lavoir_core::id::{PersonId, Revision, Timestamp, TokenId};
use lavoir_core::ledger::{
    Damage, Entry, Hash, Tree, Unreadable, Verifier, leaf_hash, read, write,
};
use lavoir_core::state::State;
use lavoir_tests::chance::Chance;
use lavoir_tests::shapes::{app, bare, full, host};

type Kept = Vec<(Vec<u8>, Hash)>;

/// One event of each kind.
fn every_event() -> Vec<Event> {
    let id = app("blog");
    let small = || Box::new(bare("notebook", 1, "blog.example.org"));
    vec![
        Event::BoxPrepared {
            box_id: "0123456789abcdef".into(),
            domain: host("box.example.org"),
        },
        Event::InstallDecided {
            app: id.clone(),
            release: Box::new(full("notebook", 1, "blog.example.org")),
        },
        Event::UpdateDecided {
            app: id.clone(),
            release: small(),
        },
        Event::ChangeDecided {
            app: id.clone(),
            release: small(),
        },
        Event::StartDecided { app: id.clone() },
        Event::StopDecided { app: id.clone() },
        Event::RestartDecided { app: id.clone() },
        Event::RemoveDecided { app: id.clone() },
        Event::ReinstallDecided { app: id.clone() },
        Event::DeleteDecided { app: id.clone() },
        Event::Settled {
            app: id.clone(),
            revision: Revision(9),
        },
        Event::Failed {
            app: id,
            revision: Revision(9),
            step: "probe-health".into(),
            code: "no-good-answer".into(),
        },
        Event::SecretRead {
            app: "blog".parse().unwrap(),
            secret: "admin_password".parse().unwrap(),
        },
        Event::AccountOpened {
            person: PersonId(1),
            commitment: "00ff".repeat(16),
        },
        Event::SetupCodeMade {},
        Event::PasswordReset {
            person: PersonId(1),
        },
        Event::PasswordChanged {
            person: PersonId(1),
        },
        Event::TokenMade {
            token: TokenId(1),
            owner: Some(PersonId(1)),
            scope: Scope::Act,
            until: Timestamp(1_700_000_100_000),
        },
        Event::TokenMade {
            token: TokenId(2),
            owner: None,
            scope: Scope::Read,
            until: Timestamp(1_700_000_100_000),
        },
        Event::TokenRevoked { token: TokenId(1) },
        Event::LedgerRepaired {
            kept: 3,
            root: "00ff".repeat(16),
            set_aside: 9,
            code: "ledger-hash-differs".into(),
            numbers_from: 12,
        },
    ]
    .into_iter()
    .chain(about_backups())
    .collect()
}

fn about_backups() -> Vec<Event> {
    let repository: RepositoryId = "disk".parse().unwrap();
    let snapshot: SnapshotId = "0f".repeat(32).parse().unwrap();
    let of = Subject::App("blog".parse().unwrap());
    vec![
        Event::RepositoryAdded {
            repository: repository.clone(),
            place: Place::Folder {
                path: "/media/disk/lavoir".into(),
            },
            every_nights: 1,
            keep: KeepRule::default(),
        },
        Event::RepositoryChanged {
            repository: repository.clone(),
            every_nights: 7,
            keep: KeepRule::default(),
        },
        Event::RepositoryKeyRead {
            repository: repository.clone(),
        },
        Event::BackupDecided {
            repository: repository.clone(),
            of: vec![of.clone(), Subject::Box],
            tidy: true,
        },
        Event::SnapshotTaken {
            repository: repository.clone(),
            of: of.clone(),
            snapshot: snapshot.clone(),
            files: 12,
            bytes: 3_400_000,
            added: 17_000,
            held_ms: 800,
        },
        Event::SnapshotFailed {
            repository: repository.clone(),
            of,
            code: "dump-failed".into(),
        },
        Event::BackupCancelled {
            repository: repository.clone(),
        },
        Event::RepositoryTidied {
            repository: repository.clone(),
            forgotten: 2,
            freed: 1_000_000,
            code: None,
        },
        Event::RestoreDecided {
            app: "blog".parse().unwrap(),
            release: Box::new(bare("notebook", 1, "blog.example.org")),
            installed_at: Timestamp(1_700_000_000_001),
            repository: repository.clone(),
            snapshot,
        },
        Event::RepositoryRemoved { repository },
    ]
}

/// The first thirteen entries were written when there were three kinds of actors, the next nine when there were five.
fn actors_known(index: u64) -> u64 {
    match index {
        0..13 => 3,
        13..22 => 5,
        _ => 6,
    }
}

fn ledger(events: Vec<Event>) -> Kept {
    let actors = [
        Actor::Installer,
        Actor::Box,
        Actor::Member(PersonId(7)),
        Actor::Person(PersonId(1)),
        Actor::Token(TokenId(2)),
        Actor::Clock,
    ];
    let mut tree = Tree::default();
    let mut kept = Kept::new();
    for (index, event) in (0u64..).zip(events) {
        let entry = Entry {
            index,
            time: Timestamp(1_700_000_000_000 + index),
            actor: actors[usize::try_from(index % actors_known(index)).unwrap()].clone(),
            events: vec![event],
            root_before: tree.root(),
        };
        let bytes = write(&entry).unwrap();
        assert_eq!(read(&bytes).unwrap(), entry);
        assert_eq!(write(&read(&bytes).unwrap()).unwrap(), bytes);
        let hash = leaf_hash(&bytes);
        tree.push(hash);
        kept.push((bytes, hash));
    }
    kept
}

fn small() -> Kept {
    ledger(
        every_event()
            .into_iter()
            .filter(|e| {
                !matches!(
                    e,
                    Event::InstallDecided { .. } | Event::UpdateDecided { .. }
                )
            })
            .collect(),
    )
}

fn verify(kept: &Kept) -> Result<(), Damage> {
    let mut verifier = Verifier::default();
    for (bytes, hash) in kept {
        verifier.next(bytes, hash)?;
    }
    Ok(())
}

fn rewrite(kept: &mut Kept, index: usize, change: impl FnOnce(&mut Entry)) {
    let mut entry = read(&kept[index].0).unwrap();
    change(&mut entry);
    let bytes = write(&entry).unwrap();
    kept[index] = (bytes.clone(), leaf_hash(&bytes));
}

fn named(damage: &Damage) -> u64 {
    match damage {
        Damage::HashDiffers { index }
        | Damage::Unreadable { index, .. }
        | Damage::OutOfPlace { index, .. }
        | Damage::PastChanged { index }
        | Damage::TimeRunsBack { index } => *index,
    }
}

/// The promise: entries written today are read by every later version. `LAVOIR_EXPECT=write` writes the file anew,
/// which only a new format number may justify.
#[test]
fn the_bytes_of_each_kind_of_entry_stay() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/expect/ledger-format-1.jsonl");
    let lines: Vec<String> = ledger(every_event())
        .into_iter()
        .map(|(bytes, _)| String::from_utf8(bytes).unwrap())
        .collect();
    let text = lines.join("\n") + "\n";
    if std::env::var("LAVOIR_EXPECT").is_ok_and(|word| word == "write") {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
}

#[test]
fn a_bit_flipped_in_any_byte_names_its_entry() {
    let sound = small();
    for (index, (bytes, _)) in sound.iter().enumerate() {
        for place in 0..bytes.len() + 32 {
            let mut kept = sound.clone();
            let bit = 1 << (place % 8);
            match kept[index].0.get_mut(place) {
                Some(byte) => *byte ^= bit,
                None => kept[index].1[place - bytes.len()] ^= bit,
            }
            assert_eq!(
                verify(&kept),
                Err(Damage::HashDiffers {
                    index: index as u64
                }),
                "byte {place}"
            );
        }
    }
}

#[test]
fn removed_swapped_doubled_entries_are_named() {
    let sound = small();
    verify(&sound).unwrap();
    for index in 0..sound.len() - 1 {
        let mut removed = sound.clone();
        removed.remove(index);
        let found = index as u64 + 1;
        assert_eq!(
            verify(&removed),
            Err(Damage::OutOfPlace {
                index: index as u64,
                found
            })
        );
        let mut swapped = sound.clone();
        swapped.swap(index, index + 1);
        assert_eq!(
            verify(&swapped),
            Err(Damage::OutOfPlace {
                index: index as u64,
                found
            })
        );
        let mut doubled = sound.clone();
        doubled.insert(index, sound[index].clone());
        assert_eq!(
            verify(&doubled),
            Err(Damage::OutOfPlace {
                index: found,
                found: index as u64
            })
        );
    }
}

#[test]
fn an_entry_rewritten_with_its_hash_is_named_by_the_next() {
    let sound = small();
    for index in 0..sound.len() - 1 {
        let mut kept = sound.clone();
        rewrite(&mut kept, index, |entry| {
            entry.actor = Actor::Member(PersonId(666))
        });
        let damage = verify(&kept).unwrap_err();
        assert_eq!(
            damage,
            Damage::PastChanged {
                index: index as u64 + 1
            }
        );
        let sentence = damage.message().sentence.en;
        assert!(
            sentence.starts_with(&format!("Entry {index} ")),
            "{sentence}"
        );
    }
}

#[test]
fn the_last_entry_rewritten_with_its_hash_or_cut_off_is_not_caught_without_a_witness() {
    let mut kept = small();
    let last = kept.len() - 1;
    rewrite(&mut kept, last, |entry| {
        entry.actor = Actor::Member(PersonId(666))
    });
    assert_eq!(verify(&kept), Ok(()));
    kept.pop();
    assert_eq!(verify(&kept), Ok(()));
}

#[test]
fn a_wrong_root_and_a_time_that_runs_back_are_named() {
    let sound = small();
    let last = sound.len() - 1;
    let mut kept = sound.clone();
    rewrite(&mut kept, last, |entry| entry.root_before = [7; 32]);
    assert_eq!(
        verify(&kept),
        Err(Damage::PastChanged { index: last as u64 })
    );
    let mut kept = sound;
    rewrite(&mut kept, last, |entry| entry.time = Timestamp(5));
    assert_eq!(
        verify(&kept),
        Err(Damage::TimeRunsBack { index: last as u64 })
    );
}

#[test]
fn a_newer_format_and_unknown_fields_are_refused_with_a_sentence() {
    let sound = ledger(every_event());
    let text = String::from_utf8(sound[1].0.clone()).unwrap();
    let bad = |from: &str, to: &str| {
        let bytes = text.replacen(from, to, 1).into_bytes();
        assert_ne!(bytes, sound[1].0, "{from}");
        let mut kept = sound.clone();
        kept[1] = (bytes.clone(), leaf_hash(&bytes));
        verify(&kept).unwrap_err()
    };
    let newer = bad("\"format\":1", "\"format\":2");
    assert_eq!(
        newer,
        Damage::Unreadable {
            index: 1,
            reason: Unreadable::Newer { format: 2 }
        }
    );
    assert_eq!(newer.message().code, "ledger-newer");
    for (from, to) in [
        ("{\"format\"", "{\"more\":1,\"format\""),
        ("\"recipe_version\"", "\"more\":1,\"recipe_version\""),
        ("\"one_shot\"", "\"more\":1,\"one_shot\""),
        ("\"app\":\"blog\"", "\"app\":\"blog\",\"more\":1"),
        ("install-decided", "install-dreamt"),
    ] {
        let damage = bad(from, to);
        assert_eq!(named(&damage), 1);
        let message = damage.message();
        assert_eq!(message.code, "ledger-unreadable", "{to}");
        assert!(!message.sentence.fr.is_empty() && message.sentence.fr != message.sentence.en);
    }
}

/// Whatever events come, in whatever order: `apply` goes through, and a ledger of them gives the same state again.
#[test]
fn events_in_any_order_apply_and_replay_the_same() {
    for seed in 0..300 {
        let mut chance = Chance::new(seed);
        let names = [app("blog"), app("wiki")];
        let events: Vec<Event> = (0..40).map(|_| random(&mut chance, &names)).collect();
        let mut state = State::default();
        for (index, event) in (0u64..).zip(&events) {
            state.apply(
                index,
                Timestamp(1_700_000_000_000 + index),
                std::slice::from_ref(event),
            );
        }
        let mut again = State::default();
        for (bytes, _) in ledger(events) {
            let entry = read(&bytes).unwrap();
            again.apply(entry.index, entry.time, &entry.events);
        }
        assert_eq!(state, again, "seed {seed}");
        state.apply(
            u64::MAX,
            Timestamp(u64::MAX),
            &[random(&mut chance, &names)],
        );
    }
}

fn random(chance: &mut Chance, names: &[lavoir_core::id::AppId]) -> Event {
    let name = chance.one_of(names).clone();
    let mut event = chance.one_of(&every_event()).clone();
    let version = u32::try_from(chance.below(3)).unwrap();
    match &mut event {
        Event::BoxPrepared { .. } => {}
        Event::InstallDecided { app, release }
        | Event::UpdateDecided { app, release }
        | Event::ChangeDecided { app, release }
        | Event::RestoreDecided { app, release, .. } => {
            *app = name;
            **release = bare("notebook", version, "blog.example.org");
        }
        Event::Settled { app, revision } | Event::Failed { app, revision, .. } => {
            *app = name;
            *revision = Revision(chance.below(40));
        }
        Event::StartDecided { app }
        | Event::StopDecided { app }
        | Event::RestartDecided { app }
        | Event::RemoveDecided { app }
        | Event::ReinstallDecided { app }
        | Event::DeleteDecided { app }
        | Event::SecretRead { app, .. } => *app = name,
        Event::AccountOpened { person, .. }
        | Event::PasswordReset { person }
        | Event::PasswordChanged { person } => *person = PersonId(chance.below(3)),
        Event::TokenMade { token, .. } | Event::TokenRevoked { token } => {
            *token = TokenId(chance.below(3));
        }
        Event::LedgerRepaired {
            kept, numbers_from, ..
        } => {
            *kept = chance.below(40);
            *numbers_from = chance.below(40);
        }
        Event::SetupCodeMade {}
        | Event::RepositoryAdded { .. }
        | Event::RepositoryChanged { .. }
        | Event::RepositoryRemoved { .. }
        | Event::RepositoryKeyRead { .. }
        | Event::BackupDecided { .. }
        | Event::BackupCancelled { .. }
        | Event::SnapshotTaken { .. }
        | Event::SnapshotFailed { .. }
        | Event::RepositoryTidied { .. } => {}
    }
    event
}
