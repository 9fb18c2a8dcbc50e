//! Certificates of a public authority, with the real daemon, the real gateway, Pebble and a real DNS server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use lavoir_tests::appliance::Appliance;
use lavoir_tests::authority::{Authority, Wanted};
use lavoir_tests::zone::{self, Zone};
use serde_json::Value;

const HOST: &str = "box.example.org";
/// The longest that is waited for one certificate; none takes near as long.
const WAIT: Duration = Duration::from_secs(120);

/// The card of our one address.
fn card(appliance: &Appliance) -> Value {
    appliance.json(&["status"]).unwrap()["certificates"][0].clone()
}

fn wait_for(appliance: &Appliance, what: &str, there: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let card = card(appliance);
        if there(&card) {
            return card;
        }
        assert!(
            begun.elapsed() < WAIT,
            "{what}: {card}\n{}",
            appliance.logs()
        );
        thread::sleep(Duration::from_millis(200));
    }
}

/// Serial number of what the gateway shows, and who gave it.
fn shown(appliance: &Appliance) -> (String, String) {
    let port = appliance.ports().1;
    let script = format!(
        "openssl s_client -connect 127.0.0.1:{port} -servername {HOST} </dev/null 2>/dev/null | openssl x509 -noout -serial -issuer"
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (serial, issuer) = text.split_once('\n').unwrap_or(("", ""));
    (serial.to_owned(), issuer.trim().to_owned())
}

fn wait_for_another(appliance: &Appliance, serial: &str) -> String {
    let begun = Instant::now();
    loop {
        let (now, issuer) = shown(appliance);
        if !now.is_empty() && now != serial && issuer.contains("Pebble") {
            return now;
        }
        assert!(
            begun.elapsed() < WAIT,
            "{now} {issuer}\n{}",
            appliance.logs()
        );
        thread::sleep(Duration::from_millis(200));
    }
}

fn settings(authority: &Authority, ports: (u16, u16), way: &str) -> toml::Table {
    let mut tls = toml::Table::new();
    tls.insert("authority".into(), authority.directory().into());
    let roots = authority.roots_file().display().to_string();
    tls.insert("roots".into(), roots.into());
    tls.insert("contact".into(), "village@example.org".into());
    tls.insert("challenges".into(), vec![way].into());
    let mut check = toml::Table::new();
    check.insert("resolver".into(), authority.dns.to_string().into());
    check.insert("http_port".into(), i64::from(ports.0).into());
    check.insert("https_port".into(), i64::from(ports.1).into());
    tls.insert("check".into(), check.into());
    let mut all = toml::Table::new();
    all.insert("tls".into(), tls.into());
    all
}

fn private_files(folder: &Path) -> usize {
    use std::os::unix::fs::PermissionsExt as _;
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
        count += 1;
    }
    count
}

/// A box's life with its authority: the name leads elsewhere; it is put right; the certificate comes over HTTP-01, is
/// renewed before it ends, over TLS-ALPN-01 after the settings have changed, also after the authority has forgotten
/// the account; away, it leaves what is served in place.
#[test]
fn the_box_keeps_its_name_certified() {
    let mut appliance = Appliance::start_as(HOST, &[], toml::Table::new()).unwrap();
    let ports = appliance.ports();
    let mut authority = Authority::start(&Wanted {
        ports,
        validity_s: 40,
        dns: None,
    })
    .unwrap();
    appliance.roots = authority.root().unwrap();
    assert!(shown(&appliance).1.contains("Lavoir"), "the box's own CA");

    // Nobody listens there: our own look says so before and after the authority does.
    authority.lead(HOST, "127.0.0.9").unwrap();
    appliance.stop_daemon().unwrap();
    let with = |way| settings(&authority, ports, way);
    appliance
        .reconfigure(|table| table.extend(with("http-01")))
        .unwrap();
    appliance.start_daemon().unwrap();
    let card = wait_for(&appliance, "a reason", |card| !card["trouble"].is_null());
    assert_eq!(card["trouble"]["code"], "port-closed", "{card}");
    assert_eq!(card["health"], "missing");
    assert!(card["next"].is_u64());
    let told = appliance.cli(&["status"]).unwrap();
    assert!(
        told.contains("(port-closed)") && told.contains("Next try:"),
        "{told}"
    );
    assert!(
        shown(&appliance).1.contains("Lavoir"),
        "the box's own CA, still"
    );

    // Put right; what is remembered would make it wait, so the test takes that away.
    let folder = appliance.state().join("tls/acme");
    appliance.stop_daemon().unwrap();
    fs::remove_file(folder.join("book.json")).unwrap();
    authority.lead(HOST, "127.0.0.1").unwrap();
    appliance.start_daemon().unwrap();
    let card = wait_for(&appliance, "a certificate", |card| card["health"] == "good");
    assert!(card["trouble"].is_null(), "{card}");
    let first = wait_for_another(&appliance, "");
    appliance.get(HOST, "/").unwrap().expect(303).unwrap();
    assert_eq!(private_files(&folder), 3, "account, book, certificate");
    // The challenge is answered no more, and is no way around the redirect.
    let output = Command::new("curl")
        .args([
            "--silent",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
        ])
        .args(["--header", &format!("Host: {HOST}")])
        .arg(format!(
            "http://127.0.0.1:{}/.well-known/acme-challenge/x",
            ports.0
        ))
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"301");

    // Renewed in time, with the account that there is.
    let second = wait_for_another(&appliance, &first);
    assert_eq!(made_accounts(&authority), 1);

    // Another way from now on, and an authority that knows the account no more.
    appliance.stop_daemon().unwrap();
    appliance
        .reconfigure(|table| table.extend(with("tls-alpn-01")))
        .unwrap();
    authority.start_pebble().unwrap();
    let before = fs::read(account_file(&folder)).unwrap();
    appliance.start_daemon().unwrap();
    let pages = pages_asked(&authority);
    let third = wait_for_another(&appliance, &second);
    assert_ne!(
        fs::read(account_file(&folder)).unwrap(),
        before,
        "a new account"
    );
    assert_eq!(pages_asked(&authority), pages, "no page was asked for");

    // Away: what there is is served on, and it is said why nothing new comes.
    authority.stop_pebble().unwrap();
    let card = wait_for(&appliance, "a reason", |card| !card["trouble"].is_null());
    assert_eq!(card["trouble"]["code"], "authority-away");
    assert_eq!(shown(&appliance).0, third);

    // Another authority, which reads the DNS: a key that the server does not know, then the right one.
    let zone = Zone::start().unwrap();
    let by_dns = Authority::start(&Wanted {
        ports,
        validity_s: 600_000,
        dns: Some(zone.address),
    })
    .unwrap();
    appliance.stop_daemon().unwrap();
    fs::remove_file(folder.join("book.json")).unwrap();
    zone.write_key("YSBrZXkgdGhhdCBub2JvZHkga25vd3MgaGVyZQ==")
        .unwrap();
    let mut changed = settings(&by_dns, ports, "dns-01");
    let mut dns = toml::Table::new();
    dns.insert("server".into(), zone.address.to_string().into());
    dns.insert("zone".into(), "example.org".into());
    dns.insert("key_name".into(), zone.key_name().into());
    dns.insert(
        "key_file".into(),
        zone.key_file().display().to_string().into(),
    );
    changed["tls"]
        .as_table_mut()
        .unwrap()
        .insert("dns".into(), dns.into());
    appliance
        .reconfigure(|table| table.extend(changed))
        .unwrap();
    appliance.start_daemon().unwrap();
    let card = wait_for(&appliance, "a reason", |card| !card["trouble"].is_null());
    assert_eq!(card["trouble"]["code"], "dns-server-refuses", "{card}");
    assert_eq!(shown(&appliance).0, third, "what there is is served on");
    appliance.stop_daemon().unwrap();
    fs::remove_file(folder.join("book.json")).unwrap();
    zone.write_key(zone::SECRET).unwrap();
    appliance.start_daemon().unwrap();
    wait_for_another(&appliance, &third);
    assert_eq!(pages_asked(&by_dns), 0);
    let left = Command::new("kdig")
        .args(["+tcp", "+short", &format!("@{}", zone.address.ip())])
        .args(["-p", &zone.address.port().to_string()])
        .args(["TXT", &format!("_acme-challenge.{HOST}")])
        .output()
        .unwrap();
    assert!(left.stdout.is_empty(), "the proof is taken away: {left:?}");
}

fn made_accounts(authority: &Authority) -> usize {
    authority.log().matches("accounts in memory").count()
}

/// How often it has looked by HTTP.
fn pages_asked(authority: &Authority) -> usize {
    authority.log().matches("validate w/ HTTP").count()
}

fn account_file(folder: &Path) -> std::path::PathBuf {
    let mut all = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    all.find(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("account-") && name.ends_with(".json")
    })
    .unwrap()
}
