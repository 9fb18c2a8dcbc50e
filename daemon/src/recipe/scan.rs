//! What can be said of a template without rendering it, so that a branch never taken in a test is checked too.

use std::collections::BTreeSet;

use super::problem::{Code, Problems};
use super::quote;
use super::template::{self, Way};

/// What templates of a recipe may name.
#[derive(Debug, Default)]
pub struct Names {
    /// `app.url`, `answers.title` and the like.
    pub variables: BTreeSet<String>,
    /// Questions answered by `true` or `false`.
    pub booleans: Vec<String>,
    /// Never in a command: every account of the machine can read a process list.
    pub hidden: Vec<String>,
}

/// What every template may name.
pub const COMMON: [&str; 7] = [
    "app.id",
    "app.host",
    "app.url",
    "box.domain",
    "box.language",
    "box.timezone",
    "box.proxies",
];

/// Statements a template may use: nothing that keeps, includes or repeats without end.
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// A piece of a template's text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Raw(&'t str),
    Output(&'t str),
    Statement(&'t str),
    Comment,
}

/// Cuts a template into pieces, each with the line inside the text on which it begins (from 0).
fn pieces(text: &str) -> Option<Vec<(u32, Piece<'_>)>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 0;
    loop {
        let open = ["{{", "{%", "{#"]
            .iter()
            .filter_map(|mark| rest.find(mark))
            .min();
        let Some(open) = open else {
            found.push((line, Piece::Raw(rest)));
            return Some(found);
        };
        found.push((line, Piece::Raw(&rest[..open])));
        line += breaks(&rest[..open]);
        let kind = rest.as_bytes()[open + 1];
        let inside = &rest[open + 2..];
        let end = match kind {
            b'{' => end_of(inside, "}}")?,
            b'%' => end_of(inside, "%}")?,
            _ => inside.find("#}")?,
        };
        let body = inside[..end]
            .trim_start_matches(['-', '+'])
            .trim_end_matches('-')
            .trim();
        let piece = match kind {
            b'{' => Piece::Output(body),
            b'%' => Piece::Statement(body),
            _ => Piece::Comment,
        };
        found.push((line, piece));
        line += breaks(&inside[..end]);
        rest = &inside[end + 2..];
    }
}

fn breaks(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX)
}

/// Where `mark` stands outside quotes.
fn end_of(text: &str, mark: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if text[at..].starts_with(mark) => return Some(at),
            None => {}
        }
    }
    None
}

/// The name of the last filter of an expression, if its last step is one.
fn last_filter(expression: &str) -> Option<&str> {
    let mut quote = None;
    let mut depth = 0_i32;
    let mut last = None;
    for (at, c) in expression.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth -= 1,
            (None, '|') if depth == 0 => last = Some(at),
            _ => {}
        }
    }
    let name = expression[last? + 1..].trim();
    name.bytes().all(|b| b.is_ascii_lowercase()).then_some(name)
}

/// An expression with its quoted texts emptied.
fn bare(expression: &str) -> String {
    let mut quote = None;
    let mut escaped = false;
    let keep = |c: &char| match quote {
        Some(_) if escaped => {
            escaped = false;
            false
        }
        Some(_) if *c == '\\' => {
            escaped = true;
            false
        }
        Some(open) => {
            if *c == open {
                quote = None;
            }
            false
        }
        None => {
            if matches!(c, '"' | '\'') {
                quote = Some(*c);
            }
            true
        }
    };
    expression.chars().filter(keep).collect()
}

/// Filters and tests that are not there fail only when they are reached: said before.
fn known_words(expression: &str, line: u32, file: &str, problems: &mut Problems) {
    let expression = bare(expression);
    for after in expression.split('|').skip(1) {
        let after = after.trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let name = &after[..end.unwrap_or(after.len())];
        if !quote::NAMES.contains(&name) && !template::FILTERS.contains(&name) {
            problems.add(Code::TemplateUnknownFilter, file, line, &[name]);
        }
    }
    if expression
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|word| word == "is")
    {
        problems.add(Code::TemplateStatement, file, line, &["is"]);
    }
}

/// Where a template stands.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// File of the recipe.
    pub file: &'a str,
    /// Its first line there.
    pub line: u32,
    /// Scalar or file.
    pub way: Way,
    /// A word of a command, seen in process lists.
    pub command: bool,
}

/// Notes all that is wrong with one template.
pub fn check(text: &str, place: Place<'_>, names: &Names, problems: &mut Problems) {
    let file = place.file;
    let at = |inside: u32| match place.way {
        // A folded scalar has no lines of its own.
        Way::Scalar => place.line,
        Way::File => place.line + inside,
    };
    let variables = match template::variables_of(place.way, text) {
        Ok(variables) => variables,
        Err(error) => {
            let inside = error
                .line()
                .and_then(|l| u32::try_from(l).ok())
                .unwrap_or(1);
            let detail = error.detail().unwrap_or("");
            problems.add(Code::TemplateSyntax, file, at(inside - 1), &[detail]);
            return;
        }
    };
    let Some(pieces) = pieces(text) else {
        problems.add(Code::TemplateSyntax, file, place.line, &["{{ }}"]);
        return;
    };
    for variable in &variables {
        let line = pieces
            .iter()
            .find(|(_, piece)| matches!(piece, Piece::Output(t) | Piece::Statement(t) if names_it(t, variable)))
            .map_or(place.line, |(inside, _)| at(*inside));
        if !names.variables.contains(variable) {
            problems.add(Code::TemplateUnknownVariable, file, line, &[variable]);
        } else if place.command && names.hidden.contains(variable) {
            problems.add(Code::SecretInCommand, file, line, &[variable]);
        }
    }
    for (inside, piece) in &pieces {
        let line = at(*inside);
        match piece {
            Piece::Raw(raw) if place.way == Way::Scalar && lone_dollar(raw) => {
                problems.add(Code::Dollar, file, line, &[]);
            }
            Piece::Raw(_) | Piece::Comment => {}
            Piece::Output(expression) => {
                output(expression, line, place, problems);
                known_words(expression, line, file, problems);
                booleans(expression, line, file, names, problems);
            }
            Piece::Statement(statement) => {
                let word = statement.split_whitespace().next().unwrap_or("");
                if !STATEMENTS.contains(&word) {
                    problems.add(Code::TemplateStatement, file, line, &[word]);
                }
                known_words(statement, line, file, problems);
                booleans(statement, line, file, names, problems);
            }
        }
    }
}

fn output(expression: &str, line: u32, place: Place<'_>, problems: &mut Problems) {
    if place.way == Way::Scalar {
        return;
    }
    let fitting = quote::fitting(place.file);
    if !last_filter(expression).is_some_and(|name| fitting.contains(&name)) {
        let wanted = fitting.join(", ");
        problems.add(
            Code::TemplateUnquoted,
            place.file,
            line,
            &[expression, &wanted],
        );
    }
}

/// Pairs only, seen from the left.
fn lone_dollar(raw: &str) -> bool {
    raw.replace("$$", "").contains('$')
}

fn names_it(text: &str, variable: &str) -> bool {
    occurrences(text, variable).next().is_some()
}

/// Places after which `variable` ends as a whole name.
fn occurrences<'t>(text: &'t str, variable: &'t str) -> impl Iterator<Item = &'t str> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(variable).filter_map(move |(at, _)| {
        let before = text[..at].chars().next_back();
        let after = &text[at + variable.len()..];
        let whole =
            !before.is_some_and(|c| part(c) || c == '.') && !after.chars().next().is_some_and(part);
        whole.then_some(after)
    })
}

/// An answer is a text; the text `false` is no falsehood. A condition says `| bool` or compares.
fn booleans(text: &str, line: u32, file: &str, names: &Names, problems: &mut Problems) {
    let condition = text.starts_with("if ")
        || text.starts_with("elif ")
        || [" if ", "not ", " and ", " or "]
            .iter()
            .any(|w| text.contains(w));
    if !condition {
        return;
    }
    for id in &names.booleans {
        let variable = format!("answers.{id}");
        let bare = occurrences(text, &variable).any(|after| {
            let after = after.trim_start();
            let asked = after
                .strip_prefix('|')
                .is_some_and(|t| t.trim_start().starts_with("bool"));
            !asked && !after.starts_with("==") && !after.starts_with("!=")
        });
        if bare {
            problems.add(Code::BooleanAsText, file, line, &[&variable]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_filters() {
        for (expression, expected) in [
            ("a | json", Some("json")),
            ("a|lower|php", Some("php")),
            ("a", None),
            ("a | json ~ b", None),
            ("f(a | json)", None),
            ("'a | json'", None),
            ("a | json if b else c", None),
            ("(a | json)", None),
        ] {
            assert_eq!(last_filter(expression), expected, "{expression}");
        }
    }

    #[test]
    fn pieces_know_their_lines() {
        let cut = pieces("a\n{{ 'x}}' }}\n{% if b %}c{# d #}").unwrap_or_default();
        assert_eq!(cut[1], (1, Piece::Output("'x}}'")));
        assert_eq!(cut[3], (2, Piece::Statement("if b")));
        assert_eq!(cut[5].1, Piece::Comment);
        assert!(pieces("{{ a").is_none());
    }
}
