//! The loop that makes the world agree with the state: observe, plan, carry out. It takes no input but state and
//! world, so that after a crash it simply begins again.

mod bring_back;
mod carry_out;
mod faults;
pub mod manifest;
mod order;
pub mod save;
mod threshold;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lavoir_core::app::{App, Phase};
use lavoir_core::command::{Actor, Command, Report};
use lavoir_core::id::{AppId, Hostname, Revision};
use lavoir_core::limits;
use lavoir_core::observed::{Observed, ObservedApp};
use lavoir_core::plan::{Plan, needless_images, plan_app};
use lavoir_core::route::{Door, doors};
use lavoir_core::state::State;
use tokio::sync::{Semaphore, watch};
use tokio::task::{self, JoinSet};

use crate::claims::Claims;
use crate::engine::{Engine, No};
use crate::ports::{Answer, AppFiles as _, Clock as _, Containers as _, World};
use crate::progress::Progress;
use threshold::Threshold;

const IMAGE_KEPT: Duration = Duration::from_millis(limits::IMAGE_KEPT_MS);

/// The reconciler.
pub struct Reconciler<W: World> {
    engine: Arc<Engine<W>>,
    progress: Arc<Progress>,
    threshold: Arc<Threshold>,
    claims: Arc<Claims>,
    observed: watch::Sender<Arc<Observed>>,
    at_once: Arc<Semaphore>,
    /// Apps whose last plan failed, and when to try again.
    resting: BTreeMap<AppId, Rest>,
    /// Images that nothing needs, and since when.
    needless: BTreeMap<String, Duration>,
}

struct Rest {
    revision: Revision,
    failures: u32,
    until: Duration,
}

/// How a plan ended.
enum Ended {
    /// All steps done.
    Done,
    /// A later decision came.
    Overtaken,
    /// A step broke for good.
    Broke,
}

impl<W: World> Reconciler<W> {
    /// Over an engine; tells the doors to whoever watches them.
    pub fn new(engine: Arc<Engine<W>>, progress: Arc<Progress>) -> Self {
        Self {
            engine,
            progress,
            threshold: Arc::default(),
            claims: Arc::default(),
            observed: watch::channel(Arc::default()).0,
            at_once: Arc::new(Semaphore::new(limits::APPS_AT_ONCE_MAX)),
            resting: BTreeMap::new(),
            needless: BTreeMap::new(),
        }
    }

    /// Waits, before an app's containers are touched, until the gateway's visitors find its doors shut.
    #[must_use]
    pub fn with_gateway(mut self, open: watch::Receiver<BTreeSet<Hostname>>) -> Self {
        self.threshold = Arc::new(Threshold::of_gateway(open));
        self
    }

    /// Who saves apps holds these claims too.
    pub fn claims(&self) -> Arc<Claims> {
        self.claims.clone()
    }

    /// Told of each change of the doors; none are known before the first look at the world.
    pub fn watch_doors(&self) -> watch::Receiver<Option<Vec<Door>>> {
        self.threshold.watch()
    }

    /// Told of each look at the world.
    pub fn watch_observed(&self) -> watch::Receiver<Arc<Observed>> {
        self.observed.subscribe()
    }

    /// Runs until `stop` becomes true; then lets go of what is under way, which is safe at any moment.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut states = self.engine.watch();
        let mut at_work = BTreeMap::new();
        let mut workers: JoinSet<(AppId, Revision, Ended)> = JoinSet::new();
        loop {
            let state = states.borrow_and_update().clone();
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                looked = self.look_and_plan(&state, &mut at_work, &mut workers) => {
                    if let Err(fault) = looked {
                        tracing::warn!(%fault, "could not observe");
                        // Nobody has come in yet: better a page that says so than none.
                        if self.threshold.shown().is_none() {
                            self.threshold.show(&state, doors(&state, &Observed::default()));
                        }
                    }
                }
            }
            let every = Duration::from_millis(limits::RECONCILE_EVERY_MS);
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                changed = states.changed() => if changed.is_err() { return },
                Some(ended) = workers.join_next(), if !workers.is_empty() => match ended {
                    Ok((app, revision, ended)) => {
                        at_work.remove(&app);
                        self.note(app, revision, &ended);
                    }
                    // A panic in a worker is a broken invariant: it is in the log, and the app is tried again.
                    Err(error) => {
                        tracing::error!(%error, "a worker ended badly");
                        at_work.retain(|app, task| {
                            let ended = *task == error.id();
                            if ended {
                                self.threshold.let_go(app);
                            }
                            !ended
                        });
                    }
                },
                () = self.engine.world().clock().sleep(every) => {}
            }
        }
    }

    async fn look_and_plan(
        &mut self,
        state: &Arc<State>,
        at_work: &mut BTreeMap<AppId, task::Id>,
        workers: &mut JoinSet<(AppId, Revision, Ended)>,
    ) -> Answer<()> {
        let observed = Arc::new(self.look(state).await?);
        self.observed.send_replace(observed.clone());
        // What was decided meanwhile is planned after the next look, which knows of it.
        let newest = self.engine.state();
        self.threshold
            .show(&newest, closing(&newest, &doors(state, &observed)));
        let now = self.engine.world().clock().running();
        let nothing = ObservedApp::default();
        for app in state.apps().values() {
            let decided_anew = newest.apps().get(&app.id) != Some(app);
            if decided_anew || at_work.contains_key(&app.id) || self.rests(app, now) {
                continue;
            }
            let plan = plan_app(
                app,
                state.backups(),
                observed.apps.get(&app.id).unwrap_or(&nothing),
                &observed.images,
            );
            if plan.steps.is_empty() {
                continue;
            }
            // Who saves it lets go of it as soon as something else is decided.
            let Some(claim) = self.claims.claim(&app.id) else {
                continue;
            };
            let worker = Worker {
                engine: self.engine.clone(),
                progress: self.progress.clone(),
                app: app.clone(),
                threshold: self.threshold.clone(),
                at_once: self.at_once.clone(),
            };
            let task = workers.spawn(async move {
                let ended = worker.run(&plan).await;
                drop(claim);
                (plan.app, plan.revision, ended)
            });
            at_work.insert(app.id.clone(), task.id());
        }
        if at_work.is_empty() {
            self.sweep(&newest, &observed, now).await;
        }
        Ok(())
    }

    /// Images that nothing has needed for a while go. A decision overtakes it, as it may need them again.
    async fn sweep(&mut self, state: &State, observed: &Observed, now: Duration) {
        let needless = needless_images(state, &observed.made);
        self.needless.retain(|name, _| needless.contains(name));
        for name in &needless {
            self.needless.entry(name.clone()).or_insert(now);
        }
        let long = |since: &Duration| now.saturating_sub(*since) >= IMAGE_KEPT;
        let gone: BTreeSet<String> = self
            .needless
            .iter()
            .filter(|(_, since)| long(since))
            .map(|(name, _)| name.clone())
            .collect();
        let mut states = self.engine.watch();
        if gone.is_empty() || states.borrow_and_update().entries() != state.entries() {
            return;
        }
        // What could not be removed is tried again after as long.
        self.needless.retain(|name, _| !gone.contains(name));
        tokio::select! {
            biased;
            _ = states.changed() => {}
            swept = self.engine.world().containers().remove_images(&gone) => match swept {
                Ok(()) => tracing::info!(?gone, "images that nothing needs were removed"),
                Err(fault) => tracing::warn!(%fault, "old images could not be removed"),
            }
        }
    }

    /// A look at the world. It may take long: what is decided meanwhile closes doors at once, and opens none.
    async fn look(&self, state: &State) -> Answer<Observed> {
        let mut states = self.engine.watch();
        states.mark_changed();
        let mut look = std::pin::pin!(observe(&**self.engine.world(), state));
        loop {
            tokio::select! {
                biased;
                // The sender lives as long as the engine.
                _ = states.changed() => {
                    let newest = states.borrow_and_update().clone();
                    if let Some(shown) = self.threshold.shown() {
                        self.threshold.show(&newest, closing(&newest, &shown));
                    }
                }
                observed = &mut look => return observed,
            }
        }
    }

    fn rests(&self, app: &App, now: Duration) -> bool {
        self.resting
            .get(&app.id)
            .is_some_and(|rest| rest.revision == app.revision && now < rest.until)
    }

    fn note(&mut self, app: AppId, revision: Revision, ended: &Ended) {
        self.threshold.let_go(&app);
        if !self.engine.state().apps().contains_key(&app) {
            self.progress.forget(&app);
        }
        match ended {
            Ended::Done | Ended::Overtaken => {
                self.resting.remove(&app);
            }
            Ended::Broke => {
                let failures = self
                    .resting
                    .get(&app)
                    .filter(|rest| rest.revision == revision)
                    .map_or(0, |rest| rest.failures)
                    + 1;
                let pause = carry_out::pause_ms(failures + limits::STEP_TRIES_MAX);
                let until = self.engine.world().clock().running() + Duration::from_millis(pause);
                self.resting.insert(
                    app,
                    Rest {
                        revision,
                        failures,
                        until,
                    },
                );
            }
        }
    }
}

/// These doors, but closed where the state says so: an app that is open keeps those it has.
fn closing(state: &State, shown: &[Door]) -> Vec<Door> {
    let closed = doors(state, &Observed::default());
    let of_app = |app: &App| {
        let hosts = app.release.hosts();
        let source = if app.proven().is_some() {
            shown
        } else {
            &closed
        };
        let own = source.iter().filter(|door| hosts.contains(&&door.host));
        own.cloned().collect::<Vec<_>>()
    };
    state.apps().values().flat_map(of_app).collect()
}

/// One look at the world.
///
/// # Errors
/// When the engine or an app's folder does not answer.
pub async fn observe<W: World>(world: &W, state: &State) -> Answer<Observed> {
    let wanted = state
        .apps()
        .values()
        .flat_map(|app| {
            app.release
                .images()
                .into_iter()
                .map(|image| image.reference().to_owned())
        })
        .collect();
    let seen = world.containers().observe(&wanted).await?;
    let mut observed = Observed {
        apps: BTreeMap::new(),
        images: seen.images,
        made: seen.made,
    };
    for (id, app) in seen.apps {
        let there = observed.apps.entry(id).or_default();
        there.network = app.network;
        there.containers = app.containers;
        there.volumes = app.volumes;
    }
    for id in state.apps().keys() {
        let files = world.app_files().observe(id).await?;
        let there = observed.apps.entry(id.clone()).or_default();
        there.files = files.digest;
        there.hooks_done = files.hooks_done;
        there.loaded = files.loaded;
    }
    Ok(observed)
}

/// Carries out one app's plan.
struct Worker<W: World> {
    engine: Arc<Engine<W>>,
    progress: Arc<Progress>,
    app: App,
    threshold: Arc<Threshold>,
    at_once: Arc<Semaphore>,
}

impl<W: World> Worker<W> {
    async fn run(&self, plan: &Plan) -> Ended {
        let mut states = self.engine.watch();
        let overtaken = async {
            let later = |state: &Arc<State>| {
                state
                    .apps()
                    .get(&plan.app)
                    .is_none_or(|app| app.revision != plan.revision)
            };
            // The sender lives as long as the engine, which this worker holds.
            let _ = states.wait_for(later).await;
        };
        tokio::select! {
            // First asked: a plan made for an older decision does not even begin.
            biased;
            // Dropping a step half way is safe: the next plan begins where the world stands.
            () = overtaken => Ended::Overtaken,
            ended = self.carry_out_all(plan) => ended,
        }
    }

    async fn carry_out_all(&self, plan: &Plan) -> Ended {
        let Ok(_place) = self.at_once.acquire().await else {
            return Ended::Overtaken;
        };
        self.progress.begin(plan);
        for (index, step) in plan.steps.iter().enumerate() {
            if let Err(fault) = self.with_tries(index, step).await {
                tracing::warn!(app = %plan.app, step = step.kind(), %fault, "step failed");
                return self
                    .report_failure(plan, step.kind(), &fault.message.code)
                    .await;
            }
        }
        Ended::Done
    }

    async fn report_failure(&self, plan: &Plan, step: &str, code: &str) -> Ended {
        // Only what was being decided is entered: an app that was well and fell over is tried again and shown as such.
        if !matches!(self.app.phase, Phase::UnderWay(_)) {
            return Ended::Broke;
        }
        let report = Report::Failed {
            app: plan.app.clone(),
            revision: plan.revision,
            step: step.to_owned(),
            code: code.to_owned(),
        };
        match self
            .engine
            .submit(Actor::Box, Command::Report(report))
            .await
        {
            Ok(_) | Err(No::Refused(_)) => Ended::Overtaken,
            Err(No::Broke(fault)) => {
                tracing::error!(app = %plan.app, %fault, "the failure could not be entered");
                Ended::Broke
            }
        }
    }
}
