//! Places that are not there, full, read-only, pulled out, somebody else's; keys that do not fit.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lavoir::ports::{Answer, Opener, Repositories as _};
use zeroize::Zeroizing;

use crate::house;
use crate::moment::Still;
use crate::rig::{Rig, content, is_root, noise, small};

fn code<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    let message = answer.unwrap_err().message;
    for text in [&message.sentence, &message.next_step] {
        assert!(!text.fr.is_empty() && !text.en.is_empty());
    }
    message.code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_told_and_opens_nothing() {
    let rig = Rig::new().await;
    let house = small(&rig);
    rig.save(&house).await.unwrap();
    let wrong = Opener {
        key: Zeroizing::new("another key".to_owned()),
        ..rig.at()
    };
    assert_eq!(
        code(rig.repositories.look(&wrong).await),
        "repository-wrong-key"
    );
    assert_eq!(
        code(rig.repositories.make(&wrong).await),
        "repository-wrong-key"
    );
    assert_eq!(
        code(rig.repositories.snapshots(&wrong).await),
        "repository-wrong-key"
    );
    let still = Still::new();
    let saved = rig
        .repositories
        .save(&wrong, content(&house), still.clone(), &|_| {})
        .await;
    assert_eq!(code(saved), "repository-wrong-key");
    assert_eq!(still.counts(), (0, 0));
    assert_eq!(rig.snapshots().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_not_plugged_in_is_no_fresh_one() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let taken = rig.save(&house).await.unwrap();
    rig.repositories.make(&rig.at()).await.unwrap();
    let away = rig.path("away");
    std::fs::rename(rig.folder(), &away).unwrap();
    for there in [false, true] {
        if there {
            // The place where it is mounted is there, with nothing in it.
            std::fs::create_dir(rig.folder()).unwrap();
        }
        assert_eq!(
            code(rig.repositories.look(&rig.at()).await),
            "place-not-there"
        );
        assert_eq!(
            code(rig.repositories.make(&rig.at()).await),
            "place-not-there"
        );
        assert_eq!(
            code(rig.repositories.snapshots(&rig.at()).await),
            "place-not-there"
        );
        assert_eq!(code(rig.save(&house).await), "place-not-there");
    }
    assert_eq!(rig.folder().read_dir().unwrap().count(), 0);
    std::fs::remove_dir(rig.folder()).unwrap();
    std::fs::rename(&away, rig.folder()).unwrap();
    let room = rig.repositories.look(&rig.at()).await.unwrap();
    assert!(room.free.unwrap() > 0 && room.free <= room.total);
    house::assert_same(&house, &rig.put_back(&taken.snapshot, "put").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_pulled_out_in_the_middle() {
    let rig = Rig::new().await;
    let house = small(&rig);
    rig.save(&house).await.unwrap();
    let mut still = Still::with_dump(
        "/dumps/main",
        Box::pin(std::io::Cursor::new(noise(3, 900_000))),
    );
    let (from, to) = (rig.folder(), rig.path("away"));
    still.at_begin = Some(Box::new(move || std::fs::rename(&from, &to).unwrap()));
    let still = Arc::new(still);
    std::fs::write(house.join("new"), noise(4, 100_000)).unwrap();
    assert_eq!(
        code(rig.save_with(content(&house), still.clone()).await),
        "place-not-there"
    );
    assert_eq!(still.counts(), (1, 1));
    let _ = std::fs::remove_dir_all(rig.folder());
    std::fs::rename(rig.path("away"), rig.folder()).unwrap();
    assert_eq!(rig.snapshots().await.len(), 1);
    rig.save(&house).await.unwrap();
    rig.restic_is_content();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_something_else_in_it_is_left_alone() {
    let rig = Rig::bare();
    std::fs::create_dir_all(rig.folder().join("data/photos")).unwrap();
    std::fs::write(rig.folder().join("data/photos/1"), b"mine").unwrap();
    assert_eq!(
        code(rig.repositories.make(&rig.at()).await),
        "place-not-empty"
    );
    assert_eq!(rig.folder().read_dir().unwrap().count(), 1);
    let deep = crate::rig::opener(&rig.path("not/there"));
    assert_eq!(code(rig.repositories.make(&deep).await), "place-wrong");
    let bare = crate::rig::opener(Path::new("relative"));
    assert_eq!(code(rig.repositories.make(&bare).await), "place-wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn making_goes_on_where_it_was_cut_off() {
    let rig = Rig::new().await;
    // As it is before the config is written, which comes last; on a file system of its own.
    std::fs::remove_file(rig.folder().join("config")).unwrap();
    std::fs::create_dir(rig.folder().join("lost+found")).unwrap();
    let again = Rig {
        repositories: Arc::new(lavoir::adapter::repositories::ResticRepositories::new(
            rig.path("other notes"),
        )),
        ..rig
    };
    again.repositories.make(&again.at()).await.unwrap();
    let house = small(&again);
    again.save(&house).await.unwrap();
    again.restic_is_content();
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_at_work_with_restic_is_waited_for() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let lock = rig.folder().join("locks").join("a".repeat(64));
    std::fs::write(&lock, b"fresh").unwrap();
    assert_eq!(code(rig.save(&house).await), "repository-in-use");
    let tidied = rig
        .repositories
        .tidy(&rig.at(), "any", &Default::default(), &|_| {})
        .await;
    assert_eq!(code(tidied), "repository-in-use");
    let stale = SystemTime::now() - Duration::from_secs(2 * 3600);
    std::fs::File::options()
        .write(true)
        .open(&lock)
        .unwrap()
        .set_modified(stale)
        .unwrap();
    rig.save(&house).await.unwrap();
    assert!(lock.exists());
}

/// A small file system of its own, unmounted in the end.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: PathBuf, size: &str) -> Option<Self> {
        if !is_root() {
            return None;
        }
        std::fs::create_dir(&at).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=700"),
                "tmpfs",
            ])
            .arg(&at);
        assert!(
            mount.status().unwrap().success(),
            "a small file system is mounted"
        );
        Some(Self(at))
    }

    fn again(&self, how: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(&self.0);
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_and_one_that_cannot_be_written() {
    let rig = Rig::bare();
    let Some(disk) = Disk::mount(rig.folder(), "24m") else {
        return;
    };
    rig.repositories.make(&rig.at()).await.unwrap();
    let house = small(&rig);
    let taken = rig.save(&house).await.unwrap();

    let great = rig.path("great");
    std::fs::create_dir(&great).unwrap();
    std::fs::write(great.join("great"), noise(5, 40_000_000)).unwrap();
    let still = Still::new();
    assert_eq!(
        code(rig.save_with(content(&great), still.clone()).await),
        "place-full"
    );
    assert_eq!(still.counts(), (0, 0));
    // Full in the moment.
    let dump = Box::pin(std::io::Cursor::new(noise(6, 40_000_000)));
    let still = Arc::new(Still::with_dump("/dumps/main", dump));
    assert_eq!(
        code(rig.save_with(content(&house), still.clone()).await),
        "place-full"
    );
    assert_eq!(still.counts(), (1, 1));
    assert_eq!(rig.snapshots().await.len(), 1);
    rig.restic(&["check", "--read-data", "--no-lock"]);
    house::assert_same(&house, &rig.put_back(&taken.snapshot, "put").await);
    // What the attempts left behind goes.
    let tidied = rig
        .repositories
        .tidy(&rig.at(), "any", &Default::default(), &|_| {})
        .await
        .unwrap();
    assert!(tidied.freed > 0, "{tidied:?}");
    rig.save(&house).await.unwrap();
    rig.restic_is_content();

    disk.again("ro");
    assert_eq!(code(rig.save(&house).await), "place-read-only");
    assert_eq!(rig.snapshots().await.len(), 2);
    house::assert_same(&house, &rig.put_back(&taken.snapshot, "put").await);
}
