//! A world in memory, driven by a seed: an engine with volumes that have contents, folders, a ledger, a clock that
//! goes forward only when everybody waits. It can fail, delay, lose an answer after the deed, and stop for good at
//! any effect, as a power cut does. While it works it watches what no effect may ever do.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, pending};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lavoir::ports::{
    Answer, AppFiles, Clock, ContainerOrder, Containers, Entropy, Fault, LedgerStore, MachineFacts,
    Measure, OnMeasure, PrivateAnswer, Probe, Ran, Seen, SeenApp, SeenFiles, Unit, Values, World,
};
use lavoir_core::app::{App, Intent, Phase};
use lavoir_core::command::Machine;
use lavoir_core::id::{AppId, PartId, Revision, Timestamp};
use lavoir_core::ledger::Hash;
use lavoir_core::observed::{ObservedContainer, Run, VolumeState};
use lavoir_core::plan::{container_name, volume_name};
use lavoir_core::recipe::Architecture;
use lavoir_core::release::{BuildContext, HttpHealth, Image, Release};
use lavoir_core::route::{Behind, Door};
use lavoir_core::state::State;
use lavoir_core::text::Text;
use tokio::sync::watch;
use zeroize::Zeroizing;

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
}

/// What is watched while effects happen.
pub struct Watched {
    /// The state as the engine shows it.
    pub state: watch::Receiver<Arc<State>>,
    /// The doors as the reconciler shows them.
    pub doors: watch::Receiver<Vec<Door>>,
}

#[derive(Default)]
struct Inner {
    seed: u64,
    unkind: Unkind,
    counts: BTreeMap<String, u64>,
    told: bool,
    effects: u64,
    activity: u64,
    now: u64,
    timers: BTreeMap<(u64, u64), Waker>,
    timers_made: u64,
    crashed: bool,
    ledger_failed: bool,
    apps: BTreeMap<AppId, MemoryApp>,
    images: BTreeSet<String>,
    folders: BTreeMap<AppId, SeenFiles>,
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
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How unkind it is from now on.
    pub fn be(&self, unkind: Unkind) {
        self.lock().unkind = unkind;
    }

    /// Effects so far.
    pub fn effects(&self) -> u64 {
        self.lock().effects
    }

    /// Grows whenever anybody does anything.
    pub fn activity(&self) -> u64 {
        self.lock().activity
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
        let crashes = chance.per_mille(unkind.crashes);
        let before = chance.per_mille(500);
        Fate {
            delay_ms: if chance.per_mille(unkind.delays) {
                1 + chance.below(9_000)
            } else {
                chance.below(3)
            },
            fails: chance
                .per_mille(unkind.fails)
                .then(|| broken(chance.per_mille(700), what)),
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
        self.wait(fate.delay_ms).await;
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

    async fn wait(&self, ms: u64) {
        let deadline = self.lock().now + ms;
        Sleep {
            memory: self,
            deadline,
            place: None,
        }
        .await;
    }
}

struct Sleep<'a> {
    memory: &'a Memory,
    deadline: u64,
    place: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.memory.lock();
        if let Some(place) = self.place {
            let waker = inner.timers.remove(&(self.deadline, place));
            if inner.now >= self.deadline {
                drop(inner);
                drop(waker);
                return Poll::Ready(());
            }
        }
        inner.timers_made += 1;
        inner.activity += 1;
        let place = inner.timers_made;
        inner
            .timers
            .insert((self.deadline, place), context.waker().clone());
        drop(inner);
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            // A waker may hold the last of a task, which may hold a sleep: it goes after the lock.
            let waker = self.memory.lock().timers.remove(&(self.deadline, place));
            drop(waker);
        }
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

    /// What holds for each effect on an app's things: the app is decided, and its doors are shut unless it is settled.
    fn check(&mut self, app: &AppId, what: &str) -> Option<App> {
        let state = self.state()?;
        let Some(decided) = state.apps().get(app) else {
            self.violated(format!("{what} for {app}, which no decision knows"));
            return None;
        };
        if !decided.is_open() {
            let hosts = decided.release.hosts();
            let open = self.watched.as_ref().is_some_and(|watched| {
                watched.doors.borrow().iter().any(|door| {
                    hosts.contains(&&door.host) && matches!(door.behind, Behind::Container { .. })
                })
            });
            if open {
                self.violated(format!(
                    "{what} for {app} while its door is open: {:?}",
                    decided.phase
                ));
            }
        }
        Some(decided.clone())
    }

    fn app(&mut self, app: &AppId) -> &mut MemoryApp {
        self.apps.entry(app.clone()).or_default()
    }

    fn check_removal(&mut self, id: &AppId, name: &str) {
        let Some(app) = self.check(id, "remove-volume") else {
            return;
        };
        if app.intent == Intent::Deleted {
            return;
        }
        let proven = app.intent == Intent::Running && app.phase == Phase::Settled;
        let current = app
            .release
            .volumes
            .keys()
            .map(|volume| volume_name(id, volume, app.generation));
        let newer = current.into_iter().find(|current| {
            current.rsplit_once("-g").map(|(stem, _)| stem)
                == name.rsplit_once("-g").map(|(stem, _)| stem)
        });
        let newer_there = newer.as_ref().is_some_and(|newer| {
            newer != name
                && self
                    .apps
                    .get(id)
                    .and_then(|app| app.volumes.get(newer))
                    .is_some_and(|volume| volume.complete)
        });
        if !proven || !newer_there || app.previous.is_some() {
            self.violated(format!(
                "volume {name} removed; intent {:?}, phase {:?}, its present one {newer:?}",
                app.intent, app.phase
            ));
        }
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

impl Containers for Memory {
    async fn observe(&self, images: &BTreeSet<String>) -> Answer<Seen> {
        let deed = |inner: &mut Inner| {
            let apps = inner.apps.iter().map(|(id, app)| {
                let containers = app
                    .containers
                    .iter()
                    .map(|(service, container)| (service.clone(), inner.seen(container)));
                let volumes = app.volumes.iter().map(|(name, volume)| {
                    let state = match volume.complete {
                        true => VolumeState::Complete,
                        false => VolumeState::HalfCopied,
                    };
                    (name.clone(), state)
                });
                let seen = SeenApp {
                    network: app.network,
                    containers: containers.collect(),
                    volumes: volumes.collect(),
                };
                (id.clone(), seen)
            });
            Ok(Seen {
                apps: apps.collect(),
                images: inner.images.intersection(images).cloned().collect(),
            })
        };
        self.effect("observe".into(), deed).await
    }

    async fn look(&self, app: &AppId, service: &PartId) -> Answer<Option<ObservedContainer>> {
        let deed = |inner: &mut Inner| {
            let container = inner
                .apps
                .get(app)
                .and_then(|app| app.containers.get(service));
            Ok(container.map(|container| inner.seen(container)))
        };
        self.effect(format!("look {app} {service}"), deed).await
    }

    async fn get_image(
        &self,
        image: &Image,
        _context: Option<&BuildContext>,
        on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        on_measure(Measure {
            done: 1,
            total: Some(2),
            unit: Unit::Bytes,
        });
        let deed = |inner: &mut Inner| {
            inner.images.insert(image.reference().to_owned());
            Ok(())
        };
        self.effect(format!("get-image {}", image.reference()), deed)
            .await
    }

    async fn make_network(&self, app: &AppId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "make-network");
            inner.app(app).network = true;
            Ok(())
        };
        self.effect(format!("make-network {app}"), deed).await
    }

    async fn make_volume(
        &self,
        app: &AppId,
        name: &str,
        copy_of: Option<&str>,
        _on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        let begin = |inner: &mut Inner| {
            inner.check(app, "make-volume");
            if let Some(source) = copy_of {
                if inner.mounted_by_running(source) {
                    inner.violated(format!("{source} copied while it is written to"));
                }
                if !inner.app(app).volumes.contains_key(source) {
                    return Err(missing("source"));
                }
            }
            let complete = copy_of.is_none();
            let there = inner
                .app(app)
                .volumes
                .get(name)
                .is_some_and(|volume| volume.complete);
            if !there {
                let volume = Volume {
                    complete,
                    contents: Vec::new(),
                };
                inner.app(app).volumes.insert(name.to_owned(), volume);
            }
            Ok(there)
        };
        let there = self.effect(format!("make-volume {name}"), begin).await?;
        let Some(source) = copy_of.filter(|_| !there) else {
            return Ok(());
        };
        let end = |inner: &mut Inner| {
            let volumes = &mut inner.app(app).volumes;
            let contents = volumes.get(source).map(|volume| volume.contents.clone());
            if let (Some(volume), Some(contents)) = (volumes.get_mut(name), contents) {
                volume.contents = contents;
                volume.complete = true;
            }
            Ok(())
        };
        self.effect(format!("copy-volume {name}"), end).await
    }

    async fn start(&self, order: &ContainerOrder) -> Answer<()> {
        let what = format!("start {} {}", order.app, order.service);
        self.effect(what, |inner| inner.start(order)).await
    }

    async fn start_again(&self, app: &AppId, service: &PartId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "start-again");
            let now = inner.now;
            let Some(container) = inner.app(app).containers.get_mut(service) else {
                return Err(missing("container"));
            };
            if container.run(now).is_running() {
                return Ok(());
            }
            container.started = Some(now);
            container.exited = None;
            let volumes = container.volumes.clone();
            inner.write_to(app, &volumes);
            Ok(())
        };
        self.effect(format!("start-again {app} {service}"), deed)
            .await
    }

    async fn stop(&self, app: &AppId, service: &PartId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "stop");
            inner.stop(app, service);
            Ok(())
        };
        self.effect(format!("stop {app} {service}"), deed).await
    }

    async fn remove(&self, app: &AppId, service: &PartId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "remove");
            inner.app(app).containers.remove(service);
            Ok(())
        };
        self.effect(format!("remove {app} {service}"), deed).await
    }

    async fn run_inside(
        &self,
        app: &AppId,
        service: &PartId,
        command: &[String],
        _user: Option<&str>,
        _timeout: Duration,
    ) -> Answer<Ran> {
        let deed = |inner: &mut Inner| {
            let decided = inner.check(app, "run-inside");
            if decided.is_some_and(|app| app.phase == Phase::Settled) {
                inner.violated(format!("{app}: {command:?} run though it is settled"));
            }
            let now = inner.now;
            let Some(container) = inner.app(app).containers.get(service) else {
                return Err(missing("container"));
            };
            match container.run(now) {
                Run::Healthy => Ok(Ran {
                    code: i64::from(container.bad == "hook"),
                    lines: Vec::new(),
                }),
                Run::Starting | Run::Unhealthy | Run::Created | Run::Exited(_) => {
                    Err(broken(true, "container"))
                }
            }
        };
        self.effect(format!("run-inside {app} {service}"), deed)
            .await
    }

    async fn last_lines(&self, app: &AppId, service: &PartId, _: usize) -> Answer<Vec<String>> {
        let deed = |_: &mut Inner| Ok(vec!["its last line".to_owned()]);
        self.effect(format!("last-lines {app} {service}"), deed)
            .await
    }

    async fn remove_network(&self, app: &AppId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "remove-network");
            if !inner.app(app).containers.is_empty() {
                return Err(missing("peace on the network"));
            }
            inner.app(app).network = false;
            Ok(())
        };
        self.effect(format!("remove-network {app}"), deed).await
    }

    async fn remove_volume(&self, app: &AppId, name: &str) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check_removal(app, name);
            let used = inner
                .app(app)
                .containers
                .values()
                .any(|container| container.volumes.iter().any(|volume| volume == name));
            if used {
                inner.violated(format!("{name} removed while a container holds it"));
            }
            inner.app(app).volumes.remove(name);
            Ok(())
        };
        self.effect(format!("remove-volume {name}"), deed).await
    }

    async fn is_there(&self) -> bool {
        self.effect("is-there".into(), |_| Ok(())).await.is_ok()
    }

    async fn data_mib(&self) -> Answer<BTreeMap<AppId, u64>> {
        let deed = |inner: &mut Inner| Ok(inner.apps.keys().map(|id| (id.clone(), 10)).collect());
        self.effect("data-mib".into(), deed).await
    }
}

impl AppFiles for Memory {
    async fn observe(&self, app: &AppId) -> Answer<SeenFiles> {
        let deed = |inner: &mut Inner| Ok(inner.folders.get(app).cloned().unwrap_or_default());
        self.effect(format!("observe-files {app}"), deed).await
    }

    async fn write(&self, app: &AppId, _release: &Release, digest: &str) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "write-files");
            inner.folders.entry(app.clone()).or_default().digest = Some(digest.to_owned());
            Ok(())
        };
        self.effect(format!("write-files {app}"), deed).await
    }

    async fn values(&self, app: &AppId, _release: &Release) -> Answer<Values> {
        self.effect(format!("values {app}"), |_| Ok(Values::default()))
            .await
    }

    fn file_path(&self, app: &AppId, name: &str) -> PathBuf {
        PathBuf::from(format!("apps/{app}/files/{name}"))
    }

    fn secret_path(&self, app: &AppId, service: &PartId, secret: &PartId) -> PathBuf {
        PathBuf::from(format!("apps/{app}/secrets/{service}/{secret}"))
    }

    async fn note_hook(&self, app: &AppId, revision: Revision, index: u32) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "note-hook");
            let folder = inner.folders.entry(app.clone()).or_default();
            folder.hooks_done.insert((revision, index));
            Ok(())
        };
        self.effect(format!("note-hook {app}"), deed).await
    }

    async fn keep_answers(&self, app: &AppId, _: &BTreeMap<PartId, PrivateAnswer>) -> Answer<()> {
        self.effect(format!("keep-answers {app}"), |_| Ok(())).await
    }

    async fn private_answers(
        &self,
        _app: &AppId,
        _release: &Release,
    ) -> Answer<BTreeMap<PartId, Zeroizing<String>>> {
        Ok(BTreeMap::new())
    }

    async fn remove(&self, app: &AppId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            let decided = inner.check(app, "remove-files");
            if decided.is_some_and(|app| app.intent != Intent::Deleted) {
                inner.violated(format!("{app}: files removed without a decided delete"));
            }
            inner.folders.remove(app);
            Ok(())
        };
        self.effect(format!("remove-files {app}"), deed).await
    }
}

impl LedgerStore for Memory {
    async fn read_all(&self) -> Answer<Vec<(Vec<u8>, Hash)>> {
        Ok(self.ledger())
    }

    async fn append(&self, index: u64, bytes: &[u8], hash: &Hash) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            if u64::try_from(inner.ledger.len()) != Ok(index) {
                inner.violated(format!(
                    "entry {index} written where {} comes next",
                    inner.ledger.len()
                ));
                return Err(broken(false, "ledger"));
            }
            inner.ledger.push((bytes.to_vec(), *hash));
            Ok(())
        };
        let answer = self.effect("append".into(), deed).await;
        if answer.is_err() {
            self.lock().ledger_failed = true;
        }
        answer
    }
}

impl Clock for Memory {
    fn now(&self) -> Timestamp {
        Timestamp(self.lock().now)
    }

    async fn sleep(&self, duration: Duration) {
        self.wait(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
            .await;
    }
}

impl Entropy for Memory {
    fn fill(&self, bytes: &mut [u8]) {
        let mut chance = Chance::new(self.lock().seed);
        bytes.fill_with(|| u8::try_from(chance.below(256)).unwrap_or(0));
    }
}

impl MachineFacts for Memory {
    async fn measure(&self) -> Answer<Machine> {
        Ok(Machine {
            architecture: Some(Architecture::Amd64),
            ram_mib: 1_500,
            disk_free_mib: 20_000,
            engine: true,
            ports_in_use: BTreeSet::new(),
            data_mib: BTreeMap::new(),
        })
    }
}

impl Probe for Memory {
    async fn ask(&self, address: IpAddr, _health: &HttpHealth, _host: &str) -> Answer<u16> {
        let deed = |inner: &mut Inner| {
            let now = inner.now;
            let found = inner
                .apps
                .values()
                .flat_map(|app| app.containers.values())
                .find(|c| c.address == address && c.run(now).is_running());
            match found {
                Some(container) if container.bad == "probe" => Ok(500),
                Some(_) => Ok(200),
                None => Err(broken(true, "probe")),
            }
        };
        self.effect(format!("ask {address}"), deed).await
    }
}

impl World for Memory {
    type Containers = Self;
    type AppFiles = Self;
    type LedgerStore = Self;
    type Clock = Self;
    type Entropy = Self;
    type MachineFacts = Self;
    type Probe = Self;

    fn containers(&self) -> &Self {
        self
    }
    fn app_files(&self) -> &Self {
        self
    }
    fn ledger_store(&self) -> &Self {
        self
    }
    fn clock(&self) -> &Self {
        self
    }
    fn entropy(&self) -> &Self {
        self
    }
    fn machine_facts(&self) -> &Self {
        self
    }
    fn probe(&self) -> &Self {
        self
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
