//! The ledger as the panel finds it: by app, kind, actor and words, page by page, without reading it all.

use std::collections::BTreeMap;

use lavoir::panel::ledger::{Briefs, page};
use lavoir::ports::World as _;
use lavoir_core::command::{Action, Actor, Command, Report};
use lavoir_core::id::PersonId;
use lavoir_core::limits;
use lavoir_core::text::Language;
use lavoir_tests::shapes::bare;
use lavoir_web_admin::admin::{ActorKind, EntryKind, LedgerAsked};

use super::{House, NAME};

async fn ask(house: &House, briefs: &Briefs, asked: &LedgerAsked) -> (Vec<u64>, Option<u64>) {
    let names = BTreeMap::from([(PersonId(1), NAME.to_owned())]);
    let root = house.engine.root().await;
    let store = house.world.ledger_store();
    let page = page(store, briefs, &names, asked, root).await.unwrap();
    assert_eq!(page.size, house.world.ledger().len() as u64);
    (
        page.lines.iter().map(|line| line.index).collect(),
        page.older,
    )
}

#[tokio::test]
async fn it_is_found_page_by_page() {
    // 0: prepared, 1: account; then for each of 4 rounds and 2 apps: a decision and its report.
    let (house, _) = House::opened().await;
    let me = Actor::Person(PersonId(1));
    for (app, host) in [("blog", "b.verger.example"), ("wiki", "w.verger.example")] {
        let action = Action::Install {
            app: app.parse().unwrap(),
            release: Box::new(bare("notebook", 1, host)),
        };
        house
            .engine
            .act(me.clone(), action, Default::default())
            .await
            .unwrap();
    }
    let briefs = Briefs::default();
    for round in 0..4 {
        for app in ["blog", "wiki"] {
            let app: lavoir_core::id::AppId = app.parse().unwrap();
            let revision = house.engine.state().apps()[&app].revision;
            let report = match round {
                2 => Report::Failed {
                    app: app.clone(),
                    revision,
                    step: "settle".into(),
                    code: "c".into(),
                },
                _ => Report::Settled {
                    app: app.clone(),
                    revision,
                },
            };
            house
                .engine
                .submit(Actor::Box, Command::Report(report))
                .await
                .unwrap();
            let again = match round {
                2 => Action::Start { app },
                _ => Action::Restart { app },
            };
            house
                .engine
                .act(me.clone(), again, Default::default())
                .await
                .unwrap();
        }
        // Found also while it grows.
        let latest = ask(
            &house,
            &briefs,
            &LedgerAsked {
                limit: 1,
                ..Default::default()
            },
        )
        .await;
        assert_eq!(latest.0, [house.world.ledger().len() as u64 - 1]);
    }
    let size = house.world.ledger().len() as u64;
    assert_eq!(size, 20);
    let all = |limit| LedgerAsked {
        limit,
        ..Default::default()
    };
    // Page by page, each entry once, the latest first.
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let asked = LedgerAsked { before, ..all(7) };
        let (mut lines, older) = ask(&house, &briefs, &asked).await;
        assert!(lines.len() <= 7);
        seen.append(&mut lines);
        before = older;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..size).rev().collect::<Vec<_>>());
    // By app, kind, actor, and words in the reader's language.
    let of = |asked: LedgerAsked| {
        let (house, briefs) = (&house, &briefs);
        async move { ask(house, briefs, &asked).await.0.len() }
    };
    let blog = || Some("blog".parse().unwrap());
    assert_eq!(
        of(LedgerAsked {
            app: blog(),
            ..all(99)
        })
        .await,
        9
    );
    assert_eq!(
        of(LedgerAsked {
            app: Some("absent".parse().unwrap()),
            ..all(99)
        })
        .await,
        0
    );
    assert_eq!(
        of(LedgerAsked {
            kind: Some(EntryKind::Failed),
            ..all(99)
        })
        .await,
        2
    );
    assert_eq!(
        of(LedgerAsked {
            kind: Some(EntryKind::People),
            ..all(99)
        })
        .await,
        1
    );
    assert_eq!(
        of(LedgerAsked {
            by: Some(ActorKind::Box),
            ..all(99)
        })
        .await,
        8
    );
    let words = |words: &str, language| LedgerAsked {
        words: Some((language, words.to_owned())),
        ..all(99)
    };
    assert_eq!(
        of(words("ANNE-MARIE redémarre blog", Language::Fr)).await,
        3
    );
    assert_eq!(of(words("restarts blog", Language::En)).await, 3);
    assert_eq!(of(words("restarts blog", Language::Fr)).await, 0);
    // A place beyond the end, and a limit beyond all bounds, do no harm.
    let far = LedgerAsked {
        before: Some(u64::MAX),
        ..all(usize::MAX)
    };
    assert_eq!(of(far).await, 20);
    assert!(size < limits::LEDGER_SEARCHED_MAX);
}
