//! State folders written by earlier releases of Lavoir open with today's: `tests/golden/state-N`, one for each format of
//! the database, made by `LAVOIR_EXPECT=write` with the release that wrote it first, and never again. What cannot be
//! taken up is refused with a sentence and left as it is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::appliance::{Appliance, executable};
use lavoir_tests::notes::{Notes, copy};

/// Formats of the database so far.
const FORMATS: std::ops::RangeInclusive<u32> = 1..=2;

fn golden(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/state-{format}"))
}

#[test]
fn a_state_folder_of_each_format_is_taken_up() -> Result<()> {
    let newest = golden(*FORMATS.end());
    if std::env::var_os("LAVOIR_EXPECT").is_some() && !newest.exists() {
        return write(&newest);
    }
    for format in FORMATS {
        let mut appliance = Appliance::start(&[])?;
        appliance.stop_daemon()?;
        fs::remove_dir_all(appliance.state())?;
        copy(&golden(format), &appliance.state())?;
        let told = appliance.start_daemon().and_then(|()| taken_up(&appliance));
        told.with_context(|| format!("state of format {format}\n{}", appliance.logs()))?;
    }
    Ok(())
}

fn taken_up(appliance: &Appliance) -> Result<()> {
    let app = appliance.json(&["app", "show", "notes"])?;
    ensure!(app["app"] == "notes" && app["version"] == "1-1", "{app}");
    let ledger = appliance.cli(&["ledger", "show"])?;
    ensure!(ledger.contains("“notes”"), "{ledger}");
    // And goes on from there.
    appliance.cli(&["app", "delete", "notes", "--yes"])?;
    let file = appliance.state().join("lavoir.db");
    appliance.cli(&["ledger", "verify", &file.display().to_string()])?;
    Ok(())
}

#[test]
fn a_state_that_cannot_be_taken_up_is_left_as_it_is() -> Result<()> {
    let mut appliance = Appliance::start(&[])?;
    let again = refused(&appliance)?;
    ensure!(
        again.contains("state-in-use") && again.contains("Un autre démon"),
        "a second daemon on the same folder: {again}"
    );
    appliance.cli(&["status"])?;

    appliance.stop_daemon()?;
    let file = appliance.state().join("lavoir.db");
    let sound = fs::read(&file)?;
    for (what, code, spoil) in [
        (
            "of a newer version",
            "state-newer",
            "INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, 1, checksum, 0 FROM _sqlx_migrations LIMIT 1",
        ),
        (
            "with an entry altered",
            "ledger-hash-differs",
            "DROP TRIGGER ledger_refuses_update; UPDATE ledger SET bytes = CAST(bytes || ' ' AS BLOB) WHERE entry = 0",
        ),
        (
            "with an entry that is none",
            "ledger-unreadable",
            "DROP TRIGGER ledger_refuses_update; \
             UPDATE ledger SET bytes = x'00', hash = x'96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7' WHERE entry = 0",
        ),
    ] {
        fs::write(&file, &sound)?;
        sqlite(&file, spoil)?;
        let before = fs::read(&file)?;
        let told = refused(&appliance)?;
        ensure!(told.contains(code), "a ledger {what}: {told}");
        ensure!(fs::read(&file)? == before, "a ledger {what} was written to");
    }
    fs::write(
        &file,
        b"not a database, but long enough to be taken for one by its name alone",
    )?;
    let told = refused(&appliance)?;
    ensure!(told.contains("ledger-cannot-open"), "no database: {told}");

    fs::write(&file, sound)?;
    appliance.start_daemon()
}

#[test]
fn a_damaged_ledger_is_repaired_by_a_person_and_goes_on() -> Result<()> {
    let mut appliance = Appliance::start(&[])?;
    appliance.cli(&["token", "create", "--label", "test"])?;
    let running = appliance.cli_output(&["ledger", "repair", "--yes"])?;
    ensure!(told_of(&running).contains("state-in-use"), "{running:?}");
    appliance.stop_daemon()?;
    let nothing = appliance.cli(&["ledger", "repair"])?;
    ensure!(nothing.contains("Nothing is damaged"), "{nothing}");

    let file = appliance.state().join("lavoir.db");
    let spoil =
        "DROP TRIGGER ledger_refuses_update; UPDATE ledger SET bytes = x'00' WHERE entry = 1";
    sqlite(&file, spoil)?;
    let damaged = fs::read(&file)?;
    let told = refused(&appliance)?;
    ensure!(told.contains("lavoir ledger repair"), "{told}");
    let asked = appliance.cli_output(&["ledger", "repair"])?;
    ensure!(asked.status.code() == Some(2), "nobody is there: {asked:?}");
    let told = told_of(&asked);
    ensure!(
        told.contains("Sound: 1 entries") && told.contains("1 entries are set aside"),
        "{told}"
    );
    ensure!(
        fs::read(&file)? == damaged,
        "it was changed before anybody said yes"
    );
    let repaired = appliance.json(&["ledger", "repair", "--yes"])?;
    ensure!(
        repaired["repaired"] == true && repaired["kept"] == 1,
        "{repaired}"
    );
    let aside = Path::new(repaired["damaged_file_in"].as_str().context("where")?);
    ensure!(
        fs::read(aside.join("lavoir.db"))? == damaged,
        "the damaged file is not kept"
    );

    appliance.start_daemon()?;
    let entries = appliance.cli(&["ledger", "show"])?;
    ensure!(
        entries.contains("repairs the damaged ledger: 1 entries kept, 1 set aside"),
        "{entries}"
    );
    appliance.cli(&["ledger", "show", "--lang", "fr"])?;
    appliance.cli(&["token", "create", "--label", "test"])?;
    appliance.stop_daemon()?;

    // The ledger gone, apps there: no new box beside their data.
    fs::create_dir_all(appliance.state().join("apps/blog"))?;
    fs::rename(&file, file.with_extension("away"))?;
    let told = refused(&appliance)?;
    ensure!(told.contains("ledger-gone"), "{told}");
    ensure!(!file.exists(), "a new ledger was begun");
    Ok(())
}

fn told_of(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts one more daemon that must not come up; what it says.
fn refused(appliance: &Appliance) -> Result<String> {
    let output = Command::new("timeout")
        .arg("60")
        .arg(executable()?)
        .arg("--config")
        .arg(appliance.config())
        .arg("daemon")
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1), "it came up: {told}");
    ensure!(!told.contains("panicked"), "{told}");
    Ok(told)
}

/// What somebody with root could do to the file.
fn sqlite(file: &Path, statements: &str) -> Result<()> {
    let done = Command::new("sqlite3")
        .arg("-bail")
        .arg(file)
        .arg(statements)
        .output()?;
    ensure!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}

fn write(folder: &Path) -> Result<()> {
    let mut notes = Notes::installed()?;
    notes.appliance.cli(&["app", "remove", "notes", "--yes"])?;
    notes.appliance.stop_daemon()?;
    copy(&notes.appliance.state(), folder)?;
    for not_kept in ["lock", "lavoir.reserve"] {
        let _ = fs::remove_file(folder.join(not_kept));
    }
    Ok(())
}
