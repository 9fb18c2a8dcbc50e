//! A hostile recipe, container, host or log line stays text.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod house;
mod page;
mod walk;

use std::sync::Arc;

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
