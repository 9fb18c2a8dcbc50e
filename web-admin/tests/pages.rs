//! Every page, in every state, in both languages: sound, complete, named for whoever does not see it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod house;
mod page;
mod walk;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::http::{StatusCode, header};
use house::House;
use house::pages::PAGES;
use walk::Browser;

const LANGUAGES: [&str; 2] = ["fr", "en"];

fn must_be_sound(faults: &[String], where_: &str) {
    assert!(faults.is_empty(), "{where_}:\n  {}", faults.join("\n  "));
}

#[tokio::test]
async fn every_page_is_sound_in_both_languages() {
    for house in [
        House::busy(),
        House::calm(),
        House::empty(),
        House::hostile(),
        House::with(house::backups::saving()),
        House::with(house::backups::damaged()),
    ] {
        let house = Arc::new(house);
        let mut browser = Browser::signed_in(&house);
        for language in LANGUAGES {
            browser.language = language;
            for (path, name) in PAGES {
                let answer = browser.get(path).await;
                // What is hostile is not French.
                let tongue = if house.hostile { "en" } else { language };
                if answer.status == StatusCode::SEE_OTHER {
                    continue;
                }
                let mut faults = page::faults(&answer.body, tongue);
                if house.hostile {
                    faults.retain(|fault| fault != "the page's language");
                }
                must_be_sound(&faults, &format!("{path} ({name}) in {language}"));
            }
        }
    }
}

#[tokio::test]
async fn the_door_is_sound_in_both_languages() {
    let waits = House::empty();
    waits.code_waits.store(true, Ordering::Relaxed);
    let waits = Arc::new(waits);
    for (house, path) in [
        (Arc::new(House::untouched()), "/first"),
        (Arc::new(House::empty()), "/sign-in"),
        (waits.clone(), "/first"),
        (waits, "/sign-in"),
    ] {
        let mut browser = Browser::stranger(&house);
        for language in LANGUAGES {
            browser.language = language;
            must_be_sound(&page::faults(&browser.get(path).await.body, language), path);
            // Nothing filled in: every field says what it wants.
            let wrong = browser.fill_in(path, path, &[]).await;
            assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
            must_be_sound(&page::faults(&wrong.body, language), path);
            assert!(wrong.body.contains("role=\"alert\""));
        }
    }
}

/// Roles and names of each page, to be read: a change here is a change for whoever listens to the page.
/// `LAVOIR_WRITE_EXPECTATIONS=1 cargo test -p lavoir-web-admin --test pages` writes them anew.
#[tokio::test]
async fn outlines_are_as_expected() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let stranger = Browser::stranger(&Arc::new(House::empty()));
    let first = Browser::stranger(&Arc::new(House::untouched()));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outlines");
    let write = std::env::var_os("LAVOIR_WRITE_EXPECTATIONS").is_some();
    let mut differ = Vec::new();
    let saved = [House::calm(), House::empty()].map(|house| Browser::signed_in(&Arc::new(house)));
    let saving = Browser::signed_in(&Arc::new(House::with(house::backups::saving())));
    let damaged = Browser::signed_in(&Arc::new(House::with(house::backups::damaged())));
    let doors = [
        (&saved[0], "/backups", "backups-well"),
        (&saved[1], "/backups", "backups-nothing"),
        (&saving, "/backups", "backups-under-way"),
        (&damaged, "/backups", "backups-damaged"),
        (&stranger, "/sign-in", "sign-in"),
        (&first, "/first", "first"),
    ];
    let inside = PAGES.iter().map(|(path, name)| (&browser, *path, *name));
    for (browser, path, name) in inside.chain(doors) {
        let seen = page::parse(&browser.get(path).await.body).outline();
        let file = folder.join(format!("{name}.txt"));
        if write {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, &seen).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != seen {
            differ.push(format!("{name}:\n{seen}"));
        }
    }
    assert!(
        differ.is_empty(),
        "not as in tests/outlines:\n{}",
        differ.join("\n")
    );
}

#[tokio::test]
async fn every_answer_carries_its_guards() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let style = page::parse(&browser.get("/").await.body)
        .find("link")
        .into_iter()
        .find_map(|link| {
            (link.attribute("rel") == Some("stylesheet"))
                .then(|| link.attribute("href").unwrap().to_owned())
        })
        .unwrap();
    for path in [
        "/",
        "/nowhere",
        "/trust/lavoir.crt",
        style.as_str(),
        "/assets/old.css",
        "/apps/carte/live",
    ] {
        let answer = browser.get(path).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"),
            "{path}"
        );
        assert_eq!(
            answer.headers[header::X_CONTENT_TYPE_OPTIONS],
            "nosniff",
            "{path}"
        );
        assert_eq!(
            answer.headers[header::REFERRER_POLICY],
            "same-origin",
            "{path}"
        );
        let kept = answer.headers[header::CACHE_CONTROL].to_str().unwrap();
        // Pages are kept nowhere, the sheet for good.
        assert_eq!(kept.contains("immutable"), path == style, "{path}");
        assert_eq!(kept == "no-store", path != style, "{path}");
    }
}

#[tokio::test]
async fn pages_are_fast_enough_with_many_apps() {
    let house = House::busy();
    {
        let mut apps = house.apps.lock().unwrap();
        let one = apps[0].clone();
        for n in 0..30 {
            let mut more = one.clone();
            more.line.id = format!("app-{n}").parse().unwrap();
            apps.push(more);
        }
    }
    let browser = Browser::signed_in(&Arc::new(house));
    let answer = browser.get("/").await;
    assert!(answer.body.contains("/apps/app-29"));
    must_be_sound(&page::faults(&answer.body, "fr"), "/");
}

#[tokio::test]
async fn a_page_that_is_followed_says_so_with_and_without_the_script() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let under_way = browser.get("/apps/carte").await.body;
    assert!(under_way.contains("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>"));
    let live = page::parse(&under_way)
        .by_id("live")
        .and_then(|live| live.attribute("data-live").map(str::to_owned));
    assert_eq!(live.as_deref(), Some("/apps/carte/live"));
    assert!(under_way.contains("aria-current=\"step\""));
    let settled = browser.get("/apps/agenda").await.body;
    assert!(
        !settled.contains("refresh")
            && !settled.contains("<script")
            && !settled.contains("data-live")
    );
}

#[tokio::test(start_paused = true)]
async fn live_words_come_and_end() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let answer = browser.get("/apps/carte/live").await;
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/event-stream");
    assert_eq!(answer.body.matches("event: change\n").count(), 2);
}
