//! The three services are saved while they are used, lost, and brought back; Debian's restic reads all of it.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::appliance::Appliance;
use serde_json::Value;

const APPS: [&str; 3] = ["agenda", "blog", "carte"];

/// `read_all_back` looks whether everybody's work is there.
pub fn chapter(
    appliance: &Appliance,
    read_all_back: impl Fn(&Appliance, &str) -> Result<()>,
) -> Result<()> {
    println!("== saved, all of it, while it is used");
    let folder = appliance.scratch().join("backups").join("lavoir");
    fs::create_dir_all(folder.parent().context("a parent")?)?;
    let path = folder.display().to_string();
    appliance.cli(&["backup", "add", "disk", "--folder", &path])?;
    appliance.cli(&["backup", "now"])?;
    let card = one(appliance)?;
    for subject in ["app:agenda", "app:blog", "app:carte", "box"] {
        let saved = &card["saved"][subject];
        ensure!(saved["files"].as_u64() > Some(1), "{subject}: {saved}");
        println!(
            "   {subject}: {} files, {} bytes, {} added, held {} ms",
            saved["files"], saved["bytes"], saved["added"], saved["held_ms"]
        );
    }
    ensure!(card["troubles"] == serde_json::json!({}), "{card}");
    read_all_back(appliance, "after the backup")?;

    println!("== Debian's restic reads it");
    let restic = Restic::new(appliance, &path)?;
    restic.run(&["check", "--read-data"])?;
    let told: Value = serde_json::from_str(&restic.run(&["snapshots", "--json"])?)?;
    ensure!(told.as_array().map(Vec::len) == Some(4), "{told}");
    let out = appliance.scratch().join("restic-out");
    let target = out.display().to_string();
    restic.run(&[
        "restore", "latest", "--tag", "app:blog", "--target", &target,
    ])?;
    let dump = fs::read_to_string(out.join("dumps/main"))?;
    ensure!(
        dump.contains("place du lavoir"),
        "the post is not in the dump"
    );
    ensure!(dump.contains("-- Dump completed"), "half a dump");
    ensure!(out.join("lavoir.json").exists() && out.join("data").is_dir());

    println!("== lost: containers and volumes are gone");
    for app in APPS {
        lose(appliance, app)?;
    }
    for app in APPS {
        appliance.cli(&["backup", "restore", app, "--yes", "--no-wait"])?;
    }
    for app in APPS {
        appliance.settle(app)?;
    }
    read_all_back(appliance, "after all was lost and restored")?;

    println!("== deleted by mistake, with its passwords");
    let password = appliance.state().join("apps/agenda/secrets/admin_password");
    let before = fs::read_to_string(&password)?;
    appliance.cli(&["app", "delete", "agenda", "--yes"])?;
    ensure!(!password.exists());
    appliance.cli(&["backup", "restore", "agenda", "--yes"])?;
    ensure!(fs::read_to_string(&password)? == before, "another password");
    read_all_back(appliance, "after the delete was undone")?;
    Ok(())
}

fn one(appliance: &Appliance) -> Result<Value> {
    let cards = appliance.json(&["backup", "list"])?;
    Ok(cards[0].clone())
}

/// As if its disk had been wiped.
fn lose(appliance: &Appliance, app: &str) -> Result<()> {
    let label = format!("label=org.lavoir.app={app}");
    let docker = &appliance.engine;
    let containers = docker.docker(&["ps", "-aq", "--filter", &label])?;
    let containers: Vec<&str> = containers.split_whitespace().collect();
    docker.docker(&[&["rm", "--force"], &containers[..]].concat())?;
    let volumes = docker.docker(&["volume", "ls", "-q", "--filter", &label])?;
    let volumes: Vec<&str> = volumes.split_whitespace().collect();
    docker.docker(&[&["volume", "rm"], &volumes[..]].concat())?;
    Ok(())
}

/// Debian's restic on a repository, with the key that the box gave out.
pub struct Restic {
    repository: String,
    key: String,
}

impl Restic {
    /// On this folder.
    pub fn new(appliance: &Appliance, repository: &str) -> Result<Self> {
        let key = appliance.cli(&["backup", "key", "disk"])?;
        Ok(Self {
            repository: repository.to_owned(),
            key: key.trim().to_owned(),
        })
    }

    /// What it says.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("restic")
            .args(["--repo", &self.repository, "--no-cache"])
            .args(arguments)
            .env("RESTIC_PASSWORD", &self.key)
            .output()
            .context("restic")?;
        ensure!(
            output.status.success(),
            "restic {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    }
}
