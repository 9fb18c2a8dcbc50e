//! How far rounds of backups have come: shown, never entered into the ledger.

use std::collections::BTreeMap;

use lavoir_core::backup::{RepositoryId, Subject};
use lavoir_core::id::Timestamp;
use lavoir_core::text::Message;
use serde::Serialize;
use tokio::sync::watch;

use crate::ports::{Damaged, Fault, Measure};

/// What is under way, by repository.
#[derive(Debug)]
pub struct UnderWay(watch::Sender<BTreeMap<RepositoryId, Now>>);

/// What is done in one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Now {
    /// What is being saved; nothing while it is tidied and checked.
    pub of: Option<Subject>,
    /// Since when; nothing when nothing is under way.
    pub since: Option<Timestamp>,
    /// How far it has come.
    pub measure: Option<Measure>,
    /// Why it waits.
    pub waits: Option<Message>,
    /// What went wrong the last time, by what was to be saved, in the words of the moment.
    #[serde(skip)]
    pub failed: BTreeMap<Subject, (Message, Vec<String>)>,
    /// Files of the repository that are damaged.
    pub damaged: Vec<String>,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self(watch::channel(BTreeMap::new()).0)
    }
}

impl UnderWay {
    /// In one repository.
    pub fn of(&self, id: &RepositoryId) -> Option<Now> {
        self.0.borrow().get(id).cloned()
    }

    /// Told of each change.
    pub fn watch(&self) -> watch::Receiver<BTreeMap<RepositoryId, Now>> {
        self.0.subscribe()
    }

    fn with(&self, id: &RepositoryId, change: impl FnOnce(&mut Now)) {
        self.0
            .send_modify(|all| change(all.entry(id.clone()).or_default()));
    }

    pub(super) fn begins(&self, id: &RepositoryId, of: Option<&Subject>, now: Timestamp) {
        self.with(id, |there| {
            there.of = of.cloned();
            there.since = Some(now);
            there.measure = None;
            there.waits = None;
            match of {
                Some(of) => drop(there.failed.remove(of)),
                None => there.damaged.clear(),
            }
        });
    }

    pub(super) fn measures(&self, id: &RepositoryId, measure: Measure) {
        self.with(id, |there| there.measure = Some(measure));
    }

    pub(super) fn waits(&self, id: &RepositoryId, fault: &Fault) {
        self.with(id, |there| there.waits = Some(fault.message.clone()));
    }

    pub(super) fn failed(&self, id: &RepositoryId, of: &Subject, fault: &Fault) {
        let told = (fault.message.clone(), fault.lines.clone());
        self.with(id, |there| drop(there.failed.insert(of.clone(), told)));
    }

    pub(super) fn damaged(&self, id: &RepositoryId, damaged: &Damaged) {
        self.with(id, |there| there.damaged.clone_from(&damaged.lines));
    }

    /// The round has ended; what went wrong in it stays to be read.
    pub(super) fn forget(&self, id: &RepositoryId) {
        self.with(id, |there| {
            there.of = None;
            there.since = None;
            there.measure = None;
            there.waits = None;
        });
    }
}
