//! What the machine does to the daemon: told to end in the middle of everything, out of file descriptors.

use std::fs;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::engine::run;
use lavoir_tests::notes::{Notes, until};

/// Steps of an installation at which it is told to end: the image is built, what was
/// started is waited for.
const AT: [usize; 2] = [0, 8];

#[test]
fn told_to_end_at_any_time_it_ends_and_goes_on_later() -> Result<()> {
    let mut notes = Notes::ready()?;
    let told = ends_and_goes_on(&mut notes);
    told.with_context(|| notes.appliance.logs())
}

fn ends_and_goes_on(notes: &mut Notes) -> Result<()> {
    for at in AT {
        notes
            .appliance
            .cli(&["install", "notes", "--yes", "--no-wait"])?;
        let mut watcher = notes.appliance.command(&["app", "watch", "notes"]);
        let mut watcher = watcher
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        until("it has come so far", || {
            let picture = notes.picture()?;
            let steps = picture["steps"].as_array().map_or(0, |steps| {
                let begun = |step: &&serde_json::Value| step["standing"] != "waiting";
                steps.iter().filter(begun).count()
            });
            Ok(steps > at || !picture["outcome"].is_null())
        })?;
        // It must end well, though somebody watches; how long it may take is the appliance's patience.
        notes.appliance.stop_daemon()?;
        watcher.wait()?;
        let state = notes.appliance.state();
        ensure!(
            !state.join("lavoir.db-wal").exists(),
            "the ledger was not closed"
        );
        ensure!(!notes.appliance.api_socket().exists(), "its socket is left");
        notes.appliance.start_daemon()?;
        notes.until_settled()?;
        notes.check(&format!("ended at step {at}"))?;
        notes.appliance.cli(&["app", "delete", "notes", "--yes"])?;
        notes.forget();
    }
    Ok(())
}

#[test]
fn without_file_descriptors_it_waits_and_says_so() -> Result<()> {
    let mut notes = Notes::installed()?;
    let told = runs_out(&mut notes);
    told.with_context(|| notes.appliance.logs())
}

fn runs_out(notes: &mut Notes) -> Result<()> {
    let (daemon, _) = notes.appliance.processes().context("no daemon")?;
    let limit = |most: usize| {
        let (process, most) = (daemon.to_string(), format!("--nofile={most}:4096"));
        run("prlimit", &["--pid", &process, &most]).map(drop)
    };
    // Those that it needs now and then are gone, too.
    limit(3)?;
    let mut asked = notes
        .appliance
        .command(&["app", "restart", "notes"])
        .spawn()?;
    let log = notes.appliance.scratch().join("daemon.log");
    until("it says so", || {
        Ok(fs::read_to_string(&log)?.contains("no conversation can be taken"))
    })?;
    let page = notes.appliance.get("notes.box.test", "/")?;
    ensure!(page.status == 200, "the service answers {}", page.status);
    ensure!(asked.try_wait()?.is_none(), "who asks does not wait");
    limit(1_024)?;
    ensure!(asked.wait()?.success(), "it does not go on");
    notes.check("with descriptors again")?;
    let said = fs::read_to_string(&log)?;
    ensure!(!said.contains("panicked"), "{said}");
    let times = said.matches("no conversation can be taken").count();
    ensure!(times < 4, "said {times} times");
    Ok(())
}
