//! The loop of orders over a world that fails in every way, with a clock that is set.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod town;

use lavoir::config::Way;
use lavoir::orders::{Chosen, Health};
use lavoir::ports::{Answer, TlsCertificates};
use lavoir_core::id::{Hostname, Timestamp};
use lavoir_core::renewal::Window;
use lavoir_core::renewal::trouble::Trouble;
use std::sync::Arc;
use town::*;

const NAME: &str = "blog.example.org";

#[tokio::test]
async fn ordered_kept_and_renewed_in_its_last_third() {
    let town = Town::new();
    let mut running = start(&town, true, |_| ());
    let next = running.round(NAME).await;
    assert_eq!(running.card().health, Health::Good);
    assert!((NOW + 55 * DAY..NOW + 61 * DAY).contains(&next));
    running.round(NAME).await;
    assert_eq!(town.facts().orders.len(), 1, "a good one is left alone");
    town.set(next);
    running.round(NAME).await;
    let orders = town.facts().orders.clone();
    assert_eq!(orders[1], (0, NAME.to_owned(), Way::Http, true));
    assert_eq!(
        town.facts().unnoted,
        0,
        "noted on the disk before anybody is asked"
    );
    assert!(town.facts().under_way.is_empty());
    let card = running.card();
    assert_eq!(card.authority.as_deref(), Some("first.example"));
    assert_eq!(card.not_after, Some(Timestamp(next + 90 * DAY)));
}

#[tokio::test]
async fn the_authority_s_wish_is_heard() {
    let town = Town::new();
    let mut running = start(&town, true, |_| ());
    running.round(NAME).await;
    let start = Timestamp(NOW + 3 * DAY);
    let end = Timestamp(NOW + 4 * DAY);
    town.facts().window = Some((Window { start, end }, DAY));
    town.set(NOW + 2 * 60 * MINUTE);
    assert_eq!(running.round(NAME).await, start.0);
    town.set(start.0);
    running.round(NAME).await;
    assert_eq!(town.facts().orders.len(), 2);
}

#[tokio::test]
async fn names_of_a_local_network_are_never_ordered() {
    let town = Town::new();
    let mut running = start(&town, true, |_| ());
    for name in [
        "lavoir.home.arpa",
        "box.local",
        "a.lan",
        "b.internal",
        "box.test",
    ] {
        running.round(name).await;
        assert_eq!(running.card().health, Health::Own, "{name}");
    }
    let mut without = start(&town, true, |tls| tls.authority = None);
    without.round(NAME).await;
    assert_eq!(without.card().health, Health::Own);
    assert!(town.facts().orders.is_empty());
}

#[tokio::test]
async fn every_reason_is_told_and_tried_again_later() {
    for (trouble, code) in [
        (Trouble::NoAddress, "name-without-address"),
        (Trouble::Elsewhere, "name-points-elsewhere"),
        (Trouble::PortClosed(80), "port-closed"),
        (Trouble::NotProven, "name-not-proven"),
        (Trouble::DnsServer, "dns-server-refuses"),
        (Trouble::Caa, "caa-forbids"),
        (Trouble::NameRefused, "name-refused"),
        (Trouble::Limit, "authority-limit"),
        (Trouble::Away, "authority-away"),
        (Trouble::Untrusted, "authority-untrusted"),
        (Trouble::Clock, "clock-wrong"),
        (Trouble::Contact, "contact-refused"),
        (Trouble::Account, "account-revoked"),
        (Trouble::Refused, "authority-refuses"),
    ] {
        let town = Town::new();
        town.facts().does = [Does::Fails(trouble.clone())].into();
        let mut running = start(&town, true, |_| ());
        let next = running.round(NAME).await;
        let card = running.card();
        assert_eq!(running.code(), code);
        assert_eq!(card.detail.as_deref(), Some("it said so"));
        assert_eq!(card.health, Health::Missing);
        assert_eq!(card.next, Some(Timestamp(next)));
        assert!(next >= NOW + 2 * MINUTE, "{trouble:?}");
        // A restart forgets no pause.
        let mut again = start(&town, true, |_| ());
        assert_eq!(again.round(NAME).await, next);
        assert_eq!(town.facts().orders.len(), 1, "{trouble:?}");
        town.set(next);
        again.round(NAME).await;
        assert_eq!(again.card().health, Health::Good, "{trouble:?}");
        assert!(again.card().trouble.is_none());
    }
}

#[tokio::test]
async fn the_authority_is_away_for_days() {
    let town = Town::new();
    let mut running = start(&town, true, |_| ());
    let due = running.round(NAME).await;
    let before = town.facts().certificates.clone();
    town.facts().does = vec![Does::Fails(Trouble::Away); 10_000].into();
    town.set(due);
    while town.time() < due + 10 * DAY {
        let next = running.round(NAME).await;
        assert!(next > town.time());
        assert_eq!(running.code(), "authority-away");
        assert_eq!(
            running.card().health,
            Health::Good,
            "what there is is served on"
        );
        town.set(next);
    }
    let tried = town.facts().orders.len();
    assert!((40..80).contains(&tried), "{tried} tries in ten days");
    assert_eq!(town.facts().certificates, before);
    town.facts().does.clear();
    while running.card().trouble.is_some() {
        let next = running.round(NAME).await;
        town.set(next.min(town.time() + DAY));
    }
    assert_ne!(town.facts().certificates, before);
}

#[tokio::test]
async fn another_authority_is_asked_when_the_first_fails_again_and_again() {
    let town = Town::new();
    town.facts().does = vec![Does::Fails(Trouble::Away); 3].into();
    let mut running = start(&town, true, |tls| tls.fallback = Some(SECOND.into()));
    while running.cards.borrow().is_empty() || running.card().health != Health::Good {
        let next = running.round(NAME).await;
        town.set(next);
    }
    let whom: Vec<usize> = town.facts().orders.iter().map(|order| order.0).collect();
    assert_eq!(whom, [0, 0, 0, 1]);
    assert_eq!(running.card().authority.as_deref(), Some("second.example"));
    // At the limit of the first it is the second's turn at once.
    let town = Town::new();
    town.facts().does = [Does::Limits(Timestamp(NOW + 3 * DAY))].into();
    let mut running = start(&town, true, |tls| tls.fallback = Some(SECOND.into()));
    let next = running.round(NAME).await;
    assert!(next < NOW + 60 * MINUTE);
    town.set(next);
    running.round(NAME).await;
    assert_eq!(town.facts().orders[1].0, 1);
    // Alone, it is waited for.
    let town = Town::new();
    town.facts().does = [Does::Limits(Timestamp(NOW + 3 * DAY))].into();
    let mut running = start(&town, true, |_| ());
    assert_eq!(running.round(NAME).await, NOW + 3 * DAY);
    assert_eq!(running.code(), "authority-limit");
    assert_eq!(running.card().next, Some(Timestamp(NOW + 3 * DAY)));
}

#[tokio::test]
async fn a_wrong_clock_orders_nothing_and_harms_nothing() {
    let town = Town::new();
    let mut running = start(&town, true, |_| ());
    running.round(NAME).await;
    let kept = town.facts().certificates.clone();
    for wrong in [0, NOW - 400 * DAY, NOW - DAY] {
        town.set(wrong);
        running.round(NAME).await;
        assert_eq!(running.code(), "clock-wrong", "{wrong}");
    }
    assert_eq!(town.facts().orders.len(), 1);
    // A year ahead: an order, which is refused; what is there stays.
    town.set(NOW + 365 * DAY);
    town.facts().does = [Does::Fails(Trouble::Clock)].into();
    running.round(NAME).await;
    assert_eq!(running.card().health, Health::Ended);
    assert_eq!(town.facts().certificates, kept);
    town.set(NOW + DAY);
    running.round(NAME).await;
    assert_eq!(running.card().health, Health::Good, "right again");
    assert_eq!(town.facts().orders.len(), 2);
}

#[tokio::test]
async fn the_power_goes_between_certifying_and_keeping() {
    let town = Town::new();
    town.facts().does = [Does::GoesSilent].into();
    let mut running = start(&town, true, |_| ());
    let cut = std::time::Duration::from_millis(300);
    let round = tokio::time::timeout(cut, running.round(NAME));
    assert!(round.await.is_err(), "the power is cut");
    drop(running);
    assert!(town.facts().certificates.is_empty());
    assert_eq!(town.facts().under_way.len(), 1);

    let mut again = start(&town, true, |_| ());
    again.orders.pick_up().await;
    again.round(NAME).await;
    assert_eq!(again.card().health, Health::Good);
    let facts = town.facts();
    assert_eq!(
        (facts.orders.len(), facts.finished),
        (1, 1),
        "no second order"
    );
    assert!(facts.under_way.is_empty());
}

#[tokio::test]
async fn an_order_that_is_lost_counts_as_a_failure() {
    let town = Town::new();
    town.facts().does = [Does::GoesSilent, Does::Fails(Trouble::Interrupted)].into();
    let mut running = start(&town, true, |_| ());
    let cut = std::time::Duration::from_millis(300);
    let round = tokio::time::timeout(cut, running.round(NAME));
    assert!(round.await.is_err());
    drop(running);
    let mut again = start(&town, true, |_| ());
    again.orders.pick_up().await;
    let next = again.round(NAME).await;
    assert_eq!(again.code(), "order-interrupted");
    assert!(next >= NOW + 15 * MINUTE);
    assert_eq!(town.facts().orders.len(), 1);
}

#[tokio::test]
async fn a_full_disk_costs_no_second_certificate() {
    let town = Town::new();
    town.facts().disk_full = true;
    let mut running = start(&town, true, |_| ());
    let next = running.round(NAME).await;
    assert_eq!(running.code(), "certificate-not-kept");
    town.facts().disk_full = false;
    town.set(next);
    running.round(NAME).await;
    assert_eq!(running.card().health, Health::Good);
    assert_eq!(town.facts().orders.len(), 1);
    assert_eq!(town.facts().finished, 1);

    // Nothing is asked for when it cannot even be noted that it was.
    let town = Town::new();
    town.facts().disk_broken = true;
    let mut running = start(&town, true, |_| ());
    running.round(NAME).await;
    assert_eq!(running.code(), "certificate-not-kept");
    assert!(town.facts().orders.is_empty());
}

#[tokio::test]
async fn a_lost_answer_costs_no_second_certificate_nor_a_second_authority_its_turn() {
    let town = Town::new();
    town.facts().does.push_back(Does::LosesTheAnswer);
    let mut running = start(&town, true, |_| ());
    let next = running.round(NAME).await;
    assert_eq!(running.code(), "authority-away");
    town.set(next);
    running.round(NAME).await;
    assert_eq!(running.card().health, Health::Good);
    assert_eq!(town.facts().orders.len(), 1);
    assert_eq!(town.facts().finished, 1);

    // The order that nobody ends stays with the first; the second is asked all the same.
    let town = Town::new();
    town.facts().does.push_back(Does::LosesTheAnswer);
    for _ in 0..2 {
        town.facts().does.push_back(Does::Fails(Trouble::Away));
    }
    let mut running = start(&town, true, |tls| tls.fallback = Some(SECOND.into()));
    for _ in 0..3 {
        let next = running.round(NAME).await;
        assert_eq!(running.code(), "authority-away");
        town.set(next);
    }
    running.round(NAME).await;
    assert_eq!(running.card().health, Health::Good);
    let asked: Vec<usize> = town.facts().orders.iter().map(|order| order.0).collect();
    assert_eq!(asked, [0, 1]);
    assert_eq!(town.facts().finished, 0);
}

#[tokio::test]
async fn a_worse_certificate_is_not_taken() {
    let town = Town::new();
    let mut running = start(&town, true, |_| ());
    let due = running.round(NAME).await;
    let before = town.facts().certificates.clone();
    town.set(due);
    let worse: [fn(&mut lavoir::ports::KeptCertificate); 6] = [
        |new| new.paper.key_fits = false,
        |new| new.paper.self_signed = true,
        |new| new.paper.names = vec![host("other.example.org")],
        |new| new.paper.names = Vec::new(),
        |new| new.paper.life.not_after.0 -= 80 * DAY,
        |new| new.paper.life.not_after = new.paper.life.not_before,
    ];
    for change in worse {
        town.facts().does = [Does::Gives(change)].into();
        let next = running.round(NAME).await;
        assert_eq!(running.code(), "certificate-worse");
        assert_eq!(town.facts().certificates, before);
        if next > due + 20 * DAY {
            break;
        }
        town.set(next);
    }
    let tried = town.facts().orders.len() - 1;
    assert!(tried >= 3, "{tried}");
}

#[tokio::test]
async fn our_own_look_comes_first() {
    // No address at all: nobody is troubled.
    let town = Town::new();
    town.facts().found = Some(Trouble::NoAddress);
    let mut running = start(&town, true, |_| ());
    let next = running.round(NAME).await;
    assert_eq!(running.code(), "name-without-address");
    assert!(town.facts().orders.is_empty() && next <= NOW + 3 * MINUTE);
    // A port that looks closed from here: the authority is asked once, then left alone for a day.
    town.facts().found = Some(Trouble::PortClosed(80));
    town.facts().does = vec![Does::Fails(Trouble::NotProven); 3].into();
    while town.time() < NOW + DAY - 2 * 60 * MINUTE {
        let next = running.round(NAME).await;
        assert!(next > town.time());
        town.set(next);
    }
    assert_eq!(
        running.code(),
        "port-closed",
        "our own look says more than the authority did"
    );
    assert_eq!(town.facts().orders.len(), 1);
    // Seen to be open: asked at the next look.
    town.facts().found = None;
    town.facts().does.clear();
    for _ in 0..2 {
        let next = running.round(NAME).await;
        if running.card().health != Health::Good {
            town.set(next);
        }
    }
    assert_eq!(running.card().health, Health::Good);
    assert!(town.time() < NOW + 2 * DAY);
}

#[tokio::test]
async fn without_a_gateway_nobody_is_asked() {
    let town = Town::new();
    let mut running = start(&town, false, |_| ());
    running.round(NAME).await;
    assert_eq!(running.code(), "gateway-away");
    assert!(town.facts().orders.is_empty());
}

#[tokio::test]
async fn a_proof_in_the_dns_is_always_taken_away() {
    for does in [Does::Gives(|_| ()), Does::Fails(Trouble::NotProven)] {
        let town = Town::new();
        town.facts().does = [does].into();
        // No gateway is needed for it.
        let mut running = start(&town, false, |tls| tls.challenges = vec![Way::Dns]);
        running.round(NAME).await;
        assert_eq!(town.facts().orders[0].2, Way::Dns);
        assert!(town.facts().in_dns.is_empty());
    }
}

#[tokio::test]
async fn a_certificate_of_an_authority_no_longer_wanted_is_served_and_replaced() {
    let town = Town::new();
    let old = town.certificate("https://staging.example/dir", &host(NAME));
    town.facts().certificates.insert(host(NAME), old);
    town.facts().does = [Does::Fails(Trouble::Away)].into();
    let mut running = start(&town, true, |_| ());
    let next = running.round(NAME).await;
    assert_eq!(running.card().health, Health::Good);
    assert_eq!(running.code(), "authority-away");
    assert!(
        !town.facts().orders[0].3,
        "the new authority knows nothing of it"
    );
    town.set(next);
    running.round(NAME).await;
    assert_eq!(running.card().authority.as_deref(), Some("first.example"));
}

struct OwnCa;

impl TlsCertificates for OwnCa {
    fn certificate_for(&self, name: &Hostname, _: Timestamp) -> Answer<lavoir::door::Certificate> {
        Ok(lavoir::door::Certificate {
            hostnames: vec![name.clone()],
            chain_pem: "own".into(),
            key_pem: "key".into(),
        })
    }
}

#[tokio::test]
async fn what_is_served() {
    let town = Town::new();
    let chosen = |public| Chosen {
        own: Arc::new(OwnCa),
        store: Arc::new(town.clone()),
        public,
    };
    let served = |public: bool, name: &str, at: u64| {
        let certificate = chosen(public).certificate_for(&host(name), Timestamp(at));
        certificate.unwrap().chain_pem.clone()
    };
    assert_eq!(served(true, NAME, NOW), "own", "until there is another");
    let kept = town.certificate(FIRST, &host(NAME));
    let chain = kept.chain_pem.clone();
    town.facts().certificates.insert(host(NAME), kept.clone());
    town.facts().certificates.insert(host("box.lan"), kept);
    assert_eq!(served(true, NAME, NOW), chain);
    assert_eq!(
        served(true, NAME, NOW + 400 * DAY),
        chain,
        "the clock may run ahead"
    );
    assert_eq!(served(true, "box.lan", NOW), "own");
    assert_eq!(served(false, NAME, NOW), "own");
}
