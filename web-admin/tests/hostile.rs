//! A hostile recipe, container, host or log line stays text.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod house;
mod page;
mod walk;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures_util::stream;
use house::House;
use house::pages::PAGES;
use walk::Browser;

#[tokio::test]
async fn what_comes_from_outside_stays_text() {
    let browser = Browser::signed_in(&Arc::new(House::hostile()));
    let mut shown = 0;
    for (path, _) in PAGES {
        let answer = browser.get(path).await;
        // Well nested, with no tag or attribute that is not ours: the parser is strict.
        let seen = page::parse(&answer.body);
        for one in seen.all() {
            let ours = one.tag != "script"
                || one
                    .attribute("src")
                    .is_some_and(|src| src.starts_with("/assets/"));
            assert!(ours, "{path}: {one:?}");
            assert!(one.tag != "img" && one.tag != "b", "{path}: {one:?}");
            let link = one.attribute("href").unwrap_or_default();
            assert!(
                !link.starts_with("javascript:") && !link.contains('<'),
                "{path}: {link}"
            );
        }
        shown += usize::from(seen.text().contains("<script>alert(1)</script>"));
        assert!(
            !answer.body.contains('\u{1b}'),
            "{path}: a control sign from a container"
        );
    }
    assert!(shown >= 20, "the hostile words are on {shown} pages only");
}

#[tokio::test]
async fn what_is_typed_stays_text_too() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    for path in [
        "/catalogue?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/ledger?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&app=%22%3E%3Cb%3E&kind=%27&before=x",
        "/apps/%22%3E%3Cscript%3E",
        "/catalogue/%22%3E%3Cscript%3E",
        "/%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
    ] {
        let answer = browser.get(path).await;
        let seen = page::parse(&answer.body);
        assert!(seen.find("script").is_empty(), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_that_does_not_arrive_is_not_waited_for() {
    let house = Arc::new(House::busy());
    for browser in [Browser::stranger(&house), Browser::signed_in(&house)] {
        for path in ["/sign-in", "/language", "/apps/blog/act/stop"] {
            for (origin, expected) in [
                ("https://verger.example", StatusCode::REQUEST_TIMEOUT),
                ("https://blog.verger.example", StatusCode::FORBIDDEN),
            ] {
                let nothing = stream::pending::<Result<&str, std::io::Error>>();
                let request = Request::post(path)
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .header(header::ORIGIN, origin)
                    .body(Body::from_stream(nothing))
                    .unwrap();
                let started = tokio::time::Instant::now();
                assert_eq!(browser.ask(request).await.status, expected, "{path}");
                // One from elsewhere is not read at all.
                let waited = started.elapsed().as_secs();
                assert_eq!(waited > 0, expected == StatusCode::REQUEST_TIMEOUT);
                assert!(waited < 20, "{path}: {waited} s");
            }
        }
    }
}

#[tokio::test]
async fn a_stranger_sends_less_than_somebody_who_is_signed_in() {
    let house = Arc::new(House::busy());
    let (some, more) = ("x".repeat(2 * 1024), "x".repeat(20 * 1024));
    let stranger = Browser::stranger(&house);
    for (path, text, expected) in [
        ("/sign-in", &some, StatusCode::FORBIDDEN),
        ("/sign-in", &more, StatusCode::PAYLOAD_TOO_LARGE),
        ("/apps/blog/settings", &more, StatusCode::PAYLOAD_TOO_LARGE),
        ("/language", &some, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = stranger.send(path, &[("name", text)]).await;
        assert_eq!(answer.status, expected, "{path}");
    }
    let owner = Browser::signed_in(&house);
    // Read, but without its token.
    let answer = owner.send("/apps/blog/settings", &[("name", &more)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}
