//! The private table: all that must be erasable, beside the ledger (law L6).

use std::fmt;
use std::future::Future;

use lavoir_core::id::{PersonId, RepositoryId, Timestamp, TokenId};
use lavoir_core::ledger::Hash;
use zeroize::Zeroizing;

use super::Answer;

/// Names, passwords, sessions, tokens. Keys are kept as hashes only.
pub trait PrivateStore: Send + Sync + 'static {
    /// Keeps a person, in place of a row that no entry of the ledger came to.
    fn keep_person(&self, person: &KeptPerson) -> impl Future<Output = Answer<()>> + Send;
    /// Everybody.
    fn people(&self) -> impl Future<Output = Answer<Vec<KeptPerson>>> + Send;
    /// Gives somebody another password; all their sessions end with the old one. Whether it was done: not when
    /// what it rests on does not hold any more.
    fn set_password(
        &self,
        person: PersonId,
        password: &str,
        rests_on: Option<&RestsOn>,
    ) -> impl Future<Output = Answer<bool>> + Send;

    /// Keeps the key of a repository of backups, in place of any other: it was seen to open the repository.
    fn keep_repository_key(
        &self,
        repository: &RepositoryId,
        key: &str,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// The key of a repository of backups.
    fn repository_key(
        &self,
        repository: &RepositoryId,
    ) -> impl Future<Output = Answer<Option<Zeroizing<String>>>> + Send;

    /// The set-up code that waits to be used.
    fn setup_code(&self) -> impl Future<Output = Answer<Option<Zeroizing<String>>>> + Send;
    /// Keeps a set-up code in place of any other; none forgets it.
    fn keep_setup_code(&self, code: Option<&str>) -> impl Future<Output = Answer<()>> + Send;

    /// Begins a session; its number. None when the person's password is not `checked` any more, the hash that was
    /// looked at. The person's oldest end where there are more than `most`.
    fn begin_session(
        &self,
        session: &KeptSession,
        checked: &str,
        most: usize,
    ) -> impl Future<Output = Answer<Option<u64>>> + Send;
    /// The session with a key of this hash.
    fn session(&self, key: &Hash) -> impl Future<Output = Answer<Option<KeptSession>>> + Send;
    /// Notes that a session was used.
    fn use_session(&self, id: u64, now: Timestamp) -> impl Future<Output = Answer<()>> + Send;
    /// A person's sessions, the latest first.
    fn sessions(&self, person: PersonId) -> impl Future<Output = Answer<Vec<KeptSession>>> + Send;
    /// Ends a session.
    fn end_session(&self, key: &Hash) -> impl Future<Output = Answer<()>> + Send;
    /// Ends a person's sessions but this one.
    fn end_sessions_but(
        &self,
        person: PersonId,
        keep: u64,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Forgets sessions that began before, or were last used before.
    fn forget_sessions(
        &self,
        begun_before: Timestamp,
        used_before: Timestamp,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// Notes that a person came in from a place; the oldest are forgotten where there are more than `most`.
    fn note_place(
        &self,
        person: PersonId,
        place: &str,
        now: Timestamp,
        most: usize,
    ) -> impl Future<Output = Answer<()>> + Send;
    /// Whether a person came in from a place since then.
    fn knows_place(
        &self,
        person: PersonId,
        place: &str,
        since: Timestamp,
    ) -> impl Future<Output = Answer<bool>> + Send;

    /// Keeps a token, in place of a row that no entry of the ledger came to. Whether it was done: not when the
    /// session that asked for it, if one did, has ended.
    fn keep_token(
        &self,
        token: &KeptToken,
        session: Option<u64>,
    ) -> impl Future<Output = Answer<bool>> + Send;
    /// The token with a key of this hash.
    fn token(&self, key: &Hash) -> impl Future<Output = Answer<Option<KeptToken>>> + Send;
    /// All tokens.
    fn tokens(&self) -> impl Future<Output = Answer<Vec<KeptToken>>> + Send;
    /// Notes that a token was used.
    fn use_token(&self, id: TokenId, now: Timestamp) -> impl Future<Output = Answer<()>> + Send;
    /// Forgets a token.
    fn forget_token(&self, id: TokenId) -> impl Future<Output = Answer<()>> + Send;
}

/// A person, as kept beside the ledger.
#[derive(Clone)]
pub struct KeptPerson {
    /// Their number in the ledger.
    pub person: PersonId,
    /// Their name, as they gave it.
    pub name: String,
    /// What was mixed into the name's commitment, hex.
    pub salt: String,
    /// Their password's hash, in PHC form.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for KeptPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptPerson")
            .field("person", &self.person)
            .finish_non_exhaustive()
    }
}

/// What somebody's own change of their password rests on.
pub struct RestsOn {
    /// The session in which it was asked for.
    pub session: u64,
    /// The hash against which the old password was checked.
    pub password: Zeroizing<String>,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSession {
    /// Its number; given when it is kept.
    pub id: u64,
    /// Its key's hash.
    pub key: Hash,
    /// Whose.
    pub person: PersonId,
    /// When it began.
    pub since: Timestamp,
    /// When it was last used.
    pub last_used: Timestamp,
    /// The browser, as it named itself.
    pub browser: String,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptToken {
    /// Its number in the ledger.
    pub token: TokenId,
    /// Its key's hash.
    pub key: Hash,
    /// What it is for, in its owner's words.
    pub label: String,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
}
