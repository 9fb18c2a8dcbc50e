//! recipe.toml: its values, and on which line each stands.

use lavoir_core::recipe::Recipe;
use toml::de::{DeTable, DeValue};

use super::problem::{Code, Problems};
use super::{RECIPE, toml_shapes};

/// Where things stand in recipe.toml.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(Vec<(String, u32)>);

impl Lines {
    /// The line of `questions.0.default`, or of the nearest part around it that is written.
    pub fn of(&self, path: &str) -> Option<u32> {
        let mut path = path;
        loop {
            if let Some((_, line)) = self.0.iter().find(|(known, _)| known == path) {
                return Some(*line);
            }
            path = path.rsplit_once('.')?.0;
        }
    }
}

/// Reads recipe.toml; nothing comes back when it is not of format 1's shape.
pub fn read(text: &str, problems: &mut Problems) -> Option<(Recipe, Lines)> {
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let line = error.span().map(|span| line_at(text, span.start));
            problems.add(Code::TomlSyntax, RECIPE, line, &[error.message()]);
            return None;
        }
    };
    let mut lines = Lines::default();
    note(text, "", table.get_ref(), &mut lines.0);
    if !format(table.get_ref(), &lines, problems) {
        return None;
    }
    let recipe = toml_shapes::read(text, table, problems)?;
    Some((recipe, lines))
}

/// Said before anything else: a newer format's keys would only look like mistakes.
fn format(table: &DeTable<'_>, lines: &Lines, problems: &mut Problems) -> bool {
    let number = match table.get("format").map(toml::Spanned::get_ref) {
        Some(DeValue::Integer(number)) => number.to_string().parse::<u64>().ok(),
        _ => None,
    };
    let line = lines.of("format").or(Some(1));
    match number {
        Some(1) => return true,
        Some(newer @ 2..) => problems.add(Code::FormatNewer, RECIPE, line, &[&newer.to_string()]),
        _ => problems.add(Code::FormatUnknown, RECIPE, line, &[]),
    }
    false
}

/// The line of a byte, from 1.
pub fn line_at(text: &str, byte: usize) -> u32 {
    let before = &text.as_bytes()[..byte.min(text.len())];
    u32::try_from(before.iter().filter(|b| **b == b'\n').count() + 1).unwrap_or(u32::MAX)
}

fn note(text: &str, under: &str, table: &DeTable<'_>, lines: &mut Vec<(String, u32)>) {
    for (key, value) in table {
        let path = match under {
            "" => key.get_ref().to_string(),
            _ => format!("{under}.{}", key.get_ref()),
        };
        lines.push((path.clone(), line_at(text, key.span().start)));
        note_value(text, &path, value.get_ref(), lines);
    }
}

fn note_value(text: &str, path: &str, value: &DeValue<'_>, lines: &mut Vec<(String, u32)>) {
    match value {
        DeValue::Table(table) => note(text, path, table, lines),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}.{index}");
                lines.push((path.clone(), line_at(text, item.span().start)));
                note_value(text, &path, item.get_ref(), lines);
            }
        }
        _ => {}
    }
}
