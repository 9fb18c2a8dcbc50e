//! The doors themselves: listening, handshakes, one task for each connection.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http::header::HeaderValue;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::LazyConfigAcceptor;

use super::body::Answer;
use super::challenges::ACME_TLS;
use super::client::{Client, Place, Places};
use super::count::Counts;
use super::frames::Frames;
use super::handover::Listeners;
use super::limits::Limits;
use super::picture::Picture;
use super::proxy::{Proxy, moved};
use super::wire::{Strict, Watched};
use super::{End, Settings, headers, limits, pages, privileges, tls};

/// The doors, bound and not yet open.
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    settings: Settings,
}

/// Binds every address. Needs no runtime, so that rights can be given up before there are threads.
pub(super) fn bind(https: &[SocketAddr], http: &[SocketAddr]) -> anyhow::Result<Listeners> {
    let all = |addresses: &[SocketAddr]| {
        addresses
            .iter()
            .map(|address| listen(*address).with_context(|| format!("listening on {address}")))
            .collect::<anyhow::Result<Vec<_>>>()
    };
    if https.len() + http.len() > limits::LISTENERS_MAX {
        anyhow::bail!(
            "at most {} addresses can be listened on",
            limits::LISTENERS_MAX
        );
    }
    Ok(Listeners {
        https: all(https)?,
        http: all(http)?,
    })
}

impl Server {
    /// Binds every address.
    pub fn bind(
        https: &[SocketAddr],
        http: &[SocketAddr],
        settings: Settings,
    ) -> anyhow::Result<Self> {
        Self::on(bind(https, http)?, settings)
    }

    pub(super) fn on(listeners: Listeners, settings: Settings) -> anyhow::Result<Self> {
        if let Some(name) = settings.limits.unsound() {
            anyhow::bail!("gateway.limits.{name} is too large, or nothing");
        }
        Ok(Self {
            listeners,
            settings,
        })
    }

    /// Where HTTPS is really listened for (a port may have been 0).
    pub fn https_addresses(&self) -> Vec<SocketAddr> {
        addresses(&self.listeners.https)
    }

    /// Where HTTP is really listened for.
    pub fn http_addresses(&self) -> Vec<SocketAddr> {
        addresses(&self.listeners.http)
    }

    /// Serves what the pictures show until `end`, then lets what is under way end.
    pub(super) async fn serve(
        self,
        pictures: watch::Receiver<Arc<Picture>>,
        counts: Arc<Counts>,
        end: End,
    ) -> anyhow::Result<()> {
        let port = self.https_addresses().first().map_or(443, SocketAddr::port);
        let limits = Arc::new(self.settings.limits.clone());
        let proxy = Arc::new(Proxy::new(
            pictures.clone(),
            Settings {
                https_port: self.settings.https_port.or(Some(port)),
                ..self.settings
            },
            counts,
            end.clone(),
        ));
        let places = Places::new(Arc::clone(&limits), privileges::connections_max());
        let secure = Arc::new(Secure {
            proxy: Arc::clone(&proxy),
            config: tls::config(pictures, limits.ticket_key_s)?,
        });
        let mut listening = Vec::new();
        for listener in self.listeners.https {
            let secure = Arc::clone(&secure);
            let accept = accept(
                tokio_listener(listener)?,
                Arc::clone(&places),
                Arc::clone(&proxy),
                move |s, p| Arc::clone(&secure).serve(s, p),
            );
            listening.push(tokio::spawn(accept));
        }
        for listener in self.listeners.http {
            let unprotected = Arc::clone(&proxy);
            let accept = accept(
                tokio_listener(listener)?,
                Arc::clone(&places),
                Arc::clone(&proxy),
                move |s, p| serve_unprotected(Arc::clone(&unprotected), s, p),
            );
            listening.push(tokio::spawn(accept));
        }
        end.replaced.cancelled().await;
        for task in listening {
            let _ = task.await;
        }
        proxy.tasks.close();
        tokio::select! {
            () = proxy.tasks.wait() => return Ok(()),
            () = end.told.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(limits.drain_replaced_ms)) => end.tell(),
        }
        let last = tokio::time::timeout(Duration::from_millis(limits.drain_ms), proxy.tasks.wait());
        if last.await.is_err() {
            tracing::info!("{} connections were cut off", proxy.tasks.len());
        }
        Ok(())
    }
}

fn addresses(listeners: &[StdListener]) -> Vec<SocketAddr> {
    let address = |listener: &StdListener| listener.local_addr().ok();
    listeners.iter().filter_map(address).collect()
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
    // Before the first picture there is no name to answer for: whoever connects waits in the queue, where another
    // gateway may still take them up.
    let mut pictures = proxy.pictures.clone();
    tokio::select! {
        _ = pictures.wait_for(|picture| picture.version() > 0) => {}
        () = proxy.end.replaced.cancelled() => return,
    }
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = proxy.end.replaced.cancelled() => return,
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
    config: Arc<ServerConfig>,
}

impl Secure {
    async fn serve(self: Arc<Self>, stream: TcpStream, place: Place) {
        let handshake = async {
            // Whoever says nothing takes nobody's turn.
            let hello = LazyConfigAcceptor::new(Acceptor::default(), stream)
                .await
                .ok()?;
            let _turn = place.handshake().await;
            hello.into_stream(Arc::clone(&self.config)).await.ok()
        };
        let patience = Duration::from_millis(self.proxy.settings.limits.handshake_ms);
        let stream = tokio::select! {
            stream = tokio::time::timeout(patience, handshake) => stream,
            () = self.proxy.end.told.cancelled() => return,
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
            let frames = TokioIo::new(Frames::new(watched));
            let connection = pin!(http2_builder().serve_connection(frames, service));
            // HTTP/2 has words for it: what is under way ends, what comes late is asked for anew.
            let linger = Duration::ZERO;
            run(
                connection,
                |c| c.graceful_shutdown(),
                linger,
                &client,
                &self.proxy,
            )
            .await;
        } else {
            let strict = Strict::new(watched, Arc::clone(&client));
            let connection = pin!(
                http1_builder(&self.proxy.settings.limits)
                    .serve_connection(TokioIo::new(strict), service)
                    .with_upgrades()
            );
            let linger = limits::LINGER_MS;
            run(
                connection,
                |c| c.graceful_shutdown(),
                linger,
                &client,
                &self.proxy,
            )
            .await;
        }
    }
}

/// Leads a connection to its end, which comes sooner when nothing moves on it or the gateway ends.
async fn run<C>(
    mut connection: Pin<&mut C>,
    shut: impl Fn(Pin<&mut C>),
    linger: Duration,
    client: &Client,
    proxy: &Proxy,
) where
    C: Future<Output = hyper::Result<()>>,
{
    let drain = Duration::from_millis(proxy.settings.limits.drain_ms);
    let mut idle = pin!(client.silent());
    let mut shut_already = false;
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            () = &mut idle => break,
            () = proxy.end.told.cancelled() => break,
            // Who has just come, or asks again at this moment, is answered; each answer says that it is the last.
            () = replaced(proxy, linger), if !shut_already => {
                shut_already = true;
                shut(connection.as_mut());
            }
        }
    }
    if !shut_already {
        shut(connection.as_mut());
    }
    let _ = tokio::time::timeout(drain, connection).await;
}

async fn replaced(proxy: &Proxy, linger: Duration) {
    proxy.end.replaced.cancelled().await;
    tokio::time::sleep(linger).await;
}

fn http1_builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.head_ms))
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
    let asked = Arc::clone(&proxy);
    let service = service_fn(move |request: Request<Incoming>| {
        let port = asked.settings.https_port.unwrap_or(443);
        let answer = to_https(&asked.pictures.borrow(), port, &request);
        async move { Ok::<_, std::convert::Infallible>(answer) }
    });
    let connection =
        pin!(http1_builder(&proxy.settings.limits).serve_connection(TokioIo::new(strict), service));
    run(
        connection,
        |c| c.graceful_shutdown(),
        limits::LINGER_MS,
        &client,
        &proxy,
    )
    .await;
}

fn to_https(picture: &Picture, port: u16, request: &Request<Incoming>) -> Response<Answer> {
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
    let port = match port {
        443 => String::new(),
        other => format!(":{other}"),
    };
    match HeaderValue::try_from(format!("https://{host}{port}{path}")) {
        Ok(location) => pages::redirect(moved(method), location),
        Err(_) => pages::refused(StatusCode::BAD_REQUEST),
    }
}
