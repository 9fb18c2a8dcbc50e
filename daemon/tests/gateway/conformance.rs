//! A table of HTTP/2: what the standard (RFC 9113) calls an error of the connection ends it, with a word why; what it
//! calls an error of the stream ends that stream; what it says is to be ignored is.

use super::frames::*;
use super::house::*;

/// What must come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    /// GOAWAY with one of these codes. For a wrong size the library often says the general one, which is allowed.
    Gone(&'static [u8]),
    /// The stream alone is refused, by RST_STREAM or an answer of the gateway's own.
    Refused,
    /// The request is answered as if nothing had been.
    Answered,
}
use Back::{Answered, Gone, Refused};

const PROTOCOL: u8 = 1;
const FLOW: u8 = 3;
const CLOSED: u8 = 5;
const SIZE: u8 = 6;
const COMPRESSION: u8 = 9;

fn get_on(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &head("/table"))
}

fn request(fields: &[(&str, &str)]) -> Vec<u8> {
    let fields: Vec<u8> = fields
        .iter()
        .flat_map(|(name, value)| field(name, value, false))
        .collect();
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_as_it_is_written() {
    let service = Service::start().await;
    let (house, _daemon) = House::real(vec![route(BLOG, "/", to(&service, 1_000_000))], "").await;
    let (method, scheme, path) = (
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/table"),
    );
    let authority = (":authority", BLOG);
    let then_get = |frames: Vec<u8>| [frames, get_on(1)].concat();
    let table: Vec<(&str, Vec<u8>, Back)> = vec![
        ("a decent request", get_on(1), Answered),
        (
            "an unknown frame",
            then_get(frame(0x77, 0xff, 0, b"x")),
            Answered,
        ),
        (
            "an unknown setting",
            then_get(frame(SETTINGS, 0, 0, &[0xff, 0xff, 0, 0, 0, 1])),
            Answered,
        ),
        ("a ping", then_get(frame(PING, 0, 0, b"12345678")), Answered),
        (
            "a priority",
            then_get(frame(PRIORITY, 0, 5, &[0, 0, 0, 0, 9])),
            Answered,
        ),
        (
            "a head in two parts",
            {
                let head = head("/table");
                let (one, two) = head.split_at(7);
                let begin = frame(HEADERS, END_STREAM, 1, one);
                [begin, frame(CONTINUATION, END_HEADERS, 1, two)].concat()
            },
            Answered,
        ),
        (
            "data on no stream",
            then_get(frame(DATA, 0, 0, b"x")),
            Gone(&[PROTOCOL]),
        ),
        (
            "a head on no stream",
            frame(HEADERS, END_HEADERS | END_STREAM, 0, &head("/table")),
            Gone(&[PROTOCOL]),
        ),
        (
            "a head on a stream of the server's",
            get_on(2),
            Gone(&[PROTOCOL]),
        ),
        (
            "a stream lower than one before",
            [get_on(5), get_on(3)].concat(),
            Gone(&[PROTOCOL, CLOSED]),
        ),
        (
            "data on a stream that never was",
            frame(DATA, 0, 7, b"x"),
            Gone(&[PROTOCOL]),
        ),
        (
            "a reset of a stream that never was",
            frame(RST_STREAM, 0, 7, &[0, 0, 0, 8]),
            Gone(&[PROTOCOL]),
        ),
        (
            "a reset of no stream",
            frame(RST_STREAM, 0, 0, &[0, 0, 0, 8]),
            Gone(&[PROTOCOL]),
        ),
        (
            "a reset too short",
            [get_on(1), frame(RST_STREAM, 0, 1, &[0, 0, 0])].concat(),
            Gone(&[SIZE, PROTOCOL]),
        ),
        (
            "settings on a stream",
            frame(SETTINGS, 0, 1, &[]),
            Gone(&[PROTOCOL]),
        ),
        (
            "settings of a wrong length",
            frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0]),
            Gone(&[SIZE, PROTOCOL]),
        ),
        (
            "an answer to settings with content",
            frame(SETTINGS, 1, 0, &[0; 6]),
            Gone(&[SIZE, PROTOCOL]),
        ),
        (
            "a window too large in settings",
            frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff]),
            Gone(&[FLOW, PROTOCOL]),
        ),
        (
            "a frame size too small in settings",
            frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1]),
            Gone(&[PROTOCOL]),
        ),
        (
            "a ping of a wrong length",
            frame(PING, 0, 0, b"1234567"),
            Gone(&[SIZE, PROTOCOL]),
        ),
        (
            "a ping on a stream",
            frame(PING, 0, 1, b"12345678"),
            Gone(&[PROTOCOL]),
        ),
        (
            "a frame larger than was agreed on",
            frame(DATA, 0, 1, &[0; 20_000]),
            Gone(&[SIZE, PROTOCOL]),
        ),
        (
            "a window update of nothing",
            frame(WINDOW_UPDATE, 0, 0, &[0; 4]),
            Gone(&[PROTOCOL]),
        ),
        (
            "a window update of a wrong length",
            frame(WINDOW_UPDATE, 0, 0, &[0; 3]),
            Gone(&[SIZE, PROTOCOL]),
        ),
        (
            "a window that grows too large",
            frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            Gone(&[FLOW]),
        ),
        (
            "a promise from a client",
            frame(5, END_HEADERS, 1, &[0, 0, 0, 2]),
            Gone(&[PROTOCOL]),
        ),
        (
            "another frame inside a head",
            {
                let begin = frame(HEADERS, END_STREAM, 1, &head("/table"));
                [begin, frame(PING, 0, 0, b"12345678")].concat()
            },
            Gone(&[PROTOCOL]),
        ),
        (
            "a continuation of nothing",
            frame(CONTINUATION, END_HEADERS, 1, &head("/table")),
            Gone(&[PROTOCOL]),
        ),
        (
            "padding longer than the frame",
            frame(DATA, 8, 1, &[9, 0]),
            Gone(&[PROTOCOL]),
        ),
        (
            "fields that cannot be unpacked",
            frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                1,
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            ),
            Gone(&[COMPRESSION, PROTOCOL]),
        ),
        ("no method", request(&[scheme, authority, path]), Refused),
        ("no path", request(&[method, scheme, authority]), Refused),
        (
            "an empty path",
            request(&[method, scheme, authority, (":path", "")]),
            Refused,
        ),
        (
            "two methods",
            request(&[method, method, scheme, authority, path]),
            Refused,
        ),
        (
            "an unknown pseudo-field",
            request(&[method, scheme, authority, path, (":x", "y")]),
            Refused,
        ),
        (
            "a pseudo-field of answers",
            request(&[method, scheme, authority, path, (":status", "200")]),
            Refused,
        ),
        (
            "a pseudo-field after others",
            request(&[method, scheme, authority, ("x", "y"), path]),
            Refused,
        ),
        (
            "a name in capitals",
            request(&[method, scheme, authority, path, ("X-Y", "z")]),
            Refused,
        ),
        (
            "a field of the connection",
            request(&[method, scheme, authority, path, ("connection", "close")]),
            Refused,
        ),
        (
            "a coding",
            request(&[
                method,
                scheme,
                authority,
                path,
                ("transfer-encoding", "chunked"),
            ]),
            Refused,
        ),
        (
            "a wrong TE",
            request(&[method, scheme, authority, path, ("te", "gzip")]),
            Refused,
        ),
        (
            "a length that is not the data's",
            request(&[method, scheme, authority, path, ("content-length", "3")]),
            Refused,
        ),
    ];
    let mut wrong = Vec::new();
    for (what, frames, expected) in table {
        service.seen();
        let last = frame(GOAWAY, 0, 0, &[0; 8]);
        let heard = attack(&house, &[frames, last].concat()).await;
        let passed_on = service.seen();
        let gone = heard.iter().find_map(|(kind, content)| {
            (*kind == GOAWAY).then(|| content.get(7).copied()).flatten()
        });
        let of = |wanted: u8| heard.iter().filter(|(kind, _)| *kind == wanted).count();
        let right = match expected {
            Gone(codes) => gone.is_some_and(|code| codes.contains(&code)),
            Refused => {
                passed_on.is_empty()
                    && (of(RST_STREAM) == 1 || of(HEADERS) == 1 || gone == Some(PROTOCOL))
            }
            Answered => passed_on == ["GET /table"] && of(HEADERS) == 1 && of(RST_STREAM) == 0,
        };
        if !right {
            wrong.push(format!(
                "{what}: {expected:?}, but {heard:?}, passed on {passed_on:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
