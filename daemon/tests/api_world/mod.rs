//! A world in which nothing happens, for the API's tests; the ledger is kept in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use lavoir::ports::*;
use lavoir_core::command::Machine;
use lavoir_core::id::{AppId, PartId, Revision, Timestamp};
use lavoir_core::ledger::Hash;
use lavoir_core::observed::ObservedContainer;
use lavoir_core::recipe::Architecture;
use lavoir_core::release::{BuildContext, HttpHealth, Image, Release};
use zeroize::Zeroizing;

/// All ports at once.
#[derive(Default)]
pub struct Still {
    entries: Mutex<Vec<(Vec<u8>, Hash)>>,
}

impl Containers for Still {
    async fn observe(&self, _: &BTreeSet<String>) -> Answer<Seen> {
        Ok(Seen::default())
    }
    async fn look(&self, _: &AppId, _: &PartId) -> Answer<Option<ObservedContainer>> {
        Ok(None)
    }
    async fn get_image(&self, _: &Image, _: Option<&BuildContext>, _: OnMeasure<'_>) -> Answer<()> {
        Ok(())
    }
    async fn make_network(&self, _: &AppId) -> Answer<()> {
        Ok(())
    }
    async fn make_volume(
        &self,
        _: &AppId,
        _: &str,
        _: Option<&str>,
        _: OnMeasure<'_>,
    ) -> Answer<()> {
        Ok(())
    }
    async fn start(&self, _: &ContainerOrder) -> Answer<()> {
        Ok(())
    }
    async fn start_again(&self, _: &AppId, _: &PartId) -> Answer<()> {
        Ok(())
    }
    async fn stop(&self, _: &AppId, _: &PartId) -> Answer<()> {
        Ok(())
    }
    async fn remove(&self, _: &AppId, _: &PartId) -> Answer<()> {
        Ok(())
    }
    async fn run_inside(
        &self,
        _: &AppId,
        _: &PartId,
        _: &[String],
        _: Option<&str>,
        _: Duration,
    ) -> Answer<Ran> {
        Ok(Ran {
            code: 0,
            lines: Vec::new(),
        })
    }
    async fn last_lines(&self, _: &AppId, _: &PartId, _: usize) -> Answer<Vec<String>> {
        Ok(vec!["\u{1b}[2J".to_owned()])
    }
    async fn remove_network(&self, _: &AppId) -> Answer<()> {
        Ok(())
    }
    async fn remove_volume(&self, _: &AppId, _: &str) -> Answer<()> {
        Ok(())
    }
    async fn remove_images(&self, _: &BTreeSet<String>) -> Answer<()> {
        Ok(())
    }
    async fn is_there(&self) -> bool {
        true
    }
    async fn data_mib(&self) -> Answer<BTreeMap<AppId, u64>> {
        Ok(BTreeMap::new())
    }
}

impl AppFiles for Still {
    async fn observe(&self, _: &AppId) -> Answer<SeenFiles> {
        Ok(SeenFiles::default())
    }
    async fn write(&self, _: &AppId, _: &Release, _: &BTreeSet<&PartId>, _: &str) -> Answer<()> {
        Ok(())
    }
    async fn values(&self, _: &AppId, _: &Release) -> Answer<Values> {
        Ok(Values::default())
    }
    fn file_path(&self, _: &AppId, _: &str) -> PathBuf {
        PathBuf::new()
    }
    fn secret_path(&self, _: &AppId, _: &PartId, _: &PartId) -> PathBuf {
        PathBuf::new()
    }
    async fn note_hook(&self, _: &AppId, _: Revision, _: u32) -> Answer<()> {
        Ok(())
    }
    async fn keep_answers(&self, _: &AppId, _: &BTreeMap<PartId, PrivateAnswer>) -> Answer<()> {
        Ok(())
    }
    async fn private_answers(
        &self,
        _: &AppId,
        _: &Release,
    ) -> Answer<BTreeMap<PartId, Zeroizing<String>>> {
        Ok(BTreeMap::new())
    }
    async fn remove(&self, _: &AppId) -> Answer<()> {
        Ok(())
    }
}

impl LedgerStore for Still {
    async fn read_all(&self) -> Answer<Vec<(Vec<u8>, Hash)>> {
        Ok(self.entries.lock().unwrap().clone())
    }
    async fn read_from(&self, from: u64, count: u64) -> Answer<Vec<(Vec<u8>, Hash)>> {
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let entries = self.entries.lock().unwrap();
        let wanted = entries.iter().skip(number(from)).take(number(count));
        Ok(wanted.cloned().collect())
    }
    async fn append(&self, _: u64, bytes: &[u8], hash: &Hash) -> Answer<()> {
        self.entries.lock().unwrap().push((bytes.to_vec(), *hash));
        Ok(())
    }
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000)
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Entropy for Still {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

impl MachineFacts for Still {
    async fn measure(&self) -> Answer<Machine> {
        Ok(Machine {
            architecture: Some(Architecture::Amd64),
            ram_mib: 8192,
            disk_free_mib: 100_000,
            engine: true,
            ports_in_use: BTreeSet::new(),
            data_mib: BTreeMap::new(),
        })
    }
}

impl Probe for Still {
    async fn ask(&self, _: std::net::IpAddr, _: &HttpHealth, _: &str) -> Answer<u16> {
        Ok(200)
    }
}

impl World for Still {
    type Containers = Self;
    type AppFiles = Self;
    type LedgerStore = Self;
    type Clock = Self;
    type Entropy = Self;
    type MachineFacts = Self;
    type Probe = Self;
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
}

/// A release with nothing in it but an address.
pub fn release(host: &str) -> Box<Release> {
    let empty = serde_json::json!({});
    serde_json::from_value(serde_json::json!({
        "recipe": "blog", "recipe_version": "1-1", "recipe_digest": "0", "name": {"fr": "Le blog", "en": "The blog"},
        "ram_mib": 10, "disk_mib": 10, "architectures": ["amd64"], "host": host,
        "extra_hosts": empty, "answers": empty, "services": empty, "contexts": empty, "volumes": empty,
        "files": empty, "secrets": empty, "databases": empty, "hooks": [], "routes": [], "well_known": [],
        "health": null, "ports": []
    }))
    .unwrap()
}
