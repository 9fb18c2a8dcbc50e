//! The box's only door: TLS, routes, nothing else.
//!
//! A process of its own, started as `lavoir gateway`. It binds its addresses, gives up every right, and then knows
//! only what the daemon tells it through a unix socket ([`crate::door`]). When the daemon is gone it goes on with
//! the last it was told.
//!
//! A request's way: [`serve`] (place, handshake) → [`wire`] and [`framing`] (beyond doubt?) → [`proxy`] ([`headers`],
//! [`picture`], [`body`]) → a service, or one of the [`pages`].

mod body;
mod client;
mod daemon_link;
mod framing;
mod headers;
pub mod limits;
mod pages;
mod picture;
mod privileges;
mod proxy;
mod road;
mod serve;
mod tls;
mod wire;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use picture::{NotAPicture, Picture};
pub use serve::Server;

/// How the gateway is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// Where to listen for HTTPS.
    pub https: Vec<SocketAddr>,
    /// Where to listen for HTTP, which only redirects.
    pub http: Vec<SocketAddr>,
    /// Whom to become after listening, when started as root.
    pub user: String,
}

/// Runs the gateway until it is told to end (SIGTERM, SIGINT).
///
/// Not a future, and to be called before there is any thread: rights are given up thread by thread, and the
/// runtime's threads must be born without them.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let server = Server::bind(&options.https, &options.http)?;
    privileges::give_up(&options.user)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        let ending = CancellationToken::new();
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let told = ending.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
            told.cancel();
        });
        tracing::info!(https = ?server.https_addresses(), http = ?server.http_addresses(), "the gateway listens");
        // Ready means that connections are taken; what is behind them is the daemon's to say.
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        serve(server, &options.socket, ending).await
    })
}

/// Serves what the daemon behind `socket` says until `ending`. [`run`] without process-wide effects.
pub async fn serve(server: Server, socket: &Path, ending: CancellationToken) -> anyhow::Result<()> {
    let (pictures, seen) = watch::channel(Arc::new(Picture::default()));
    tokio::select! {
        result = server.serve(seen, ending) => result,
        () = daemon_link::follow(socket, &pictures) => Ok(()),
    }
}
