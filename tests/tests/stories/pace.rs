//! How long the daemon takes for each of the panel's pages, and how large they are, on a box with a long past: thirty
//! apps and a hundred thousand entries. By hand, in a release build:
//! `cargo test --release -p lavoir-tests --test stories pace -- --ignored --nocapture`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use lavoir_core::command::Actor;
use lavoir_core::event::Event;
use lavoir_core::id::{AppId, Revision, Timestamp};
use lavoir_core::ledger::{Entry, Tree, hex, leaf_hash, read, write};
use lavoir_tests::appliance::{Appliance, DOMAIN, recipes};
use lavoir_tests::shapes::{app, bare};

const APPS: usize = 30;
const ENTRIES: u64 = 100_000;
const TIMES: usize = 20;
const PASSWORD: &str = "quatre mots sans rapport";

#[test]
#[ignore = "a benchmark, by hand"]
fn pages_of_a_box_with_a_long_past() -> Result<()> {
    let mut appliance = Appliance::start(&[&recipes()])?;
    let session = come_in(&appliance)?;
    appliance.stop_daemon()?;
    live_long(&appliance)?;
    appliance.start_daemon()?;
    println!(
        "{:>10} {:>10} {:>10}  page",
        "median ms", "worst ms", "bytes"
    );
    let name = "service-7";
    for page in [
        "/".to_owned(),
        "/catalogue".into(),
        "/catalogue?q=carte".into(),
        "/catalogue/wordpress".into(),
        "/catalogue/wordpress/install".into(),
        format!("/apps/{name}"),
        format!("/apps/{name}/settings"),
        format!("/apps/{name}/act/update"),
        format!("/apps/{name}/act/delete"),
        "/machine".into(),
        "/ledger".into(),
        format!("/ledger?app={name}"),
        "/ledger?kind=people".into(),
        "/ledger?q=r%C3%A9tablit".into(),
        "/ledger?q=introuvable".into(),
        "/ledger?before=50000".into(),
        "/account".into(),
        "/help".into(),
        "/trust".into(),
    ] {
        let (times, bytes) = measure(&appliance, &session, &page)?;
        println!(
            "{:>10.1} {:>10.1} {bytes:>10}  {page}",
            times[TIMES / 2],
            times[TIMES - 1]
        );
    }
    Ok(())
}

/// The first account; its session's cookie.
fn come_in(appliance: &Appliance) -> Result<String> {
    let jar = appliance
        .scratch()
        .join("pace.cookies")
        .display()
        .to_string();
    let cookies = ["--cookie", &jar, "--cookie-jar", &jar];
    let form = appliance.ask(DOMAIN, "/first", &cookies)?.expect(200)?;
    let (_, token) = form
        .split_once("name=\"form_token\" value=\"")
        .context("no form")?;
    let token = token.split('"').next().unwrap_or_default();
    let code = appliance.cli(&["setup-code"])?;
    let fields = [
        format!("form_token={token}"),
        format!("code={}", code.trim()),
        "name=Camille".into(),
        format!("password={PASSWORD}"),
        format!("again={PASSWORD}"),
    ];
    let mut sent = cookies.to_vec();
    for field in &fields {
        sent.extend(["--data-urlencode", field]);
    }
    let answer = appliance.ask(DOMAIN, "/first", &sent)?;
    ensure!(answer.status == 303, "{}", answer.body);
    let kept = std::fs::read_to_string(&jar)?;
    let session = kept
        .lines()
        .filter_map(|line| line.split_once("__Host-lavoir\t"))
        .map(|(_, value)| value.trim().to_owned())
        .next();
    session.context("no session")
}

/// Writes the past down, all at once.
fn live_long(appliance: &Appliance) -> Result<()> {
    let database = appliance.state().join("lavoir.db");
    let mut tree = Tree::default();
    let mut time = Timestamp(0);
    let kept = sqlite(&database, "SELECT hex(bytes) FROM ledger ORDER BY entry;\n")?;
    for line in kept.lines() {
        let bytes = from_hex(line)?;
        time = read(&bytes).ok().context("an entry")?.time;
        tree.push(leaf_hash(&bytes));
    }
    let mut sql = String::from("BEGIN;\n");
    let mut add = |actor: Actor, event: Event| -> Result<Revision> {
        let index = tree.size();
        time = Timestamp(time.0 + 1);
        let entry = Entry {
            index,
            time,
            actor,
            events: vec![event],
            root_before: tree.root(),
        };
        let bytes = write(&entry).ok().context("too large")?;
        let hash = leaf_hash(&bytes);
        tree.push(hash);
        writeln!(
            sql,
            "INSERT INTO ledger (entry, bytes, hash) VALUES ({index}, x'{}', x'{}');",
            hex(&bytes),
            hex(&hash)
        )?;
        Ok(Revision(index))
    };
    let names: Vec<AppId> = (0..APPS).map(|n| app(&format!("service-{n}"))).collect();
    let mut written = 0;
    let mut done = |add: &mut dyn FnMut(Actor, Event) -> Result<Revision>,
                    app: &AppId,
                    event: Event|
     -> Result<()> {
        let revision = add(Actor::Installer, event)?;
        let app = app.clone();
        add(Actor::Box, Event::Settled { app, revision })?;
        written += 2;
        Ok(())
    };
    for name in &names {
        let mut release = bare("wordpress", 1, &format!("{name}.{DOMAIN}"));
        release.recipe_digest = "0".repeat(64);
        let (app, release) = (name.clone(), Box::new(release));
        done(&mut add, name, Event::InstallDecided { app, release })?;
        let app = name.clone();
        done(&mut add, name, Event::RemoveDecided { app })?;
    }
    let mut turn = 0;
    loop {
        let name = &names[turn % APPS];
        turn += 1;
        let app = name.clone();
        done(&mut add, name, Event::ReinstallDecided { app })?;
        let app = name.clone();
        done(&mut add, name, Event::RemoveDecided { app })?;
        if turn as u64 * 4 + APPS as u64 * 4 >= ENTRIES {
            break;
        }
    }
    sql.push_str("COMMIT;\n");
    sqlite(&database, &sql).map(drop)
}

fn from_hex(text: &str) -> Result<Vec<u8>> {
    let pair = |at| text.get(at..at + 2).context("half a byte");
    (0..text.len())
        .step_by(2)
        .map(|at| Ok(u8::from_str_radix(pair(at)?, 16)?))
        .collect()
}

fn sqlite(database: &std::path::Path, sql: &str) -> Result<String> {
    let mut sqlite = Command::new("sqlite3")
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    sqlite
        .stdin
        .take()
        .context("no input")?
        .write_all(sql.as_bytes())?;
    let output = sqlite.wait_with_output()?;
    ensure!(output.status.success(), "sqlite3: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Milliseconds until the page begins to come, in order, and its size.
fn measure(appliance: &Appliance, session: &str, page: &str) -> Result<(Vec<f64>, u64)> {
    let socket = appliance.api_socket().with_file_name("panel.sock");
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--unix-socket"])
        .arg(&socket)
        .args(["--header", &format!("Cookie: __Host-lavoir={session}")])
        .args(["--header", "Accept-Language: fr"])
        .args(["--write-out", "%{time_starttransfer} %{size_download}\\n"]);
    for _ in 0..=TIMES {
        curl.args(["--output", "/dev/null"])
            .arg(format!("http://{DOMAIN}{page}"));
    }
    let output = curl.output()?;
    ensure!(
        output.status.success(),
        "{page}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout)?;
    // The first one opens the connection.
    let mut seen = Vec::new();
    let mut bytes = 0;
    for line in text.lines().skip(1) {
        let (time, size) = line.split_once(' ').context("curl said little")?;
        seen.push(time.parse::<f64>()? * 1_000.0);
        bytes = size.parse()?;
    }
    seen.sort_by(f64::total_cmp);
    Ok((seen, bytes))
}
