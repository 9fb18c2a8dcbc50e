//! Taking a snapshot. First everything is read while all goes on, so that most of it is stored; then, in the moment,
//! what has changed since, beside the dumps. Snapshots are held back in memory until they are proven, so that whatever
//! ends this half way leaves nothing that looks like one.

use std::path::PathBuf;
use std::sync::Arc;

use rustic_core::jiff::{Timestamp, tz::TimeZone};
use rustic_core::repofile::{Node, SnapshotFile, SnapshotId, SnapshotSummary};
use rustic_core::{
    BackupOptions, IndexedIdsStatus, OpenStatus, ParentOptions, Repository, SnapshotOptions, TreeId,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::carrier::Carrier;
use super::fault;
use super::place::{Door, Opened};
use super::read::{StoredFile, snapshot_files};
use super::source::{Item, Reading, Source, StillReading};
use super::work::{Work, on_thread};
use crate::ports::{Answer, Content, Moment, Taken};

/// What is needed again and again while a snapshot is taken.
#[derive(Clone)]
struct Plan {
    door: Door,
    work: Arc<Work>,
    handle: Handle,
    content: Arc<Held>,
}

struct Held {
    host: String,
    tags: Vec<String>,
    time: Timestamp,
    texts: Vec<(PathBuf, Arc<Zeroizing<Vec<u8>>>)>,
    folders: Vec<(PathBuf, PathBuf)>,
}

/// After the first reading.
struct Before {
    repository: Repository<IndexedIdsStatus>,
    carrier: Arc<Carrier>,
    /// The last snapshot of the same kind, which was there before.
    parent: Option<SnapshotId>,
    first: SnapshotFile,
}

/// Takes a snapshot; the moment is ended on every way out.
pub(super) async fn save(
    door: Door,
    work: Arc<Work>,
    content: Content,
    moment: Arc<dyn Moment>,
) -> Answer<Taken> {
    let plan = Plan {
        door,
        work,
        handle: Handle::current(),
        content: Arc::new(hold(content)?),
    };
    let first = plan.clone();
    let before = on_thread(move || first.read_ahead()).await?;
    plan.work.go_on()?;
    // Whoever was held half must be let go too, also when nobody waits any more.
    let begun = tokio::select! {
        begun = moment.begin() => begun,
        () = plan.work.stop.cancelled() => Err(fault::cancelled()),
    };
    let dumps = match begun {
        Ok(dumps) => dumps,
        Err(fault) => {
            let _ = moment.end().await;
            return Err(fault);
        }
    };
    if let Err(fault) = plan.work.go_on() {
        let _ = moment.end().await;
        return Err(fault);
    }
    let carrier = before.carrier.clone();
    let repository = Arc::new(before.repository);
    let reading = Reading::new(&plan.work, true);
    let (still_reading, mut all_read) = mpsc::channel(1);
    let has_dumps = !dumps.is_empty();
    let folders = on_thread({
        let (plan, repository, reading) = (plan.clone(), repository.clone(), reading.clone());
        let (carrier, parent) = (carrier.clone(), before.first.clone());
        move || plan.read_in_moment(&repository, &carrier, &reading, &parent, still_reading)
    });
    let dumped = on_thread({
        let (plan, reading, carrier) = (plan.clone(), reading.clone(), carrier.clone());
        let repository = repository.clone();
        move || match has_dumps {
            true => plan
                .take_dumps(&repository, &carrier, &reading, dumps)
                .map(Some),
            false => Ok(None),
        }
    });
    let ended = async {
        // Nobody ever sends: this waits until the last file has been read.
        let _ = all_read.recv().await;
        moment.end().await
    };
    let (folders, dumped, ended) = tokio::join!(folders, dumped, ended);
    // The first failure is the reason of the others.
    if let Some(fault) = reading.fault() {
        return Err(fault);
    }
    ended?;
    let (folders, dumped) = (folders?, dumped?);
    let repository = Arc::into_inner(repository)
        .ok_or_else(|| fault::other("the repository is still being read".to_owned()))?;
    on_thread(move || {
        plan.keep(
            repository.drop_index(),
            &carrier,
            &reading,
            before.parent,
            &before.first,
            folders,
            dumped,
        )
    })
    .await
}

/// Puts paths in order and refuses those that stand in one another's way.
fn hold(content: Content) -> Answer<Held> {
    let mut all: Vec<PathBuf> = Vec::new();
    let mut check = |inside: &str| -> Answer<PathBuf> {
        let path = PathBuf::from(inside);
        let plain = path.is_absolute()
            && path.file_name().is_some()
            && !inside.split('/').any(|part| part == ".." || part == ".");
        if !plain
            || all
                .iter()
                .any(|other| other.starts_with(&path) || path.starts_with(other))
        {
            return Err(fault::other(format!("{inside} cannot stand in a snapshot")));
        }
        all.push(path.clone());
        Ok(path)
    };
    Ok(Held {
        host: content.host,
        tags: content.tags,
        time: i64::try_from(content.time.0)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .unwrap_or_default(),
        texts: content
            .texts
            .into_iter()
            .map(|(inside, bytes)| Ok((check(&inside)?, Arc::new(bytes))))
            .collect::<Answer<_>>()?,
        folders: content
            .folders
            .into_iter()
            .map(|(inside, here)| Ok((check(&inside)?, here)))
            .collect::<Answer<_>>()?,
    })
}

impl Plan {
    fn items(&self) -> Vec<(PathBuf, Item)> {
        let texts = self.content.texts.iter();
        let texts = texts.map(|(inside, bytes)| (inside.clone(), Item::Text(bytes.clone())));
        let folders = self.content.folders.iter();
        let folders = folders.map(|(inside, here)| (inside.clone(), Item::Folder(here.clone())));
        texts.chain(folders).collect()
    }

    fn paths(&self) -> Vec<PathBuf> {
        let texts = self.content.texts.iter().map(|(inside, _)| inside.clone());
        let folders = self
            .content
            .folders
            .iter()
            .map(|(inside, _)| inside.clone());
        texts.chain(folders).collect()
    }

    fn snapshot(&self) -> Answer<SnapshotFile> {
        let options = SnapshotOptions::default()
            .host(self.content.host.clone())
            .time(self.content.time.to_zoned(TimeZone::system()))
            // Never our own command line.
            .command("lavoir".to_owned());
        let mut snapshot = options
            .to_snapshot()
            .map_err(|error| fault::other(fault::line(&error)))?;
        for tag in &self.content.tags {
            snapshot.tags.add(tag.clone());
        }
        Ok(snapshot)
    }

    /// Has rustic store what a source gives. What it passed over with a warning is a fault here.
    fn archive<S: rustic_core::IndexedIds>(
        &self,
        repository: &Repository<S>,
        carrier: &Carrier,
        reading: &Reading,
        source: &Source,
        parent: Option<String>,
        paths: &[PathBuf],
    ) -> Answer<SnapshotFile> {
        let parents = ParentOptions::default()
            .force(parent.is_none())
            .parents(parent.into_iter().collect::<Vec<_>>());
        let options = BackupOptions::default().parent_opts(parents);
        let snapshot = self.snapshot()?;
        let archived = repository.archive(&options, source, snapshot, paths);
        if let Some(fault) = reading.fault() {
            return Err(fault);
        }
        let archived = match archived {
            Ok(archived) => archived,
            Err(error) => {
                let fault = carrier.fault(&error);
                reading.fail(fault.clone());
                return Err(fault);
            }
        };
        if let Some(fault) = carrier.trouble() {
            reading.fail(fault.clone());
            return Err(fault);
        }
        Ok(archived)
    }

    /// The first reading, while all goes on. Whatever changes meanwhile is read again.
    fn read_ahead(&self) -> Answer<Before> {
        self.door.is_free()?;
        let Opened {
            repository,
            carrier,
        } = self.door.open(&self.work)?;
        carrier.hold_snapshots();
        let parent = last_alike(
            snapshot_files(&repository, &carrier, &self.work)?,
            &self.content,
        );
        let repository = repository.to_indexed_ids().map_err(|e| carrier.fault(&e))?;
        self.work.go_on()?;
        let reading = Reading::new(&self.work, false);
        let source = self.source(&reading, self.items(), None);
        self.work.count(true);
        let first = self.archive(
            &repository,
            &carrier,
            &reading,
            &source,
            parent.map(|id| id.to_hex().as_str().to_owned()),
            &self.paths(),
        );
        self.work.count(false);
        let first = first?;
        // What was stored just now is to be found in the moment.
        let repository = repository
            .drop_index()
            .to_indexed_ids()
            .map_err(|e| carrier.fault(&e))?;
        Ok(Before {
            repository,
            carrier,
            parent,
            first,
        })
    }

    fn source(
        &self,
        reading: &Arc<Reading>,
        items: Vec<(PathBuf, Item)>,
        still_reading: Option<StillReading>,
    ) -> Source {
        let handle = self.handle.clone();
        Source::new(
            reading,
            Some(self.content.time),
            items,
            still_reading,
            handle,
        )
    }

    /// The second reading: only what is not as it was at the first one.
    fn read_in_moment(
        &self,
        repository: &Repository<IndexedIdsStatus>,
        carrier: &Carrier,
        reading: &Arc<Reading>,
        first: &SnapshotFile,
        still_reading: StillReading,
    ) -> Answer<SnapshotFile> {
        let source = self.source(reading, self.items(), Some(still_reading));
        let parent = first.id.to_hex().as_str().to_owned();
        self.archive(
            repository,
            carrier,
            reading,
            &source,
            Some(parent),
            &self.paths(),
        )
    }

    /// Stores the dumps as they come. How long they are is known only afterwards.
    fn take_dumps(
        &self,
        repository: &Repository<IndexedIdsStatus>,
        carrier: &Carrier,
        reading: &Arc<Reading>,
        dumps: Vec<(String, crate::ports::Bytes)>,
    ) -> Answer<SnapshotFile> {
        let all = self.paths();
        let mut items = Vec::new();
        for (inside, bytes) in dumps {
            let path = PathBuf::from(inside);
            if !path.is_absolute() || all.iter().any(|other| path.starts_with(other)) {
                let fault = fault::other(format!("{} cannot stand in a snapshot", path.display()));
                reading.fail(fault.clone());
                return Err(fault);
            }
            items.push((path, Item::Dump(bytes)));
        }
        let paths: Vec<_> = items.iter().map(|(path, _)| path.clone()).collect();
        let source = self.source(reading, items, None);
        self.archive(repository, carrier, reading, &source, None, &paths)
    }

    /// Puts the snapshot together, proves it, and lets it be seen.
    #[allow(clippy::too_many_arguments)]
    fn keep(
        &self,
        repository: Repository<OpenStatus>,
        carrier: &Arc<Carrier>,
        reading: &Arc<Reading>,
        parent: Option<SnapshotId>,
        first: &SnapshotFile,
        folders: SnapshotFile,
        dumped: Option<SnapshotFile>,
    ) -> Answer<Taken> {
        let mut summary = folders.summary.clone().unwrap_or_default();
        if let Some(dumped) = dumped
            .as_ref()
            .and_then(|snapshot| snapshot.summary.as_ref())
        {
            summary.total_files_processed += dumped.total_files_processed;
            summary.total_bytes_processed += dumped.total_bytes_processed;
            add_added(&mut summary, dumped);
        }
        // rustic leaves out what fails, with a warning: then something is missing here.
        if summary.total_files_processed != reading.entries() {
            return Err(fault::other(format!(
                "{} files were read and {} are in the snapshot",
                reading.entries(),
                summary.total_files_processed
            )));
        }
        let mut snapshot = folders;
        let repository = match &dumped {
            Some(dumped) => {
                let (tree, repository) = self.merge(repository, carrier, snapshot.tree, dumped)?;
                snapshot.tree = tree;
                for path in dumped.paths.iter() {
                    snapshot.paths.add(path.clone());
                }
                repository
            }
            None => repository,
        };
        if let Some(first) = &first.summary {
            add_added(&mut summary, first);
            summary.files_new = first.files_new;
            summary.files_changed = first.files_changed;
            summary.files_unmodified = first.files_unmodified;
            summary.backup_start = first.backup_start.clone();
        }
        let (files, bytes) = (summary.total_files_processed, summary.total_bytes_processed);
        snapshot.summary = Some(summary);
        // The one that the moment's reading leaned on never was.
        snapshot.parent = parent;
        snapshot.parents = parent.into_iter().collect();
        let before = carrier.held();
        repository
            .save_snapshots(vec![snapshot])
            .map_err(|error| carrier.fault(&error))?;
        let id = carrier.held().into_iter().find(|id| !before.contains(id));
        let id = id.ok_or_else(|| fault::other("the snapshot was not written".to_owned()))?;
        // Everything that it points to is on the disk before it is.
        self.door.sync()?;
        self.work.go_on()?;
        if let Some(fault) = reading.fault().or_else(|| carrier.trouble()) {
            return Err(fault);
        }
        carrier
            .release(&id)
            .map_err(|error| carrier.fault(&error))?;
        let snapshot = id.to_hex().as_str().parse();
        Ok(Taken {
            snapshot: snapshot.map_err(|_| fault::other("a name that is none".to_owned()))?,
            files,
            bytes,
            added: carrier.written(),
        })
    }

    /// The tree of the folders with the dumps in it. rustic does not learn how long a dump is, and restic restores what
    /// has no length as empty: so each dump is read back from the repository, which proves it, and entered with its length.
    fn merge(
        &self,
        repository: Repository<OpenStatus>,
        carrier: &Arc<Carrier>,
        folders: TreeId,
        dumped: &SnapshotFile,
    ) -> Answer<(TreeId, Repository<OpenStatus>)> {
        let of = |error: Box<rustic_core::RusticError>| carrier.fault(&error);
        let repository = Arc::new(repository.to_indexed().map_err(of)?);
        let reading = Reading::new(&self.work, true);
        let mut items = Vec::new();
        let mut paths = Vec::new();
        for path in dumped.paths.iter().map(PathBuf::from) {
            let node = repository.node_from_path(dumped.tree, &path).map_err(of)?;
            let stored = StoredFile::new(&repository, &node).map_err(of)?;
            items.push((path.clone(), Item::Stored(stored.length, Box::new(stored))));
            paths.push(path);
        }
        let source = self.source(&reading, items, None);
        let measured = self.archive(&*repository, carrier, &reading, &source, None, &paths)?;
        drop(source);
        let repository = Arc::into_inner(repository)
            .ok_or_else(|| fault::other("the repository is still being read".to_owned()))?;
        let repository = repository.drop_index().to_indexed_ids().map_err(of)?;
        let mut unused = SnapshotSummary::default();
        let order = |a: &Node, b: &Node| a.meta.size.cmp(&b.meta.size);
        let tree = repository
            .merge_trees(&[folders, measured.tree], &order, &mut unused)
            .map_err(of)?;
        let repository = repository.drop_index().to_indexed_ids().map_err(of)?;
        for path in &paths {
            let node = repository.node_from_path(tree, path).map_err(of)?;
            let was = repository.node_from_path(dumped.tree, path).map_err(of)?;
            if node.content != was.content {
                return Err(fault::damaged(vec![path.to_string_lossy().into_owned()]));
            }
        }
        Ok((tree, repository.drop_index()))
    }
}

fn add_added(to: &mut SnapshotSummary, from: &SnapshotSummary) {
    to.data_blobs += from.data_blobs;
    to.tree_blobs += from.tree_blobs;
    to.data_added += from.data_added;
    to.data_added_packed += from.data_added_packed;
    to.data_added_files += from.data_added_files;
    to.data_added_files_packed += from.data_added_files_packed;
    to.data_added_trees += from.data_added_trees;
    to.data_added_trees_packed += from.data_added_trees_packed;
}

/// The last of the same host and tags. One that cannot be read does not hold up a new one.
fn last_alike(files: Vec<Answer<SnapshotFile>>, content: &Held) -> Option<SnapshotId> {
    let alike = |file: &SnapshotFile| {
        file.hostname == content.host
            && file.tags.iter().count() == content.tags.len()
            && content.tags.iter().all(|tag| file.tags.contains(tag))
    };
    let files = files.into_iter().flatten().filter(alike);
    files.max_by(|a, b| a.time.cmp(&b.time)).map(|file| file.id)
}
