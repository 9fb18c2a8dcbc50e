//! The desk of backups, over a world in memory.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use lavoir::backups::desk::{BackupDesk, NewRepository};
use lavoir::engine::Engine;
use lavoir::ports::{Bytes, Content, Moment, OnMeasure, Opener, Pending, Repositories as _};
use lavoir_core::backup::{KeepRule, Place, RepositoryId};
use lavoir_core::command::{Action, Actor};
use lavoir_core::id::Timestamp;
use lavoir_tests::memory::Memory;
use lavoir_tests::shapes::full_with_dump;
use zeroize::Zeroizing;

struct House {
    world: Arc<Memory>,
    desk: BackupDesk<Memory>,
}

fn id() -> RepositoryId {
    "disk".parse().unwrap()
}

fn place() -> Place {
    Place::Folder {
        path: "/media/disk".into(),
    }
}

impl House {
    async fn new() -> Self {
        let world = Arc::new(Memory::still());
        let engine = Arc::new(Engine::open(world.clone()).await.unwrap());
        let domain = "verger.example".parse().unwrap();
        engine.prepare("0707".into(), &domain).await.unwrap();
        let desk = BackupDesk::new(engine, Arc::default(), Arc::new(|_| 0));
        Self { world, desk }
    }

    async fn add(&self, key: Option<&str>) -> String {
        let new = NewRepository {
            repository: id(),
            place: place(),
            every_nights: 1,
            keep: KeepRule::default(),
            key: key.map(str::to_owned),
        };
        match self.desk.add(Actor::Installer, new).await {
            Ok(_) => "yes".into(),
            Err(no) => no.message().code,
        }
    }

    async fn restore(&self, tag: &str, release: serde_json::Value) -> String {
        let manifest = serde_json::json!({
            "format": 1, "box_id": "0707", "app": "blog", "installed_at": 1, "release": release,
        });
        let bytes = Zeroizing::new(manifest.to_string().into_bytes());
        let content = Content {
            host: "lavoir-0707".into(),
            tags: vec![tag.into()],
            time: Timestamp(1),
            texts: vec![("/lavoir.json".into(), bytes)],
            folders: Vec::new(),
        };
        let at = Opener {
            place: place(),
            key: Zeroizing::new(String::new()),
        };
        let on_measure: OnMeasure<'_> = &|_| {};
        let moment: Arc<dyn Moment> = Arc::new(Nothing);
        let taken = self.world.save(&at, content, moment, on_measure).await;
        let snapshot = taken.unwrap().snapshot;
        match self.desk.restore(Actor::Installer, &id(), &snapshot).await {
            Ok(_) => "yes".into(),
            Err(no) => no.message().code,
        }
    }
}

struct Nothing;

impl Moment for Nothing {
    fn begin(&self) -> Pending<'_, Vec<(String, Bytes)>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn end(&self) -> Pending<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn no_key_takes_the_place_of_another() {
    let house = House::new().await;
    assert_eq!(house.add(None).await, "yes");
    let key = house.desk.key(Actor::Installer, &id()).await.unwrap();
    assert_eq!(key.len(), 32);
    let remove = Action::RemoveRepository { repository: id() };
    house
        .desk
        .act(Actor::Installer, remove.clone())
        .await
        .unwrap();
    let other = "another key, of another repository";
    assert_eq!(house.add(Some(other)).await, "repository-name-kept");
    // The one that it had is found again, given or not.
    assert_eq!(house.add(Some(&key)).await, "yes");
    house.desk.act(Actor::Installer, remove).await.unwrap();
    assert_eq!(house.add(None).await, "yes");
    let again = house.desk.key(Actor::Installer, &id()).await.unwrap();
    assert_eq!(*again, *key);
}

#[tokio::test]
async fn a_snapshot_is_believed_only_as_far_as_a_recipe() {
    let house = House::new().await;
    assert_eq!(house.add(None).await, "yes");
    let sound = serde_json::to_value(full_with_dump("notebook", 1, "blog.verger.example")).unwrap();
    assert_eq!(
        house.restore("app:other", sound.clone()).await,
        "snapshot-of-another-app"
    );
    let mut hostile = sound.clone();
    hostile["files"]["/etc/cron.d/x"] = hostile["files"]["app.ini"].clone();
    assert_eq!(house.restore("app:blog", hostile).await, "snapshot-unsound");
    let mut unknown = sound.clone();
    unknown["privileged"] = true.into();
    assert_eq!(house.restore("app:blog", unknown).await, "snapshot-unsound");
    assert_eq!(house.restore("app:blog", sound).await, "yes");
}
