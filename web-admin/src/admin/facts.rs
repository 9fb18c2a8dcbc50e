//! What is shown: plain data.

use std::collections::BTreeMap;

use lavoir_core::app::{Doing, Failure, Intent};
use lavoir_core::command::Actor;
use lavoir_core::id::{AppId, Hostname, PartId, RecipeId, Revision, Timestamp};
use lavoir_core::lasting::Times;
use lavoir_core::observed::Run;
use lavoir_core::recipe::{Keep, Question, Recipe};
use lavoir_core::standing::Sign;
use lavoir_core::text::{Language, Message, Text};

/// What every page says of the box.
#[derive(Debug, Clone)]
pub struct About {
    /// The panel's own address, also the box's name.
    pub domain: String,
    /// Of Lavoir.
    pub version: String,
    /// Before the founding.
    pub in_preparation: bool,
    /// There is no account yet: the set-up code is asked for.
    pub no_account: bool,
    /// A set-up code waits: it makes the first account, or gives the one there is a new password.
    pub code_waits: bool,
    /// What the box speaks to those who ask for neither language.
    pub language: Language,
    /// Where its clock stands, by its name in the tz database: `Europe/Paris`.
    pub timezone: String,
    /// Now.
    pub now: Timestamp,
    /// Why the clock cannot be right, when it cannot.
    pub clock: Option<Message>,
    /// Whether Docker answers.
    pub engine: bool,
    /// The machine in one line, as far as it was measured.
    pub memory: Option<Amount>,
    /// The disk of the data.
    pub disk: Option<Amount>,
}

/// How much of a whole, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Taken.
    pub used: u64,
    /// In all.
    pub total: u64,
}

/// An app in one line.
#[derive(Debug, Clone)]
pub struct AppLine {
    /// Its short name.
    pub id: AppId,
    /// What people call it.
    pub name: Text,
    /// Its recipe.
    pub recipe: RecipeId,
    /// The recipe's version.
    pub version: String,
    /// Its main address.
    pub host: Hostname,
    /// Whether the address leads to it now.
    pub open: bool,
    /// How it stands, as a sign ([`lavoir_core::app::App::standing`]).
    pub sign: Sign,
    /// And in words.
    pub state: Text,
    /// Whether it should run.
    pub intent: Intent,
    /// What is under way.
    pub doing: Option<Doing>,
    /// Steps done, and steps in all, of what is under way.
    pub steps: Option<(usize, usize)>,
    /// What its containers do at this moment.
    pub health: Health,
    /// A later version that the catalogue has.
    pub update: Option<String>,
    /// By which decision.
    pub revision: Revision,
}

/// What an app's containers do at this moment: seen, never entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// An app's page.
#[derive(Debug, Clone)]
pub struct AppPage {
    /// In one line.
    pub line: AppLine,
    /// When it was first installed.
    pub installed_at: Timestamp,
    /// Further addresses: what each is for, where it is.
    pub extra_hosts: Vec<(Text, Hostname)>,
    /// Its questions with their answers, in the recipe's order.
    pub settings: Vec<Setting>,
    /// Secrets that people need to sign in, by what they are for.
    pub secrets: Vec<(PartId, Text)>,
    /// Memory set aside for it, MiB.
    pub ram_mib: u32,
    /// Memory its containers take now, bytes.
    pub memory_used: Option<u64>,
    /// Disk its volumes take, bytes.
    pub data_used: Option<u64>,
    /// Its containers, in the order in which they start.
    pub containers: Vec<Container>,
    /// Its volumes: what is in them, how precious it is.
    pub volumes: Vec<(Text, Keep)>,
    /// Once it has spoken with other servers, its address can never change.
    pub permanent_address: bool,
    /// What was or is under way, as far as the daemon remembers.
    pub progress: Option<Progress>,
    /// The last thing that went wrong, until something goes well again.
    pub failure: Option<FailureFacts>,
    /// The later version that the catalogue has.
    pub update: Option<Update>,
    /// How long acts took.
    pub lasts: Times,
    /// Its last good snapshot.
    pub saved: Option<Timestamp>,
    /// Whether there is any place where backups go.
    pub saves: bool,
    /// The latest entries about it.
    pub history: Vec<LedgerLine>,
}

/// A question and its answer.
#[derive(Debug, Clone)]
pub struct Setting {
    /// As the recipe that is installed asks it.
    pub question: Question,
    /// What was answered.
    pub answer: Answered,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// Nothing.
    No,
    /// This; the ledger has it too.
    Public(String),
    /// Kept beside the ledger, and not shown.
    Private,
}

/// A container.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its service in the recipe.
    pub service: String,
    /// Its image.
    pub image: String,
    /// Runs to its end once.
    pub one_shot: bool,
    /// What it does, at the last look; none when it was not there.
    pub run: Option<Run>,
    /// Memory it takes now, bytes.
    pub memory: Option<u64>,
    /// Memory it may take, bytes.
    pub memory_max: Option<u64>,
}

/// What an update would bring.
#[derive(Debug, Clone)]
pub struct Update {
    /// The version it would have.
    pub version: String,
    /// What to know, in the recipe's words.
    pub notes: Option<Text>,
    /// Questions that are new and have no answer yet.
    pub questions: Vec<Question>,
}

/// What is under way, step by step.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// The steps, done and to be done.
    pub steps: Vec<Step>,
}

/// How far one step has come.
#[derive(Debug, Clone)]
pub struct Step {
    /// In words.
    pub text: Text,
    /// Where it stands.
    pub standing: StepStanding,
    /// How much of it, where that can be told.
    pub measure: Option<Measure>,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What broke, the last time.
    pub fault: Option<Message>,
    /// The last lines of what broke, as they were written.
    pub lines: Vec<String>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepStanding {
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

/// How far a long step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Done so far.
    pub done: u64,
    /// In all, where it is known.
    pub total: Option<u64>,
    /// Of what.
    pub unit: Unit,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Steps of a build.
    Steps,
}

/// What went wrong.
#[derive(Debug, Clone)]
pub struct FailureFacts {
    /// As the ledger knows it.
    pub failure: Failure,
    /// In the step's own words, while the daemon still remembers them.
    pub message: Option<Message>,
    /// The last lines of what broke, likewise.
    pub lines: Vec<String>,
}

/// What a container wrote last.
#[derive(Debug, Clone)]
pub struct ContainerLines {
    /// Which.
    pub service: String,
    /// Its last lines, as it wrote them.
    pub lines: Vec<String>,
    /// Why there are none.
    pub trouble: Option<Message>,
}

/// All recipes.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// In the order of their short names.
    pub recipes: Vec<RecipeCard>,
    /// What the machine has left.
    pub room: Room,
}

/// What the machine has left for apps, as the core reckons it before it decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Room {
    /// Memory not set aside for a running app, MiB.
    pub ram_mib: u64,
    /// Disk that may still be given, MiB.
    pub disk_mib: u64,
}

/// A recipe in the catalogue.
#[derive(Debug, Clone)]
pub struct RecipeCard {
    /// The recipe as written.
    pub recipe: Recipe,
    /// Its short name.
    pub id: RecipeId,
    /// Whether it would fit now.
    pub fit: Fit,
    /// Apps made from it.
    pub installed: Vec<AppId>,
}

/// Whether an app would fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It would.
    Fits,
    /// So much memory is missing, MiB.
    LacksMemory(u64),
    /// So much disk is missing, MiB.
    LacksDisk(u64),
    /// Not on this processor.
    OtherProcessor,
    /// The machine could not be measured.
    Unknown,
}

/// A recipe's page and the form to install it.
#[derive(Debug, Clone)]
pub struct RecipePage {
    /// As in the catalogue.
    pub card: RecipeCard,
    /// What the machine has left.
    pub room: Room,
    /// How long acts took with it.
    pub lasts: Times,
}

/// An act that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Install a recipe.
    Install {
        /// Which.
        recipe: RecipeId,
        /// Under this short name.
        app: AppId,
        /// Main address.
        host: Hostname,
        /// Further addresses, by the recipe's name for them.
        extra_hosts: BTreeMap<PartId, Hostname>,
        /// Answers to its questions.
        answers: BTreeMap<PartId, String>,
    },
    /// Take the recipe as it is in the catalogue now.
    Update(AppId, BTreeMap<PartId, String>),
    /// Answer some questions anew; the others stay.
    Change(AppId, BTreeMap<PartId, String>),
    /// Start, or try again.
    Start(AppId),
    /// Stop.
    Stop(AppId),
    /// Make its containers anew.
    Restart(AppId),
    /// Take away, keep the data.
    Remove(AppId),
    /// Bring back over kept data.
    Reinstall(AppId),
    /// Take away with the data.
    Delete(AppId),
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// About which app.
    pub app: AppId,
    /// By which decision.
    pub revision: Revision,
}

/// The machine.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// Maker and model, as the machine names itself.
    pub model: Option<String>,
    /// Its operating system, as it names itself.
    pub system: Option<String>,
    /// Its processor, as it names itself.
    pub processor: Option<String>,
    /// How many things it can do at once.
    pub cores: Option<u32>,
    /// How long it has been up, seconds.
    pub up_s: Option<u64>,
    /// Memory.
    pub memory: Option<Amount>,
    /// Disks, by what they hold.
    pub disks: Vec<(Holds, Amount)>,
    /// Share of the processor's time that was busy over the last minute, in thousandths.
    pub busy_permille: Option<u32>,
    /// The hottest part, in thousandths of a degree Celsius.
    pub temperature_m: Option<i32>,
    /// Bytes a second, come in and gone out, over the last minute.
    pub network: Option<(u64, u64)>,
    /// Memory taken by each app, the largest first, bytes.
    pub memory_by: Vec<(AppId, Text, u64)>,
    /// How it was, the oldest first, evenly spaced.
    pub history: Vec<Sample>,
}

/// What a disk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// The system and the data.
    Everything,
    /// The system.
    System,
    /// Apps and their data.
    Data,
}

/// The machine at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// Memory taken, bytes.
    pub memory_used: Option<u64>,
    /// Processor busy, in thousandths.
    pub busy_permille: Option<u32>,
    /// In thousandths of a degree Celsius.
    pub temperature_m: Option<i32>,
    /// Bytes a second, come in and gone out.
    pub network: Option<(u64, u64)>,
}

/// What is looked for in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerAsked {
    /// Entries whose sentence has all these words, in this language.
    pub words: Option<(Language, String)>,
    /// About this app.
    pub app: Option<AppId>,
    /// Of this kind.
    pub kind: Option<EntryKind>,
    /// By this kind of actor.
    pub by: Option<ActorKind>,
    /// Before this entry: for the next page.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// Kinds of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// What people decided.
    Decisions,
    /// What went well.
    Settled,
    /// What did not.
    Failed,
    /// Secrets that were read.
    Secrets,
    /// Backups asked for, taken, and not.
    Backups,
    /// Accounts, sessions and tokens.
    People,
}

/// Kinds of actors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActorKind {
    /// People.
    People,
    /// The box itself.
    Box,
}

/// A page of the ledger.
#[derive(Debug, Clone, Default)]
pub struct LedgerPage {
    /// Entries in all.
    pub size: u64,
    /// Merkle root over them, hex.
    pub root: String,
    /// The latest first.
    pub lines: Vec<LedgerLine>,
    /// Where the next, older page begins: for `before`.
    pub older: Option<u64>,
}

/// An entry.
#[derive(Debug, Clone)]
pub struct LedgerLine {
    /// Its place, from 0.
    pub index: u64,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The whole in words, the actor's name included.
    pub sentence: Text,
    /// About which app.
    pub app: Option<AppId>,
    /// Of which kind.
    pub kind: EntryKind,
    /// Its hash, hex.
    pub hash: String,
}

/// How this box shows that it is the one.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The certificate of its own authority, PEM; none when its certificates come from a public one.
    pub ca_pem: Option<String>,
    /// SHA-256 of that certificate, hex.
    pub fingerprint: Option<String>,
}
