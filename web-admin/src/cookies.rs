//! Cookies. `__Host-`: browsers take them over HTTPS only, for this very host and all its paths.

use axum::http::{HeaderMap, HeaderValue, header};
use lavoir_core::limits;

/// The session's key.
pub(crate) const SESSION: &str = "__Host-lavoir";
/// Binds the forms shown before anybody is signed in to this browser.
pub(crate) const VISIT: &str = "__Host-lavoir-visit";

/// A cookie's value, when it is there once and not too long.
pub(crate) fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    let value = found.next()?;
    // Two of one name: somebody tries to slip one in.
    let sound = found.next().is_none() && !value.is_empty();
    (sound && value.len() <= limits::COOKIE_BYTES_MAX).then_some(value)
}

/// A cookie that lasts so many seconds; until the browser closes when none are given.
pub(crate) fn set(name: &str, value: &str, lasts_s: Option<u64>) -> Option<HeaderValue> {
    let age = lasts_s.map_or(String::new(), |s| format!("; Max-Age={s}"));
    HeaderValue::from_str(&format!(
        "{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}"
    ))
    .ok()
}

/// A cookie that is to go.
pub(crate) fn gone(name: &str) -> Option<HeaderValue> {
    set(name, "", Some(0))
}
