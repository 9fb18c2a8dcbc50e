//! People with an account, and the tokens of programs: what of them is decided. Names, passwords and keys stand beside
//! the ledger (law L6).

use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::id::{PersonId, Timestamp, TokenId};

/// Who may act besides root: a part of the state. Read-only outside this crate (law L4).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Accounts {
    people: BTreeMap<PersonId, Person>,
    tokens: BTreeMap<TokenId, Token>,
    tokens_made: u64,
    setup_code_used: bool,
}

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Since when.
    pub since: Timestamp,
    /// Salted commitment to the name: once salt and name are erased, nothing ties it to anybody.
    pub commitment: String,
}

/// A token: a program acts with it for the one who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Who made it; none when it was made on the box itself.
    pub owner: Option<PersonId>,
    /// What it may.
    pub scope: Scope,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// What a token may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Look, and nothing else.
    Read,
    /// Look, and act as its owner may.
    Act,
}

impl Accounts {
    /// Everybody with an account.
    pub fn people(&self) -> &BTreeMap<PersonId, Person> {
        &self.people
    }

    /// The number that the next account gets.
    pub fn next_person(&self) -> PersonId {
        let last = self.people.keys().next_back().map_or(0, |id| id.0);
        PersonId(last.saturating_add(1))
    }

    /// Tokens that nobody has ended; some may have come to their end by time.
    pub fn tokens(&self) -> &BTreeMap<TokenId, Token> {
        &self.tokens
    }

    /// A token that may still be used.
    pub fn living(&self, token: TokenId, now: Timestamp) -> Option<&Token> {
        self.tokens.get(&token).filter(|token| now < token.until)
    }

    /// The number that the next token gets.
    pub fn next_token(&self) -> TokenId {
        TokenId(self.tokens_made.saturating_add(1))
    }

    /// Whether a set-up code waits to be used: it opens the first account, or resets its password.
    pub fn setup_code_waits(&self) -> bool {
        !self.setup_code_used
    }

    pub(crate) fn apply(&mut self, time: Timestamp, event: &Event) {
        match event {
            Event::AccountOpened { person, commitment } => {
                let commitment = commitment.clone();
                let since = time;
                self.people.insert(*person, Person { since, commitment });
                self.setup_code_used = true;
            }
            Event::PasswordReset { person } => {
                self.tokens.retain(|_, token| token.owner != Some(*person));
                self.setup_code_used = true;
            }
            Event::SetupCodeMade {} => self.setup_code_used = false,
            Event::TokenMade {
                token,
                owner,
                scope,
                until,
            } => {
                let made = Token {
                    owner: *owner,
                    scope: *scope,
                    since: time,
                    until: *until,
                };
                self.tokens.insert(*token, made);
                self.tokens_made = self.tokens_made.max(token.0);
            }
            Event::TokenRevoked { token } => {
                self.tokens.remove(token);
            }
            // That one was ended may stand in what was set aside.
            Event::LedgerRepaired { .. } => self.tokens.clear(),
            _ => {}
        }
    }
}
