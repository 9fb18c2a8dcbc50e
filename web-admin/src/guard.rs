//! What stands on every answer, and where a form may come from.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

/// Nothing but our own sheet and script may be loaded, nothing may frame us. A page of an app beside us is of the same
/// *site*: only the origin counts.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// `same-origin`: with `no-referrer` browsers would hide a form's origin from us too.
static ALWAYS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), interest-cohort=()",
    ),
];

/// Adds what every answer carries; a page is kept by no cache unless it says otherwise.
pub(crate) async fn headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in &ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry(header::VARY)
        .or_insert(HeaderValue::from_static("accept-language, cookie"));
    response
}

/// Whether a form was sent from one of our own pages, as far as the browser tells. Browsers that tell nothing (text
/// browsers) are asked for the form's token alone.
pub(crate) fn from_here(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return false;
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    let said = origin.as_bytes();
    let without_scheme = said.strip_prefix(b"https://").or_else(|| {
        // Loopback only: over plain HTTP, anybody on the network could say anything in our name.
        let host = said.strip_prefix(b"http://")?;
        is_loopback(host).then_some(host)
    });
    without_scheme.is_some() && without_scheme == host
}

/// With or without a port.
fn is_loopback(host: &[u8]) -> bool {
    let ours: [&[u8]; 3] = [b"localhost", b"127.0.0.1", b"[::1]"];
    ours.iter()
        .filter_map(|own| host.strip_prefix(*own))
        .any(|rest| rest.is_empty() || rest.starts_with(b":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_here_on_loopback_only() {
        for (origin, host, expected) in [
            ("https://verger.example", "verger.example", true),
            ("http://verger.example", "verger.example", false),
            ("http://localhost", "localhost", true),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://localhost:1", "localhost:2", false),
            ("http://localhost.example", "localhost.example", false),
        ] {
            let said = [(header::ORIGIN, origin), (header::HOST, host)];
            let headers = said
                .map(|(name, value)| (name, HeaderValue::from_static(value)))
                .into_iter()
                .collect();
            assert_eq!(from_here(&headers), expected, "{origin}");
        }
    }
}
