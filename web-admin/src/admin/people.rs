//! Who asks, and how the daemon says no.

use lavoir_core::id::{PersonId, Timestamp};
use lavoir_core::text::Message;
use zeroize::Zeroizing;

use super::ComesFrom;

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Their number.
    pub person: PersonId,
    /// Their name, as they gave it.
    pub name: String,
    /// The session's own number: two sessions of one person have two.
    pub id: u64,
    /// When it began.
    pub since: Timestamp,
}

/// Name and password, as typed.
pub struct Credentials {
    /// The name.
    pub name: String,
    /// The password.
    pub password: Zeroizing<String>,
    /// From where.
    pub from: ComesFrom,
    /// The browser, as it names itself; bounded, never trusted.
    pub browser: String,
}

/// The first account, as typed.
pub struct FirstAccount {
    /// The set-up code.
    pub code: Zeroizing<String>,
    /// The name.
    pub name: String,
    /// The password; the panel has seen that it was typed twice alike.
    pub password: Zeroizing<String>,
    /// From where.
    pub from: ComesFrom,
    /// The browser, as it names itself.
    pub browser: String,
}

/// A session that just began.
pub struct NewSession {
    /// For the cookie: letters, digits, `-` and `_` only.
    pub token: Zeroizing<String>,
    /// For how long at the most, seconds.
    pub lasts_s: u64,
    /// Whose.
    pub session: Session,
}

/// A person's own page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Their open sessions, the latest first.
    pub sessions: Vec<SessionLine>,
    /// Their tokens, the latest first.
    pub tokens: Vec<TokenLine>,
}

/// An open session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLine {
    /// Its number.
    pub id: u64,
    /// When it began.
    pub since: Timestamp,
    /// When it was last used.
    pub last_used: Timestamp,
    /// The browser, as it named itself.
    pub browser: String,
}

/// A token for the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenLine {
    /// Its number.
    pub id: u64,
    /// What it is for, in the person's words.
    pub label: String,
    /// What it may.
    pub scope: TokenScope,
    /// When it was made.
    pub made: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
}

/// What a token may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScope {
    /// Look, and nothing else.
    Read,
    /// Look and act as the person may.
    Act,
}

/// A token that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What it is for.
    pub label: String,
    /// What it may.
    pub scope: TokenScope,
    /// For how many days.
    pub days: u32,
}

/// A "no", in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct No {
    /// What kind: it chooses the page's status.
    pub kind: NoKind,
    /// Code, sentence, next step.
    pub message: Message,
    /// Each thing to put right, where there are several.
    pub problems: Vec<Problem>,
    /// Under which number the journal tells more.
    pub operation: Option<String>,
}

/// One thing to put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which field: a question's name, `host`, or one of the names that the trait tells. None when it is about the
    /// whole.
    pub at: Option<String>,
    /// Code, sentence, next step.
    pub message: Message,
}

/// What kind of "no" it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoKind {
    /// The session ended meanwhile: sign in again.
    SignedOut,
    /// Not yours to ask.
    Forbidden,
    /// There is no such thing.
    Missing,
    /// It does not fit what is decided already, or not on the machine.
    Conflict,
    /// Answers are not good.
    Unfit,
    /// Too often in a short time.
    TooOften,
    /// Something broke, or what is needed is away.
    Broken,
}
