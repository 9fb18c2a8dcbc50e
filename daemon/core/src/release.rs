//! A recipe resolved for one app: every choice is made, nothing secret is in it. It goes whole into the ledger, so
//! that what a box runs can be built again from the ledger alone.
//!
//! In its strings, a secret or a private answer stands as a placeholder, `${SECRET_DB_PASSWORD}` or
//! `${ANSWER_ADMIN_EMAIL}` (the Compose Specification's interpolation); a literal dollar is `$$`. The daemon fills
//! them in when it carries a step out.

mod whole;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::id::{Hostname, PartId, RecipeId};
use crate::recipe::{Alphabet, Architecture, DatabaseEngine, HookMoment, Keep, Protocol};
use crate::text::{Language, Text};

pub use whole::CAPABILITIES;

/// All that an app is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Which recipe.
    pub recipe: RecipeId,
    /// The recipe's version, such as `6.8.3-1`.
    pub recipe_version: String,
    /// SHA-256 of the recipe's folder as it was read, in hex.
    pub recipe_digest: String,
    /// No main version may be left out on the way to this one.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub one_at_a_time: bool,
    /// What people call it.
    pub name: Text,
    /// Memory it needs, MiB.
    pub ram_mib: u32,
    /// Disk it needs at first, MiB.
    pub disk_mib: u32,
    /// Machines it runs on.
    pub architectures: Vec<Architecture>,
    /// Its main address.
    pub host: Hostname,
    /// Its further addresses, by the recipe's name for them.
    pub extra_hosts: BTreeMap<PartId, Hostname>,
    /// What its texts and files know of the box; as it is at present where this was not kept yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surroundings: Option<Surroundings>,
    /// What the installer answered.
    pub answers: BTreeMap<PartId, Answer>,
    /// The containers, by service name.
    pub services: BTreeMap<PartId, Service>,
    /// Build contexts for images made on the box, by folder name.
    pub contexts: BTreeMap<String, BuildContext>,
    /// The volumes, by the recipe's name for them.
    pub volumes: BTreeMap<PartId, Volume>,
    /// Configuration files, as templates.
    pub files: BTreeMap<String, FileTemplate>,
    /// Secrets the box makes.
    pub secrets: BTreeMap<PartId, SecretShape>,
    /// Databases and how to dump them.
    pub databases: BTreeMap<PartId, Database>,
    /// Commands run in its life, in order.
    pub hooks: Vec<Hook>,
    /// What the gateway passes to which container.
    pub routes: Vec<Route>,
    /// Paths under `/.well-known/` on the main address.
    pub well_known: Vec<WellKnown>,
    /// How the daemon knows that it answers.
    pub health: Option<HttpHealth>,
    /// Ports opened on the machine itself.
    pub ports: Vec<PublishedPort>,
}

/// The box as it was configured when the release was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surroundings {
    /// Its first language.
    pub language: Language,
    /// `Europe/Paris`.
    pub timezone: String,
    /// Networks from which the gateway's requests come.
    pub proxies: Vec<String>,
}

/// An answer to a recipe's question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// May be read by anyone who reads the ledger.
    Public(String),
    /// Kept beside the ledger; here stands a salted commitment, `sha256(salt || question || 0 || value)` in hex.
    Private {
        /// The commitment.
        commitment: String,
    },
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its image.
    pub image: Image,
    /// Replaces the image's command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Replaces the image's entrypoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Environment; values may hold placeholders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// User inside, `33:33` or a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Working folder inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Volumes and files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Memory file systems: path, options as Docker writes them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tmpfs: BTreeMap<String, String>,
    /// Secrets as files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretMount>,
    /// What must be there before it starts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub depends_on: BTreeMap<PartId, Condition>,
    /// How Docker knows that it is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// Runs to its end once (`restart: "no"`) instead of staying.
    #[serde(default)]
    pub one_shot: bool,
    /// Root file system read-only.
    #[serde(default)]
    pub read_only: bool,
    /// A small init as PID 1.
    #[serde(default)]
    pub init: bool,
    /// Capabilities kept; all others are dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cap_add: Vec<String>,
    /// Memory limit, bytes; no swap beyond it.
    pub memory_bytes: u64,
    /// Processor limit, thousandths of a core.
    pub cpu_milli: u32,
    /// Processes at most.
    pub pids_max: u32,
    /// Shared memory, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shm_bytes: Option<u64>,
    /// How long it may take to stop, seconds.
    pub stop_grace_s: u32,
    /// Signal that asks it to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
}

/// Where a container's image comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Image {
    /// From a registry, by digest: `docker.io/library/postgres@sha256:…`.
    Pulled {
        /// The full reference.
        reference: String,
    },
    /// Made on the box.
    Built {
        /// Name and key, `lavoir/wordpress-app:0123456789abcdef`; the key is the context's digest.
        name: String,
        /// Which of [`Release::contexts`].
        context: String,
        /// File inside the context.
        containerfile: String,
        /// Stage to build.
        target: Option<String>,
        /// The day of the decision to make it: its packages are not older than that. Decisions of before this was
        /// kept have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        day: Option<Day>,
    },
}

impl Image {
    /// The name by which Docker knows it.
    pub fn reference(&self) -> &str {
        match self {
            Image::Pulled { reference } => reference,
            Image::Built { name, .. } => name,
        }
    }
}

/// The files an image is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildContext {
    /// Path inside the context → text and whether it is executable.
    pub files: BTreeMap<String, ContextFile>,
}

/// One file of a build context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextFile {
    /// UTF-8 text.
    pub text: String,
    /// Mode 0755 instead of 0644.
    #[serde(default)]
    pub executable: bool,
}

/// A volume or a file seen inside a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// Absolute path inside.
    pub path: String,
    /// Not writable inside.
    #[serde(default)]
    pub read_only: bool,
}

/// What a mount shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountSource {
    /// One of [`Release::volumes`].
    Volume(PartId),
    /// One of [`Release::files`].
    File(String),
}

/// A secret as a file inside a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretMount {
    /// One of [`Release::secrets`].
    pub secret: PartId,
    /// Path inside, `/run/secrets/<id>` by default.
    pub path: String,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits, at most 0o440.
    pub mode: u32,
}

/// When a dependency counts as there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It runs.
    ServiceStarted,
    /// Its health check is green.
    ServiceHealthy,
    /// It ran to its end with exit code 0.
    ServiceCompletedSuccessfully,
}

/// Docker's health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Healthcheck {
    /// `["CMD", …]` or `["CMD-SHELL", "…"]`.
    pub test: Vec<String>,
    /// Between two checks, ms.
    pub interval_ms: u64,
    /// For one check, ms.
    pub timeout_ms: u64,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
    /// Failures before this do not count, ms.
    pub start_period_ms: u64,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Data, database or cache.
    pub keep: Keep,
}

/// A configuration file as template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTemplate {
    /// The template's text.
    pub template: String,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// How a secret is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretShape {
    /// Of which signs.
    pub alphabet: Alphabet,
    /// How many.
    pub length: u32,
    /// People need it to sign in, under this name; the others are never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readable_as: Option<Text>,
}

/// A database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Which kind.
    pub engine: DatabaseEngine,
    /// In which service it runs.
    pub service: PartId,
    /// Writes a dump on standard output.
    pub dump: Vec<String>,
    /// Reads a dump on standard input.
    pub restore: Vec<String>,
}

/// A command run inside a container at one moment of the app's life. Safe to repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// When.
    pub when: HookMoment,
    /// Where.
    pub service: PartId,
    /// What.
    pub command: Vec<String>,
    /// As whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// At most, seconds.
    pub timeout_s: u32,
}

/// What the gateway passes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// On which address.
    pub host: Hostname,
    /// Path prefix, `/` for all.
    pub path: String,
    /// To which service.
    pub service: PartId,
    /// On which port inside.
    pub port: u16,
    /// Largest body, MiB.
    pub body_max_mib: u32,
}

/// A path under `/.well-known/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WellKnown {
    /// The whole path.
    pub path: String,
    /// What answers.
    pub answer: WellKnownAnswer,
}

/// What answers a well-known path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum WellKnownAnswer {
    /// A redirect (301) to a path on the same address.
    Redirect(String),
    /// A container.
    Service {
        /// Which.
        service: PartId,
        /// Port inside.
        port: u16,
    },
}

/// An HTTP question asked by the daemon, straight to the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpHealth {
    /// To which service.
    pub service: PartId,
    /// On which port inside.
    pub port: u16,
    /// Path and query.
    pub path: String,
    /// Good answers.
    pub status: Vec<u16>,
    /// How long it may take to come, seconds.
    pub start_s: u32,
}

/// A port opened on the machine itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedPort {
    /// Which service.
    pub service: PartId,
    /// On the machine and inside alike.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

impl Release {
    /// The distinct images, in a steady order.
    pub fn images(&self) -> Vec<&Image> {
        let mut images: Vec<&Image> = self.services.values().map(|s| &s.image).collect();
        images.sort();
        images.dedup();
        images
    }

    /// The earliest day of the images made on the box; none when there are none, or one of them has no day.
    pub fn made_on(&self) -> Option<&Day> {
        let days = self.images().into_iter().filter_map(|image| match image {
            Image::Built { day, .. } => Some(day.as_ref()),
            Image::Pulled { .. } => None,
        });
        days.min().flatten()
    }

    /// Services in the order in which they start: each after all it depends on. Dependencies of a release are
    /// free of circles (`recipe::soundness` refuses them); should one be there, its services come last, by name.
    pub fn start_order(&self) -> Vec<&PartId> {
        let mut order: Vec<&PartId> = Vec::with_capacity(self.services.len());
        while order.len() < self.services.len() {
            let next = self.services.iter().find(|(id, service)| {
                !order.contains(id)
                    && service
                        .depends_on
                        .keys()
                        .all(|d| order.contains(&d) || !self.services.contains_key(d))
            });
            match next {
                Some((id, _)) => order.push(id),
                None => {
                    let rest: Vec<&PartId> = self
                        .services
                        .keys()
                        .filter(|id| !order.contains(id))
                        .collect();
                    order.extend(rest);
                }
            }
        }
        order
    }

    /// Every address of the app, the main one first.
    pub fn hosts(&self) -> Vec<&Hostname> {
        core::iter::once(&self.host)
            .chain(self.extra_hosts.values())
            .collect()
    }

    /// Memory in words, for messages.
    pub fn ram_text(&self) -> String {
        self.ram_mib.to_string()
    }
}
