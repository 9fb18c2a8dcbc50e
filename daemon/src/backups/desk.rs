//! The desk of backups: what people ask of repositories and snapshots, over API, panel and command line alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use lavoir_core::backup::{KeepRule, Place, RepositoryId, SnapshotId, Subject};
use lavoir_core::command::{Action, Actor, Command, Request};
use lavoir_core::decide::decide;
use lavoir_core::id::{AppId, Timestamp};
use lavoir_core::limits;
use lavoir_core::refusal::{BackupRefusal, Refusal};
use lavoir_core::state::State;
use lavoir_core::text::Text;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::cards::{RepositoryCard, SnapshotCard, card, snapshot_card};
use super::under_way::{Now, UnderWay};
use super::{OffsetAt, jitter};
use crate::engine::{Beside, Engine, No, nowhere};
use crate::ports::{
    Bytes, Clock as _, Entropy as _, Fault, Listed, Opener, PrivateStore as _, Repositories as _,
    Room, World,
};
use crate::reconcile::manifest::{MANIFEST, Manifest};
use crate::reconcile::save::{host, opener};

/// Signs of a new key; with these 32 it has 160 bits.
const KEY_SIGNS: usize = 32;
/// Easily told apart when they are read aloud or copied from paper.
const SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// See the module.
pub struct BackupDesk<W: World> {
    engine: Arc<Engine<W>>,
    under_way: Arc<UnderWay>,
    offset_at: OffsetAt,
}

/// A repository that is to be added.
#[derive(Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRepository {
    /// Its short name.
    pub repository: RepositoryId,
    /// Where.
    pub place: Place,
    /// A round every so many nights.
    #[serde(default = "nightly")]
    pub every_nights: u32,
    /// What is kept.
    #[serde(default)]
    pub keep: KeepRule,
    /// The key, where there is a repository already; a new one is made otherwise.
    #[serde(default)]
    pub key: Option<String>,
}

fn nightly() -> u32 {
    1
}

impl<W: World> BackupDesk<W> {
    /// Over an engine.
    pub fn new(engine: Arc<Engine<W>>, under_way: Arc<UnderWay>, offset_at: OffsetAt) -> Self {
        Self {
            engine,
            under_way,
            offset_at,
        }
    }

    fn now(&self) -> Timestamp {
        self.engine.world().clock().now()
    }

    /// All repositories.
    pub fn cards(&self) -> Vec<RepositoryCard> {
        let state = self.engine.state();
        let all = state.backups().repositories().keys();
        all.filter_map(|id| self.card_in(&state, id)).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn card(&self, id: &RepositoryId) -> Result<RepositoryCard, No> {
        let state = self.engine.state();
        self.card_in(&state, id).ok_or_else(|| unknown(id))
    }

    fn card_in(&self, state: &State, id: &RepositoryId) -> Option<RepositoryCard> {
        let repository = state.backups().repositories().get(id)?;
        let now = self.under_way.of(id).unwrap_or_default();
        let offset = (self.offset_at)(self.now());
        let next = repository.next_round(offset, jitter(state, id));
        Some(card(id, repository, now, next))
    }

    /// Adds a repository: makes it, or opens one that is there.
    ///
    /// # Errors
    /// A refusal, or what is wrong with the place or the key.
    pub async fn add(&self, actor: Actor, new: NewRepository) -> Result<RepositoryCard, No> {
        let world = self.engine.world();
        let action = Action::AddRepository {
            repository: new.repository.clone(),
            place: new.place.clone(),
            every_nights: new.every_nights,
            keep: new.keep,
        };
        // Asked beforehand: what is refused leaves nothing on the disk.
        let request = Request {
            actor: actor.clone(),
            command: Command::Act(action.clone()),
            now: self.now(),
            machine: nowhere(),
        };
        decide(&self.engine.state(), &request)?;
        let kept = world.private_store().repository_key(&new.repository);
        let key = match (new.key, kept.await?) {
            // What lies in the earlier place of that name is read with its key alone.
            (Some(given), Some(kept)) if *kept != given => return Err(name_kept().into()),
            (Some(given), _) => Zeroizing::new(given),
            // Of a repository of that name that was removed: what lies there is still read with it.
            (None, Some(kept)) => kept,
            (None, None) => self.new_key(),
        };
        let at = Opener {
            place: new.place,
            key,
        };
        world.repositories().make(&at).await?;
        let beside = Beside::RepositoryKey(new.repository.clone(), at.key);
        self.engine.act_keeping(actor, action, beside).await?;
        self.card(&new.repository)
    }

    fn new_key(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0u8; KEY_SIGNS]);
        self.engine.world().entropy().fill(&mut *bytes);
        // 32 signs: each byte draws one without bias.
        let signs = bytes.iter().map(|byte| SIGNS[usize::from(byte % 32)]);
        Zeroizing::new(signs.map(char::from).collect())
    }

    /// Has an act about a repository decided.
    ///
    /// # Errors
    /// A refusal.
    pub async fn act(&self, actor: Actor, action: Action) -> Result<Arc<State>, No> {
        self.engine.submit(actor, Command::Act(action)).await
    }

    /// Has it decided that the key may be read, then reads it.
    ///
    /// # Errors
    /// A refusal, or that the key is lost.
    pub async fn key(&self, actor: Actor, id: &RepositoryId) -> Result<Zeroizing<String>, No> {
        let action = Action::ReadRepositoryKey {
            repository: id.clone(),
        };
        let state = self.act(actor, action).await?;
        Ok(opener(&**self.engine.world(), &state, id).await?.key)
    }

    async fn opener(&self, id: &RepositoryId) -> Result<Opener, No> {
        let state = self.engine.state();
        if !state.backups().repositories().contains_key(id) {
            return Err(unknown(id));
        }
        Ok(opener(&**self.engine.world(), &state, id).await?)
    }

    /// Whether its place is there and it opens, and its room.
    ///
    /// # Errors
    /// When it is not, or does not.
    pub async fn look(&self, id: &RepositoryId) -> Result<Room, No> {
        let at = self.opener(id).await?;
        Ok(self.engine.world().repositories().look(&at).await?)
    }

    /// Told of each change of what is under way.
    pub fn watch(&self) -> watch::Receiver<BTreeMap<RepositoryId, Now>> {
        self.under_way.watch()
    }

    /// All snapshots, the latest first.
    ///
    /// # Errors
    /// When the repository does not open.
    pub async fn snapshots(&self, id: &RepositoryId) -> Result<Vec<SnapshotCard>, No> {
        let at = self.opener(id).await?;
        let own = host(&self.engine.state());
        let snapshots = self.engine.world().repositories().snapshots(&at).await?;
        let cards = snapshots.into_iter().rev();
        Ok(cards
            .map(|snapshot| snapshot_card(snapshot, &own))
            .collect())
    }

    /// Entries of a folder in a snapshot.
    ///
    /// # Errors
    /// When it cannot be read, or is not there.
    pub async fn list(
        &self,
        id: &RepositoryId,
        snapshot: &SnapshotId,
        folder: &str,
        from: usize,
    ) -> Result<Vec<Listed>, No> {
        let at = self.opener(id).await?;
        let repositories = self.engine.world().repositories();
        let most = limits::SNAPSHOT_LIST_MAX;
        Ok(repositories.list(&at, snapshot, folder, from, most).await?)
    }

    /// A file of a snapshot. Keepsakes are secrets: they are read by restoring, or with restic and the key.
    ///
    /// # Errors
    /// When it cannot be read, or is not there.
    pub async fn file(
        &self,
        id: &RepositoryId,
        snapshot: &SnapshotId,
        file: &str,
    ) -> Result<Bytes, No> {
        if !(file.starts_with("/data/") || file.starts_with("/dumps/") || file == MANIFEST) {
            return Err(Refusal::NotYours.into());
        }
        let at = self.opener(id).await?;
        let repositories = self.engine.world().repositories();
        Ok(repositories.read(&at, snapshot, file).await?)
    }

    /// Has an app made again what it was in a snapshot.
    ///
    /// # Errors
    /// A refusal, or a snapshot that is not one of an app.
    pub async fn restore(
        &self,
        actor: Actor,
        id: &RepositoryId,
        snapshot: &SnapshotId,
    ) -> Result<(AppId, Arc<State>), No> {
        let at = self.opener(id).await?;
        let repositories = self.engine.world().repositories();
        let manifest = repositories.read(&at, snapshot, MANIFEST).await?;
        let manifest = Manifest::read(manifest).await?;
        // What people chose is what its tag says.
        let tag = Subject::App(manifest.app.clone()).to_string();
        let all = repositories.snapshots(&at).await?;
        let mut chosen = all.iter().filter(|known| known.id == *snapshot);
        if !chosen.any(|known| known.tags.contains(&tag)) {
            return Err(another_app().into());
        }
        let action = Action::Restore {
            app: manifest.app.clone(),
            release: Box::new(manifest.release),
            installed_at: manifest.installed_at,
            repository: id.clone(),
            snapshot: snapshot.clone(),
        };
        let state = self.act(actor, action).await?;
        Ok((manifest.app, state))
    }
}

fn name_kept() -> Fault {
    Fault::lasting(
        "repository-name-kept",
        Text::new(
            "Un autre dépôt a porté ce nom, avec une autre clé, que la machine garde.",
            "Another repository had this name, with another key, which the box keeps.",
        ),
        Text::new("Choisissez un autre nom.", "Choose another name."),
    )
}

fn another_app() -> Fault {
    Fault::lasting(
        "snapshot-of-another-app",
        Text::new(
            "Cette sauvegarde ne contient pas le service que son étiquette annonce.",
            "This snapshot does not hold the app that its tag says.",
        ),
        Text::new("Choisissez-en une autre.", "Choose another one."),
    )
}

fn unknown(id: &RepositoryId) -> No {
    let repository = id.clone();
    Refusal::from(BackupRefusal::NoSuchRepository { repository }).into()
}
