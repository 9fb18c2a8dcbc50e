//! axe-core finds nothing on any page of the panel, in any state: on a narrow telephone in French and light, and on a
//! desk in English and dark. No page is wider than its window.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use lavoir_tests::browser::{Browser, Look};
use sha2::{Digest as _, Sha512};

use crate::house::House;
use crate::house::pages::PAGES;
use crate::served::serve;

/// axe-core as published: this version, these bytes.
const AXE: &str = "axe-core@4.14.1";
const AXE_FILE: &str = "axe-core-4.14.1.tgz";
const AXE_SHA512: &str =
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==";

/// Fetched once by npm, checked each time.
fn axe() -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(AXE_FILE);
    if !file.exists() {
        // Whole or not at all: the other test may be fetching it too.
        let own = tempfile::tempdir_in(&folder).unwrap();
        let fetched = Command::new("npm")
            .args(["pack", "--silent", AXE, "--pack-destination"])
            .arg(own.path())
            .current_dir(own.path())
            .output()
            .expect("npm");
        assert!(fetched.status.success(), "npm pack {AXE}: {fetched:?}");
        fs::rename(own.path().join(AXE_FILE), &file).unwrap();
    }
    let bytes = fs::read(&file).unwrap();
    let seen = base64::engine::general_purpose::STANDARD.encode(Sha512::digest(&bytes));
    assert_eq!(
        seen,
        AXE_SHA512,
        "{} is not what it should be",
        file.display()
    );
    let script = Command::new("tar")
        .args(["--extract", "--gzip", "--to-stdout", "--file"])
        .arg(&file)
        .arg("package/axe.min.js")
        .output()
        .expect("tar");
    assert!(script.status.success());
    String::from_utf8(script.stdout).unwrap()
}

/// What axe finds on the page that is shown, and whether the page is wider than its window.
fn look(browser: &Browser, axe: &str, where_: &str) -> Vec<String> {
    let script = format!(
        "const done = arguments[arguments.length - 1];
         {axe};
         axe.run(document, {{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }})
           .then(found => done({{
             wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
             faults: found.violations.map(fault => fault.id + ': ' + fault.help + ' – ' +
               fault.nodes.slice(0, 3).map(node => node.html.slice(0, 160) + ' ' + (node.failureSummary || '')).join(' | ')),
           }}), error => done({{ wide: 0, faults: [String(error)] }}));"
    );
    let seen = browser.run(&script).unwrap();
    let mut faults: Vec<String> = seen["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| format!("{where_}: {}", fault.as_str().unwrap_or_default()))
        .collect();
    let wide = seen["wide"].as_i64().unwrap_or(1);
    if wide > 0 {
        faults.push(format!("{where_}: {wide} pixels wider than the window"));
    }
    faults
}

fn walk(look_at: Look, language: &'static str, dark: bool) {
    let axe = axe();
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("panel-pages");
    let busy = serve(House::busy(), true, language);
    let calm = serve(House::calm(), true, language);
    let hostile = serve(House::hostile(), true, language);
    let saving = serve(House::with(crate::house::backups::saving()), true, language);
    let damaged = serve(
        House::with(crate::house::backups::damaged()),
        true,
        language,
    );
    let empty = serve(House::empty(), true, language);
    let hostile_folder = format!(
        "/backups/places/disque/snapshots/{}?path=/data/x",
        crate::house::backups::snapshot(2)
    );
    let stranger = serve(House::empty(), false, language);
    let untouched = serve(House::untouched(), false, language);
    let browser = Browser::start("verger.example", 9, look_at, &pictures).unwrap();
    browser.dark(dark).unwrap();
    let mut faults = Vec::new();
    for (path, name) in PAGES {
        browser.go(&format!("{busy}{path}")).unwrap();
        faults.extend(look(&browser, &axe, name));
    }
    for (address, path) in [
        (&calm, "/"),
        (&calm, "/backups"),
        (&saving, "/backups"),
        (&damaged, "/backups"),
        (&empty, "/backups"),
        (&hostile, "/backups"),
        (&hostile, "/backups/apps/blog"),
        (&hostile, hostile_folder.as_str()),
        (&hostile, "/"),
        (&hostile, "/apps/carte"),
        (&hostile, "/apps/fichiers"),
        (&hostile, "/catalogue/wordpress"),
        (&hostile, "/ledger"),
        (&hostile, "/machine"),
    ] {
        browser.go(&format!("{address}{path}")).unwrap();
        faults.extend(look(&browser, &axe, path));
    }
    // Forms, and the same with everything wrong.
    for (address, path, form) in [
        (&stranger, "/sign-in", "/sign-in"),
        (&untouched, "/first", "/first"),
        (&busy, "/account", "/account/password"),
        (&busy, "/backups/add", "/backups/add"),
        (&busy, "/apps/blog/act/delete", "/apps/blog/act/delete"),
    ] {
        browser.go(&format!("{address}{path}")).unwrap();
        faults.extend(look(&browser, &axe, path));
        browser
            .press(&format!("form[action='{form}'] button.button"))
            .unwrap();
        assert!(browser.has("[role=alert]"), "{path} tells what is wrong");
        faults.extend(look(&browser, &axe, &format!("{path}, nothing filled in")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_is_found_on_a_narrow_telephone_in_french() {
    let look = Look {
        name: "narrow",
        width: 320,
        height: 640,
        script: true,
    };
    walk(look, "fr", false);
}

#[test]
fn nothing_is_found_on_a_desk_in_english_in_the_dark() {
    let look = Look {
        name: "desk",
        width: 1280,
        height: 900,
        script: true,
    };
    walk(look, "en", true);
}
