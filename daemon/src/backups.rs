//! Rounds of backups: asks for them when they are due, and carries them out, one app after the other in each
//! repository. Like the reconciler it takes no input but state and world: after a crash the round goes on.

pub mod cards;
pub mod desk;
pub mod under_way;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lavoir_core::app::App;
use lavoir_core::backup::{RepositoryId, Round, Subject, can_be_saved};
use lavoir_core::command::{Action, Actor, Command, Report};
use lavoir_core::id::{Revision, Timestamp};
use lavoir_core::limits;
use lavoir_core::state::State;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::claims::Claims;
use crate::engine::{Engine, No};
use crate::ports::{
    Answer, Clock as _, Fault, Measure, Opener, Part, Repositories as _, Taken, World,
};
use crate::reconcile::save::{host, opener, report, save_app, save_box};
use under_way::UnderWay;

/// Local time less UTC at a moment, seconds.
pub type OffsetAt = Arc<dyn Fn(Timestamp) -> i64 + Send + Sync>;

/// A repository that does not answer, an app that is busy: looked at again after so long.
const AGAIN: Duration = Duration::from_secs(10);
/// A part of the data so large is read at each check: within a month of nights all of it.
const CHECK_PARTS: u32 = 30;

/// See the module.
pub struct Backups<W: World> {
    engine: Arc<Engine<W>>,
    claims: Arc<Claims>,
    under_way: Arc<UnderWay>,
    offset_at: OffsetAt,
    /// Whose turn it is to save the box itself.
    own: Arc<tokio::sync::Mutex<()>>,
}

impl<W: World> Clone for Backups<W> {
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            claims: self.claims.clone(),
            under_way: self.under_way.clone(),
            offset_at: self.offset_at.clone(),
            own: self.own.clone(),
        }
    }
}

impl<W: World> Backups<W> {
    /// Over an engine; whoever changes an app holds the same claims.
    pub fn new(
        engine: Arc<Engine<W>>,
        claims: Arc<Claims>,
        under_way: Arc<UnderWay>,
        offset_at: OffsetAt,
    ) -> Self {
        Self {
            engine,
            claims,
            under_way,
            offset_at,
            own: Arc::default(),
        }
    }

    /// Runs until `stop` becomes true; then lets go of what is under way, which is safe at any moment.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut states = self.engine.watch();
        let mut at_work: BTreeSet<RepositoryId> = BTreeSet::new();
        let mut rounds: JoinSet<RepositoryId> = JoinSet::new();
        loop {
            let state = states.borrow_and_update().clone();
            self.ask_for_due(&state).await;
            for (id, repository) in state.backups().repositories() {
                let Some(round) = &repository.round else {
                    continue;
                };
                if at_work.insert(id.clone()) {
                    let (this, id, revision) = (self.clone(), id.clone(), round.revision);
                    rounds.spawn(async move {
                        this.round(&id, revision).await;
                        this.under_way.forget(&id);
                        id
                    });
                }
            }
            let every = Duration::from_millis(limits::BACKUPS_EVERY_MS);
            tokio::select! {
                biased;
                // What it answers holds a lock, which must not stand while the others are waited for.
                () = async { drop(stop.wait_for(|stop| *stop).await) } => return,
                changed = states.changed() => if changed.is_err() { return },
                Some(ended) = rounds.join_next(), if !rounds.is_empty() => match ended {
                    Ok(id) => { at_work.remove(&id); }
                    Err(error) => {
                        tracing::error!(%error, "a round of backups ended badly");
                        // Which one is not known: those that still run find their round taken, and wait.
                        rounds.abort_all();
                        while rounds.join_next().await.is_some() {}
                        at_work.clear();
                    }
                },
                () = self.engine.world().clock().sleep(every) => {}
            }
        }
    }

    /// The clock asks like anyone.
    async fn ask_for_due(&self, state: &State) {
        let now = self.engine.world().clock().now();
        for (id, repository) in state.backups().repositories() {
            let offset = (self.offset_at)(now);
            let due = repository.next_round(offset, jitter(state, id)) <= now;
            if repository.round.is_some() || !due {
                continue;
            }
            let action = Action::BackUp {
                repository: id.clone(),
                of: None,
            };
            match self.engine.submit(Actor::Clock, Command::Act(action)).await {
                Ok(_) | Err(No::Refused(_)) => {}
                Err(No::Broke(fault)) => tracing::warn!(%fault, "a due backup could not be asked"),
            }
        }
    }

    /// Carries a round out until nothing of it is left, or it was cancelled.
    async fn round(&self, id: &RepositoryId, revision: Revision) {
        let mut states = self.engine.watch();
        let same = |state: &State| round_of(state, id, revision).is_some();
        loop {
            let state = states.borrow_and_update().clone();
            let Some(round) = round_of(&state, id, revision).cloned() else {
                return;
            };
            let gone = async {
                // The sender lives as long as the engine.
                let _ = states.wait_for(|state| !same(state)).await;
            };
            let worked = tokio::select! {
                biased;
                () = gone => return,
                worked = self.work(&state, id, &round) => worked,
            };
            if let Err(fault) = worked {
                tracing::warn!(repository = %id, %fault, "backups wait");
                self.under_way.waits(id, &fault);
                tokio::select! {
                    () = self.engine.world().clock().sleep(AGAIN) => {}
                    () = async { drop(states.wait_for(|state| !same(state)).await) } => return,
                }
            }
        }
    }

    /// The next thing of a round. A fault says that it cannot go on just now.
    async fn work(&self, state: &State, id: &RepositoryId, round: &Round) -> Answer<()> {
        let world = self.engine.world();
        let at = opener(&**world, state, id).await?;
        world.repositories().look(&at).await?;
        let on_measure = |measure: Measure| self.under_way.measures(id, measure);
        let now = || world.clock().now();
        // Those that somebody is at have their turn later.
        let mut busy = false;
        for subject in &round.left {
            let Subject::App(app_id) = subject else {
                continue;
            };
            let app = state.apps().get(app_id);
            let Some(app) = app.filter(|app| can_be_saved(app)) else {
                if app.is_some_and(|app| app.doing().is_some()) {
                    busy = true;
                    continue;
                }
                let fault = super::reconcile::save::not_well(app_id);
                return self.tell(id, subject, Err(fault)).await;
            };
            let Some(claim) = self.claims.claim(app_id) else {
                busy = true;
                continue;
            };
            self.under_way.begins(id, Some(subject), now());
            let mut states = self.engine.watch();
            let decided_anew = async {
                let other = |state: &Arc<State>| {
                    let now = state.apps().get(app_id);
                    now.is_none_or(|now| now.revision != app.revision)
                };
                let _ = states.wait_for(other).await;
            };
            let is = (&*app.release, app.generation);
            let saved = tokio::select! {
                biased;
                // What people decide comes first; the app has its turn again in this round.
                () = decided_anew => return Ok(()),
                saved = save_app(world, state, app, is, &at, Some(claim), &on_measure) => saved,
            };
            return self.tell(id, subject, saved).await;
        }
        if busy {
            world.clock().sleep(AGAIN).await;
            return Ok(());
        }
        if round.left.contains(&Subject::Box) {
            self.under_way.begins(id, Some(&Subject::Box), now());
            // Its copy has one place: in several repositories, one after the other.
            let _alone = self.own.lock().await;
            let saved = save_box(world, state, &at, &on_measure).await;
            let saved = saved.map(|taken| (taken, 0));
            return self.tell(id, &Subject::Box, saved).await;
        }
        let from_here = |app: &App| {
            let origin = app.origin.as_ref();
            app.doing().is_some() && origin.is_some_and(|origin| origin.repository == *id)
        };
        // What is being restored is read from here in several steps: nothing is forgotten meanwhile.
        if state.apps().values().any(from_here) {
            world.clock().sleep(AGAIN).await;
            return Ok(());
        }
        self.under_way.begins(id, None, now());
        self.tidy(state, id, round, &at).await
    }

    async fn tell(
        &self,
        id: &RepositoryId,
        subject: &Subject,
        saved: Answer<(Taken, u64)>,
    ) -> Answer<()> {
        let report = match saved {
            Ok((taken, held_ms)) => report(id, subject.clone(), taken, held_ms),
            Err(fault) => {
                tracing::warn!(repository = %id, of = %subject, %fault, lines = ?fault.lines, "not saved");
                self.under_way.failed(id, subject, &fault);
                Command::Report(Report::NotSaved {
                    repository: id.clone(),
                    of: subject.clone(),
                    code: fault.message.code,
                })
            }
        };
        self.submit(report).await
    }

    async fn tidy(
        &self,
        state: &State,
        id: &RepositoryId,
        round: &Round,
        at: &Opener,
    ) -> Answer<()> {
        let world = self.engine.world();
        let Some(repository) = state.backups().repositories().get(id) else {
            return Ok(());
        };
        let on_measure = |measure: Measure| self.under_way.measures(id, measure);
        let repositories = world.repositories();
        let done = async {
            let tidied = repositories
                .tidy(at, &host(state), &repository.keep, &on_measure)
                .await?;
            let day = world.clock().now().0 / limits::DAY_MS;
            let turn = u32::try_from(day % u64::from(CHECK_PARTS)).unwrap_or_default();
            let part = Part::OneOf(turn, CHECK_PARTS);
            let damaged = repositories.check(at, part, &on_measure).await?;
            Ok::<_, Fault>((tidied, damaged))
        };
        let (tidied, code) = match done.await {
            Ok((tidied, None)) => (tidied, None),
            Ok((tidied, Some(damaged))) => {
                tracing::error!(repository = %id, lines = ?damaged.lines, "the repository is damaged");
                self.under_way.damaged(id, &damaged);
                (tidied, Some("repository-damaged".to_owned()))
            }
            Err(fault) => {
                tracing::warn!(repository = %id, %fault, "not tidied");
                (Default::default(), Some(fault.message.code))
            }
        };
        let report = Report::Tidied {
            repository: id.clone(),
            revision: round.revision,
            forgotten: tidied.forgotten,
            freed: tidied.freed,
            code,
        };
        self.submit(Command::Report(report)).await
    }

    async fn submit(&self, command: Command) -> Answer<()> {
        match self.engine.submit(Actor::Box, command).await {
            // A refusal says that the round, or the repository, is gone.
            Ok(_) | Err(No::Refused(_)) => Ok(()),
            Err(No::Broke(fault)) => Err(*fault),
        }
    }
}

fn round_of<'a>(state: &'a State, id: &RepositoryId, revision: Revision) -> Option<&'a Round> {
    let round = state.backups().repositories().get(id)?.round.as_ref();
    round.filter(|round| round.revision == revision)
}

/// The same each night for one box and repository, and another for the next box.
fn jitter(state: &State, id: &RepositoryId) -> u64 {
    let name = format!("{} {id}", host(state));
    let hash = lavoir_core::ledger::leaf_hash(name.as_bytes());
    hash.iter().take(8).fold(0, |n, b| n << 8 | u64::from(*b))
}
