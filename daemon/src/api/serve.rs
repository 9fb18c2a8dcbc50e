//! Listening on unix sockets: the API's, for root, and the panel's, for the gateway.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use lavoir_core::limits;
use lavoir_core::text::Text;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use crate::ports::{Answer, Fault};

/// For what is being answered when the daemon ends.
const FAREWELL: Duration = Duration::from_secs(3);
/// The same trouble is not told more often.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Answers on `socket` until `shutdown` comes.
///
/// # Errors
/// When the socket cannot be made.
pub async fn serve(
    socket: &Path,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> Answer<()> {
    let listener = listen(socket).map_err(|error| cannot_listen(socket, &error))?;
    let own = nix::unistd::geteuid().as_raw();
    serve_on(listener, own, limits::API_CONNECTIONS_MAX, router, shutdown).await;
    let _ = std::fs::remove_file(socket);
    Ok(())
}

/// Answers root and this user on a socket that is bound already, until `shutdown` comes.
pub async fn serve_on(
    listener: UnixListener,
    user: u32,
    places: usize,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) {
    let places = Arc::new(Semaphore::new(places));
    let graceful = GracefulShutdown::new();
    let mut shutdown = std::pin::pin!(shutdown);
    let mut told = None;
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            () = &mut shutdown => break,
        };
        let stream = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let stream = match stream {
            Ok((stream, _)) => stream,
            Err(error) => {
                if told.is_none_or(|told: Instant| told.elapsed() > TOLD_EVERY) {
                    told = Some(Instant::now());
                    tracing::warn!(%error, "no conversation can be taken; they wait, and what runs goes on");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !may_speak(&stream, user) {
            continue;
        }
        let conversation = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(limits::API_HEAD_S))
            .serve_connection(
                TokioIo::new(stream),
                TowerToHyperService::new(router.clone()),
            );
        let conversation = graceful.watch(conversation);
        tokio::spawn(async move {
            let _place = place;
            if let Err(error) = conversation.await {
                tracing::debug!(%error, "a conversation with the API was cut");
            }
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
}

fn listen(socket: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = socket.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Left behind by a daemon that was cut short: nobody answers on it. One that answers is left alone.
    match std::os::unix::net::UnixStream::connect(socket) {
        Ok(_) => return Err(io::Error::from(io::ErrorKind::AddrInUse)),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(socket)?;
        }
        Err(_) => {}
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// The file's mode says so already; the kernel's word on who called makes it sure, also in the moment before the mode
/// is set.
fn may_speak(stream: &UnixStream, user: u32) -> bool {
    match stream.peer_cred() {
        Ok(peer) => peer.uid() == 0 || peer.uid() == user,
        Err(_) => false,
    }
}

fn cannot_listen(socket: &Path, error: &io::Error) -> Fault {
    let socket = socket.display();
    Fault::lasting(
        "socket-cannot-listen",
        Text::new(
            format!("Le démon ne peut pas écouter sur {socket} ({error})."),
            format!("The daemon cannot listen on {socket} ({error})."),
        ),
        Text::new(
            "Vérifiez qu'aucun autre démon ne tourne (« systemctl status lavoir-daemon »).",
            "Check that no other daemon runs (“systemctl status lavoir-daemon”).",
        ),
    )
}
