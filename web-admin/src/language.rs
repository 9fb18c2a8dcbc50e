//! Which language a reader gets: the one they chose here, else what their browser asks for, else the box's.

use axum::http::{HeaderMap, header};
use lavoir_core::text::Language;

use crate::cookies;

/// Kept for a year; says nothing of a person but the language.
pub(crate) const COOKIE: &str = "__Host-lavoir-language";

pub(crate) fn of(headers: &HeaderMap, of_box: Language) -> Language {
    match cookies::get(headers, COOKIE) {
        Some("fr") => Language::Fr,
        Some("en") => Language::En,
        _ => asked(headers, of_box),
    }
}

pub(crate) fn code(language: Language) -> &'static str {
    match language {
        Language::Fr => "fr",
        Language::En => "en",
    }
}

fn asked(headers: &HeaderMap, of_box: Language) -> Language {
    let asked = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let best = |wanted: &str| {
        let weights = asked.split(',').take(32).filter_map(|one| {
            let mut parts = one.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q="));
            (tag.split('-').next() == Some(wanted))
                .then(|| weight.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0)))
        });
        weights.fold(0.0_f32, f32::max)
    };
    let (fr, en) = (best("fr"), best("en"));
    if fr == 0.0 && en == 0.0 {
        // Whoever asks for another language reads English sooner than French.
        return if asked.is_empty() || asked == "*" {
            of_box
        } else {
            Language::En
        };
    }
    if en > fr { Language::En } else { Language::Fr }
}
