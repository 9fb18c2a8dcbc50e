//! The way to what answers: over TCP to an app's container, over a unix socket to the panel. A unix socket's folder
//! belongs to root: while the daemon is away nobody else can answer in its place, as they could on a port.

use std::future::Future;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::{Authority, InvalidUri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tower_service::Service;

/// Ends the made-up host of a unix socket. An app's address is a number, never a name: none of them ends so.
const UNIX: &str = ".unix";

/// The made-up authority under which a unix socket is connected to.
pub(super) fn authority_of(socket: &Path) -> Result<Authority, InvalidUri> {
    let path: String = socket
        .as_os_str()
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{path}{UNIX}").parse()
}

fn socket_of(uri: &Uri) -> Option<PathBuf> {
    let digits = uri.host()?.strip_suffix(UNIX)?;
    let bytes: Option<Vec<u8>> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect();
    Some(PathBuf::from(std::ffi::OsString::from_vec(bytes?)))
}

/// Connects.
#[derive(Debug, Clone)]
pub(super) struct Road {
    tcp: HttpConnector,
}

impl Road {
    pub(super) fn new(tcp: HttpConnector) -> Self {
        Self { tcp }
    }
}

type Fails = Box<dyn std::error::Error + Send + Sync>;

impl Service<Uri> for Road {
    type Response = Way;
    type Error = Fails;
    type Future = Pin<Box<dyn Future<Output = Result<Way, Fails>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fails>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if let Some(socket) = socket_of(&uri) {
            return Box::pin(async move {
                let stream = UnixStream::connect(socket).await?;
                Ok(Way::Unix(TokioIo::new(stream)))
            });
        }
        let connecting = self.tcp.call(uri);
        Box::pin(async move { Ok(Way::Tcp(connecting.await?)) })
    }
}

/// A connection.
#[derive(Debug)]
pub(super) enum Way {
    Tcp(TokioIo<TcpStream>),
    Unix(TokioIo<UnixStream>),
}

impl Connection for Way {
    fn connected(&self) -> Connected {
        match self {
            Way::Tcp(stream) => stream.connected(),
            Way::Unix(_) => Connected::new(),
        }
    }
}

impl Read for Way {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Way::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Way::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl Write for Way {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Way::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Way::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Way::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Way::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Way::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Way::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_has_an_authority_of_its_own() {
        let socket = Path::new("/run/lavoir/panel.sock");
        let authority = authority_of(socket).unwrap();
        let uri: Uri = format!("http://{authority}/x").parse().unwrap();
        assert_eq!(socket_of(&uri).unwrap(), socket);
        for app in ["172.20.0.2:80", "[fd00::1]:8080"] {
            let uri: Uri = format!("http://{app}/x").parse().unwrap();
            assert_eq!(socket_of(&uri), None, "{app}");
        }
    }
}
