//! Every key and value of recipe.toml that is not of format 1's shape, at once: what the reader stumbles over is told,
//! put aside, and the rest is read again.

use std::ops::Range;

use lavoir_core::recipe::Recipe;
use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer, Error};

use super::RECIPE;
use super::problem::{Code, Problems};
use super::toml_lines::line_at;

/// Mistakes told of one file.
const TOLD_MAX: usize = 50;
/// What is put in the place of a missing key, until one fits. Nothing of it is ever used.
const STAND_INS: [&str; 7] = [
    "x = ''",
    "x = 1",
    "x = true",
    "x = []",
    "x = {}",
    "x = { fr = '', en = '' }",
    "x = 'none'",
];
/// Where a stand-in stands: nowhere in the file.
const NOWHERE: Range<usize> = 0..0;

/// The recipe; or nothing, and each of its mistakes told.
pub fn read(
    text: &str,
    mut table: Spanned<DeTable<'_>>,
    problems: &mut Problems,
) -> Option<Recipe> {
    let mut aside = Vec::new();
    let mut told = 0;
    loop {
        let error = match Recipe::deserialize(Deserializer::from(table.clone())) {
            Ok(recipe) => return (told == 0).then_some(recipe),
            Err(error) => error,
        };
        let span = error.span().filter(|span| *span != NOWHERE);
        let lacks = missing(error.message());
        // What was put aside is missing since: that is no mistake of the recipe.
        let ours = aside.iter().any(|(part, key): &(Range<usize>, String)| {
            span.as_ref() == Some(part) && lacks == Some(key.as_str())
        });
        if !ours {
            let line = span.as_ref().map(|span| line_at(text, span.start));
            tell(&error, line, problems);
            told += 1;
        }
        let span = span.filter(|_| told < TOLD_MAX)?;
        match lacks.and_then(|key| with_stand_in(&table, &span, key, error.message())) {
            Some(mended) => table = mended,
            None => {
                let whole = table.span();
                aside.push(put_aside(table.get_mut(), whole, &span)?);
            }
        }
    }
}

/// The reader speaks English only: what it says is known by its form, and told in words of our own.
fn tell(error: &Error, line: Option<u32>, problems: &mut Problems) {
    let said = error.message();
    let (first, rest) = said.split_once(", ").unwrap_or((said, ""));
    let name = first.split('`').nth(1).unwrap_or_default();
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let known = known.join(", ");
    match first {
        _ if first.starts_with("unknown field") => {
            problems.add(Code::TomlKeyUnknown, RECIPE, line, &[name, &known]);
        }
        _ if first.starts_with("unknown variant") => {
            problems.add(Code::TomlValueUnknown, RECIPE, line, &[name, &known]);
        }
        _ if first.starts_with("missing field") => {
            problems.add(Code::TomlKeyMissing, RECIPE, line, &[name]);
        }
        _ => problems.add(Code::TomlShape, RECIPE, line, &[said]),
    }
}

fn missing(said: &str) -> Option<&str> {
    said.strip_prefix("missing field `")?.strip_suffix('`')
}

/// The table with something under the key that is missing in the part at `span`, if anything does there.
fn with_stand_in<'i>(
    table: &Spanned<DeTable<'i>>,
    span: &Range<usize>,
    key: &str,
    said: &str,
) -> Option<Spanned<DeTable<'i>>> {
    STAND_INS.iter().find_map(|stand_in| {
        let value = DeTable::parse(stand_in).ok()?.into_inner();
        let value = value.into_iter().next()?.1.into_inner();
        let mut tried = table.clone();
        let place = part_at(tried.get_mut(), span)?;
        place.insert(
            Spanned::new(NOWHERE, key.to_owned().into()),
            Spanned::new(NOWHERE, nowhere(value)),
        );
        match Recipe::deserialize(Deserializer::from(tried.clone())) {
            Ok(_) => Some(tried),
            Err(error) if error.span() == Some(NOWHERE) => None,
            Err(error) if error.span().as_ref() == Some(span) && error.message() == said => None,
            Err(_) => Some(tried),
        }
    })
}

/// A stand-in keeps no place of its own.
fn nowhere(value: DeValue<'_>) -> DeValue<'_> {
    match value {
        DeValue::Table(table) => DeValue::Table(
            table
                .into_iter()
                .map(|(key, value)| {
                    let value = nowhere(value.into_inner());
                    (
                        Spanned::new(NOWHERE, key.into_inner()),
                        Spanned::new(NOWHERE, value),
                    )
                })
                .collect(),
        ),
        other => other,
    }
}

/// The table that stands at exactly this place.
fn part_at<'t, 'i>(table: &'t mut DeTable<'i>, span: &Range<usize>) -> Option<&'t mut DeTable<'i>> {
    for (_, value) in table.iter_mut() {
        if let Some(found) = part_in(value, span) {
            return Some(found);
        }
    }
    None
}

fn part_in<'t, 'i>(
    value: &'t mut Spanned<DeValue<'i>>,
    span: &Range<usize>,
) -> Option<&'t mut DeTable<'i>> {
    let here = value.span() == *span;
    match value.get_mut() {
        DeValue::Table(table) => match here {
            true => Some(table),
            false => part_at(table, span),
        },
        DeValue::Array(items) => items.iter_mut().find_map(|item| part_in(item, span)),
        _ => None,
    }
}

/// Takes out the innermost key or item that holds this place; the part it stood in, and its name there.
fn put_aside(
    table: &mut DeTable<'_>,
    part: Range<usize>,
    span: &Range<usize>,
) -> Option<(Range<usize>, String)> {
    let holds = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    let place = table
        .iter()
        .find(|(key, value)| holds(key.span()) || holds(value.span()))
        .map(|(key, value)| (key.clone(), value.span() == *span));
    let Some((key, whole)) = place else {
        // Parts with a header stand apart in the file: what holds them is no single place.
        return table.iter_mut().find_map(|(_, value)| inside(value, span));
    };
    if !whole && let Some(found) = table.get_mut(&key).and_then(|value| inside(value, span)) {
        return Some(found);
    }
    table.remove(&key)?;
    Some((part, key.into_inner().into_owned()))
}

fn inside(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<(Range<usize>, String)> {
    let part = value.span();
    match value.get_mut() {
        DeValue::Table(table) => put_aside(table, part, span),
        DeValue::Array(items) => {
            if let Some(found) = items.iter_mut().find_map(|item| inside(item, span)) {
                return Some(found);
            }
            let before = items.len();
            *items = std::mem::replace(items, DeArray::new())
                .into_iter()
                .filter(|item| item.span() != *span)
                .collect();
            (items.len() < before).then(|| (part, String::new()))
        }
        _ => None,
    }
}
