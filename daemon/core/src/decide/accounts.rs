//! Accounts and tokens: who may open, reset, make and end them.

use super::may;
use crate::command::{Action, Actor};
use crate::event::Event;
use crate::id::{PersonId, Timestamp};
use crate::limits;
use crate::refusal::{AccountRefusal, Refusal};
use crate::state::State;

/// Decides on an act that is about no app.
pub(super) fn act(
    state: &State,
    actor: &Actor,
    action: &Action,
    now: Timestamp,
) -> Result<Event, Refusal> {
    may(state, actor, now)?;
    // A program makes no other program, and opens no door to itself that outlives its token.
    if matches!(actor, Actor::Token(_)) {
        return Err(Refusal::NotYours);
    }
    let accounts = state.accounts();
    match action {
        Action::OpenAccount { person, commitment } => {
            with_code(state, actor)?;
            if !accounts.people().is_empty() {
                return Err(AccountRefusal::AccountThere.into());
            }
            if *person != accounts.next_person() {
                return Err(AccountRefusal::NumberTaken.into());
            }
            Ok(Event::AccountOpened {
                person: *person,
                commitment: commitment.clone(),
            })
        }
        Action::ResetPassword { person } => {
            with_code(state, actor)?;
            known(state, *person)?;
            Ok(Event::PasswordReset { person: *person })
        }
        Action::ChangePassword { person } => match actor {
            Actor::Person(own) if own == person => Ok(Event::PasswordChanged { person: *person }),
            _ => Err(Refusal::NotYours),
        },
        Action::MakeSetupCode => match actor {
            Actor::Installer if accounts.setup_code_waits() => {
                Err(AccountRefusal::SetupCodeWaits.into())
            }
            Actor::Installer => Ok(Event::SetupCodeMade {}),
            _ => Err(Refusal::NotYours),
        },
        Action::MakeToken {
            token,
            scope,
            until,
        } => {
            let latest = now.0.saturating_add(limits::TOKEN_LIFE_MS_MAX);
            if *until <= now || until.0 > latest {
                let days = limits::TOKEN_LIFE_MS_MAX / limits::DAY_MS;
                return Err(AccountRefusal::TokenLife { days }.into());
            }
            let living = accounts.tokens().values().filter(|made| now < made.until);
            if living.count() >= limits::TOKENS_MAX {
                let max = limits::TOKENS_MAX;
                return Err(AccountRefusal::TooManyTokens { max }.into());
            }
            if *token != accounts.next_token() {
                return Err(AccountRefusal::NumberTaken.into());
            }
            let owner = match actor {
                Actor::Person(person) => Some(*person),
                _ => None,
            };
            Ok(Event::TokenMade {
                token: *token,
                owner,
                scope: *scope,
                until: *until,
            })
        }
        Action::RevokeToken { token } => match accounts.tokens().get(token) {
            Some(made) => match actor {
                Actor::Person(own) if made.owner != Some(*own) => Err(Refusal::NotYours),
                _ => Ok(Event::TokenRevoked { token: *token }),
            },
            None => Err(AccountRefusal::NoSuchToken { token: *token }.into()),
        },
        _ => Err(Refusal::NotYours),
    }
}

/// The set-up code stands for the one who installs; it serves once.
fn with_code(state: &State, actor: &Actor) -> Result<(), Refusal> {
    match actor {
        Actor::Installer if state.accounts().setup_code_waits() => Ok(()),
        Actor::Installer => Err(AccountRefusal::SetupCodeUsed.into()),
        _ => Err(Refusal::NotYours),
    }
}

fn known(state: &State, person: PersonId) -> Result<(), Refusal> {
    match state.accounts().people().contains_key(&person) {
        true => Ok(()),
        false => Err(AccountRefusal::NoSuchPerson { person }.into()),
    }
}
