//! Repositories in memory: snapshots of volumes by their contents, dumps and texts by their bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lavoir::ports::{
    Answer, Bytes, Content, Damaged, Listed, ListedKind, Moment, OnMeasure, Opener, OwnState, Part,
    Repositories, Room, Snapshot, Taken, Tidied,
};
use lavoir_core::backup::{KeepRule, SnapshotId};
use lavoir_core::id::{AppId, PartId, Timestamp};
use tokio::io::AsyncReadExt as _;

use super::{Inner, Memory, Volume, broken, missing};

/// A snapshot: what each folder held, and each file.
#[derive(Clone)]
pub(super) struct Kept {
    id: SnapshotId,
    time: Timestamp,
    host: String,
    tags: Vec<String>,
    folders: BTreeMap<String, Vec<u64>>,
    files: BTreeMap<String, Vec<u8>>,
}

/// Where a volume "lies".
pub(super) fn folder(name: &str) -> PathBuf {
    Path::new("/memory").join(name)
}

fn bytes(bytes: Vec<u8>) -> Bytes {
    Box::pin(std::io::Cursor::new(bytes))
}

impl Inner {
    fn volume(&mut self, at: &Path) -> Option<&mut Volume> {
        let name = at.file_name()?.to_str()?;
        let mut apps = self.apps.values_mut();
        apps.find_map(|app| app.volumes.get_mut(name))
    }

    fn database(&mut self, app: &AppId, service: &PartId) -> Answer<&mut Volume> {
        let now = self.now;
        let app = self.app(app);
        let container = app.containers.get(service);
        let Some(container) = container.filter(|c| c.run(now).is_running()) else {
            return Err(missing("container"));
        };
        let name = container.volumes.first().cloned().unwrap_or_default();
        let volume = app.volumes.get_mut(&name);
        volume.ok_or_else(|| missing("database"))
    }

    fn kept(&self, snapshot: &SnapshotId) -> Answer<&Kept> {
        let mut kept = self.snapshots.iter();
        let found = kept.find(|kept| kept.id == *snapshot);
        found.ok_or_else(|| missing("snapshot"))
    }
}

impl Memory {
    /// What a database's service has in its first volume, as a dump.
    pub(super) async fn dump_of(&self, app: &AppId, service: &PartId) -> Answer<Bytes> {
        let deed = |inner: &mut Inner| {
            let contents = &inner.database(app, service)?.contents;
            let words: Vec<String> = contents.iter().map(u64::to_string).collect();
            Ok(words.join(" ").into_bytes())
        };
        let dump = self.effect(format!("dump {app} {service}"), deed).await?;
        Ok(bytes(dump))
    }

    /// The other way round.
    pub(super) async fn load_into(
        &self,
        app: &AppId,
        service: &PartId,
        mut from: Bytes,
    ) -> Answer<()> {
        let mut dump = String::new();
        let read = from.read_to_string(&mut dump).await;
        read.map_err(|_| broken(true, "dump"))?;
        let contents: Vec<u64> = dump.split(' ').filter_map(|n| n.parse().ok()).collect();
        let deed = |inner: &mut Inner| {
            inner.check(app, "load");
            inner.database(app, service)?.contents = contents;
            Ok(())
        };
        self.effect(format!("load {app} {service}"), deed).await
    }

    /// A volume that is filled from a snapshot.
    pub(super) async fn begin_restored(&self, app: &AppId, name: &str) -> Answer<PathBuf> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "begin-volume");
            let half = Volume {
                complete: false,
                contents: Vec::new(),
            };
            let volumes = &mut inner.app(app).volumes;
            volumes.entry(name.to_owned()).or_insert(half);
            Ok(folder(name))
        };
        self.effect(format!("begin-volume {name}"), deed).await
    }

    pub(super) async fn finish_restored(&self, app: &AppId, name: &str) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            if let Some(volume) = inner.app(app).volumes.get_mut(name) {
                volume.complete = true;
            }
            Ok(())
        };
        self.effect(format!("finish-volume {name}"), deed).await
    }
}

impl Repositories for Memory {
    async fn make(&self, at: &Opener) -> Answer<()> {
        self.effect(format!("make-repository {}", at.place), |_| Ok(()))
            .await
    }

    async fn look(&self, at: &Opener) -> Answer<Room> {
        let room = Room {
            free: None,
            total: None,
        };
        self.effect(format!("look-repository {}", at.place), |_| Ok(room))
            .await
    }

    async fn save(
        &self,
        at: &Opener,
        content: Content,
        moment: Arc<dyn Moment>,
        _on_measure: OnMeasure<'_>,
    ) -> Answer<Taken> {
        let first = self.effect(format!("save-first {}", at.place), |_| Ok(()));
        first.await?;
        let begun = moment.begin().await;
        let read = async {
            let mut files: BTreeMap<String, Vec<u8>> = content
                .texts
                .iter()
                .map(|(path, bytes)| (path.clone(), bytes.to_vec()))
                .collect();
            for (path, mut dump) in begun? {
                let mut bytes = Vec::new();
                let read = dump.read_to_end(&mut bytes).await;
                read.map_err(|_| broken(true, "dump"))?;
                files.insert(path, bytes);
            }
            Ok(files)
        };
        let read: Answer<BTreeMap<String, Vec<u8>>> = read.await;
        moment.end().await?;
        let files = read?;
        let deed = |inner: &mut Inner| {
            let mut folders = BTreeMap::new();
            for (path, at) in &content.folders {
                if let Some(volume) = inner.volume(at) {
                    folders.insert(path.clone(), volume.contents.clone());
                }
            }
            let number = inner.snapshots.len() + 1;
            let id: SnapshotId = format!("{number:064x}")
                .parse()
                .map_err(|_| missing("a name"))?;
            let taken = Taken {
                snapshot: id.clone(),
                files: u64::try_from(files.len()).unwrap_or(0),
                bytes: files.values().map(|bytes| bytes.len() as u64).sum(),
                added: 0,
            };
            inner.snapshots.push(Kept {
                id,
                time: content.time,
                host: content.host.clone(),
                tags: content.tags.clone(),
                folders,
                files,
            });
            Ok(taken)
        };
        self.effect(format!("save {}", at.place), deed).await
    }

    async fn snapshots(&self, _at: &Opener) -> Answer<Vec<Snapshot>> {
        let deed = |inner: &mut Inner| {
            let kept = inner.snapshots.iter().map(|kept| Snapshot {
                id: kept.id.clone(),
                time: kept.time,
                host: kept.host.clone(),
                tags: kept.tags.clone(),
                files: Some(kept.files.len() as u64),
                bytes: None,
            });
            Ok(kept.collect())
        };
        self.effect("snapshots".into(), deed).await
    }

    async fn list(
        &self,
        _at: &Opener,
        snapshot: &SnapshotId,
        folder: &str,
        from: usize,
        count: usize,
    ) -> Answer<Vec<Listed>> {
        let deed = |inner: &mut Inner| {
            let root = format!("{}/", folder.trim_end_matches('/'));
            let mut names = BTreeMap::new();
            for (path, bytes) in &inner.kept(snapshot)?.files {
                let Some(inside) = path.strip_prefix(&root) else {
                    continue;
                };
                let (name, kind) = match inside.split_once('/') {
                    Some((folder, _)) => (folder, ListedKind::Folder),
                    None => (inside, ListedKind::File),
                };
                names.insert(name.to_owned(), (kind, bytes.len() as u64));
            }
            let listed = names.into_iter().map(|(name, (kind, bytes))| Listed {
                name,
                kind,
                bytes,
                changed: None,
            });
            Ok(listed.skip(from).take(count).collect())
        };
        self.effect("list-snapshot".into(), deed).await
    }

    async fn read(&self, _at: &Opener, snapshot: &SnapshotId, file: &str) -> Answer<Bytes> {
        let deed = |inner: &mut Inner| {
            let found = inner.kept(snapshot)?.files.get(file).cloned();
            found.ok_or_else(|| missing("file"))
        };
        Ok(bytes(self.effect(format!("read {file}"), deed).await?))
    }

    async fn put_back(
        &self,
        _at: &Opener,
        snapshot: &SnapshotId,
        folder: &str,
        into: &Path,
        _on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            let contents = inner.kept(snapshot)?.folders.get(folder).cloned();
            let volume = inner.volume(into).ok_or_else(|| missing("volume"))?;
            volume.contents = contents.unwrap_or_default();
            Ok(())
        };
        self.effect(format!("put-back {folder}"), deed).await
    }

    async fn tidy(
        &self,
        _at: &Opener,
        _host: &str,
        _keep: &KeepRule,
        _on_measure: OnMeasure<'_>,
    ) -> Answer<Tidied> {
        self.effect("tidy".into(), |_| Ok(Tidied::default())).await
    }

    async fn check(
        &self,
        _at: &Opener,
        _part: Part,
        _on_measure: OnMeasure<'_>,
    ) -> Answer<Option<Damaged>> {
        self.effect("check-repository".into(), |_| Ok(None)).await
    }
}

impl OwnState for Memory {
    async fn gather(&self) -> Answer<Vec<(String, PathBuf)>> {
        self.effect("gather".into(), |_| Ok(Vec::new())).await
    }

    async fn let_go(&self) -> Answer<()> {
        self.effect("let-go-own".into(), |_| Ok(())).await
    }
}
