//! How fast a large ledger is read, by hand and as root: `cargo run --release -p lavoir-tests --example ledger`. Nothing is
//! asserted. Goals on a release build: start to ready under a second, `ledger verify` under two, with 100,000 entries.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use lavoir_core::command::Actor;
use lavoir_core::event::Event;
use lavoir_core::id::{Revision, Timestamp};
use lavoir_core::ledger::{Entry, Tree, hex, leaf_hash, read, write};
use lavoir_tests::appliance::{Appliance, executable};
use lavoir_tests::shapes::{app, full};

const ENTRIES: u64 = 100_000;
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    let mut appliance = Appliance::start(&[])?;
    let small = ready(&mut appliance)?;
    appliance.stop_daemon()?;
    let file = appliance.state().join("lavoir.db");
    fill(&file)?;
    println!(
        "{ENTRIES} entries, {} MiB",
        fs::metadata(&file)?.len() / 1024 / 1024
    );
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let output = Command::new(executable()?)
            .args(["ledger", "verify"])
            .arg(&file)
            .output()?;
        anyhow::ensure!(output.status.success(), "{output:?}");
        println!("verify {:.2} s", begun.elapsed().as_secs_f64());
    }
    for _ in 0..ROUNDS {
        let large = ready(&mut appliance)?;
        println!(
            "start to ready {:.2} s ({:.2} s with one entry)",
            large.as_secs_f64(),
            small.as_secs_f64()
        );
    }
    Ok(())
}

/// From the daemon's start to its first answer.
fn ready(appliance: &mut Appliance) -> Result<Duration> {
    appliance.stop_daemon()?;
    let begun = Instant::now();
    appliance.start_daemon()?;
    Ok(begun.elapsed())
}

/// More entries after those that are there: an installation with its files now and then, and what ordinary days bring.
fn fill(file: &Path) -> Result<()> {
    let mut sqlite = Command::new("sqlite3");
    let mut sqlite = sqlite.arg(file).stdin(Stdio::piped()).spawn()?;
    let mut sql = std::io::BufWriter::new(sqlite.stdin.take().context("no way in")?);
    let first = Command::new("sqlite3")
        .arg(file)
        .arg("SELECT hex(bytes) FROM ledger")
        .output()?;
    let mut tree = Tree::default();
    let mut last = Timestamp(0);
    for line in String::from_utf8(first.stdout)?.lines() {
        let digit = |place: usize| u8::from_str_radix(&line[place..place + 2], 16);
        let bytes = (0..line.len()).step_by(2).map(digit);
        let bytes = bytes.collect::<Result<Vec<u8>, _>>()?;
        last = read(&bytes)
            .map_err(|error| anyhow::anyhow!("{error:?}"))?
            .time;
        tree.push(leaf_hash(&bytes));
    }
    writeln!(sql, "BEGIN;")?;
    while tree.size() < ENTRIES {
        let index = tree.size();
        let name = app(&format!("app-{}", index % 20));
        let event = match index % 500 {
            0..20 => Event::InstallDecided {
                release: Box::new(full("notebook", 1, &format!("app-{}.box.test", index % 20))),
                app: name.clone(),
            },
            20..260 => Event::StopDecided { app: name.clone() },
            _ => Event::Settled {
                app: name.clone(),
                revision: Revision(index - 240),
            },
        };
        // At the end everything is gone: what is measured is reading, not what the box then does.
        let event = match ENTRIES - index {
            21..=40 => Event::DeleteDecided { app: name },
            1..=20 => Event::Settled {
                app: name,
                revision: Revision(index - 20),
            },
            _ => event,
        };
        let entry = Entry {
            index,
            time: Timestamp(last.0 + index),
            actor: Actor::Installer,
            events: vec![event],
            root_before: tree.root(),
        };
        let bytes = write(&entry).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let hash = leaf_hash(&bytes);
        tree.push(hash);
        let (bytes, hash) = (hex(&bytes), hex(&hash));
        writeln!(
            sql,
            "INSERT INTO ledger VALUES ({index}, x'{bytes}', x'{hash}');"
        )?;
    }
    writeln!(sql, "COMMIT;")?;
    drop(sql);
    anyhow::ensure!(sqlite.wait()?.success(), "sqlite3");
    Ok(())
}
