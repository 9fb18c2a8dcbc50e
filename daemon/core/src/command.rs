//! Who may ask, and what.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::account::Scope;
use crate::backup::{KeepRule, Place, RepositoryId, SnapshotId, Subject};
use crate::id::{AppId, Hostname, PartId, PersonId, Revision, Timestamp, TokenId};
use crate::recipe::{Architecture, Protocol};
use crate::release::Release;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// Who prepares the box, alone, until its founding.
    Installer,
    /// A member.
    Member(PersonId),
    /// The box itself, telling what became of a decision.
    Box,
    /// Somebody with an account who is no member yet: before the founding, the one who installs.
    Person(PersonId),
    /// A program, for whoever made its token.
    Token(TokenId),
    /// The clock: what is due is asked for like by anyone.
    Clock,
}

/// A request, with all that the core may know of the world when it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub actor: Actor,
    /// What.
    pub command: Command,
    /// When.
    pub now: Timestamp,
    /// The machine, measured just now.
    pub machine: Machine,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The first one of all: give the box its name.
    Prepare {
        /// A random name that its Docker labels carry.
        box_id: String,
        /// The domain under which its addresses stand.
        domain: Hostname,
    },
    /// An act, of a class (see [`crate::class`]); later also what a motion wraps.
    Act(Action),
    /// What became of a decision.
    Report(Report),
}

/// An act: on an app, or on who may act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Install a recipe.
    Install {
        /// Under this short name.
        app: AppId,
        /// As resolved from recipe and answers.
        release: Box<Release>,
    },
    /// Replace an app's release by a later one of the same recipe.
    Update {
        /// Which.
        app: AppId,
        /// The later one.
        release: Box<Release>,
    },
    /// The same recipe with other answers.
    Change {
        /// Which.
        app: AppId,
        /// With the new answers.
        release: Box<Release>,
    },
    /// Start a stopped app, or try a failed one again.
    Start {
        /// Which.
        app: AppId,
    },
    /// Stop it; it stays ready to start.
    Stop {
        /// Which.
        app: AppId,
    },
    /// Make its containers anew.
    Restart {
        /// Which.
        app: AppId,
    },
    /// Take it away, keep its data.
    Remove {
        /// Which.
        app: AppId,
    },
    /// Bring a removed app back over its kept data.
    Reinstall {
        /// Which.
        app: AppId,
    },
    /// Take it away with its data.
    Delete {
        /// Which.
        app: AppId,
    },
    /// Read a secret that people need to sign in.
    ReadSecret {
        /// Of which app.
        app: AppId,
        /// Which.
        secret: PartId,
    },
    /// Open an account, with the set-up code.
    OpenAccount {
        /// The number it gets: the next one.
        person: PersonId,
        /// Salted commitment to the name.
        commitment: String,
    },
    /// Give an account another password, with the set-up code.
    ResetPassword {
        /// Whose.
        person: PersonId,
    },
    /// Give one's own account another password.
    ChangePassword {
        /// Whose.
        person: PersonId,
    },
    /// Have a new set-up code made: it resets a password.
    MakeSetupCode,
    /// Make a token.
    MakeToken {
        /// The number it gets: the next one.
        token: TokenId,
        /// What it may.
        scope: Scope,
        /// Until when.
        until: Timestamp,
    },
    /// End a token.
    RevokeToken {
        /// Which.
        token: TokenId,
    },
    /// Have backups go to another place.
    AddRepository {
        /// Under this short name.
        repository: RepositoryId,
        /// Where.
        place: Place,
        /// A round every so many nights.
        every_nights: u32,
        /// What is kept.
        keep: KeepRule,
    },
    /// Give a repository another rhythm, or keep other snapshots.
    ChangeRepository {
        /// Which.
        repository: RepositoryId,
        /// A round every so many nights.
        every_nights: u32,
        /// What is kept.
        keep: KeepRule,
    },
    /// Have backups go there no more; what lies there stays.
    RemoveRepository {
        /// Which.
        repository: RepositoryId,
    },
    /// Read the key that opens a repository without the box.
    ReadRepositoryKey {
        /// Which.
        repository: RepositoryId,
    },
    /// Save now.
    BackUp {
        /// Where.
        repository: RepositoryId,
        /// What; everything, and then tidy up, when nothing is named.
        of: Option<Subject>,
    },
    /// Let the round under way be.
    CancelBackup {
        /// Where.
        repository: RepositoryId,
    },
    /// Make an app again what it was in a snapshot: over its live data, or anew when it is not there.
    Restore {
        /// Which.
        app: AppId,
        /// As the snapshot tells it.
        release: Box<Release>,
        /// When the app in the snapshot was first installed: its secrets are of that life.
        installed_at: Timestamp,
        /// Where the snapshot is.
        repository: RepositoryId,
        /// Which.
        snapshot: SnapshotId,
    },
}

impl Action {
    /// On which app, if on one.
    pub fn app(&self) -> Option<&AppId> {
        match self {
            Action::Install { app, .. }
            | Action::Update { app, .. }
            | Action::Change { app, .. }
            | Action::Start { app }
            | Action::Stop { app }
            | Action::Restart { app }
            | Action::Remove { app }
            | Action::Reinstall { app }
            | Action::Delete { app }
            | Action::ReadSecret { app, .. }
            | Action::Restore { app, .. } => Some(app),
            Action::OpenAccount { .. }
            | Action::ResetPassword { .. }
            | Action::ChangePassword { .. }
            | Action::MakeSetupCode
            | Action::MakeToken { .. }
            | Action::RevokeToken { .. }
            | Action::AddRepository { .. }
            | Action::ChangeRepository { .. }
            | Action::RemoveRepository { .. }
            | Action::ReadRepositoryKey { .. }
            | Action::BackUp { .. }
            | Action::CancelBackup { .. } => None,
        }
    }
}

/// What became of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The world agrees.
    Settled {
        /// Which app.
        app: AppId,
        /// With which decision.
        revision: Revision,
    },
    /// The world could not be made to agree.
    Failed {
        /// Which app.
        app: AppId,
        /// With which decision.
        revision: Revision,
        /// The kind of the step that failed.
        step: String,
        /// Stable code of what broke.
        code: String,
    },
    /// There is a snapshot.
    Saved {
        /// Where.
        repository: RepositoryId,
        /// Of what.
        of: Subject,
        /// Which.
        snapshot: SnapshotId,
        /// Files in it.
        files: u64,
        /// Bytes in them.
        bytes: u64,
        /// Bytes that the repository grew by.
        added: u64,
        /// For how long the app was held, ms.
        held_ms: u64,
    },
    /// A snapshot could not be taken.
    NotSaved {
        /// Where.
        repository: RepositoryId,
        /// Of what.
        of: Subject,
        /// Stable code of what broke.
        code: String,
    },
    /// A repository was tidied and checked.
    Tidied {
        /// Which.
        repository: RepositoryId,
        /// In which round.
        revision: Revision,
        /// Snapshots that went.
        forgotten: u64,
        /// Bytes given back.
        freed: u64,
        /// Stable code of what went wrong.
        code: Option<String>,
    },
}

/// The machine, as the daemon measured it for this request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its processor; none when it is of no family that recipes know.
    pub architecture: Option<Architecture>,
    /// All its memory, MiB.
    pub ram_mib: u64,
    /// Free disk where Docker keeps volumes and images, MiB.
    pub disk_free_mib: u64,
    /// Whether Docker answers.
    pub engine: bool,
    /// Ports that something else listens on.
    pub ports_in_use: BTreeSet<(Protocol, u16)>,
    /// Disk taken by each app's volumes, MiB.
    pub data_mib: BTreeMap<AppId, u64>,
}
