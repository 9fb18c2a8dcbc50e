//! Where an HTTP/1.1 request begins and ends, by a reading that leaves no doubt (RFC 9112, sections 2, 5, 6, 7).

use super::limits;

/// What was made of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The first so many are beyond doubt.
    Good(usize),
    /// A head has begun and is not whole yet.
    More,
    /// A head that is refused.
    BadHead(&'static str),
    /// A body that is refused.
    BadBody(&'static str),
}

/// Where in a request the next byte stands.
#[derive(Debug)]
enum Place {
    Head,
    Body { left: u64 },
    ChunkSize,
    ChunkData { left: u64 },
    ChunkEnd,
    Trailers,
}

#[derive(Debug)]
pub(super) struct Framing {
    place: Place,
    /// Bytes of the present head or line that were looked at.
    seen: usize,
    /// Where the present line begins.
    line: usize,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Head,
            seen: 0,
            line: 0,
        }
    }

    /// Whether a request, and no more than its first bytes, is awaited.
    pub(super) fn between_requests(&self) -> bool {
        matches!(self.place, Place::Head)
    }

    /// How many of the bytes to come are a body's whatever they are.
    pub(super) fn sure_bytes(&self) -> usize {
        match self.place {
            Place::Body { left } | Place::ChunkData { left } => {
                usize::try_from(left).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }

    /// So many of the sure bytes have come.
    pub(super) fn pass(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        match &mut self.place {
            Place::Body { left } => {
                *left = left.saturating_sub(bytes);
                if *left == 0 {
                    self.place = Place::Head;
                }
            }
            Place::ChunkData { left } => {
                *left = left.saturating_sub(bytes);
                if *left == 0 {
                    self.place = Place::ChunkEnd;
                }
            }
            _ => {}
        }
    }

    /// Judges bytes that begin where the last good ones ended.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Reading {
        match self.place {
            Place::Head => self.head(bytes),
            Place::Body { .. } | Place::ChunkData { .. } => {
                let n = self.sure_bytes().min(bytes.len());
                self.pass(n);
                Reading::Good(n)
            }
            Place::ChunkSize => self.chunk_size(bytes),
            Place::ChunkEnd => match bytes {
                [b'\r', b'\n', ..] => {
                    self.place = Place::ChunkSize;
                    Reading::Good(2)
                }
                [b'\r'] => Reading::More,
                _ => Reading::BadBody("a chunk does not end where it said"),
            },
            Place::Trailers => self.trailers(bytes),
        }
    }

    /// Looks for the end of the line that began at `self.line`; its content without the end.
    fn next_line<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, &'static str> {
        while let Some(&byte) = bytes.get(self.seen) {
            match byte {
                b'\n' => return Err("a line feed without carriage return"),
                0 => return Err("a zero byte"),
                b'\r' => match bytes.get(self.seen + 1) {
                    None => return Ok(None),
                    Some(b'\n') => {
                        let line = &bytes[self.line..self.seen];
                        self.seen += 2;
                        self.line = self.seen;
                        return Ok(Some(line));
                    }
                    Some(_) => return Err("a carriage return without line feed"),
                },
                _ => self.seen += 1,
            }
        }
        Ok(None)
    }

    fn restart(&mut self, place: Place) -> usize {
        self.place = place;
        self.line = 0;
        std::mem::take(&mut self.seen)
    }

    fn head(&mut self, bytes: &[u8]) -> Reading {
        loop {
            match self.next_line(bytes) {
                Err(why) => return Reading::BadHead(why),
                Ok(None) if bytes.len() > limits::HEAD_BYTES_MAX => {
                    return Reading::BadHead("a head too large");
                }
                Ok(None) => return Reading::More,
                // An empty line before a request is tolerated once (RFC 9112, 2.2) and not handed on by itself.
                Ok(Some([])) if self.seen == 2 => {}
                Ok(Some([])) => break,
                Ok(Some(_)) if self.seen > limits::HEAD_BYTES_MAX => {
                    return Reading::BadHead("a head too large");
                }
                Ok(Some(_)) => {}
            }
        }
        match framing_of(&bytes[..self.seen]) {
            Ok(place) => Reading::Good(self.restart(place)),
            Err(why) => Reading::BadHead(why),
        }
    }

    fn chunk_size(&mut self, bytes: &[u8]) -> Reading {
        let line = match self.next_line(bytes) {
            Err(why) => return Reading::BadBody(why),
            Ok(None) if bytes.len() > limits::CHUNK_LINE_BYTES_MAX => {
                return Reading::BadBody("a chunk line too long");
            }
            Ok(None) => return Reading::More,
            Ok(Some(line)) => line,
        };
        let digits = line.split(|b| *b == b';').next().unwrap_or_default();
        let size = match digits.len() {
            1..=15 if digits.iter().all(u8::is_ascii_hexdigit) => std::str::from_utf8(digits)
                .ok()
                .and_then(|d| u64::from_str_radix(d, 16).ok()),
            _ => None,
        };
        let place = match size {
            None => return Reading::BadBody("a chunk without a size"),
            Some(0) => Place::Trailers,
            Some(left) => Place::ChunkData { left },
        };
        Reading::Good(self.restart(place))
    }

    fn trailers(&mut self, bytes: &[u8]) -> Reading {
        loop {
            match self.next_line(bytes) {
                Err(why) => return Reading::BadBody(why),
                Ok(None) if bytes.len() > limits::TRAILER_BYTES_MAX => {
                    return Reading::BadBody("trailers too large");
                }
                Ok(None) => return Reading::More,
                Ok(Some([])) => return Reading::Good(self.restart(Place::Head)),
                Ok(Some(line)) => {
                    if field(line).is_none() {
                        return Reading::BadBody("a trailer that is no field");
                    }
                }
            }
        }
    }
}

/// Name and value of a field line; nothing for a folded line, a space before the colon or a name that is none.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|b| *b == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    (!name.is_empty() && name.iter().all(token)).then(|| (name, value.trim_ascii()))
}

/// How the body of a whole head is framed.
fn framing_of(head: &[u8]) -> Result<Place, &'static str> {
    let mut lines = head
        .split(|b| *b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let request_line = lines
        .find(|line| !line.is_empty())
        .ok_or("no request line")?;
    if request_line.iter().filter(|b| **b == b' ').count() != 2 || request_line.contains(&b'\t') {
        return Err("a request line that is none");
    }
    let old = request_line.ends_with(b" HTTP/1.0");
    if !old && !request_line.ends_with(b" HTTP/1.1") {
        return Err("an unknown version");
    }
    let (mut length, mut coded, mut hosts) = (None, false, 0);
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = field(line).ok_or("a header line that is no field")?;
        if name.eq_ignore_ascii_case(b"content-length") {
            if length.is_some() {
                return Err("two lengths");
            }
            if !(1..=18).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
                return Err("a length that is none");
            }
            length = Some(
                value
                    .iter()
                    .fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0')),
            );
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if coded || old || !value.eq_ignore_ascii_case(b"chunked") {
                return Err("an unknown transfer coding");
            }
            coded = true;
        } else if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
        }
    }
    if hosts > 1 {
        return Err("two hosts");
    }
    match (length, coded) {
        (Some(_), true) => Err("a length and a transfer coding"),
        (None, true) => Ok(Place::ChunkSize),
        (None | Some(0), false) => Ok(Place::Head),
        (Some(left), false) => Ok(Place::Body { left }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    /// Feeds the bytes in pieces of one size; the last judgement, and how many were good.
    fn judged(bytes: &[u8], piece: usize) -> (Reading, usize) {
        let mut framing = Framing::new();
        let (mut good, mut last) = (0, Reading::More);
        let mut end = 0;
        while end < bytes.len() {
            end = (end + piece).min(bytes.len());
            while good < end {
                last = framing.read(&bytes[good..end]);
                match last {
                    Reading::Good(n) => good += n,
                    Reading::More => break,
                    _ => return (last, good),
                }
            }
        }
        (last, good)
    }

    #[test]
    fn beyond_doubt() {
        let two = "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n\r\nGET /x HTTP/1.1\r\nHost: a.b\r\n\r\n";
        for good in [
            "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.b\r\nContent-Length: 4\r\n\r\n\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.b\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n\n\0\r\n\r\n0\r\nX: y\r\n\r\n",
            "\r\nGET / HTTP/1.0\r\n\r\n",
            two,
        ] {
            for piece in [1, 2, 3, 7, 1_000] {
                let (last, bytes) = judged(good.as_bytes(), piece);
                assert_eq!((&last, bytes), (&last, good.len()), "{good:?} by {piece}");
                assert!(
                    matches!(last, Reading::Good(_)),
                    "{good:?} by {piece}: {last:?}"
                );
            }
        }
    }

    #[test]
    fn in_doubt() {
        for (bad, why) in [
            (
                "GET / HTTP/1.1\nHost: a.b\n\n",
                "a line feed without carriage return",
            ),
            (
                "GET / HTTP/1.1\r\nHost: a.b\rX: y\r\n\r\n",
                "a carriage return without line feed",
            ),
            ("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", "a zero byte"),
            (
                "GET / HTTP/1.1\r\nHost : a.b\r\n\r\n",
                "a header line that is no field",
            ),
            (
                "GET / HTTP/1.1\r\nHost: a.b\r\n folded\r\n\r\n",
                "a header line that is no field",
            ),
            (
                "GET / HTTP/1.1\r\nHost: a.b\r\nHost: a.b\r\n\r\n",
                "two hosts",
            ),
            (
                "GET  / HTTP/1.1\r\nHost: a.b\r\n\r\n",
                "a request line that is none",
            ),
            ("GET / HTTP/1.2\r\nHost: a.b\r\n\r\n", "an unknown version"),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
                "two lengths",
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n",
                "a length that is none",
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
                "a length that is none",
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
                "a length that is none",
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 9999999999999999999\r\n\r\n",
                "a length that is none",
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
                "a length and a transfer coding",
            ),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "a length and a transfer coding",
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
                "an unknown transfer coding",
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                "an unknown transfer coding",
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                "an unknown transfer coding",
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
                "an unknown transfer coding",
            ),
            (
                "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
                "an unknown transfer coding",
            ),
        ] {
            for piece in [1, 5, 1_000] {
                assert_eq!(
                    judged(bad.as_bytes(), piece),
                    (Reading::BadHead(why), 0),
                    "{bad:?} by {piece}"
                );
            }
        }
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for bad in [
            "g\r\n",
            "\r\n",
            "4\n",
            "0x4\r\n",
            "-1\r\n",
            "4 \r\n",
            "10000000000000000\r\n",
            "2\r\nabcd",
            "1\r\na\n",
        ] {
            let request = format!("{head}{bad}");
            for piece in [1, 5, 1_000] {
                let (last, _) = judged(request.as_bytes(), piece);
                assert!(
                    matches!(last, Reading::BadBody(_)),
                    "{bad:?} by {piece}: {last:?}"
                );
            }
        }
    }

    #[test]
    fn heads_have_an_end() {
        let head = format!(
            "GET / HTTP/1.1\r\nX: {}",
            "x".repeat(limits::HEAD_BYTES_MAX)
        );
        assert_eq!(
            judged(head.as_bytes(), 1_000).0,
            Reading::BadHead("a head too large")
        );
        let head = format!(
            "GET / HTTP/1.1\r\nX: {}\r\n\r\n",
            "x".repeat(limits::HEAD_BYTES_MAX)
        );
        assert_eq!(
            judged(head.as_bytes(), 100_000).0,
            Reading::BadHead("a head too large")
        );
    }
}
