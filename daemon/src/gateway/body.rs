//! Bodies on their way: piece by piece, never held.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::client::{Pulse, UnderWay};
use super::headers;

/// Why a request's body was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Cut {
    #[error("the body is larger than this service takes")]
    TooLarge,
    #[error("the body stopped coming")]
    Silent,
    #[error("the body is broken")]
    Broken,
}

/// Tells the request's handler why its upload was cut off: the HTTP client hides it.
#[derive(Debug, Default)]
pub(super) struct Verdict(AtomicU8);

impl Verdict {
    fn pass(&self, cut: Cut) -> Cut {
        self.0.store(1 + cut as u8, Ordering::Relaxed);
        cut
    }

    pub(super) fn get(&self) -> Option<Cut> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Cut::TooLarge),
            2 => Some(Cut::Silent),
            _ => Some(Cut::Broken),
        }
    }
}

/// A request's body on its way to a service.
#[derive(Debug)]
pub(super) struct Upload {
    inner: Incoming,
    left_bytes: u64,
    verdict: Arc<Verdict>,
    pulse: Arc<Pulse>,
    idle: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Upload {
    pub(super) fn new(
        inner: Incoming,
        max_bytes: u64,
        verdict: Arc<Verdict>,
        pulse: Arc<Pulse>,
        idle: Duration,
    ) -> Self {
        Self {
            inner,
            left_bytes: max_bytes,
            verdict,
            pulse,
            idle,
            deadline: None,
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(mut frame))) => {
                this.deadline = None;
                this.pulse.beat();
                if let Some(data) = frame.data_ref() {
                    match this.left_bytes.checked_sub(data.remaining() as u64) {
                        Some(left) => this.left_bytes = left,
                        None => return Poll::Ready(Some(Err(this.verdict.pass(Cut::TooLarge)))),
                    }
                }
                if let Some(trailers) = frame.trailers_mut() {
                    headers::strip_lies(trailers);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(this.verdict.pass(Cut::Broken)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let deadline = this.deadline.get_or_insert_with(|| {
                    Box::pin(tokio::time::sleep_until(Instant::now() + this.idle))
                });
                match deadline.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(this.verdict.pass(Cut::Silent)))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer's body on its way to the client.
#[derive(Debug)]
pub(super) struct Answer {
    inner: Inner,
    // Held, not read: the request is under way until the last byte has left.
    _under_way: Option<UnderWay>,
}

#[derive(Debug)]
enum Inner {
    Page(Full<Bytes>),
    Service(Incoming),
}

impl Answer {
    pub(super) fn page(bytes: impl Into<Bytes>) -> Self {
        Self {
            inner: Inner::Page(Full::new(bytes.into())),
            _under_way: None,
        }
    }

    pub(super) fn service(body: Incoming, under_way: UnderWay) -> Self {
        Self {
            inner: Inner::Service(body),
            _under_way: Some(under_way),
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.inner {
            Inner::Page(page) => Pin::new(page)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Inner::Service(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Page(page) => page.is_end_stream(),
            Inner::Service(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Page(page) => page.size_hint(),
            Inner::Service(body) => body.size_hint(),
        }
    }
}
