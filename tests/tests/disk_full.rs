//! The disk of the state folder fills up (a small file system of the test's own): services go on, people can still say
//! what may go, and when not even that is possible the box says so, and goes on by itself once there is room. Likewise on
//! one that does not answer for a while, and on one that turns read-only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::engine::run;
use lavoir_tests::notes::Notes;

#[test]
fn a_full_disk_stops_no_service_and_loses_nothing() -> Result<()> {
    let mut house = House::installed()?;
    let told = fills_up(&mut house);
    if told.is_err() {
        eprintln!("{}", house.notes.appliance.logs());
    }
    told
}

fn fills_up(house: &mut House) -> Result<()> {
    println!("== full but for what is kept");
    house.fill()?;
    for turn in 0..3 {
        let notes = &mut house.notes;
        notes.appliance.cli(&["app", "stop", "notes"])?;
        notes.appliance.cli(&["app", "start", "notes"])?;
        notes.check(&format!("on a full disk, turn {turn}"))?;
    }

    println!("== full to the last byte");
    house.fill()?;
    let refused = house.until_refused()?;
    ensure!(
        refused.contains("ledger-cannot-write") || refused.contains("ledger-unsure"),
        "{refused}"
    );
    ensure!(refused.contains("room"), "no way out is said: {refused}");
    house.notes.appliance.cli(&["status"])?;
    let page = house
        .notes
        .appliance
        .get("notes.box.test", "/")
        .context("the service")?;
    ensure!(
        page.status == 200 || page.status == 503,
        "the gateway answers {}",
        page.status
    );

    println!("== room again; nobody restarts anything");
    house.free()?;
    let notes = &mut house.notes;
    // Stopped or running: as the last decision that found room had it.
    let _ = notes.appliance.cli_output(&["app", "start", "notes"])?;
    notes.until_settled()?;
    notes.check("with room again")?;
    notes.appliance.kill_daemon()?;
    notes.appliance.start_daemon()?;
    notes.check("after a restart")
}

#[test]
fn a_disk_that_hangs_and_one_that_turns_read_only() -> Result<()> {
    let mut house = House::installed()?;
    let told = hangs_and_turns(&mut house);
    if told.is_err() {
        eprintln!("{}", house.notes.appliance.logs());
    }
    told
}

fn hangs_and_turns(house: &mut House) -> Result<()> {
    println!("== nothing is written for a while");
    let state = show(&house.state);
    run("fsfreeze", &["--freeze", &state])?;
    let frozen = Frozen(&state);
    let appliance = &house.notes.appliance;
    let mut asked = appliance.command(&["app", "restart", "notes"]).spawn()?;
    for _ in 0..3 {
        appliance.cli(&["status"])?;
        appliance.get("notes.box.test", "/")?.expect(200)?;
    }
    ensure!(
        asked.try_wait()?.is_none(),
        "it was decided on a disk that hangs"
    );
    drop(frozen);
    ensure!(
        asked.wait()?.success(),
        "it was not carried out once the disk answered"
    );
    house.notes.check("after the disk hung")?;

    println!("== a disk that gives up");
    run("mount", &["-o", "remount,abort", &state])?;
    let appliance = &house.notes.appliance;
    let refused = appliance.cli_output(&["app", "restart", "notes", "--no-wait"])?;
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(
        refused.contains("ledger-cannot-write") || refused.contains("ledger-unsure"),
        "{refused}"
    );
    ensure!(refused.contains("disk"), "no way out is said: {refused}");
    appliance.cli(&["status"])?;
    appliance.get("notes.box.test", "/")?.expect(200)?;
    house.notes.appliance.stop_daemon()?;
    let mut again = house.notes.appliance.command(&["daemon"]);
    let told = String::from_utf8_lossy(&again.output()?.stderr).into_owned();
    ensure!(told.contains("state-cannot-be-written"), "{told}");

    println!("== mended, as by a restart of the box; nothing is lost");
    // Their mounts keep the file system.
    for container in house.notes.labelled("container")? {
        house.notes.appliance.engine.docker(&["stop", &container])?;
    }
    run("umount", &[&state])?;
    let image = show(&house.notes.appliance.scratch().join("disk.img"));
    // 1: errors were there, and are put right.
    let _ = Command::new("e2fsck").args(["-p", &image]).output()?;
    run("mount", &["-o", "loop", &image, &state])?;
    house.notes.appliance.start_daemon()?;
    house.notes.appliance.cli(&["app", "restart", "notes"])?;
    house.notes.check("on the mended disk")
}

/// Writes go on when this goes.
struct Frozen<'a>(&'a str);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        if let Err(error) = run("fsfreeze", &["--unfreeze", self.0]) {
            eprintln!("a test's disk is left frozen: {error:#}");
        }
    }
}

/// An appliance whose state folder has a disk of its own.
struct House {
    notes: Notes,
    state: PathBuf,
}

impl House {
    fn installed() -> Result<Self> {
        let mut notes = Notes::ready()?;
        notes.appliance.stop_daemon()?;
        let state = notes.appliance.state();
        let image = notes.appliance.scratch().join("disk.img");
        fs::File::create(&image)?.set_len(640 * 1024 * 1024)?;
        run("mke2fs", &["-q", "-t", "ext4", "-m", "0", &show(&image)])?;
        let before = notes.appliance.scratch().join("before");
        fs::rename(&state, &before)?;
        fs::create_dir(&state)?;
        run("mount", &["-o", "loop", &show(&image), &show(&state)])?;
        run(
            "cp",
            &["-a", &format!("{}/.", show(&before)), &show(&state)],
        )?;
        let mut house = Self { notes, state };
        house.notes.appliance.start_daemon()?;
        house.notes.install()?;
        house.notes.check("at first")?;
        Ok(house)
    }

    fn filler(&self) -> PathBuf {
        self.state.join("filler")
    }

    /// Until not one byte more fits.
    fn fill(&self) -> Result<()> {
        let done = Command::new("sh")
            .args(["-c", "cat /dev/zero >>\"$0\"; sync \"$0\""])
            .arg(self.filler())
            .output()?;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        ensure!(said.contains("No space left"), "it did not fill up: {said}");
        Ok(())
    }

    fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.filler())?)
    }

    /// Asks until the last of the room is gone; what is said then.
    fn until_refused(&self) -> Result<String> {
        for turn in 0..400 {
            let act = if turn % 2 == 0 { "stop" } else { "start" };
            let appliance = &self.notes.appliance;
            let output = appliance.cli_output(&["app", act, "notes", "--no-wait"])?;
            self.fill()?;
            if !output.status.success() {
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                if told.contains("ledger-") {
                    return Ok(told);
                }
            }
        }
        anyhow::bail!("it was never refused")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Err(error) = self.notes.appliance.stop_daemon() {
            eprintln!("{error:#}");
        }
        if let Err(error) = run("umount", &["-l", &show(&self.state)]) {
            eprintln!("a test's disk is left mounted: {error:#}");
        }
    }
}

fn show(path: &Path) -> String {
    path.display().to_string()
}
