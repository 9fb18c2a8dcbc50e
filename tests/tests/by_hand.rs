//! What people and the kernel do to containers, images, networks and the engine behind the daemon's back is put right
//! by itself, and no note is lost.

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::notes::{Notes, until};

#[test]
fn what_was_changed_by_hand_is_put_right() -> Result<()> {
    let mut notes = Notes::installed()?;
    let told = changed_by_hand(&mut notes);
    if told.is_err() {
        eprintln!("{}", notes.appliance.logs());
    }
    told
}

fn changed_by_hand(notes: &mut Notes) -> Result<()> {
    let all = [
        "lavoir-notes-app",
        "lavoir-notes-migrate",
        "lavoir-notes-store",
    ];
    for (what, done) in [
        (
            "a container is killed",
            vec![vec!["kill", "lavoir-notes-store"]],
        ),
        (
            "a container is stopped",
            vec![vec!["stop", "lavoir-notes-app"]],
        ),
        (
            "a container is paused",
            vec![vec!["pause", "lavoir-notes-store"]],
        ),
        (
            "a container is removed",
            vec![vec!["rm", "-f", "lavoir-notes-store"]],
        ),
        (
            "a container has another name",
            vec![vec!["rename", "lavoir-notes-app", "another"]],
        ),
        (
            "a container is off its network",
            vec![vec![
                "network",
                "disconnect",
                "-f",
                "lavoir-notes",
                "lavoir-notes-store",
            ]],
        ),
        (
            "all is removed but the data",
            vec![
                [&["rm", "-f"], &all[..]].concat(),
                vec!["network", "rm", "lavoir-notes"],
            ],
        ),
        (
            "images are pruned too",
            vec![
                [&["rm", "-f"], &all[..]].concat(),
                vec!["system", "prune", "--all", "--force"],
            ],
        ),
    ] {
        println!("== {what}");
        for arguments in done {
            notes.appliance.engine.docker(&arguments)?;
        }
        put_right(notes, what)?;
    }

    println!("== the engine is restarted");
    notes.appliance.engine.stop()?;
    notes.appliance.engine.start_again()?;
    put_right(notes, "the engine was restarted")?;

    println!("== the engine is killed");
    notes.appliance.engine.kill()?;
    notes.appliance.engine.start_again()?;
    put_right(notes, "the engine was killed")?;

    println!("== the engine is away while something is asked");
    notes.appliance.engine.stop()?;
    let refused = notes
        .appliance
        .cli_output(&["install", "notes", "--name", "more", "--yes"])?;
    ensure!(
        refused.status.code() == Some(1),
        "an install without an engine: {}",
        String::from_utf8_lossy(&refused.stderr)
    );
    // Of an app that is there, it is decided now and carried out when the engine is back.
    notes
        .appliance
        .cli(&["app", "restart", "notes", "--no-wait"])?;
    notes.appliance.engine.start_again()?;
    put_right(notes, "the engine was away")
}

/// As if nothing had happened, without anybody's help.
fn put_right(notes: &mut Notes, what: &str) -> Result<()> {
    let running = || {
        let names = notes.appliance.engine.docker(&[
            "ps",
            "--filter",
            "label=org.lavoir.app=notes",
            "--format",
            "{{.Names}} {{.Status}} {{.Networks}}",
        ])?;
        let well = |name: &str| {
            names.lines().any(|line| {
                line.starts_with(name)
                    && line.contains("(healthy)")
                    && line.ends_with(" lavoir-notes")
            })
        };
        Ok(well("lavoir-notes-store") && well("lavoir-notes-app"))
    };
    until("both containers are well", running).with_context(|| what.to_owned())?;
    notes.until_settled()?;
    notes.check(what)
}
