//! Who may ask, and what.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::account::Scope;
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
            | Action::ReadSecret { app, .. } => Some(app),
            Action::OpenAccount { .. }
            | Action::ResetPassword { .. }
            | Action::ChangePassword { .. }
            | Action::MakeSetupCode
            | Action::MakeToken { .. }
            | Action::RevokeToken { .. } => None,
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
