//! The frames of an HTTP/2 connection, counted before they are read: those that carry nothing cost the sender
//! nothing and the reader something, so there are only so many of them.
//!
//! The HTTP library bounds what one frame, one header list and one stream may cost. What it does not bound is how
//! long somebody may go on with settings, pings, resets, priorities and empty frames.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::limits;

const PREFACE_BYTES: usize = 24;
const HEADER_BYTES: usize = 9;
const END_STREAM: u8 = 1;

/// Lets frames through as long as they are not too many.
#[derive(Debug)]
pub(super) struct Frames<S> {
    inner: S,
    tally: Tally,
    sent_bytes: AtomicU64,
}

impl<S> Frames<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            tally: Tally::new(Instant::now()),
            sent_bytes: AtomicU64::new(0),
        }
    }
}

/// Where in the frames the next byte stands, and what may still come.
#[derive(Debug)]
struct Tally {
    skip: usize,
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    /// Thousandths of a frame.
    empty_left: u64,
    since: Instant,
    window_updates: u64,
}

impl Tally {
    fn new(now: Instant) -> Self {
        Self {
            skip: PREFACE_BYTES,
            header: [0; HEADER_BYTES],
            header_bytes: 0,
            empty_left: u64::from(limits::EMPTY_FRAMES_MAX) * 1_000,
            since: now,
            window_updates: 0,
        }
    }

    fn pass(
        &mut self,
        mut bytes: &[u8],
        sent_bytes: u64,
        now: Instant,
    ) -> Result<(), &'static str> {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let wanted = (HEADER_BYTES - self.header_bytes).min(bytes.len());
            self.header[self.header_bytes..self.header_bytes + wanted]
                .copy_from_slice(&bytes[..wanted]);
            self.header_bytes += wanted;
            bytes = &bytes[wanted..];
            if self.header_bytes == HEADER_BYTES {
                self.header_bytes = 0;
                self.frame(sent_bytes, now)?;
            }
        }
        Ok(())
    }

    fn frame(&mut self, sent_bytes: u64, now: Instant) -> Result<(), &'static str> {
        let [a, b, c, kind, flags, ..] = self.header;
        self.skip = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        match kind {
            // Data, unless there is none and more is to come.
            0 if self.skip > 0 || flags & END_STREAM != 0 => Ok(()),
            // Headers: how many requests there may be is bounded elsewhere.
            1 => Ok(()),
            8 => {
                self.window_updates += 1;
                let allowed =
                    u64::from(limits::EMPTY_FRAMES_MAX) + sent_bytes / limits::WINDOW_UPDATE_BYTES;
                if self.window_updates > allowed {
                    return Err("too many window updates");
                }
                Ok(())
            }
            _ => self.empty(now),
        }
    }

    fn empty(&mut self, now: Instant) -> Result<(), &'static str> {
        let passed_ms = now.saturating_duration_since(self.since).as_millis();
        let more = u64::try_from(passed_ms)
            .unwrap_or(u64::MAX)
            .saturating_mul(u64::from(limits::EMPTY_FRAMES_A_SECOND));
        let most = u64::from(limits::EMPTY_FRAMES_MAX) * 1_000;
        self.since = now;
        let left = self.empty_left.saturating_add(more).min(most);
        self.empty_left = left
            .checked_sub(1_000)
            .ok_or("too many frames that carry nothing")?;
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Frames<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        let sent_bytes = this.sent_bytes.load(Ordering::Relaxed);
        let new = &buf.filled()[before..];
        if let Err(why) = this.tally.pass(new, sent_bytes, Instant::now()) {
            tracing::debug!(why, "an HTTP/2 connection was closed");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
        Poll::Ready(Ok(()))
    }
}

super::wire::write_through!(Frames, (this, written) => {
    this.sent_bytes.fetch_add(written as u64, Ordering::Relaxed);
});

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let [_, a, b, c] = u32::try_from(payload).unwrap().to_be_bytes();
        let mut frame = vec![a, b, c, kind, flags, 0, 0, 0, 1];
        frame.resize(HEADER_BYTES + payload, 6);
        frame
    }

    fn passes(tally: &mut Tally, frames: &[u8], piece: usize, now: Instant) -> bool {
        frames
            .chunks(piece)
            .all(|piece| tally.pass(piece, 0, now).is_ok())
    }

    #[test]
    fn what_carries_nothing_is_counted_in_any_pieces() {
        let now = Instant::now();
        let most = limits::EMPTY_FRAMES_MAX as usize;
        for (kind, flags, payload) in [
            (4, 0, 6),
            (4, 1, 0),
            (6, 0, 8),
            (3, 0, 4),
            (2, 0, 5),
            (9, 0, 3),
            (0, 0, 0),
            (77, 0, 0),
        ] {
            for piece in [1, 8, 1_000] {
                let mut tally = Tally::new(now);
                assert!(passes(&mut tally, &[b'p'; PREFACE_BYTES], piece, now));
                let frames = frame(kind, flags, payload).repeat(most);
                assert!(passes(&mut tally, &frames, piece, now), "{kind} by {piece}");
                assert!(
                    !passes(&mut tally, &frame(kind, flags, payload), piece, now),
                    "{kind} by {piece}"
                );
                let later = now + Duration::from_secs(1);
                let some =
                    frame(kind, flags, payload).repeat(limits::EMPTY_FRAMES_A_SECOND as usize);
                let mut tally = Tally {
                    empty_left: 0,
                    ..Tally::new(now)
                };
                tally.skip = 0;
                assert!(passes(&mut tally, &some, piece, later), "{kind} by {piece}");
            }
        }
    }

    #[test]
    fn what_carries_something_is_not() {
        let now = Instant::now();
        let mut tally = Tally::new(now);
        tally.skip = 0;
        for (kind, flags, payload) in [(0, 0, 1), (0, 1, 0), (1, 4, 20)] {
            let frames = frame(kind, flags, payload).repeat(3 * limits::EMPTY_FRAMES_MAX as usize);
            assert!(passes(&mut tally, &frames, 1_000, now), "{kind}");
        }
        // Window updates follow what was sent.
        let updates = frame(8, 0, 4).repeat(limits::EMPTY_FRAMES_MAX as usize + 10);
        assert!(
            tally
                .pass(&updates, 10 * limits::WINDOW_UPDATE_BYTES, now)
                .is_ok()
        );
        assert!(
            tally
                .pass(&frame(8, 0, 4), 10 * limits::WINDOW_UPDATE_BYTES, now)
                .is_err()
        );
    }
}
