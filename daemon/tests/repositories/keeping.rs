//! What is forgotten and what stays, held against restic's own judgement.

use lavoir::ports::{Content, Repositories as _};
use lavoir_core::backup::KeepRule;
use lavoir_core::id::Timestamp;

use crate::house;
use crate::moment::Still;
use crate::rig::{HOST, Rig, content, noise, small};

const DAY_MS: u64 = 86_400_000;

#[tokio::test(flavor = "multi_thread")]
async fn tidying_keeps_what_restic_would_keep() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let days: [u64; 9] = [0, 1, 1, 2, 9, 16, 40, 41, 400];
    for (n, day) in days.into_iter().enumerate() {
        // Each has something that it alone needs.
        std::fs::write(house.join("changing"), noise(100 + n as u64, 300_000)).unwrap();
        for (host, tag) in [
            (HOST, "app=a"),
            (HOST, "app=b"),
            ("other.example.org", "app=a"),
        ] {
            if tag == "app=b" && n % 3 != 0 {
                continue;
            }
            let content = Content {
                host: host.to_owned(),
                tags: vec![tag.to_owned()],
                time: Timestamp(1_770_000_000_000 - day * DAY_MS + n as u64 * 60_000),
                ..content(&house)
            };
            rig.save_with(content, Still::new()).await.unwrap();
        }
    }
    let rule = KeepRule {
        last: 1,
        daily: 3,
        weekly: 2,
        monthly: 2,
        yearly: 1,
    };
    let said = rig.restic(&[
        "forget",
        "--dry-run",
        "--json",
        "--host",
        HOST,
        "--group-by",
        "host,tags",
        "--keep-last",
        "1",
        "--keep-daily",
        "3",
        "--keep-weekly",
        "2",
        "--keep-monthly",
        "2",
        "--keep-yearly",
        "1",
    ]);
    let groups: serde_json::Value = serde_json::from_str(&said).unwrap();
    let mut expected: Vec<String> = Vec::new();
    for group in groups.as_array().unwrap() {
        let kept = group["keep"].as_array().unwrap().iter();
        expected.extend(kept.map(|one| one["id"].as_str().unwrap().to_owned()));
    }
    let before = rig.snapshots().await;
    let others = before.iter().filter(|one| one.host != HOST);
    expected.extend(others.map(|one| one.id.to_string()));
    expected.sort();

    let tidied = rig
        .repositories
        .tidy(&rig.at(), HOST, &rule, &|_| {})
        .await
        .unwrap();
    let mut left: Vec<_> = rig
        .snapshots()
        .await
        .iter()
        .map(|one| one.id.to_string())
        .collect();
    left.sort();
    assert_eq!(left, expected);
    assert_eq!(tidied.forgotten as usize, before.len() - left.len());
    assert!(tidied.forgotten > 0);
    rig.restic_is_content();
    for snapshot in rig.snapshots().await {
        let put = rig.put_back(&snapshot.id, "put").await;
        assert!(std::fs::read(put.join("0")).unwrap() == noise(0, 200_000));
    }

    // A rule that keeps nothing keeps the last one of each group.
    let nothing = KeepRule {
        last: 0,
        daily: 0,
        weekly: 0,
        monthly: 0,
        yearly: 0,
    };
    for host in [HOST, "other.example.org"] {
        rig.repositories
            .tidy(&rig.at(), host, &nothing, &|_| {})
            .await
            .unwrap();
    }
    assert_eq!(rig.snapshots().await.len(), 3);
    let said = rig.restic(&["check", "--read-data"]);
    assert!(said.contains("no errors were found"), "{said}");
    assert!(!said.contains("not referenced"), "{said}");
    let last = rig.snapshots().await.pop().unwrap();
    house::assert_same(
        &rig.put_back(&last.id, "put").await,
        &rig.put_back(&last.id, "again").await,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn room_is_given_back() {
    let rig = Rig::new().await;
    let house = rig.path("house");
    std::fs::create_dir(&house).unwrap();
    for n in 0..3 {
        std::fs::write(house.join("great"), noise(50 + n, 4_000_000)).unwrap();
        rig.save(&house).await.unwrap();
    }
    let rule = KeepRule {
        last: 1,
        daily: 0,
        weekly: 0,
        monthly: 0,
        yearly: 0,
    };
    let tidied = rig
        .repositories
        .tidy(&rig.at(), HOST, &rule, &|_| {})
        .await
        .unwrap();
    assert_eq!(tidied.forgotten, 2);
    assert!(tidied.freed > 7_900_000, "{tidied:?}");
    rig.restic_is_content();
}
