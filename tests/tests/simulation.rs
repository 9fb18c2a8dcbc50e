//! The real core, engine and reconciler over a world in memory that fails, delays, loses answers and loses power,
//! with apps of many shapes and two people who ask at the same time.
//!
//! `LAVOIR_SEED=n` runs one seed again, exactly (`LAVOIR_TOLD=1` tells each effect); `LAVOIR_SEEDS=n` runs so many.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lavoir::engine::{Engine, No};
use lavoir::ports::Clock as _;
use lavoir::progress::Progress;
use lavoir::reconcile::{Reconciler, observe};
use lavoir_core::app::{App, Intent, Phase};
use lavoir_core::command::{Action, Actor, Command};
use lavoir_core::id::{AppId, PartId};
use lavoir_core::ledger::read;
use lavoir_core::plan::{plan_app, volume_name};
use lavoir_core::recipe::Keep;
use lavoir_core::release::{Answer, Release};
use lavoir_core::route::{Behind, Door, doors};
use lavoir_core::state::State;
use lavoir_tests::chance::Chance;
use lavoir_tests::memory::{Memory, Unkind, Watched, all_wait};
use lavoir_tests::shapes::{BAD, WAYS_TO_BE_BAD, any, app, host, part};
use tokio::sync::watch;

/// Seeds that once found a fault; each stays.
const REGRESSIONS: &[u64] = &[];

/// Seeds of a run that says nothing else.
const SEEDS: u64 = 1_000;
const UNKIND: Unkind = Unkind {
    fails: 15,
    loses: 10,
    delays: 60,
    crashes: 3,
};
const NAMES: [&str; 5] = ["a", "a-b", "blog", "wiki", "shop"];
const MINUTE: u64 = 60_000;

/// What all lives of one seed have in common.
struct Run {
    seed: u64,
    world: Arc<Memory>,
    asked: AtomicU64,
    accepted: AtomicU64,
    unsure: AtomicU64,
    births: std::sync::Mutex<BTreeMap<(AppId, u64, PartId), u64>>,
}

#[derive(Default)]
struct Total {
    effects: u64,
    trace: u64,
    asked: u64,
    accepted: u64,
    crashes: u64,
    ledgers_failed: u64,
}

#[test]
fn nothing_lost_nothing_half_done() {
    let seeds: Vec<u64> = match from_env("LAVOIR_SEED") {
        Some(seed) => vec![seed],
        None => {
            let count = from_env("LAVOIR_SEEDS").unwrap_or(SEEDS);
            REGRESSIONS.iter().copied().chain(1..=count).collect()
        }
    };
    let began = Instant::now();
    let total = run_all(&seeds);
    let took = began.elapsed().as_secs_f64();
    println!(
        "{} seeds, {} effects, {} asked, {} decided, {} power cuts, {} appends failed, in {took:.1} s: {:.1} seeds a second",
        seeds.len(),
        total.effects,
        total.asked,
        total.accepted,
        total.crashes,
        total.ledgers_failed,
        seeds.len() as f64 / took
    );
}

/// What a seed found can be looked at again: each effect comes at the same moment, in the same order.
#[test]
fn a_seed_is_an_exact_replay() {
    for seed in 1..=12 {
        let of_each: Vec<(u64, u64)> = (0..3)
            .map(|_| run(seed))
            .map(|total| (total.trace, total.effects))
            .collect();
        assert!(
            of_each.iter().all(|one| *one == of_each[0]),
            "seed {seed}: {of_each:?}"
        );
    }
}

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Each seed by itself, on one thread; several threads take them in turn.
fn run_all(seeds: &[u64]) -> Total {
    let (next, total) = (AtomicUsize::new(0), std::sync::Mutex::new(Total::default()));
    let broke = std::sync::Mutex::new(None);
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            match std::panic::catch_unwind(|| run(*seed)) {
                Ok(one) => total.lock().unwrap().add(&one),
                Err(cause) => {
                    next.store(seeds.len(), Ordering::Relaxed);
                    eprintln!("LAVOIR_SEED={seed} runs it again");
                    broke.lock().unwrap().get_or_insert(cause);
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(seeds.len()) {
            scope.spawn(work);
        }
    });
    if let Some(cause) = broke.into_inner().unwrap() {
        std::panic::resume_unwind(cause);
    }
    total.into_inner().unwrap()
}

impl Total {
    fn add(&mut self, other: &Total) {
        self.effects += other.effects;
        self.asked += other.asked;
        self.accepted += other.accepted;
        self.crashes += other.crashes;
        self.ledgers_failed += other.ledgers_failed;
    }
}

fn run(seed: u64) -> Total {
    let mut total = Total::default();
    let mut chance = Chance::new(seed);
    let run = Arc::new(Run {
        seed,
        world: Arc::new(Memory::new(seed, UNKIND)),
        asked: AtomicU64::new(0),
        accepted: AtomicU64::new(0),
        unsure: AtomicU64::new(0),
        births: std::sync::Mutex::default(),
    });
    let lives = 1 + chance.below(4);
    for life in 0..=lives {
        let last = life == lives;
        run.world.be(if last { Unkind::default() } else { UNKIND });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(live(&run, life, last, &mut chance));
        drop(runtime);
        total.crashes += u64::from(run.world.crashed());
        total.ledgers_failed += u64::from(run.world.ledger_failed());
        let violations = run.world.violations();
        assert!(violations.is_empty(), "{violations:#?}");
        run.world.start_anew();
    }
    total.effects = run.world.effects();
    total.trace = run.world.trace();
    total.asked = run.asked.load(Ordering::Relaxed);
    total.accepted = run.accepted.load(Ordering::Relaxed);
    run.check_asked();
    total
}

/// From a start of the daemon to a power cut, a stop, or (the last time) to peace.
async fn live(run: &Arc<Run>, life: u64, last: bool, chance: &mut Chance) {
    let world = &run.world;
    let engine = Arc::new(
        Engine::open(world.clone())
            .await
            .expect("the ledger is sound"),
    );
    let reconciler = Reconciler::new(engine.clone(), Arc::new(Progress::default()));
    let mut shown = reconciler.watch_doors();
    world.watch(Watched {
        state: engine.watch(),
        doors: shown.clone(),
    });
    let (stop, stopped) = watch::channel(false);
    let loops = tokio::spawn(reconciler.run(stopped));
    let preparing = engine.clone();
    let prepared = tokio::spawn(async move {
        preparing
            .prepare("b0c5".to_owned(), &host("example.org"))
            .await
    });
    let askers: Vec<_> = (0..2)
        .map(|who| {
            let (run, engine) = (run.clone(), engine.clone());
            let chance = Chance::keyed(run.seed, "asker", life * 10 + who);
            tokio::spawn(ask_on(run, engine, chance))
        })
        .collect();
    let begun = world.now().0;
    let lasts = chance.below(30) * MINUTE;
    let mut tried_again = 0;
    loop {
        all_wait(world).await;
        if world.crashed() {
            return;
        }
        run.check(
            &engine.state(),
            shown.borrow_and_update().as_deref().unwrap_or_default(),
        );
        let lived = world.now().0 - begun;
        let asked =
            prepared.is_finished() && askers.iter().all(tokio::task::JoinHandle::is_finished);
        if !last && lived > lasts {
            break;
        }
        // The last time, people look after what failed, twice, once all is quiet.
        if last && asked && lived > (30 + 15 * tried_again) * MINUTE {
            if tried_again == 2 {
                break;
            }
            tried_again += 1;
            let engine = engine.clone();
            tokio::spawn(async move { look_after(&engine).await });
        }
        if !last && chance.per_mille(2) {
            world.meddle(chance);
        }
        assert!(world.advance(), "everybody waits for ever");
    }
    if last {
        let shown = shown.borrow().clone();
        run.check_peace(&engine, shown.as_deref().unwrap_or_default())
            .await;
    }
    stop.send_replace(true);
    all_wait(world).await;
    assert!(
        last || world.crashed() || loops.is_finished(),
        "it does not stop"
    );
}

async fn look_after(engine: &Engine<Memory>) {
    for (id, app) in engine.state().apps() {
        if app.phase == Phase::Failed && app.intent == Intent::Running {
            let start = Action::Start { app: id.clone() };
            let _ = engine.submit(Actor::Installer, Command::Act(start)).await;
        }
    }
}

async fn ask_on(run: Arc<Run>, engine: Arc<Engine<Memory>>, mut chance: Chance) {
    let pause = |ms| Duration::from_millis(ms);
    for _ in 0..7 {
        run.world.sleep(pause(chance.below(4 * MINUTE))).await;
        let state = engine.state();
        if state.identity().is_none() {
            continue;
        }
        let Some(action) = run.something(&state, &mut chance) else {
            continue;
        };
        run.asked.fetch_add(1, Ordering::Relaxed);
        // Now and then whoever asked does not wait for the answer.
        let patience = match chance.per_mille(150) {
            true => chance.below(4),
            false => 100 * MINUTE,
        };
        let asked = engine.submit(Actor::Installer, Command::Act(action));
        tokio::select! {
            biased;
            answer = asked => match answer {
                Ok(_) => run.accepted.fetch_add(1, Ordering::Relaxed),
                Err(No::Refused(_)) => 0,
                Err(No::Broke(_)) => run.unsure.fetch_add(1, Ordering::Relaxed),
            },
            () = run.world.sleep(pause(patience)) => run.unsure.fetch_add(1, Ordering::Relaxed),
        };
    }
}

impl Run {
    fn shape(&self, id: &AppId) -> u64 {
        Chance::keyed(self.seed, id.as_str(), 0).below(1_000_000)
    }

    fn release(&self, id: &AppId, version: u32, chance: &mut Chance) -> Release {
        let bad = chance
            .per_mille(150)
            .then(|| *chance.one_of(&WAYS_TO_BE_BAD));
        let address = match chance.per_mille(30) {
            true => format!("{}.example.org", chance.one_of(&NAMES)),
            false => format!("{id}.example.org"),
        };
        any(self.shape(id), "notebook", version, &address, bad)
    }

    /// Something a person might ask.
    fn something(&self, state: &State, chance: &mut Chance) -> Option<Action> {
        let name: &&str = chance.one_of(&NAMES);
        let id = app(name);
        let Some(there) = state.apps().get(&id) else {
            let release = Box::new(self.release(&id, 1, chance));
            return Some(Action::Install { app: id, release });
        };
        Some(match chance.below(100) {
            0..25 => {
                let version = there
                    .release
                    .recipe_version
                    .split(['.', '-'])
                    .nth(1)?
                    .parse::<u32>()
                    .ok()?;
                let mut release = self.release(&id, version + 1, chance);
                release.host = there.release.host.clone();
                release.routes = there.release.routes.clone();
                Action::Update {
                    app: id,
                    release: Box::new(release),
                }
            }
            25..40 => {
                let mut release = there.release.clone();
                let title = Answer::Public(format!("title {}", chance.below(5)));
                release.answers.insert(part("title"), title);
                if chance.per_mille(200)
                    && let Some(web) = release.services.get_mut(&part("web"))
                {
                    web.environment
                        .insert(BAD.into(), (*chance.one_of(&WAYS_TO_BE_BAD)).into());
                }
                Action::Change { app: id, release }
            }
            40..52 => Action::Start { app: id },
            52..64 => Action::Stop { app: id },
            64..74 => Action::Restart { app: id },
            74..82 => Action::Remove { app: id },
            82..92 => Action::Reinstall { app: id },
            92..97 => Action::Delete { app: id },
            _ => Action::Install {
                release: Box::new(self.release(&id, 1, chance)),
                app: id,
            },
        })
    }

    /// What holds at every moment.
    fn check(&self, state: &State, shown: &[Door]) {
        for door in shown {
            let Behind::Container { .. } = door.behind else {
                continue;
            };
            let owner = state
                .apps()
                .values()
                .find(|app| app.release.hosts().contains(&&door.host));
            assert!(
                owner.is_some_and(|app| app.proven().is_some()),
                "the door {} is open to {:?}",
                door.host,
                owner.map(|app| (app.intent, app.phase))
            );
        }
        for app in state.apps().values().filter(|app| app.is_open()) {
            self.check_births(app);
        }
    }

    /// What was first written into an app's data is still in it: through updates, roll backs, removals, returns.
    fn check_births(&self, app: &App) {
        let births = self.world.births(&app.id);
        let mut known = self.births.lock().unwrap();
        for (volume, shape) in &app.release.volumes {
            if shape.keep == Keep::Cache {
                continue;
            }
            let name = volume_name(&app.id, volume, app.generation);
            let Some(Some(birth)) = births.get(&name) else {
                continue;
            };
            let key = (app.id.clone(), app.installed_at.0, volume.clone());
            let first = *known.entry(key).or_insert(*birth);
            assert_eq!(
                first, *birth,
                "{name} does not hold the data that was there first"
            );
        }
    }

    /// What holds once nobody meddles any more.
    async fn check_peace(&self, engine: &Engine<Memory>, shown: &[Door]) {
        let state = engine.state();
        let world = &**engine.world();
        let (look, reopened) = (observe(world, &state), Engine::open(self.world.clone()));
        let (seen, reopened) = tokio::join!(drive(world, look), drive(world, reopened));
        let seen = seen.expect("the world answers");
        let reopened = reopened.expect("the ledger is sound");
        if engine.state() == state {
            assert_eq!(*reopened.state(), *state, "the ledger tells another state");
            let root = drive(world, engine.root()).await;
            assert!(reopened.root().await == root || engine.state() != state);
        }
        for left in self.world.apps_left() {
            assert!(
                state.apps().contains_key(&left),
                "something is left of {left}"
            );
        }
        for app in state.apps().values() {
            let bad = app
                .release
                .services
                .values()
                .any(|s| s.environment.contains_key(BAD));
            if bad && app.intent == Intent::Running {
                continue;
            }
            let nothing = Default::default();
            let there = seen.apps.get(&app.id).unwrap_or(&nothing);
            let plan = plan_app(app, state.backups(), there, &seen.images);
            assert_eq!(
                app.phase,
                Phase::Settled,
                "{}: {:?}, {plan:?}",
                app.id,
                app.last_failure
            );
            assert_eq!(plan.steps, [], "{}", app.id);
            if app.is_open() {
                let open = shown.iter().any(|door| {
                    door.host == app.release.host && matches!(door.behind, Behind::Container { .. })
                });
                assert!(open, "{} runs and its door is shut", app.id);
            }
        }
        let all_good = state.apps().values().all(|app| {
            !app.release
                .services
                .values()
                .any(|s| s.environment.contains_key(BAD))
        });
        if all_good {
            assert_eq!(
                shown,
                doors(&state, &seen),
                "the doors are not those of the world"
            );
        }
    }

    /// Every decision in the ledger was asked for and not refused.
    fn check_asked(&self) {
        let decided = self
            .world
            .ledger()
            .iter()
            .filter_map(|(bytes, _)| read(bytes).ok())
            .filter(|entry| entry.actor == Actor::Installer && entry.index > 0)
            .count();
        let decided = u64::try_from(decided).unwrap();
        let accepted = self.accepted.load(Ordering::Relaxed);
        assert!(
            decided >= accepted,
            "a decision was lost: {decided} < {accepted}"
        );
    }
}

/// A future's answer, with time going on.
async fn drive<T>(world: &Memory, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        tokio::select! {
            biased;
            answer = &mut future => return answer,
            () = tokio::task::yield_now() => {
                world.advance();
            }
        }
    }
}
