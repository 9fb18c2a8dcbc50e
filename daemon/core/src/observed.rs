//! What is: a look at Docker and at the app's folder, taken by the daemon just before a plan is made. Only what
//! carries this box's label is ever in it (law L13).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::id::{AppId, PartId, Revision};

/// Everything the box has made, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Observed {
    /// What belongs to each app, also to apps that no ledger entry knows any more.
    pub apps: BTreeMap<AppId, ObservedApp>,
    /// References of images that are on the machine.
    pub images: BTreeSet<String>,
    /// Names of all images that this box made for apps.
    pub made: BTreeSet<String>,
}

/// What is there of one app.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ObservedApp {
    /// Its network is there.
    pub network: bool,
    /// Its containers, by service.
    pub containers: BTreeMap<PartId, ObservedContainer>,
    /// Its volumes, by Docker name; whether they are complete (a copy cut half way is not).
    pub volumes: BTreeMap<String, VolumeState>,
    /// Digest of the files and secrets as last written out, see [`crate::plan::files_digest`].
    pub files: Option<String>,
    /// Hooks done: revision and place in the release's list.
    pub hooks_done: BTreeSet<(Revision, u32)>,
    /// Dumps loaded: revision and database.
    pub loaded: BTreeSet<(Revision, PartId)>,
}

/// A volume as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum VolumeState {
    /// May be used.
    Complete,
    /// A copy that did not come to its end.
    HalfCopied,
}

/// A container as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedContainer {
    /// The `org.lavoir.spec` label: what it was made from.
    pub spec: String,
    /// What it does.
    pub run: Run,
    /// Its address on the app's network.
    pub address: Option<core::net::IpAddr>,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Run {
    /// Made, never started.
    Created,
    /// Runs; it has a health check, not green yet.
    Starting,
    /// Runs; its health check is green, or it has none.
    Healthy,
    /// Runs; its health check is red.
    Unhealthy,
    /// Ended, with its exit code.
    Exited(i64),
}

impl Run {
    /// Whether there is a process.
    pub fn is_running(self) -> bool {
        matches!(self, Run::Starting | Run::Healthy | Run::Unhealthy)
    }
}
