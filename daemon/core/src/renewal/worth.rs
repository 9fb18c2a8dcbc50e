//! Whether a TLS certificate may take another's place: a valid one never gives way to a worse one.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Life;
use crate::id::{Hostname, Timestamp};

/// A certificate, as far as this rule looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// The names it is for.
    pub names: Vec<Hostname>,
    /// From when to when.
    pub life: Life,
    /// Signed by nobody but itself.
    pub self_signed: bool,
    /// Whether the key at hand is the certificate's.
    pub key_fits: bool,
}

impl Paper {
    /// Whether a browser would take it for this name.
    pub fn is_valid_for(&self, host: &Hostname, now: Timestamp) -> bool {
        self.key_fits && !self.self_signed && self.life.holds(now) && self.names.contains(host)
    }
}

/// Why it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worse {
    /// The key is another's.
    Key,
    /// Not for the name it was ordered for.
    WrongNames,
    /// Names that the one in use bears are missing.
    FewerNames,
    /// Signed by itself.
    SelfSigned,
    /// It has ended, or has not begun.
    NotValid,
    /// It ends sooner than the one in use.
    Shorter,
}

/// Certificates begin a little before they are made; a machine may still be late by this much, ms.
const LATE_MS: u64 = 3_600_000;

/// Whether `new`, ordered for `host`, may take the place of what is `held`. `short_wanted`: the settings ask for
/// short-lived certificates, so that one that ends sooner is no loss.
///
/// # Errors
/// The first reason why it may not.
pub fn may_replace(
    held: Option<&Paper>,
    new: &Paper,
    host: &Hostname,
    short_wanted: bool,
    now: Timestamp,
) -> Result<(), Worse> {
    if !new.key_fits {
        return Err(Worse::Key);
    }
    if !new.names.contains(host) {
        return Err(Worse::WrongNames);
    }
    if new.self_signed {
        return Err(Worse::SelfSigned);
    }
    if !new.life.holds(now) && !new.life.holds(Timestamp(now.0.saturating_add(LATE_MS))) {
        return Err(Worse::NotValid);
    }
    // What is no longer valid gives way to anything that is.
    let Some(held) = held.filter(|held| held.is_valid_for(host, now)) else {
        return Ok(());
    };
    if held.names.iter().any(|name| !new.names.contains(name)) {
        return Err(Worse::FewerNames);
    }
    if new.life.not_after < held.life.not_after && !short_wanted {
        return Err(Worse::Shorter);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::vec;

    const DAY: u64 = 24 * 3_600_000;
    const NOW: Timestamp = Timestamp(20_000 * DAY);

    fn host(name: &str) -> Hostname {
        name.parse().unwrap()
    }

    fn paper(from: i64, to: i64) -> Paper {
        let day = |d: i64| Timestamp(NOW.0.checked_add_signed(d * DAY as i64).unwrap());
        Paper {
            names: vec![host("a.example.org")],
            life: Life {
                not_before: day(from),
                not_after: day(to),
            },
            self_signed: false,
            key_fits: true,
        }
    }

    #[test]
    fn a_valid_certificate_never_gives_way_to_a_worse_one() {
        let held = paper(-60, 30);
        let both = Paper {
            names: vec![host("a.example.org"), host("b.example.org")],
            ..paper(-60, 30)
        };
        let other_name = Paper {
            names: vec![host("b.example.org")],
            ..paper(0, 90)
        };
        let self_signed = Paper {
            self_signed: true,
            ..paper(0, 900)
        };
        let other_key = Paper {
            key_fits: false,
            ..paper(0, 90)
        };
        let table = [
            ("none yet", None, paper(0, 90), false, Ok(())),
            ("longer", Some(&held), paper(0, 90), false, Ok(())),
            ("as long", Some(&held), paper(0, 30), false, Ok(())),
            (
                "shorter",
                Some(&held),
                paper(0, 29),
                false,
                Err(Worse::Shorter),
            ),
            ("shorter, wanted", Some(&held), paper(0, 6), true, Ok(())),
            (
                "not begun",
                Some(&held),
                paper(1, 90),
                false,
                Err(Worse::NotValid),
            ),
            (
                "ended",
                Some(&held),
                paper(-90, -1),
                false,
                Err(Worse::NotValid),
            ),
            (
                "ended, none held",
                None,
                paper(-90, -1),
                false,
                Err(Worse::NotValid),
            ),
            (
                "key of another",
                Some(&held),
                other_key.clone(),
                false,
                Err(Worse::Key),
            ),
            (
                "key of another, none held",
                None,
                other_key,
                false,
                Err(Worse::Key),
            ),
            (
                "wrong name",
                Some(&held),
                other_name.clone(),
                false,
                Err(Worse::WrongNames),
            ),
            (
                "wrong name, wanted short",
                Some(&held),
                other_name,
                true,
                Err(Worse::WrongNames),
            ),
            (
                "fewer names",
                Some(&both),
                paper(0, 90),
                false,
                Err(Worse::FewerNames),
            ),
            (
                "fewer names, wanted short",
                Some(&both),
                paper(0, 90),
                true,
                Err(Worse::FewerNames),
            ),
            (
                "more names",
                Some(&held),
                Paper {
                    life: paper(0, 90).life,
                    ..both.clone()
                },
                false,
                Ok(()),
            ),
            (
                "self-signed",
                Some(&held),
                self_signed.clone(),
                false,
                Err(Worse::SelfSigned),
            ),
            (
                "self-signed, none held",
                None,
                self_signed,
                false,
                Err(Worse::SelfSigned),
            ),
        ];
        for (what, held, new, short, expected) in table {
            let got = may_replace(held, &new, &host("a.example.org"), short, NOW);
            assert_eq!(got, expected, "{what}");
        }
        // What has ended protects nothing: neither its names nor its end.
        let ended = Paper {
            life: paper(-90, -1).life,
            ..both
        };
        let new = paper(0, 6);
        assert_eq!(
            may_replace(Some(&ended), &new, &host("a.example.org"), false, NOW),
            Ok(())
        );
    }
}
