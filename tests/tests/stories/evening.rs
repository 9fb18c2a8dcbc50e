//! A first evening: somebody who has never seen a terminal opens the panel in a real browser, at a desk and then on a
//! telephone without scripts. Pictures of each page are kept beside the build, to be looked at.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::appliance::{Appliance, DOMAIN, executable};
use lavoir_tests::browser::{Browser, Look};

use crate::shelf::Shelf;

const DESK: Look = Look {
    name: "desk",
    width: 1_200,
    height: 800,
    script: true,
};
const TELEPHONE: Look = Look {
    name: "telephone",
    width: 360,
    height: 740,
    script: false,
};
const NAME: &str = "Anne-Marie Dupré";
const PASSWORD: &str = "quatre mots sans rapport";
/// For an app to be made: its image is built.
const LONG: Duration = Duration::from_secs(600);

#[test]
fn a_first_evening_in_a_browser() -> Result<()> {
    let shelf = Shelf::new()?;
    let appliance = Appliance::start(&[shelf.path()])?;
    let told = at_a_desk(&appliance, &shelf).and_then(|()| on_a_telephone(&appliance));
    if told.is_err() {
        eprintln!("{}", appliance.logs());
    }
    told
}

fn browser(appliance: &Appliance, look: Look) -> Result<Browser> {
    let executable = executable()?;
    let beside: Option<PathBuf> = executable.ancestors().nth(2).map(Into::into);
    let pictures = beside
        .context("no build folder")?
        .join("lavoir-rig/evening");
    Browser::start(DOMAIN, appliance.https_port(), look, &pictures)
}

fn at(path: &str) -> String {
    format!("https://{DOMAIN}{path}")
}

/// The main part's form, not those of the page's head.
const SEND: &str = "main form button";

fn at_a_desk(appliance: &Appliance, shelf: &Shelf) -> Result<()> {
    let browser = browser(appliance, DESK)?;
    println!("== the set-up code opens the first account");
    browser.go(&at("/"))?;
    ensure!(browser.url()?.ends_with("/first"), "{}", browser.url()?);
    browser.picture("first-visit")?;
    let code = appliance.cli(&["setup-code"])?.trim().to_owned();
    let fill = |code: &str| -> Result<()> {
        browser.fill("#code", code)?;
        browser.fill("#name", NAME)?;
        browser.fill("#password", PASSWORD)?;
        browser.fill("#again", PASSWORD)?;
        browser.press(SEND)
    };
    fill("AAAA-AAAA")?;
    ensure!(browser.has("#summary"), "a wrong code is taken");
    browser.picture("wrong-code")?;
    fill(&code.to_lowercase())?;
    ensure!(browser.url()? == at("/"), "{}", browser.url()?);
    ensure!(
        browser.text("header")?.contains(NAME),
        "nobody is signed in"
    );
    browser.picture("home-empty")?;
    let again = appliance.cli(&["setup-code"])?;
    ensure!(again.is_empty(), "the code serves again: {again}");

    println!("== a calendar is chosen and installed");
    browser.press("a[href='/catalogue']")?;
    browser.picture("catalogue")?;
    browser.press("main a[href='/catalogue/radicale']")?;
    browser.picture("recipe")?;
    browser.press("main a[href='/catalogue/radicale/install']")?;
    browser.press(SEND)?;
    ensure!(browser.has("#summary"), "it is installed without an answer");
    browser.picture("install-wrong")?;
    browser.fill("#host", "agenda")?;
    browser.fill("#answer-admin", "bureau")?;
    browser.press(SEND)?;
    let app = browser.url()?;
    ensure!(app.starts_with(&at("/apps/")), "{app}");
    let id = app.rsplit('/').next().unwrap_or_default().to_owned();
    browser.wait("the steps", |browser| Ok(browser.has(".steps")))?;
    browser.picture("installing")?;
    settled(&browser, "the installation")?;
    browser.picture("installed")?;
    browser.press(&format!("main a[href='https://agenda.{DOMAIN}/']"))?;
    browser.wait("Radicale", |browser| {
        Ok(browser.text("body")?.contains("Collection management"))
    })?;
    browser.picture("the-service-itself")?;

    println!("== a setting is changed");
    browser.go(&app)?;
    browser.press(&format!("main a[href='/apps/{id}/settings']"))?;
    browser.picture("settings")?;
    browser.choose("input[value='authenticated']")?;
    browser.press(SEND)?;
    settled(&browser, "the change")?;

    println!("== a later version comes");
    shelf.next_version("radicale")?;
    let update = format!("main a[href='/apps/{id}/act/update']");
    browser.wait("the update", |browser| {
        browser.go(&app)?;
        Ok(browser.has(&update))
    })?;
    browser.picture("update-offered")?;
    browser.press(&update)?;
    browser.picture("update")?;
    browser.press(SEND)?;
    settled(&browser, "the update")?;
    let version = appliance.json(&["app", "show", &id])?["version"].clone();
    ensure!(
        version.as_str().is_some_and(|v| v.ends_with("-2")),
        "{version}"
    );

    println!("== a password is read, and the ledger says so");
    browser.go(&at(&format!("/apps/{id}/secrets/admin_password")))?;
    browser.press(SEND)?;
    browser.go(&at("/ledger"))?;
    let ledger = browser.text("main")?;
    for words in [
        NAME,
        "lit le secret",
        "met « agenda » à jour",
        "ouvre, avec le code",
    ] {
        // Typography puts other spaces and apostrophes.
        let plain = |text: &str| text.replace(['\u{a0}', '\u{202f}'], " ").replace('’', "'");
        ensure!(
            plain(&ledger).contains(&plain(words)),
            "the ledger lacks “{words}”:\n{ledger}"
        );
    }
    browser.picture("ledger")?;

    println!("== removed and brought back");
    away_and_back(&browser, &app, &id)?;

    println!("== a program gets a token");
    browser.go(&at("/account"))?;
    browser.picture("account")?;
    browser.choose("main summary")?;
    browser.fill("#label", "tableau de la mairie")?;
    browser.press("form[action='/account/tokens'] button")?;
    let shown = browser.text("main")?;
    let key = shown
        .split_whitespace()
        .find(|word| word.starts_with("lavoir_"));
    let bearer = format!(
        "Authorization: Bearer {}",
        key.context("no token is shown")?
    );
    let status = appliance
        .ask(DOMAIN, "/v1/status", &["--header", &bearer])?
        .expect(200)?;
    ensure!(status.contains("agenda"), "{status}");
    let page = appliance.get(DOMAIN, "/v1/status")?;
    ensure!(page.status == 401, "anyone may read: {}", page.status);

    let key = key.unwrap_or_default();
    let log = fs::read_to_string(appliance.scratch().join("daemon.log"))?;
    let ledger = appliance.cli(&["ledger", "show", "--json"])?;
    for secret in [PASSWORD, &code, key, "mairie", "Dupré"] {
        ensure!(!log.contains(secret), "the log has {secret}");
        ensure!(!ledger.contains(secret), "the ledger has {secret}");
    }

    for page in ["machine", "help", "trust", ""] {
        browser.go(&at(&format!("/{page}")))?;
        browser.picture(if page.is_empty() { "home" } else { page })?;
    }
    browser.press("form[action='/sign-out'] button")?;
    browser.go(&at("/ledger"))?;
    ensure!(
        browser.url()?.contains("/sign-in"),
        "still in: {}",
        browser.url()?
    );
    Ok(())
}

fn on_a_telephone(appliance: &Appliance) -> Result<()> {
    println!("== the same on a telephone, without scripts");
    let browser = browser(appliance, TELEPHONE)?;
    browser.go(&at("/ledger"))?;
    browser.picture("sign-in")?;
    for (password, good) in [("ce n'est pas lui, non", false), (PASSWORD, true)] {
        browser.fill("#name", &NAME.to_lowercase())?;
        browser.fill("#password", password)?;
        browser.press(SEND)?;
        ensure!(browser.has("#summary") != good, "{password}");
    }
    ensure!(
        browser.url()? == at("/ledger"),
        "not where it was asked: {}",
        browser.url()?
    );
    browser.picture("ledger")?;
    for page in [
        "",
        "catalogue",
        "catalogue/wordpress",
        "machine",
        "account",
        "help",
    ] {
        browser.go(&at(&format!("/{page}")))?;
        browser.picture(if page.is_empty() {
            "home"
        } else {
            page.rsplit('/').next().unwrap_or(page)
        })?;
    }
    browser.go(&at("/catalogue/radicale/install"))?;
    browser.fill("#host", "agenda-2")?;
    browser.fill("#answer-admin", "accueil")?;
    browser.picture("install")?;
    browser.press(SEND)?;
    let app = browser.url()?;
    let id = app.rsplit('/').next().unwrap_or_default().to_owned();
    browser.picture("installing")?;
    settled(&browser, "the installation")?;
    browser.picture("installed")?;
    away_and_back(&browser, &app, &id)?;
    browser.go(&at(&format!("/apps/{id}/act/delete")))?;
    browser.picture("delete")?;
    browser.fill("#sure", &id)?;
    browser.press(SEND)?;
    browser.wait_long("the deletion", LONG, |browser| {
        browser.go(&at("/"))?;
        Ok(!browser.text("main")?.contains("agenda-2"))
    })
}

/// The page tells by itself, with the script or by its own refresh.
fn settled(browser: &Browser, what: &str) -> Result<()> {
    browser.wait_long(what, LONG, |browser| {
        Ok(browser.has("#live .actions") && !browser.has("#live[data-live]"))
    })?;
    ensure!(
        !browser.has(".state.grave"),
        "{what}: {}",
        browser.text("main")?
    );
    Ok(())
}

fn away_and_back(browser: &Browser, app: &str, id: &str) -> Result<()> {
    browser.go(app)?;
    browser.press(&format!("main a[href='/apps/{id}/act/remove']"))?;
    browser.picture("remove")?;
    browser.press(SEND)?;
    let back = format!("#live a[href='/apps/{id}/act/reinstall']");
    browser.wait_long("the removal", LONG, |browser| Ok(browser.has(&back)))?;
    browser.picture("removed")?;
    browser.press(&back)?;
    browser.press(SEND)?;
    settled(browser, "the return")?;
    browser.picture("back")
}
