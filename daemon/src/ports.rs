//! Every effect of the daemon, as one page of traits. The engine and the reconciler see only these; `main.rs` alone
//! knows which adapters stand behind them (law L3).

mod private;
mod repositories;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lavoir_core::command::Machine;
use lavoir_core::id::{AppId, PartId, Revision, Timestamp};
use lavoir_core::ledger::Hash;
use lavoir_core::observed::{ObservedContainer, VolumeState};
use lavoir_core::release::{BuildContext, HttpHealth, Image, PublishedPort, Release, Service};
use lavoir_core::text::{Message, Text};
use zeroize::Zeroizing;

pub use private::{KeptPerson, KeptSession, KeptToken, PrivateStore, RestsOn};
pub use repositories::{
    Bytes, Content, Damaged, Listed, ListedKind, Moment, Opener, Part, Pending, Repositories, Room,
    Snapshot, Taken, Tidied,
};
pub use tls::{
    Authorities, CertificateStore, KeptCertificate, NoCertificate, Order, OwnNames, Proof,
    ProofZone, Proofs, TlsCertificates, UnderWay,
};

/// Something broke (a rule that says no is a [`lavoir_core::refusal::Refusal`]).
#[derive(Debug, Clone)]
pub struct Fault {
    /// Stable code, a sentence, the next step.
    pub message: Message,
    /// Whether trying again may help.
    pub retry: Retry,
    /// What the outside said: the last lines of a container or of a build. Shown, never entered into the ledger.
    pub lines: Vec<String>,
}

/// Whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// A passing trouble: the network, a busy engine.
    Soon,
    /// It will be the same again until somebody changes something.
    Never,
}

impl Fault {
    /// A fault that will be the same again.
    pub fn lasting(code: &str, sentence: Text, next_step: Text) -> Self {
        Self {
            message: Message {
                code: code.to_owned(),
                sentence,
                next_step,
            },
            retry: Retry::Never,
            lines: Vec::new(),
        }
    }

    /// A fault that may pass.
    pub fn passing(code: &str, sentence: Text, next_step: Text) -> Self {
        Self {
            retry: Retry::Soon,
            ..Self::lasting(code, sentence, next_step)
        }
    }

    /// With what the outside said, cut to its last lines.
    pub fn with_lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines = lines.into_iter().collect();
        let surplus = self
            .lines
            .len()
            .saturating_sub(lavoir_core::limits::LOG_LINES_SHOWN_MAX);
        self.lines.drain(..surplus);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message.code, self.message.sentence.en)
    }
}

impl std::error::Error for Fault {}

/// What a port answers.
pub type Answer<T> = Result<T, Fault>;

/// How far a long step has come.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct Measure {
    /// Done so far.
    pub done: u64,
    /// In all, where it is known.
    pub total: Option<u64>,
    /// Of what.
    pub unit: Unit,
}

/// What is counted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Steps of a build.
    Steps,
}

/// Called with each measure.
pub type OnMeasure<'a> = &'a (dyn Fn(Measure) + Send + Sync);

/// The container engine.
pub trait Containers: Send + Sync + 'static {
    /// What this box has made, by label: per app its network, containers (with `files` and `hooks_done` left empty)
    /// and volumes; and the references of all images on the machine that are named in `images`.
    fn observe(&self, images: &BTreeSet<String>) -> impl Future<Output = Answer<Seen>> + Send;
    /// One container as it stands; none when it is not there.
    fn look(
        &self,
        app: &AppId,
        service: &PartId,
    ) -> impl Future<Output = Answer<Option<ObservedContainer>>> + Send;
    /// Fetches an image by digest, or makes it from its context over the base image.
    fn get_image(
        &self,
        image: &Image,
        context: Option<&BuildContext>,
        on_measure: OnMeasure<'_>,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Makes the app's network; well when it is there.
    fn make_network(&self, app: &AppId) -> impl Future<Output = Answer<()>> + Send;
    /// Makes a volume, empty or as a copy. A half copy of that name is removed first.
    fn make_volume(
        &self,
        app: &AppId,
        name: &str,
        copy_of: Option<&str>,
        on_measure: OnMeasure<'_>,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Makes a container and starts it.
    fn start(&self, order: &ContainerOrder) -> impl Future<Output = Answer<()>> + Send;
    /// Starts a container that is there.
    fn start_again(&self, app: &AppId, service: &PartId)
    -> impl Future<Output = Answer<()>> + Send;
    /// Asks it to stop and waits; well when it is not there.
    fn stop(&self, app: &AppId, service: &PartId) -> impl Future<Output = Answer<()>> + Send;
    /// Stops and removes it, its volumes stay; well when it is not there.
    fn remove(&self, app: &AppId, service: &PartId) -> impl Future<Output = Answer<()>> + Send;
    /// Runs a command inside a running container.
    fn run_inside(
        &self,
        app: &AppId,
        service: &PartId,
        command: &[String],
        user: Option<&str>,
        timeout: Duration,
    ) -> impl Future<Output = Answer<Ran>> + Send;
    /// Runs a command inside a running container; what it says on its standard output. The stream ends with an error
    /// when the command fails, or goes on for longer than `timeout`.
    fn dump(
        &self,
        app: &AppId,
        service: &PartId,
        command: &[String],
        timeout: Duration,
    ) -> impl Future<Output = Answer<Bytes>> + Send;
    /// Runs a command inside a running container, with this on its standard input.
    fn load(
        &self,
        app: &AppId,
        service: &PartId,
        command: &[String],
        from: Bytes,
        timeout: Duration,
    ) -> impl Future<Output = Answer<Ran>> + Send;
    /// Freezes running containers: their processes stand still. Those that are not there are left out.
    fn hold(
        &self,
        app: &AppId,
        services: &BTreeSet<PartId>,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Lets frozen containers go on; well when none is frozen.
    fn let_go(
        &self,
        app: &AppId,
        services: &BTreeSet<PartId>,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Where a volume's files lie on this machine; none when it is not there.
    fn volume_folder(
        &self,
        app: &AppId,
        name: &str,
    ) -> impl Future<Output = Answer<Option<PathBuf>>> + Send;
    /// Makes a volume that is to be filled from a snapshot, and says where. It counts as half a one until it is
    /// finished; an earlier half is gone on with.
    fn begin_volume(
        &self,
        app: &AppId,
        name: &str,
        snapshot: &str,
    ) -> impl Future<Output = Answer<PathBuf>> + Send;
    /// What is in it is whole, and on the disk.
    fn finish_volume(&self, app: &AppId, name: &str) -> impl Future<Output = Answer<()>> + Send;
    /// Its last lines, for people.
    fn last_lines(
        &self,
        app: &AppId,
        service: &PartId,
        lines: usize,
    ) -> impl Future<Output = Answer<Vec<String>>> + Send;
    /// Removes the app's network; well when it is not there.
    fn remove_network(&self, app: &AppId) -> impl Future<Output = Answer<()>> + Send;
    /// Removes a volume; well when it is not there.
    fn remove_volume(&self, app: &AppId, name: &str) -> impl Future<Output = Answer<()>> + Send;
    /// Removes images that this box made, and what else its builds left behind. What a container uses stays.
    fn remove_images(&self, names: &BTreeSet<String>) -> impl Future<Output = Answer<()>> + Send;
    /// Whether the engine answers.
    fn is_there(&self) -> impl Future<Output = bool> + Send;
    /// Where the engine keeps volumes and images; none until it has answered once.
    fn data_root(&self) -> impl Future<Output = Option<PathBuf>> + Send;
    /// Memory that each container takes now and may take, bytes, by app and service.
    fn memory(&self) -> impl Future<Output = Answer<MemoryTaken>> + Send;
    /// Disk that each app's volumes take, MiB.
    fn data_mib(&self) -> impl Future<Output = Answer<BTreeMap<AppId, u64>>> + Send;
}

/// Memory taken and allowed, bytes, by app and service.
pub type MemoryTaken = BTreeMap<(AppId, PartId), (u64, Option<u64>)>;

/// What the engine has of this box.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// By app.
    pub apps: BTreeMap<AppId, SeenApp>,
    /// Images asked for that are there.
    pub images: BTreeSet<String>,
    /// Names of all images that this box made for apps.
    pub made: BTreeSet<String>,
}

/// What the engine has of one app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenApp {
    /// Its network is there.
    pub network: bool,
    /// Its containers.
    pub containers: BTreeMap<PartId, ObservedContainer>,
    /// Its volumes, by Docker name.
    pub volumes: BTreeMap<String, VolumeState>,
}

/// What came of a command run inside a container.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Exit code.
    pub code: i64,
    /// Its last lines, both streams.
    pub lines: Vec<String>,
}

/// All that is needed to make one container.
#[derive(Clone)]
pub struct ContainerOrder {
    /// Of which app.
    pub app: AppId,
    /// Which service; also its name on the app's network.
    pub service: PartId,
    /// The `org.lavoir.spec` label.
    pub spec: String,
    /// What it is, all placeholders filled in: it holds secrets.
    pub filled: Service,
    /// Volumes: Docker name, path inside, read-only.
    pub volumes: Vec<(String, String, bool)>,
    /// Files of the host: path here, path inside; always read-only.
    pub files: Vec<(PathBuf, String)>,
    /// Ports opened on the machine.
    pub ports: Vec<PublishedPort>,
}

/// An app's folder: configuration, secrets, private answers, hooks done.
pub trait AppFiles: Send + Sync + 'static {
    /// The digest last noted and the hooks done.
    fn observe(&self, app: &AppId) -> impl Future<Output = Answer<SeenFiles>> + Send;
    /// Generates secrets that are not there yet, writes secrets and files, then notes the digest. A secret of `known`
    /// that is not there is a fault: the app's data were made with it.
    fn write(
        &self,
        app: &AppId,
        release: &Release,
        known: &BTreeSet<&PartId>,
        digest: &str,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// All placeholders and what they stand for: `SECRET_DB_PASSWORD` → its value.
    fn values(&self, app: &AppId, release: &Release)
    -> impl Future<Output = Answer<Values>> + Send;
    /// Where a rendered file lies on the host.
    fn file_path(&self, app: &AppId, name: &str) -> PathBuf;
    /// Where a service's copy of a secret lies on the host.
    fn secret_path(&self, app: &AppId, service: &PartId, secret: &PartId) -> PathBuf;
    /// Notes a hook as done.
    fn note_hook(
        &self,
        app: &AppId,
        revision: Revision,
        index: u32,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Notes a dump as loaded.
    fn note_loaded(
        &self,
        app: &AppId,
        revision: Revision,
        database: &PartId,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// What only this folder knows, and its data need: secrets and private answers, by file name.
    fn keepsakes(
        &self,
        app: &AppId,
        release: &Release,
    ) -> impl Future<Output = Answer<Keepsakes>> + Send;
    /// Takes keepsakes in for an app that has none.
    fn take_keepsakes(
        &self,
        app: &AppId,
        keepsakes: &Keepsakes,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Keeps private answers, before the decision that needs them is written down.
    fn keep_answers(
        &self,
        app: &AppId,
        answers: &BTreeMap<PartId, PrivateAnswer>,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// The private answer behind a commitment.
    fn private_answers(
        &self,
        app: &AppId,
        release: &Release,
    ) -> impl Future<Output = Answer<BTreeMap<PartId, Zeroizing<String>>>> + Send;
    /// Erases the app's folder.
    fn remove(&self, app: &AppId) -> impl Future<Output = Answer<()>> + Send;
}

/// File name → content: `secrets/db_password`.
pub type Keepsakes = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// An answer that stays out of the ledger.
#[derive(Clone)]
pub struct PrivateAnswer {
    /// What stands in the ledger instead.
    pub commitment: String,
    /// What was mixed into the commitment, hex.
    pub salt: String,
    /// The answer.
    pub value: Zeroizing<String>,
}

/// Placeholder → value. Its debug form shows the names only.
#[derive(Clone, Default)]
pub struct Values(pub BTreeMap<String, Zeroizing<String>>);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What an app's folder says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenFiles {
    /// The digest last noted.
    pub digest: Option<String>,
    /// Hooks done.
    pub hooks_done: BTreeSet<(Revision, u32)>,
    /// Dumps loaded.
    pub loaded: BTreeSet<(Revision, PartId)>,
}

/// Where the ledger is kept.
pub trait LedgerStore: Send + Sync + 'static {
    /// At most `count` entries in order, from the one with the index `from` on: bytes and stored hash.
    fn read_from(
        &self,
        from: u64,
        count: u64,
    ) -> impl Future<Output = Answer<Vec<(Vec<u8>, Hash)>>> + Send;
    /// Adds one, on the disk when this returns. Refuses an index that is there.
    fn append(
        &self,
        index: u64,
        bytes: &[u8],
        hash: &Hash,
    ) -> impl Future<Output = Answer<()>> + Send;
}

/// How the machine does, measured from time to time.
pub trait Gauges: Send + Sync + 'static {
    /// As it is now. What cannot be measured is left out.
    fn read(&self, data: Option<&Path>) -> impl Future<Output = Reading> + Send;
}

/// What the machine's gauges show at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
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
    /// Memory taken and in all, bytes.
    pub memory: Option<(u64, u64)>,
    /// The system's disk: a number that tells it from others; taken and in all, bytes.
    pub system_disk: Option<(u64, u64, u64)>,
    /// The disk of the engine's volumes and images, likewise.
    pub data_disk: Option<(u64, u64, u64)>,
    /// The processor's time since the start, in ticks: busy, and in all.
    pub ticks: Option<(u64, u64)>,
    /// The hottest part, thousandths of a degree Celsius.
    pub temperature_m: Option<i32>,
    /// Bytes come in and gone out since the start, over interfaces that lead outside.
    pub network: Option<(u64, u64)>,
}

/// The box's own state, as files.
pub trait OwnState: Send + Sync + 'static {
    /// Makes what can be saved of it: path inside a snapshot, folder here. The database stands in it as a whole copy,
    /// of this moment.
    fn gather(&self) -> impl Future<Output = Answer<Vec<(String, PathBuf)>>> + Send;
    /// Removes the copy.
    fn let_go(&self) -> impl Future<Output = Answer<()>> + Send;
}

/// Time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
    /// For how long something has been running: only goes on, whatever is done to the clock. What is waited for is
    /// measured by this; by [`Clock::now`] what has a date.
    fn running(&self) -> Duration {
        Duration::from_millis(self.now().0)
    }
    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

/// Chance.
pub trait Entropy: Send + Sync + 'static {
    /// Unforeseeable bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine itself.
pub trait MachineFacts: Send + Sync + 'static {
    /// Memory, disk, processor, ports; `engine` and `data_mib` are left to the caller. `data` is where the engine
    /// keeps volumes and images, once it has said so.
    fn measure(&self, data: Option<&Path>) -> impl Future<Output = Answer<Machine>> + Send;
}

/// Asking an app over HTTP, straight to its container.
pub trait Probe: Send + Sync + 'static {
    /// The status it answers with.
    fn ask(
        &self,
        address: std::net::IpAddr,
        health: &HttpHealth,
        host: &str,
    ) -> impl Future<Output = Answer<u16>> + Send;
}

/// All ports together: what the engine and the reconciler are given.
pub trait World: Send + Sync + 'static {
    /// See [`Containers`].
    type Containers: Containers;
    /// See [`AppFiles`].
    type AppFiles: AppFiles;
    /// See [`LedgerStore`].
    type LedgerStore: LedgerStore;
    /// See [`Clock`].
    type Clock: Clock;
    /// See [`Entropy`].
    type Entropy: Entropy;
    /// See [`MachineFacts`].
    type MachineFacts: MachineFacts;
    /// See [`Probe`].
    type Probe: Probe;
    /// See [`PrivateStore`].
    type PrivateStore: PrivateStore;
    /// See [`Gauges`].
    type Gauges: Gauges;
    /// See [`Repositories`].
    type Repositories: Repositories;
    /// See [`OwnState`].
    type OwnState: OwnState;

    /// See [`Containers`].
    fn containers(&self) -> &Self::Containers;
    /// See [`AppFiles`].
    fn app_files(&self) -> &Self::AppFiles;
    /// See [`LedgerStore`].
    fn ledger_store(&self) -> &Self::LedgerStore;
    /// See [`Clock`].
    fn clock(&self) -> &Self::Clock;
    /// See [`Entropy`].
    fn entropy(&self) -> &Self::Entropy;
    /// See [`MachineFacts`].
    fn machine_facts(&self) -> &Self::MachineFacts;
    /// See [`Probe`].
    fn probe(&self) -> &Self::Probe;
    /// See [`PrivateStore`].
    fn private_store(&self) -> &Self::PrivateStore;
    /// See [`Gauges`].
    fn gauges(&self) -> &Self::Gauges;
    /// See [`Repositories`].
    fn repositories(&self) -> &Self::Repositories;
    /// See [`OwnState`].
    fn own_state(&self) -> &Self::OwnState;
}
