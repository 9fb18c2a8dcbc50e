//! What a request says of itself, and what is said of it further on.

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request;
use http::uri::{Authority, Scheme};
use http::{Method, Request, StatusCode, Uri, Version};

use super::limits;

/// For whom a request is, once it has been found to be unambiguous.
#[derive(Debug)]
pub(super) struct Asked {
    /// Small letters, no port. Empty when it cannot be one of ours.
    pub(super) host: String,
    /// As the client wrote it.
    pub(super) as_written: HeaderValue,
}

/// Reads whom a request is for. Two names that disagree are an attack or a mistake: refused.
pub(super) fn asked(parts: &request::Parts) -> Result<Asked, StatusCode> {
    if parts
        .uri
        .scheme()
        .is_some_and(|scheme| *scheme != Scheme::HTTPS)
    {
        return Err(StatusCode::BAD_REQUEST);
    }
    named(&parts.method, &parts.uri, &parts.headers)
}

/// The same for a request on the unprotected port, which only redirects.
pub(super) fn named(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Asked, StatusCode> {
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Some(path) = uri.path_and_query() else {
        return Err(StatusCode::BAD_REQUEST);
    };
    if !path.as_str().starts_with('/') {
        return Err(StatusCode::BAD_REQUEST);
    }
    if path.as_str().len() > limits::TARGET_BYTES_MAX {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let mut values = headers.get_all(header::HOST).iter();
    let (line, more) = (values.next(), values.next());
    if more.is_some() {
        return Err(StatusCode::BAD_REQUEST);
    }
    let as_written = match (line, uri.authority()) {
        (None, None) => return Err(StatusCode::BAD_REQUEST),
        (Some(line), None) => line.clone(),
        (None, Some(authority)) => {
            HeaderValue::from_str(authority.as_str()).map_err(|_| StatusCode::BAD_REQUEST)?
        }
        (Some(line), Some(authority)) => {
            if !line
                .as_bytes()
                .eq_ignore_ascii_case(authority.as_str().as_bytes())
            {
                return Err(StatusCode::BAD_REQUEST);
            }
            line.clone()
        }
    };
    let authority =
        Authority::try_from(as_written.as_bytes()).map_err(|_| StatusCode::BAD_REQUEST)?;
    if authority.as_str().contains('@') {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Asked {
        host: authority.host().to_ascii_lowercase(),
        as_written,
    })
}

/// A request that wants to become a WebSocket. Other upgrades are not passed on: `h2c` would hide what follows.
pub(super) fn wants_websocket<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && !headers.contains_key(header::CONTENT_LENGTH)
        && !headers.contains_key(header::TRANSFER_ENCODING)
        && tokens(headers, &header::CONNECTION).any(|t| t.eq_ignore_ascii_case("upgrade"))
        && is_websocket(headers)
}

/// Whether exactly this is offered or agreed.
pub(super) fn is_websocket(headers: &HeaderMap) -> bool {
    let mut values = tokens(headers, &header::UPGRADE);
    values
        .next()
        .is_some_and(|v| v.eq_ignore_ascii_case("websocket"))
        && values.next().is_none()
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

/// Fields that are for the next hop only (RFC 9110, 7.6.1).
const HOP: [HeaderName; 5] = [
    header::CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];
const HOP_OLD: [HeaderName; 3] = [
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

/// Fields that `Connection` may not take away: they would change what the request means.
const NEVER_HOP: [HeaderName; 5] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::COOKIE,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
];

/// Takes away what is for one hop only.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = tokens(headers, &header::CONNECTION)
            .filter_map(|token| token.parse().ok())
            .filter(|name| !NEVER_HOP.contains(name))
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in HOP.iter().chain(&HOP_OLD) {
        headers.remove(name);
    }
}

/// Fields by which proxies speak to services: from outside they are lies.
const FROM_PROXIES: [&str; 9] = [
    "forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "x-original-url",
    "x-rewrite-url",
    "x-original-host",
    // CGI makes an outgoing proxy's address of it ("httpoxy").
    "proxy",
];

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Takes away what only a proxy may say, from a head or from trailers.
pub(super) fn strip_lies(headers: &mut HeaderMap) {
    // With an underscore a field is another that CGI, WSGI and PHP cannot tell from the one with a hyphen.
    let lies: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            let name = name.as_str();
            name.starts_with("x-forwarded-") || name.contains('_') || FROM_PROXIES.contains(&name)
        })
        .cloned()
        .collect();
    for name in lies {
        headers.remove(name);
    }
}

/// gRPC needs HTTP/2 all the way, which services are not spoken to in. (gRPC-Web does not, and passes.)
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    matches!(rest, Some([] | [b'+' | b';', ..]))
}

/// Makes the head of a request ready for a service.
pub(super) fn for_service(parts: &mut request::Parts, asked: &Asked, client: IpAddr) {
    let headers = &mut parts.headers;
    let trailers = tokens(headers, &header::TE).any(|t| t.eq_ignore_ascii_case("trailers"));
    strip_hop_by_hop(headers);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
    strip_lies(headers);
    // The gateway itself has said "continue" as soon as the body is wanted.
    headers.remove(header::EXPECT);
    join_cookies(headers);

    headers.insert(header::HOST, asked.as_written.clone());
    headers.insert(X_FORWARDED_PROTO.clone(), HeaderValue::from_static("https"));
    headers.insert(X_FORWARDED_HOST.clone(), asked.as_written.clone());
    let written = asked.as_written.to_str().unwrap_or(&asked.host);
    let node = match client {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("\"[{v6}]\""),
    };
    if let Ok(address) = HeaderValue::try_from(client.to_string()) {
        headers.insert(X_FORWARDED_FOR.clone(), address.clone());
        headers.insert(X_REAL_IP.clone(), address);
    }
    if let Ok(forwarded) =
        HeaderValue::try_from(format!("for={node};host=\"{written}\";proto=https"))
    {
        headers.insert(header::FORWARDED, forwarded);
    }
}

/// HTTP/2 may send a cookie in pieces; HTTP/1.1 knows one field only (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let pieces: Vec<&[u8]> = headers
        .get_all(header::COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let joined = HeaderValue::from_bytes(&pieces.join(&b"; "[..]));
    if let Ok(joined) = joined {
        headers.insert(header::COOKIE, joined);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn parts(request: request::Builder) -> request::Parts {
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn whom_a_request_is_for() {
        let ok = |uri: &str, host: Option<&str>| {
            let mut request = Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header("host", host);
            }
            asked(&parts(request)).map(|asked| asked.host)
        };
        for (uri, host, expected) in [
            ("/", Some("Blog.Example.org"), Ok("blog.example.org")),
            ("/", Some("blog.example.org:8443"), Ok("blog.example.org")),
            ("https://blog.example.org/x", None, Ok("blog.example.org")),
            (
                "https://blog.example.org/x",
                Some("BLOG.example.org"),
                Ok("blog.example.org"),
            ),
            ("/", None, Err(400)),
            ("https://a.example.org/", Some("b.example.org"), Err(400)),
            (
                "https://a.example.org/",
                Some("a.example.org:444"),
                Err(400),
            ),
            ("http://a.example.org/", Some("a.example.org"), Err(400)),
            ("/", Some("user@a.example.org"), Err(400)),
            ("/", Some("a.example.org, b.example.org"), Err(400)),
            ("/", Some("a.example.org/b"), Err(400)),
            ("/", Some(""), Err(400)),
            ("*", Some("a.example.org"), Err(400)),
        ] {
            assert_eq!(
                ok(uri, host).map_err(|status| status.as_u16()),
                expected.map(str::to_owned),
                "{uri} {host:?}"
            );
        }
        let long = format!("/{}", "x".repeat(limits::TARGET_BYTES_MAX));
        assert_eq!(
            ok(&long, Some("a.b")).unwrap_err(),
            StatusCode::URI_TOO_LONG
        );
        let two = parts(
            Request::builder()
                .uri("/")
                .header("host", "a.b")
                .header("host", "a.b"),
        );
        assert_eq!(asked(&two).unwrap_err(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn lies_do_not_pass() {
        let mut request = parts(
            Request::builder()
                .uri("/")
                .header("host", "blog.example.org")
                .header("x-forwarded-for", "6.6.6.6")
                .header("x_forwarded_for", "6.6.6.6")
                .header("x-forwarded-whatever", "6.6.6.6")
                .header("x-real-ip", "6.6.6.6")
                .header("forwarded", "for=6.6.6.6")
                .header("proxy", "http://6.6.6.6")
                .header("connection", "close, x-secret, host, cookie")
                .header("x-secret", "6.6.6.6")
                .header("te", "trailers")
                .header("upgrade", "h2c")
                .header("keep-alive", "timeout=6")
                .header("cookie", "a=1")
                .header("cookie", "b=2"),
        );
        let whom = asked(&request).unwrap();
        for_service(&mut request, &whom, "2001:db8::7".parse().unwrap());
        let mut left: Vec<String> = request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        left.sort();
        assert_eq!(
            left,
            [
                "connection: te",
                "cookie: a=1; b=2",
                "forwarded: for=\"[2001:db8::7]\";host=\"blog.example.org\";proto=https",
                "host: blog.example.org",
                "te: trailers",
                "x-forwarded-for: 2001:db8::7",
                "x-forwarded-host: blog.example.org",
                "x-forwarded-proto: https",
                "x-real-ip: 2001:db8::7",
            ]
        );
    }

    #[test]
    fn only_websockets_are_upgrades() {
        let request = |upgrade: &str, connection: &str| {
            let request = Request::builder()
                .uri("/")
                .header("upgrade", upgrade)
                .header("connection", connection);
            wants_websocket(&request.body(()).unwrap())
        };
        assert!(request("websocket", "Upgrade"));
        assert!(request("WebSocket", "keep-alive, upgrade"));
        assert!(!request("h2c", "upgrade"));
        assert!(!request("websocket, h2c", "upgrade"));
        assert!(!request("websocket", "keep-alive"));
    }
}
