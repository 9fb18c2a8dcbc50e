//! What each port does in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lavoir::ports::{
    Answer, AppFiles, Bytes, Clock, ContainerOrder, Containers, Entropy, Keepsakes, LedgerStore,
    MachineFacts, Measure, MemoryTaken, OnMeasure, PrivateAnswer, Probe, Ran, Seen, SeenApp,
    SeenFiles, Unit, Values, World,
};
use lavoir_core::app::{Intent, Phase};
use lavoir_core::command::Machine;
use lavoir_core::id::{AppId, PartId, Revision, Timestamp};
use lavoir_core::ledger::Hash;
use lavoir_core::observed::{ObservedContainer, Run, VolumeState};
use lavoir_core::recipe::Architecture;
use lavoir_core::release::{BuildContext, HttpHealth, Image, Release};
use zeroize::Zeroizing;

use super::private::Private;
use super::{Inner, Memory, Volume, broken, missing, repositories};
use crate::chance::Chance;

impl Containers for Memory {
    async fn observe(&self, images: &BTreeSet<String>) -> Answer<Seen> {
        let deed = |inner: &mut Inner| {
            let apps = inner.apps.iter().map(|(id, app)| {
                let containers = app
                    .containers
                    .iter()
                    .map(|(service, container)| (service.clone(), inner.seen(container)));
                let volumes = app.volumes.iter().map(|(name, volume)| {
                    let state = match volume.complete {
                        true => VolumeState::Complete,
                        false => VolumeState::HalfCopied,
                    };
                    (name.clone(), state)
                });
                let seen = SeenApp {
                    network: app.network,
                    containers: containers.collect(),
                    volumes: volumes.collect(),
                };
                (id.clone(), seen)
            });
            Ok(Seen {
                apps: apps.collect(),
                images: inner.images.intersection(images).cloned().collect(),
                made: inner.made().cloned().collect(),
            })
        };
        self.effect("observe".into(), deed).await
    }

    async fn look(&self, app: &AppId, service: &PartId) -> Answer<Option<ObservedContainer>> {
        let deed = |inner: &mut Inner| {
            let container = inner
                .apps
                .get(app)
                .and_then(|app| app.containers.get(service));
            Ok(container.map(|container| inner.seen(container)))
        };
        self.effect(format!("look {app} {service}"), deed).await
    }

    async fn get_image(
        &self,
        image: &Image,
        _context: Option<&BuildContext>,
        on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        on_measure(Measure {
            done: 1,
            total: Some(2),
            unit: Unit::Bytes,
        });
        let deed = |inner: &mut Inner| {
            inner.images.insert(image.reference().to_owned());
            Ok(())
        };
        self.effect(format!("get-image {}", image.reference()), deed)
            .await
    }

    async fn make_network(&self, app: &AppId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "make-network");
            inner.app(app).network = true;
            Ok(())
        };
        self.effect(format!("make-network {app}"), deed).await
    }

    async fn make_volume(
        &self,
        app: &AppId,
        name: &str,
        copy_of: Option<&str>,
        _on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        let begin = |inner: &mut Inner| {
            inner.check(app, "make-volume");
            if let Some(source) = copy_of {
                if inner.mounted_by_running(source) {
                    inner.violated(format!("{source} copied while it is written to"));
                }
                if !inner.app(app).volumes.contains_key(source) {
                    return Err(missing("source"));
                }
            }
            let complete = copy_of.is_none();
            let there = inner
                .app(app)
                .volumes
                .get(name)
                .is_some_and(|volume| volume.complete);
            if !there {
                let volume = Volume {
                    complete,
                    contents: Vec::new(),
                };
                inner.app(app).volumes.insert(name.to_owned(), volume);
            }
            Ok(there)
        };
        let there = self.effect(format!("make-volume {name}"), begin).await?;
        let Some(source) = copy_of.filter(|_| !there) else {
            return Ok(());
        };
        let end = |inner: &mut Inner| {
            let volumes = &mut inner.app(app).volumes;
            let contents = volumes.get(source).map(|volume| volume.contents.clone());
            if let (Some(volume), Some(contents)) = (volumes.get_mut(name), contents) {
                volume.contents = contents;
                volume.complete = true;
            }
            Ok(())
        };
        self.effect(format!("copy-volume {name}"), end).await
    }

    async fn start(&self, order: &ContainerOrder) -> Answer<()> {
        let what = format!("start {} {}", order.app, order.service);
        self.effect(what, |inner| inner.start(order)).await
    }

    async fn start_again(&self, app: &AppId, service: &PartId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "start-again");
            let now = inner.now;
            let Some(container) = inner.app(app).containers.get_mut(service) else {
                return Err(missing("container"));
            };
            if container.run(now).is_running() {
                return Ok(());
            }
            container.started = Some(now);
            container.exited = None;
            let volumes = container.volumes.clone();
            inner.write_to(app, &volumes);
            Ok(())
        };
        self.effect(format!("start-again {app} {service}"), deed)
            .await
    }

    async fn stop(&self, app: &AppId, service: &PartId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "stop");
            inner.stop(app, service);
            Ok(())
        };
        self.effect(format!("stop {app} {service}"), deed).await
    }

    async fn remove(&self, app: &AppId, service: &PartId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "remove");
            inner.app(app).containers.remove(service);
            Ok(())
        };
        self.effect(format!("remove {app} {service}"), deed).await
    }

    async fn run_inside(
        &self,
        app: &AppId,
        service: &PartId,
        command: &[String],
        _user: Option<&str>,
        _timeout: Duration,
    ) -> Answer<Ran> {
        let deed = |inner: &mut Inner| {
            let decided = inner.check(app, "run-inside");
            if decided.is_some_and(|app| app.phase == Phase::Settled) {
                inner.violated(format!("{app}: {command:?} run though it is settled"));
            }
            let now = inner.now;
            let Some(container) = inner.app(app).containers.get(service) else {
                return Err(missing("container"));
            };
            match container.run(now) {
                Run::Healthy => Ok(Ran {
                    code: i64::from(container.bad == "hook"),
                    lines: Vec::new(),
                }),
                Run::Starting | Run::Unhealthy | Run::Created | Run::Exited(_) => {
                    Err(broken(true, "container"))
                }
            }
        };
        self.effect(format!("run-inside {app} {service}"), deed)
            .await
    }

    async fn dump(
        &self,
        app: &AppId,
        service: &PartId,
        _command: &[String],
        _timeout: Duration,
    ) -> Answer<Bytes> {
        self.dump_of(app, service).await
    }

    async fn load(
        &self,
        app: &AppId,
        service: &PartId,
        _command: &[String],
        from: Bytes,
        _timeout: Duration,
    ) -> Answer<Ran> {
        self.load_into(app, service, from).await?;
        Ok(Ran {
            code: 0,
            lines: Vec::new(),
        })
    }

    async fn hold(&self, app: &AppId, _services: &BTreeSet<PartId>) -> Answer<()> {
        self.effect(format!("hold {app}"), |_| Ok(())).await
    }

    async fn let_go(&self, app: &AppId, _services: &BTreeSet<PartId>) -> Answer<()> {
        self.effect(format!("let-go {app}"), |_| Ok(())).await
    }

    async fn volume_folder(&self, app: &AppId, name: &str) -> Answer<Option<PathBuf>> {
        let deed = |inner: &mut Inner| {
            let there = inner.app(app).volumes.contains_key(name);
            Ok(there.then(|| repositories::folder(name)))
        };
        self.effect(format!("volume-folder {name}"), deed).await
    }

    async fn begin_volume(&self, app: &AppId, name: &str, _snapshot: &str) -> Answer<PathBuf> {
        self.begin_restored(app, name).await
    }

    async fn finish_volume(&self, app: &AppId, name: &str) -> Answer<()> {
        self.finish_restored(app, name).await
    }

    async fn last_lines(&self, app: &AppId, service: &PartId, _: usize) -> Answer<Vec<String>> {
        let deed = |_: &mut Inner| Ok(vec!["its last line".to_owned()]);
        self.effect(format!("last-lines {app} {service}"), deed)
            .await
    }

    async fn remove_network(&self, app: &AppId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "remove-network");
            if !inner.app(app).containers.is_empty() {
                return Err(missing("peace on the network"));
            }
            inner.app(app).network = false;
            Ok(())
        };
        self.effect(format!("remove-network {app}"), deed).await
    }

    async fn remove_volume(&self, app: &AppId, name: &str) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check_removal(app, name);
            let used = inner
                .app(app)
                .containers
                .values()
                .any(|container| container.volumes.iter().any(|volume| volume == name));
            if used {
                inner.violated(format!("{name} removed while a container holds it"));
            }
            inner.app(app).volumes.remove(name);
            Ok(())
        };
        self.effect(format!("remove-volume {name}"), deed).await
    }

    async fn remove_images(&self, names: &BTreeSet<String>) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check_sweep(names);
            inner.images.retain(|name| !names.contains(name));
            Ok(())
        };
        self.effect("remove-images".into(), deed).await
    }

    async fn is_there(&self) -> bool {
        self.effect("is-there".into(), |_| Ok(())).await.is_ok()
    }

    async fn data_root(&self) -> Option<PathBuf> {
        None
    }

    async fn memory(&self) -> Answer<MemoryTaken> {
        Ok(MemoryTaken::default())
    }

    async fn data_mib(&self) -> Answer<BTreeMap<AppId, u64>> {
        let deed = |inner: &mut Inner| Ok(inner.apps.keys().map(|id| (id.clone(), 10)).collect());
        self.effect("data-mib".into(), deed).await
    }
}

impl AppFiles for Memory {
    async fn observe(&self, app: &AppId) -> Answer<SeenFiles> {
        let deed = |inner: &mut Inner| Ok(inner.folders.get(app).cloned().unwrap_or_default());
        self.effect(format!("observe-files {app}"), deed).await
    }

    async fn write(
        &self,
        app: &AppId,
        _release: &Release,
        _known: &BTreeSet<&PartId>,
        digest: &str,
    ) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "write-files");
            inner.folders.entry(app.clone()).or_default().digest = Some(digest.to_owned());
            Ok(())
        };
        self.effect(format!("write-files {app}"), deed).await
    }

    async fn values(&self, app: &AppId, _release: &Release) -> Answer<Values> {
        self.effect(format!("values {app}"), |_| Ok(Values::default()))
            .await
    }

    fn file_path(&self, app: &AppId, name: &str) -> PathBuf {
        PathBuf::from(format!("apps/{app}/files/{name}"))
    }

    fn secret_path(&self, app: &AppId, service: &PartId, secret: &PartId) -> PathBuf {
        PathBuf::from(format!("apps/{app}/secrets/{service}/{secret}"))
    }

    async fn note_hook(&self, app: &AppId, revision: Revision, index: u32) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "note-hook");
            let folder = inner.folders.entry(app.clone()).or_default();
            folder.hooks_done.insert((revision, index));
            Ok(())
        };
        self.effect(format!("note-hook {app}"), deed).await
    }

    async fn note_loaded(&self, app: &AppId, revision: Revision, database: &PartId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            inner.check(app, "note-loaded");
            let folder = inner.folders.entry(app.clone()).or_default();
            folder.loaded.insert((revision, database.clone()));
            Ok(())
        };
        self.effect(format!("note-loaded {app}"), deed).await
    }

    async fn keepsakes(&self, app: &AppId, _release: &Release) -> Answer<Keepsakes> {
        self.effect(format!("keepsakes {app}"), |_| Ok(Keepsakes::new()))
            .await
    }

    async fn take_keepsakes(&self, app: &AppId, _keepsakes: &Keepsakes) -> Answer<()> {
        self.effect(format!("take-keepsakes {app}"), |_| Ok(()))
            .await
    }

    async fn keep_answers(&self, app: &AppId, _: &BTreeMap<PartId, PrivateAnswer>) -> Answer<()> {
        self.effect(format!("keep-answers {app}"), |_| Ok(())).await
    }

    async fn private_answers(
        &self,
        _app: &AppId,
        _release: &Release,
    ) -> Answer<BTreeMap<PartId, Zeroizing<String>>> {
        Ok(BTreeMap::new())
    }

    async fn remove(&self, app: &AppId) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            let decided = inner.check(app, "remove-files");
            if decided.is_some_and(|app| app.intent != Intent::Deleted) {
                inner.violated(format!("{app}: files removed without a decided delete"));
            }
            inner.folders.remove(app);
            Ok(())
        };
        self.effect(format!("remove-files {app}"), deed).await
    }
}

impl LedgerStore for Memory {
    async fn read_from(&self, from: u64, count: u64) -> Answer<Vec<(Vec<u8>, Hash)>> {
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let all = self.ledger().into_iter().skip(number(from));
        Ok(all.take(number(count)).collect())
    }

    async fn append(&self, index: u64, bytes: &[u8], hash: &Hash) -> Answer<()> {
        let deed = |inner: &mut Inner| {
            if u64::try_from(inner.ledger.len()) != Ok(index) {
                inner.violated(format!(
                    "entry {index} written where {} comes next",
                    inner.ledger.len()
                ));
                return Err(broken(false, "ledger"));
            }
            inner.ledger.push((bytes.to_vec(), *hash));
            Ok(())
        };
        let answer = self.effect("append".into(), deed).await;
        if answer.is_err() {
            self.lock().ledger_failed = true;
        }
        answer
    }
}

impl Clock for Memory {
    fn now(&self) -> Timestamp {
        Timestamp(self.lock().now)
    }

    async fn sleep(&self, duration: Duration) {
        let still = self.lock().still;
        if still {
            return tokio::time::sleep(duration).await;
        }
        self.wait(
            u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            None,
        )
        .await;
    }
}

impl Entropy for Memory {
    fn fill(&self, bytes: &mut [u8]) {
        let mut chance = {
            let mut inner = self.lock();
            inner.filled += 1;
            Chance::keyed(inner.seed, "fill", inner.filled)
        };
        bytes.fill_with(|| u8::try_from(chance.below(256)).unwrap_or(0));
    }
}

impl MachineFacts for Memory {
    async fn measure(&self, _data: Option<&Path>) -> Answer<Machine> {
        Ok(Machine {
            architecture: Some(Architecture::Amd64),
            ram_mib: 1_500,
            disk_free_mib: 20_000,
            engine: true,
            ports_in_use: BTreeSet::new(),
            data_mib: BTreeMap::new(),
        })
    }
}

impl Probe for Memory {
    async fn ask(&self, address: IpAddr, _health: &HttpHealth, _host: &str) -> Answer<u16> {
        let deed = |inner: &mut Inner| {
            let now = inner.now;
            let found = inner
                .apps
                .values()
                .flat_map(|app| app.containers.values())
                .find(|c| c.address == address && c.run(now).is_running());
            match found {
                Some(container) if container.bad == "probe" => Ok(500),
                Some(_) => Ok(200),
                None => Err(broken(true, "probe")),
            }
        };
        self.effect(format!("ask {address}"), deed).await
    }
}

impl World for Memory {
    type Containers = Self;
    type AppFiles = Self;
    type LedgerStore = Self;
    type Clock = Self;
    type Entropy = Self;
    type MachineFacts = Self;
    type Probe = Self;
    type PrivateStore = Private;
    type Gauges = Self;
    type Repositories = Self;
    type OwnState = Self;

    fn containers(&self) -> &Self {
        self
    }
    fn app_files(&self) -> &Self {
        self
    }
    fn ledger_store(&self) -> &Self {
        self
    }
    fn clock(&self) -> &Self {
        self
    }
    fn entropy(&self) -> &Self {
        self
    }
    fn machine_facts(&self) -> &Self {
        self
    }
    fn probe(&self) -> &Self {
        self
    }
    fn private_store(&self) -> &Private {
        &self.private
    }
    fn gauges(&self) -> &Self {
        self
    }
    fn repositories(&self) -> &Self {
        self
    }
    fn own_state(&self) -> &Self {
        self
    }
}
