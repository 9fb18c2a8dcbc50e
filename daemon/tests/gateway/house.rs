//! A whole small house on loopback: a service, the daemon's end of the socket, the gateway, and a browser.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lavoir::adapter::box_ca::BoxCa;
use lavoir::adapter::gateway_socket::GatewaySocket;
use lavoir::door::{Certificate, Doorway, Route, Target};
use lavoir::gateway::{self, End, Settings};
use lavoir::visits::Visits;
use lavoir_core::id::{Hostname, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub type Body = UnsyncBoxBody<Bytes, Infallible>;

pub fn body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

pub fn nothing() -> Body {
    Empty::new().boxed_unsync()
}

/// So many bytes, made as they are asked for.
pub fn stream(bytes: u64) -> Body {
    const PIECE: usize = 64 * 1024;
    let pieces = bytes.div_ceil(PIECE as u64);
    let stream = futures_util::stream::iter((0..pieces).map(move |n| {
        let len = (bytes - n * PIECE as u64).min(PIECE as u64) as usize;
        Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'x'; len])))
    }));
    StreamBody::new(stream).boxed_unsync()
}

pub fn host(name: &str) -> Hostname {
    name.parse().unwrap()
}

pub fn now() -> Timestamp {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    Timestamp(now.as_millis() as u64)
}

/// A service as an app would bring one; remembers what reached it.
pub struct Service {
    pub address: SocketAddr,
    pub seen: Arc<Mutex<Vec<String>>>,
}

impl Service {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let seen = Arc::clone(&remembered);
                let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                    seen.lock()
                        .unwrap()
                        .push(format!("{} {}", request.method(), request.uri()));
                    async { Ok::<_, hyper::Error>(answer(request).await) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades(),
                );
            }
        });
        Self { address, seen }
    }

    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn answer(mut request: Request<Incoming>) -> Response<Body> {
    match request.uri().path() {
        "/echo" => Response::new(
            request
                .into_body()
                .map_err(|_| unreachable())
                .boxed_unsync(),
        ),
        "/headers" => {
            let mut lines: Vec<String> = request
                .headers()
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            lines.sort();
            let mut response = Response::new(body(lines.join("\n")));
            for (name, value) in [
                ("connection", "x-hop"),
                ("x-hop", "1"),
                ("keep-alive", "timeout=9"),
                ("x-kept", "1"),
            ] {
                response.headers_mut().append(name, value.parse().unwrap());
            }
            response
        }
        "/count" => {
            let mut sum = 0_u64;
            let mut incoming = request.into_body();
            while let Some(frame) = incoming.frame().await {
                match frame {
                    Ok(frame) => sum += frame.data_ref().map_or(0, |data| data.len() as u64),
                    Err(_) => break,
                }
            }
            Response::new(body(sum.to_string()))
        }
        "/big" => {
            let bytes = request.uri().query().unwrap().parse().unwrap();
            Response::new(stream(bytes))
        }
        "/events" => {
            let events = futures_util::stream::iter(["data: 1\n\n"])
                .chain(futures_util::stream::pending())
                .map(|event| Ok::<_, Infallible>(Frame::data(Bytes::from(event))));
            Response::new(StreamBody::new(events).boxed_unsync())
        }
        "/ticks" => {
            let ticks = futures_util::stream::unfold((), |()| async {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                Some((
                    Ok::<_, Infallible>(Frame::data(Bytes::from("data: tick\n\n"))),
                    (),
                ))
            });
            Response::new(StreamBody::new(ticks).boxed_unsync())
        }
        "/part" => {
            let part = request.headers().get("range").cloned();
            let mut response = Response::new(match &part {
                Some(part) => body(part.as_bytes().to_vec()),
                None => body("0123456789"),
            });
            if part.is_some() {
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                let range = "bytes 2-4/10".parse().unwrap();
                response.headers_mut().insert("content-range", range);
            }
            response
        }
        "/trailing" => {
            let mut trailers = http::HeaderMap::new();
            trailers.insert("x-sum", "9".parse().unwrap());
            let frames = [Frame::data(Bytes::from("hello")), Frame::trailers(trailers)];
            let frames = futures_util::stream::iter(frames.map(Ok::<_, Infallible>));
            let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
            let announced = "x-sum".parse().unwrap();
            response.headers_mut().insert("trailer", announced);
            response
        }
        "/own-hsts" => {
            let mut response = Response::new(nothing());
            let own = "max-age=5".parse().unwrap();
            response
                .headers_mut()
                .insert("strict-transport-security", own);
            response
        }
        "/never" => std::future::pending().await,
        "/trailers" => {
            let collected = request.into_body().collect().await.unwrap();
            let lines = collected.trailers().map(|trailers| format!("{trailers:?}"));
            Response::new(body(lines.unwrap_or_default()))
        }
        "/ws" => {
            tokio::spawn(async move {
                let Ok(upgraded) = hyper::upgrade::on(&mut request).await else {
                    return;
                };
                let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
            let mut response = Response::new(nothing());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response
                .headers_mut()
                .insert("connection", "upgrade".parse().unwrap());
            response
                .headers_mut()
                .insert("upgrade", "websocket".parse().unwrap());
            response
                .headers_mut()
                .insert("sec-websocket-accept", "yes".parse().unwrap());
            response
        }
        path => Response::new(body(format!("{} {path}", request.method()))),
    }
}

fn unreachable() -> Infallible {
    panic!("the body broke")
}

/// The daemon's end: can die and come back.
pub struct Daemon {
    pub doorways: watch::Sender<Arc<Doorway>>,
    applied: watch::Receiver<u64>,
    pub visits: Arc<Visits>,
    serving: tokio::task::JoinHandle<()>,
}

impl Daemon {
    pub fn start(socket: &Path, doorway: Doorway) -> Self {
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid())
            .unwrap()
            .unwrap();
        Self::start_for(socket, doorway, &user.name)
    }

    pub fn start_for(socket: &Path, doorway: Doorway, user: &str) -> Self {
        let socket = GatewaySocket::bind(socket, user).unwrap();
        let (doorways, seen) = watch::channel(Arc::new(doorway));
        let (sender, applied) = watch::channel(0);
        let visits = Arc::new(Visits::default());
        let serving = tokio::spawn(socket.serve(seen, sender, Arc::clone(&visits)));
        Self {
            doorways,
            applied,
            visits,
            serving,
        }
    }

    pub async fn applied(&mut self, version: u64) {
        self.applied
            .wait_for(|applied| *applied == version)
            .await
            .unwrap();
    }

    pub async fn show(&mut self, doorway: Doorway) {
        let version = doorway.version;
        self.doorways.send_replace(Arc::new(doorway));
        self.applied(version).await;
    }

    pub async fn die(self) {
        self.serving.abort();
        let _ = self.serving.await;
    }
}

pub struct House {
    _dir: tempfile::TempDir,
    pub socket: PathBuf,
    pub ca: BoxCa,
    pub https: SocketAddr,
    pub http: SocketAddr,
    pub gateway: Running,
}

/// The gateway, inside the test's process or as the real executable.
pub enum Running {
    Here {
        end: End,
        task: tokio::task::JoinHandle<anyhow::Result<()>>,
    },
    Process(super::process::Process),
}

/// Where the user that the gateway becomes may reach the socket.
fn folder() -> tempfile::TempDir {
    tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap()
}

/// An address that nobody else has: what leaves this machine's programs comes from 127.0.0.1, and takes ports there.
pub fn free_address() -> SocketAddr {
    static NEXT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(1);
    let [.., a, b] = std::process::id().to_be_bytes();
    let c = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let own = std::net::Ipv4Addr::new(127, 64 | (a & 63), b, c);
    let listener = std::net::TcpListener::bind((own, 0)).unwrap();
    listener.local_addr().unwrap()
}

pub const BLOG: &str = "blog.verger.example";
pub const MAP: &str = "map.verger.example";

impl House {
    /// The gateway alone, without a daemon yet.
    pub fn alone() -> Self {
        Self::alone_with(Settings::default())
    }

    pub fn alone_with(settings: Settings) -> Self {
        let dir = folder();
        let socket = dir.path().join("gateway.sock");
        let loopback = ["127.0.0.1:0".parse().unwrap()];
        let server = gateway::Server::bind(&loopback, &loopback, settings).unwrap();
        let (https, http) = (server.https_addresses()[0], server.http_addresses()[0]);
        let end = End::default();
        let (path, told) = (socket.clone(), end.clone());
        let task = tokio::spawn(async move { gateway::serve(server, &path, told).await });
        Self {
            ca: BoxCa::open(&dir.path().join("ca"), host("verger.example"), now()).unwrap(),
            _dir: dir,
            socket,
            https,
            http,
            gateway: Running::Here { end, task },
        }
    }

    /// With a daemon that shows these routes.
    pub async fn with(routes: Vec<Route>) -> (Self, Daemon) {
        Self::with_settings(routes, Settings::default()).await
    }

    pub async fn with_settings(routes: Vec<Route>, settings: Settings) -> (Self, Daemon) {
        let house = Self::alone_with(settings);
        let mut daemon = Daemon::start(&house.socket, house.doorway(1, routes));
        daemon.applied(1).await;
        (house, daemon)
    }

    /// The real executable, with this under `[gateway]` in its configuration, and a daemon that shows these routes.
    pub async fn real(routes: Vec<Route>, more: &str) -> (Self, Daemon) {
        let dir = folder();
        let socket = dir.path().join("gateway.sock");
        let (https, http) = (free_address(), free_address());
        let process = super::process::Process::start(dir.path(), https, http, more);
        let house = Self {
            ca: BoxCa::open(&dir.path().join("ca"), host("verger.example"), now()).unwrap(),
            _dir: dir,
            socket,
            https,
            http,
            gateway: Running::Process(process),
        };
        let mut daemon = house.daemon(house.doorway(1, routes));
        daemon.applied(1).await;
        (house, daemon)
    }

    /// A daemon at this house's socket.
    pub fn daemon(&self, doorway: Doorway) -> Daemon {
        match &self.gateway {
            Running::Process(process) => Daemon::start_for(&self.socket, doorway, &process.user),
            Running::Here { .. } => Daemon::start(&self.socket, doorway),
        }
    }

    pub fn process_mut(&mut self) -> &mut super::process::Process {
        match &mut self.gateway {
            Running::Process(process) => process,
            Running::Here { .. } => panic!("not a process"),
        }
    }

    pub fn process(&self) -> &super::process::Process {
        match &self.gateway {
            Running::Process(process) => process,
            Running::Here { .. } => panic!("not a process"),
        }
    }

    /// These routes with a certificate for each host.
    pub fn doorway(&self, version: u64, routes: Vec<Route>) -> Doorway {
        let mut hosts: Vec<Hostname> = routes.iter().map(|route| route.host.clone()).collect();
        hosts.sort();
        hosts.dedup();
        let certificates = hosts
            .into_iter()
            .map(|host| {
                let made = self
                    .ca
                    .certificate_for(std::slice::from_ref(&host), now())
                    .unwrap();
                Certificate {
                    hostnames: vec![host],
                    chain_pem: made.chain_pem.clone(),
                    key_pem: made.key_pem.clone(),
                }
            })
            .collect();
        Doorway::new(version, routes, certificates)
    }

    pub async fn tls(&self, name: &str, alpn: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.https).await?;
        let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(self.client(alpn)))
            .connect(name, stream)
            .await
    }

    /// A browser that trusts the box's authority.
    pub fn client(&self, alpn: &[u8]) -> rustls::ClientConfig {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        let root = rustls::pki_types::CertificateDer::from_pem_slice(self.ca.root_pem().as_bytes())
            .unwrap();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        config
    }

    pub async fn http1(&self, name: &str) -> http1::SendRequest<Body> {
        let stream = self.tls(name, b"http/1.1").await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        sender
    }

    pub async fn http2(&self, name: &str) -> http2::SendRequest<Body> {
        let stream = self.tls(name, b"h2").await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        sender
    }

    /// One HTTP/1.1 request on a connection of its own.
    pub async fn ask(&self, request: Request<Body>) -> (StatusCode, http::HeaderMap, String) {
        let name = request.headers()["host"].to_str().unwrap().to_owned();
        let response = self.http1(&name).await.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, text(body).await)
    }

    /// These bytes as they are; all that comes back until the gateway closes.
    pub async fn raw(&self, name: &str, bytes: &[u8]) -> String {
        let mut stream = self.tls(name, b"http/1.1").await.unwrap();
        let _ = stream.write_all(bytes).await;
        let _ = stream.flush().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

pub async fn text(body: Incoming) -> String {
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

pub fn get(name: &str, path: &str) -> Request<Body> {
    Request::get(path)
        .header("host", name)
        .body(nothing())
        .unwrap()
}

pub fn post(name: &str, path: &str, content: Body) -> Request<Body> {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("host", name)
        .body(content)
        .unwrap()
}

/// Asks to speak otherwise.
pub fn websocket(path: &str) -> Request<Body> {
    let mut request = get(BLOG, path);
    let headers = request.headers_mut();
    headers.insert("connection", "Upgrade".parse().unwrap());
    headers.insert("upgrade", "websocket".parse().unwrap());
    request
}

pub fn route(name: &str, prefix: &str, target: Target) -> Route {
    Route {
        host: host(name),
        path_prefix: prefix.into(),
        target,
    }
}

pub fn to(service: &Service, body_max_bytes: u64) -> Target {
    Target::Upstream {
        address: service.address,
        body_max_bytes,
    }
}
