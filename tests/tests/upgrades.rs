//! State folders written by earlier releases of Lavoir open with today's: `tests/golden/state-N`, one for each format of
//! the database. They were made by `LAVOIR_EXPECT=write` with the release that wrote that format first, and are never
//! made again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::appliance::Appliance;
use lavoir_tests::notes::{Notes, copy};

/// Formats of the database so far.
const FORMATS: std::ops::RangeInclusive<u32> = 1..=1;

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

fn write(folder: &Path) -> Result<()> {
    let mut notes = Notes::installed()?;
    notes.appliance.cli(&["app", "remove", "notes", "--yes"])?;
    notes.appliance.stop_daemon()?;
    copy(&notes.appliance.state(), folder)
}
