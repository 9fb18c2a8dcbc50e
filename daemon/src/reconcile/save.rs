//! Saving an app: its data, databases, secrets and release in one snapshot, of one moment.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lavoir_core::app::App;
use lavoir_core::backup::{RepositoryId, Subject};
use lavoir_core::command::{Command, Report};
use lavoir_core::id::{AppId, PartId};
use lavoir_core::limits;
use lavoir_core::plan::volume_name;
use lavoir_core::recipe::Keep;
use lavoir_core::refusal::{BackupRefusal, Refusal};
use lavoir_core::release::Release;
use lavoir_core::state::State;
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use super::faults::{held_too_long, inconsistent, key_lost, no_dump, volume_lost};
use super::manifest::{MANIFEST, Manifest};
use super::order;
use crate::claims::Claim;
use crate::ports::{
    Answer, AppFiles as _, Bytes, Clock as _, Containers as _, Content, Fault, Moment, OnMeasure,
    Opener, OwnState as _, Pending, PrivateStore as _, Repositories as _, Taken, World,
};

/// How often it is looked whether an app has been held for too long.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Bytes of a dump's first piece.
const PIECE_BYTES: usize = 64 * 1024;

/// A repository, with the key that opens it.
pub async fn opener<W: World>(world: &W, state: &State, id: &RepositoryId) -> Answer<Opener> {
    let Some(repository) = state.backups().repositories().get(id) else {
        return Err(inconsistent("repository", id.as_str()));
    };
    let key = world.private_store().repository_key(id).await?;
    Ok(Opener {
        place: repository.place.clone(),
        key: key.ok_or_else(|| key_lost(id))?,
    })
}

/// restic's host name of this box's snapshots.
pub fn host(state: &State) -> String {
    let id = state.identity().map(|identity| identity.box_id.as_str());
    format!("lavoir-{}", id.unwrap_or("unnamed"))
}

/// Takes a snapshot of an app as it stands with this release and generation; for how long it was held, ms.
///
/// # Errors
/// Whatever could not be read whole: then there is no snapshot.
pub async fn save_app<W: World>(
    world: &Arc<W>,
    state: &State,
    app: &App,
    (release, generation): (&Release, u64),
    at: &Opener,
    claim: Option<Claim>,
    on_measure: OnMeasure<'_>,
) -> Answer<(Taken, u64)> {
    let mut folders = Vec::new();
    for (volume, shape) in &release.volumes {
        if shape.keep != Keep::Data {
            continue;
        }
        let name = volume_name(&app.id, volume, generation);
        let folder = world.containers().volume_folder(&app.id, &name).await?;
        let folder = folder.ok_or_else(|| volume_lost(volume, &name))?;
        folders.push((format!("/data/{volume}"), folder));
    }
    let values = world.app_files().values(&app.id, release).await?;
    let mut dumps = Vec::new();
    for (id, database) in &release.databases {
        let command = order::words(&database.dump, &values)?;
        dumps.push((id.clone(), database.service.clone(), command));
    }
    let without_dump = release.volumes.values().any(|v| v.keep == Keep::Database)
        && (dumps.is_empty() || dumps.iter().any(|(_, _, command)| command.is_empty()));
    if without_dump {
        return Err(no_dump(&app.id));
    }
    let mut texts = vec![(
        MANIFEST.to_owned(),
        Manifest::of(state, app, release).write()?,
    )];
    let keepsakes = world.app_files().keepsakes(&app.id, release).await?;
    let keepsakes = keepsakes.into_iter();
    texts.extend(keepsakes.map(|(name, bytes)| (format!("/keepsakes/{name}"), bytes)));

    let dumped: BTreeSet<&PartId> = dumps.iter().map(|(_, service, _)| service).collect();
    let writers = release.services.iter().filter(|(id, service)| {
        // A command cannot be run inside a container that stands still; databases have a moment of their own.
        !service.one_shot && !dumped.contains(id)
    });
    let stillness = Arc::new(Stillness {
        world: world.clone(),
        app: app.id.clone(),
        writers: writers.map(|(id, _)| id.clone()).collect(),
        dumps,
        since: AtomicU64::new(0),
        held_ms: AtomicU64::new(0),
        _claim: claim,
    });
    let content = Content {
        host: host(state),
        tags: vec![Subject::App(app.id.clone()).to_string()],
        time: world.clock().now(),
        texts,
        folders,
    };
    let taken = tokio::select! {
        taken = world.repositories().save(at, content, stillness.clone(), on_measure) => taken,
        () = stillness.too_long() => Err(held_too_long(&app.id)),
    };
    // On every path, should the repository have failed to.
    stillness.end().await?;
    Ok((taken?, stillness.held_ms.load(Ordering::Relaxed)))
}

/// Takes a snapshot of the box itself: all that its own folder holds, and a copy of its database.
///
/// # Errors
/// Whatever could not be read whole: then there is no snapshot.
pub async fn save_box<W: World>(
    world: &Arc<W>,
    state: &State,
    at: &Opener,
    on_measure: OnMeasure<'_>,
) -> Answer<Taken> {
    let folders = world.own_state().gather().await?;
    let content = Content {
        host: host(state),
        tags: vec![Subject::Box.to_string()],
        time: world.clock().now(),
        texts: Vec::new(),
        folders,
    };
    let taken = world
        .repositories()
        .save(at, content, Arc::new(NoMoment), on_measure);
    let taken = taken.await;
    world.own_state().let_go().await?;
    taken
}

/// Nobody is held: what is saved is a copy already.
struct NoMoment;

impl Moment for NoMoment {
    fn begin(&self) -> Pending<'_, Vec<(String, Bytes)>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn end(&self) -> Pending<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// Said when it is an app's turn and it cannot be read.
pub fn not_well(app: &AppId) -> Fault {
    let message = Refusal::from(BackupRefusal::NotWell { app: app.clone() }).message();
    Fault::lasting(&message.code, message.sentence, message.next_step)
}

/// What is told of it.
pub fn report(repository: &RepositoryId, of: Subject, taken: Taken, held_ms: u64) -> Command {
    Command::Report(Report::Saved {
        repository: repository.clone(),
        of,
        snapshot: taken.snapshot,
        files: taken.files,
        bytes: taken.bytes,
        added: taken.added,
        held_ms,
    })
}

/// The moment in which an app's writers stand still.
struct Stillness<W: World> {
    world: Arc<W>,
    app: AppId,
    writers: BTreeSet<PartId>,
    /// Database, service, command.
    dumps: Vec<(PartId, PartId, Vec<String>)>,
    /// Since when they are held, ms; nought when they are not.
    since: AtomicU64,
    held_ms: AtomicU64,
    /// Nobody changes the app before it goes on, also when nobody waits for the snapshot any more.
    _claim: Option<Claim>,
}

impl<W: World> Stillness<W> {
    fn now(&self) -> u64 {
        self.world.clock().now().0.max(1)
    }

    async fn too_long(&self) {
        loop {
            self.world.clock().sleep(LOOK_EVERY).await;
            let since = self.since.load(Ordering::Relaxed);
            if since > 0 && self.now().saturating_sub(since) > limits::HELD_MS_MAX {
                return;
            }
        }
    }

    async fn hold_and_dump(&self) -> Answer<Vec<(String, Bytes)>> {
        self.since.store(self.now(), Ordering::Relaxed);
        let containers = self.world.containers();
        containers.hold(&self.app, &self.writers).await?;
        let mut begun = Vec::new();
        for (database, service, command) in &self.dumps {
            let timeout = Duration::from_millis(limits::DUMP_MS_MAX);
            let dump = containers
                .dump(&self.app, service, command, timeout)
                .await?;
            let dump = with_first_bytes(dump).await;
            begun.push((format!("/dumps/{database}"), dump));
        }
        Ok(begun)
    }

    async fn go_on(&self) -> Answer<()> {
        let since = self.since.load(Ordering::Relaxed);
        if since == 0 {
            return Ok(());
        }
        let containers = self.world.containers();
        containers.let_go(&self.app, &self.writers).await?;
        self.since.store(0, Ordering::Relaxed);
        let held = self.now().saturating_sub(since);
        self.held_ms.store(held, Ordering::Relaxed);
        Ok(())
    }
}

impl<W: World> Moment for Stillness<W> {
    fn begin(&self) -> Pending<'_, Vec<(String, Bytes)>> {
        Box::pin(self.hold_and_dump())
    }

    fn end(&self) -> Pending<'_, ()> {
        Box::pin(self.go_on())
    }
}

/// Whoever saves may be overtaken at any moment: the app goes on all the same. (Should the daemon itself die, the
/// next look at the world finds containers that stand still and sets them going.)
impl<W: World> Drop for Stillness<W> {
    fn drop(&mut self) {
        if *self.since.get_mut() == 0 {
            return;
        }
        let (world, app) = (self.world.clone(), self.app.clone());
        let writers = std::mem::take(&mut self.writers);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(fault) = world.containers().let_go(&app, &writers).await {
                    tracing::warn!(%app, %fault, "containers that stood still could not be set going");
                }
            });
        }
    }
}

/// A dump says its first bytes once it has its moment: databases then show it what was there then.
async fn with_first_bytes(mut dump: Bytes) -> Bytes {
    let mut first = Zeroizing::new(vec![0; PIECE_BYTES]);
    match dump.read(&mut first).await {
        Ok(read) => {
            first.truncate(read);
            let first = std::io::Cursor::new(first.to_vec());
            Box::pin(first.chain(dump))
        }
        Err(error) => Box::pin(Broken(Some(error))),
    }
}

/// What could not even begin to be read.
struct Broken(Option<std::io::Error>);

impl tokio::io::AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let again = || std::io::Error::other("the dump broke off");
        std::task::Poll::Ready(Err(self.0.take().unwrap_or_else(again)))
    }
}
