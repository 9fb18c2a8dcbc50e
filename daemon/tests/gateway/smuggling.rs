//! Requests that two readers may understand differently: refused, closed, never passed on.

use super::house::*;

/// Heads that two readers may understand differently.
pub fn ambiguous() -> Vec<(&'static str, String)> {
    let host = format!("Host: {BLOG}\r\n");
    vec![
        (
            "length, then coding",
            format!(
                "POST / HTTP/1.1\r\n{host}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "coding, then length",
            format!(
                "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "two lengths",
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello"),
        ),
        (
            "twice the same length",
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
        ),
        (
            "a list of lengths",
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 5, 5\r\n\r\nhello"),
        ),
        (
            "a signed length",
            format!("POST / HTTP/1.1\r\n{host}Content-Length: +5\r\n\r\nhello"),
        ),
        (
            "a hexadecimal length",
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 0x5\r\n\r\nhello"),
        ),
        (
            "an unknown coding",
            format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: cow\r\n\r\n"),
        ),
        (
            "a coding twice",
            format!(
                "POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "a coding not last",
            format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        ),
        (
            "a coding behind a tab",
            format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "a space before the colon",
            format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "a coding in HTTP/1.0",
            format!("POST / HTTP/1.0\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "a folded line",
            format!(
                "POST / HTTP/1.1\r\n{host}X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "line feeds alone",
            format!("GET / HTTP/1.1\nHost: {BLOG}\n\n"),
        ),
        (
            "a line feed in a field",
            format!("GET / HTTP/1.1\r\n{host}X: y\nContent-Length: 50\r\n\r\n"),
        ),
        (
            "a carriage return in a field",
            format!("GET / HTTP/1.1\r\n{host}X: y\rContent-Length: 50\r\n\r\n"),
        ),
        (
            "a zero byte",
            format!("GET / HTTP/1.1\r\n{host}X: \0\r\n\r\n"),
        ),
        (
            "two hosts",
            format!("GET / HTTP/1.1\r\n{host}Host: other.example\r\n\r\n"),
        ),
        ("no host", "GET / HTTP/1.1\r\n\r\n".to_owned()),
        (
            "an empty host",
            "GET / HTTP/1.1\r\nHost:\r\n\r\n".to_owned(),
        ),
        (
            "a host with a user",
            format!("GET / HTTP/1.1\r\nHost: x@{BLOG}\r\n\r\n"),
        ),
        (
            "another host in the line",
            format!("GET https://other.example/ HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "no TLS in the line",
            format!("GET http://{BLOG}/ HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "a tunnel",
            format!("CONNECT {BLOG}:443 HTTP/1.1\r\n{host}\r\n"),
        ),
        ("a trace", format!("TRACE / HTTP/1.1\r\n{host}\r\n")),
        ("an asterisk", format!("OPTIONS * HTTP/1.1\r\n{host}\r\n")),
        ("two spaces", format!("GET  / HTTP/1.1\r\n{host}\r\n")),
        ("HTTP/0.9", "GET /\r\n".to_owned()),
        ("HTTP/1.9", format!("GET / HTTP/1.9\r\n{host}\r\n")),
        (
            "HTTP/2 in plain",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        ),
        (
            "a field without name",
            format!("GET / HTTP/1.1\r\n{host}: x\r\n\r\n"),
        ),
        (
            "a head too large",
            format!("GET / HTTP/1.1\r\n{host}X: {}\r\n\r\n", "x".repeat(40_000)),
        ),
        (
            "a path too long",
            format!("GET /{} HTTP/1.1\r\n{host}\r\n", "x".repeat(9_000)),
        ),
        (
            "too many fields",
            format!("GET / HTTP/1.1\r\n{host}{}\r\n", "x: y\r\n".repeat(120)),
        ),
    ]
}

#[tokio::test]
async fn what_is_ambiguous_reaches_nobody() {
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![route(BLOG, "/", to(&service, 1_000_000))]).await;
    // Each is followed by what an attacker would hide in it.
    let hidden = format!("GET /hidden HTTP/1.1\r\nHost: {BLOG}\r\n\r\n");
    for (what, request) in ambiguous() {
        let answer = house
            .raw(BLOG, format!("{request}{hidden}").as_bytes())
            .await;
        assert_eq!(service.seen(), Vec::<String>::new(), "{what}");
        let status = answer.get(..12).unwrap_or_default();
        let refused = [
            "HTTP/1.1 400",
            "HTTP/1.0 400",
            "HTTP/1.1 405",
            "HTTP/1.1 414",
            "HTTP/1.1 431",
        ];
        assert!(refused.contains(&status), "{what}: {answer:?}");
        assert_eq!(
            answer.matches("HTTP/1.").count(),
            1,
            "{what}: one answer, then closed: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_broken_body_is_cut_off_and_nothing_after_it_is_read() {
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![route(BLOG, "/", to(&service, 1_000_000))]).await;
    for chunks in [
        "5\r\nhello6\r\n",
        "g\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5;\nx\r\nhello\r\n0\r\n\r\n",
        "10000000000000000\r\n",
        "0\r\nX : y\r\n\r\n",
    ] {
        let request = format!(
            "POST /count HTTP/1.1\r\nHost: {BLOG}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}GET /hidden HTTP/1.1\r\nHost: {BLOG}\r\n\r\n"
        );
        let answer = house.raw(BLOG, request.as_bytes()).await;
        assert!(!answer.contains("HTTP/1.1 200"), "{chunks:?}: {answer}");
        assert!(
            !service.seen().iter().any(|seen| seen.contains("hidden")),
            "{chunks:?}"
        );
    }
}

#[tokio::test]
async fn good_requests_one_after_the_other_are_answered_before_a_bad_one() {
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![route(BLOG, "/", to(&service, 1_000_000))]).await;
    let good = format!("POST /echo HTTP/1.1\r\nHost: {BLOG}\r\nContent-Length: 5\r\n\r\nhello");
    let chunked = format!(
        "POST /echo HTTP/1.1\r\nHost: {BLOG}\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n"
    );
    let bad = format!("GET / HTTP/1.1\nHost: {BLOG}\n\n");
    let answer = house
        .raw(BLOG, format!("{good}{chunked}{good}{bad}{good}").as_bytes())
        .await;
    assert_eq!(service.seen().len(), 3, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 3, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 400").count(), 1, "{answer}");
}
