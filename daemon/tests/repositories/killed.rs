//! Whoever works on a repository is killed in the middle: what was there is there, and work goes on afterwards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use lavoir::adapter::repositories::ResticRepositories;
use lavoir::ports::Repositories as _;
use lavoir_core::backup::KeepRule;

use crate::house;
use crate::moment::Still;
use crate::rig::{HOST, Rig, content, noise, opener, small};

const CHILD: &str = "LAVOIR_TEST_KILLED";

const LAST_ONE: KeepRule = KeepRule {
    last: 1,
    daily: 0,
    weekly: 0,
    monthly: 0,
    yearly: 0,
};

/// No test by itself: what is killed. It is told in the environment what it shall do, and in which folder.
#[tokio::test(flavor = "multi_thread")]
async fn the_one_that_is_killed() {
    let Ok(told) = std::env::var(CHILD) else {
        return;
    };
    let (what, top) = told.split_once(' ').unwrap();
    let top = Path::new(top);
    let repositories = ResticRepositories::new(top.join("notes"));
    let at = opener(&top.join("repository"));
    let house = top.join("small");
    match what {
        "save" => {
            // A dump without end: it is killed in it at the latest.
            let endless = tokio_util::io::StreamReader::new(futures_util::stream::iter(
                (0_u64..).map(|n| Ok::<_, std::io::Error>(bytes::Bytes::from(noise(n, 65_536)))),
            ));
            let still = Arc::new(Still::with_dump("/dumps/main", Box::pin(endless)));
            let _ = repositories
                .save(&at, content(&house), still, &|_| {})
                .await;
        }
        _ => {
            repositories
                .tidy(&at, HOST, &LAST_ONE, &|_| {})
                .await
                .unwrap();
        }
    }
}

fn start(rig: &Rig, what: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::the_one_that_is_killed"])
        .env(CHILD, format!("{what} {}", rig.temp.path().display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in folder.read_dir().unwrap().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files(&entry.path(), found);
        } else {
            found.insert(entry.path());
        }
    }
}

/// Kills it once the repository's files have changed so many times; says whether it was still at work.
fn kill_after(rig: &Rig, mut child: Child, changes: usize) -> bool {
    let look = || {
        let mut found = BTreeSet::new();
        files(&rig.folder(), &mut found);
        found
    };
    let (mut seen, mut last) = (0, look());
    while seen < changes {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let now = look();
        if now != last {
            (seen, last) = (seen + 1, now);
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_saving() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let kept = rig.save(&house).await.unwrap();
    for changes in [1, 3, 6] {
        for n in 0..40 {
            std::fs::write(
                house.join(format!("{changes} {n}")),
                noise(changes * 100 + n, 300_000),
            )
            .unwrap();
        }
        assert!(kill_after(&rig, start(&rig, "save"), changes as usize));
        assert_eq!(rig.snapshots().await.len(), 1);
        let said = rig.restic(&["check", "--read-data"]);
        assert!(said.contains("no errors were found"), "{said}");
    }
    let put = rig.put_back(&kept.snapshot, "put").await;
    assert!(std::fs::read(put.join("7")).unwrap() == noise(7, 200_000));
    let taken = rig.save(&house).await.unwrap();
    house::assert_same(&house, &rig.put_back(&taken.snapshot, "put").await);
    rig.repositories
        .tidy(&rig.at(), HOST, &LAST_ONE, &|_| {})
        .await
        .unwrap();
    house::assert_same(&house, &rig.put_back(&taken.snapshot, "again").await);
    let said = rig.restic(&["check", "--read-data"]);
    assert!(
        said.contains("no errors were found") && !said.contains("not referenced"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_tidying() {
    let rig = Rig::new().await;
    let house = small(&rig);
    let mut killed = 0;
    for changes in 1..=6 {
        for n in 0..20 {
            std::fs::write(
                house.join(format!("{n}")),
                noise(changes * 1000 + n, 200_000),
            )
            .unwrap();
        }
        let taken = rig.save(&house).await.unwrap();
        killed += usize::from(kill_after(&rig, start(&rig, "tidy"), changes as usize));
        house::assert_same(&house, &rig.put_back(&taken.snapshot, "put").await);
        let said = rig.restic(&["check", "--read-data"]);
        assert!(said.contains("no errors were found"), "{said}");
    }
    assert!(killed >= 2, "{killed}");
    rig.repositories
        .tidy(&rig.at(), HOST, &LAST_ONE, &|_| {})
        .await
        .unwrap();
    let said = rig.restic(&["check", "--read-data"]);
    assert!(
        said.contains("no errors were found") && !said.contains("not referenced"),
        "{said}"
    );
    assert_eq!(rig.snapshots().await.len(), 1);
}
