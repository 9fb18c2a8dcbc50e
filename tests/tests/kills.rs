//! The daemon is killed, as a power cut would, at each step of everything that can happen to an app, and started again:
//! the app comes to what was decided, every note that was acknowledged is there, once, and nothing is left over.
//!
//! By default the daemon is killed at a part of the steps; `LAVOIR_KILLS=all` takes every one.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use lavoir_tests::appliance::{Appliance, DOMAIN};
use serde_json::Value;

const WAIT: Duration = Duration::from_secs(120);
/// Steps of one act: far above what any has.
const STEPS_MAX: usize = 60;
/// Between two steps at which it is killed.
const STRIDE: usize = 3;

#[test]
fn an_install_survives_it() -> Result<()> {
    let mut house = House::start()?;
    house.at_each_step(|house, turn| {
        if turn > 0 {
            house.appliance.cli(&["app", "delete", "notes", "--yes"])?;
            house.notes.clear();
        }
        house.killed_in(&["install", "notes", "--yes", "--no-wait"])
    })
}

#[test]
fn other_answers_survive_it() -> Result<()> {
    let mut house = House::installed()?;
    house.at_each_step(|house, turn| {
        house.title = format!("title {turn}");
        let title = format!("title={}", house.title);
        house.killed_in(&["app", "change", "notes", "--answer", &title, "--no-wait"])
    })
}

#[test]
fn an_update_survives_it() -> Result<()> {
    let mut house = House::installed()?;
    house.at_each_step(|house, _| {
        house.next_release("CMD [\"notes\", \"serve\"]")?;
        house.release += 1;
        house.killed_in(&["app", "update", "notes", "--no-wait"])
    })
}

#[test]
fn an_update_that_goes_back_survives_it() -> Result<()> {
    let mut house = House::installed()?;
    // It spoils what it finds, then ends: the data of the release before must not be touched by it.
    let spoiling = "RUN printf '#!/bin/sh\\nrm -rf /var/lib/store/* /var/lib/pages/*; exit 7\\n' >/usr/local/bin/notes";
    house.at_each_step(|house, _| {
        house.next_release(spoiling)?;
        house.killed_in(&["app", "update", "notes", "--no-wait"])
    })
}

#[test]
fn a_stop_and_a_start_survive_it() -> Result<()> {
    let mut house = House::installed()?;
    house.at_each_step(|house, _| {
        let stopped = house.killed_in(&["app", "stop", "notes", "--no-wait"])?;
        let started = house.killed_in(&["app", "start", "notes", "--no-wait"])?;
        Ok(stopped.or(started))
    })
}

#[test]
fn a_removal_and_a_return_survive_it() -> Result<()> {
    let mut house = House::installed()?;
    house.at_each_step(|house, _| {
        let removed = house.killed_in(&["app", "remove", "notes", "--yes", "--no-wait"])?;
        ensure!(
            house.labelled("container")?.is_empty(),
            "containers are left after a removal"
        );
        let back = house.killed_in(&["app", "reinstall", "notes", "--no-wait"])?;
        Ok(removed.or(back))
    })
}

#[test]
fn a_deletion_survives_it() -> Result<()> {
    let mut house = House::installed()?;
    house.at_each_step(|house, turn| {
        if turn > 0 {
            house.appliance.cli(&["install", "notes", "--yes"])?;
        }
        let killed = house.killed_in(&["app", "delete", "notes", "--yes", "--no-wait"])?;
        house.gone("after a deletion")?;
        house.notes.clear();
        house.appliance.cli(&["install", "notes", "--yes"])?;
        house.appliance.cli(&["app", "delete", "notes", "--yes"])?;
        house.is_away = true;
        Ok(killed)
    })
}

/// An appliance with the recipe of the tests, and what its visitors were told is kept.
struct House {
    appliance: Appliance,
    shelf: tempfile::TempDir,
    /// At which step the daemon is to be killed.
    at: usize,
    title: String,
    /// The release that is to be found running.
    release: u32,
    /// The newest on the shelf.
    newest: u32,
    notes: BTreeSet<String>,
    is_away: bool,
}

impl House {
    fn start() -> Result<Self> {
        let shelf = tempfile::tempdir()?;
        copy(&own_recipe(), &shelf.path().join("notes"))?;
        Ok(Self {
            appliance: Appliance::start(&[shelf.path()])?,
            shelf,
            at: 0,
            title: "Des notes".into(),
            release: 1,
            newest: 1,
            notes: BTreeSet::new(),
            is_away: false,
        })
    }

    fn installed() -> Result<Self> {
        let mut house = Self::start()?;
        house.appliance.cli(&["install", "notes", "--yes"])?;
        house.check("at first")?;
        Ok(house)
    }

    /// Does the same again and again, each time killing the daemon some steps later, until it is over before that.
    fn at_each_step(
        &mut self,
        act: impl Fn(&mut Self, usize) -> Result<Option<String>>,
    ) -> Result<()> {
        let stride = match std::env::var("LAVOIR_KILLS").as_deref() {
            Ok("all") => 1,
            _ => STRIDE,
        };
        for turn in 0..STEPS_MAX {
            self.at = turn * stride;
            let killed = act(self, turn);
            if killed.is_err() {
                eprintln!("{}", self.appliance.logs());
            }
            let killed = killed.with_context(|| format!("killed at step {}", self.at))?;
            if !self.is_away {
                let when = format!("after it was killed at step {} ({killed:?})", self.at);
                let checked = self.check(&when);
                if checked.is_err() {
                    eprintln!("{}", self.appliance.logs());
                }
                checked?;
            }
            match killed {
                Some(step) => println!("step {}: {step}", self.at),
                None => {
                    ensure!(turn > 1, "it was killed {turn} times only");
                    return Ok(());
                }
            }
        }
        bail!("more than {STEPS_MAX} steps")
    }

    /// Asks for something, kills the daemon at the step whose turn it is, starts it again and waits for the end.
    /// None when the end came first.
    fn killed_in(&mut self, act: &[&str]) -> Result<Option<String>> {
        self.appliance.cli(act)?;
        let mut seen = Vec::new();
        let begun = Instant::now();
        let killed = loop {
            ensure!(begun.elapsed() < WAIT, "{act:?} does not end");
            let picture = self.picture()?;
            let steps = picture["steps"].as_array().cloned().unwrap_or_default();
            for (index, step) in steps.iter().enumerate() {
                // The way back is another plan, whose steps count on: told apart by when they began.
                let name = format!("{index} {} of {}", step["kind"], step["began"]);
                if step["standing"] != "waiting" && !seen.contains(&name) {
                    seen.push(name);
                }
            }
            if seen.len() > self.at {
                self.appliance.kill_daemon()?;
                break Some(seen[self.at].clone());
            }
            if !picture["outcome"].is_null() {
                break None;
            }
            thread::sleep(Duration::from_millis(3));
        };
        if killed.is_some() {
            self.appliance.start_daemon()?;
        }
        self.until_settled()?;
        Ok(killed)
    }

    /// One look at what is under way, by the API itself: the command line would be too slow to hit a step.
    fn picture(&self) -> Result<Value> {
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

    fn until_settled(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let picture = self.picture()?;
            if !picture["outcome"].is_null() {
                return Ok(());
            }
            ensure!(begun.elapsed() < WAIT, "it does not settle: {picture}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// A release that comes after all others, its image ending in these words.
    fn next_release(&mut self, image_ends: &str) -> Result<()> {
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

    /// The app is what was decided, its notes are there, and nothing lies about; then one more note is written.
    fn check(&mut self, when: &str) -> Result<()> {
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
        for note in &self.notes {
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

        let note = format!("note {}", self.notes.len() + 1);
        let host = format!("notes.{DOMAIN}");
        self.appliance
            .ask(&host, "/", &["--data", &note])?
            .expect(200)?;
        self.notes.insert(note);
        Ok(())
    }

    /// The page, once the gateway lets people in again.
    fn page(&self) -> Result<String> {
        let begun = Instant::now();
        loop {
            let page = self.appliance.get(&format!("notes.{DOMAIN}"), "/")?;
            if page.status == 200 || begun.elapsed() > WAIT {
                return page.expect(200);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn gone(&self, when: &str) -> Result<()> {
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

    fn labelled(&self, kind: &str) -> Result<Vec<String>> {
        let mut list = vec![kind, "ls", "-q", "--filter", "label=org.lavoir.app=notes"];
        if kind == "container" {
            list.push("--all");
        }
        let listed = self.appliance.engine.docker(&list)?;
        Ok(listed.lines().map(str::to_owned).collect())
    }
}

fn own_recipe() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/notes")
}

fn copy(from: &Path, to: &Path) -> Result<()> {
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
