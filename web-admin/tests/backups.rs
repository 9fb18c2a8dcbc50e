//! Backups: what the forms do, what the pages say, what a browser may take home.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod house;
mod page;
mod walk;

use std::sync::Arc;

use axum::http::{StatusCode, header};
use house::{House, KEY, backups};
use lavoir_core::backup::Concern;
use lavoir_web_admin::admin::{BackupAct, NoKind};
use walk::Browser;

/// As browsers read it: the slash is escaped too.
fn read(body: &str) -> String {
    body.replace("&#x2f;", "/")
}

fn blog() -> String {
    format!("/backups/places/disque/snapshots/{}", backups::snapshot(2))
}

#[tokio::test]
async fn the_title_is_the_answer() {
    let mut late = backups::calm();
    late.concerns = vec![Concern::Late {
        of: "app:blog".parse().unwrap(),
        last: None,
    }];
    let mut new = backups::calm();
    new.repositories[0].saved.clear();
    let mut partly = backups::calm();
    partly.repositories[0]
        .saved
        .remove(&"app:blog".parse().unwrap());
    for (house, title) in [
        (House::empty(), "Rien n’est encore sauvegardé"),
        (House::calm(), "Tout est sauvegardé depuis cette nuit"),
        (
            House::busy(),
            "La sauvegarde de «\u{a0}Nextcloud\u{a0}» a échoué",
        ),
        (
            House::with(backups::damaged()),
            "Des sauvegardes sont abîmées",
        ),
        (House::with(late), "Des sauvegardes sont en retard"),
        (
            House::with(new),
            "La première sauvegarde se fera cette nuit",
        ),
        (House::with(partly), "Tout n’est pas encore sauvegardé"),
    ] {
        let browser = Browser::signed_in(&Arc::new(house));
        let page = read(&browser.get("/backups").await.body);
        assert_eq!(page::parse(&page).find("h1")[0].text(), title);
    }
}

#[tokio::test]
async fn home_says_what_needs_somebody() {
    let nowhere = House::calm();
    nowhere.backups.lock().unwrap().repositories.clear();
    for (house, sentence) in [
        (nowhere, "Rien n’est encore sauvegardé."),
        (
            House::with(backups::damaged()),
            "Des sauvegardes sont abîmées dans «\u{a0}disque\u{a0}».",
        ),
        (
            House::busy(),
            "La dernière sauvegarde de «\u{a0}Nextcloud\u{a0}» dans «\u{a0}disque\u{a0}» a échoué.",
        ),
        (
            House::busy(),
            "La dernière sauvegarde de «\u{a0}Discourse\u{a0}» a 3 jours.",
        ),
    ] {
        let browser = Browser::signed_in(&Arc::new(house));
        let page = read(&browser.get("/").await.body);
        let seen = page::parse(&page);
        assert!(
            seen.text().contains(sentence),
            "{sentence}: {}",
            seen.text()
        );
        assert!(page.contains("href=\"/backups\">Voir les sauvegardes"));
    }
    let calm = Browser::signed_in(&Arc::new(House::calm()));
    assert!(!calm.get("/").await.body.contains("Voir les sauvegardes"));
}

#[tokio::test]
async fn many_that_are_late_are_one_thing_to_do() {
    let late = |of: &str| Concern::Late {
        of: of.parse().unwrap(),
        last: None,
    };
    let mut all = backups::calm();
    all.concerns = ["app:agenda", "app:blog", "app:carte", "box"]
        .map(late)
        .to_vec();
    let browser = Browser::signed_in(&Arc::new(House::with(all)));
    let home = page::parse(&browser.get("/").await.body).text();
    assert!(home.contains("Une chose vous attend"), "{home}");
    assert!(home.contains("4 sauvegardes ont échoué ou sont en retard."));
    let page = page::parse(&browser.get("/backups").await.body).text();
    let together = "Radicale, WordPress, carte, La machine elle-même.";
    assert!(page.contains(together), "{page}");
}

#[tokio::test]
async fn the_calendar_has_its_table_and_its_words() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let page = read(&browser.get("/backups").await.body);
    let seen = page::parse(&page);
    let picture = seen
        .all()
        .into_iter()
        .find(|one| one.attribute("role") == Some("img"))
        .unwrap();
    let label = picture.attribute("aria-label").unwrap();
    assert_eq!(
        label,
        "Ces cinq dernières semaines\u{a0}: 28 nuits sauvegardées, une en partie, une manquée."
    );
    let rows = seen.find("tr").len();
    assert_eq!(rows, 1 + 30, "each night since the first");
    assert!(seen.text().contains("Dernières lignes"));
    assert!(seen.text().contains("Can't connect to local server"));
}

#[tokio::test]
async fn a_place_is_added_and_its_key_is_shown_to_be_noted() {
    let house = Arc::new(House::empty());
    let browser = Browser::signed_in(&house);
    let path = "/backups/add";
    let wrong = [
        ("path", "media/x"),
        ("name", "Mon disque"),
        ("rhythm", "99"),
    ];
    let answer = browser.fill_in(path, path, &wrong).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for id in ["path", "name", "rhythm-1"] {
        assert!(answer.body.contains(&format!("href=\"#{id}\"")), "{id}");
    }
    assert!(answer.body.contains("Mon disque") && read(&answer.body).contains("media/x"));
    assert!(house.backup_acts.lock().unwrap().is_empty());

    let right = [
        ("path", "/media/x/lavoir"),
        ("name", "disque"),
        ("rhythm", "7"),
        ("key", ""),
    ];
    let token = browser.get(path).await.form_token();
    let mut all = vec![("form_token", token.as_str())];
    all.extend(right);
    for _ in 0..2 {
        let answer = browser.send(path, &all).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.location(), "/backups/places/disque/key");
    }
    {
        // Sent twice, done once.
        let acts = house.backup_acts.lock().unwrap();
        let [BackupAct::Add(new)] = &acts[..] else {
            panic!("{acts:?}");
        };
        assert_eq!(
            (new.path.as_str(), new.every_nights),
            ("/media/x/lavoir", 7)
        );
        assert!(new.key.is_none());
    }
    let path = "/backups/places/disque/key";
    let before = browser.get(path).await;
    assert!(!before.body.contains(KEY));
    assert!(before.body.contains("ailleurs que sur cette machine"));
    let shown = browser.fill_in(path, path, &[]).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.body.contains(KEY));
    assert_eq!(shown.headers[header::CACHE_CONTROL], "no-store");
    // Reloaded, it asks again.
    assert!(!browser.get(path).await.body.contains(KEY));
}

#[tokio::test]
async fn what_the_daemon_refuses_stands_beside_its_field() {
    let house = Arc::new(House::empty());
    let mut no = house::no(
        NoKind::Unfit,
        "place-not-empty",
        "Le dossier contient autre chose.",
        "The folder has something else in it.",
    );
    no.problems.push(lavoir_web_admin::admin::Problem {
        at: Some("path".into()),
        message: no.message.clone(),
    });
    *house.refuses.lock().unwrap() = Some(no);
    let browser = Browser::signed_in(&house);
    let fields = [("path", "/media/x"), ("name", "disque"), ("rhythm", "1")];
    let answer = browser
        .fill_in("/backups/add", "/backups/add", &fields)
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("id=\"path-error\""));
    assert!(page::faults(&answer.body, "fr").is_empty());
}

#[tokio::test]
async fn rounds_begin_and_end_and_settings_change() {
    let house = Arc::new(House::busy());
    let browser = Browser::signed_in(&house);
    let place = "/backups/places/disque";
    let now = format!("{place}/now");
    let answer = browser.fill_in("/backups", &now, &[]).await;
    assert_eq!(answer.location(), "/backups");
    let one = [("of", "app:blog")];
    let answer = browser.fill_in("/backups/apps/blog", &now, &one).await;
    assert_eq!(answer.location(), "/backups/apps/blog");
    let cancel = format!("{place}/cancel");
    browser.fill_in("/backups", &cancel, &[]).await;
    let settings = format!("{place}/settings");
    let rule = |last, daily| {
        [
            ("rhythm", "2"),
            ("last", last),
            ("daily", daily),
            ("weekly", "0"),
            ("monthly", "0"),
            ("yearly", "0"),
        ]
    };
    for (last, daily) in [("0", "0"), ("x", "1"), ("10001", "1")] {
        let answer = browser
            .fill_in(&settings, &settings, &rule(last, daily))
            .await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{last}");
        assert!(page::faults(&answer.body, "fr").is_empty());
    }
    let answer = browser.fill_in(&settings, &settings, &rule("1", "5")).await;
    assert_eq!(answer.location(), "/backups");
    let remove = format!("{place}/remove");
    let answer = browser.fill_in(&remove, &remove, &[]).await;
    assert_eq!(answer.location(), "/backups");
    let acts = house.backup_acts.lock().unwrap();
    let kinds: Vec<&str> = acts
        .iter()
        .map(|act| match act {
            BackupAct::BackUp(_, None) => "all",
            BackupAct::BackUp(_, Some(_)) => "one",
            BackupAct::Cancel(_) => "cancel",
            BackupAct::Change { keep, .. } if keep.daily == 5 && keep.weekly == 0 => "change",
            BackupAct::Remove(_) => "remove",
            _ => "?",
        })
        .collect();
    assert_eq!(kinds, ["all", "one", "cancel", "change", "remove"]);
}

#[tokio::test]
async fn only_somebody_who_is_signed_in_sees_or_takes_anything() {
    let stranger = Browser::stranger(&Arc::new(House::busy()));
    let file = format!("{}/file?path=/data/a", blog());
    let restore = format!("{}/restore", blog());
    let own = [blog(), file, restore];
    let fixed = [
        "/backups",
        "/backups/add",
        "/backups/box",
        "/backups/apps/blog",
        "/backups/live",
        "/backups/places/disque/key",
    ];
    for path in own.iter().map(String::as_str).chain(fixed) {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.location().starts_with("/sign-in"), "{path}");
    }
}

#[tokio::test]
async fn a_file_comes_as_a_file_whatever_its_name() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let file = |name: &str| format!("{}/file?path=/data/{name}", blog());
    let answer = browser
        .get(&file("%C3%A9t%C3%A9%22%0D%0Ax%3Cb%3E.html"))
        .await;
    assert_eq!(answer.body, "what was saved");
    assert_eq!(
        answer.headers[header::CONTENT_TYPE],
        "application/octet-stream"
    );
    assert_eq!(
        answer.headers[header::CONTENT_DISPOSITION],
        "attachment; filename=\"_t____x_b_.html\"; filename*=UTF-8''%C3%A9t%C3%A9%22%0D%0Ax%3Cb%3E.html"
    );
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    for path in ["../etc/shadow", "a/../../x"] {
        let answer = browser.get(&file(path)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let relative = format!("{}/file?path=data/a", blog());
    assert_eq!(browser.get(&relative).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn folders_are_walked_page_by_page() {
    let browser = Browser::signed_in(&Arc::new(House::busy()));
    let folder = format!("{}?path=/data/photos", blog());
    let page = read(&browser.get(&folder).await.body);
    assert!(page.contains("file?path=/data/photos/photo%201%20%26%20co.jpg"));
    let after = page.split("path=/data/photos&amp;from=").nth(1).unwrap();
    let from: usize = after.split('"').next().unwrap().parse().unwrap();
    assert!((50..=100).contains(&from), "{from}");
    let rest = read(&browser.get(&format!("{folder}&from={from}")).await.body);
    // The folder comes first: on the page before stood one photograph less than entries.
    assert!(page.contains(&format!("photo%20{}%20", from - 1)));
    assert!(!page.contains(&format!("photo%20{from}%20")));
    assert!(rest.contains(&format!("photo%20{from}%20")));
    // Keepsakes are secrets: nothing leads to them.
    let root = read(&browser.get(&blog()).await.body);
    assert!(!root.contains("file?path=/lavoir.json"));
    assert!(page.len() < 50_000, "{}", page.len());
}

#[tokio::test]
async fn an_app_is_put_back_once_after_its_page_said_what_is_lost() {
    let house = Arc::new(House::busy());
    let browser = Browser::signed_in(&house);
    let path = format!("{}/restore", blog());
    let page = read(&browser.get(&path).await.body);
    assert!(page.contains("Ce qui sera perdu") && page.contains("/backups/apps/blog"));
    assert!(house.restored.lock().unwrap().is_empty());
    let token = page_token(&page);
    for _ in 0..2 {
        let answer = browser.send(&path, &[("form_token", &token)]).await;
        assert_eq!(answer.location(), "/apps/blog");
    }
    assert_eq!(
        *house.restored.lock().unwrap(),
        [(backups::id("disque"), backups::snapshot(2))]
    );
    // One that is gone loses nothing.
    let gone = format!(
        "/backups/places/disque/snapshots/{}/restore",
        backups::snapshot(6)
    );
    let page = read(&browser.get(&gone).await.body);
    assert!(page.contains("Ramener") && !page.contains("Ce qui sera perdu"));
    // The box itself is not put back from here.
    let of_box = gone.replace(backups::snapshot(6).as_str(), backups::snapshot(9).as_str());
    assert_eq!(browser.get(&of_box).await.status, StatusCode::NOT_FOUND);
}

fn page_token(body: &str) -> String {
    let page = page::parse(body);
    let all = page.all();
    let field = all
        .iter()
        .find(|one| one.attribute("name") == Some("form_token"));
    field.unwrap().attribute("value").unwrap().to_owned()
}

#[tokio::test]
async fn a_round_is_followed_with_and_without_the_script() {
    let browser = Browser::signed_in(&Arc::new(House::with(backups::saving())));
    let page = read(&browser.get("/backups").await.body);
    assert!(page.contains("http-equiv=\"refresh\" content=\"5\""));
    assert!(page.contains("data-live=\"/backups/live\""));
    assert!(page.contains("212\u{a0}Mo sur 640\u{a0}Mo"));
    assert!(page.contains("/backups/places/disque/cancel"));
    let calm = Browser::signed_in(&Arc::new(House::calm()));
    let page = read(&calm.get("/backups").await.body);
    assert!(!page.contains("refresh") && !page.contains("<script"));
    assert!(page.len() < 50_000, "{}", page.len());
}
