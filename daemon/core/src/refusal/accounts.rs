//! Every "no" about accounts and tokens.

use alloc::format;

use crate::id::{PersonId, TokenId};
use crate::text::Text;

/// A rule about accounts said no.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // each is explained by its own sentence
pub enum AccountRefusal {
    SetupCodeUsed,
    SetupCodeWaits,
    AccountThere,
    NumberTaken,
    NoSuchPerson { person: PersonId },
    NoSuchToken { token: TokenId },
    TokenEnded,
    TokenReadsOnly,
    TokenLife { days: u64 },
    TooManyTokens { max: usize },
}

impl AccountRefusal {
    pub(super) fn code(&self) -> &'static str {
        match self {
            AccountRefusal::SetupCodeUsed => "setup-code-used",
            AccountRefusal::SetupCodeWaits => "setup-code-waits",
            AccountRefusal::AccountThere => "account-there",
            AccountRefusal::NumberTaken => "number-taken",
            AccountRefusal::NoSuchPerson { .. } => "no-such-person",
            AccountRefusal::NoSuchToken { .. } => "no-such-token",
            AccountRefusal::TokenEnded => "token-ended",
            AccountRefusal::TokenReadsOnly => "token-reads-only",
            AccountRefusal::TokenLife { .. } => "token-life",
            AccountRefusal::TooManyTokens { .. } => "too-many-tokens",
        }
    }

    pub(super) fn texts(&self) -> (Text, Text) {
        match self {
            AccountRefusal::SetupCodeUsed => (
                Text::new(
                    "Le code de mise en route a déjà servi.",
                    "The set-up code was used already.",
                ),
                Text::new(
                    "Entrez avec votre nom et votre mot de passe. Mot de passe perdu : sur la machine, « lavoir setup-code --new ».",
                    "Sign in with your name and password. Password lost: on the box, “lavoir setup-code --new”.",
                ),
            ),
            AccountRefusal::SetupCodeWaits => (
                Text::new(
                    "Un code de mise en route attend déjà.",
                    "A set-up code waits already.",
                ),
                Text::new(
                    "Affichez-le : « lavoir setup-code ».",
                    "Show it: “lavoir setup-code”.",
                ),
            ),
            AccountRefusal::AccountThere => (
                Text::new(
                    "La personne qui installe a déjà son compte.",
                    "The person who installs has their account already.",
                ),
                Text::new(
                    "Entrez avec son nom et son mot de passe.",
                    "Sign in with its name and password.",
                ),
            ),
            AccountRefusal::NumberTaken => (
                Text::new(
                    "Quelqu'un l'a demandé au même moment.",
                    "Somebody asked for it at the same moment.",
                ),
                Text::new("Redemandez.", "Ask again."),
            ),
            AccountRefusal::NoSuchPerson { person } => (
                Text::new(
                    format!("Aucun compte n'a le numéro {}.", person.0),
                    format!("No account has the number {}.", person.0),
                ),
                Text::new("Vérifiez le numéro.", "Check the number."),
            ),
            AccountRefusal::NoSuchToken { token } => (
                Text::new(
                    format!(
                        "Aucun jeton n'a le numéro {}, ou il a déjà pris fin.",
                        token.0
                    ),
                    format!(
                        "No token has the number {}, or it has ended already.",
                        token.0
                    ),
                ),
                Text::new(
                    "La liste est dans « lavoir token list ».",
                    "See the list in “lavoir token list”.",
                ),
            ),
            AccountRefusal::TokenEnded => (
                Text::new("Ce jeton a pris fin.", "This token has ended."),
                Text::new(
                    "Faites-en un autre : « lavoir token create ».",
                    "Make another one: “lavoir token create”.",
                ),
            ),
            AccountRefusal::TokenReadsOnly => (
                Text::new(
                    "Ce jeton permet de lire, pas d'agir.",
                    "This token may read, not act.",
                ),
                Text::new(
                    "Faites-en un qui permet d'agir : « lavoir token create --scope act ».",
                    "Make one that may act: “lavoir token create --scope act”.",
                ),
            ),
            AccountRefusal::TokenLife { days } => (
                Text::new(
                    format!("Un jeton dure au moins un instant et au plus {days} jours."),
                    format!("A token lasts for at least a moment and at most {days} days."),
                ),
                Text::new("Choisissez une autre durée.", "Choose another time."),
            ),
            AccountRefusal::TooManyTokens { max } => (
                Text::new(
                    format!("Il y a déjà {max} jetons."),
                    format!("There are {max} tokens already."),
                ),
                Text::new(
                    "Mettez fin à ceux qui ne servent plus : « lavoir token revoke ».",
                    "End those that are no longer needed: “lavoir token revoke”.",
                ),
            ),
        }
    }
}
