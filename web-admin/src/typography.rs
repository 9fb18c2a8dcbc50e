//! The apostrophes and spaces that readers expect, put where a keyboard has none.

use lavoir_core::text::{Language, Text};

/// Between the two parts of a French sign.
const NO_BREAK: char = '\u{a0}';
/// Before `;`, `!` and `?` in French.
const THIN: char = '\u{202f}';

/// A text in the reader's language, as it is printed.
pub(crate) fn printed(text: &Text, language: Language) -> String {
    match language {
        Language::Fr => french(&text.fr),
        Language::En => english(&text.en),
    }
}

/// A recipe's paragraphs.
pub(crate) fn paragraphs(text: &Text, language: Language) -> Vec<String> {
    printed(text, language)
        .split('\n')
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty())
        .map(str::to_owned)
        .collect()
}

/// French: no-break spaces before high signs and inside « », typographic apostrophes.
pub(crate) fn french(text: &str) -> String {
    let signs: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 16);
    for (place, &sign) in signs.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|at| signs.get(at)).copied();
        let after = signs.get(place + 1).copied();
        let end = |next: Option<char>| next.is_none_or(|c| !c.is_alphanumeric() && c != '/');
        out.push(match sign {
            '\'' if is_letter(before) && is_letter(after) => '’',
            ' ' => match after {
                Some(';' | '!' | '?') if end(signs.get(place + 2).copied()) => THIN,
                Some(':') if end(signs.get(place + 2).copied()) => NO_BREAK,
                Some('»' | '%') => NO_BREAK,
                _ if before == Some('«') => NO_BREAK,
                _ if is_digit(before) && is_unit(&signs, place + 1) => NO_BREAK,
                _ => ' ',
            },
            other => other,
        });
    }
    out
}

/// English: typographic apostrophes, units kept beside their number.
pub(crate) fn english(text: &str) -> String {
    let signs: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 8);
    for (place, &sign) in signs.iter().enumerate() {
        let before = place.checked_sub(1).and_then(|at| signs.get(at)).copied();
        let after = signs.get(place + 1).copied();
        out.push(match sign {
            '\'' if is_letter(before) && (is_letter(after) || before == Some('s')) => '’',
            ' ' if is_digit(before) && is_unit(&signs, place + 1) => NO_BREAK,
            other => other,
        });
    }
    out
}

fn is_letter(sign: Option<char>) -> bool {
    sign.is_some_and(|sign| sign.is_alphanumeric() || matches!(sign, '«' | '“' | '{'))
}

fn is_digit(sign: Option<char>) -> bool {
    sign.is_some_and(|sign| sign.is_ascii_digit())
}

fn is_unit(signs: &[char], from: usize) -> bool {
    let word: String = signs
        .iter()
        .skip(from)
        .take_while(|sign| sign.is_alphabetic() || **sign == '°')
        .collect();
    const UNITS: &[&str] = &[
        "Gio", "Mio", "Kio", "Go", "Mo", "ko", "GiB", "MiB", "GB", "MB", "kB", "h", "min", "s",
        "°C",
    ];
    UNITS.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_spaces_do_not_break() {
        for (typed, printed) in [
            ("Qu'est-ce ? Rien !", "Qu’est-ce\u{202f}? Rien\u{202f}!"),
            ("Il dit : « oui »", "Il dit\u{a0}: «\u{a0}oui\u{a0}»"),
            ("576 Mio libres", "576\u{a0}Mio libres"),
            ("un ; deux", "un\u{202f}; deux"),
            ("https://a.b/?q=1 et a :b", "https://a.b/?q=1 et a :b"),
        ] {
            assert_eq!(french(typed), printed);
        }
        assert_eq!(english("the app's 4 GiB"), "the app’s 4\u{a0}GiB");
    }
}
