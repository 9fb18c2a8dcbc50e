//! Backups by the real daemon on a real engine: of one moment while visitors write, through kills, without their disk,
//! before each update; and Debian's restic finds nothing to say against them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::appliance::DOMAIN;
use lavoir_tests::notes::{Notes, until};
use serde_json::Value;

/// When the daemon is killed, after the act was asked for, ms.
const KILLS_MS: [u64; 5] = [60, 180, 400, 900, 1_800];

struct House {
    notes: Notes,
    folder: PathBuf,
}

#[test]
fn what_is_saved_comes_back_whatever_happens() -> Result<()> {
    let notes = Notes::installed()?;
    let folder = notes.appliance.scratch().join("disk").join("lavoir");
    fs::create_dir_all(folder.parent().context("a parent")?)?;
    let mut house = House { notes, folder };
    let told = house.live();
    if told.is_err() {
        eprintln!("{}", house.notes.appliance.logs());
    }
    told
}

impl House {
    fn live(&mut self) -> Result<()> {
        let path = self.folder.display().to_string();
        self.cli(&["backup", "add", "disk", "--folder", &path])?;
        self.while_people_write()?;
        self.killed_while_saving()?;
        self.killed_while_restoring()?;
        self.without_its_disk()?;
        self.before_an_update()
    }

    fn cli(&self, arguments: &[&str]) -> Result<String> {
        self.notes.appliance.cli(arguments)
    }

    fn card(&self) -> Result<Value> {
        let cards = self.notes.appliance.json(&["backup", "list"])?;
        Ok(cards[0].clone())
    }

    fn until_saved(&self) -> Result<Value> {
        let mut card = Value::Null;
        until("the round ends", || {
            card = self.card()?;
            Ok(card["round"].is_null())
        })?;
        ensure!(card["troubles"] == serde_json::json!({}), "{card}");
        Ok(card)
    }

    fn restic(&self, arguments: &[&str]) -> Result<String> {
        let key = self.cli(&["backup", "key", "disk"])?;
        let output = Command::new("restic")
            .args(["--no-cache", "--repo"])
            .arg(&self.folder)
            .args(arguments)
            .env("RESTIC_PASSWORD", key.trim())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "restic {arguments:?}: {said}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Each note lies in two volumes: one that was saved in one of them only would be of two moments.
    fn while_people_write(&mut self) -> Result<()> {
        println!("== saved while people write");
        let before = self.notes.written();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let appliance = &self.notes.appliance;
            let stop_writing = &stop;
            let writer = scope.spawn(move || -> Result<()> {
                let host = format!("notes.{DOMAIN}");
                let mut n = 0;
                while !stop_writing.load(Ordering::Relaxed) {
                    n += 1;
                    let note = format!("meanwhile {n}");
                    appliance.ask(&host, "/", &["--data", &note])?.expect(200)?;
                }
                Ok(())
            });
            let saved = appliance.cli(&["backup", "now"]);
            stop.store(true, Ordering::Relaxed);
            let wrote = writer.join();
            wrote.map_err(|_| anyhow::anyhow!("the writer panicked"))??;
            saved
        })?;
        let card = self.card()?;
        println!("   held {} ms", card["saved"]["app:notes"]["held_ms"]);
        self.cli(&["backup", "restore", "notes", "--yes"])?;
        let page = self.notes.page()?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for line in page.lines().filter(|line| line.starts_with("meanwhile")) {
            *counts.entry(line).or_default() += 1;
        }
        // The service answers one visitor after the other: one note may have been on its way.
        let half: Vec<_> = counts.iter().filter(|(_, count)| **count != 2).collect();
        ensure!(half.len() <= 1, "of two moments: {half:?}");
        ensure!(counts.len() > 5, "nobody wrote: {counts:?}");
        self.notes.go_back_to(before);
        self.notes.check("restored")
    }

    fn killed_while_saving(&mut self) -> Result<()> {
        for ms in KILLS_MS {
            println!("== killed {ms} ms after a backup was asked for");
            self.notes.check("before")?;
            self.cli(&["backup", "now", "disk", "--no-wait"])?;
            thread::sleep(Duration::from_millis(ms));
            self.notes.appliance.kill_daemon()?;
            self.notes.appliance.start_daemon()?;
            self.until_saved()?;
            self.notes.check("after")?;
        }
        self.restic(&["check", "--read-data"])?;
        let told: Value = serde_json::from_str(&self.restic(&["snapshots", "--json"])?)?;
        let told = told.as_array().context("a list")?;
        for snapshot in told {
            let tags = snapshot["tags"].to_string();
            ensure!(
                tags == r#"["app:notes"]"# || tags == r#"["box"]"#,
                "half a backup stays: {snapshot}"
            );
        }
        Ok(())
    }

    fn killed_while_restoring(&mut self) -> Result<()> {
        self.cli(&["backup", "now", "disk", "--app", "notes"])?;
        let saved = self.notes.written();
        for ms in KILLS_MS {
            println!("== killed {ms} ms after a restore was asked for");
            self.notes.check("before")?;
            self.cli(&["backup", "restore", "notes", "--yes", "--no-wait"])?;
            thread::sleep(Duration::from_millis(ms));
            self.notes.appliance.kill_daemon()?;
            self.notes.appliance.start_daemon()?;
            self.notes.until_settled()?;
            self.notes.go_back_to(saved.clone());
            self.notes.check("restored")?;
        }
        Ok(())
    }

    fn without_its_disk(&mut self) -> Result<()> {
        println!("== the disk is not plugged in");
        let away = self.folder.with_extension("away");
        fs::rename(&self.folder, &away)?;
        self.cli(&["backup", "now", "disk", "--no-wait"])?;
        until("it says that it waits", || {
            Ok(!self.card()?["round"]["waits"].is_null())
        })?;
        ensure!(
            !self.folder.exists(),
            "a repository was made in a missing disk's place"
        );
        let refused = self
            .notes
            .appliance
            .cli_output(&["backup", "snapshots", "disk"])?;
        ensure!(refused.status.code() == Some(1), "{refused:?}");

        println!("== no backup, no update");
        self.cli(&["backup", "cancel", "disk"])?;
        self.notes.next_release("CMD [\"notes\", \"serve\"]")?;
        let output = self
            .notes
            .appliance
            .cli_output(&["app", "update", "notes"])?;
        ensure!(output.status.code() == Some(4), "{output:?}");
        self.notes.check("not updated")?;

        println!("== it is plugged in again");
        self.cli(&["backup", "now", "disk", "--no-wait"])?;
        until("it waits", || Ok(!self.card()?["round"]["waits"].is_null()))?;
        fs::rename(&away, &self.folder)?;
        self.until_saved()?;
        self.notes.check("saved once it was back")
    }

    fn before_an_update(&mut self) -> Result<()> {
        println!("== an update is saved first");
        let count = |house: &Self| -> Result<usize> {
            let all = house
                .notes
                .appliance
                .json(&["backup", "snapshots", "disk"])?;
            let all = all.as_array().context("a list")?;
            Ok(all.iter().filter(|s| s["of"] == "app:notes").count())
        };
        let before = count(self)?;
        self.notes.release += 1;
        self.cli(&["app", "update", "notes"])?;
        ensure!(count(self)? == before + 1, "it was not saved before");
        self.notes.check("updated")?;
        self.restic(&["check", "--read-data"]).map(drop)
    }
}
