//! The box's only door: TLS, routes, nothing else.
//!
//! Started as `lavoir gateway`. A [`keeper`] binds the addresses, gives up every right and starts the process that
//! serves; that one stands behind a [`fence`], and knows only what the daemon tells it through a unix socket
//! ([`crate::door`]). When the daemon is gone it goes on with the last it was told. Told by SIGHUP, the keeper lets a
//! new executable take over without refusing one connection ([`handover`]).
//!
//! A request's way: [`serve`] (place, handshake) → [`wire`] and [`framing`] (beyond doubt?) → [`proxy`] ([`headers`],
//! [`picture`], [`body`]) → a service, or one of the [`pages`].

mod body;
mod challenges;
mod client;
mod count;
mod daemon_link;
mod fence;
mod frames;
mod framing;
mod handover;
mod headers;
mod keeper;
pub mod limits;
mod pages;
mod picture;
mod privileges;
#[cfg(test)]
mod properties;
mod proxy;
mod road;
mod serve;
mod tls;
mod wire;
mod word;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use handover::Handed;
use keeper::{CommandLine, Keeper};
use limits::Limits;
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
    /// The configuration file, for the processes that are started from here.
    pub config: Option<PathBuf>,
    /// How it serves.
    pub settings: Settings,
}

/// How the gateway serves.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Its maxima.
    pub limits: Limits,
    /// For how long browsers are told to come by HTTPS alone, seconds; nothing: they are not told.
    pub hsts_s: Option<u32>,
    /// The port people's browsers find HTTPS at, when it is not the one that is listened on.
    pub https_port: Option<u16>,
}

/// Which of the gateway's processes this is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// The keeper, which was another executable until now.
    Keeper,
    /// The process that serves.
    Server,
}

/// When it is over.
#[derive(Debug, Clone, Default)]
pub struct End {
    /// No new connections; those that are there go on, for as long as may be once replaced.
    pub replaced: CancellationToken,
    /// What is under way has a moment left.
    pub told: CancellationToken,
}

impl End {
    /// Ends it.
    pub fn tell(&self) {
        self.told.cancel();
        self.replaced.cancel();
    }
}

/// Runs the gateway until it is told to end (SIGTERM, SIGINT).
///
/// Not a future, and to be called before there is any thread: rights are given up thread by thread, and the
/// runtime's threads must be born without them.
pub fn run(options: &Options, role: Option<Role>) -> anyhow::Result<()> {
    match role {
        Some(Role::Server) => run_server(options),
        again => run_keeper(options, again.is_some()),
    }
}

fn run_keeper(options: &Options, again: bool) -> anyhow::Result<()> {
    word::hangups().thread_block()?;
    let handed = if again {
        handover::take().context("taking over the sockets")?.0
    } else {
        Handed {
            listeners: serve::bind(&options.https, &options.http)?,
            processes: Vec::new(),
        }
    };
    privileges::give_up(&options.user)?;
    let command = CommandLine::of_this(options.config.clone())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let drain = Duration::from_millis(options.settings.limits.drain_ms);
    runtime.block_on(async { Keeper::new(command, drain, handed)?.keep().await })
}

fn run_server(options: &Options) -> anyhow::Result<()> {
    let (handed, keeper) = handover::take().context("taking over the sockets")?;
    let server = Server::on(handed.listeners, options.settings.clone())?;
    privileges::give_up(&options.user)?;
    let fence = fence::raise();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(std::thread::available_parallelism().map_or(2, |n| n.get().min(8)))
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        let end = End::default();
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let told = end.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            told.tell();
        });
        tracing::info!(https = ?server.https_addresses(), http = ?server.http_addresses(), ?fence, "the gateway listens");
        let (pictures, seen) = watch::channel(Arc::new(Picture::default()));
        keeper.set_nonblocking(true)?;
        tokio::spawn(obey(UnixStream::from_std(keeper)?, seen.clone(), end.clone()));
        follow_and_serve(server, &options.socket, pictures, end).await
    })
}

/// Tells the keeper how far this process is, and does what it says. Without a keeper there is no successor either.
async fn obey(keeper: UnixStream, mut pictures: watch::Receiver<Arc<Picture>>, end: End) {
    let (mut read, mut write) = keeper.into_split();
    let tell = async move {
        write.write_all(&[keeper::LISTENING]).await?;
        if pictures.changed().await.is_ok() {
            write.write_all(&[keeper::SERVING]).await?;
        }
        std::future::pending::<std::io::Result<()>>().await
    };
    let listen = async {
        loop {
            match read.read_u8().await {
                Ok(keeper::REPLACED) => end.replaced.cancel(),
                _ => return end.tell(),
            }
        }
    };
    tokio::select! {
        _ = tell => end.tell(),
        () = listen => {}
    }
}

/// Serves what the daemon behind `socket` says until `end`. [`run`] without process-wide effects.
pub async fn serve(server: Server, socket: &Path, end: End) -> anyhow::Result<()> {
    let (pictures, _) = watch::channel(Arc::new(Picture::default()));
    follow_and_serve(server, socket, pictures, end).await
}

async fn follow_and_serve(
    server: Server,
    socket: &Path,
    pictures: watch::Sender<Arc<Picture>>,
    end: End,
) -> anyhow::Result<()> {
    let counts = Arc::new(count::Counts::default());
    let serving = server.serve(pictures.subscribe(), Arc::clone(&counts), end.clone());
    let following = async {
        // Once replaced, it is no longer this process that the daemon has to reckon with.
        tokio::select! {
            () = daemon_link::follow(socket, &pictures, &counts) => {}
            () = end.replaced.cancelled() => {}
        }
        std::future::pending::<()>().await;
    };
    let result = tokio::select! {
        result = serving => result,
        () = following => Ok(()),
    };
    daemon_link::last_words(socket, &counts).await;
    result
}
