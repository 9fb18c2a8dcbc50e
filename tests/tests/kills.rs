//! The daemon is killed, as a power cut would, at each step of everything that can happen to an app, and started again:
//! the app comes to what was decided, every note that was acknowledged is there, once, and nothing is left over.
//!
//! By default the daemon is killed at a part of the steps; `LAVOIR_KILLS=all` takes every one.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use lavoir_tests::notes::{Notes, WAIT};

/// Steps of one act: far above what any has.
const STEPS_MAX: usize = 60;
/// Between two steps at which it is killed.
const STRIDE: usize = 3;

#[test]
fn an_install_survives_it() -> Result<()> {
    let mut notes = Notes::ready()?;
    at_each_step(&mut notes, |notes, at| {
        if at > 0 {
            notes.appliance.cli(&["app", "delete", "notes", "--yes"])?;
            notes.forget();
        }
        let killed = killed_in(notes, at, &["install", "notes", "--yes", "--no-wait"])?;
        notes.check("installed")?;
        Ok(killed)
    })
}

#[test]
fn other_answers_survive_it() -> Result<()> {
    let mut notes = Notes::installed()?;
    at_each_step(&mut notes, |notes, at| {
        notes.title = format!("title {at}");
        let title = format!("title={}", notes.title);
        let act = ["app", "change", "notes", "--answer", &title, "--no-wait"];
        let killed = killed_in(notes, at, &act)?;
        notes.check("changed")?;
        Ok(killed)
    })
}

#[test]
fn an_update_survives_it() -> Result<()> {
    let mut notes = Notes::installed()?;
    at_each_step(&mut notes, |notes, at| {
        notes.next_release("CMD [\"notes\", \"serve\"]")?;
        notes.release += 1;
        let killed = killed_in(notes, at, &["app", "update", "notes", "--no-wait"])?;
        notes.check("updated")?;
        Ok(killed)
    })
}

#[test]
fn an_update_that_goes_back_survives_it() -> Result<()> {
    let mut notes = Notes::installed()?;
    // It spoils what it finds, then ends: the data of the release before must not be touched by it.
    let spoiling = "RUN printf '#!/bin/sh\\nrm -rf /var/lib/store/* /var/lib/pages/*; exit 7\\n' >/usr/local/bin/notes";
    at_each_step(&mut notes, |notes, at| {
        notes.next_release(spoiling)?;
        let killed = killed_in(notes, at, &["app", "update", "notes", "--no-wait"])?;
        notes.check("back")?;
        Ok(killed)
    })
}

#[test]
fn a_stop_and_a_start_survive_it() -> Result<()> {
    let mut notes = Notes::installed()?;
    at_each_step(&mut notes, |notes, at| {
        let stopped = killed_in(notes, at, &["app", "stop", "notes", "--no-wait"])?;
        let started = killed_in(notes, at, &["app", "start", "notes", "--no-wait"])?;
        notes.check("started again")?;
        Ok(stopped.or(started))
    })
}

#[test]
fn a_removal_and_a_return_survive_it() -> Result<()> {
    let mut notes = Notes::installed()?;
    at_each_step(&mut notes, |notes, at| {
        let removed = killed_in(notes, at, &["app", "remove", "notes", "--yes", "--no-wait"])?;
        ensure!(
            notes.labelled("container")?.is_empty(),
            "containers are left after a removal"
        );
        let back = killed_in(notes, at, &["app", "reinstall", "notes", "--no-wait"])?;
        notes.check("back")?;
        Ok(removed.or(back))
    })
}

#[test]
fn a_deletion_survives_it() -> Result<()> {
    let mut notes = Notes::ready()?;
    at_each_step(&mut notes, |notes, at| {
        notes.install()?;
        let killed = killed_in(notes, at, &["app", "delete", "notes", "--yes", "--no-wait"])?;
        notes.gone("deleted")?;
        Ok(killed)
    })
}

/// Does the same again and again, each time killing the daemon some steps later, until it is over before that.
fn at_each_step(
    notes: &mut Notes,
    mut act: impl FnMut(&mut Notes, usize) -> Result<Option<String>>,
) -> Result<()> {
    let stride = match std::env::var("LAVOIR_KILLS").as_deref() {
        Ok("all") => 1,
        _ => STRIDE,
    };
    for at in (0..STEPS_MAX).step_by(stride) {
        let killed = act(notes, at).with_context(|| format!("killed at step {at}"));
        if killed.is_err() {
            eprintln!("{}", notes.appliance.logs());
        }
        match killed? {
            Some(step) => println!("step {at}: {step}"),
            None => {
                ensure!(at > stride, "it was killed once only");
                return Ok(());
            }
        }
    }
    bail!("more than {STEPS_MAX} steps")
}

/// Asks for something, kills the daemon when so many steps have been seen to begin, starts it again and waits for the
/// end. None when the end came first.
fn killed_in(notes: &mut Notes, at: usize, act: &[&str]) -> Result<Option<String>> {
    notes.appliance.cli(act)?;
    let mut seen = Vec::new();
    let begun = Instant::now();
    loop {
        ensure!(begun.elapsed() < WAIT, "{act:?} does not end");
        let picture = notes.picture()?;
        for (index, step) in picture["steps"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            // The way back is another plan, whose steps count on: told apart by when they began.
            let name = format!("{index} {} of {}", step["kind"], step["began"]);
            if step["standing"] != "waiting" && !seen.contains(&name) {
                seen.push(name);
            }
        }
        if let Some(step) = seen.get(at) {
            notes.appliance.kill_daemon()?;
            notes.appliance.start_daemon()?;
            notes.until_settled()?;
            return Ok(Some(step.clone()));
        }
        if !picture["outcome"].is_null() {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(3));
    }
}
