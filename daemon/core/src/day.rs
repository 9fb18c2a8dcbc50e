//! A day of the calendar: how fresh the packages of an image made on the box are.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::id::Timestamp;

/// A day, `2026-11-22`, in universal time. Later ones compare as greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(String);

impl Day {
    /// The day of a moment. After the year 9999 it stays there.
    pub fn of(moment: Timestamp) -> Self {
        // Days are counted from 0000-03-01, so that a leap day ends its year (H. Hinnant, “chrono-compatible low-level
        // date algorithms”).
        let days = moment.0 / 86_400_000 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march + 2) / 5 + 1;
        let month = if march < 10 { march + 3 } else { march - 9 };
        let year = year + era * 400 + u64::from(month <= 2);
        if year > 9_999 {
            return Self("9999-12-31".to_owned());
        }
        Self(format!("{year:04}-{month:02}-{day:02}"))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `2026-11`.
    pub fn month(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl TryFrom<String> for Day {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(at, sign)| match at {
                4 | 7 => sign == b'-',
                _ => sign.is_ascii_digit(),
            });
        if shaped {
            Ok(Self(text))
        } else {
            Err("expected a day, such as 2026-11-22")
        }
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_their_day() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
            (4_107_542_400, "2100-03-01"),
            (u64::MAX / 1_000, "9999-12-31"),
        ] {
            assert_eq!(Day::of(Timestamp(seconds * 1_000)).as_str(), day);
        }
        assert_eq!(Day::of(Timestamp(0)).month(), "1970-01");
    }

    #[test]
    fn only_a_day_is_read_as_one() {
        for (text, good) in [
            ("2026-11-22", true),
            ("2026-11-2", false),
            ("2026/11/22", false),
            ("20é6-11-22", false),
        ] {
            assert_eq!(Day::try_from(String::from(text)).is_ok(), good, "{text}");
        }
    }
}
