//! Numbers, sizes, durations, dates, as the reader writes them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan as _, Zoned};
use lavoir_core::amount::{self, tenths};
pub(crate) use lavoir_core::amount::{disk, memory, number};
use lavoir_core::id::Timestamp;
use lavoir_core::text::Language;
use serde::Serialize;

const NO_BREAK: char = '\u{a0}';
const MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS_FR: [&str; 7] = [
    "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
];
const DAYS_EN: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// A moment: for programs, and in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Moment {
    /// For `<time datetime>`.
    pub(crate) iso: String,
    /// As short as it stays clear: “yesterday at 18:40”.
    pub(crate) words: String,
}

/// Memory given in MiB.
pub(crate) fn memory_mib(mib: u64, language: Language) -> String {
    amount::memory_mib(mib).get(language).to_owned()
}

/// Disk given in MiB.
pub(crate) fn disk_mib(mib: u64, language: Language) -> String {
    amount::disk_mib(mib).get(language).to_owned()
}

/// Thousandths as a percentage.
pub(crate) fn percent(permille: u64, language: Language) -> String {
    let whole = number((permille + 5) / 10, language);
    match language {
        Language::Fr => format!("{whole}{NO_BREAK}%"),
        Language::En => format!("{whole}%"),
    }
}

/// Degrees.
pub(crate) fn celsius(thousandths: i32, language: Language) -> String {
    let sign = if thousandths <= -500 { "−" } else { "" };
    let whole = (u64::from(thousandths.unsigned_abs()) + 500) / 1000;
    format!("{sign}{}{NO_BREAK}°C", number(whole, language))
}

/// How long something takes or took.
pub(crate) fn duration(ms: u64, language: Language) -> String {
    let s = ms / 1000;
    let (minutes, hours, days) = (s / 60, s / 3600, s / 86_400);
    let part = |n: u64, unit: &str| format!("{}{NO_BREAK}{unit}", number(n, language));
    let two = |a: String, n: u64, unit: &str| match n {
        0 => a,
        n => format!("{a}{NO_BREAK}{}", part(n, unit)),
    };
    if s < 10 {
        format!("{}{NO_BREAK}s", tenths(ms / 100, language))
    } else if minutes == 0 {
        part(s, "s")
    } else if hours == 0 {
        two(part(minutes, "min"), s % 60, "s")
    } else if days == 0 {
        two(part(hours, "h"), minutes % 60, "min")
    } else {
        let unit = match (language, days) {
            (Language::Fr, 1) => "jour",
            (Language::Fr, _) => "jours",
            (Language::En, 1) => "day",
            (Language::En, _) => "days",
        };
        part(days, unit)
    }
}

/// How long something is likely to take: as coarse as such a guess is, and never shorter than what was seen.
pub(crate) fn about(ms: u64, language: Language) -> String {
    let s = ms.div_ceil(1_000);
    let coarse = match s {
        0..=10 => 10,
        11..=60 => s.next_multiple_of(5),
        61..=300 => s.next_multiple_of(30),
        301..=3_600 => s.next_multiple_of(60),
        _ => s.next_multiple_of(600),
    };
    let time = duration(coarse * 1_000, language);
    match (language, s <= 10) {
        (Language::Fr, true) => format!("moins de {time}"),
        (Language::Fr, false) => format!("environ {time}"),
        (Language::En, true) => format!("less than {time}"),
        (Language::En, false) => format!("about {time}"),
    }
}

/// The clock of the box and the reader's language.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    language: Language,
    zone: TimeZone,
    now: Zoned,
}

impl Calendar {
    /// An unknown zone is UTC.
    pub(crate) fn new(language: Language, zone: &str, now: Timestamp) -> Self {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        Self {
            language,
            now: zoned(now, &zone),
            zone,
        }
    }

    /// A moment, told from now.
    pub(crate) fn moment(&self, at: Timestamp) -> Moment {
        let then = zoned(at, &self.zone);
        Moment {
            iso: then.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            words: self.words(&then),
        }
    }

    /// The same for a moment of these last hours, as short as can be: for pictures.
    pub(crate) fn lately(&self, at: Timestamp) -> String {
        let then = zoned(at, &self.zone);
        let clock = self.clock(&then);
        if then.date() == self.now.date() {
            return clock;
        }
        match self.language {
            Language::Fr => format!("hier, {clock}"),
            Language::En => format!("yesterday, {clock}"),
        }
    }

    fn words(&self, then: &Zoned) -> String {
        let (today, day) = (self.now.date(), then.date());
        let yesterday = today.saturating_sub(1.day());
        let tomorrow = today.saturating_add(1.day());
        let week = today.saturating_sub(6.days());
        let clock = self.clock(then);
        let weekday = usize::try_from(then.weekday().to_monday_zero_offset()).unwrap_or(0);
        match self.language {
            Language::Fr if day == today => format!("aujourd’hui à {clock}"),
            Language::Fr if day == yesterday => format!("hier à {clock}"),
            Language::Fr if day == tomorrow => format!("demain à {clock}"),
            Language::Fr if day > week && day < today => format!("{} à {clock}", DAYS_FR[weekday]),
            Language::Fr => format!("{} à {clock}", self.day(then)),
            Language::En if day == today => format!("today at {clock}"),
            Language::En if day == yesterday => format!("yesterday at {clock}"),
            Language::En if day == tomorrow => format!("tomorrow at {clock}"),
            Language::En if day > week && day < today => format!("{} at {clock}", DAYS_EN[weekday]),
            Language::En => format!("{} at {clock}", self.day(then)),
        }
    }

    /// The day of a moment, by the box's clock.
    pub(crate) fn day_of(&self, at: Timestamp) -> Date {
        zoned(at, &self.zone).date()
    }

    /// Whether it was in the night that has just ended.
    pub(crate) fn is_last_night(&self, at: Timestamp) -> bool {
        let then = zoned(at, &self.zone);
        then.date() == self.now.date() && then.hour() < 8
    }

    /// Today, by the box's clock.
    pub(crate) fn today(&self) -> Date {
        self.now.date()
    }

    /// A day of these last weeks: “Saturday 21 November”.
    pub(crate) fn recent_day(&self, day: Date) -> String {
        let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
        let days = match self.language {
            Language::Fr => DAYS_FR,
            Language::En => DAYS_EN,
        };
        format!("{} {}", days[weekday], self.short_day(day))
    }

    /// The same without the day of the week.
    pub(crate) fn short_day(&self, day: Date) -> String {
        let month = usize::try_from(day.month() - 1).unwrap_or(0) % 12;
        match (self.language, day.day()) {
            (Language::Fr, 1) => format!("1er{NO_BREAK}{}", MONTHS_FR[month]),
            (Language::Fr, n) => format!("{n}{NO_BREAK}{}", MONTHS_FR[month]),
            (Language::En, n) => format!("{n}{NO_BREAK}{}", MONTHS_EN[month]),
        }
    }

    /// A day, with its year.
    pub(crate) fn date(&self, at: Timestamp) -> String {
        self.day(&zoned(at, &self.zone))
    }

    fn day(&self, then: &Zoned) -> String {
        let month = usize::try_from(then.month() - 1).unwrap_or(0) % 12;
        let (day, year) = (then.day(), then.year());
        match self.language {
            Language::Fr if day == 1 => format!("1er{NO_BREAK}{} {year}", MONTHS_FR[month]),
            Language::Fr => format!("{day}{NO_BREAK}{} {year}", MONTHS_FR[month]),
            Language::En => format!("{day}{NO_BREAK}{} {year}", MONTHS_EN[month]),
        }
    }

    fn clock(&self, then: &Zoned) -> String {
        let (hour, minute) = (then.hour(), then.minute());
        match self.language {
            Language::Fr if minute == 0 => format!("{hour}{NO_BREAK}h"),
            Language::Fr => format!("{hour}{NO_BREAK}h{NO_BREAK}{minute:02}"),
            Language::En => format!("{hour:02}:{minute:02}"),
        }
    }
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Zoned {
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    let instant = Instant::from_millisecond(ms).unwrap_or(Instant::UNIX_EPOCH);
    instant.to_zoned(zone.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_degrees() {
        use Language::{En, Fr};
        assert_eq!(percent(374, Fr), "37\u{a0}%");
        assert_eq!(percent(1000, En), "100%");
        assert_eq!(celsius(44_400, Fr), "44\u{a0}°C");
        assert_eq!(celsius(-3_000, En), "−3\u{a0}°C");
    }

    #[test]
    fn durations() {
        use Language::{En, Fr};
        for (ms, fr) in [
            (400, "0,4\u{a0}s"),
            (9_960, "9,9\u{a0}s"),
            (108_000, "1\u{a0}min\u{a0}48\u{a0}s"),
            (120_000, "2\u{a0}min"),
            (11_520_000, "3\u{a0}h\u{a0}12\u{a0}min"),
            (3_542_400_000, "41\u{a0}jours"),
        ] {
            assert_eq!(duration(ms, Fr), fr);
        }
        assert_eq!(duration(90_000_000, En), "1\u{a0}day");
    }

    #[test]
    fn guesses_are_coarse_and_never_shorter_than_what_was_seen() {
        use Language::{En, Fr};
        for (ms, fr) in [
            (0, "moins de 10\u{a0}s"),
            (9_400, "moins de 10\u{a0}s"),
            (10_400, "environ 15\u{a0}s"),
            (58_000, "environ 1\u{a0}min"),
            (71_000, "environ 1\u{a0}min\u{a0}30\u{a0}s"),
            (400_000, "environ 7\u{a0}min"),
            (5_400_000, "environ 1\u{a0}h\u{a0}30\u{a0}min"),
        ] {
            assert_eq!(about(ms, Fr), fr);
        }
        assert_eq!(about(3_000, En), "less than 10\u{a0}s");
    }

    #[test]
    fn dates_by_the_clock_of_the_box() {
        // 22 November 2026, 07:00 UTC.
        let now = Timestamp(1_795_330_800_000);
        let calendar = |language| Calendar::new(language, "Europe/Paris", now);
        let ago = |hours: u64| Timestamp(now.0 - hours * 3_600_000);
        let (fr, en) = (calendar(Language::Fr), calendar(Language::En));
        assert_eq!(fr.moment(now).words, "aujourd’hui à 8\u{a0}h");
        assert_eq!(fr.lately(now), "8\u{a0}h");
        assert_eq!(en.lately(ago(20)), "yesterday, 12:00");
        assert_eq!(fr.moment(now).iso, "2026-11-22T08:00:00+01:00");
        assert_eq!(en.moment(ago(20)).words, "yesterday at 12:00");
        assert_eq!(fr.moment(ago(72)).words, "jeudi à 8\u{a0}h");
        assert_eq!(
            en.moment(ago(24 * 30)).words,
            "23\u{a0}October 2026 at 09:00"
        );
        let then = Timestamp(now.0 + 20 * 3_600_000);
        assert_eq!(fr.moment(then).words, "demain à 4\u{a0}h");
        assert_eq!(en.moment(then).words, "tomorrow at 04:00");
        assert_eq!(fr.date(ago(24 * 21)), "1er\u{a0}novembre 2026");
        assert_eq!(
            Calendar::new(Language::En, "Nowhere", now)
                .moment(now)
                .words,
            "today at 07:00"
        );
    }
}
