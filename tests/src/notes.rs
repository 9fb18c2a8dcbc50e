//! A small service with the shapes of the real ones (`tests/recipes/notes`), in an appliance of a test's own: what its
//! visitors were told is kept must be found again, whatever happens.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::appliance::{Appliance, DOMAIN};

/// For anything to end.
pub const WAIT: Duration = Duration::from_secs(120);

/// The app, and what is to be found of it.
pub struct Notes {
    /// Where it lives.
    pub appliance: Appliance,
    shelf: tempfile::TempDir,
    /// The title that was decided.
    pub title: String,
    /// The release that is to be found running.
    pub release: u32,
    newest: u32,
    written: BTreeSet<String>,
}

impl Notes {
    /// An appliance that could install it.
    pub fn ready() -> Result<Self> {
        let shelf = tempfile::tempdir()?;
        copy(&own_recipe(), &shelf.path().join("notes"))?;
        Ok(Self {
            appliance: Appliance::start(&[shelf.path()])?,
            shelf,
            title: "Des notes".into(),
            release: 1,
            newest: 1,
            written: BTreeSet::new(),
        })
    }

    /// Installed, with a first note.
    pub fn installed() -> Result<Self> {
        let mut notes = Self::ready()?;
        notes.install()?;
        notes.check("at first")?;
        Ok(notes)
    }

    /// Installs it, with nothing in it.
    pub fn install(&mut self) -> Result<()> {
        self.written.clear();
        self.appliance.cli(&["install", "notes", "--yes"]).map(drop)
    }

    /// What was written is not to be found any more.
    pub fn forget(&mut self) {
        self.written.clear();
    }

    /// The notes that are to be found.
    pub fn written(&self) -> BTreeSet<String> {
        self.written.clone()
    }

    /// These are to be found from now on, and no others.
    pub fn go_back_to(&mut self, written: BTreeSet<String>) {
        self.written = written;
    }

    /// A release that comes after all others, its image ending in these words.
    pub fn next_release(&mut self, image_ends: &str) -> Result<()> {
        self.newest += 1;
        let shelf = self.shelf.path().join("notes");
        let toml = fs::read_to_string(own_recipe().join("recipe.toml"))?;
        let toml = toml.replace("\"1-1\"", &format!("\"1-{}\"", self.newest));
        fs::write(shelf.join("recipe.toml"), toml)?;
        let image = fs::read_to_string(own_recipe().join("image/Containerfile"))?;
        let image = image
            .replace(
                "LAVOIR_RECIPE=1-1",
                &format!("LAVOIR_RECIPE=1-{}", self.newest),
            )
            .replace("CMD [\"notes\", \"serve\"]", image_ends);
        Ok(fs::write(shelf.join("image/Containerfile"), image)?)
    }

    /// One look at what is under way, by the API itself: the command line would be too slow to see each step.
    pub fn picture(&self) -> Result<Value> {
        let mut socket = UnixStream::connect(self.appliance.api_socket())?;
        socket.set_read_timeout(Some(WAIT))?;
        socket.write_all(
            b"GET /v1/apps/notes/progress?wait=false HTTP/1.0\r\nHost: localhost\r\n\r\n",
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        if head.starts_with("HTTP/1.0 404") {
            // Deleted to the end.
            return Ok(serde_json::json!({ "outcome": "gone" }));
        }
        serde_json::from_str(body.trim()).with_context(|| answer.clone())
    }

    /// Waits until nothing is under way.
    pub fn until_settled(&self) -> Result<()> {
        until("it settles", || Ok(!self.picture()?["outcome"].is_null()))
    }

    /// The app is what was decided, its notes are there, and nothing lies about; then one more note is written.
    pub fn check(&mut self, when: &str) -> Result<()> {
        let page = self.page().with_context(|| when.to_owned())?;
        for line in [
            format!("release: 1-{}", self.release),
            format!("title: {}", self.title),
            "account: made".to_owned(),
        ] {
            ensure!(
                page.lines().any(|found| found == line),
                "{when}, not “{line}”:\n{page}"
            );
        }
        for note in &self.written {
            let found = page.lines().filter(|line| line == note).count();
            ensure!(
                found == 2,
                "{when}, {found} times instead of 2 “{note}”:\n{page}"
            );
        }
        for (kind, expected) in [("container", 3), ("volume", 2), ("network", 1)] {
            let found = self.labelled(kind)?;
            ensure!(found.len() == expected, "{when}, of {kind}s: {found:?}");
        }
        let ledger = self.appliance.state().join("lavoir.db");
        self.appliance
            .cli(&["ledger", "verify", &ledger.display().to_string()])?;

        let note = format!("note {}", self.written.len() + 1);
        let host = format!("notes.{DOMAIN}");
        self.appliance
            .ask(&host, "/", &["--data", &note])?
            .expect(200)?;
        self.written.insert(note);
        Ok(())
    }

    /// The page, once people are let in again.
    pub fn page(&self) -> Result<String> {
        let host = format!("notes.{DOMAIN}");
        let mut page = self.appliance.get(&host, "/")?;
        let waited = until("the page answers", || {
            page = self.appliance.get(&host, "/")?;
            Ok(page.status == 200)
        });
        waited.with_context(|| page.body.clone())?;
        page.expect(200)
    }

    /// Nothing is left of it.
    pub fn gone(&self, when: &str) -> Result<()> {
        for kind in ["container", "volume", "network"] {
            let found = self.labelled(kind)?;
            ensure!(found.is_empty(), "{when}, of {kind}s: {found:?}");
        }
        ensure!(
            !self.appliance.state().join("apps/notes").exists(),
            "{when}, its folder is left"
        );
        Ok(())
    }

    /// Docker's objects of one kind with its label.
    pub fn labelled(&self, kind: &str) -> Result<Vec<String>> {
        let mut list = vec![kind, "ls", "-q", "--filter", "label=org.lavoir.app=notes"];
        if kind == "container" {
            list.push("--all");
        }
        let listed = self.appliance.engine.docker(&list)?;
        Ok(listed.lines().map(str::to_owned).collect())
    }
}

/// Waits until something is so.
///
/// # Errors
/// When it does not come, or cannot be told.
pub fn until(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !is_so()? {
        ensure!(begun.elapsed() < WAIT, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn own_recipe() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/notes")
}

/// A folder with all that is in another.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
