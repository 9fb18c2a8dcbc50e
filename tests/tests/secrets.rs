//! Secrets of apps, in their folders: made once, never again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use lavoir::adapter::app_folder::AppFolders;
use lavoir::adapter::system::SystemEntropy;
use lavoir::ports::{AppFiles, Retry};
use lavoir::recipe::BoxFacts;
use lavoir_core::text::Language;
use lavoir_tests::shapes::{app, full, part};

#[tokio::test]
async fn a_secret_that_data_know_is_not_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let box_facts = BoxFacts {
        domain: "example.org".into(),
        language: Language::Fr,
        timezone: "Europe/Paris".into(),
        proxies: Vec::new(),
    };
    let folders =
        AppFolders::open(dir.path().join("apps"), Arc::new(SystemEntropy), box_facts).unwrap();
    let (blog, secret) = (app("blog"), part("db_password"));
    let mut release = full("notebook", 1, "blog.example.org");
    let file = dir.path().join("apps/blog/secrets/db_password");
    let (nothing, known) = (BTreeSet::new(), BTreeSet::from([&secret]));

    // Before the app was ever well it may be made, and is then kept.
    folders.write(&blog, &release, &nothing, "1").await.unwrap();
    let first = fs::read(&file).unwrap();
    assert_eq!(first.len(), 32);
    folders.write(&blog, &release, &known, "2").await.unwrap();
    assert_eq!(fs::read(&file).unwrap(), first);

    // Lost: said, and nothing is noted as written.
    fs::remove_file(&file).unwrap();
    let fault = folders
        .write(&blog, &release, &known, "3")
        .await
        .unwrap_err();
    assert_eq!(
        (fault.message.code.as_str(), fault.retry),
        ("secret-lost", Retry::Never)
    );
    assert!(!file.exists());
    let noted = folders.observe(&blog).await.unwrap().digest;
    assert_eq!(noted.as_deref(), Some("2"));

    // One that is new in an update is made.
    fs::write(&file, &first).unwrap();
    let shape = release.secrets[&secret].clone();
    release.secrets.insert(part("new"), shape);
    folders.write(&blog, &release, &known, "4").await.unwrap();
    assert!(dir.path().join("apps/blog/secrets/new").exists());
    assert_eq!(fs::read(&file).unwrap(), first);
}
