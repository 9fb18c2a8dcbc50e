//! The table of damages: what is found, what is kept, and that nothing is lost wherever it is cut.

use std::collections::BTreeMap;

use super::*;
use crate::ports::{KeptPerson, KeptSession, LedgerStore as _, PrivateStore as _};
use lavoir_core::command::Actor;
use lavoir_core::id::PersonId;
use lavoir_core::ledger::{Entry, Tree, hex, leaf_hash, write};

type Kept = Vec<(Vec<u8>, Hash)>;

const NOW: Timestamp = Timestamp(1_795_320_000_000);

fn entry_of(index: u64, tree: &Tree, event: Event) -> (Vec<u8>, Hash) {
    let bytes = write(&Entry {
        index,
        time: Timestamp(1_700_000_000_000 + index),
        actor: Actor::Installer,
        events: vec![event],
        root_before: tree.root(),
    })
    .unwrap();
    let hash = leaf_hash(&bytes);
    (bytes, hash)
}

fn ledger(count: u64) -> Kept {
    let mut tree = Tree::default();
    let next = |index| {
        let event = match index {
            0 => Event::BoxPrepared {
                box_id: "0123456789abcdef".into(),
                domain: "box.example.org".parse().unwrap(),
            },
            _ => Event::StartDecided {
                app: "blog".parse().unwrap(),
            },
        };
        let made = entry_of(index, &tree, event);
        tree.push(made.1);
        made
    };
    (0..count).map(next).collect()
}

/// A state folder with such a ledger, somebody with an account, and their session.
async fn state(kept: &Kept) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lavoir.db");
    let pool = Sqlite::connect(&file).await.unwrap();
    // No room is kept beside: a box's folder, and nothing else in it.
    let reserve = super::super::Reserve::new(dir.path().join("none"));
    let store = Sqlite { pool, reserve };
    for (index, (bytes, hash)) in (0..).zip(kept) {
        store.append(index, bytes, hash).await.unwrap();
    }
    let person = KeptPerson {
        person: PersonId(1),
        name: "Ada".into(),
        salt: "00".into(),
        password: zeroize::Zeroizing::new("hash".into()),
    };
    store.keep_person(&person).await.unwrap();
    let place = store.note_place(PersonId(1), "kitchen", NOW, 9).await;
    place.unwrap();
    let session = KeptSession {
        id: 0,
        key: [1; 32],
        person: PersonId(1),
        since: NOW,
        last_used: NOW,
        browser: String::new(),
    };
    let begun = store.begin_session(&session, "hash", 9).await.unwrap();
    assert!(begun.is_some());
    store.close().await;
    let _ = fs::remove_file(dir.path().join("none"));
    (dir, file)
}

/// As somebody with root could.
async fn spoil(file: &Path, statements: &[&str]) {
    let pool = Sqlite::connect(file).await.unwrap();
    for what in ["update", "delete", "replace"] {
        let away = format!("DROP TRIGGER ledger_refuses_{what}");
        let away = sqlx::query(sqlx::AssertSqlSafe(away));
        away.execute(&pool).await.unwrap();
    }
    for statement in statements {
        let done = sqlx::query(sqlx::AssertSqlSafe(*statement));
        done.execute(&pool).await.unwrap();
    }
    pool.close().await;
}

async fn put(file: &Path, index: u64, (bytes, hash): &(Vec<u8>, Hash)) {
    let pool = Sqlite::connect(file).await.unwrap();
    sqlx::query("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?)")
        .bind(number(index))
        .bind(bytes)
        .bind(hash.as_slice())
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
}

fn all_files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(all_files(&path)),
            false => {
                found.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    found
}

/// What stands in a file, checked from the first entry to the last.
async fn read_sound(file: &Path) -> Result<Kept, String> {
    let store = Sqlite::open_to_read(file).await;
    let store = store.map_err(|fault| fault.to_string())?;
    let read = store
        .read_from(0, 999)
        .await
        .map_err(|fault| fault.to_string());
    store.close().await;
    let mut verifier = Verifier::default();
    let mut read = read?;
    for (bytes, hash) in &mut read {
        verifier
            .next(bytes, hash)
            .map_err(|damage| damage.message().code)?;
    }
    Ok(read)
}

/// Mends it and sees that what was kept is the beginning of `before`, that the repair is told, that the damaged file is
/// kept as it was, and that people are.
async fn mend(damaged: Damaged, before: &Kept) -> Kept {
    let (file, findings) = (damaged.file.clone(), damaged.findings.clone());
    let was = fs::read(&file).unwrap();
    let aside = damaged.mend(NOW, &|_| Ok(())).await.unwrap();
    assert_eq!(fs::read(aside.join("lavoir.db")).unwrap(), was);
    let beside = all_files(folder_of(&file));
    let kept_away = beside.keys().filter(|path| !path.starts_with(&aside));
    assert_eq!(kept_away.count(), 1, "nothing else is left");
    let after = read_sound(&file).await.unwrap();
    let kept = usize::try_from(findings.kept).unwrap();
    assert_eq!(after[..kept], before[..kept]);
    assert_eq!(after.len(), kept + 1);
    let last = read(&after[kept].0).unwrap();
    assert_eq!(
        last.events,
        [Event::LedgerRepaired {
            kept: findings.kept,
            root: hex(&findings.root),
            set_aside: findings.set_aside,
            code: findings.damage.unwrap().code,
            numbers_from: findings.numbers_from,
        }]
    );
    let again = look(&file).await.unwrap();
    assert!(again.findings.damage.is_none());
    drop(again);
    after
}

#[tokio::test]
async fn a_sound_ledger_is_left_as_it_is() {
    let (dir, file) = state(&ledger(5)).await;
    let before = all_files(dir.path());
    let looked = look(&file).await.unwrap();
    assert!(looked.findings.damage.is_none());
    assert_eq!((looked.findings.kept, looked.findings.set_aside), (5, 0));
    drop(looked);
    assert_eq!(all_files(dir.path()), before);
}

#[tokio::test]
async fn each_damage_is_found_and_its_sound_beginning_kept() {
    let sound = ledger(9);
    let flip = "UPDATE ledger SET bytes = CAST(bytes || ' ' AS BLOB) WHERE entry = 4";
    let hash = "UPDATE ledger SET hash = zeroblob(32) WHERE entry = 4";
    let cases: [(&[&str], &str, u64, u64); 6] = [
        (&[flip], "ledger-hash-differs", 4, 5),
        (&[hash], "ledger-hash-differs", 4, 5),
        (
            &["DELETE FROM ledger WHERE entry = 4"],
            "ledger-out-of-place",
            4,
            5,
        ),
        (
            &[
                "UPDATE ledger SET entry = 99 WHERE entry = 4",
                "UPDATE ledger SET entry = 4 WHERE entry = 5",
                "UPDATE ledger SET entry = 5 WHERE entry = 99",
            ],
            "ledger-out-of-place",
            4,
            5,
        ),
        // Its place in the table alone is wrong: nothing could be added after it.
        (
            &["UPDATE ledger SET entry = 99 WHERE entry = 8"],
            "ledger-out-of-place",
            8,
            92,
        ),
        (
            &["INSERT INTO ledger VALUES (9, x'00', zeroblob(32))"],
            "ledger-hash-differs",
            9,
            1,
        ),
    ];
    for (statements, code, kept, set_aside) in cases {
        let (_dir, file) = state(&sound).await;
        spoil(&file, statements).await;
        let looked = look(&file).await.unwrap();
        let found = &looked.findings;
        assert_eq!(found.damage.as_ref().unwrap().code, code, "{statements:?}");
        assert_eq!((found.kept, found.set_aside), (kept, set_aside));
        assert!(found.numbers_from >= kept + set_aside);
        mend(looked, &sound).await;
    }
}

#[tokio::test]
async fn what_was_rewritten_with_its_hash_is_set_aside_too() {
    let sound = ledger(9);
    let (_dir, file) = state(&sound).await;
    spoil(&file, &[]).await;
    let mut tree = Tree::default();
    sound[..4].iter().for_each(|(_, hash)| tree.push(*hash));
    let other = Event::DeleteDecided {
        app: "blog".parse().unwrap(),
    };
    put(&file, 4, &entry_of(4, &tree, other)).await;
    let looked = look(&file).await.unwrap();
    let damage = looked.findings.damage.clone().unwrap();
    assert_eq!(damage.code, "ledger-past-changed");
    assert_eq!((looked.findings.kept, looked.findings.set_aside), (4, 5));
    mend(looked, &sound).await;
}

/// Without a witness nobody can tell: `docs/faults.en.md` says so.
#[tokio::test]
async fn what_is_well_made_is_not_caught() {
    let sound = ledger(5);
    let (_dir, file) = state(&sound).await;
    let mut tree = Tree::default();
    sound.iter().for_each(|(_, hash)| tree.push(*hash));
    let added = Event::StopDecided {
        app: "blog".parse().unwrap(),
    };
    put(&file, 5, &entry_of(5, &tree, added)).await;
    assert!(look(&file).await.unwrap().findings.damage.is_none());
    // An old copy put back.
    let (_dir, file) = state(&ledger(3)).await;
    assert!(look(&file).await.unwrap().findings.damage.is_none());
}

#[tokio::test]
async fn what_cannot_be_mended_is_left_as_it_is() {
    let sound = ledger(5);
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(50);
    let empty = |bytes: &mut Vec<u8>| bytes.clear();
    let header = |bytes: &mut Vec<u8>| bytes[..16].fill(0);
    let spoils: [fn(&mut Vec<u8>); 3] = [cut, empty, header];
    for spoil in spoils {
        let (dir, file) = state(&sound).await;
        let mut bytes = fs::read(&file).unwrap();
        spoil(&mut bytes);
        fs::write(&file, bytes).unwrap();
        refused(&dir, &file, "ledger-gone").await;
    }
    let (dir, file) = state(&sound).await;
    let first = "UPDATE ledger SET hash = zeroblob(32) WHERE entry = 0";
    spoil(&file, &[first]).await;
    refused(&dir, &file, "ledger-gone").await;

    // A newer version's: nothing is wrong with it.
    let newer = String::from_utf8(sound[3].0.clone()).unwrap();
    let newer = newer
        .replacen("\"format\":1", "\"format\":2", 1)
        .into_bytes();
    let hash = leaf_hash(&newer);
    let (dir, file) = state(&sound).await;
    spoil(&file, &[]).await;
    put(&file, 3, &(newer, hash)).await;
    refused(&dir, &file, "ledger-newer").await;
    let (dir, file) = state(&sound).await;
    let later = "INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, 1, checksum, 0 FROM _sqlx_migrations LIMIT 1";
    spoil(&file, &[later]).await;
    refused(&dir, &file, "state-newer").await;
}

async fn refused(dir: &tempfile::TempDir, file: &Path, code: &str) {
    let before = all_files(dir.path());
    let fault = look(file).await.err().unwrap();
    assert_eq!(fault.message.code, code, "{fault}");
    assert_eq!(all_files(dir.path()), before);
}

/// Wherever the file is cut, and whichever bit is flipped: never a panic, never an entry that was not there, and the
/// damaged file is kept.
#[tokio::test]
async fn cut_and_flipped_anywhere() {
    let sound = ledger(60);
    let (dir, file) = state(&sound).await;
    let whole = fs::read(&file).unwrap();
    let pages = whole.len() / 4096;
    let cuts = (1..pages).flat_map(|page| [page * 4096, page * 4096 + 1_234]);
    let flips = (0..70).map(|n| (n * 7_919 + 13) % whole.len());
    let cut = |at: usize| whole[..at].to_vec();
    let flip = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    };
    let (mut mended, mut gone, mut untouched) = (0, 0, 0);
    for bytes in cuts.map(cut).chain(flips.map(flip)) {
        for left in fs::read_dir(dir.path()).unwrap() {
            let left = left.unwrap().path();
            let _ = fs::remove_file(&left).or_else(|_| fs::remove_dir_all(&left));
        }
        fs::write(&file, &bytes).unwrap();
        match look(&file).await {
            Err(fault) => {
                assert!(
                    ["ledger-gone", "state-newer"].contains(&&*fault.message.code),
                    "{fault}"
                );
                assert_eq!(fs::read(&file).unwrap(), bytes);
                gone += 1;
            }
            Ok(looked) if looked.findings.damage.is_none() => {
                assert_eq!(read_sound(&file).await.unwrap(), sound);
                untouched += 1;
            }
            Ok(looked) => {
                mend(looked, &sound).await;
                mended += 1;
            }
        }
    }
    assert!(
        mended > 20 && gone > 0 && untouched > 0,
        "{mended} {gone} {untouched}"
    );
}

/// Stopped before each step, as if the power had gone: the old one or the new one is there, and the next start, or the
/// next repair, ends it.
#[tokio::test]
async fn cut_at_each_step_the_old_or_the_new_is_there() {
    let sound = ledger(9);
    let steps = [
        "make", "tables", "check", "commit", "aside", "log", "place", "tidy",
    ];
    for step in steps {
        let (dir, file) = state(&sound).await;
        spoil(
            &file,
            &["UPDATE ledger SET hash = zeroblob(32) WHERE entry = 4"],
        )
        .await;
        // Side files of the damaged one, that must neither be lost nor taken for the new one's.
        fs::write(side(&file, "-wal"), "a log").unwrap();
        let was = fs::read(&file).unwrap();
        let looked = look(&file).await.unwrap();
        let stop = |at: &str| match at == step {
            true => Err(io::Error::other("the power went")),
            false => Ok(()),
        };
        assert!(looked.mend(NOW, &stop).await.is_err(), "{step}");
        // As the daemon's start does.
        finish(&file, &|_| Ok(())).unwrap();
        let there = read_sound(&file).await;
        let is_new = ["aside", "log", "place", "tidy"].contains(&step);
        assert_eq!(there.is_ok(), is_new, "{step}: {there:?}");
        if !is_new {
            assert_eq!(fs::read(&file).unwrap(), was);
            let again = look(&file).await.unwrap();
            again.mend(NOW, &|_| Ok(())).await.unwrap();
        }
        let after = read_sound(&file).await.unwrap();
        assert_eq!(after.len(), 5, "{step}");
        let aside = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path());
        let aside: Vec<_> = aside.filter(|path| path.is_dir()).collect();
        assert_eq!(aside.len(), 1, "{step}: {aside:?}");
        assert_eq!(fs::read(aside[0].join("lavoir.db")).unwrap(), was);
        assert_eq!(fs::read(aside[0].join("lavoir.db-wal")).unwrap(), b"a log");
    }
}

#[tokio::test]
async fn what_stands_in_the_log_alone_is_taken_too_and_people_stay() {
    let sound = ledger(9);
    let (_kept, from) = state(&sound).await;
    let pool = Sqlite::connect(&from).await.unwrap();
    let drop_trigger = sqlx::query("DROP TRIGGER ledger_refuses_update");
    drop_trigger.execute(&pool).await.unwrap();
    let flip = sqlx::query("UPDATE ledger SET hash = zeroblob(32) WHERE entry = 7");
    flip.execute(&pool).await.unwrap();
    // While it is open, as after a power cut: the damage stands in the log.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lavoir.db");
    fs::copy(&from, &file).unwrap();
    fs::copy(side(&from, "-wal"), side(&file, "-wal")).unwrap();
    pool.close().await;
    let looked = look(&file).await.unwrap();
    assert_eq!((looked.findings.kept, looked.findings.set_aside), (7, 2));
    mend(looked, &sound).await;
    let store = Sqlite::open(&file).await.unwrap();
    assert_eq!(store.people().await.unwrap()[0].name, "Ada");
    assert!(
        store
            .knows_place(PersonId(1), "kitchen", NOW)
            .await
            .unwrap()
    );
    assert!(store.sessions(PersonId(1)).await.unwrap().is_empty());
    // And it goes on.
    let after = read_sound(&file).await.unwrap();
    let mut tree = Tree::default();
    after.iter().for_each(|(_, hash)| tree.push(*hash));
    let next = Event::SetupCodeMade {};
    let (bytes, hash) = entry_of(8, &tree, next);
    store.append(8, &bytes, &hash).await.unwrap();
}

#[tokio::test]
async fn numbers_are_spared_twice() {
    let sound = ledger(9);
    let (_dir, file) = state(&sound).await;
    spoil(&file, &["DELETE FROM ledger WHERE entry = 5"]).await;
    let looked = look(&file).await.unwrap();
    assert_eq!(looked.findings.numbers_from, 9);
    let after = mend(looked, &sound).await;
    spoil(&file, &["DELETE FROM ledger WHERE entry = 3"]).await;
    let looked = look(&file).await.unwrap();
    // Those of this ledger, and those that the repair which is set aside had spared.
    assert_eq!(looked.findings.numbers_from, 6 + 9);
    let aside = looked.mend(NOW, &|_| Ok(())).await.unwrap();
    assert!(
        aside.ends_with("damaged-2026-11-22-2"),
        "{}",
        aside.display()
    );
    assert_eq!(read_sound(&file).await.unwrap()[..3], after[..3]);
}
