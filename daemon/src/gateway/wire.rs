//! The bytes of a connection: watched for life, and for HTTP/1.1 read by the strictest reading.
//!
//! hyper reads HTTP/1.1 generously and writes it anew, so nothing ambiguous reaches a service. But who sends
//! something that two readers may understand differently is attacking or broken, and is not served at all:
//! [`Strict`] looks at each head before hyper sees it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::client::Client;
use super::framing::{Framing, Reading};
use super::limits;

/// Notes that something moved.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) inner: S,
    pub(super) client: Arc<Client>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.client.pulse.beat();
        }
        Poll::Ready(Ok(()))
    }
}

macro_rules! write_through {
    ($kind:ident, ($this:ident, $written:ident) => $beat:expr) => {
        impl<S: AsyncWrite + Unpin> AsyncWrite for $kind<S> {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                let $this = &mut *self;
                let $written = ready!(Pin::new(&mut $this.inner).poll_write(cx, buf))?;
                let () = $beat;
                Poll::Ready(Ok($written))
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                let $this = &mut *self;
                let $written = ready!(Pin::new(&mut $this.inner).poll_write_vectored(cx, bufs))?;
                let () = $beat;
                Poll::Ready(Ok($written))
            }

            fn is_write_vectored(&self) -> bool {
                self.inner.is_write_vectored()
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.inner).poll_flush(cx)
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Pin::new(&mut self.inner).poll_shutdown(cx)
            }
        }
    };
}

write_through!(Watched, (this, written) => this.client.pulse.beat());
write_through!(Strict, (this, written) => ());
pub(super) use write_through;

/// Lets a request through once its head is beyond doubt.
#[derive(Debug)]
pub(super) struct Strict<S> {
    inner: S,
    client: Arc<Client>,
    framing: Framing,
    /// Read and not yet handed on; the first `good` bytes may be.
    held: BytesMut,
    good: usize,
    refused: bool,
}

/// No HTTP reader takes this for a request: hyper answers 400, after the answers still due, and closes.
const POISON: &[u8] = b"\0\r\n\r\n";

impl<S> Strict<S> {
    pub(super) fn new(inner: S, client: Arc<Client>) -> Self {
        Self {
            inner,
            client,
            framing: Framing::new(),
            held: BytesMut::new(),
            good: 0,
            refused: false,
        }
    }

    /// Looks at what is held and not yet judged.
    fn judge(&mut self) -> io::Result<()> {
        while self.good < self.held.len() && !self.refused {
            if self.framing.between_requests() && self.client.tunnel.load(Ordering::Acquire) {
                self.good = self.held.len();
                return Ok(());
            }
            match self.framing.read(&self.held[self.good..]) {
                Reading::Good(bytes) => self.good += bytes,
                Reading::More => return Ok(()),
                Reading::BadHead(why) => {
                    tracing::debug!(why, "a request was refused");
                    self.refused = true;
                    self.held.truncate(self.good);
                    self.held.extend_from_slice(POISON);
                    self.good = self.held.len();
                }
                Reading::BadBody(why) => {
                    tracing::debug!(why, "a request's body was refused");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, why));
                }
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.good > 0 {
                let n = this.good.min(buf.remaining());
                buf.put_slice(&this.held[..n]);
                this.held.advance(n);
                this.good -= n;
                return Poll::Ready(Ok(()));
            }
            if this.refused {
                return Poll::Ready(Ok(()));
            }
            let tunnel =
                this.framing.between_requests() && this.client.tunnel.load(Ordering::Acquire);
            if tunnel && !this.held.is_empty() {
                this.good = this.held.len();
                continue;
            }
            if this.held.is_empty() {
                // Nothing in doubt: the inside of a body, or a tunnel, goes straight through.
                let straight = if tunnel {
                    usize::MAX
                } else {
                    this.framing.sure_bytes()
                };
                if straight > 0 {
                    let room = buf.remaining().min(straight);
                    let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
                    ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
                    let n = part.filled().len();
                    if !tunnel {
                        this.framing.pass(n);
                    }
                    buf.advance(n);
                    return Poll::Ready(Ok(()));
                }
            }
            if this.held.len() >= limits::BUFFER_BYTES_MAX {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
            let mut piece = [0_u8; 8 * 1024];
            let mut part = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
            if part.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.held.extend_from_slice(part.filled());
            this.judge()?;
        }
    }
}
