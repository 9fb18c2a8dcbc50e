//! Whether the box's clock can be right. Nothing waits for it to be: services go on, and the ledger's time never runs
//! back.

use alloc::format;

use crate::day::Day;
use crate::id::Timestamp;
use crate::text::{Message, Text};

/// No box of this version ran before: 2026-01-01.
pub const MADE: Timestamp = Timestamp(1_767_225_600_000);
/// Clocks are put right by so much all the time.
const USUAL_MS: u64 = 5 * 60_000;

/// Why the clock is wrong, or was when the last entry was written; nothing when it may be right.
pub fn doubt(now: Timestamp, last_entry: Timestamp) -> Option<Message> {
    let (today, last) = (Day::of(now), Day::of(last_entry));
    let (today, last) = (today.as_str(), last.as_str());
    let next_step = Text::new(
        "Les services continuent. Voyez « timedatectl » ; reliez la machine au réseau, ou changez la pile de sa carte mère.",
        "The apps go on. See “timedatectl”; connect the box to the network, or change the battery on its mainboard.",
    );
    if now < MADE {
        return Some(Message {
            code: "clock-wrong".into(),
            sentence: Text::new(
                format!("L'horloge de la machine est fausse : elle dit {today}."),
                format!("The box's clock is wrong: it says {today}."),
            ),
            next_step,
        });
    }
    if now.0.saturating_add(USUAL_MS) >= last_entry.0 {
        return None;
    }
    Some(Message {
        code: "clock-behind-ledger".into(),
        sentence: Text::new(
            format!(
                "L'horloge de la machine dit {today}, mais la dernière entrée du registre est du {last} : l'une des deux dates est fausse."
            ),
            format!(
                "The box's clock says {today}, but the ledger's last entry is of {last}: one of the two dates is wrong."
            ),
        ),
        next_step: Text::new(
            format!(
                "{} Si l'horloge est juste maintenant, rien n'est à faire : le registre garde la date du {last} jusqu'à ce qu'elle soit passée.",
                next_step.fr
            ),
            format!(
                "{} If the clock is right now, there is nothing to do: the ledger keeps the date {last} until it has passed.",
                next_step.en
            ),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_cannot_be_right_is_told() {
        let later = |ms: u64| Timestamp(MADE.0 + ms);
        let year = 365 * 86_400_000;
        for (now, last, code) in [
            (Timestamp(0), Timestamp(0), Some("clock-wrong")),
            (Timestamp(0), later(9), Some("clock-wrong")),
            (later(0), Timestamp(0), None),
            (later(year), later(9), None),
            (later(0), later(USUAL_MS), None),
            (later(0), later(USUAL_MS + 1), Some("clock-behind-ledger")),
            (later(9), later(year), Some("clock-behind-ledger")),
        ] {
            let told = doubt(now, last).map(|told| told.code);
            assert_eq!(told.as_deref(), code, "{now:?} {last:?}");
        }
    }
}
