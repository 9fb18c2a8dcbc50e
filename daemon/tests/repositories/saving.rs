//! Taking snapshots: the moment, dumps, what fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use lavoir::ports::Repositories as _;
use tokio::io::AsyncWriteExt as _;

use crate::house;
use crate::moment::Still;
use crate::rig::{Rig, content, noise};

fn small(rig: &Rig) -> std::path::PathBuf {
    let house = rig.path("small");
    std::fs::create_dir(&house).unwrap();
    for n in 0..40_u64 {
        std::fs::write(house.join(format!("{n}")), noise(n, 200_000)).unwrap();
    }
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_snapshot_stores_only_what_changed() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let first = rig.save(&house).await.unwrap();
    assert!(first.added > 8_000_000, "{first:?}");
    std::fs::write(house.join("7"), noise(77, 1_000)).unwrap();
    let second = rig.save(&house).await.unwrap();
    assert!(second.added < 100_000, "{second:?}");
    assert_eq!(
        (second.files, second.bytes),
        (41, 39 * 200_000 + 1_000 + 12)
    );
    let put = rig.put_back(&second.snapshot, "put").await;
    house::assert_same(&house, &put);
    rig.restic_is_content();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_moment_ends_when_all_files_are_read_and_dumps_go_on() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let (mut writer, dump) = tokio::io::duplex(64 * 1024);
    let mut still = Still::with_dump("/dumps/main", Box::pin(dump));
    let (changed, later) = (house.join("3"), house.join("4"));
    still.at_begin = Some(Box::new(move || {
        std::fs::write(&changed, b"in the moment").unwrap()
    }));
    still.at_end = Some(Box::new(move || {
        std::fs::write(&later, b"after the moment").unwrap()
    }));
    let still = Arc::new(still);
    let before = std::fs::read(house.join("4")).unwrap();
    let over = still.over.clone();
    let dumping = tokio::spawn(async move {
        writer.write_all(b"the beginning ").await.unwrap();
        // The dump ends only after the moment has.
        over.notified().await;
        writer.write_all(&noise(6, 2_000_000)).await.unwrap();
    });
    let taken = rig.save_with(content(&house), still.clone()).await.unwrap();
    dumping.await.unwrap();
    assert_eq!(still.counts(), (1, 1));
    let put = rig.put_back(&taken.snapshot, "put").await;
    assert_eq!(std::fs::read(put.join("3")).unwrap(), b"in the moment");
    assert_eq!(std::fs::read(put.join("4")).unwrap(), before);
    assert_eq!(std::fs::read(house.join("4")).unwrap(), b"after the moment");
    let dump = rig
        .repositories
        .list(&rig.at(), &taken.snapshot, "/dumps", 0, 9)
        .await
        .unwrap();
    assert_eq!(dump[0].bytes, 2_000_014);
    rig.restic_is_content();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_fails_leaves_no_snapshot() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let kept = rig.save(&house).await.unwrap();
    std::fs::write(house.join("new"), b"new").unwrap();
    let broken = tokio_util::io::StreamReader::new(futures_util::stream::iter([
        Ok(bytes::Bytes::from(noise(8, 1_500_000))),
        Err(io::Error::other("the database went away")),
    ]));
    let still = Arc::new(Still::with_dump("/dumps/main", Box::pin(broken)));
    let fault = rig
        .save_with(content(&house), still.clone())
        .await
        .unwrap_err();
    assert_eq!(fault.message.code, "backup-dump-failed");
    assert!(fault.lines[0].contains("went away"), "{fault:?}");
    assert_eq!(still.begun.load(Ordering::SeqCst), 1);
    assert_eq!(still.ended.load(Ordering::SeqCst), 1);
    let snapshots = rig.snapshots().await;
    assert_eq!(snapshots.len(), 1);
    assert_eq!(snapshots[0].id, kept.snapshot);
    rig.restic_is_content();
}
