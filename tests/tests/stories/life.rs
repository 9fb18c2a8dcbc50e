//! The whole life of three services side by side: installed, used, kept over a restart of the daemon, changed,
//! updated, brought back from a bad update, removed, reinstalled, deleted.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::appliance::{Appliance, DOMAIN};

use crate::shelf::Shelf;
use crate::{calendar, map, saved, weblog};

const APPS: [&str; 3] = ["agenda", "blog", "carte"];

#[test]
fn three_services_live_side_by_side() -> Result<()> {
    let shelf = Shelf::new()?;
    let mut appliance = Appliance::start(&[shelf.path()])?;
    let told = life(&mut appliance, &shelf);
    if told.is_err() {
        eprintln!("{}", appliance.logs());
    }
    told
}

fn life(appliance: &mut Appliance, shelf: &Shelf) -> Result<()> {
    let strangers = Strangers::make(appliance)?;

    install(appliance)?;
    let event = calendar::make_an_event(appliance)?;
    let post = weblog::publish_a_post(appliance)?;
    let drawn = map::draw(appliance)?;
    let read_all_back = |appliance: &Appliance, when: &str| -> Result<()> {
        calendar::read_back(appliance, &event).with_context(|| format!("calendar {when}"))?;
        weblog::read_back(appliance, &post).with_context(|| format!("blog {when}"))?;
        map::read_back(appliance, &drawn).with_context(|| format!("map {when}"))
    };
    read_all_back(appliance, "at first")?;

    println!("== the daemon restarts; the gateway serves on");
    let containers = appliance.engine.docker(&["ps", "-q", "--no-trunc"])?;
    appliance.stop_daemon()?;
    read_all_back(appliance, "without a daemon")?;
    appliance.start_daemon()?;
    read_all_back(appliance, "after the daemon's restart")?;
    let again = appliance.engine.docker(&["ps", "-q", "--no-trunc"])?;
    ensure!(
        containers == again,
        "a restart of the daemon made containers anew"
    );

    println!("== twice the same recipe");
    let second = [
        "install",
        "radicale",
        "--name",
        "agenda-2",
        "--answer",
        "admin=accueil",
        "--yes",
    ];
    appliance.cli(&second)?;
    let page = appliance.get(&format!("agenda-2.{DOMAIN}"), "/.web/")?;
    ensure!(page.status == 200, "the second one answers {}", page.status);
    calendar::read_back(appliance, &event)?;
    appliance.cli(&["app", "delete", "agenda-2", "--yes"])?;
    calendar::read_back(appliance, &event)?;

    println!("== answers change");
    appliance.cli(&["app", "change", "blog", "--answer", "title=Le Lavoir"])?;
    let front = appliance.get(&weblog::host(), "/")?.expect(200)?;
    ensure!(front.contains("Le Lavoir"), "the new title is not shown");
    weblog::read_back(appliance, &post)?;

    println!("== updated");
    for recipe in ["radicale", "wordpress", "umap"] {
        shelf.next_version(recipe)?;
    }
    for app in APPS {
        appliance.cli(&["app", "update", app, "--no-wait"])?;
    }
    for app in APPS {
        appliance.settle(app)?;
        ensure!(
            version(appliance, app)?.ends_with("-2"),
            "{app} was not updated"
        );
    }
    read_all_back(appliance, "after the update")?;

    println!("== an update that does not come up goes back by itself");
    shelf.break_version("radicale")?;
    let output = appliance.cli_output(&["app", "update", "agenda"])?;
    ensure!(
        output.status.code() == Some(4),
        "a failed update exits with 4, not {}",
        output.status
    );
    ensure!(
        version(appliance, "agenda")?.ends_with("-2"),
        "it did not go back"
    );
    calendar::read_back(appliance, &event)?;

    println!("== stopped, started");
    appliance.cli(&["app", "stop", "blog"])?;
    ensure!(
        appliance.get(&weblog::host(), "/")?.status == 503,
        "a stopped service is not closed"
    );
    appliance.cli(&["app", "start", "blog"])?;
    weblog::read_back(appliance, &post)?;

    println!("== removed with their data kept, brought back");
    for app in APPS {
        appliance.cli(&["app", "remove", app, "--yes"])?;
    }
    let left = appliance
        .engine
        .docker(&["ps", "-aq", "--filter", "label=org.lavoir.box"])?;
    ensure!(left.is_empty(), "containers are left after the removal");
    for app in APPS {
        appliance.cli(&["app", "reinstall", app, "--no-wait"])?;
    }
    for app in APPS {
        appliance.settle(app)?;
    }
    read_all_back(appliance, "after the return")?;

    saved::chapter(appliance, read_all_back)?;

    println!("== deleted with its data");
    appliance.cli(&["app", "delete", "agenda", "--yes"])?;
    for what in [["volume", "ls"], ["network", "ls"], ["container", "ls"]] {
        let listed = appliance.engine.docker(&[
            what[0],
            what[1],
            "-q",
            "--filter",
            "label=org.lavoir.app=agenda",
        ])?;
        ensure!(listed.is_empty(), "{what:?} of a deleted service: {listed}");
    }
    ensure!(
        !appliance.state().join("apps/agenda").exists(),
        "its folder is left"
    );

    println!("== a password is read, and the ledger knows");
    let password = appliance.cli(&["app", "secret", "blog", "admin_password"])?;
    let kept = fs::read_to_string(appliance.state().join("apps/blog/secrets/admin_password"))?;
    ensure!(password.trim() == kept, "another password was shown");
    let refused = appliance.cli_output(&["app", "secret", "blog", "db_password"])?;
    ensure!(
        refused.status.code() == Some(1),
        "a password for programs was shown"
    );
    let entries = appliance.cli(&["ledger", "show"])?;
    ensure!(
        entries.contains("reads the secret “admin_password” of “blog”"),
        "{entries}"
    );

    strangers.are_untouched(appliance)?;
    nothing_secret_is_told(appliance)?;
    the_ledger_holds(appliance)
}

fn install(appliance: &Appliance) -> Result<()> {
    println!("== installed, all three at once");
    appliance.cli(&[
        "install",
        "radicale",
        "--name",
        "agenda",
        "--answer",
        "admin=bureau",
        "--yes",
        "--no-wait",
    ])?;
    let answers = [
        "--answer",
        "title=Le Verger",
        "--answer",
        "admin=camille",
        "--answer",
        "email=camille@verger.example",
    ];
    appliance.cli(
        &[
            &[
                "install",
                "wordpress",
                "--name",
                "blog",
                "--yes",
                "--no-wait",
            ],
            &answers[..],
        ]
        .concat(),
    )?;
    let answers = [
        "--answer",
        "admin=camille",
        "--answer",
        "email=camille@verger.example",
    ];
    appliance.cli(
        &[
            &["install", "umap", "--name", "carte", "--yes", "--no-wait"],
            &answers[..],
        ]
        .concat(),
    )?;
    for app in APPS {
        let page = appliance.get(&format!("{app}.{DOMAIN}"), "/")?;
        ensure!(
            page.status == 503,
            "{app} is open before it is ready: {}",
            page.status
        );
    }
    for app in APPS {
        appliance.settle(app)?;
    }
    Ok(())
}

fn version(appliance: &Appliance, app: &str) -> Result<String> {
    let shown = appliance.json(&["app", "show", app])?;
    let version = shown
        .pointer("/version")
        .or_else(|| shown.pointer("/recipe_version"));
    Ok(version
        .and_then(|version| version.as_str())
        .with_context(|| shown.to_string())?
        .to_owned())
}

/// Objects of somebody else on the same engine (law L13).
struct Strangers {
    before: String,
}

impl Strangers {
    fn make(appliance: &Appliance) -> Result<Self> {
        let docker = &appliance.engine;
        docker.docker(&["volume", "create", "strangers-volume"])?;
        docker.docker(&["network", "create", "strangers-network"])?;
        let base = appliance.scratch().join("nothing.tar");
        std::process::Command::new("tar")
            .args(["-cf"])
            .arg(&base)
            .args(["-T", "/dev/null"])
            .status()?;
        docker.docker(&["import", &base.display().to_string(), "strangers-image"])?;
        let create = [
            "create",
            "--name",
            "stranger",
            "--volume",
            "strangers-volume:/data",
            "--network",
            "strangers-network",
        ];
        docker.docker(&[&create[..], &["strangers-image", "/nothing"]].concat())?;
        Ok(Self {
            before: Self::look(appliance)?,
        })
    }

    fn look(appliance: &Appliance) -> Result<String> {
        let formats = [
            (
                "container",
                "stranger",
                "{{.Id}} {{.State.Status}} {{.Created}}",
            ),
            ("volume", "strangers-volume", "{{.Name}} {{.CreatedAt}}"),
            ("network", "strangers-network", "{{.Id}}"),
            ("image", "strangers-image", "{{.Id}}"),
        ];
        let looks = formats.map(|(kind, name, format)| {
            appliance
                .engine
                .docker(&[kind, "inspect", "--format", format, name])
        });
        looks
            .into_iter()
            .collect::<Result<Vec<_>>>()
            .map(|looks| looks.join("\n"))
    }

    fn are_untouched(&self, appliance: &Appliance) -> Result<()> {
        let after = Self::look(appliance)?;
        ensure!(
            self.before == after,
            "strangers were touched:\n{}\n{after}",
            self.before
        );
        Ok(())
    }
}

/// No secret and no personal answer in the ledger, the logs or the process list.
fn nothing_secret_is_told(appliance: &Appliance) -> Result<()> {
    let mut secrets = vec!["camille@verger.example".to_owned()];
    for app in ["blog", "carte"] {
        for entry in fs::read_dir(appliance.state().join("apps").join(app).join("secrets"))? {
            secrets.push(fs::read_to_string(entry?.path())?);
        }
    }
    let ledger = appliance.cli(&["ledger", "export"])?;
    let readable = appliance.cli(&["--json", "ledger", "show"])?;
    let processes = std::process::Command::new("ps")
        .args(["-eo", "args"])
        .output()?
        .stdout;
    let processes = String::from_utf8_lossy(&processes).into_owned();
    let places = [
        ("ledger", ledger),
        ("ledger", readable),
        ("logs", appliance.logs()),
        ("processes", processes),
    ];
    for secret in secrets {
        for (place, text) in &places {
            ensure!(!text.contains(&secret), "a secret is told in the {place}");
        }
    }
    Ok(())
}

/// The ledger verifies off line; a flipped bit is found.
fn the_ledger_holds(appliance: &Appliance) -> Result<()> {
    let file = appliance.scratch().join("ledger.jsonl");
    fs::write(&file, appliance.cli(&["ledger", "export"])?)?;
    let path = file.display().to_string();
    appliance.cli(&["ledger", "verify", &path])?;
    appliance.cli(&[
        "ledger",
        "verify",
        &appliance.state().join("lavoir.db").display().to_string(),
    ])?;
    let text = fs::read_to_string(&file)?;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.remove(3);
    fs::write(&file, lines.join("\n"))?;
    let output = appliance.cli_output(&["ledger", "verify", &path])?;
    ensure!(
        output.status.code() == Some(1),
        "a missing entry was not found"
    );
    ensure!(
        String::from_utf8_lossy(&output.stderr).contains('3'),
        "the first bad entry is not named"
    );
    Ok(())
}
