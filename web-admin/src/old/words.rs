//! Sentences that depend on what there is to say.

use lavoir_core::standing::Sign;
use lavoir_core::text::Text;

use super::Service;

pub(crate) fn lead(services: &[Service]) -> Text {
    let count = |sign| services.iter().filter(|s| s.sign == sign).count();
    let (fine, busy) = (count(Sign::Fine) + count(Sign::Warn), count(Sign::Busy));
    let attention = count(Sign::Grave) + count(Sign::Warn);
    if services.is_empty() {
        return Text::new(
            "Aucun service n'est encore installé.",
            "No app is installed yet.",
        );
    }
    let open = match fine {
        0 => Text::new("Aucun service n'est ouvert.", "No app is open."),
        1 => Text::new("Un service est ouvert.", "One app is open."),
        n => Text::new(
            format!("{n} services sont ouverts."),
            format!("{n} apps are open."),
        ),
    };
    let then = match (attention, busy) {
        (0, 0) => Text::new("", ""),
        (0, _) => Text::new(" Un changement est en cours.", " A change is under way."),
        (1, _) => Text::new(
            " Une chose demande votre attention.",
            " One thing needs your attention.",
        ),
        (n, _) => Text::new(
            format!(" {n} choses demandent votre attention."),
            format!(" {n} things need your attention."),
        ),
    };
    Text::new(open.fr + &then.fr, open.en + &then.en)
}

pub(crate) fn wrong() -> Text {
    Text::new(
        "Ce n'est pas le bon code. Sur la machine, « lavoir setup-code » l'affiche.",
        "This is not the code. On the box, “lavoir setup-code” shows it.",
    )
}

pub(crate) fn too_often() -> Text {
    Text::new(
        "Trop d'essais en peu de temps. Attendez une minute, puis recommencez.",
        "Too many tries in a short time. Wait a minute, then try again.",
    )
}

pub(crate) fn unsound() -> Text {
    Text::new(
        "Ce formulaire ne vient pas de cette page. Recommencez depuis celle-ci.",
        "This form did not come from this page. Try again from this one.",
    )
}
