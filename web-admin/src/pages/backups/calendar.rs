//! The calendar of backups: these last weeks, a square a night.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;
use lavoir_core::backup::Subject;
use lavoir_core::limits;
use minijinja::{Value, context};

use crate::admin::Backups;
use crate::reader::Reader;

/// What became of a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Night {
    /// Nothing was to be saved yet.
    Before,
    /// All that had its turn was saved.
    Saved,
    /// Some was, some was not.
    Partly,
    /// Nothing was, though it should have been.
    Missed,
    /// Between two rounds.
    Rest,
    /// Today, and it has not begun.
    Waits,
}

impl Night {
    /// Its class in the sheet, its sign, the key of its word.
    fn shown(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Night::Before => ("none", "", "night-none"),
            Night::Saved => ("fine", "✓", "night-saved"),
            Night::Partly => ("warn", "!", "night-partly"),
            Night::Missed => ("grave", "✕", "night-missed"),
            Night::Rest => ("rest", "–", "night-rest"),
            Night::Waits => ("rest", "…", "night-waits"),
        }
    }
}

/// Side of a square with its gap, and where the first one begins.
const STEP: i64 = 40;
const LEFT: i64 = 110;
const TOP: i64 = 24;

/// The picture and its table; none before anything was to be saved.
pub(super) fn calendar(reader: &Reader, backups: &Backups) -> Option<Value> {
    let added = backups.repositories.iter().map(|one| one.added_at).min()?;
    let first = backups
        .turns
        .iter()
        .map(|turn| turn.at)
        .fold(added, Ord::min);
    let first = reader.calendar.day_of(first);
    let rhythm = backups
        .repositories
        .iter()
        .map(|one| one.every_nights)
        .min();
    let mut by_day: BTreeMap<Date, BTreeMap<&Subject, bool>> = BTreeMap::new();
    for turn in &backups.turns {
        let day = by_day.entry(reader.calendar.day_of(turn.at)).or_default();
        // The last word of a night about one thing is the one that counts.
        day.insert(&turn.of, turn.saved);
    }
    let today = reader.calendar.today();
    let monday = i64::from(today.weekday().to_monday_zero_offset());
    let weeks = i64::try_from(limits::BACKUP_WEEKS_SHOWN).unwrap_or(5);
    let begin = today.saturating_sub((monday + 7 * (weeks - 1)).days());
    let mut squares = Vec::new();
    let mut rows = Vec::new();
    let mut counts = [0u64; 3];
    for place in 0..=(monday + 7 * (weeks - 1)) {
        let day = begin.saturating_add(place.days());
        let night = night(&by_day, day, first, today, rhythm.unwrap_or(1));
        let (class, sign, key) = night.shown();
        match night {
            Night::Saved => counts[0] += 1,
            Night::Partly => counts[1] += 1,
            Night::Missed => counts[2] += 1,
            _ => {}
        }
        let (x, y) = (LEFT + place % 7 * STEP, TOP + place / 7 * STEP);
        squares.push(context! { class, sign, x, y, middle => x + 17, base => y + 23 });
        if night != Night::Before {
            rows.push(context! {
                day => reader.calendar.recent_day(day), sign => class, word => reader.t(key),
            });
        }
    }
    rows.reverse();
    let labels: Vec<Value> = (0..weeks)
        .map(|week| {
            let day = begin.saturating_add((7 * week).days());
            context! { text => reader.calendar.short_day(day), y => TOP + week * STEP + 22 }
        })
        .collect();
    let initials = reader.t("nights-initials");
    let heads: Vec<Value> = (0_i64..)
        .zip(initials.split_whitespace())
        .map(|(place, text)| context! { text, x => LEFT + place * STEP + 17 })
        .collect();
    let said = |key: &str, n: u64| reader.words().count(key, n);
    let mut label = vec![said("nights-saved", counts[0])];
    if counts[1] > 0 {
        label.push(said("nights-partly", counts[1]));
    }
    label.push(said("nights-missed", counts[2]));
    let label = reader
        .words()
        .with("nights-label", &[("counts", &label.join(", "))]);
    Some(context! {
        label, squares, labels, heads, rows,
        height => TOP + weeks * STEP, width => LEFT + 7 * STEP,
    })
}

fn night(
    by_day: &BTreeMap<Date, BTreeMap<&Subject, bool>>,
    day: Date,
    first: Date,
    today: Date,
    rhythm: u32,
) -> Night {
    if let Some(turns) = by_day.get(&day) {
        let saved = turns.values().filter(|saved| **saved).count();
        return match (saved, turns.len()) {
            (0, _) => Night::Missed,
            (saved, all) if saved == all => Night::Saved,
            _ => Night::Partly,
        };
    }
    if day <= first {
        return Night::Before;
    }
    if day == today {
        return Night::Waits;
    }
    let rests = i64::from(rhythm.saturating_sub(1));
    let near = day.saturating_sub(rests.days());
    let served = by_day
        .range(near..day)
        .any(|(_, turns)| turns.values().any(|saved| *saved));
    if served || near <= first && rests > 0 {
        Night::Rest
    } else {
        Night::Missed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: i8) -> Date {
        Date::constant(2026, 11, n)
    }

    #[test]
    fn a_night_is_what_became_of_all_that_had_its_turn() {
        let blog: Subject = "app:blog".parse().unwrap();
        let mut by_day: BTreeMap<Date, BTreeMap<&Subject, bool>> = BTreeMap::new();
        by_day.entry(day(10)).or_default().insert(&blog, true);
        by_day.entry(day(11)).or_default().insert(&blog, false);
        let both = by_day.entry(day(12)).or_default();
        both.insert(&blog, false);
        both.insert(&Subject::Box, true);
        let is = |n: i8, rhythm: u32| night(&by_day, day(n), day(8), day(20), rhythm);
        assert_eq!(is(7, 1), Night::Before);
        assert_eq!(is(8, 1), Night::Before);
        assert_eq!(is(9, 1), Night::Missed);
        assert_eq!(is(10, 1), Night::Saved);
        assert_eq!(is(11, 1), Night::Missed);
        assert_eq!(is(12, 1), Night::Partly);
        assert_eq!(is(13, 1), Night::Missed);
        assert_eq!(is(13, 7), Night::Rest, "between two rounds");
        assert_eq!(is(19, 7), Night::Missed, "a week went by");
        assert_eq!(is(20, 1), Night::Waits);
    }
}
