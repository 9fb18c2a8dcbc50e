//! Quoting filters: each writes a value as a complete literal of one language, so that no answer can change the
//! structure of a file. What a language cannot hold is refused.

use std::fmt;
use std::fmt::Write;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value};
use minijinja::{Environment, Error, ErrorKind};

/// A literal made by a quoting filter. Files take nothing else.
#[derive(Debug)]
pub struct Quoted(pub String);

impl Object for Quoted {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Joined to something else it is no longer a literal; the mark makes that fail.
        f.write_char(MARK)
    }
}

/// A private-use sign that no answer holds: it marks what may not be transformed.
pub const MARK: char = '\u{F8FE}';

/// The filters by name, in the order in which they are told to authors.
pub const NAMES: [&str; 10] = [
    "json", "yaml", "ini", "php", "python", "shell", "html", "sql", "xml", "plain",
];

/// Filters that fit a file by the ending of its name; all of them for endings not known.
pub fn fitting(file: &str) -> &'static [&'static str] {
    match file.rsplit_once('.').map(|(_, ending)| ending) {
        Some("php") => &["php"],
        Some("py") => &["python"],
        Some("json") => &["json"],
        Some("yaml" | "yml") => &["yaml", "json"],
        Some("sh") => &["shell"],
        Some("sql") => &["sql"],
        Some("html" | "htm") => &["html"],
        Some("xml") => &["xml"],
        _ => &NAMES,
    }
}

/// Adds the filters.
pub fn add_filters(environment: &mut Environment<'_>) {
    for name in NAMES {
        environment.add_filter(name, move |value: &Value| quote(name, value));
    }
}

fn quote(language: &'static str, value: &Value) -> Result<Value, Error> {
    let refused = |why: &'static str| Err(Error::new(ErrorKind::InvalidOperation, why));
    if let Ok(flag) = bool::try_from(value.clone())
        && value.kind() == minijinja::value::ValueKind::Bool
    {
        let text = match (language, flag) {
            ("python", true) => "True",
            ("python", false) => "False",
            (_, true) => "true",
            (_, false) => "false",
        };
        return Ok(Value::from_object(Quoted(text.to_owned())));
    }
    if value.is_integer() {
        return Ok(Value::from_object(Quoted(value.to_string())));
    }
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let Some(text) = value.as_str() else {
        return refused("a quoting filter takes a text, a whole number or a truth value");
    };
    match literal(language, text) {
        Some(literal) => Ok(Value::from_object(Quoted(literal))),
        None => refused("the value holds a sign that this kind of file cannot hold"),
    }
}

/// The text as a literal, or nothing when the language cannot hold it.
pub fn literal(language: &str, text: &str) -> Option<String> {
    if text.contains(['\0', MARK]) {
        return None;
    }
    let one_line = !text.chars().any(breaks);
    match language {
        "json" | "yaml" | "python" => Some(double_quoted(text)),
        "php" => Some(format!(
            "'{}'",
            text.replace('\\', "\\\\").replace('\'', "\\'")
        )),
        "shell" => Some(format!("'{}'", text.replace('\'', "'\\''"))),
        // A backslash escapes in MariaDB and does not in PostgreSQL.
        "sql" => {
            (one_line && !text.contains('\\')).then(|| format!("'{}'", text.replace('\'', "''")))
        }
        "html" | "xml" => one_line.then(|| {
            text.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&#34;")
                .replace('\'', "&#39;")
        }),
        // Bare after `key =`: what some reader takes for a comment, a section or a quote is refused.
        "ini" => (one_line
            && !text.contains(['#', ';', '"', '\'', '\\', '`'])
            && !text.starts_with('[')
            && text.trim() == text)
            .then(|| text.to_owned()),
        "plain" => one_line.then(|| text.to_owned()),
        _ => None,
    }
}

/// Control signs and whatever some reader takes for the end of a line.
pub fn breaks(c: char) -> bool {
    c.is_control() || c == '\u{2028}' || c == '\u{2029}'
}

/// The common part of JSON's, YAML's and Python's double-quoted strings.
fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if breaks(c) || c == '\u{FEFF}' || ('\u{FFFE}'..='\u{FFFF}').contains(&c) => {
                // All of these lie below U+10000. Writing into a String does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_hold_what_they_are_given() {
        let nasty = "l'été \\ \"$x\"";
        assert_eq!(
            literal("php", nasty).as_deref(),
            Some("'l\\'été \\\\ \"$x\"'")
        );
        assert_eq!(literal("shell", "a'b").as_deref(), Some("'a'\\''b'"));
        assert_eq!(literal("sql", "a'b").as_deref(), Some("'a''b'"));
        assert_eq!(literal("sql", "a\\b"), None);
        assert_eq!(
            literal("html", "<a&'\">").as_deref(),
            Some("&lt;a&amp;&#39;&#34;&gt;")
        );
        for language in ["ini", "plain", "sql", "html", "xml"] {
            assert_eq!(literal(language, "a\nb"), None, "{language}");
            assert_eq!(literal(language, "a\u{2028}b"), None, "{language}");
        }
        for bad in [" a", "[s]", "a#b", "a;b", "\"a\""] {
            assert_eq!(literal("ini", bad), None, "{bad}");
        }
        for language in NAMES {
            assert_eq!(literal(language, "a\0b"), None, "{language}");
        }
        let text = "a\"b\\c\n\u{85}\u{2028}é😀{{ x }}${Y}";
        let json = literal("json", text).unwrap_or_default();
        assert_eq!(
            serde_json::from_str::<String>(&json).unwrap_or_default(),
            text
        );
        let yaml: String = serde_saphyr::from_str(&json).unwrap_or_default();
        assert_eq!(yaml, text);
    }
}
