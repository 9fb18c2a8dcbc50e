//! Every "no" about accounts that is not the core's.

use lavoir_core::limits;
use lavoir_core::text::{Message, Text};

use crate::api::{Detail, Kind, Problem};

/// A field that will not do.
pub(super) fn at(field: &str, code: &str, sentence: Text, next_step: Text) -> Problem {
    let problem = Problem::new(Kind::Unfit, code, sentence, next_step);
    let detail = Detail {
        message: problem.message.clone(),
        at: Some(field.to_owned()),
        field: Some(field.to_owned()),
    };
    problem.with([detail])
}

pub(super) fn wrong_code() -> Problem {
    at(
        "code",
        "setup-code-wrong",
        Text::new("Ce n'est pas le bon code.", "This is not the right code."),
        Text::new(
            "Sur la machine, « lavoir setup-code » l'affiche.",
            "On the box, “lavoir setup-code” shows it.",
        ),
    )
}

/// The same words whether the name or the password is wrong.
pub(super) fn wrong_name_or_password() -> Problem {
    Problem::new(
        Kind::SignedOut,
        "sign-in-wrong",
        Text::new(
            "Ce nom et ce mot de passe ne vont pas ensemble.",
            "This name and this password do not belong together.",
        ),
        Text::new(
            "Vérifiez l'un et l'autre. Mot de passe perdu : sur la machine, « lavoir setup-code --new ».",
            "Check both. Password lost: on the box, “lavoir setup-code --new”.",
        ),
    )
}

pub(super) fn wrong_old_password() -> Problem {
    at(
        "old",
        "password-wrong",
        Text::new(
            "Ce n'est pas votre mot de passe actuel.",
            "This is not your present password.",
        ),
        Text::new("Tapez-le à nouveau.", "Type it again."),
    )
}

pub(super) fn other_name() -> Problem {
    at(
        "name",
        "name-other",
        Text::new(
            "Ce code donne un nouveau mot de passe au compte qui existe ; ce nom n'est pas le sien.",
            "This code gives the existing account a new password; this is not its name.",
        ),
        Text::new(
            "Sur la machine, « lavoir setup-code » dit le nom du compte.",
            "On the box, “lavoir setup-code” says the account's name.",
        ),
    )
}

pub(super) fn name_unfit() -> Problem {
    let max = limits::PERSON_NAME_MAX;
    at(
        "name",
        "name-unfit",
        Text::new(
            format!("Un nom a entre 1 et {max} caractères, sans retour à la ligne."),
            format!("A name has 1 to {max} characters, and no line break."),
        ),
        Text::new("Donnez-en un autre.", "Give another one."),
    )
}

pub(super) fn password_short(field: &str) -> Problem {
    let min = limits::PASSWORD_MIN;
    at(
        field,
        "password-short",
        Text::new(
            format!("Il faut au moins {min} caractères."),
            format!("At least {min} characters are needed."),
        ),
        Text::new(
            "Quatre ou cinq mots sans rapport entre eux se retiennent bien.",
            "Four or five words that have nothing to do with each other are easy to remember.",
        ),
    )
}

pub(super) fn password_easy(field: &str) -> Problem {
    at(
        field,
        "password-easy",
        Text::new(
            "Ce mot de passe se devine trop vite.",
            "This password is guessed too quickly.",
        ),
        Text::new(
            "Choisissez des caractères plus variés, et pas votre nom.",
            "Choose more varied characters, and not your name.",
        ),
    )
}

pub(super) fn password_long(field: &str) -> Problem {
    let max = limits::PASSWORD_MAX;
    at(
        field,
        "password-long",
        Text::new(
            format!("Un mot de passe a au plus {max} caractères."),
            format!("A password has at most {max} characters."),
        ),
        Text::new("Prenez-en un plus court.", "Take a shorter one."),
    )
}

pub(super) fn label_unfit() -> Problem {
    at(
        "label",
        "token-label-unfit",
        Text::new(
            "Dites en une ligne à quoi sert ce jeton.",
            "Say in one line what this token is for.",
        ),
        Text::new(
            "Par exemple : « sauvegarde du soir ».",
            "For instance: “evening backup”.",
        ),
    )
}

pub(super) fn life_unfit(message: Message) -> Problem {
    let problem = Problem::new(
        Kind::Unfit,
        &message.code,
        message.sentence.clone(),
        message.next_step.clone(),
    );
    problem.with([Detail {
        message,
        at: Some("days".to_owned()),
        field: Some("days".to_owned()),
    }])
}

pub(super) fn too_often() -> Problem {
    Problem::new(
        Kind::TooOften,
        "sign-in-too-often",
        Text::new(
            "Trop d'essais pour ce nom en peu de temps.",
            "Too many tries for this name in a short time.",
        ),
        Text::new(
            "Attendez une minute, puis recommencez.",
            "Wait a minute, then try again.",
        ),
    )
}

pub(super) fn busy() -> Problem {
    Problem::new(
        Kind::TooOften,
        "sign-in-busy",
        Text::new(
            "Trop de personnes entrent au même moment.",
            "Too many people come in at the same moment.",
        ),
        Text::new("Recommencez dans un instant.", "Try again in a moment."),
    )
}

pub(super) fn signed_out() -> Problem {
    Problem::new(
        Kind::SignedOut,
        "signed-out",
        Text::new("Votre session a pris fin.", "Your session has ended."),
        Text::new("Entrez à nouveau.", "Sign in again."),
    )
}
