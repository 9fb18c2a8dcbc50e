//! By hand: `cargo run --release -p lavoir --example backup_memory -- FOLDER`. Saves about 1 GiB in 20,000 files and puts
//! it back, beside Debian's restic, on the same data in one run; prints times and peak memory, and how they compare.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use lavoir::adapter::repositories::ResticRepositories;
use lavoir::ports::{Bytes, Content, Moment, Opener, Pending, Repositories as _};
use lavoir_core::backup::Place;
use lavoir_core::id::Timestamp;
use zeroize::Zeroizing;

const FILES: u64 = 20_000;
const FILE_BYTES: usize = 52_000;
const KEY: &str = "a key for one run";

struct NoMoment;

impl Moment for NoMoment {
    fn begin(&self) -> Pending<'_, Vec<(String, Bytes)>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn end(&self) -> Pending<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [folder] => compare(Path::new(folder)),
        ["save", folder] => ours("save", Path::new(folder)),
        ["put-back", folder] => ours("put-back", Path::new(folder)),
        _ => eprintln!("an empty folder with 4 GiB of room"),
    }
}

/// In a process of its own, whose peak memory is then known.
fn ours(what: &str, folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let repositories = ResticRepositories::new(folder.join("notes"));
        let at = Opener {
            place: Place::Folder {
                path: folder.join("ours").to_str().unwrap().to_owned(),
            },
            key: Zeroizing::new(KEY.to_owned()),
        };
        if what == "save" {
            repositories.make(&at).await.unwrap();
            let content = Content {
                host: "bench".to_owned(),
                tags: Vec::new(),
                time: Timestamp(1_770_000_000_000),
                texts: Vec::new(),
                folders: vec![("/data".to_owned(), folder.join("data"))],
            };
            let saved = repositories
                .save(&at, content, Arc::new(NoMoment), &|_| {})
                .await;
            saved.unwrap();
        } else {
            let last = repositories.snapshots(&at).await.unwrap().pop().unwrap();
            let into = folder.join("put back by us");
            std::fs::create_dir(&into).unwrap();
            let put = repositories
                .put_back(&at, &last.id, "/data", &into, &|_| {})
                .await;
            put.unwrap();
        }
    });
}

fn compare(folder: &Path) {
    let data = folder.join("data");
    let mut state = 88_172_645_463_325_252_u64;
    for n in 0..FILES {
        let sub = data.join(format!("{:03}", n % 200));
        std::fs::create_dir_all(&sub).unwrap();
        let mut bytes = Vec::with_capacity(FILE_BYTES + 8);
        while bytes.len() < FILE_BYTES {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        std::fs::write(sub.join(n.to_string()), bytes).unwrap();
    }
    let me = std::env::current_exe().unwrap();
    let me = me.to_str().unwrap();
    let place = folder.to_str().unwrap();
    let theirs = folder.join("theirs");
    let back = folder.join("put back by restic");
    let (theirs, back) = (theirs.to_str().unwrap(), back.to_str().unwrap());
    let restic = ["restic", "--no-cache", "-q", "-r", theirs];
    let with = |more: &[&str]| {
        [&restic[..], more]
            .concat()
            .iter()
            .map(|s| (*s).to_owned())
            .collect()
    };
    run(folder, with(&["init"]));
    let mut rows = Vec::new();
    for (what, by_us, by_restic) in [
        (
            "first",
            vec!["save"],
            vec!["backup", data.to_str().unwrap()],
        ),
        (
            "second",
            vec!["save"],
            vec!["backup", data.to_str().unwrap()],
        ),
        (
            "restore",
            vec!["put-back"],
            vec!["restore", "latest", "--target", back],
        ),
    ] {
        let us = [&[me], &by_us[..], &[place]].concat();
        let us = run(folder, us.into_iter().map(str::to_owned).collect());
        let it = run(folder, with(&by_restic));
        rows.push((what, us, it));
    }
    println!("            ours: s, peak MiB   restic: s, peak MiB   ratios: time, memory");
    for (what, us, it) in rows {
        println!(
            "{what:<10} {:>8.1} {:>9.0}   {:>11.1} {:>9.0}   {:>11.2} {:>7.2}",
            us.0,
            us.1,
            it.0,
            it.1,
            us.0 / it.0,
            us.1 / it.1
        );
    }
}

/// Seconds, and the peak of memory in MiB.
fn run(folder: &Path, command: Vec<String>) -> (f64, f64) {
    let report: PathBuf = folder.join("report");
    let began = Instant::now();
    let status = Command::new("/usr/bin/time")
        .args(["-f", "%M", "-o"])
        .arg(&report)
        .args(&command)
        .env("RESTIC_PASSWORD", KEY)
        .status()
        .expect("GNU time is there (apt-get install time)");
    assert!(status.success(), "{command:?}");
    let seconds = began.elapsed().as_secs_f64();
    let peak = std::fs::read_to_string(&report).unwrap();
    let peak: f64 = peak.lines().last().unwrap().trim().parse().unwrap();
    (seconds, peak / 1024.0)
}
