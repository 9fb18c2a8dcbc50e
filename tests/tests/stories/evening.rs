//! A first evening: somebody who has never seen a terminal opens the panel in a real browser and gives their association
//! a site, at a desk and then on a telephone without scripts; then each of the two the other way round. Pictures of each
//! page are kept beside the build, to be looked at.

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
/// The other way round.
const OLD_DESK: Look = Look {
    name: "desk-without-scripts",
    script: false,
    ..DESK
};
const NEW_TELEPHONE: Look = Look {
    name: "telephone-with-scripts",
    script: true,
    ..TELEPHONE
};
const NAME: &str = "Anne-Marie Dupré";
const PASSWORD: &str = "quatre mots sans rapport";
/// For an app to be made: its image is built.
const LONG: Duration = Duration::from_secs(600);

/// For the site's editor to start, on a machine with much else to do.
const EDITOR: Duration = Duration::from_secs(90);

#[test]
fn a_first_evening_in_a_browser() -> Result<()> {
    let shelf = Shelf::new()?;
    let appliance = Appliance::start(&[shelf.path()])?;
    let told = at_a_desk(&appliance, &shelf)
        .and_then(|()| on_a_telephone(&appliance))
        .and_then(|()| rest(&appliance, OLD_DESK))
        .and_then(|()| rest(&appliance, NEW_TELEPHONE));
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

    println!("== a site is chosen and installed");
    browser.press("a[href='/catalogue']")?;
    browser.picture("catalogue")?;
    browser.press("main a[href='/catalogue/wordpress']")?;
    browser.picture("recipe")?;
    browser.press("main a[href='/catalogue/wordpress/install']")?;
    browser.picture("install")?;
    browser.fill("#host", "Le journal")?;
    browser.press(SEND)?;
    ensure!(browser.has("#summary"), "it is installed without an answer");
    browser.picture("install-wrong")?;
    fill_in(&browser, "journal", "Le Verger")?;
    browser.press(SEND)?;
    let app = browser.url()?;
    ensure!(app == at("/apps/journal"), "{app}");
    let id = "journal";
    browser.wait("the steps", |browser| Ok(browser.has(".steps")))?;
    browser.picture("installing")?;
    settled(&browser, "the installation")?;
    browser.picture("installed")?;

    println!("== its password is read, and a page is published");
    browser.press(&format!("main a[href='/apps/{id}/secrets/admin_password']"))?;
    browser.picture("secret")?;
    browser.press(SEND)?;
    let password = browser.text("code.secret")?;
    let site = format!("https://journal.{DOMAIN}");
    publish(&browser, &site, &password)?;
    browser.go(&site)?;
    browser.picture("the-service-itself")?;

    println!("== a setting is changed");
    browser.go(&app)?;
    browser.press(&format!("main a[href='/apps/{id}/settings']"))?;
    browser.picture("settings")?;
    browser.fill("#answer-title", "Le Verger partagé")?;
    browser.press(SEND)?;
    settled(&browser, "the change")?;
    the_page_is_there(&browser, &site)?;
    ensure!(
        browser.text("body")?.contains("Le Verger partagé"),
        "the new title is not shown"
    );

    println!("== a later version comes");
    // Of the same image: the life of three services builds the next one.
    shelf.next_recipe("wordpress")?;
    let update = format!("main a[href='/apps/{id}/act/update']");
    browser.wait("the update", |browser| {
        browser.go(&app)?;
        Ok(browser.has(&update))
    })?;
    browser.picture("update-offered")?;
    browser.press(&update)?;
    browser.picture("update")?;
    browser.press(SEND)?;
    browser.wait("the steps", |browser| Ok(browser.has(".steps")))?;
    // Those of the update, not of the change before it.
    let steps = browser.text(".steps")?;
    ensure!(steps.contains("de côté"), "{steps}");
    browser.picture("updating")?;
    settled(&browser, "the update")?;
    let version = appliance.json(&["app", "show", id])?["version"].clone();
    ensure!(
        version.as_str().is_some_and(|v| v.ends_with("-2")),
        "{version}"
    );
    the_page_is_there(&browser, &site)?;

    println!("== the ledger is read");
    browser.go(&at("/ledger"))?;
    let ledger = browser.text("main")?;
    for words in [
        NAME,
        "lit le secret",
        "met « journal » à jour",
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
    away_and_back(&browser, &app, id)?;
    the_page_is_there(&browser, &site)?;

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
    ensure!(status.contains("journal"), "{status}");
    let page = appliance.get(DOMAIN, "/v1/status")?;
    ensure!(page.status == 401, "anyone may read: {}", page.status);

    let key = key.unwrap_or_default();
    let log = fs::read_to_string(appliance.scratch().join("daemon.log"))?;
    let ledger = appliance.cli(&["ledger", "show", "--json"])?;
    for secret in [PASSWORD, &code, key, &password, "mairie", "Dupré"] {
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
    browser.go(&format!("https://journal.{DOMAIN}/{PAGE_PATH}"))?;
    browser.picture("the-page")?;
    browser.go(&at("/catalogue/wordpress/install"))?;
    browser.picture("install")?;
    fill_in(&browser, "gazette", "La gazette du quartier")?;
    browser.press(SEND)?;
    let app = browser.url()?;
    let id = "gazette";
    ensure!(app == at("/apps/gazette"), "{app}");
    browser.picture("installing")?;
    settled(&browser, "the installation")?;
    browser.picture("installed")?;
    browser.press(&format!("main a[href='/apps/{id}/settings']"))?;
    browser.fill("#answer-title", "La gazette")?;
    browser.picture("settings")?;
    browser.press(SEND)?;
    settled(&browser, "the change")?;
    away_and_back(&browser, &app, id)?;
    browser.go(&at(&format!("/apps/{id}/act/delete")))?;
    browser.picture("delete")?;
    browser.fill("#sure", id)?;
    browser.press(SEND)?;
    browser.wait_long("the deletion", LONG, |browser| {
        browser.go(&at("/"))?;
        Ok(!browser.text("main")?.contains("gazette"))
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

fn fill_in(browser: &Browser, host: &str, title: &str) -> Result<()> {
    browser.fill("#host", host)?;
    browser.fill("#answer-title", title)?;
    browser.fill("#answer-admin", "camille")?;
    browser.fill("#answer-email", "camille@verger.example")
}

const PAGE: &str = "Fête du vélo";
const PAGE_PATH: &str = "fete-du-velo/";

/// As the site's first account, in the site's own editor.
fn publish(browser: &Browser, site: &str, password: &str) -> Result<()> {
    browser.go(&format!("{site}/wp-login.php"))?;
    browser.fill("#user_login", "camille")?;
    browser.fill("#user_pass", password)?;
    browser.press("#wp-submit")?;
    let editor = format!(
        "{site}/wp-admin/post-new.php?post_type=page&post_title=F%C3%AAte+du+v%C3%A9lo&content=Samedi%2C+place+du+lavoir."
    );
    // It is made of a hundred scripts; when one of them is lost on the way, a person loads the page again.
    let came = (0..5).any(|_| {
        let ready = ".editor-post-publish-panel__toggle:not([aria-disabled=true])";
        let looked = || -> Result<()> {
            browser.go(&editor)?;
            browser.wait_long(
                "the site's editor",
                EDITOR,
                |browser| Ok(browser.has(ready)),
            )
        };
        looked().is_ok()
    });
    ensure!(came, "the site's editor does not come");
    // It welcomes whoever comes for the first time.
    browser.wait("the editor's welcome to go", |browser| {
        browser.keys("\u{e00c}")?;
        Ok(!browser.has(".components-modal__screen-overlay"))
    })?;
    browser.choose(".editor-post-publish-panel__toggle")?;
    let really = ".editor-post-publish-panel .editor-post-publish-button";
    browser.wait("the last question", |browser| Ok(browser.has(really)))?;
    browser.choose(really)?;
    // What is lost on the way is sent again, as a person would.
    browser.wait_long("the page to be published", EDITOR, |browser| {
        if browser.has(".components-notice.is-error") {
            let again = match browser.has(really) {
                true => really,
                false => ".editor-post-publish-panel__toggle",
            };
            browser.choose(again)?;
        }
        Ok(browser.has(".post-publish-panel__postpublish"))
    })?;
    the_page_is_there(browser, site)
}

fn the_page_is_there(browser: &Browser, site: &str) -> Result<()> {
    browser.go(&format!("{site}/{PAGE_PATH}"))?;
    let page = browser.text("body")?;
    ensure!(
        page.contains(PAGE) && page.contains("Samedi, place du lavoir."),
        "the page is not there:\n{page}"
    );
    Ok(())
}

/// Signs in, looks at each page, stops the site and starts it again.
fn rest(appliance: &Appliance, look: Look) -> Result<()> {
    println!("== the rest of it: {}", look.name);
    let browser = browser(appliance, look)?;
    browser.dark(true)?;
    browser.go(&at("/apps/journal"))?;
    browser.fill("#name", NAME)?;
    browser.fill("#password", PASSWORD)?;
    browser.press(SEND)?;
    browser.picture("app")?;
    browser.press("main a[href='/apps/journal/act/stop']")?;
    browser.picture("stop")?;
    browser.press(SEND)?;
    settled(&browser, "the stop")?;
    browser.picture("stopped")?;
    browser.press("#live a[href='/apps/journal/act/start']")?;
    browser.press(SEND)?;
    settled(&browser, "the start")?;
    for page in ["", "catalogue", "machine", "ledger", "account", "help"] {
        browser.go(&at(&format!("/{page}")))?;
        browser.picture(if page.is_empty() { "home" } else { page })?;
    }
    Ok(())
}
