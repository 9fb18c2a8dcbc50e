//! The seam between the panel and the daemon: what the panel asks, and plain data that it gets. No HTML on either
//! side; every text that comes from a recipe, a container or a person is shown escaped.

mod backups;
mod facts;
mod people;

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use lavoir_core::backup::{Concern, RepositoryId, SnapshotId};
use lavoir_core::id::{AppId, PartId, RecipeId};
use zeroize::Zeroizing;

pub use backups::*;
pub use facts::*;
pub use people::*;

/// An answer that may have to be waited for.
pub type Waits<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the daemon does for the panel. How often a code or a password may be tried, cookies, form tokens and where a
/// form comes from are the panel's care; sessions, passwords and what a person may do are the daemon's.
pub trait Admin: Send + Sync + 'static {
    /// What every page says of the box. Kept in memory: no page waits for it.
    fn about(&self) -> About;
    /// Unforeseeable bytes.
    fn fill_random(&self, bytes: &mut [u8; 32]);

    /// Who holds this session; none when it ended or never was. `token` is the cookie's value, as it came from
    /// outside: of any length, and any bytes of UTF-8.
    fn who(&self, token: &str) -> Waits<'_, Option<Session>>;
    /// Signs in. An unknown name and a wrong password take the same time and give the same answer.
    fn sign_in(&self, given: Credentials) -> Waits<'_, Result<NewSession, No>>;
    /// Makes the first account with the set-up code, or gives the one there is a new password; the code has then
    /// served. Problems stand at `code`, `name`, `password`. Refused when no code waits.
    fn open_first_account(&self, given: FirstAccount) -> Waits<'_, Result<NewSession, No>>;
    /// Ends a session; well when there is none.
    fn sign_out(&self, token: &str) -> Waits<'_, ()>;
    /// The account's page.
    fn account(&self, who: &Session) -> Waits<'_, Result<Account, No>>;
    /// A new password: all sessions end and a new one begins. Problems stand at `old`, `new`.
    fn change_password(
        &self,
        who: &Session,
        old: Zeroizing<String>,
        new: Zeroizing<String>,
    ) -> Waits<'_, Result<NewSession, No>>;
    /// Ends this person's other sessions.
    fn end_other_sessions(&self, who: &Session) -> Waits<'_, Result<(), No>>;
    /// Makes a token for the API; its value is shown once. Problems stand at `label`, `days`.
    fn make_token(
        &self,
        who: &Session,
        asked: NewToken,
    ) -> Waits<'_, Result<Zeroizing<String>, No>>;
    /// Ends a token.
    fn end_token(&self, who: &Session, id: u64) -> Waits<'_, Result<(), No>>;

    /// All apps, in the order of their short names.
    fn apps(&self) -> Vec<AppLine>;
    /// One app; none when there is none of that name.
    fn app(&self, id: &AppId) -> Waits<'_, Option<AppPage>>;
    /// The last lines of each of its containers, at most `lines` each.
    fn logs(&self, id: &AppId, lines: usize) -> Waits<'_, Result<Vec<ContainerLines>, No>>;
    /// All recipes that can be read, and what the machine has left.
    fn catalogue(&self) -> Waits<'_, Catalogue>;
    /// One recipe, as it is now.
    fn recipe(&self, id: &RecipeId) -> Waits<'_, Result<RecipePage, No>>;
    /// Asks for an act. Problems of answers stand at the question's name, those of an address at `host` or at the
    /// extra address's name.
    fn act(&self, who: &Session, act: Act) -> Waits<'_, Result<Decided, No>>;
    /// Reads a secret that people need; it is written down that they did.
    fn read_secret(
        &self,
        who: &Session,
        app: &AppId,
        secret: &PartId,
    ) -> Waits<'_, Result<Zeroizing<String>, No>>;

    /// What needs somebody about backups, the gravest first: in memory.
    fn backup_concerns(&self) -> Vec<Concern>;
    /// Where backups go, what was saved. Whether each place is there is looked at, within bounds.
    fn backups(&self) -> Waits<'_, Result<Backups, No>>;
    /// Asks for an act about repositories. Problems of a new one stand at `path`, `name`, `key`.
    fn act_on_backups(&self, who: &Session, act: BackupAct) -> Waits<'_, Result<(), No>>;
    /// Reads a repository's key; it is written down that they did.
    fn read_repository_key(
        &self,
        who: &Session,
        id: &RepositoryId,
    ) -> Waits<'_, Result<Zeroizing<String>, No>>;
    /// All snapshots of a repository, the latest first. May take long, or for ever.
    fn snapshots(&self, id: &RepositoryId) -> Waits<'_, Result<Vec<SnapshotFacts>, No>>;
    /// Entries of a folder in a snapshot from the place `from` on, at most `count`. May take long.
    fn snapshot_folder(
        &self,
        at: (&RepositoryId, &SnapshotId),
        folder: &str,
        from: usize,
        count: usize,
    ) -> Waits<'_, Result<Vec<EntryFacts>, No>>;
    /// A file of a snapshot. Secrets are not given out this way.
    fn snapshot_file(
        &self,
        at: (&RepositoryId, &SnapshotId),
        path: &str,
    ) -> Waits<'_, Result<FileStream, No>>;
    /// Has an app made again what it was in a snapshot.
    fn restore(
        &self,
        who: &Session,
        at: (&RepositoryId, &SnapshotId),
    ) -> Waits<'_, Result<Decided, No>>;

    /// The machine, measured a short while ago, and how it was before.
    fn machine(&self) -> Waits<'_, Machine>;
    /// A page of the ledger, the latest entry first.
    fn ledger(&self, asked: LedgerAsked) -> Waits<'_, Result<LedgerPage, No>>;
    /// How this box shows that it is the one.
    fn trust(&self) -> Trust;
    /// Wakes whoever follows what is under way.
    fn watch(&self) -> Box<dyn Watch>;
}

/// Follows what is under way.
pub trait Watch: Send {
    /// Comes back at the next change of any app or its progress; `false` when there will be none any more.
    fn changed(&mut self) -> Waits<'_, bool>;
}

/// Where a request comes from, as the gateway says it.
pub type ComesFrom = Option<IpAddr>;
