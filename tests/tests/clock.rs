//! The real daemon while its clock is lost, jumps by a year, and comes right again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::appliance::Appliance;
use lavoir_tests::notes::{Notes, WAIT};

/// What stands in for the system's clock; other processes have theirs.
struct FakeClock {
    file: PathBuf,
}

impl FakeClock {
    /// Under the daemon, from its next start on.
    fn under(appliance: &mut Appliance) -> Result<Self> {
        let file = appliance.scratch().join("clock");
        let library = ["x86_64", "aarch64"]
            .map(|machine| format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketimeMT.so.1"))
            .into_iter()
            .find(|path| Path::new(path).exists())
            .context("Debian's faketime is not installed")?;
        appliance.environment = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", &file.to_string_lossy()),
            ("FAKETIME_NO_CACHE", "1"),
            // The kernel's own count goes on, whatever is done to the clock.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let clock = Self { file };
        clock.set("+0")?;
        Ok(clock)
    }

    /// To a moment (`@1970-01-01 00:01:00`), by a difference (`+1y`), standing still (`2026-01-01 00:00:00`).
    fn set(&self, to: &str) -> Result<()> {
        let beside = self.file.with_extension("new");
        fs::write(&beside, to)?;
        Ok(fs::rename(beside, &self.file)?)
    }
}

/// Times of all entries, ms, as they follow each other; the whole is sound.
fn times(appliance: &Appliance) -> Result<Vec<u64>> {
    let file = appliance.scratch().join("ledger.jsonl");
    fs::write(&file, appliance.cli(&["ledger", "export"])?)?;
    appliance.cli(&["ledger", "verify", &file.to_string_lossy()])?;
    let page = appliance.json(&["ledger", "show"])?;
    let entries = page["entries"].as_array().context("entries")?;
    let time = |line: &serde_json::Value| line["entry"]["time"].as_u64().context("time");
    let times: Vec<u64> = entries.iter().map(time).collect::<Result<_>>()?;
    ensure!(times.is_sorted(), "the ledger's time runs back: {times:?}");
    Ok(times)
}

fn doubt(appliance: &Appliance) -> Result<Option<String>> {
    let status = appliance.json(&["status"])?;
    Ok(status["clock"]["code"].as_str().map(str::to_owned))
}

fn certificate(appliance: &Appliance, host: &str) -> Result<Vec<u8>> {
    let port = appliance.https_port();
    let command = format!(
        "openssl s_client -connect 127.0.0.1:{port} -servername {host} </dev/null 2>/dev/null | openssl x509 -outform DER"
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &command])
        .output()?;
    ensure!(!output.stdout.is_empty(), "no certificate for {host}");
    Ok(output.stdout)
}

fn until(what: &str, there: impl Fn() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !there()? {
        ensure!(begun.elapsed() < WAIT, "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

#[test]
fn a_lost_clock_a_jumping_one_and_one_that_comes_right() -> Result<()> {
    let mut notes = Notes::installed()?;
    let told = walk(&mut notes);
    told.with_context(|| notes.appliance.logs())
}

fn walk(notes: &mut Notes) -> Result<()> {
    let host = "notes.box.test";
    let good = certificate(&notes.appliance, host)?;
    let token = notes
        .appliance
        .cli(&["token", "create", "--label", "before"])?;
    ensure!(!token.is_empty());
    ensure!(
        doubt(&notes.appliance)?.is_none(),
        "a right clock is doubted"
    );
    notes.appliance.stop_daemon()?;
    let clock = FakeClock::under(&mut notes.appliance)?;

    // The battery is dead.
    clock.set("@1970-01-01 00:01:00")?;
    notes.appliance.start_daemon()?;
    ensure!(doubt(&notes.appliance)?.as_deref() == Some("clock-wrong"));
    let said = notes.appliance.cli(&["status"])?;
    ensure!(
        said.contains("1970-01-01") && said.contains("timedatectl"),
        "{said}"
    );
    notes.check("in 1970")?;
    ensure!(
        certificate(&notes.appliance, host)? == good,
        "a good certificate was thrown away"
    );
    notes.appliance.cli(&["app", "restart", "notes"])?;
    notes.check("restarted in 1970")?;
    let in_1970 = times(&notes.appliance)?;

    // It is set while something is waited for: nothing that is under way fails by it.
    notes
        .appliance
        .cli(&["app", "restart", "notes", "--no-wait"])?;
    clock.set("+370d")?;
    notes.appliance.settle("notes")?;
    notes
        .appliance
        .cli(&["token", "create", "--label", "ahead"])?;
    let ahead = times(&notes.appliance)?;
    ensure!(ahead.last() > in_1970.last(), "it does not go on");

    // And right again: the ledger waits for it, all else goes on.
    clock.set("+0")?;
    ensure!(doubt(&notes.appliance)?.as_deref() == Some("clock-behind-ledger"));
    notes.appliance.cli(&["app", "restart", "notes"])?;
    until("a certificate for the present", || {
        Ok(notes.appliance.get(host, "/").is_ok())
    })?;
    notes.check("right again")?;
    ensure!(times(&notes.appliance)?.last() == ahead.last());

    // Standing still.
    clock.set("2026-06-01 00:00:00")?;
    notes.appliance.cli(&["app", "stop", "notes"])?;
    notes.appliance.cli(&["app", "start", "notes"])?;
    notes.check("with a clock that stands still")?;
    times(&notes.appliance).map(drop)
}

#[test]
fn a_box_that_begins_in_1970_is_reached_once_its_clock_is_right() -> Result<()> {
    let mut appliance = Appliance::start(&[])?;
    appliance.stop_daemon()?;
    fs::remove_dir_all(appliance.state())?;
    let clock = FakeClock::under(&mut appliance)?;
    clock.set("@1970-01-01 00:01:00")?;
    appliance.start_daemon()?;
    // It has another root now.
    fs::write(appliance.scratch().join("ca.pem"), appliance.cli(&["ca"])?)?;
    ensure!(doubt(&appliance)?.as_deref() == Some("clock-wrong"));
    clock.set("+0")?;
    ensure!(doubt(&appliance)?.is_none());
    // Its root holds, and a leaf for the present comes by itself.
    let told = until("a browser with the right time is let in", || {
        let domain = lavoir_tests::appliance::DOMAIN;
        Ok(appliance
            .get(domain, "/")
            .is_ok_and(|page| page.status == 303))
    });
    told.with_context(|| appliance.logs())
}
