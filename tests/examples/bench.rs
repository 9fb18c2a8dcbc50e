//! Benchmarks, by hand and as root: `cargo run --release -p lavoir-tests --example bench`. Nothing is asserted; the
//! machine is noisy, so look at the ratios inside one run.
//!
//! * The appliance's own time in an install: what is left of it when the waiting for Docker and the app is taken away.
//! * A whole install against the same containers made by hand with Docker's own client.
//! * Memory of daemon and gateway, idle, with ten apps in the ledger.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use lavoir_tests::appliance::{Appliance, recipes};
use serde_json::Value;

const ROUNDS: usize = 3;
/// Steps that wait for Docker or for the app itself.
const WAITING: [&str; 9] = [
    "build-image",
    "pull-image",
    "make-network",
    "make-volume",
    "start-container",
    "await-health",
    "await-end",
    "run-hook",
    "probe-health",
];

fn main() -> Result<()> {
    let recipes = recipes();
    let appliance = Appliance::start(&[&recipes])?;
    println!("making the image once…");
    install(&appliance, "warm")?;

    for round in 1..=ROUNDS {
        let name = format!("round-{round}");
        let (whole, own) = install(&appliance, &name)?;
        let by_hand = by_hand(&appliance, &name)?;
        println!(
            "install {:.2} s, of which the appliance's own {:.3} s; by hand {:.2} s; ratio {:.2}",
            whole.as_secs_f64(),
            own.as_secs_f64(),
            by_hand.as_secs_f64(),
            whole.as_secs_f64() / by_hand.as_secs_f64(),
        );
    }

    for number in ROUNDS + 2..=10 {
        install(&appliance, &format!("more-{number}"))?;
    }
    thread::sleep(Duration::from_secs(20));
    let (daemon, gateway) = appliance.processes().context("both run")?;
    // The gateway is a keeper and its server.
    let servers = children(gateway)?.into_iter().map(proportional_kib);
    let servers: u64 = servers.sum::<Result<u64>>()?;
    let (daemon, gateway) = (
        proportional_kib(daemon)?,
        proportional_kib(gateway)? + servers,
    );
    println!(
        "ten apps, idle: daemon {:.1} MiB, gateway {:.1} MiB, together {:.1} MiB (proportional set size)",
        mib(daemon),
        mib(gateway),
        mib(daemon + gateway),
    );
    Ok(())
}

/// How long an install takes from asking to the open door, and how much of it nobody waited for.
fn install(appliance: &Appliance, name: &str) -> Result<(Duration, Duration)> {
    let begun = Instant::now();
    appliance.cli(&[
        "install",
        "radicale",
        "--name",
        name,
        "--answer",
        "admin=bureau",
        "--yes",
    ])?;
    let whole = begun.elapsed();
    let progress = Command::new("curl")
        .args(["--silent", "--unix-socket"])
        .arg(appliance.api_socket())
        .arg(format!("http://box/v1/apps/{name}/progress?wait=false"))
        .output()?;
    let progress: Value = serde_json::from_slice(&progress.stdout)?;
    let steps = progress["steps"].as_array().context("no steps")?;
    let waited = steps.iter().filter_map(|step| {
        let kind = step["kind"].as_str()?;
        let took = step["ended"].as_u64()? - step["began"].as_u64()?;
        WAITING.contains(&kind).then_some(took)
    });
    let waited = Duration::from_millis(waited.sum());
    Ok((whole, whole.saturating_sub(waited)))
}

/// The same container with the same health check by Docker's own client, until it is healthy and its hook has run.
fn by_hand(appliance: &Appliance, name: &str) -> Result<Duration> {
    let container = format!("lavoir-{name}-app");
    let image =
        appliance
            .engine
            .docker(&["inspect", "--format", "{{.Config.Image}}", &container])?;
    let app = appliance.state().join("apps").join(name);
    let bind = |from: &str, to: &str| format!("{}:{to}:ro", app.join(from).display());
    let begun = Instant::now();
    appliance.engine.docker(&["network", "create", "by-hand"])?;
    appliance.engine.docker(&["volume", "create", "by-hand"])?;
    let options = [
        "run",
        "--detach",
        "--name",
        "by-hand",
        "--network",
        "by-hand",
        "--cap-drop",
        "ALL",
        "--read-only",
        "--init",
        "--security-opt",
        "no-new-privileges",
        "--memory",
        "192m",
        "--pids-limit",
        "64",
        "--user",
        "990:990",
        "--tmpfs",
        "/tmp:size=16m,mode=1777",
        "--health-cmd",
        "lavoir-radicale healthy",
        "--health-interval",
        "10s",
        "--health-timeout",
        "10s",
        "--health-start-period",
        "30s",
        "--volume",
        "by-hand:/var/lib/radicale",
    ];
    let files = [
        bind("files/config.ini", "/etc/radicale/config"),
        bind("files/account.json", "/etc/radicale/account.json"),
        bind("mounts/app/admin_password", "/run/secrets/admin_password"),
    ];
    let files: Vec<&str> = files.iter().flat_map(|file| ["--volume", file]).collect();
    let command = [image.as_str(), "lavoir-radicale", "serve"];
    appliance
        .engine
        .docker(&[&options[..], &files, &command].concat())?;
    let health = ["inspect", "--format", "{{.State.Health.Status}}", "by-hand"];
    while appliance.engine.docker(&health)? != "healthy" {
        thread::sleep(Duration::from_millis(100));
    }
    appliance.engine.docker(&[
        "exec",
        "--user",
        "990:990",
        "by-hand",
        "lavoir-radicale",
        "account",
    ])?;
    let took = begun.elapsed();
    appliance
        .engine
        .docker(&["rm", "--force", "--volumes", "by-hand"])?;
    appliance.engine.docker(&["volume", "rm", "by-hand"])?;
    appliance.engine.docker(&["network", "rm", "by-hand"])?;
    Ok(took)
}

/// The processes that a process has started and that live.
fn children(of: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(id) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        if after_name.split_whitespace().nth(1) == Some(of.to_string().as_str()) {
            children.push(id);
        }
    }
    Ok(children)
}

/// What a process takes of memory, shared pages divided among those who share them, KiB (proc(5), `smaps_rollup`).
fn proportional_kib(process: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .context("no Pss")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
