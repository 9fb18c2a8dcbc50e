//! Everything that can have happened. The only types written into the ledger: a variant or a field is never renamed
//! or given another meaning, only added.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::account::Scope;
use crate::backup::{KeepRule, Place, RepositoryId, SnapshotId, Subject};
use crate::id::{AppId, Hostname, PartId, PersonId, Revision, Timestamp, TokenId};
use crate::release::Release;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs)] // the fields mean what they mean in `command`
pub enum Event {
    /// The box has its name; it is in preparation.
    BoxPrepared { box_id: String, domain: Hostname },
    /// A recipe is to be installed.
    InstallDecided { app: AppId, release: Box<Release> },
    /// An app is to have a later release.
    UpdateDecided { app: AppId, release: Box<Release> },
    /// An app is to have other answers.
    ChangeDecided { app: AppId, release: Box<Release> },
    /// An app is to run.
    StartDecided { app: AppId },
    /// An app is to be stopped.
    StopDecided { app: AppId },
    /// An app's containers are to be made anew.
    RestartDecided { app: AppId },
    /// An app is to be away, its data kept.
    RemoveDecided { app: AppId },
    /// A removed app is to come back.
    ReinstallDecided { app: AppId },
    /// An app is to be gone with its data.
    DeleteDecided { app: AppId },
    /// Somebody may read a secret: which one, never what it is.
    SecretRead { app: AppId, secret: PartId },
    /// A person has an account; the name stands beside the ledger.
    AccountOpened {
        person: PersonId,
        commitment: String,
    },
    /// A password was replaced with the set-up code; the person's tokens have ended.
    PasswordReset { person: PersonId },
    /// A person gave their account another password.
    PasswordChanged { person: PersonId },
    /// There is a new set-up code.
    SetupCodeMade {},
    /// A program may act for its owner, or for the one who installs.
    TokenMade {
        token: TokenId,
        owner: Option<PersonId>,
        scope: Scope,
        until: Timestamp,
    },
    /// A token has ended.
    TokenRevoked { token: TokenId },
    /// Backups may go to another place.
    RepositoryAdded {
        repository: RepositoryId,
        place: Place,
        every_nights: u32,
        keep: KeepRule,
    },
    /// A repository has another rhythm, or keeps other snapshots.
    RepositoryChanged {
        repository: RepositoryId,
        every_nights: u32,
        keep: KeepRule,
    },
    /// Backups go there no more; what lies there stays.
    RepositoryRemoved { repository: RepositoryId },
    /// Somebody may read the key that opens a repository.
    RepositoryKeyRead { repository: RepositoryId },
    /// These are to be saved; afterwards the repository is tidied and checked, or is not.
    BackupDecided {
        repository: RepositoryId,
        of: Vec<Subject>,
        tidy: bool,
    },
    /// What was under way there is let be.
    BackupCancelled { repository: RepositoryId },
    /// There is a snapshot.
    SnapshotTaken {
        repository: RepositoryId,
        of: Subject,
        snapshot: SnapshotId,
        files: u64,
        bytes: u64,
        added: u64,
        held_ms: u64,
    },
    /// There is none.
    SnapshotFailed {
        repository: RepositoryId,
        of: Subject,
        code: String,
    },
    /// Old snapshots were forgotten and the repository was checked; with what went wrong.
    RepositoryTidied {
        repository: RepositoryId,
        forgotten: u64,
        freed: u64,
        code: Option<String>,
    },
    /// An app is to be again what it was in a snapshot.
    RestoreDecided {
        app: AppId,
        release: Box<Release>,
        installed_at: Timestamp,
        repository: RepositoryId,
        snapshot: SnapshotId,
    },
    /// The world agrees with a decision.
    Settled { app: AppId, revision: Revision },
    /// A decision could not be carried out.
    Failed {
        app: AppId,
        revision: Revision,
        step: String,
        code: String,
    },
    /// A damaged ledger was taken back to its sound beginning: `kept` entries with this root. `set_aside` of those that
    /// came after could still be counted; the damaged file is kept. Numbers under `numbers_from` may have been given
    /// to volumes by entries that nobody can read any more.
    LedgerRepaired {
        kept: u64,
        root: String,
        set_aside: u64,
        code: String,
        numbers_from: u64,
    },
}

impl Event {
    /// The app it is about.
    pub fn app(&self) -> Option<&AppId> {
        match self {
            Event::BoxPrepared { .. }
            | Event::AccountOpened { .. }
            | Event::PasswordReset { .. }
            | Event::PasswordChanged { .. }
            | Event::SetupCodeMade {}
            | Event::TokenMade { .. }
            | Event::TokenRevoked { .. }
            | Event::LedgerRepaired { .. }
            | Event::RepositoryAdded { .. }
            | Event::RepositoryChanged { .. }
            | Event::RepositoryRemoved { .. }
            | Event::RepositoryKeyRead { .. }
            | Event::BackupDecided { .. }
            | Event::BackupCancelled { .. }
            | Event::SnapshotTaken { .. }
            | Event::SnapshotFailed { .. }
            | Event::RepositoryTidied { .. } => None,
            Event::InstallDecided { app, .. }
            | Event::UpdateDecided { app, .. }
            | Event::ChangeDecided { app, .. }
            | Event::StartDecided { app }
            | Event::StopDecided { app }
            | Event::RestartDecided { app }
            | Event::RemoveDecided { app }
            | Event::ReinstallDecided { app }
            | Event::DeleteDecided { app }
            | Event::SecretRead { app, .. }
            | Event::RestoreDecided { app, .. }
            | Event::Settled { app, .. }
            | Event::Failed { app, .. } => Some(app),
        }
    }
}
