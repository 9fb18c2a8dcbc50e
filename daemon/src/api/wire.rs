//! What the API says, version 1. A field is never renamed or given another meaning, only added.

use std::collections::BTreeMap;

use lavoir_core::app::{Doing, Intent};
use lavoir_core::backup::Concern;
use lavoir_core::id::{AppId, Hostname, PartId, RecipeId, Revision, Timestamp, TokenId};
use lavoir_core::ledger::Hash;
use lavoir_core::observed::{Run, VolumeState};
use lavoir_core::recipe::{Question, Upstream};
use lavoir_core::standing::Sign;
use lavoir_core::text::{Message, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::door::Count;
pub use crate::orders::{CertificateCard, Health as CertificateHealth};
use crate::progress::StepProgress;

/// `GET /v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Of Lavoir.
    pub version: String,
    /// The box, once it has its name.
    #[serde(rename = "box")]
    pub identity: Option<BoxCard>,
    /// Before its founding, the installer acts alone.
    pub in_preparation: bool,
    /// Whether Docker answers.
    pub engine: bool,
    /// Why the box's clock cannot be right, when it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Message>,
    /// The ledger.
    pub ledger: LedgerRoot,
    /// All apps.
    pub apps: Vec<AppCard>,
    /// What needs somebody about backups, the gravest first.
    #[serde(default)]
    pub backups: Vec<BackupConcern>,
    /// How each address's TLS certificate stands.
    #[serde(default)]
    pub certificates: Vec<CertificateCard>,
}

/// Something about backups that needs somebody.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BackupConcern {
    /// What it is.
    #[serde(flatten)]
    pub concern: Concern,
    /// In words.
    pub sentence: Text,
}

/// The box's name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct BoxCard {
    /// Its random name.
    pub id: String,
    /// Its domain, also the panel's address.
    pub domain: Hostname,
}

/// `GET /v1/ledger/root`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerRoot {
    /// Entries.
    pub size: u64,
    /// Merkle root over them, hex.
    pub root: String,
}

/// An app in one line.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AppCard {
    /// Its short name.
    pub app: AppId,
    /// What people call it.
    pub name: Text,
    /// Its recipe.
    pub recipe: RecipeId,
    /// The recipe's version.
    pub version: String,
    /// Its main address.
    pub host: Hostname,
    /// The same, as a link.
    pub url: String,
    /// Whether it should run.
    pub intent: Intent,
    /// What is under way.
    pub doing: Option<Doing>,
    /// How it stands, as a sign.
    pub sign: Sign,
    /// And in words.
    pub state: Text,
    /// What its containers do at this moment.
    pub health: Health,
    /// By which decision.
    pub revision: Revision,
}

/// What an app's containers do at this moment: seen, never entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// None is there, or none was looked at yet.
    Unseen,
    /// All that should run, run well.
    Well,
    /// Some are not well yet.
    Starting,
    /// Some are not well, or not there.
    Unwell,
}

/// `GET /v1/apps/{app}`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AppDetail {
    /// In one line.
    #[serde(flatten)]
    pub card: AppCard,
    /// When it was first installed.
    pub installed_at: Timestamp,
    /// Further addresses.
    pub extra_hosts: BTreeMap<PartId, Hostname>,
    /// Public answers; none where the answer is private.
    pub answers: BTreeMap<PartId, Option<String>>,
    /// Secrets that people need to sign in, by what they are for.
    #[serde(default)]
    pub secrets: BTreeMap<PartId, Text>,
    /// Memory set aside for it, MiB.
    pub ram_mib: u32,
    /// Containers, intended and observed.
    pub containers: BTreeMap<PartId, ContainerCard>,
    /// Volumes observed, by Docker name.
    pub volumes: BTreeMap<String, VolumeState>,
    /// What was asked of it since the daemon began: numbers, and nothing about anybody.
    #[serde(default)]
    pub visits: Count,
    /// The last thing that went wrong.
    pub failure: Option<FailureCard>,
}

/// A container.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ContainerCard {
    /// Its image.
    pub image: String,
    /// Runs to its end once.
    pub one_shot: bool,
    /// What it does, at the last look; none when it was not there.
    pub run: Option<Run>,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureCard {
    /// What was under way.
    pub doing: Doing,
    /// The step's kind.
    pub step: String,
    /// Stable code.
    pub code: String,
    /// When.
    pub at: Timestamp,
    /// In words, from the ledger.
    pub sentence: Text,
    /// In the step's own words, while the daemon still remembers them.
    pub message: Option<Message>,
    /// The last lines of what broke, likewise.
    pub lines: Vec<String>,
}

/// `POST /v1/acts`: what was decided.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// About which app.
    pub app: AppId,
    /// By which decision: the one to wait for.
    pub revision: Revision,
    /// Its main address.
    pub host: Hostname,
    /// The same, as a link.
    pub url: String,
}

/// One line of `GET /v1/apps/{app}/progress`: the whole picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Picture {
    /// Of which app.
    pub app: AppId,
    /// What is under way, by the latest decision.
    pub doing: Option<Doing>,
    /// The steps, once there is a plan.
    pub steps: Vec<StepProgress>,
    /// How it ended, on the last line.
    pub outcome: Option<Outcome>,
}

/// How a decision ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The world agrees.
    Settled,
    /// It could not be carried out.
    Failed {
        /// Why.
        failure: Box<FailureCard>,
    },
    /// It could not be carried out; the app is back where it was, and well.
    WentBack {
        /// Why.
        failure: Box<FailureCard>,
    },
    /// A later decision came.
    Overtaken,
}

/// `GET /v1/apps/{app}/logs`, one for each container.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ContainerLines {
    /// Which.
    pub service: PartId,
    /// Its last lines, as it wrote them: to be escaped before they are shown.
    pub lines: Vec<String>,
    /// Why there are none.
    pub trouble: Option<Message>,
}

/// `GET /v1/ledger`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct LedgerPage {
    /// Entries in all.
    pub size: u64,
    /// Those asked for.
    pub entries: Vec<LedgerLine>,
    /// Where the next page begins.
    pub next: Option<u64>,
}

/// An entry and its hash.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct LedgerLine {
    /// Leaf hash, hex.
    pub hash: String,
    /// The entry, byte for byte as it is stored.
    #[schemars(with = "serde_json::Value")]
    pub entry: Box<RawValue>,
}

/// One line of `GET /v1/ledger/export`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportedEntry {
    /// The entry's bytes, base64.
    pub bytes: String,
    /// Leaf hash, hex.
    pub hash: String,
}

impl ExportedEntry {
    /// Of stored bytes.
    pub fn new(bytes: &[u8], hash: &Hash) -> Self {
        use base64::Engine as _;
        Self {
            bytes: base64::engine::general_purpose::STANDARD.encode(bytes),
            hash: lavoir_core::ledger::hex(hash),
        }
    }

    /// The bytes and the hash again; none when they are not what they should be.
    pub fn read(&self) -> Option<(Vec<u8>, Hash)> {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(&self.bytes)
            .ok()?;
        Some((bytes, lavoir_core::ledger::unhex(&self.hash)?))
    }
}

/// `GET /v1/recipes`, one for each.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RecipeCard {
    /// Its short name.
    pub id: RecipeId,
    /// What people call it.
    pub name: Text,
    /// What one can do with it.
    pub summary: Text,
    /// Its version.
    pub version: String,
    /// Memory it takes, MiB.
    pub ram_mib: u32,
    /// Disk it takes at first, MiB.
    pub disk_mib: u32,
}

/// `GET /v1/recipes/{id}`: all that is needed to ask its questions.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RecipeDetail {
    /// In one line.
    #[serde(flatten)]
    pub card: RecipeCard,
    /// A paragraph or two.
    pub description: Text,
    /// Where it comes from.
    pub upstream: Upstream,
    /// The address it gets when none is asked for.
    pub default_host: Option<Hostname>,
    /// What the installer is asked.
    pub questions: Vec<Question>,
}

/// `POST /v1/apps/{app}/secrets/{secret}`: written into the ledger as read.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SecretValue {
    /// The secret itself.
    pub value: String,
}

/// `GET /v1/setup-code`, and `POST` to have a new one made.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct SetupCode {
    /// What the panel asks for, the first time, or to reset the password; none once it was used.
    pub code: Option<String>,
    /// The account whose password it resets; none while there is none.
    #[serde(default)]
    pub account: Option<String>,
}

/// `POST /v1/tokens`: what was made.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct MadeToken {
    /// Its number.
    pub token: TokenId,
    /// Its key, shown once.
    pub key: String,
    /// Until when.
    pub until: Timestamp,
}

/// `GET /v1/machine`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Maker and model.
    pub model: Option<String>,
    /// Operating system.
    pub system: Option<String>,
    /// Processor.
    pub processor: Option<String>,
    /// How many things it can do at once.
    pub cores: Option<u32>,
    /// Up for so many seconds.
    pub up_s: Option<u64>,
    /// Memory.
    pub memory: Option<Amount>,
    /// Disks, by what they hold.
    pub disks: Vec<Disk>,
    /// Share of the processor's time that was busy over the last minute, in thousandths.
    pub busy_permille: Option<u32>,
    /// The hottest part, in thousandths of a degree Celsius.
    pub temperature_m: Option<i32>,
    /// Bytes a second over the last minute.
    pub network: Option<Flow>,
    /// How it was, the oldest first.
    pub history: Vec<Sample>,
}

/// How much of a whole, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Amount {
    /// Taken.
    pub used: u64,
    /// In all.
    pub total: u64,
}

/// A disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// What it holds.
    pub holds: Holds,
    /// How full it is.
    pub amount: Amount,
}

/// What a disk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// The system and the data.
    Everything,
    /// The system.
    System,
    /// Apps and their data.
    Data,
}

/// Bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flow {
    /// Come in.
    pub come: u64,
    /// Gone out.
    pub gone: u64,
}

/// The machine at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// Memory taken, bytes.
    pub memory_used: Option<u64>,
    /// Processor busy, in thousandths.
    pub busy_permille: Option<u32>,
    /// In thousandths of a degree Celsius.
    pub temperature_m: Option<i32>,
    /// Bytes a second.
    pub network: Option<Flow>,
}
