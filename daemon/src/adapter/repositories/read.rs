//! Looking into snapshots: which there are, what is in them, a file of one.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use lavoir_core::backup::SnapshotId;
use lavoir_core::id::Timestamp;
use rustic_core::repofile::{BlobType, Node, NodeType, SnapshotFile};
use rustic_core::{
    BlobId, DataId, ErrorKind, IndexedFullStatus, IndexedTree, OpenStatus, Repository, RusticError,
    RusticResult, jiff,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::io::StreamReader;

use super::carrier::{Carrier, is_named_after};
use super::fault;
use super::place::{Door, Opened};
use super::work::{Work, on_thread};
use crate::ports::{Answer, Listed, ListedKind, Snapshot};

/// Bytes of a file that go over at once.
const PIECE_BYTES: usize = 256 * 1024;
/// Such pieces that wait for whoever reads.
const PIECES_AHEAD: usize = 2;

/// All snapshots, oldest first. One whose file is damaged is not shown; a check tells of it.
pub(super) fn snapshots(door: &Door, work: &Arc<Work>) -> Answer<Vec<Snapshot>> {
    let Opened {
        repository,
        carrier,
    } = door.open(work)?;
    let mut snapshots = Vec::new();
    for file in snapshot_files(&repository, &carrier, work)? {
        match file {
            Ok(file) => snapshots.extend(snapshot(&file)),
            Err(fault) => tracing::warn!("a snapshot cannot be read: {fault}"),
        }
    }
    snapshots.sort_by(|a, b| (a.time, a.id.as_str()).cmp(&(b.time, b.id.as_str())));
    Ok(snapshots)
}

/// All snapshots' files, one by one: the library's own stream ends at the first that is damaged.
pub(super) fn snapshot_files(
    repository: &Repository<OpenStatus>,
    carrier: &Carrier,
    work: &Work,
) -> Answer<Vec<Answer<SnapshotFile>>> {
    let ids = repository
        .list::<rustic_core::repofile::SnapshotId>()
        .map_err(|error| carrier.fault(&error))?;
    let mut files = Vec::new();
    for id in ids {
        work.go_on()?;
        let file = repository.get_file::<SnapshotFile>(&id);
        files.push(match file {
            Ok(mut file) => {
                file.id = id;
                Ok(file)
            }
            Err(error) => Err(carrier.fault(&error)),
        });
        // Each for itself.
        carrier.forgive();
    }
    Ok(files)
}

fn snapshot(file: &SnapshotFile) -> Option<Snapshot> {
    let summary = file.summary.as_ref();
    Some(Snapshot {
        id: file.id.to_hex().as_str().parse().ok()?,
        time: millis(file.time.timestamp()),
        host: file.hostname.clone(),
        tags: file.tags.iter().cloned().collect(),
        files: summary.map(|summary| summary.total_files_processed),
        bytes: summary.map(|summary| summary.total_bytes_processed),
    })
}

fn millis(time: jiff::Timestamp) -> Timestamp {
    Timestamp(u64::try_from(time.as_millisecond()).unwrap_or(0))
}

/// The snapshot's file.
pub(super) fn snapshot_file(
    repository: &Repository<OpenStatus>,
    carrier: &Carrier,
    id: &SnapshotId,
) -> Answer<SnapshotFile> {
    let id: rustic_core::repofile::SnapshotId =
        id.as_str().parse().map_err(|_| fault::no_snapshot())?;
    let all = repository
        .list::<rustic_core::repofile::SnapshotId>()
        .map_err(|error| carrier.fault(&error))?;
    if !all.into_iter().any(|other| other == id) {
        return Err(fault::no_snapshot());
    }
    repository
        .get_file(&id)
        .map_err(|error| carrier.fault(&error))
}

/// What stands at a path in a snapshot.
pub(super) fn node_at<S: IndexedTree>(
    repository: &Repository<S>,
    carrier: &Carrier,
    snapshot: &SnapshotFile,
    inside: &str,
) -> Answer<Node> {
    let path = Path::new(inside);
    let plain = path.components().all(|part| {
        matches!(
            part,
            std::path::Component::RootDir | std::path::Component::Normal(_)
        )
    });
    if !plain {
        return Err(fault::no_path(inside));
    }
    let mut found = None;
    let mut tree = Some(snapshot.tree);
    for part in path.iter().filter(|part| *part != "/") {
        let id = tree.ok_or_else(|| fault::no_path(inside))?;
        let nodes = repository
            .get_tree(&id)
            .map_err(|error| carrier.fault(&error))?
            .nodes;
        let node = nodes.into_iter().find(|node| node.name() == part);
        let node = node.ok_or_else(|| fault::no_path(inside))?;
        tree = node.subtree;
        found = Some(node);
    }
    Ok(found.unwrap_or_else(|| {
        let mut root = Node::new_node("".as_ref(), NodeType::Dir, Default::default());
        root.subtree = Some(snapshot.tree);
        root
    }))
}

/// Entries of a folder, by name.
pub(super) fn list(
    door: &Door,
    work: &Arc<Work>,
    id: &SnapshotId,
    folder: &str,
    from: usize,
    count: usize,
) -> Answer<Vec<Listed>> {
    let Opened {
        repository,
        carrier,
    } = door.open(work)?;
    let file = snapshot_file(&repository, &carrier, id)?;
    let repository = repository
        .to_indexed_ids()
        .map_err(|error| carrier.fault(&error))?;
    let node = node_at(&repository, &carrier, &file, folder)?;
    let tree = node.subtree.ok_or_else(|| fault::no_path(folder))?;
    let nodes = repository
        .get_tree(&tree)
        .map_err(|error| carrier.fault(&error))?
        .nodes;
    Ok(nodes.iter().skip(from).take(count).map(listed).collect())
}

fn listed(node: &Node) -> Listed {
    Listed {
        name: node.name().to_string_lossy().into_owned(),
        kind: match node.node_type {
            NodeType::Dir => ListedKind::Folder,
            NodeType::File => ListedKind::File,
            _ => ListedKind::Other,
        },
        bytes: if node.is_file() { node.meta.size } else { 0 },
        changed: node.meta.mtime.map(millis),
    }
}

/// A file, streamed: it is read as fast as it is taken, and no more once nobody takes it.
pub(super) async fn read(door: Door, id: SnapshotId, file: String) -> Answer<crate::ports::Bytes> {
    let work = Work::new();
    let (found, was_found) = oneshot::channel();
    let (pieces, taken) = mpsc::channel::<io::Result<Bytes>>(PIECES_AHEAD);
    let reading = on_thread(move || {
        let stored = open_file(&door, &work, &id, &file);
        let mut stored = match stored {
            Ok(stored) => stored,
            Err(fault) => {
                let _ = found.send(Err(fault));
                return Ok(());
            }
        };
        if found.send(Ok(())).is_err() {
            return Ok(());
        }
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let read = stored.read(&mut piece);
            let ended = !matches!(read, Ok(1..));
            let piece = read.map(|count| {
                piece.truncate(count);
                Bytes::from(piece)
            });
            // An empty piece would be taken for the end, and it is the end.
            if pieces.blocking_send(piece).is_err() || ended {
                return Ok(());
            }
        }
    });
    tokio::spawn(reading);
    match was_found.await {
        Ok(found) => found?,
        Err(_) => return Err(fault::other("a thread ended before its work".to_owned())),
    }
    let pieces = futures_util::stream::unfold(taken, |mut taken| async move {
        taken.recv().await.map(|piece| (piece, taken))
    });
    Ok(Box::pin(StreamReader::new(Box::pin(pieces))))
}

fn open_file(door: &Door, work: &Arc<Work>, id: &SnapshotId, inside: &str) -> Answer<StoredFile> {
    let Opened {
        repository,
        carrier,
    } = door.open(work)?;
    let file = snapshot_file(&repository, &carrier, id)?;
    let repository = Arc::new(
        repository
            .to_indexed()
            .map_err(|error| carrier.fault(&error))?,
    );
    let node = node_at(&*repository, &carrier, &file, inside)?;
    if !node.is_file() {
        return Err(fault::no_path(inside));
    }
    StoredFile::new(&repository, &node).map_err(|error| carrier.fault(&error))
}

/// Reads a file back from the repository, one piece in memory at a time.
pub(super) struct StoredFile {
    repository: Arc<Repository<IndexedFullStatus>>,
    pieces: VecDeque<DataId>,
    piece: Bytes,
    /// In all.
    pub length: u64,
}

impl StoredFile {
    pub fn new(repository: &Arc<Repository<IndexedFullStatus>>, node: &Node) -> RusticResult<Self> {
        let pieces: VecDeque<_> = node.content.iter().flatten().copied().collect();
        let mut length = 0;
        for piece in &pieces {
            length += u64::from(repository.get_index_entry(piece)?.data_length());
        }
        Ok(Self {
            repository: repository.clone(),
            pieces,
            piece: Bytes::new(),
            length,
        })
    }
}

impl Read for StoredFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let Some(id) = self.pieces.pop_front() else {
                return Ok(0);
            };
            self.piece = piece(&self.repository, id)
                .map_err(|error| io::Error::other(fault::line(&error)))?;
        }
        let count = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

/// A piece of a file's content, which is what its name says.
pub(super) fn piece(repository: &Repository<IndexedFullStatus>, id: DataId) -> RusticResult<Bytes> {
    let bytes = repository.get_blob_cached(&BlobId::from(id), BlobType::Data)?;
    if !is_named_after(&bytes, &id) {
        return Err(RusticError::new(
            ErrorKind::Verification,
            "a piece of a file may be corrupted: its content is not what its name says",
        ));
    }
    Ok(bytes)
}
