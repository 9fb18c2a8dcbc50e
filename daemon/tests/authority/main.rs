//! The ACME adapter before an authority that does what Pebble never does.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod fake;

use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use fake::{Fake, Says};
use futures_util::future::BoxFuture;
use lavoir::adapter::acme::Acme;
use lavoir::config::{TlsConfig, Way};
use lavoir::ports::{
    Authorities as _, KeptCertificate, NoCertificate, Order, Proof, Proofs, UnderWay,
};
use lavoir_core::id::Hostname;
use lavoir_core::renewal::trouble::Trouble;

#[derive(Default)]
struct Kept(Mutex<Option<UnderWay>>);

impl Proofs for Kept {
    fn show(&self, _: Proof) -> BoxFuture<'_, Result<(), NoCertificate>> {
        Box::pin(async { Ok(()) })
    }
    fn keep(&self, under_way: &UnderWay) -> Result<(), NoCertificate> {
        *self.0.lock().unwrap() = Some(under_way.clone());
        Ok(())
    }
    fn ways(&self) -> &[Way] {
        &[Way::Http]
    }
}

fn name() -> Hostname {
    "a.example.org".parse().unwrap()
}

fn open(dir: &Path, fake: &Fake, change: impl FnOnce(&mut TlsConfig)) -> Acme {
    let roots = dir.join("roots.pem");
    std::fs::write(&roots, &fake.root_pem).unwrap();
    let mut settings = TlsConfig {
        authority: Some(fake.directory()),
        roots: Some(roots),
        ..TlsConfig::default()
    };
    change(&mut settings);
    Acme::open(&dir.join("acme"), &settings).unwrap()
}

async fn ordered(acme: &Acme, replaces: Option<String>) -> Result<KeptCertificate, NoCertificate> {
    let order = Order {
        authority: 0,
        host: name(),
        way: Way::Http,
        replaces,
    };
    acme.order(&order, &Kept::default()).await
}

async fn refused(acme: &Acme) -> NoCertificate {
    ordered(acme, None).await.unwrap_err()
}

#[tokio::test]
async fn a_certificate_and_the_one_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::start(2020, 2060).await;
    let acme = open(dir.path(), &fake, |tls| {
        tls.profile = Some("shortlived".into());
        tls.contact = Some("a@example.org".into());
    });
    let first = ordered(&acme, None).await.unwrap();
    assert_eq!(first.paper.names, [name()]);
    assert!(first.paper.key_fits && !first.paper.self_signed);
    assert_eq!(first.paper.life.not_before.0, 1_767_225_600_000);
    let (window, again_ms) = acme.window(0, &first.chain_pem).await.unwrap().unwrap();
    assert_eq!(window.end.0 - window.start.0, 24 * 3_600_000);
    assert!((21_000_000..=21_600_000).contains(&again_ms), "{again_ms}");

    // It is said which one it replaces, and the profile is asked for.
    let second = ordered(&acme, Some(first.chain_pem.clone())).await.unwrap();
    assert_ne!(second.key_pem, first.key_pem, "each has its own key");
    let orders = fake.facts().orders.clone();
    assert!(orders[0]["replaces"].is_null());
    assert!(orders[1]["replaces"].as_str().unwrap().contains('.'));
    assert_eq!(orders[1]["profile"], "shortlived");
    assert_eq!(fake.facts().accounts, 1);
    assert_eq!(fake.facts().contacts[0][0], "mailto:a@example.org");

    // A profile that it does not offer is not asked for; the account outlives the process.
    let again = open(dir.path(), &fake, |tls| tls.profile = Some("gone".into()));
    ordered(&again, None).await.unwrap();
    assert!(fake.facts().orders[2]["profile"].is_null());
    assert_eq!(fake.facts().accounts, 1);
}

#[tokio::test]
async fn a_revoked_account_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::start(2020, 2060).await;
    let acme = open(dir.path(), &fake, |_| ());
    ordered(&acme, None).await.unwrap();
    fake.facts().dead.insert(1);
    ordered(&acme, None).await.unwrap();
    assert_eq!(fake.facts().accounts, 2);
    fake.facts().dead.insert(2);
    fake.facts().dead.insert(3);
    assert_eq!(
        refused(&acme).await.trouble,
        Trouble::Account,
        "once a try, not for ever"
    );
    assert_eq!(fake.facts().accounts, 3);
}

#[tokio::test]
async fn what_it_refuses_and_what_that_means() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::start(2020, 2060).await;
    let acme = open(dir.path(), &fake, |_| ());
    fake.say("account", 400, "invalidContact", &[]);
    assert_eq!(refused(&acme).await.trouble, Trouble::Contact);
    fake.facts().says.clear();

    fake.say("new-order", 429, "rateLimited", &[("retry-after", "7200")]);
    let limit = refused(&acme).await;
    assert_eq!(limit.trouble, Trouble::Limit);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let wait = limit.again.unwrap().0 - u64::try_from(now.as_millis()).unwrap();
    assert!((7_100_000..=7_200_000).contains(&wait), "{wait}");
    assert_eq!(fake.facts().accounts, 1);

    for (status, kind, expected) in [
        (403, "caa", Trouble::Caa),
        (400, "rejectedIdentifier", Trouble::NameRefused),
        (500, "serverInternal", Trouble::Away),
        (400, "badNonce", Trouble::Away),
        (403, "orderNotReady", Trouble::Refused),
    ] {
        fake.say("new-order", status, kind, &[]);
        assert_eq!(refused(&acme).await.trouble, expected, "{kind}");
    }
    for (status, body) in [
        (503, "<html>we are tired</html>".to_owned()),
        (200, "x".repeat(300 * 1024)),
        (200, "{".to_owned()),
    ] {
        let says = Says {
            status,
            body,
            headers: Vec::new(),
        };
        fake.facts().says.insert("new-order", says);
        assert_eq!(refused(&acme).await.trouble, Trouble::Away, "{status}");
    }
    fake.facts().says.clear();
    fake.say("finalize", 403, "caa", &[]);
    assert_eq!(
        refused(&acme).await.trouble,
        Trouble::Caa,
        "also at the end"
    );
}

#[tokio::test]
async fn cut_off_after_it_certified() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::start(2020, 2060).await;
    let acme = open(dir.path(), &fake, |_| ());
    let kept = Kept::default();
    let order = Order {
        authority: 0,
        host: name(),
        way: Way::Http,
        replaces: None,
    };
    let given = acme.order(&order, &kept).await.unwrap();
    let under_way = kept.0.lock().unwrap().clone().unwrap();
    // As after a restart: the same certificate, the same key, no second order.
    let again = open(dir.path(), &fake, |_| ());
    assert_eq!(again.finish(&name(), &under_way).await.unwrap(), given);
    assert_eq!(fake.facts().orders.len(), 1);
    // Cut off a moment sooner: proven, not yet certified.
    fake.facts().status = "ready".into();
    let ended = again.finish(&name(), &under_way).await.unwrap();
    assert!(ended.paper.key_fits);
    assert_eq!(ended.key_pem, given.key_pem);
    for gone in ["pending", "invalid"] {
        fake.facts().status = gone.into();
        let no = again.finish(&name(), &under_way).await.unwrap_err();
        assert_eq!(no.trouble, Trouble::Interrupted);
    }
    let mut unknown = under_way.clone();
    unknown.url = format!("https://{}/nothing/9", fake.address);
    let no = again.finish(&name(), &unknown).await.unwrap_err();
    assert_eq!(no.trouble, Trouble::Interrupted);
    // Away for now: what is under way is not given up.
    fake.say("order", 503, "serverInternal", &[]);
    let no = again.finish(&name(), &under_way).await.unwrap_err();
    assert_eq!(no.trouble, Trouble::Away);
}

#[tokio::test]
async fn a_stranger_in_its_place_and_a_wrong_clock() {
    let dir = tempfile::tempdir().unwrap();
    let fake = Fake::start(2020, 2060).await;
    let stranger = open(dir.path(), &fake, |tls| tls.roots = None);
    assert_eq!(refused(&stranger).await.trouble, Trouble::Untrusted);
    for (from, to) in [(2020, 2021), (2060, 2061)] {
        let fake = Fake::start(from, to).await;
        let acme = open(dir.path(), &fake, |_| ());
        assert_eq!(refused(&acme).await.trouble, Trouble::Clock, "{from}");
    }
    let old = [("date", "Fri, 31 Dec 1999 23:59:59 GMT")];
    fake.say("new-order", 400, "malformed", &old);
    let acme = open(dir.path(), &fake, |_| ());
    assert_eq!(refused(&acme).await.trouble, Trouble::Clock);
    let mut away = fake.clone();
    away.address = "127.0.0.1:1".parse().unwrap();
    let acme = open(dir.path(), &away, |_| ());
    assert_eq!(refused(&acme).await.trouble, Trouble::Away);
}
