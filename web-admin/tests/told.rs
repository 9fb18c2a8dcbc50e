//! What pages tell: how long an act takes, which address comes of what is typed, what is well and what is not.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod house;
mod page;
mod walk;

use std::sync::Arc;

use house::House;
use walk::Browser;

const INSTALL: &str = "/catalogue/wordpress/install";

/// Typography puts other spaces and apostrophes.
fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ").replace('’', "'")
}

#[tokio::test]
async fn an_address_is_shown_as_an_example_and_another_one_is_offered() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let form = page::parse(&browser.get(INSTALL).await.body);
    let hint = plain(&form.by_id("host-hint").unwrap().text());
    assert!(
        hint.contains("« wordpress » donne https://wordpress.verger.example"),
        "{hint}"
    );
    for (typed, offered) in [
        ("Fête du vélo !", "« fete-du-velo »"),
        // Both are taken.
        ("blog", "« blog-2 »"),
        ("blog.verger.example", "« blog-2 »"),
        ("!", "« service »"),
    ] {
        let answers = [
            ("host", typed),
            ("answer-title", "Le Verger"),
            ("answer-language", "fr_FR"),
            ("answer-admin", "camille"),
            ("answer-email", "camille@verger.example"),
            ("answer-visible", "true"),
        ];
        let answer = browser.fill_in(INSTALL, INSTALL, &answers).await;
        let seen = page::parse(&answer.body);
        let error = seen.by_id("host-error").unwrap().text();
        let error = plain(&error);
        assert!(error.contains(offered), "{typed}: {error}");
        assert!(error.contains(".verger.example"), "{typed}: {error}");
        // What was typed is kept.
        let kept = seen
            .by_id("host")
            .unwrap()
            .attribute("value")
            .unwrap()
            .to_owned();
        assert!(typed.starts_with(&kept), "{kept}");
    }
}

#[tokio::test]
async fn pages_say_how_long_acts_take() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    for (path, words) in [
        (
            "/apps/agenda/act/stop",
            "environ 20 s, d'après les dernières fois",
        ),
        // Never seen on this box: no number.
        ("/apps/blog/act/restart", "quelques instants"),
        ("/apps/blog/act/update", "En tout environ 1 min 30 s"),
        ("/apps/blog", "Comptez environ 1 min 30 s."),
        ("/apps/carte", "c'était fini en environ 3 min 30 s."),
        (
            "/catalogue/wordpress/install",
            "Plusieurs minutes la première fois",
        ),
        (
            "/apps/blog/settings",
            "le temps que ses programmes démarrent",
        ),
    ] {
        let text = plain(&page::parse(&browser.get(path).await.body).text());
        assert!(text.contains(words), "{path}: {text}");
    }
}

#[tokio::test]
async fn what_was_stopped_on_purpose_is_not_shown_as_broken() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let stopped = browser.get("/apps/forum").await.body;
    assert!(!stopped.contains("state grave"));
    let broken = browser.get("/apps/fichiers").await.body;
    assert!(broken.contains("state grave"));
}

/// Sheet, script and icon included, before anything is compressed.
#[tokio::test]
async fn no_page_is_heavier_than_fifty_kilobytes() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let mut heavy = Vec::new();
    for (path, _) in house::pages::PAGES {
        let body = browser.get(path).await.body;
        let mut bytes = body.len();
        for one in page::parse(&body).all() {
            let address = one.attribute("href").or_else(|| one.attribute("src"));
            if let Some(asset) = address.filter(|address| address.starts_with("/assets/")) {
                let answer = browser.get(asset).await;
                assert_eq!(answer.status, axum::http::StatusCode::OK, "{asset}");
                bytes += answer.body.len();
            }
        }
        println!("{bytes:>6} {path}");
        if bytes > 50_000 {
            heavy.push(format!("{path}: {bytes} bytes"));
        }
    }
    assert!(heavy.is_empty(), "{heavy:?}");
}
