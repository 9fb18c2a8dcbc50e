//! Taking snapshots: the moment, dumps, what fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use lavoir::ports::Repositories as _;
use tokio::io::AsyncWriteExt as _;

use crate::house;
use crate::moment::Still;
use crate::rig::{Rig, content, noise, small};

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
    assert!(std::fs::read(put.join("4")).unwrap() == before);
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

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_whole_fails_the_snapshot() {
    let rig = Rig::new().await;
    if !crate::rig::is_root() {
        return;
    }
    // A file that even root cannot open for reading.
    let still = Still::new();
    let fault = rig
        .save_with(content("/sys/bus/cpu".as_ref()), still.clone())
        .await
        .unwrap_err();
    assert_eq!(fault.message.code, "backup-unreadable");
    assert_eq!(still.counts(), (0, 0));
    // Files that say that they are longer than they are: in the moment that is a change.
    let still = Still::new();
    let lies = "/sys/class/net/lo/statistics";
    let fault = rig
        .save_with(content(lies.as_ref()), still.clone())
        .await
        .unwrap_err();
    assert_eq!(fault.message.code, "backup-changed");
    assert_eq!(still.counts(), (1, 1));
    let fault = rig.save("/nowhere/at/all".as_ref()).await.unwrap_err();
    assert_eq!(fault.message.code, "backup-unreadable");
    assert!(rig.snapshots().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_is_saved_as_far_as_it_reached() {
    use std::io::Write as _;
    use std::sync::atomic::AtomicBool;

    let rig = Rig::new().await;
    let house = small(&rig);
    let mut log = std::fs::File::create(house.join("log")).unwrap();
    let line = noise(21, 50_000);
    log.write_all(&line).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let growing = std::thread::spawn({
        let over = over.clone();
        move || {
            while !over.load(Ordering::SeqCst) && log.metadata().unwrap().len() < 30_000_000 {
                log.write_all(&line).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
    });
    let taken = rig.save(&house).await.unwrap();
    over.store(true, Ordering::SeqCst);
    growing.join().unwrap();
    let put = rig.put_back(&taken.snapshot, "put").await;
    let (whole, saved) = (
        std::fs::read(house.join("log")).unwrap(),
        std::fs::read(put.join("log")).unwrap(),
    );
    assert!(saved.len() >= 50_000 && whole.starts_with(&saved));
    let at = rig.at();
    let listed = rig
        .repositories
        .list(&at, &taken.snapshot, "/data/files", 0, 99)
        .await
        .unwrap();
    let log = listed.iter().find(|entry| entry.name == "log").unwrap();
    assert_eq!(log.bytes, saved.len() as u64);
    rig.restic_is_content();
    // It is read again the next time, whatever its times say.
    let taken = rig.save(&house).await.unwrap();
    let put = rig.put_back(&taken.snapshot, "put").await;
    house::assert_same(&house, &put);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_away_in_between_is_left_out() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let mut still = Still::default();
    let gone = house.join("5");
    still.at_begin = Some(Box::new(move || std::fs::remove_file(&gone).unwrap()));
    let taken = rig
        .save_with(content(&house), Arc::new(still))
        .await
        .unwrap();
    assert_eq!(taken.files, 40);
    let put = rig.put_back(&taken.snapshot, "put").await;
    house::assert_same(&house, &put);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_future_ends_the_moment_and_leaves_nothing() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let (writer, dump) = tokio::io::duplex(64);
    let mut still = Still::with_dump("/dumps/main", Box::pin(dump));
    let (sender, mut in_moment) = tokio::sync::mpsc::unbounded_channel();
    still.at_begin = Some(Box::new(move || sender.send(()).unwrap()));
    let still = Arc::new(still);
    tokio::select! {
        _ = rig.save_with(content(&house), still.clone()) => panic!("a dump that never ends"),
        _ = in_moment.recv() => {}
    }
    still.over.notified().await;
    assert_eq!(still.counts(), (1, 1));
    // The next one waits until the first has let go, and then has its turn.
    let taken = rig.save(&house).await.unwrap();
    drop(writer);
    assert_eq!(rig.snapshots().await.len(), 1);
    house::assert_same(&house, &rig.put_back(&taken.snapshot, "put").await);
    rig.restic_is_content();
}

#[tokio::test(flavor = "multi_thread")]
async fn measures_are_told_and_end_whole() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let measures = std::sync::Mutex::new(Vec::new());
    let at = rig.at();
    let (mut writer, dump) = tokio::io::duplex(1024);
    let still = Arc::new(Still::with_dump("/dumps/main", Box::pin(dump)));
    let over = still.over.clone();
    let slow = tokio::spawn(async move {
        over.notified().await;
        // Long enough for measures to be told of.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        writer.write_all(b"a dump").await.unwrap();
    });
    let tell = |measure| measures.lock().unwrap().push(measure);
    rig.repositories
        .save(&at, content(&house), still, &tell)
        .await
        .unwrap();
    slow.await.unwrap();
    let measures = measures.into_inner().unwrap();
    let last: &lavoir::ports::Measure = measures.last().unwrap();
    assert!(last.done >= 40 * 200_000, "{last:?}");
    assert!(measures.windows(2).all(|pair| pair[0].done <= pair[1].done));
}
