//! An app: a recipe installed here.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::backup::Origin;
use crate::id::{AppId, PartId, Revision, Timestamp};
use crate::release::Release;

/// An app as decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Its short name.
    pub id: AppId,
    /// When it was first installed.
    pub installed_at: Timestamp,
    /// The entry that last decided something about it.
    pub revision: Revision,
    /// What it is to be.
    pub release: Box<Release>,
    /// Which generation of its volumes it uses: the revision that made them, above all numbers that a repair of the
    /// ledger has set aside. An update copies them to a new one, so that no number is ever used twice.
    pub generation: u64,
    /// Generations that may have been made by entries that a repair of the ledger set aside: nobody knows what they
    /// hold, so only a decided delete takes them away.
    pub lost: Vec<Range<u64>>,
    /// What it was before a change that is not proven yet; the way back.
    pub previous: Option<Box<Previous>>,
    /// Whether it should run, be stopped, be away.
    pub intent: Intent,
    /// How far the last decision has come.
    pub phase: Phase,
    /// It was well at least once, so its data are set up.
    pub set_up: bool,
    /// How often a restart was asked; part of every container's spec.
    pub restarts: u32,
    /// The snapshot that it is being restored from, until it was well with it.
    pub origin: Option<Origin>,
    /// The last thing that went wrong, until something goes well again.
    pub last_failure: Option<Failure>,
}

/// The way back from a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// What it was.
    pub release: Box<Release>,
    /// Which volumes it used; they are kept as they were.
    pub generation: u64,
}

/// Whether an app should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// Should run.
    Running,
    /// Should be stopped, ready to start.
    Stopped,
    /// Should be away, its data kept.
    Removed,
    /// Should be gone, its data too.
    Deleted,
}

/// How far the last decision has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The world is being made to agree.
    UnderWay(Doing),
    /// The world was seen to agree.
    Settled,
    /// It could not be made to agree; waits for a person.
    Failed,
}

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // each is the name of the act
pub enum Doing {
    Install,
    Update,
    Change,
    Start,
    Stop,
    Restart,
    Remove,
    Reinstall,
    Delete,
    Restore,
    /// Going back after an update or a change that did not come up.
    RollBack,
}

/// What went wrong, without a word that could be somebody's secret: the container's own words stay outside the
/// ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What was under way.
    pub doing: Doing,
    /// The step's kind: [`crate::plan::Step::kind`].
    pub step: alloc::string::String,
    /// Stable code of what broke.
    pub code: alloc::string::String,
    /// When it was reported.
    pub at: Timestamp,
}

impl App {
    /// The release and generation that are proven: visitors may be let in to its containers, and to no others. While
    /// an update is fetched and built, that is the release before it.
    pub fn proven(&self) -> Option<(&Release, u64)> {
        match (self.intent, self.phase, &self.previous) {
            (Intent::Running, Phase::Settled, _) => Some((&self.release, self.generation)),
            (
                Intent::Running,
                Phase::UnderWay(Doing::Update | Doing::Change | Doing::Restore),
                Some(previous),
            ) => Some((&previous.release, previous.generation)),
            _ => None,
        }
    }

    /// Whether the world was seen to agree and visitors are let in.
    pub fn is_open(&self) -> bool {
        self.intent == Intent::Running && self.phase == Phase::Settled
    }

    /// What it is to be, and what it would go back to.
    pub fn releases(&self) -> impl Iterator<Item = &Release> {
        let previous = self.previous.iter().map(|previous| &*previous.release);
        core::iter::once(&*self.release).chain(previous)
    }

    /// Secrets that its data know: those of the release that was last well. They are never made again.
    pub fn known_secrets(&self) -> BTreeSet<&PartId> {
        let release = match &self.previous {
            Some(previous) => &previous.release,
            None => &self.release,
        };
        let known = release.secrets.keys();
        let has_data = self.set_up || self.origin.is_some();
        known.filter(|_| has_data).collect()
    }

    /// What is under way, if anything is.
    pub fn doing(&self) -> Option<Doing> {
        match self.phase {
            Phase::UnderWay(doing) => Some(doing),
            Phase::Settled | Phase::Failed => None,
        }
    }
}
