//! What the reconciler tries again by itself, and when it stops trying.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use lavoir::engine::Engine;
use lavoir::ports::Clock as _;
use lavoir::progress::Progress;
use lavoir::reconcile::Reconciler;
use lavoir_core::app::{App, Intent, Phase};
use lavoir_core::command::{Action, Actor, Command};
use lavoir_core::ledger::read;
use lavoir_core::limits;
use lavoir_core::release::Release;
use lavoir_tests::memory::{Memory, Unkind, Watched, all_wait};
use lavoir_tests::shapes::{app, bare, host, made, part};
use tokio::sync::watch;

struct Box_ {
    world: Arc<Memory>,
    engine: Arc<Engine<Memory>>,
    _stop: watch::Sender<bool>,
}

impl Box_ {
    async fn new() -> Self {
        let world = Arc::new(Memory::new(7, Unkind::default()));
        let engine = Arc::new(Engine::open(world.clone()).await.unwrap());
        let reconciler = Reconciler::new(engine.clone(), Arc::new(Progress::default()));
        world.watch(Watched {
            state: engine.watch(),
            doors: reconciler.watch_doors(),
        });
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(reconciler.run(stopped));
        let this = Self {
            world,
            engine,
            _stop: stop,
        };
        let engine = this.engine.clone();
        let preparing = async move {
            engine
                .prepare("b0c5".into(), &host("example.org"))
                .await
                .unwrap()
        };
        this.while_time_goes_on(preparing).await;
        this
    }

    /// Time goes on until this is done.
    async fn while_time_goes_on<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let work = tokio::spawn(work);
        while !work.is_finished() {
            all_wait(&self.world).await;
            if !work.is_finished() {
                assert!(self.world.advance());
            }
        }
        work.await.unwrap()
    }

    async fn act(&self, action: Action) {
        let engine = self.engine.clone();
        self.while_time_goes_on(async move {
            let command = Command::Act(action);
            engine.submit(Actor::Installer, command).await.unwrap();
        })
        .await;
    }

    /// Until nothing is under way.
    async fn at_rest(&self) -> App {
        for _ in 0..100_000 {
            all_wait(&self.world).await;
            let there = self.engine.state().apps()[&app("blog")].clone();
            if !matches!(there.phase, Phase::UnderWay(_)) {
                return there;
            }
            assert!(self.world.advance());
        }
        panic!("it does not come to rest");
    }

    fn failures(&self) -> usize {
        let ledger = self.world.ledger();
        let entries = ledger.iter().map(|(bytes, _)| read(bytes).unwrap());
        entries
            .filter(|entry| format!("{:?}", entry.events).contains("Failed"))
            .count()
    }
}

fn install(release: Release) -> Action {
    Action::Install {
        app: app("blog"),
        release: Box::new(release),
    }
}

fn update(release: Release) -> Action {
    Action::Update {
        app: app("blog"),
        release: Box::new(release),
    }
}

fn blog(version: u32) -> Release {
    bare("notebook", version, "blog.example.org")
}

#[tokio::test]
async fn a_registry_that_comes_back_is_waited_for() {
    let b = Box_::new().await;
    let away = u64::from(limits::PULL_TRIES_MAX) - 1;
    assert!(away > u64::from(limits::STEP_TRIES_MAX));
    b.world.be_away("get-image", away);
    b.act(install(blog(1))).await;
    let there = b.at_rest().await;
    assert_eq!(
        (there.intent, there.phase),
        (Intent::Running, Phase::Settled)
    );
    assert_eq!((b.world.still_away(), b.failures()), (0, 0));
}

#[tokio::test]
async fn a_registry_that_stays_away_ends_an_update_where_it_began() {
    let b = Box_::new().await;
    b.act(install(blog(1))).await;
    b.at_rest().await;
    let tries = u64::from(limits::PULL_TRIES_MAX);
    b.world.be_away("get-image", tries + 100);
    b.act(update(blog(2))).await;
    let there = b.at_rest().await;
    assert_eq!((there.phase, &*there.release), (Phase::Settled, &blog(1)));
    let failure = there.last_failure.unwrap();
    assert_eq!(
        (failure.step.as_str(), failure.code.as_str()),
        ("pull-image", "simulated-passing")
    );
    assert_eq!((b.world.still_away(), b.failures()), (100, 1));
}

/// What is well and falls over is mended without end, and never entered as a failure.
#[tokio::test]
async fn an_app_that_was_well_is_tried_again_without_end() {
    let b = Box_::new().await;
    b.act(install(blog(1))).await;
    b.at_rest().await;
    b.world.forget_images();
    b.world.be_away("get-image", 50);
    for _ in 0..100_000 {
        all_wait(&b.world).await;
        if b.world.still_away() == 0 {
            break;
        }
        assert!(b.world.advance());
    }
    assert_eq!((b.world.still_away(), b.failures()), (0, 0));
}

/// What an update or a delete leaves behind goes after a while, and nothing that a release still names.
#[tokio::test]
async fn images_that_nothing_needs_go_once_the_update_is_proven() {
    let b = Box_::new().await;
    let of_own = |version: u32| {
        let mut release = blog(version);
        release.services.get_mut(&part("web")).unwrap().image = made(version);
        release
    };
    let name = |version: u32| made(version).reference().to_owned();
    let after = async |ms: u64| {
        let until = b.world.now().0 + ms;
        while b.world.now().0 < until {
            all_wait(&b.world).await;
            assert!(b.world.advance());
        }
        all_wait(&b.world).await;
        b.world.images()
    };
    b.act(install(of_own(1))).await;
    b.at_rest().await;
    let foreign = after(2 * limits::IMAGE_KEPT_MS).await;
    assert_eq!(foreign, BTreeSet::from([name(1)]));

    b.act(update(of_own(2))).await;
    b.at_rest().await;
    let soon = after(limits::IMAGE_KEPT_MS / 2).await;
    assert_eq!(soon, BTreeSet::from([name(1), name(2)]));
    let later = after(limits::IMAGE_KEPT_MS).await;
    assert_eq!(later, BTreeSet::from([name(2)]));

    // Removed with its data kept: it may come back.
    b.act(Action::Remove { app: app("blog") }).await;
    assert_eq!(
        after(2 * limits::IMAGE_KEPT_MS).await,
        BTreeSet::from([name(2)])
    );
    b.act(Action::Delete { app: app("blog") }).await;
    assert_eq!(after(2 * limits::IMAGE_KEPT_MS).await, BTreeSet::new());
    assert!(
        b.world.violations().is_empty(),
        "{:?}",
        b.world.violations()
    );
}
