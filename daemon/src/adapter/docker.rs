//! Docker Engine behind [`crate::ports::Containers`], over its unix socket.
//!
//! Everything made here carries this box's label, and nothing without it is stopped, removed or reused (law L13): each
//! function that changes an object looks at its labels first. The engine may be away and come back: a connection is
//! opened for each question.

mod archive;
mod base;
mod build;
mod container;
mod exec;
mod fault;
pub mod fence;
mod image;
mod labels;
mod memory;
mod network;
mod observe;
mod stream;
mod sweep;
mod volume;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bollard::ClientVersion;
use lavoir_core::id::{AppId, PartId};
use lavoir_core::limits::{LOG_LINES_ASKED_MAX, ONE_SHOT_S_MAX};
use lavoir_core::observed::ObservedContainer;
use lavoir_core::release::{BuildContext, Image};
use tokio::sync::{Mutex, OnceCell};

use crate::ports::{Answer, Bytes, ContainerOrder, Containers, MemoryTaken, OnMeasure, Ran, Seen};

/// The API spoken, 1.41: Debian 12's engine knows it. An engine that has given it up says which is its oldest.
const API_MAJOR: usize = 1;
const API_MINOR: usize = 41;
/// A question that the engine answers from memory.
const QUICK: Duration = Duration::from_secs(30);
/// Whether it is there at all.
const PING: Duration = Duration::from_secs(2);
/// The first sign of life of a pull, a load or a build, and between two signs.
const SILENCE: Duration = Duration::from_secs(300);
/// A pull or a load in all: a slow line and a large image.
const PULL: Duration = Duration::from_secs(24 * 3600);
/// A build, or the making of the base image.
const BUILD: Duration = Duration::from_secs(ONE_SHOT_S_MAX as u64);
/// Added to a container's own time to stop before the engine is taken to hang.
const STOP_MARGIN_S: i64 = 30;

/// What the adapter is told once.
#[derive(Debug, Clone)]
pub struct DockerOptions {
    /// The engine's unix socket.
    pub socket: PathBuf,
    /// Which box this is: the value of its label.
    pub box_id: String,
    /// Where images come from.
    pub images: ImageSources,
    /// Keep neighbours on the network out of the apps' networks.
    pub fence: bool,
}

/// Where images come from.
#[derive(Debug, Clone, Default)]
pub struct ImageSources {
    /// A registry asked before the image's own: `registry.example:5000`.
    pub mirror: Option<String>,
    /// A folder of image archives (`*.tar`, OCI layout or `docker save`), asked before any registry. A file
    /// `lavoir-base-trixie.tar` in it is taken as the base's file system instead of bootstrapping one.
    pub archives: Option<PathBuf>,
    /// Certificates that containers trust instead of Debian's, for a network that filters.
    pub ca_bundle: Option<PathBuf>,
    /// Debian's archive: an address, or whole lines `deb http://… trixie main`.
    pub debian_archive: Option<String>,
    /// A folder of the daemon's own, kept from one start to the next.
    pub scratch: PathBuf,
}

/// The engine.
pub struct Docker {
    socket: String,
    box_id: String,
    images: ImageSources,
    /// None where it is not wanted.
    fence: Option<fence::Fence>,
    /// One at a time: Docker allows several networks of one name.
    network_turn: Mutex<()>,
    /// One at a time for each image.
    image_turns: Mutex<HashMap<String, Arc<Mutex<()>>>>,
    /// The minor version of the API spoken.
    api: AtomicUsize,
    /// Its processors and its memory in bytes, asked once.
    size: OnceCell<(i64, i64)>,
    /// Where it keeps volumes and images, asked once.
    data_root: OnceCell<PathBuf>,
    /// Containers that stand still because we hold them, not because somebody has paused them.
    held: std::sync::Mutex<stream::Held>,
}

impl Docker {
    /// Ready to ask the engine, which need not be there yet.
    pub async fn connect(options: DockerOptions) -> Answer<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if options.box_id.is_empty() || !options.box_id.bytes().all(plain) {
            return Err(fault::bad_box_id(&options.box_id));
        }
        tokio::fs::create_dir_all(options.images.scratch.join("volumes"))
            .await
            .map_err(|error| fault::scratch(&options.images.scratch, &error))?;
        Ok(Self {
            socket: options.socket.to_string_lossy().into_owned(),
            box_id: options.box_id,
            images: options.images,
            fence: options.fence.then(fence::Fence::default),
            network_turn: Mutex::new(()),
            image_turns: Mutex::new(HashMap::new()),
            api: AtomicUsize::new(API_MINOR),
            size: OnceCell::new(),
            data_root: OnceCell::new(),
            held: Default::default(),
        })
    }

    /// A connection whose every answer must begin within `wait`.
    // A fault is large and rare; it goes by value through all ports.
    fn client(&self, wait: Duration) -> Answer<bollard::Docker> {
        let api = ClientVersion {
            major_version: API_MAJOR,
            minor_version: self.api.load(Ordering::Relaxed),
        };
        bollard::Docker::connect_with_unix(&self.socket, wait.as_secs(), &api)
            .map_err(|e| fault::engine(&e))
    }

    /// Whether the engine answers; also learns which API it still speaks.
    async fn greet(&self, wait: Duration) -> Answer<()> {
        for _ in 0..2 {
            let client = self.client(wait)?;
            let said = match tokio::time::timeout(wait, client.ping()).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => return Err(fault::slow()),
            };
            match fault::oldest_api(&said) {
                Some(minor) if minor > self.api.load(Ordering::Relaxed) => {
                    self.api.store(minor, Ordering::Relaxed);
                }
                _ => return Err(fault::engine(&said)),
            }
        }
        Err(fault::slow())
    }

    /// Its processors and its memory in bytes.
    async fn size(&self) -> Answer<(i64, i64)> {
        let ask = || async {
            let info = self.client(QUICK)?.info().await;
            let info = info.map_err(|e| fault::engine(&e))?;
            Ok((info.ncpu.unwrap_or(1).max(1), info.mem_total.unwrap_or(0)))
        };
        self.size.get_or_try_init(ask).await.copied()
    }

    /// Whoever holds it is alone in getting that image.
    async fn image_turn(&self, reference: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.image_turns.lock().await;
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(reference.to_owned()).or_default())
        };
        turn.lock_owned().await
    }
}

impl Containers for Docker {
    async fn observe(&self, images: &BTreeSet<String>) -> Answer<Seen> {
        self.greet(QUICK).await?;
        if let Some(fence) = &self.fence {
            fence.keep(false).await;
        }
        self.observe_all(images).await
    }

    async fn look(&self, app: &AppId, service: &PartId) -> Answer<Option<ObservedContainer>> {
        self.look_at(app, service).await
    }

    async fn get_image(
        &self,
        image: &Image,
        context: Option<&BuildContext>,
        on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        let _turn = self.image_turn(image.reference()).await;
        match image {
            Image::Pulled { reference } => self.get_pulled(reference, on_measure).await,
            Image::Built {
                name,
                containerfile,
                target,
                day,
                ..
            } => {
                let wanted = build::Wanted {
                    name,
                    containerfile,
                    target: target.as_deref(),
                    day: day.as_ref(),
                    context: context.ok_or_else(|| fault::no_context(name))?,
                };
                self.get_built(&wanted, on_measure).await
            }
        }
    }

    async fn make_network(&self, app: &AppId) -> Answer<()> {
        self.ensure_network(app).await
    }

    async fn make_volume(
        &self,
        app: &AppId,
        name: &str,
        copy_of: Option<&str>,
        on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        match copy_of {
            None => self.ensure_volume(app, name).await,
            Some(source) => self.copy_volume(app, name, source, on_measure).await,
        }
    }

    async fn start(&self, order: &ContainerOrder) -> Answer<()> {
        self.make_and_start(order).await
    }

    async fn start_again(&self, app: &AppId, service: &PartId) -> Answer<()> {
        self.start_made(app, service).await
    }

    async fn stop(&self, app: &AppId, service: &PartId) -> Answer<()> {
        self.stop_container(app, service).await
    }

    async fn remove(&self, app: &AppId, service: &PartId) -> Answer<()> {
        self.remove_container(app, service).await
    }

    async fn run_inside(
        &self,
        app: &AppId,
        service: &PartId,
        command: &[String],
        user: Option<&str>,
        timeout: Duration,
    ) -> Answer<Ran> {
        self.execute(app, service, command, user, timeout).await
    }

    async fn dump(
        &self,
        app: &AppId,
        service: &PartId,
        command: &[String],
        timeout: Duration,
    ) -> Answer<Bytes> {
        self.dump_of(app, service, command, timeout).await
    }

    async fn load(
        &self,
        app: &AppId,
        service: &PartId,
        command: &[String],
        from: Bytes,
        timeout: Duration,
    ) -> Answer<Ran> {
        self.load_into(app, service, command, from, timeout).await
    }

    async fn hold(&self, app: &AppId, services: &BTreeSet<PartId>) -> Answer<()> {
        self.freeze(app, services).await
    }

    async fn let_go(&self, app: &AppId, services: &BTreeSet<PartId>) -> Answer<()> {
        self.thaw(app, services).await
    }

    async fn volume_folder(&self, app: &AppId, name: &str) -> Answer<Option<PathBuf>> {
        let volume = self.own_volume(app, name).await?;
        Ok(volume.map(|volume| PathBuf::from(volume.mountpoint)))
    }

    async fn begin_volume(&self, app: &AppId, name: &str, snapshot: &str) -> Answer<PathBuf> {
        self.begin_restored(app, name, snapshot).await
    }

    async fn finish_volume(&self, _app: &AppId, name: &str) -> Answer<()> {
        self.finish_restored(name).await
    }

    async fn last_lines(&self, app: &AppId, service: &PartId, lines: usize) -> Answer<Vec<String>> {
        self.tail(app, service, lines.min(LOG_LINES_ASKED_MAX))
            .await
    }

    async fn remove_network(&self, app: &AppId) -> Answer<()> {
        self.drop_network(app).await
    }

    async fn remove_volume(&self, app: &AppId, name: &str) -> Answer<()> {
        self.drop_volume(app, name).await
    }

    async fn remove_images(&self, names: &BTreeSet<String>) -> Answer<()> {
        self.sweep(names).await
    }

    async fn is_there(&self) -> bool {
        self.greet(PING).await.is_ok()
    }

    async fn data_root(&self) -> Option<PathBuf> {
        let asked = self.data_root.get_or_try_init(|| async {
            let info = self
                .client(QUICK)
                .map_err(|_| ())?
                .info()
                .await
                .map_err(|_| ())?;
            info.docker_root_dir.map(PathBuf::from).ok_or(())
        });
        asked.await.ok().cloned()
    }

    async fn memory(&self) -> Answer<MemoryTaken> {
        self.memory_taken().await
    }

    async fn data_mib(&self) -> Answer<BTreeMap<AppId, u64>> {
        self.volumes_mib().await
    }
}
