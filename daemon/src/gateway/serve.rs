//! The doors themselves: listening, handshakes, one task for each connection.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::{Pin, pin};
use std::sync::Arc;

use anyhow::Context;
use http::header::HeaderValue;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::body::Answer;
use super::challenges::ACME_TLS;
use super::client::{Client, Place, Places};
use super::picture::Picture;
use super::proxy::{Proxy, moved};
use super::wire::{Strict, Watched};
use super::{headers, limits, pages, privileges, tls};

/// The doors, bound and not yet open.
#[derive(Debug)]
pub struct Server {
    https: Vec<StdListener>,
    http: Vec<StdListener>,
}

impl Server {
    /// Binds every address. Needs no runtime, so that rights can be given up before there are threads.
    pub fn bind(https: &[SocketAddr], http: &[SocketAddr]) -> anyhow::Result<Self> {
        let all = |addresses: &[SocketAddr]| {
            addresses
                .iter()
                .map(|address| listen(*address).with_context(|| format!("listening on {address}")))
                .collect::<anyhow::Result<Vec<_>>>()
        };
        Ok(Self {
            https: all(https)?,
            http: all(http)?,
        })
    }

    /// Where HTTPS is really listened for (a port may have been 0).
    pub fn https_addresses(&self) -> Vec<SocketAddr> {
        self.https
            .iter()
            .filter_map(|l| l.local_addr().ok())
            .collect()
    }

    /// Where HTTP is really listened for.
    pub fn http_addresses(&self) -> Vec<SocketAddr> {
        self.http
            .iter()
            .filter_map(|l| l.local_addr().ok())
            .collect()
    }

    /// Serves what the pictures show until `ending`, then lets what is under way end.
    pub async fn serve(
        self,
        pictures: watch::Receiver<Arc<Picture>>,
        ending: CancellationToken,
    ) -> anyhow::Result<()> {
        let proxy = Arc::new(Proxy::new(pictures.clone(), ending.clone()));
        let places = Places::new(privileges::connections_max());
        let secure = Arc::new(Secure {
            proxy: Arc::clone(&proxy),
            acceptor: TlsAcceptor::from(tls::config(pictures)?),
            handshakes: Semaphore::new(limits::HANDSHAKES_MAX),
        });
        let mut listening = Vec::new();
        for listener in self.https {
            let secure = Arc::clone(&secure);
            let accept = accept(
                tokio_listener(listener)?,
                Arc::clone(&places),
                Arc::clone(&proxy),
                move |s, p| Arc::clone(&secure).serve(s, p),
            );
            listening.push(tokio::spawn(accept));
        }
        for listener in self.http {
            let unprotected = Arc::clone(&proxy);
            let accept = accept(
                tokio_listener(listener)?,
                Arc::clone(&places),
                Arc::clone(&proxy),
                move |s, p| serve_unprotected(Arc::clone(&unprotected), s, p),
            );
            listening.push(tokio::spawn(accept));
        }
        ending.cancelled().await;
        for task in listening {
            let _ = task.await;
        }
        proxy.tasks.close();
        if tokio::time::timeout(limits::DRAIN_S, proxy.tasks.wait())
            .await
            .is_err()
        {
            tracing::info!("{} connections were cut off", proxy.tasks.len());
        }
        Ok(())
    }
}

/// `[::]` takes IPv4 too; on a machine without IPv6 it means IPv4 alone.
fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let listener = match StdListener::bind(address) {
        Err(error)
            if address.ip() == std::net::Ipv6Addr::UNSPECIFIED
                && error.kind() != io::ErrorKind::AddrInUse =>
        {
            StdListener::bind((std::net::Ipv4Addr::UNSPECIFIED, address.port()))
                .map_err(|_| error)?
        }
        other => other?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn tokio_listener(listener: StdListener) -> anyhow::Result<TcpListener> {
    TcpListener::from_std(listener).context("handing a listener to the runtime")
}

async fn accept<F, T>(listener: TcpListener, places: Arc<Places>, proxy: Arc<Proxy>, serve: F)
where
    F: Fn(TcpStream, Place) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = proxy.ending.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // No place: closed at once, which costs least.
                if let Some(place) = places.take(peer) {
                    let _ = stream.set_nodelay(true);
                    proxy.tasks.spawn(serve(stream, place));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(limits::ACCEPT_PAUSE_MS).await;
            }
        }
    }
}

/// What connections with TLS share.
struct Secure {
    proxy: Arc<Proxy>,
    acceptor: TlsAcceptor,
    handshakes: Semaphore,
}

impl Secure {
    async fn serve(self: Arc<Self>, stream: TcpStream, place: Place) {
        let handshake = async {
            let _turn = self.handshakes.acquire().await.ok()?;
            self.acceptor.accept(stream).await.ok()
        };
        let stream = tokio::select! {
            stream = tokio::time::timeout(limits::HANDSHAKE_S, handshake) => stream,
            () = self.proxy.ending.cancelled() => return,
        };
        let Ok(Some(stream)) = stream else { return };
        let session = stream.get_ref().1;
        // The handshake was the whole answer.
        if session.alpn_protocol() == Some(ACME_TLS) {
            return;
        }
        let Some(name) = session.server_name().map(str::to_ascii_lowercase) else {
            return;
        };
        let two = session.alpn_protocol() == Some(b"h2");
        let client = Arc::new(Client::new(name, place));
        let watched = Watched {
            inner: stream,
            client: Arc::clone(&client),
        };
        let proxy = Arc::clone(&self.proxy);
        let of_requests = Arc::clone(&client);
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = Arc::clone(&proxy).answer(Arc::clone(&of_requests), request);
            async move { Ok::<_, std::convert::Infallible>(answer.await) }
        });
        if two {
            let connection = pin!(http2_builder().serve_connection(TokioIo::new(watched), service));
            run(connection, |c| c.graceful_shutdown(), &client, &self.proxy).await;
        } else {
            let strict = Strict::new(watched, Arc::clone(&client));
            let connection = pin!(
                http1_builder()
                    .serve_connection(TokioIo::new(strict), service)
                    .with_upgrades()
            );
            run(connection, |c| c.graceful_shutdown(), &client, &self.proxy).await;
        }
    }
}

/// Leads a connection to its end, which comes sooner when nothing moves on it or the gateway ends.
async fn run<C>(
    mut connection: Pin<&mut C>,
    shut: impl Fn(Pin<&mut C>),
    client: &Client,
    proxy: &Proxy,
) where
    C: Future<Output = hyper::Result<()>>,
{
    let idle = pin!(client.pulse.silent_for(|| client.idle_allowed()));
    tokio::select! {
        ended = &mut connection => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
            return;
        }
        () = idle => {}
        () = proxy.ending.cancelled() => {}
    }
    shut(connection.as_mut());
    let _ = tokio::time::timeout(limits::DRAIN_S, connection).await;
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_S)
        .max_headers(limits::HEADERS_MAX)
        .max_buf_size(limits::BUFFER_BYTES_MAX);
    builder
}

fn http2_builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::STREAMS_MAX)
        .max_pending_accept_reset_streams(limits::STREAM_RESETS_MAX)
        .max_local_error_reset_streams(limits::STREAM_FAULTS_MAX)
        .max_header_list_size(u32::try_from(limits::HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .initial_stream_window_size(limits::STREAM_WINDOW_BYTES)
        .initial_connection_window_size(limits::CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(limits::STREAM_SEND_BYTES_MAX)
        .keep_alive_interval(limits::PING_EVERY_S)
        .keep_alive_timeout(limits::PING_S);
    builder
}

/// The unprotected port knows one answer: the same address with TLS. But for challenges, which are asked here.
async fn serve_unprotected(proxy: Arc<Proxy>, stream: TcpStream, place: Place) {
    let client = Arc::new(Client::new(String::new(), place));
    let watched = Watched {
        inner: stream,
        client: Arc::clone(&client),
    };
    let strict = Strict::new(watched, Arc::clone(&client));
    let pictures = proxy.pictures.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = to_https(&pictures.borrow(), &request);
        async move { Ok::<_, std::convert::Infallible>(answer) }
    });
    let connection = pin!(http1_builder().serve_connection(TokioIo::new(strict), service));
    run(connection, |c| c.graceful_shutdown(), &client, &proxy).await;
}

fn to_https(picture: &Picture, request: &Request<Incoming>) -> Response<Answer> {
    let (method, uri) = (request.method(), request.uri());
    let host = match headers::named(method, uri, request.headers()) {
        Ok(asked) => asked.host,
        Err(status) => return pages::refused(status),
    };
    if let Some(answer) = picture.challenges.answer(method, &host, uri.path()) {
        return answer;
    }
    if !picture.knows(&host) {
        return pages::refused(StatusCode::NOT_FOUND);
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    match HeaderValue::try_from(format!("https://{host}{path}")) {
        Ok(location) => pages::redirect(moved(method), location),
        Err(_) => pages::refused(StatusCode::BAD_REQUEST),
    }
}
