//! Bringing an app back from a snapshot: steps that fill what is made beside the old, never over it (law L10).

use std::time::Duration;

use lavoir_core::backup::Origin;
use lavoir_core::id::PartId;
use lavoir_core::limits;
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use super::faults::{inconsistent, load_failed, snapshot_unread};
use super::save::opener;
use super::{Worker, order};
use crate::ports::{
    Answer, AppFiles as _, Containers as _, Keepsakes, ListedKind, OnMeasure, Opener,
    Repositories as _, World,
};

/// Secrets and answers of one app, each.
const KEEPSAKES_MAX: usize = 1_000;

impl<W: World> Worker<W> {
    async fn opener(&self, origin: &Origin) -> Answer<Opener> {
        let state = self.engine.state();
        opener(&**self.engine.world(), &state, &origin.repository).await
    }

    pub(super) async fn restore_volume(
        &self,
        volume: &PartId,
        name: &str,
        origin: &Origin,
        on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        let world = self.engine.world();
        let at = self.opener(origin).await?;
        let (containers, app) = (world.containers(), &self.app.id);
        let snapshot = origin.snapshot.as_str();
        let into = containers.begin_volume(app, name, snapshot).await?;
        let folder = format!("/data/{volume}");
        world
            .repositories()
            .put_back(&at, &origin.snapshot, &folder, &into, on_measure)
            .await?;
        containers.finish_volume(app, name).await
    }

    pub(super) async fn restore_secrets(&self, origin: &Origin) -> Answer<()> {
        let at = self.opener(origin).await?;
        let repositories = self.engine.world().repositories();
        let snapshot = &origin.snapshot;
        let mut keepsakes = Keepsakes::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let path = format!("/keepsakes{folder}");
            let listed = repositories
                .list(&at, snapshot, &path, 0, KEEPSAKES_MAX)
                .await?;
            for entry in listed {
                let inside = format!("{folder}/{}", entry.name);
                match entry.kind {
                    ListedKind::Folder if folder.is_empty() => folders.push(inside),
                    ListedKind::File => {
                        let file = format!("/keepsakes{inside}");
                        let mut from = repositories.read(&at, snapshot, &file).await?;
                        let mut bytes = Zeroizing::new(Vec::new());
                        let most = limits::RENDERED_BYTES_MAX as u64;
                        let read = (&mut from).take(most).read_to_end(&mut bytes).await;
                        read.map_err(|error| snapshot_unread(&file, &error))?;
                        keepsakes.insert(inside.trim_start_matches('/').to_owned(), bytes);
                    }
                    ListedKind::Folder | ListedKind::Other => {}
                }
            }
        }
        let files = self.engine.world().app_files();
        files.take_keepsakes(&self.app.id, &keepsakes).await
    }

    pub(super) async fn load_dump(&self, database: &PartId, origin: &Origin) -> Answer<()> {
        let world = self.engine.world();
        let Some(shape) = self.app.release.databases.get(database) else {
            return Err(inconsistent("database", database.as_str()));
        };
        let files = world.app_files();
        let values = files.values(&self.app.id, &self.app.release).await?;
        let command = order::words(&shape.restore, &values)?;
        let at = self.opener(origin).await?;
        let file = format!("/dumps/{database}");
        let repositories = world.repositories();
        let from = repositories.read(&at, &origin.snapshot, &file).await?;
        let timeout = Duration::from_millis(limits::DUMP_MS_MAX);
        let ran = world
            .containers()
            .load(&self.app.id, &shape.service, &command, from, timeout)
            .await?;
        if ran.code != 0 {
            return Err(load_failed(database, ran.code).with_lines(ran.lines));
        }
        files
            .note_loaded(&self.app.id, self.app.revision, database)
            .await
    }
}
