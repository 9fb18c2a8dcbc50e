//! Each task of a first evening with the keyboard alone: by Tab to where one wants to go, where it must be seen, and on
//! with Enter, space and arrows. Nothing is ever clicked or put into focus by the test itself.

use std::path::Path;

use anyhow::{Result, ensure};
use lavoir_tests::browser::{Browser, Look};

use crate::house::{CODE, House, NAME, PASSWORD};
use crate::served::serve;

const DOWN: &str = "\u{e015}";
const ENTER: &str = "\u{e007}";

fn browser(name: &'static str, script: bool) -> Result<Browser> {
    let look = Look {
        name,
        width: 360,
        height: 740,
        script,
    };
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("panel-keyboard");
    Browser::start("verger.example", 9, look, &pictures)
}

/// Tabs to a field and types.
fn write(browser: &Browser, selector: &str, text: &str) -> Result<()> {
    browser.tab_to(selector)?;
    browser.keys(text)
}

/// Tabs to a link or a button, and on.
fn on(browser: &Browser, selector: &str) -> Result<()> {
    browser.tab_to(selector)?;
    browser.leave_by(ENTER)
}

#[test]
fn somebody_without_a_mouse_comes_in_and_installs() -> Result<()> {
    let house = serve(House::untouched(), false, "fr");
    let browser = browser("coming-in", false)?;
    browser.go(&house)?;
    write(&browser, "#code", "AAAA-AAAA")?;
    write(&browser, "#name", NAME)?;
    for field in ["#password", "#again"] {
        write(&browser, field, PASSWORD)?;
    }
    browser.leave_by(ENTER)?;
    // The summary leads to the field.
    browser.tab_to("#summary a[href='#code']")?;
    browser.keys(ENTER)?;
    browser.wait("the field", |browser| browser.stands_at("#code"))?;
    browser.select_all()?;
    browser.keys(CODE)?;
    for field in ["#password", "#again"] {
        write(&browser, field, PASSWORD)?;
    }
    browser.leave_by(ENTER)?;
    ensure!(browser.text("header")?.contains(NAME), "nobody came in");

    // Past the head of the page, to what it says.
    browser.keys("\u{e004}")?;
    ensure!(
        browser.stands_at(".skip")?,
        "the way past the head comes first"
    );
    browser.keys(ENTER)?;
    browser.keys("\u{e004}")?;
    ensure!(
        browser.stands_at("#main a")?,
        "the way past the head leads nowhere"
    );
    on(&browser, "#main a[href='/catalogue']")?;
    write(&browser, "#q", "carte")?;
    browser.leave_by(ENTER)?;
    on(&browser, "a[href='/catalogue/umap']")?;
    on(&browser, "a[href='/catalogue/umap/install']")?;

    write(&browser, "#host", "Nos cartes")?;
    browser.leave_by(ENTER)?;
    browser.tab_to("#summary a[href='#host']")?;
    browser.keys(ENTER)?;
    browser.wait("the field", |browser| browser.stands_at("#host"))?;
    browser.select_all()?;
    browser.keys("nos-cartes")?;
    // One of several is chosen with the arrows.
    browser.tab_to("[name=answer-language]")?;
    browser.keys(DOWN)?;
    ensure!(
        browser.has("#answer-language-2:checked"),
        "the arrows choose nothing"
    );
    write(&browser, "#answer-admin", "camille")?;
    write(&browser, "#answer-email", "camille@verger.example")?;
    on(&browser, "main form button")?;
    ensure!(
        browser.url()?.ends_with("/apps/nos-cartes"),
        "{}",
        browser.url()?
    );

    on(&browser, "form[action='/sign-out'] button")?;
    write(&browser, "#name", NAME)?;
    write(&browser, "#password", PASSWORD)?;
    browser.leave_by(ENTER)?;
    ensure!(browser.text("header")?.contains(NAME), "nobody came back");
    Ok(())
}

#[test]
fn somebody_without_a_mouse_looks_after_what_runs() -> Result<()> {
    let house = serve(House::busy(), true, "fr");
    let browser = browser("looking-after", true)?;
    browser.go(&house)?;
    on(&browser, "main a[href='/apps/blog']")?;
    on(&browser, "a[href='/apps/blog/settings']")?;
    write(&browser, "#answer-size", "80")?;
    on(&browser, "main form button")?;

    browser.go(&format!("{house}/apps/agenda"))?;
    on(&browser, "a[href='/apps/agenda/act/stop']")?;
    on(&browser, "main form button")?;
    ensure!(browser.has("#live[data-live]"), "it does not stop");

    browser.go(&format!("{house}/apps/forum"))?;
    on(&browser, "a[href='/apps/forum/act/delete']")?;
    on(&browser, "main form button")?;
    ensure!(browser.has("#summary"), "deleted without its name");
    write(&browser, "#sure", "forum")?;
    on(&browser, "main form button")?;
    ensure!(browser.has("#live[data-live]"), "it is not deleted");

    // What is folded away opens with the space bar; a list is chosen from with the arrows.
    on(&browser, "nav a[href='/ledger']")?;
    browser.tab_to("main form summary")?;
    browser.keys(" ")?;
    browser.tab_to("#kind")?;
    browser.keys(DOWN)?;
    write(&browser, "#q", "blog")?;
    browser.leave_by(ENTER)?;
    ensure!(
        browser.url()?.contains("kind=decisions") && browser.url()?.contains("q=blog"),
        "{}",
        browser.url()?
    );

    on(&browser, "a[href='/account']")?;
    browser.tab_to("main summary")?;
    browser.keys(" ")?;
    write(&browser, "#label", "tableau de la salle")?;
    on(&browser, "form[action='/account/tokens'] button")?;
    ensure!(browser.has("code.secret"), "no token is shown");

    on(&browser, "form[action='/language'] button")?;
    ensure!(browser.has("html[lang=en]"), "still in French");
    Ok(())
}
