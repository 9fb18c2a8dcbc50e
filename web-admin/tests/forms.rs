//! Forms: what they do, once; what they refuse; who may send them.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod house;
mod page;
mod walk;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::http::{StatusCode, header};
use house::{CODE, House, NAME, PASSWORD, SECRET};
use lavoir_web_admin::admin::{Act, Admin as _, NoKind};
use walk::Browser;

const INSTALL: &str = "/catalogue/wordpress/install";

fn answers() -> Vec<(&'static str, &'static str)> {
    vec![
        ("host", "Journal"),
        ("answer-title", " Nouvelles du Verger "),
        ("answer-language", "fr_FR"),
        ("answer-admin", "camille"),
        ("answer-email", "camille@verger.example"),
        ("answer-size", "50"),
        ("answer-key", "une clé"),
        ("answer-visible", "false"),
    ]
}

#[tokio::test]
async fn the_first_visit_makes_the_account_and_opens_the_door() {
    let house = Arc::new(House::untouched());
    let browser = Browser::stranger(&house);
    assert_eq!(browser.get("/machine").await.location(), "/first");
    let account = [("name", NAME), ("password", PASSWORD), ("again", PASSWORD)];
    let mut wrong = vec![("code", "AAAA-BBBB")];
    wrong.extend(account);
    let answer = browser.fill_in("/first", "/first", &wrong).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    // What was typed is kept, but no secret.
    assert!(answer.body.contains(NAME) && answer.body.contains("AAAA-BBBB"));
    assert!(!answer.body.contains(PASSWORD));

    let mut right = vec![("code", " k7qm-2xwd ")];
    right.extend(account);
    let answer = browser.fill_in("/first", "/first", &right).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, "/")
    );
    let cookies: Vec<&str> = answer
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|one| one.to_str().unwrap())
        .collect();
    let session = cookies
        .iter()
        .find(|one| one.starts_with("__Host-lavoir=session-"))
        .unwrap();
    for word in [
        "; Path=/",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Lax",
        "; Max-Age=43200",
    ] {
        assert!(session.contains(word), "{session} lacks {word}");
    }
    assert!(!session.contains("Domain"));
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    // The code has served.
    assert_eq!(browser.get("/first").await.location(), "/");
    assert_eq!(CODE, "K7QM-2XWD");
}

#[tokio::test]
async fn a_code_that_waits_for_a_lost_password_leaves_the_door_open() {
    let house = Arc::new(House::empty());
    let browser = Browser::stranger(&house);
    let link = "href=\"/first\"";
    assert!(!browser.get("/sign-in").await.body.contains(link));
    house.code_waits.store(true, Ordering::Relaxed);
    // Whoever knows the password comes in as ever.
    assert_eq!(
        browser.get("/machine").await.location(),
        "/sign-in?next=/machine"
    );
    assert!(browser.get("/sign-in").await.body.contains(link));
    let right = [("name", NAME), ("password", PASSWORD)];
    let answer = browser.fill_in("/sign-in", "/sign-in", &right).await;
    assert_eq!(answer.location(), "/");
    // Whoever lost it takes the code; it has then served.
    let stranger = Browser::stranger(&house);
    let page = stranger.get("/first").await.body;
    assert!(page.contains("Nouveau mot de passe"), "{page}");
    let new = "un autre mot, bien long";
    let reset = [
        ("code", CODE),
        ("name", NAME),
        ("password", new),
        ("again", new),
    ];
    let answer = stranger.fill_in("/first", "/first", &reset).await;
    assert_eq!(answer.location(), "/");
    assert_eq!(stranger.get("/first").await.location(), "/");
    assert!(!stranger.get("/sign-in").await.body.contains(link));
}

#[tokio::test]
async fn signing_in_leads_back_and_never_elsewhere() {
    let house = Arc::new(House::busy());
    let browser = Browser::stranger(&house);
    assert_eq!(
        browser.get("/apps/blog/logs").await.location(),
        "/sign-in?next=/apps/blog/logs"
    );
    let right = [("name", NAME), ("password", PASSWORD)];
    for (next, to) in [
        ("/apps/blog/logs", "/apps/blog/logs"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/a//evil.example", "/"),
        ("/%2fevil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nset-cookie: x=y", "/"),
    ] {
        browser.cookies.lock().unwrap().clear();
        let mut fields = vec![("next", next)];
        fields.extend(right);
        let answer = browser.fill_in("/sign-in", "/sign-in", &fields).await;
        assert_eq!(
            (answer.status, answer.location()),
            (StatusCode::SEE_OTHER, to),
            "{next}"
        );
    }
    // A session's key is a new one each time, and ends where the daemon says so.
    let key = browser.cookies.lock().unwrap()["__Host-lavoir"].clone();
    let answer = browser.fill_in("/", "/sign-out", &[]).await;
    assert_eq!(answer.location(), "/sign-in");
    browser.keep("__Host-lavoir", &key);
    assert_eq!(browser.get("/").await.location(), "/sign-in");
}

#[tokio::test]
async fn a_wrong_password_is_told_without_saying_which_was_wrong() {
    let browser = Browser::stranger(&Arc::new(House::busy()));
    let mut told = Vec::new();
    for (name, password) in [(NAME, "faux"), ("Personne", PASSWORD)] {
        let answer = browser
            .fill_in(
                "/sign-in",
                "/sign-in",
                &[("name", name), ("password", password)],
            )
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(answer.body.contains(name) && !answer.body.contains(password));
        told.push(page::parse(&answer.body).by_id("summary").unwrap().text());
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test(start_paused = true)]
async fn guesses_are_slowed_down_and_nobody_else_is_locked_out() {
    let house = Arc::new(House::busy());
    let mut browser = Browser::stranger(&house);
    let wrong = [("name", NAME), ("password", "faux")];
    for _ in 0..5 {
        assert_eq!(
            browser.fill_in("/sign-in", "/sign-in", &wrong).await.status,
            StatusCode::FORBIDDEN
        );
    }
    let right = [("name", NAME), ("password", PASSWORD)];
    let late = browser.fill_in("/sign-in", "/sign-in", &right).await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(late.headers[header::RETRY_AFTER], "60");
    assert_eq!(
        house.tries.load(Ordering::Relaxed),
        5,
        "a try too many is not looked at"
    );
    browser.address = "198.51.100.9";
    assert_eq!(
        browser.fill_in("/sign-in", "/sign-in", &right).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_recipe_is_installed_once_however_often_the_form_is_sent() {
    let house = Arc::new(House::calm());
    let browser = Browser::signed_in(&house);
    let token = browser.get(INSTALL).await.form_token();
    let mut fields = vec![("form_token", token.as_str())];
    fields.extend(answers());
    for _ in 0..3 {
        let answer = browser.send(INSTALL, &fields).await;
        assert_eq!(
            (answer.status, answer.location()),
            (StatusCode::SEE_OTHER, "/apps/journal")
        );
    }
    let acts = house.acts.lock().unwrap().clone();
    let [
        Act::Install {
            app, host, answers, ..
        },
    ] = acts.as_slice()
    else {
        panic!("{acts:?}")
    };
    assert_eq!(
        (app.as_str(), host.as_str()),
        ("journal", "journal.verger.example")
    );
    let answered: Vec<(&str, &str)> = answers
        .iter()
        .map(|(id, answer)| (id.as_str(), answer.as_str()))
        .collect();
    assert!(
        answered.contains(&("title", "Nouvelles du Verger"))
            && answered.contains(&("visible", "false"))
    );
}

#[tokio::test]
async fn wrong_answers_stand_beside_their_questions_and_secrets_are_not_repeated() {
    let house = Arc::new(House::calm());
    let browser = Browser::signed_in(&house);
    let answer = browser
        .fill_in(
            INSTALL,
            INSTALL,
            &[
                ("host", "mon blog"),
                ("answer-title", &"x".repeat(81)),
                ("answer-language", "de_DE"),
                ("answer-admin", "été"),
                ("answer-email", "camille"),
                ("answer-size", "501"),
                ("answer-key", "a secret that was typed"),
            ],
        )
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!answer.body.contains("a secret that was typed"));
    let faults = page::faults(&answer.body, "fr");
    assert!(faults.is_empty(), "{faults:?}");
    let seen = page::parse(&answer.body);
    let links: Vec<String> = seen
        .by_id("summary")
        .unwrap()
        .find("a")
        .iter()
        .map(|link| link.attribute("href").unwrap().to_owned())
        .collect();
    assert_eq!(
        links,
        [
            "#host",
            "#answer-title",
            "#answer-language-1",
            "#answer-admin",
            "#answer-email",
            "#answer-size",
            "#answer-visible-1"
        ]
    );
    assert_eq!(
        seen.by_id("answer-email").unwrap().attribute("value"),
        Some("camille")
    );
    assert!(house.acts.lock().unwrap().is_empty());
    // An address that is taken: the core says so, the field shows it, and the form can be sent again.
    let mut taken = answers();
    taken[0] = ("host", "blog.verger.example");
    let token = browser.get(INSTALL).await.form_token();
    taken.push(("form_token", token.as_str()));
    for _ in 0..2 {
        let answer = browser.send(INSTALL, &taken).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        let seen = page::parse(&answer.body);
        assert!(
            seen.by_id("host-error")
                .unwrap()
                .text()
                .contains("sert déjà au service")
        );
        assert!(
            !seen.text().contains("--host"),
            "the command line's words are not for here"
        );
    }
}

#[tokio::test]
async fn forms_from_elsewhere_or_without_their_token_do_nothing() {
    let house = Arc::new(House::busy());
    let browser = Browser::signed_in(&house);
    let path = "/apps/blog/act/stop";
    let token = browser.get(path).await.form_token();
    let good = [("form_token", token.as_str())];
    for headers in [
        &[("origin", "https://blog.verger.example")][..],
        &[("origin", "https://verger.example.evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "same-site")],
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://verger.example"),
        ],
    ] {
        let answer = browser.send_from(path, &good, headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let elsewhere = House::busy();
    // Another box has another key.
    elsewhere.fill_random(&mut [0; 32]);
    let another = Browser::signed_in(&Arc::new(elsewhere))
        .get(path)
        .await
        .form_token();
    let changed = token.replace('0', "1");
    for forged in ["", "x", ".", another.as_str(), changed.as_str()] {
        let answer = browser.send(path, &[("form_token", forged)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{forged}");
    }
    // A visitor's token, made before anybody signed in, is not the session's.
    let visit = Browser {
        cookies: std::sync::Mutex::default(),
        ..Browser::signed_in(&house)
    };
    let before = visit.get("/sign-in").await.form_token();
    visit.keep("__Host-lavoir", house::TOKEN);
    assert_eq!(
        visit
            .send(path, &[("form_token", before.as_str())])
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    assert!(house.acts.lock().unwrap().is_empty());
    // A text browser tells neither origin nor site.
    assert_eq!(
        browser.send_from(path, &good, &[]).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(house.acts.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn acts_say_what_they_do_and_deleting_asks_for_the_name() {
    let house = Arc::new(House::busy());
    let browser = Browser::signed_in(&house);
    let path = "/apps/forum/act/delete";
    for typed in ["", "Forum", "forum 2"] {
        let answer = browser.fill_in(path, path, &[("sure", typed)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert!(house.acts.lock().unwrap().is_empty());
    let answer = browser.fill_in(path, path, &[("sure", "forum")]).await;
    assert_eq!(answer.location(), "/apps/forum");
    for act in ["start", "stop", "restart", "remove", "reinstall"] {
        let path = format!("/apps/agenda/act/{act}");
        assert_eq!(
            browser.fill_in(&path, &path, &[]).await.location(),
            "/apps/agenda",
            "{act}"
        );
    }
    let update = "/apps/blog/act/update";
    assert_eq!(
        browser
            .fill_in(update, update, &[("answer-title", "Encore")])
            .await
            .location(),
        "/apps/blog"
    );
    assert_eq!(house.acts.lock().unwrap().len(), 7);
    assert_eq!(
        browser.get("/apps/agenda/act/explode").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_refusal_is_a_page_with_a_way_back() {
    let house = Arc::new(House::busy());
    let browser = Browser::signed_in(&house);
    let path = "/apps/blog/act/stop";
    for (kind, status) in [
        (NoKind::Forbidden, StatusCode::FORBIDDEN),
        (NoKind::Conflict, StatusCode::CONFLICT),
        (NoKind::Broken, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        *house.refuses.lock().unwrap() = Some(house::no(
            kind,
            "some-code",
            "Non, pas maintenant.",
            "No, not now.",
        ));
        let answer = browser.fill_in(path, path, &[]).await;
        assert_eq!(answer.status, status);
        assert!(page::faults(&answer.body, "fr").is_empty());
        let words = page::parse(&answer.body).text();
        assert!(words.contains("Non, pas maintenant.") && words.contains("some-code"));
    }
    *house.refuses.lock().unwrap() = Some(house::no(NoKind::SignedOut, "x", "", ""));
    assert_eq!(
        browser.fill_in(path, path, &[]).await.location(),
        "/sign-in"
    );
}

#[tokio::test]
async fn only_what_changed_is_asked_and_a_private_answer_left_empty_stays() {
    let house = Arc::new(House::busy());
    let browser = Browser::signed_in(&house);
    let path = "/apps/blog/settings";
    let same = [
        ("answer-title", "Nouvelles du Verger"),
        ("answer-language", "fr_FR"),
        ("answer-email", ""),
        ("answer-size", "50"),
        ("answer-visible", "true"),
    ];
    let answer = browser.fill_in(path, path, &same).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut other = same;
    other[3] = ("answer-size", "80");
    assert_eq!(
        browser.fill_in(path, path, &other).await.location(),
        "/apps/blog"
    );
    let acts = house.acts.lock().unwrap().clone();
    let [Act::Change(app, changed)] = acts.as_slice() else {
        panic!("{acts:?}")
    };
    assert_eq!(app.as_str(), "blog");
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[&"size".parse().unwrap()], "80");
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_nowhere() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let path = "/apps/blog/secrets/admin_password";
    let token = browser.get(path).await.form_token();
    let shown = browser.send(path, &[("form_token", token.as_str())]).await;
    assert!(shown.body.contains(SECRET));
    assert_eq!(shown.headers[header::CACHE_CONTROL], "no-store");
    // Reloaded, it is asked for anew.
    let again = browser.send(path, &[("form_token", token.as_str())]).await;
    assert_eq!(again.location(), path);
    assert!(!browser.get("/apps/blog").await.body.contains(SECRET));

    let token = browser.get("/account").await.form_token();
    let fields = [
        ("form_token", token.as_str()),
        ("label", "Écran"),
        ("scope", "read"),
        ("days", "7"),
    ];
    assert!(
        browser
            .send("/account/tokens", &fields)
            .await
            .body
            .contains(SECRET)
    );
    assert_eq!(
        browser.send("/account/tokens", &fields).await.location(),
        "/account"
    );
}

#[tokio::test]
async fn the_language_is_chosen_and_kept() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    assert!(
        browser
            .get("/machine")
            .await
            .body
            .contains("<html lang=\"fr\">")
    );
    let answer = browser
        .send("/language", &[("language", "en"), ("back", "/machine")])
        .await;
    assert_eq!(answer.location(), "/machine");
    assert!(
        browser
            .get("/machine")
            .await
            .body
            .contains("<html lang=\"en\">")
    );
    for (back, to) in [
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/help", "/help"),
    ] {
        assert_eq!(
            browser
                .send("/language", &[("language", "xx"), ("back", back)])
                .await
                .location(),
            to
        );
    }
    assert!(
        browser
            .get("/machine")
            .await
            .body
            .contains("<html lang=\"en\">")
    );
    // Without a choice: what the browser asks for, or what the box speaks.
    let mut other = Browser::signed_in(&Arc::new(House::busy()));
    for (asked, given) in [
        ("de", "en"),
        ("*", "fr"),
        ("en;q=0.4, fr-CH;q=0.6", "fr"),
        ("en-GB,fr;q=0.5", "en"),
    ] {
        other.language = asked;
        assert!(
            other
                .get("/help")
                .await
                .body
                .contains(&format!("<html lang=\"{given}\">")),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn too_much_is_refused_in_words() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let path = "/apps/blog/act/stop";
    let long = "x".repeat(600 * 1024);
    assert_eq!(
        browser.send(path, &[("sure", &long)]).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let many: Vec<(&str, &str)> = vec![("a", "b"); 1_000];
    assert_eq!(
        browser.send(path, &many).await.status,
        StatusCode::BAD_REQUEST
    );
    browser.keep("__Host-lavoir", &"x".repeat(600));
    assert_eq!(browser.get("/").await.location(), "/sign-in");
}
