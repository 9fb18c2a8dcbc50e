//! A world in memory, driven by a seed: an engine with volumes that have contents, folders, a ledger, a clock that
//! goes forward only when everybody waits. It can fail, delay, lose an answer after the deed, and stop for good at
//! any effect, as a power cut does. While it works it watches what no effect may ever do.

mod effects;
mod laws;
mod private;
mod repositories;
mod sleep;

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use lavoir::ports::{Answer, ContainerOrder, Fault, SeenFiles};
use lavoir_core::app::Intent;
use lavoir_core::id::{AppId, PartId};
use lavoir_core::ledger::Hash;
use lavoir_core::observed::{ObservedContainer, Run};
use lavoir_core::plan::container_name;
use lavoir_core::route::Door;
use lavoir_core::state::State;
use lavoir_core::text::Text;
use tokio::sync::watch;

use sleep::Sleep;

use crate::chance::Chance;
use crate::shapes::BAD;

/// When a world begins, ms.
const BEGINNING: u64 = 1_700_000_000_000;

/// How unkind the world is, in thousandths of all effects.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unkind {
    /// Fails, nothing done.
    pub fails: u64,
    /// Done, but the answer says that it failed.
    pub loses: u64,
    /// Takes some seconds.
    pub delays: u64,
    /// The power goes, before or after the deed.
    pub crashes: u64,
}

/// The world.
pub struct Memory {
    inner: Mutex<Inner>,
    private: private::Private,
}

/// What is watched while effects happen.
pub struct Watched {
    /// The state as the engine shows it.
    pub state: watch::Receiver<Arc<State>>,
    /// The doors as the reconciler shows them.
    pub doors: watch::Receiver<Option<Vec<Door>>>,
}

#[derive(Default)]
struct Inner {
    seed: u64,
    unkind: Unkind,
    still: bool,
    filled: u64,
    counts: BTreeMap<String, u64>,
    away: Option<(String, u64)>,
    told: bool,
    effects: u64,
    /// Of every effect so far, in its order and at its time.
    trace: u64,
    activity: u64,
    now: u64,
    /// By moment, turn, and order of making.
    timers: BTreeMap<(u64, (u64, u64)), Waker>,
    timers_made: u64,
    crashed: bool,
    ledger_failed: bool,
    apps: BTreeMap<AppId, MemoryApp>,
    images: BTreeSet<String>,
    folders: BTreeMap<AppId, SeenFiles>,
    snapshots: Vec<repositories::Kept>,
    ledger: Vec<(Vec<u8>, Hash)>,
    addresses: u32,
    tokens: u64,
    watched: Option<Watched>,
    violations: Vec<String>,
}

#[derive(Default)]
struct MemoryApp {
    network: bool,
    containers: BTreeMap<PartId, Container>,
    volumes: BTreeMap<String, Volume>,
}

struct Container {
    spec: String,
    one_shot: bool,
    checked: bool,
    bad: String,
    volumes: Vec<String>,
    ready_ms: u64,
    address: IpAddr,
    started: Option<u64>,
    exited: Option<i64>,
}

struct Volume {
    complete: bool,
    /// One token for each time a container that mounts it was started; the first is the volume's birth.
    contents: Vec<u64>,
}

impl Container {
    fn run(&self, now: u64) -> Run {
        if let Some(code) = self.exited {
            return Run::Exited(code);
        }
        let Some(started) = self.started else {
            return Run::Created;
        };
        let ready = now >= started + self.ready_ms;
        match (ready, self.bad.as_str()) {
            (true, "exits") => Run::Exited(3),
            (true, _) if self.one_shot => Run::Exited(0),
            (false, _) if self.checked => Run::Starting,
            (true, "unhealthy") if self.checked => Run::Unhealthy,
            _ => Run::Healthy,
        }
    }
}

struct Fate {
    /// Its place among effects of the same moment, whoever came first.
    turn: u64,
    delay_ms: u64,
    fails: Option<Fault>,
    loses: bool,
    crash_before: bool,
    crash_after: bool,
}

fn broken(passing: bool, what: &str) -> Fault {
    let text = Text::new(format!("panne de {what}"), format!("{what} broke"));
    let next = Text::new("Réessayez.", "Try again.");
    match passing {
        true => Fault::passing("simulated-passing", text, next),
        false => Fault::lasting("simulated-lasting", text, next),
    }
}

fn missing(what: &str) -> Fault {
    let text = Text::new(format!("{what} manque"), format!("{what} is missing"));
    Fault::lasting("simulated-missing", text, Text::new("…", "…."))
}

impl Memory {
    /// A world with a seed.
    pub fn new(seed: u64, unkind: Unkind) -> Self {
        let inner = Inner {
            seed,
            unkind,
            now: BEGINNING,
            told: std::env::var_os("LAVOIR_TOLD").is_some(),
            ..Inner::default()
        };
        Self {
            inner: Mutex::new(inner),
            private: private::Private::default(),
        }
    }

    /// A world in which nothing fails, waits or happens by itself; time passes when it is told to.
    pub fn still() -> Self {
        let memory = Self::new(7, Unkind::default());
        memory.lock().still = true;
        memory
    }

    /// Time passes.
    pub fn pass(&self, ms: u64) {
        self.lock().now += ms;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How unkind it is from now on.
    pub fn be(&self, unkind: Unkind) {
        self.lock().unkind = unkind;
    }

    /// The next `times` effects whose name begins so fail in a way that may pass.
    pub fn be_away(&self, what: &str, times: u64) {
        self.lock().away = Some((what.to_owned(), times));
    }

    /// How many more will.
    pub fn still_away(&self) -> u64 {
        self.lock().away.as_ref().map_or(0, |(_, times)| *times)
    }

    /// Somebody prunes images by hand.
    pub fn forget_images(&self) {
        self.lock().images.clear();
    }

    /// The images that are there.
    pub fn images(&self) -> BTreeSet<String> {
        self.lock().images.clone()
    }

    /// Effects so far.
    pub fn effects(&self) -> u64 {
        self.lock().effects
    }

    /// Grows whenever anybody does anything.
    pub fn activity(&self) -> u64 {
        self.lock().activity
    }

    /// Of every effect so far, in its order and at its time: two runs with the same one were the same run.
    pub fn trace(&self) -> u64 {
        self.lock().trace
    }

    /// What no effect may do, and was done.
    pub fn violations(&self) -> Vec<String> {
        self.lock().violations.clone()
    }

    /// Notes something that may not be.
    pub fn violated(&self, what: String) {
        self.lock().violations.push(what);
    }

    /// The power went.
    pub fn crashed(&self) -> bool {
        self.lock().crashed
    }

    /// An append failed since the last start.
    pub fn ledger_failed(&self) -> bool {
        self.lock().ledger_failed
    }

    /// The power is back: what was in flight is gone.
    pub fn start_anew(&self) {
        let mut inner = self.lock();
        inner.crashed = false;
        inner.ledger_failed = false;
        let gone = (std::mem::take(&mut inner.timers), inner.watched.take());
        // Containers went with the power.
        let now = inner.now;
        for app in inner.apps.values_mut() {
            for container in app.containers.values_mut() {
                if container.run(now).is_running() {
                    container.exited = Some(137);
                }
            }
        }
        drop(inner);
        drop(gone);
    }

    /// Watches state and doors while effects happen.
    pub fn watch(&self, watched: Watched) {
        self.lock().watched = Some(watched);
    }

    /// The ledger's entries.
    pub fn ledger(&self) -> Vec<(Vec<u8>, Hash)> {
        self.lock().ledger.clone()
    }

    /// The apps of which the engine still has anything.
    pub fn apps_left(&self) -> Vec<AppId> {
        let inner = self.lock();
        let some = inner.apps.iter().filter(|(_, app)| {
            app.network || !app.containers.is_empty() || !app.volumes.is_empty()
        });
        let folders = inner
            .folders
            .iter()
            .filter(|(_, folder)| **folder != SeenFiles::default());
        some.map(|(id, _)| id.clone())
            .chain(folders.map(|(id, _)| id.clone()))
            .collect()
    }

    /// What was first written into each complete volume of an app, by Docker name.
    pub fn births(&self, app: &AppId) -> BTreeMap<String, Option<u64>> {
        let inner = self.lock();
        let volumes = inner.apps.get(app).map(|app| &app.volumes);
        volumes
            .into_iter()
            .flatten()
            .filter(|(_, volume)| volume.complete)
            .map(|(name, volume)| (name.clone(), volume.contents.first().copied()))
            .collect()
    }

    /// Time goes to the next moment for which somebody waits.
    pub fn advance(&self) -> bool {
        let mut inner = self.lock();
        let Some(((at, _), waker)) = inner.timers.pop_first() else {
            return false;
        };
        inner.now = inner.now.max(at);
        inner.activity += 1;
        drop(inner);
        waker.wake();
        true
    }

    /// Somebody meddles by hand: kills or removes a container, prunes images.
    pub fn meddle(&self, chance: &mut Chance) {
        let mut inner = self.lock();
        let now = inner.now;
        if chance.per_mille(300) {
            inner.images.clear();
            return;
        }
        let remove = chance.per_mille(400);
        for app in inner.apps.values_mut() {
            let running: Vec<PartId> = app.containers.keys().cloned().collect();
            if running.is_empty() || !chance.per_mille(400) {
                continue;
            }
            let victim = chance.one_of(&running);
            if remove {
                app.containers.remove(victim);
            } else if let Some(container) = app.containers.get_mut(victim)
                && container.run(now).is_running()
            {
                container.exited = Some(137);
            }
        }
    }

    fn fate(&self, what: &str) -> Fate {
        let mut inner = self.lock();
        inner.effects += 1;
        inner.activity += 1;
        let count = inner.counts.entry(what.to_owned()).or_default();
        *count += 1;
        let count = *count;
        let mut chance = Chance::keyed(inner.seed, what, count);
        let unkind = inner.unkind;
        if inner.told {
            eprintln!("{:>9} {what}", inner.now - BEGINNING);
        }
        let away = inner
            .away
            .as_mut()
            .filter(|(begins, times)| *times > 0 && what.starts_with(begins.as_str()))
            .map(|(_, times)| *times -= 1);
        let crashes = chance.per_mille(unkind.crashes);
        let before = chance.per_mille(500);
        Fate {
            // Before all that only sleep.
            turn: chance.draw() >> 1,
            delay_ms: if chance.per_mille(unkind.delays) {
                1 + chance.below(9_000)
            } else {
                chance.below(3)
            },
            fails: chance
                .per_mille(unkind.fails)
                .then(|| broken(chance.per_mille(700), what))
                .or_else(|| away.map(|()| broken(true, what))),
            loses: chance.per_mille(unkind.loses),
            crash_before: crashes && before,
            crash_after: crashes && !before,
        }
    }

    async fn power_cut(&self) {
        self.lock().crashed = true;
        pending::<()>().await;
    }

    async fn effect<T>(
        &self,
        what: String,
        deed: impl FnOnce(&mut Inner) -> Answer<T> + Send,
    ) -> Answer<T> {
        let fate = self.fate(&what);
        self.wait(fate.delay_ms, Some(fate.turn)).await;
        {
            let mut inner = self.lock();
            inner.trace = Chance::keyed(inner.trace, &what, inner.now).draw();
        }
        if fate.crash_before {
            self.power_cut().await;
        }
        if let Some(fault) = fate.fails {
            return Err(fault);
        }
        let answer = deed(&mut self.lock());
        if fate.crash_after {
            self.power_cut().await;
        }
        if fate.loses && answer.is_ok() {
            return Err(broken(true, &what));
        }
        answer
    }

    async fn wait(&self, ms: u64, turn: Option<u64>) {
        let deadline = {
            let inner = self.lock();
            if inner.still {
                return;
            }
            inner.now + ms
        };
        Sleep::until(self, deadline, turn).await;
    }
}

impl Inner {
    fn state(&self) -> Option<Arc<State>> {
        self.watched
            .as_ref()
            .map(|watched| watched.state.borrow().clone())
    }

    fn violated(&mut self, what: String) {
        self.violations.push(what);
    }

    fn app(&mut self, app: &AppId) -> &mut MemoryApp {
        self.apps.entry(app.clone()).or_default()
    }

    /// Images that the box made itself.
    fn made(&self) -> impl Iterator<Item = &String> {
        self.images
            .iter()
            .filter(|name| name.starts_with("lavoir/"))
    }

    fn mounted_by_running(&self, name: &str) -> bool {
        self.apps
            .values()
            .flat_map(|app| app.containers.values())
            .any(|c| c.run(self.now).is_running() && c.volumes.iter().any(|v| v == name))
    }

    fn start(&mut self, order: &ContainerOrder) -> Answer<()> {
        let app = &order.app;
        let decided = self.check(app, "start");
        if let Some(decided) = &decided
            && decided.intent != Intent::Running
        {
            self.violated(format!("{app} started, though {:?}", decided.intent));
        }
        let name = container_name(app, &order.service);
        let foreign = self.apps.iter().any(|(other, there)| {
            other != app
                && there
                    .containers
                    .keys()
                    .any(|s| container_name(other, s) == name)
        });
        if foreign {
            self.violated(format!("two apps want the container {name}"));
            return Err(missing("name"));
        }
        if !self.images.contains(order.filled.image.reference()) {
            return Err(missing("image"));
        }
        if self.folders.get(app).is_none_or(|f| f.digest.is_none()) {
            self.violated(format!("{name} started before its files were written"));
        }
        self.addresses += 1;
        let (now, address) = (
            self.now,
            IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + self.addresses)),
        );
        let ready_ms = Chance::keyed(self.seed, &name, self.addresses.into()).below(20_000);
        let volumes: Vec<String> = order
            .volumes
            .iter()
            .map(|(name, _, _)| name.clone())
            .collect();
        let there = self.app(app);
        there.containers.remove(&order.service);
        if !there.network {
            return Err(missing("network"));
        }
        if volumes
            .iter()
            .any(|name| !there.volumes.get(name).is_some_and(|v| v.complete))
        {
            return Err(missing("volume"));
        }
        let container = Container {
            spec: order.spec.clone(),
            one_shot: order.filled.one_shot,
            checked: order.filled.healthcheck.is_some(),
            bad: order
                .filled
                .environment
                .get(BAD)
                .cloned()
                .unwrap_or_default(),
            volumes: volumes.clone(),
            ready_ms,
            address,
            started: Some(now),
            exited: None,
        };
        there.containers.insert(order.service.clone(), container);
        self.write_to(app, &volumes);
        Ok(())
    }

    fn write_to(&mut self, app: &AppId, volumes: &[String]) {
        for name in volumes {
            self.tokens += 1;
            let token = self.tokens;
            if let Some(volume) = self.app(app).volumes.get_mut(name) {
                volume.contents.push(token);
            }
        }
    }

    fn stop(&mut self, app: &AppId, service: &PartId) {
        let now = self.now;
        if let Some(container) = self.app(app).containers.get_mut(service)
            && container.run(now).is_running()
        {
            container.exited = Some(0);
        }
    }

    fn seen(&self, container: &Container) -> ObservedContainer {
        let run = container.run(self.now);
        ObservedContainer {
            spec: container.spec.clone(),
            run,
            address: run.is_running().then_some(container.address),
        }
    }
}

/// Lets everybody who can go on do so, until nobody can without time going forward.
pub async fn all_wait(memory: &Memory) {
    let mut last = memory.activity();
    let mut still = 0;
    while still < 8 {
        tokio::task::yield_now().await;
        let now = memory.activity();
        still = if now == last { still + 1 } else { 0 };
        last = now;
        if memory.crashed() {
            return;
        }
    }
}
