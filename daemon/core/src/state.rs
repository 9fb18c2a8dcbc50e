//! The state: a fold over the events of the ledger.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use serde::Serialize;

use crate::account::Accounts;
use crate::app::{App, Doing, Failure, Intent, Phase, Previous};
use crate::backup::{Backups, Origin};
use crate::event::Event;
use crate::id::{AppId, Hostname, Revision, Timestamp};
use crate::release::Release;

/// All that was decided, as it stands now. Its fields are read-only outside this module (law L4).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct State {
    identity: Option<BoxIdentity>,
    apps: BTreeMap<AppId, App>,
    accounts: Accounts,
    backups: Backups,
    /// Generations that entries set aside by repairs may have made.
    lost: Vec<Range<u64>>,
    entries: u64,
    last_time: Timestamp,
}

/// The box's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BoxIdentity {
    /// A random name that its Docker labels carry.
    pub box_id: String,
    /// The domain under which its addresses stand.
    pub domain: Hostname,
}

impl State {
    /// The box's name, once it is prepared.
    pub fn identity(&self) -> Option<&BoxIdentity> {
        self.identity.as_ref()
    }

    /// All apps, removed ones too.
    pub fn apps(&self) -> &BTreeMap<AppId, App> {
        &self.apps
    }

    /// Who may act besides root.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Where backups go, and what was saved.
    pub fn backups(&self) -> &Backups {
        &self.backups
    }

    /// How many entries were applied.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// When the last one was written.
    pub fn last_time(&self) -> Timestamp {
        self.last_time
    }

    /// Applies the events of the entry `index`, written at `time`. It cannot fail: an event that does not fit the
    /// state (which `decide` never makes) changes nothing.
    pub fn apply(&mut self, index: u64, time: Timestamp, events: &[Event]) {
        for event in events {
            self.apply_event(Revision(index), time, event);
        }
        self.entries = index.saturating_add(1);
        self.last_time = time;
    }

    fn apply_event(&mut self, revision: Revision, time: Timestamp, event: &Event) {
        if let Event::BoxPrepared { box_id, domain } = event {
            self.identity = Some(BoxIdentity {
                box_id: box_id.clone(),
                domain: domain.clone(),
            });
            return;
        }
        let generation = self.lost.last().map_or(0, |lost| lost.end);
        let generation = generation.saturating_add(revision.0);
        if let Event::InstallDecided { app, release } = event {
            let mut new = installed(app.clone(), release.clone(), revision, time);
            new.generation = generation;
            new.lost.clone_from(&self.lost);
            self.apps.insert(app.clone(), new);
            return;
        }
        if let Event::RestoreDecided {
            app,
            release,
            installed_at,
            repository,
            snapshot,
        } = event
        {
            let origin = Origin {
                repository: repository.clone(),
                snapshot: snapshot.clone(),
            };
            let there = self.apps.remove(app).unwrap_or_else(|| {
                let mut new = installed(app.clone(), release.clone(), revision, *installed_at);
                new.lost.clone_from(&self.lost);
                new
            });
            let restored = restored(there, release, revision, generation, origin);
            self.apps.insert(app.clone(), restored);
            return;
        }
        if let Event::LedgerRepaired {
            kept, numbers_from, ..
        } = event
        {
            // What was numbered from `kept` on, by entries that were set aside, is nobody's.
            let before = self.lost.last().map_or(0, |lost| lost.end);
            let from = before.saturating_add(*kept);
            let lost = from..before.saturating_add(*numbers_from).max(from);
            for app in self.apps.values_mut() {
                app.lost.push(lost.clone());
            }
            self.lost.push(lost);
        }
        let Some(id) = event.app() else {
            self.accounts.apply(time, event);
            self.backups.apply(revision, time, event);
            return;
        };
        let Some(app) = self.apps.get_mut(id) else {
            return;
        };
        if matches!(
            event,
            Event::StopDecided { .. } | Event::RemoveDecided { .. } | Event::DeleteDecided { .. }
        ) {
            self.backups.leave_out(id);
        }
        match event {
            Event::BoxPrepared { .. }
            | Event::InstallDecided { .. }
            | Event::RestoreDecided { .. } => {}
            Event::UpdateDecided { release, .. } => {
                replace(app, release, revision, Doing::Update, Some(generation));
            }
            Event::ChangeDecided { release, .. } => {
                replace(app, release, revision, Doing::Change, None);
            }
            Event::StartDecided { .. } => begin(app, revision, Intent::Running, Doing::Start),
            Event::StopDecided { .. } => begin(app, revision, Intent::Stopped, Doing::Stop),
            Event::RestartDecided { .. } => {
                app.restarts = app.restarts.wrapping_add(1);
                begin(app, revision, Intent::Running, Doing::Restart);
            }
            Event::RemoveDecided { .. } => begin(app, revision, Intent::Removed, Doing::Remove),
            Event::ReinstallDecided { .. } => {
                begin(app, revision, Intent::Running, Doing::Reinstall)
            }
            Event::DeleteDecided { .. } => {
                // What is to be gone has no way back: a delete that fails must not turn into a roll back.
                app.previous = None;
                begin(app, revision, Intent::Deleted, Doing::Delete);
            }
            Event::Settled {
                app: id,
                revision: reported,
            } if *reported == app.revision => {
                if app.intent == Intent::Deleted {
                    let id = id.clone();
                    self.apps.remove(&id);
                } else {
                    settle(app);
                }
            }
            Event::Failed {
                revision: reported,
                step,
                code,
                ..
            } if *reported == app.revision => {
                fail(app, revision, time, step, code);
            }
            Event::Settled { .. } | Event::Failed { .. } | Event::SecretRead { .. } => {}
            // About no app: applied above.
            Event::AccountOpened { .. }
            | Event::PasswordReset { .. }
            | Event::PasswordChanged { .. }
            | Event::SetupCodeMade {}
            | Event::TokenMade { .. }
            | Event::TokenRevoked { .. }
            | Event::LedgerRepaired { .. }
            | Event::RepositoryAdded { .. }
            | Event::RepositoryChanged { .. }
            | Event::RepositoryRemoved { .. }
            | Event::RepositoryKeyRead { .. }
            | Event::BackupDecided { .. }
            | Event::BackupCancelled { .. }
            | Event::SnapshotTaken { .. }
            | Event::SnapshotFailed { .. }
            | Event::RepositoryTidied { .. } => {}
        }
    }
}

fn installed(id: AppId, release: Box<Release>, revision: Revision, time: Timestamp) -> App {
    App {
        id,
        installed_at: time,
        revision,
        release,
        generation: revision.0,
        lost: Vec::new(),
        previous: None,
        intent: Intent::Running,
        phase: Phase::UnderWay(Doing::Install),
        set_up: false,
        restarts: 0,
        origin: None,
        last_failure: None,
    }
}

fn begin(app: &mut App, revision: Revision, intent: Intent, doing: Doing) {
    app.revision = revision;
    app.intent = intent;
    app.phase = Phase::UnderWay(doing);
}

/// An update has a generation of its own, a change has not.
fn replace(
    app: &mut App,
    release: &Release,
    revision: Revision,
    doing: Doing,
    generation: Option<u64>,
) {
    let old = core::mem::replace(&mut *app.release, release.clone());
    // An app that was never well has no way back worth keeping.
    if app.set_up {
        app.previous = Some(Box::new(Previous {
            release: Box::new(old),
            generation: app.generation,
        }));
        app.generation = generation.unwrap_or(app.generation);
    }
    begin(app, revision, Intent::Running, doing);
}

/// Again what it was in a snapshot: in volumes of their own, with what it has now as the way back.
fn restored(
    mut app: App,
    release: &Release,
    revision: Revision,
    generation: u64,
    origin: Origin,
) -> App {
    replace(
        &mut app,
        release,
        revision,
        Doing::Restore,
        Some(generation),
    );
    app.generation = generation;
    app.origin = Some(origin);
    app
}

fn settle(app: &mut App) {
    if app.intent == Intent::Running {
        app.set_up = true;
        app.previous = None;
        app.origin = None;
    }
    // What went wrong stays to be read after a return to the old release: that is what the person asks about.
    if app.doing() != Some(Doing::RollBack) {
        app.last_failure = None;
    }
    app.phase = Phase::Settled;
}

fn fail(app: &mut App, revision: Revision, time: Timestamp, step: &str, code: &str) {
    let doing = app.doing().unwrap_or(Doing::Start);
    app.last_failure = Some(Failure {
        doing,
        step: step.into(),
        code: code.into(),
        at: time,
    });
    app.revision = revision;
    app.phase = match app.previous.take() {
        Some(previous) => {
            app.release = previous.release;
            app.generation = previous.generation;
            app.origin = None;
            Phase::UnderWay(Doing::RollBack)
        }
        None => Phase::Failed,
    };
}
