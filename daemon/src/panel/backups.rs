//! Backups, from the desk's words to the panel's.

use std::time::Duration;

use futures_util::future::join_all;
use lavoir_core::backup::{Concern, KeepRule, Place, RepositoryId, SnapshotId, concerns};
use lavoir_core::command::{Action, Actor};
use lavoir_core::id::Timestamp;
use lavoir_core::limits;
use lavoir_web_admin::admin::{self as seen, No};
use tokio::time::timeout;
use tokio_util::io::ReaderStream;
use zeroize::Zeroizing;

use super::{Panel, convert};
use crate::api::Problem;
use crate::backups::cards::{RepositoryCard, RoundCard, SavedCard, SnapshotCard};
use crate::backups::desk::NewRepository;
use crate::engine;
use crate::ports::{Clock as _, Listed, ListedKind, World};

fn no(no: engine::No) -> No {
    convert::no(Problem::from(no))
}

impl<W: World> Panel<W> {
    pub(super) fn concerns(&self) -> Vec<Concern> {
        let now = self.engine.world().clock().now();
        concerns(&self.engine.state(), now)
    }

    pub(super) async fn all_backups(&self) -> Result<seen::Backups, No> {
        self.ledger_read().await?;
        let now = self.engine.world().clock().now();
        let shown = (limits::BACKUP_WEEKS_SHOWN + 1) * 7 * limits::DAY_MS;
        let since = Timestamp(now.0.saturating_sub(shown));
        let looked = self.backups.cards().into_iter().map(|card| async move {
            let presence = self.presence(&card).await;
            repository(card, presence)
        });
        Ok(seen::Backups {
            repositories: join_all(looked).await,
            concerns: self.concerns(),
            turns: self.briefs.turns(since),
        })
    }

    /// Looked at within bounds; while a round is under way there, it tells by itself.
    async fn presence(&self, card: &RepositoryCard) -> seen::Presence {
        if card.round.is_some() {
            return seen::Presence::Unknown;
        }
        let limit = Duration::from_millis(limits::PLACE_LOOK_MS_MAX);
        match timeout(limit, self.backups.look(&card.repository)).await {
            Err(_) => seen::Presence::Unknown,
            Ok(Ok(room)) => seen::Presence::There {
                free: room.free,
                total: room.total,
            },
            Ok(Err(no)) => seen::Presence::Away(no.message()),
        }
    }

    pub(super) async fn backup_act(&self, actor: Actor, act: seen::BackupAct) -> Result<(), No> {
        let backups = self.backups.clone();
        let action = match act {
            seen::BackupAct::Add(new) => {
                let new = NewRepository {
                    repository: new.repository,
                    place: Place::Folder { path: new.path },
                    every_nights: new.every_nights,
                    keep: KeepRule::default(),
                    key: new.key.map(|key| key.to_string()),
                };
                // In a task of its own: the browser may go away, what was begun on the disk is carried through.
                let added = tokio::spawn(async move { backups.add(actor, new).await });
                let added = added.await.map_err(|_| convert::no(Problem::inside()))?;
                return added.map(drop).map_err(no).map_err(beside_field);
            }
            seen::BackupAct::Change {
                repository,
                every_nights,
                keep,
            } => Action::ChangeRepository {
                repository,
                every_nights,
                keep,
            },
            seen::BackupAct::Remove(repository) => Action::RemoveRepository { repository },
            seen::BackupAct::BackUp(repository, of) => Action::BackUp { repository, of },
            seen::BackupAct::Cancel(repository) => Action::CancelBackup { repository },
        };
        backups.act(actor, action).await.map(drop).map_err(no)
    }

    pub(super) async fn key_of(
        &self,
        actor: Actor,
        id: &RepositoryId,
    ) -> Result<Zeroizing<String>, No> {
        self.backups.key(actor, id).await.map_err(no)
    }

    pub(super) async fn all_snapshots(
        &self,
        id: &RepositoryId,
    ) -> Result<Vec<seen::SnapshotFacts>, No> {
        let cards = self.backups.snapshots(id).await.map_err(no)?;
        Ok(cards.into_iter().map(snapshot).collect())
    }

    pub(super) async fn folder_of(
        &self,
        (id, snapshot): (&RepositoryId, &SnapshotId),
        folder: &str,
        from: usize,
        count: usize,
    ) -> Result<Vec<seen::EntryFacts>, No> {
        let listed = self.backups.list(id, snapshot, folder, from).await;
        let listed = listed.map_err(no)?;
        Ok(listed.into_iter().take(count).map(entry).collect())
    }

    pub(super) async fn file_of(
        &self,
        (id, snapshot): (&RepositoryId, &SnapshotId),
        path: &str,
    ) -> Result<seen::FileStream, No> {
        let file = self.backups.file(id, snapshot, path).await.map_err(no)?;
        Ok(Box::pin(ReaderStream::new(file)))
    }

    pub(super) async fn restored(
        &self,
        actor: Actor,
        (id, snapshot): (&RepositoryId, &SnapshotId),
    ) -> Result<seen::Decided, No> {
        let (backups, id, snapshot) = (self.backups.clone(), id.clone(), snapshot.clone());
        let decided =
            tokio::spawn(async move { backups.restore(actor, &id, &snapshot).await }).await;
        let decided = decided.map_err(|_| convert::no(Problem::inside()))?;
        let (app, state) = decided.map_err(no)?;
        let revision = state.apps().get(&app).map(|app| app.revision);
        Ok(seen::Decided {
            app,
            revision: revision.ok_or_else(|| convert::no(Problem::inside()))?,
        })
    }
}

/// What is wrong with a new place stands beside the field that it is about.
fn beside_field(mut no: No) -> No {
    let at = match no.message.code.as_str() {
        "repository-name-taken" => "name",
        "repository-wrong-key" => "key",
        "repository-place-taken" | "repository-path" => "path",
        code if code.starts_with("place-") => "path",
        _ => return no,
    };
    no.problems.push(seen::Problem {
        at: Some(at.to_owned()),
        message: no.message.clone(),
    });
    no
}

fn repository(card: RepositoryCard, presence: seen::Presence) -> seen::RepositoryFacts {
    let saved = card.saved.into_iter();
    let troubles = card.troubles.into_iter().map(|(of, trouble)| {
        let facts = seen::TroubleFacts {
            at: trouble.at,
            code: trouble.code,
            message: trouble.message,
            lines: trouble.lines,
        };
        (of, facts)
    });
    seen::RepositoryFacts {
        id: card.repository,
        place: card.place.to_string(),
        every_nights: card.every_nights,
        keep: card.keep,
        added_at: card.added_at,
        next: card.next,
        round: card.round.map(round),
        saved: saved.map(|(of, card)| (of, saved_facts(card))).collect(),
        troubles: troubles.collect(),
        tidied: card.tidied.map(|tidied| seen::TidiedFacts {
            at: tidied.at,
            code: tidied.code,
            damaged: tidied.damaged,
        }),
        presence,
    }
}

fn round(card: RoundCard) -> seen::RoundFacts {
    seen::RoundFacts {
        since: card.since,
        left: card.left,
        of: card.of,
        measure: card.measure.map(convert::measure),
        waits: card.waits,
    }
}

fn saved_facts(card: SavedCard) -> seen::SavedFacts {
    seen::SavedFacts {
        snapshot: card.snapshot,
        at: card.at,
        files: card.files,
        bytes: card.bytes,
        added: card.added,
        held_ms: card.held_ms,
    }
}

fn snapshot(card: SnapshotCard) -> seen::SnapshotFacts {
    seen::SnapshotFacts {
        id: card.snapshot,
        at: card.at,
        of: card.of,
        own: card.own,
        bytes: card.bytes,
    }
}

fn entry(listed: Listed) -> seen::EntryFacts {
    seen::EntryFacts {
        folder: listed.kind == ListedKind::Folder,
        file: listed.kind == ListedKind::File,
        name: listed.name,
        bytes: listed.bytes,
        changed: listed.changed,
    }
}
