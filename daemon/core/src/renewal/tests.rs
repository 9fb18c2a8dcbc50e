#![allow(clippy::unwrap_used)]

use super::*;
use alloc::format;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn host(name: &str) -> Hostname {
    format!("{name}.example.org").parse().unwrap()
}

fn later(ms: u64) -> Timestamp {
    Timestamp(NOW.0 + ms)
}

fn life(days_ago: u64, days_left: u64) -> Life {
    Life {
        not_before: Timestamp(NOW.0 - days_ago * DAY_MS),
        not_after: later(days_left * DAY_MS),
    }
}

fn failure(trouble: Trouble, at: Timestamp) -> Failure {
    Failure {
        at,
        authority: 0,
        trouble,
        detail: None,
        asked: true,
    }
}

#[test]
fn due_by_life_or_by_the_authority_s_wish() {
    let book = Book::default();
    let a = host("a");
    for (held, expected) in [
        (None, None),
        (Some(life(0, 90)), Some(60 * DAY_MS)),
        (Some(life(59, 31)), Some(DAY_MS)),
        (Some(life(60, 30)), None),
        (Some(life(90, 0)), None),
        (Some(life(0, 6)), Some(4 * DAY_MS)),
        (Some(life(4, 2)), None),
    ] {
        let expected = expected.map_or(
            Now::Order {
                authority: 0,
                way: 0,
            },
            |ms| Now::Keep { until: later(ms) },
        );
        assert_eq!(
            book.what_now(&a, held.as_ref(), 1, NOW),
            expected,
            "{held:?}"
        );
    }
    let window = |from: u64, to: u64| Window {
        start: later(from * DAY_MS),
        end: later(to * DAY_MS),
    };
    for (wish, chance, expected) in [
        (window(10, 12), 0, 10 * DAY_MS),
        (window(10, 12), 512, 11 * DAY_MS),
        (window(10, 12), 1_024, 10 * DAY_MS),
        // Past the end: never later than the last sixth.
        (window(200, 300), 0, 75 * DAY_MS),
    ] {
        assert_eq!(due(&life(0, 90), Some(wish), chance), later(expected));
    }
    // By chance only sooner, and by a twenty-fourth at the most.
    for chance in [0, 1, 1_023, u64::MAX] {
        let due = due(&life(0, 90), None, chance);
        assert!(due <= later(60 * DAY_MS) && due > later(56 * DAY_MS));
    }
}

/// Days of a name that does not lead here, minute by minute: the limits are never reached.
#[test]
fn limits_are_never_reached() {
    let mut book = Book::default();
    let a = host("a");
    let mut asked: Vec<u64> = Vec::new();
    for minute in 0..(10 * 24 * 60_u64) {
        let now = later(minute * MINUTE_MS);
        if let Now::Order { .. } = book.what_now(&a, None, 1, now) {
            book.begin(&a, false, now);
            book.fail(&a, failure(Trouble::NotProven, now), None, minute * 7_919);
            asked.push(minute);
        }
    }
    for minute in &asked {
        let within = |span: u64| {
            asked
                .iter()
                .filter(|m| **m >= *minute && **m < minute + span)
                .count()
        };
        assert!(within(60) <= 4, "{asked:?}");
    }
    assert!(asked.len() >= 12, "it does not give up: {asked:?}");
    assert!(asked.len() <= 20, "{asked:?}");
}

#[test]
fn four_failures_an_hour_whatever_the_pauses() {
    let mut book = Book::default();
    let a = host("a");
    for minute in 0..4 {
        // Crashes: the order has begun, and nothing came of it.
        book.begin(&a, false, later(minute * MINUTE_MS));
    }
    let got = book.what_now(&a, None, 1, later(5 * MINUTE_MS));
    assert_eq!(
        got,
        Now::Wait {
            until: later(HOUR_MS)
        }
    );
    let other = book.what_now(&host("b"), None, 1, later(5 * MINUTE_MS));
    assert!(matches!(other, Now::Order { .. }));
}

#[test]
fn certificates_of_a_week() {
    let mut book = Book::default();
    let a = host("a");
    for i in 0..4 {
        book.begin(&a, true, later(i * DAY_MS));
        book.succeed(&a, 0);
    }
    let at = later(4 * DAY_MS);
    // An authority that always says “renew now” gets no fifth order in a week.
    let got = book.what_now(&a, Some(&life(90, 0)), 1, at);
    assert_eq!(
        got,
        Now::Wait {
            until: later(WEEK_MS)
        }
    );
    // One whose certificates live for a day has no such limit.
    let short = Life {
        not_before: later(3 * DAY_MS),
        not_after: later(4 * DAY_MS),
    };
    assert!(matches!(
        book.what_now(&a, Some(&short), 1, at),
        Now::Order { .. }
    ));

    let mut book = Book::default();
    for i in 0..60 {
        let name = host(&format!("h{i}"));
        let now = later(i * HOUR_MS);
        if let Now::Order { .. } = book.what_now(&name, None, 1, now) {
            book.begin(&name, false, now);
            book.succeed(&name, 0);
        }
    }
    assert_eq!(book.placed.len(), 40, "new names in a week");
    // What is renewed is not new.
    let renewed = book.what_now(&host("h0"), Some(&life(90, 0)), 1, later(60 * HOUR_MS));
    assert!(matches!(renewed, Now::Order { .. }));
}

#[test]
fn orders_of_three_hours() {
    let mut book = Book::default();
    for i in 0..100 {
        book.begin(&host(&format!("h{i}")), true, later(i));
    }
    let got = book.what_now(&host("more"), None, 1, later(MINUTE_MS));
    assert_eq!(
        got,
        Now::Wait {
            until: later(3 * HOUR_MS)
        }
    );
}

#[test]
fn another_authority_after_three_tries() {
    let mut book = Book::default();
    let a = host("a");
    let mut whom = Vec::new();
    let mut now = NOW;
    while whom.len() < 8 {
        match book.what_now(&a, None, 2, now) {
            Now::Order { authority, .. } => {
                whom.push(authority);
                book.begin(&a, false, now);
                let failure = Failure {
                    authority,
                    ..failure(Trouble::Away, now)
                };
                book.fail(&a, failure, None, 0);
            }
            Now::Wait { until } => now = until,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(whom, [0, 0, 0, 1, 1, 1, 0, 0]);
    book.succeed(&a, 0);
    assert!(matches!(
        book.what_now(&a, Some(&life(90, 0)), 2, NOW),
        Now::Wait { .. } | Now::Order { authority: 0, .. }
    ));
}

#[test]
fn a_limit_that_is_reached_is_kept_to() {
    let mut book = Book::default();
    let a = host("a");
    book.begin(&a, false, NOW);
    book.fail(&a, failure(Trouble::Limit, NOW), Some(later(2 * DAY_MS)), 0);
    let alone = book.what_now(&a, None, 1, later(HOUR_MS));
    assert_eq!(
        alone,
        Now::Wait {
            until: later(2 * DAY_MS)
        }
    );
    let with_another = book.what_now(&a, None, 2, later(HOUR_MS));
    assert_eq!(
        with_another,
        Now::Order {
            authority: 1,
            way: 0
        }
    );
    // An absurd wish is not obeyed for years.
    book.fail(
        &a,
        failure(Trouble::Limit, NOW),
        Some(later(400 * DAY_MS)),
        0,
    );
    let got = book.what_now(&a, None, 1, later(HOUR_MS));
    assert_eq!(
        got,
        Now::Wait {
            until: later(8 * DAY_MS)
        }
    );
}

#[test]
fn our_own_look_and_the_authority_together() {
    let mut book = Book::default();
    let a = host("a");
    let closed = Trouble::PortClosed(80);
    assert!(
        book.is_worth_asking(&a, &closed, NOW),
        "the router may not lead back in"
    );
    assert!(!book.is_worth_asking(&a, &Trouble::NoAddress, NOW));
    let own = Failure {
        asked: false,
        ..failure(closed.clone(), NOW)
    };
    book.fail(&a, own, None, 0);
    assert_eq!(
        book.memory(&a).unwrap().of_name,
        0,
        "no authority was troubled"
    );
    book.begin(&a, false, NOW);
    book.fail(&a, failure(Trouble::NotProven, NOW), None, 0);
    assert!(!book.is_worth_asking(&a, &closed, later(HOUR_MS)));
    assert!(book.is_worth_asking(&a, &closed, later(DAY_MS)));
}

#[test]
fn a_clock_that_jumps_does_no_harm() {
    let mut book = Book::default();
    let a = host("a");
    for absurd in [Timestamp(0), Timestamp(u64::MAX)] {
        assert_eq!(book.what_now(&a, None, 1, absurd), Now::ClockWrong);
        assert_eq!(
            book.what_now(&a, Some(&life(1, 89)), 1, absurd),
            Now::ClockWrong
        );
    }
    assert_eq!(
        book.what_now(&a, Some(&life(1, 89)), 1, Timestamp(NOW.0 - 2 * DAY_MS)),
        Now::ClockWrong,
        "a certificate that has not begun"
    );
    // The clock ran a year ahead, and comes back: nothing waits for a year.
    let ahead = later(365 * DAY_MS);
    book.begin(&a, false, ahead);
    book.fail(
        &a,
        failure(Trouble::Limit, ahead),
        Some(later(372 * DAY_MS)),
        0,
    );
    book.settle(Timestamp(0));
    assert_eq!(
        book.memory(&a).unwrap().last.as_ref().unwrap().at,
        ahead,
        "an absurd clock settles nothing"
    );
    book.settle(NOW);
    let Now::Wait { until } = book.what_now(&a, None, 1, NOW) else {
        panic!("it waits");
    };
    assert!(until <= later(8 * DAY_MS));
    // Jumping there and back again and again brings one try a jump, not a flood.
    let mut book = Book::default();
    let mut tries = 0;
    for jump in 0..20 {
        let now = if jump % 2 == 0 {
            NOW
        } else {
            later(30 * DAY_MS)
        };
        book.settle(now);
        while let Now::Order { .. } = book.what_now(&a, None, 1, now) {
            book.begin(&a, false, now);
            book.fail(&a, failure(Trouble::NotProven, now), None, 0);
            tries += 1;
        }
    }
    assert!(tries <= 11, "{tries}");
}

#[test]
fn the_ways_of_proof_take_turns() {
    let mut book = Book::default();
    let a = host("a");
    book.fail(&a, failure(Trouble::NotProven, NOW), None, 0);
    let got = book.what_now(&a, None, 1, later(DAY_MS));
    assert_eq!(
        got,
        Now::Order {
            authority: 0,
            way: 1
        }
    );
}

#[test]
fn the_book_stays_small_and_readable() {
    let mut book = Book::default();
    for i in 0..3_000 {
        book.begin(&host(&format!("h{i}")), true, NOW);
    }
    assert_eq!(book.placed.len(), limits::ORDERS_REMEMBERED_MAX);
    book.forget(|name| *name == host("h7"));
    assert_eq!(book.unfinished(), [host("h7")]);
    let text = serde_json::to_string(&book).unwrap();
    assert_eq!(serde_json::from_str::<Book>(&text).unwrap(), book);
    let old: Book = serde_json::from_str(r#"{"hosts":{"a.example.org":{}},"placed":[]}"#).unwrap();
    assert_eq!(old.memory(&host("a")), Some(&Memory::default()));
}
