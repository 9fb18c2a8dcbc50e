//! Backups in every state.

use std::collections::BTreeMap;

use bytes::Bytes;
use lavoir_core::backup::{Concern, DAMAGED, KeepRule, RepositoryId, SnapshotId, Subject};
use lavoir_core::id::Timestamp;
use lavoir_core::text::{Message, Text};
use lavoir_web_admin::admin::*;

use super::apps::EVIL;
use super::{NOW, ago, no};

const DAY: u64 = 86_400;

pub fn snapshot(n: u8) -> SnapshotId {
    format!("{n:02x}").repeat(32).parse().unwrap()
}

pub fn id(name: &str) -> RepositoryId {
    name.parse().unwrap()
}

fn of(app: &str) -> Subject {
    format!("app:{app}").parse().unwrap()
}

fn saved(n: u8, at: Timestamp, bytes: u64, held_ms: u64) -> SavedFacts {
    SavedFacts {
        snapshot: snapshot(n),
        at,
        files: bytes / 60_000,
        bytes,
        added: bytes / 90,
        held_ms,
    }
}

/// One place, all well.
fn well() -> RepositoryFacts {
    let tonight = |s: u64| ago(4 * 3_600 - s);
    RepositoryFacts {
        id: id("disque"),
        place: "/media/sauvegardes/lavoir".into(),
        every_nights: 1,
        keep: KeepRule::default(),
        added_at: ago(30 * DAY),
        next: Timestamp(NOW + 19 * 3_600_000),
        round: None,
        saved: BTreeMap::from([
            (of("agenda"), saved(1, tonight(0), 4_200_000, 300)),
            (of("blog"), saved(2, tonight(40), 640_000_000, 3_100)),
            (Subject::Box, saved(9, tonight(300), 1_900_000, 0)),
        ]),
        troubles: BTreeMap::new(),
        tidied: Some(TidiedFacts {
            at: tonight(380),
            code: None,
            damaged: Vec::new(),
        }),
        presence: Presence::There {
            free: Some(412_000_000_000),
            total: Some(500_000_000_000),
        },
    }
}

/// A month of nights: one missed, one in part.
fn turns() -> Vec<Turn> {
    let mut all = Vec::new();
    for night in (0..30_u64).rev() {
        if night == 11 {
            continue;
        }
        let at = ago(4 * 3_600 + night * DAY);
        for one in [of("agenda"), of("blog"), Subject::Box] {
            let saved = night != 6 || one != of("blog");
            all.push(Turn { at, of: one, saved });
        }
    }
    all
}

pub fn calm() -> Backups {
    Backups {
        repositories: vec![well()],
        concerns: Vec::new(),
        turns: turns(),
    }
}

/// A service that could not be saved, one that is gone, a second place that is not plugged in.
pub fn troubled() -> Backups {
    let mut disk = well();
    disk.saved.insert(
        of("fichiers"),
        saved(4, ago(2 * DAY), 48_000_000_000, 4_000),
    );
    disk.saved
        .insert(of("votes"), saved(5, ago(14_000), 210_000_000, 1_200));
    disk.saved
        .insert(of("chorale"), saved(6, ago(9 * DAY), 80_000_000, 900));
    disk.troubles.insert(
        of("fichiers"),
        TroubleFacts {
            at: ago(14_200),
            code: "backup-dump-failed".into(),
            message: Some(Message {
                code: "backup-dump-failed".into(),
                sentence: Text::new(
                    "La base de données n'a pas pu être copiée en entier (/dumps/main) : cette sauvegarde est refusée.",
                    "The database could not be dumped whole (/dumps/main): this backup is refused.",
                ),
                next_step: Text::new(
                    "Regardez l'état du service et de sa base ; la sauvegarde d'avant reste.",
                    "Look at the app and its database; the earlier backup stays.",
                ),
            }),
            lines: vec!["mariadb-dump: Got error: 2002: Can't connect to local server".into()],
        },
    );
    let mut attic = well();
    attic.id = id("grenier");
    attic.place = "/media/grenier/lavoir".into();
    attic.every_nights = 7;
    attic.saved.retain(|_, saved| {
        saved.at = ago(8 * DAY);
        true
    });
    attic.tidied = None;
    attic.presence = Presence::Away(Message {
        code: "place-not-there".into(),
        sentence: Text::new(
            "Le dépôt n'est pas là : rien de lui ne se trouve dans /media/grenier/lavoir.",
            "The repository is not there: nothing of it is found in /media/grenier/lavoir.",
        ),
        next_step: Text::new(
            "Branchez son disque et vérifiez qu'il est monté à cet endroit ; le dossier n'est pas touché.",
            "Plug its disk in and check that it is mounted in this place; the folder is left alone.",
        ),
    });
    Backups {
        repositories: vec![disk, attic],
        concerns: vec![
            Concern::Failed {
                repository: id("disque"),
                of: of("fichiers"),
                code: "backup-dump-failed".into(),
            },
            Concern::Late {
                of: of("forum"),
                last: Some(ago(3 * DAY)),
            },
        ],
        turns: turns(),
    }
}

/// A round is under way.
pub fn saving() -> Backups {
    let mut all = calm();
    let place = &mut all.repositories[0];
    place.presence = Presence::Unknown;
    place.round = Some(RoundFacts {
        since: ago(95),
        left: vec![of("blog"), Subject::Box],
        of: Some(of("blog")),
        measure: Some(Measure {
            done: 212_000_000,
            total: Some(640_000_000),
            unit: Unit::Bytes,
        }),
        waits: None,
    });
    all
}

/// The check found damage.
pub fn damaged() -> Backups {
    let mut all = calm();
    let place = &mut all.repositories[0];
    place.tidied = Some(TidiedFacts {
        at: ago(13_000),
        code: Some(DAMAGED.into()),
        damaged: vec!["data/4f/4f2a91".into(), "index/77c0".into()],
    });
    all.concerns = vec![Concern::Damaged {
        repository: id("disque"),
    }];
    all
}

fn evil() -> Text {
    Text::new(EVIL, EVIL)
}

/// Every word that a disk, a tool or a repository could have written.
pub fn poison(all: &mut Backups) {
    for one in &mut all.repositories {
        one.place = EVIL.into();
        for trouble in one.troubles.values_mut() {
            trouble.code = EVIL.into();
            trouble.lines = vec![EVIL.into()];
            if let Some(message) = &mut trouble.message {
                message.code = EVIL.into();
                message.sentence = evil();
                message.next_step = evil();
            }
        }
        if let Presence::Away(message) = &mut one.presence {
            message.sentence = evil();
            message.next_step = evil();
        }
    }
}

pub fn snapshots(evil: bool, place: &RepositoryId) -> Result<Vec<SnapshotFacts>, No> {
    if place.as_str() == "grenier" {
        return Err(no(
            NoKind::Broken,
            "place-not-there",
            if evil {
                EVIL
            } else {
                "Le dépôt n'est pas là."
            },
            if evil {
                EVIL
            } else {
                "The repository is not there."
            },
        ));
    }
    let one = |n: u8, subject: Subject, days: u64| SnapshotFacts {
        id: snapshot(n),
        at: ago(days * DAY + 14_400),
        of: Some(subject),
        own: n != 3,
        bytes: Some(640_000_000 - u64::from(n) * 1_000_000),
    };
    Ok(vec![
        one(2, of("blog"), 0),
        one(1, of("agenda"), 0),
        one(9, Subject::Box, 0),
        one(7, of("blog"), 1),
        one(8, of("blog"), 2),
        one(6, of("chorale"), 9),
        one(3, of("blog"), 40),
    ])
}

pub fn folder(evil: bool, path: &str) -> Vec<EntryFacts> {
    let entry = |name: &str, folder: bool, bytes: u64| EntryFacts {
        name: name.into(),
        folder,
        file: !folder,
        bytes,
        changed: Some(ago(3 * DAY)),
    };
    match path {
        "/" => vec![
            entry("data", true, 0),
            entry("dumps", true, 0),
            entry("keepsakes", true, 0),
            entry("lavoir.json", false, 8_000),
        ],
        "/data/vide" => Vec::new(),
        _ if evil => vec![
            entry(EVIL, true, 0),
            entry(&format!("{EVIL}\u{202e}\u{1b}"), false, 1),
        ],
        _ => {
            let mut all = vec![entry("2026", true, 0)];
            all.extend((1..=120).map(|n| entry(&format!("photo {n} & co.jpg"), false, n * 31_000)));
            all
        }
    }
}

pub fn file() -> FileStream {
    let pieces = ["what was ", "saved"].map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
    Box::pin(futures_util::stream::iter(pieces))
}
