//! What parses bytes of others: whatever they are, nothing falls over, and how they are cut into pieces does not matter.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::sync::watch;

use super::framing::{Framing, Reading};
use super::picture::Picture;
use super::{daemon_link, headers};
use crate::door::Doorway;

/// Pieces of requests, right and wrong, which chance puts together.
const WORDS: [&str; 44] = [
    "GET / HTTP/1.1\r\n",
    "POST /a HTTP/1.1\r\n",
    "GET / HTTP/1.0\r\n",
    "GET /\r\n",
    "Host: a.b\r\n",
    "Host: c.d\r\n",
    "Content-Length: 4\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 99\r\n",
    "content-length:4\r\n",
    "Content-Length: 4, 4\r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding: CHUNKED\r\n",
    "Transfer-Encoding: gzip\r\n",
    "X: y\r\n",
    " folded\r\n",
    "X : y\r\n",
    ": y\r\n",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "0\r\n",
    "4\r\n",
    "4;x=y\r\n",
    "a\r\n",
    "g\r\n",
    "fffffffffffffff\r\n",
    "abcd",
    "\r\n\r\n",
    "0\r\n\r\n",
    "Trailer: x\r\n",
    "HTTP/1.1",
    "GET",
    " ",
    "\t",
    ":",
    "é",
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "Content-Length",
    "Transfer-Encoding",
    "chunked",
];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        12 => proptest::sample::select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..6),
    ];
    vec(word, 0..24).prop_map(|words| words.concat())
}

/// Reads in pieces of these lengths, over and over: how many bytes were good, and what was said of those after.
fn judged(bytes: &[u8], pieces: &[usize]) -> (usize, Reading) {
    let mut framing = Framing::new();
    let (mut good, mut end, mut last) = (0, 0, Reading::More);
    let mut pieces = pieces.iter().cycle();
    while end < bytes.len() {
        end = (end + pieces.next().copied().unwrap_or(1)).min(bytes.len());
        while good < end {
            match framing.read(&bytes[good..end]) {
                Reading::Good(some) => {
                    assert!(some > 0 && some <= end - good);
                    good += some;
                    last = Reading::Good(0);
                }
                Reading::More => {
                    last = Reading::More;
                    break;
                }
                bad => return (good, bad),
            }
        }
    }
    (good, last)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn how_a_request_is_cut_does_not_change_how_it_is_read(bytes in bytes(), pieces in vec(1_usize..40, 1..5)) {
        let whole = judged(&bytes, &[usize::MAX >> 1]);
        prop_assert_eq!(judged(&bytes, &pieces), whole);
    }

    #[test]
    fn a_head_that_is_let_through_ends_for_the_library_where_it_ends_for_us(bytes in bytes()) {
        let mut framing = Framing::new();
        let Reading::Good(ours) = framing.read(&bytes) else { return Ok(()) };
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut fields);
        // What the library refuses reaches nobody either.
        let Ok(read) = request.parse(&bytes) else { return Ok(()) };
        prop_assert_eq!(read, httparse::Status::Complete(ours));
        let of = |name: &str| request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).count();
        prop_assert!(of("content-length") + of("transfer-encoding") <= 1 && of("host") <= 1);
    }

    #[test]
    fn whom_a_request_is_for_is_beyond_doubt_or_refused(
        path in "[ -~é]{0,12}", host in "[ -~]{0,16}", second in proptest::option::of("[a-z.]{1,6}"),
    ) {
        let mut request = Request::builder().uri(format!("/{path}")).header("host", &host);
        if let Some(second) = second {
            request = request.header("host", second);
        }
        let Ok(request) = request.body(()) else { return Ok(()) };
        let (parts, ()) = request.into_parts();
        if let Ok(asked) = headers::asked(&parts) {
            prop_assert!(!asked.host.contains(['@', '/', ' ']), "{}", asked.host);
            prop_assert_eq!(asked.host.to_ascii_lowercase(), asked.host);
            prop_assert_eq!(parts.headers.get_all("host").iter().count(), 1);
            prop_assert!(parts.method == Method::GET);
        }
    }

    #[test]
    fn no_field_makes_a_service_believe_another_address(
        fields in vec((proptest::sample::select(&["x-forwarded-for", "X_Forwarded_For", "forwarded", "x-real-ip", "connection",
            "x-forwarded-proto", "via", "te", "upgrade", "cookie", "host", "true-client-ip", "proxy"][..]), "[ -~]{0,12}"), 0..12),
    ) {
        let mut map = HeaderMap::new();
        map.insert("host", HeaderValue::from_static("a.b"));
        for (name, value) in fields.iter().filter(|(name, _)| *name != "host") {
            let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) else { continue };
            map.append(name, value);
        }
        let mut request = Request::new(());
        *request.headers_mut() = map;
        let (mut parts, ()) = request.into_parts();
        if let Ok(asked) = headers::asked(&parts) {
            headers::for_service(&mut parts, &asked, std::net::Ipv4Addr::new(192, 0, 2, 7).into());
            for (name, expected) in [("x-forwarded-for", "192.0.2.7"), ("x-real-ip", "192.0.2.7"), ("x-forwarded-proto", "https")] {
                let all: Vec<_> = parts.headers.get_all(name).iter().collect();
                prop_assert_eq!(all, vec![expected]);
            }
            prop_assert!(parts.headers.keys().all(|name| !name.as_str().contains('_')));
            prop_assert_eq!(parts.headers.get_all("cookie").iter().count().min(2) & 2, 0);
        }
    }

    #[test]
    fn words_that_are_no_picture_change_nothing(
        mut line in proptest::sample::select(&[
            r#"{"version":7,"routes":[{"host":"a.b","path_prefix":"/","target":{"redirect":{"location":"/x"}}}],"certificates":[]}"#,
            r#"{"version":7,"routes":[{"host":"a.b","path_prefix":"/","target":{"upstream":{"address":"10.0.0.1:80","body_max_bytes":1}}}],"certificates":[{"hostnames":["a.b"],"chain_pem":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----","key_pem":"x"}]}"#,
        ][..]).prop_map(|line| line.as_bytes().to_vec()),
        changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        for (place, byte) in changes {
            let place = place.index(line.len());
            line[place] = byte;
        }
        if let Some(cut) = cut {
            line.truncate(cut.index(line.len()));
        }
        let (pictures, shown) = watch::channel(Arc::new(Picture::default()));
        let taken = daemon_link::show(&line, &pictures);
        prop_assert_eq!(taken.is_some(), shown.has_changed().is_ok_and(|changed| changed));
        if taken.is_none() {
            prop_assert_eq!(shown.borrow().hosts(), 0);
        } else {
            prop_assert!(serde_json::from_slice::<Doorway>(&line).is_ok());
        }
    }
}
