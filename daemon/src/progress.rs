//! What is under way, step by step: fleeting, shown to whoever asks, never entered into the ledger.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use lavoir_core::id::{AppId, Revision, Timestamp};
use lavoir_core::limits;
use lavoir_core::plan::{Plan, Step};
use lavoir_core::text::{Message, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::ports::{Fault, Measure};

/// How far one app's plan has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppProgress {
    /// By which decision.
    pub revision: Revision,
    /// Its steps, done and to be done.
    pub steps: Vec<StepProgress>,
}

/// How far one step has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepProgress {
    /// Stable word for its kind.
    pub kind: String,
    /// In words.
    pub text: Text,
    /// Where it stands.
    pub standing: Standing,
    /// How much of it, where that can be told.
    pub measure: Option<Measure>,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What broke, the last time.
    pub fault: Option<Message>,
    /// The last lines of what broke.
    pub lines: Vec<String>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Not begun.
    Waiting,
    /// Begun.
    UnderWay,
    /// Broke, will be tried again.
    Again,
    /// Done.
    Done,
    /// Broke for good.
    Failed,
}

/// The progress of all apps.
pub struct Progress {
    apps: Mutex<BTreeMap<AppId, AppProgress>>,
    version: watch::Sender<u64>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            apps: Mutex::default(),
            version: watch::channel(0).0,
        }
    }
}

impl Progress {
    /// How far an app has come; none when nothing was ever under way since the daemon started.
    pub fn of(&self, app: &AppId) -> Option<AppProgress> {
        self.apps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(app)
            .cloned()
    }

    /// Told of each change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// A plan begins.
    pub fn begin(&self, plan: &Plan) {
        let steps = plan
            .steps
            .iter()
            .take(limits::PROGRESS_STEPS_MAX)
            .map(waiting)
            .collect();
        self.change(|apps| {
            apps.insert(
                plan.app.clone(),
                AppProgress {
                    revision: plan.revision,
                    steps,
                },
            );
        });
    }

    /// An app is gone.
    pub fn forget(&self, app: &AppId) {
        self.change(|apps| {
            apps.remove(app);
        });
    }

    /// A step begins.
    pub fn step_begins(&self, app: &AppId, index: usize, now: Timestamp) {
        self.step(app, index, |step| {
            step.standing = Standing::UnderWay;
            step.measure = None;
            step.began.get_or_insert(now);
        });
    }

    /// A step comes forward.
    pub fn step_measures(&self, app: &AppId, index: usize, measure: Measure) {
        self.step(app, index, |step| step.measure = Some(measure));
    }

    /// A step is done.
    pub fn step_done(&self, app: &AppId, index: usize, now: Timestamp) {
        self.step(app, index, |step| {
            step.standing = Standing::Done;
            step.ended = Some(now);
            step.fault = None;
            step.lines.clear();
        });
    }

    /// A step broke.
    pub fn step_broke(
        &self,
        app: &AppId,
        index: usize,
        now: Timestamp,
        fault: &Fault,
        again: bool,
    ) {
        self.step(app, index, |step| {
            step.standing = if again {
                Standing::Again
            } else {
                Standing::Failed
            };
            step.ended = Some(now);
            step.fault = Some(fault.message.clone());
            step.lines = fault.lines.clone();
        });
    }

    fn step(&self, app: &AppId, index: usize, change: impl FnOnce(&mut StepProgress)) {
        self.change(|apps| {
            if let Some(step) = apps
                .get_mut(app)
                .and_then(|progress| progress.steps.get_mut(index))
            {
                change(step);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<AppId, AppProgress>)) {
        change(&mut self.apps.lock().unwrap_or_else(PoisonError::into_inner));
        self.version.send_modify(|version| *version += 1);
    }
}

fn waiting(step: &Step) -> StepProgress {
    StepProgress {
        kind: step.kind().to_owned(),
        text: step.text(),
        standing: Standing::Waiting,
        measure: None,
        began: None,
        ended: None,
        fault: None,
        lines: Vec::new(),
    }
}
