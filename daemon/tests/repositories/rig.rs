//! A repository of a test's own, and restic beside it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lavoir::adapter::repositories::ResticRepositories;
use lavoir::ports::{Answer, Content, Moment, Opener, Repositories as _, Snapshot, Taken};
use lavoir_core::backup::Place;
use lavoir_core::id::Timestamp;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::moment::Still;

pub const KEY: &str = "six words and a number 7";
static MINUTES: AtomicU64 = AtomicU64::new(0);

pub const HOST: &str = "box.example.org";

pub struct Rig {
    pub temp: TempDir,
    pub repositories: Arc<ResticRepositories>,
}

impl Rig {
    /// A folder of its own, and a repository in it.
    pub async fn new() -> Self {
        let rig = Self::bare();
        rig.repositories.make(&rig.at()).await.unwrap();
        rig
    }

    pub fn bare() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let repositories = Arc::new(ResticRepositories::new(temp.path().join("notes")));
        Self { temp, repositories }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub fn folder(&self) -> PathBuf {
        self.path("repository")
    }

    pub fn at(&self) -> Opener {
        opener(&self.folder())
    }

    /// Saves one folder as `/data/files`.
    pub async fn save(&self, here: &Path) -> Answer<Taken> {
        self.save_with(content(here), Still::new()).await
    }

    pub async fn save_with(&self, content: Content, moment: Arc<dyn Moment>) -> Answer<Taken> {
        self.repositories
            .save(&self.at(), content, moment, &|_| {})
            .await
    }

    pub async fn snapshots(&self) -> Vec<Snapshot> {
        self.repositories.snapshots(&self.at()).await.unwrap()
    }

    /// Puts `/data/files` back into a new folder.
    pub async fn put_back(&self, taken: &lavoir_core::backup::SnapshotId, name: &str) -> PathBuf {
        let into = self.path(name);
        std::fs::create_dir_all(&into).unwrap();
        self.repositories
            .put_back(&self.at(), taken, "/data/files", &into, &|_| {})
            .await
            .unwrap();
        into
    }

    pub fn restic(&self, arguments: &[&str]) -> String {
        let output = self.try_restic(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let amiss = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "restic {arguments:?}: {said}{amiss}"
        );
        said
    }

    pub fn try_restic(&self, arguments: &[&str]) -> Output {
        Command::new("restic")
            .args(["--no-cache", "--repo"])
            .arg(self.folder())
            .args(arguments)
            .env("RESTIC_PASSWORD", KEY)
            .env("HOME", self.temp.path())
            .output()
            .expect("restic is there (apt-get install restic)")
    }

    /// That restic finds nothing amiss, and nothing that is too many.
    pub fn restic_is_content(&self) {
        let said = self.restic(&["check", "--read-data"]);
        assert!(said.contains("no errors were found"), "{said}");
    }
}

pub fn opener(folder: &Path) -> Opener {
    Opener {
        place: Place::Folder {
            path: folder.to_str().unwrap().to_owned(),
        },
        key: Zeroizing::new(KEY.to_owned()),
    }
}

pub fn content(here: &Path) -> Content {
    Content {
        host: HOST.to_owned(),
        tags: vec!["app=notes".to_owned(), "lavoir".to_owned()],
        // Each a minute after the one before.
        time: Timestamp(1_770_000_000_000 + MINUTES.fetch_add(1, Ordering::SeqCst) * 60_000),
        texts: vec![(
            "/lavoir.json".to_owned(),
            Zeroizing::new(b"{\"format\":1}".to_vec()),
        )],
        folders: vec![("/data/files".to_owned(), here.to_path_buf())],
    }
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Bytes without a pattern, the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Forty files of 200 kB.
pub fn small(rig: &Rig) -> PathBuf {
    let house = rig.path("small");
    std::fs::create_dir(&house).unwrap();
    for n in 0..40_u64 {
        std::fs::write(house.join(format!("{n}")), noise(n, 200_000)).unwrap();
    }
    house
}
