//! A flipped bit in each kind of file is found and named, and nothing wrong is given out.

use std::path::{Path, PathBuf};

use lavoir::ports::{Part, Repositories as _};

use crate::house;
use crate::rig::{Rig, small};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(file, bytes).unwrap();
}

async fn check(rig: &Rig, part: Part) -> Vec<String> {
    let found = rig
        .repositories
        .check(&rig.at(), part, &|_| {})
        .await
        .unwrap();
    found.map(|damaged| damaged.lines).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_each_kind_of_file_is_found_and_named() {
    let rig = Rig::new().await;
    let house = small(&rig);
    rig.save(&house).await.unwrap();
    for kind in ["config", "keys", "index", "snapshots", "data"] {
        let top = rig.folder().join(kind);
        let all = if top.is_file() {
            vec![top]
        } else {
            files(&top)
        };
        assert!(!all.is_empty(), "{kind}");
        for file in all {
            flip(&file);
            let lines = check(&rig, Part::All).await;
            let name = file.strip_prefix(rig.folder()).unwrap().to_str().unwrap();
            assert_eq!(lines, [name]);
            flip(&file);
        }
    }
    assert!(check(&rig, Part::All).await.is_empty());
    rig.restic_is_content();
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_by_turns_read_everything_once() {
    let rig = Rig::new().await;
    let house = small(&rig);
    rig.save(&house).await.unwrap();
    // One with data: trees are read by each check.
    let packs = files(&rig.folder().join("data"));
    let size = |pack: &PathBuf| pack.metadata().unwrap().len();
    let pack = packs.into_iter().max_by_key(size).unwrap();
    flip(&pack);
    let mut found = 0;
    for turn in 0..5 {
        found += check(&rig, Part::OneOf(turn, 5)).await.len();
    }
    assert_eq!(found, 1);
    assert!(check(&rig, Part::Structure).await.is_empty());
    std::fs::remove_file(&pack).unwrap();
    let lines = check(&rig, Part::Structure).await;
    let name = pack.file_name().unwrap().to_str().unwrap();
    assert!(
        lines.iter().any(|line| line.contains(&name[..8])),
        "{lines:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_not_put_back_as_if_it_were_well() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let taken = rig.save(&house).await.unwrap();
    let into = rig.path("put");
    std::fs::create_dir(&into).unwrap();
    let mut found = 0;
    for pack in files(&rig.folder().join("data")) {
        flip(&pack);
        let put = rig
            .repositories
            .put_back(&rig.at(), &taken.snapshot, "/data/files", &into, &|_| {})
            .await;
        match put {
            // Trees of the first reading, which no snapshot needs.
            Ok(()) => house::assert_same(&house, &into),
            Err(fault) => {
                assert_eq!(fault.message.code, "repository-damaged");
                found += 1;
            }
        }
        flip(&pack);
    }
    assert!(found >= 2);
    rig.put_back(&taken.snapshot, "put").await;
    house::assert_same(&house, &into);
    // One snapshot's file is gone bad: the others are there all the same, and nothing is pruned.
    let second = rig.save(&house).await.unwrap();
    flip(&rig.folder().join("snapshots").join(taken.snapshot.as_str()));
    let left = rig.snapshots().await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].id, second.snapshot);
    let tidied = rig
        .repositories
        .tidy(&rig.at(), crate::rig::HOST, &Default::default(), &|_| {})
        .await;
    let fault = tidied.unwrap_err();
    assert_eq!(fault.message.code, "repository-damaged");
    assert!(
        fault.lines[0].contains(taken.snapshot.as_str()),
        "{fault:?}"
    );
    rig.save(&house).await.unwrap();
}
