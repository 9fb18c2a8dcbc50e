//! The real world: every adapter behind its port, and what runs over them. Part of the executable, not of the
//! library: nothing else may name an adapter.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use lavoir::accounts::Accounts;
use lavoir::acts::Preparer;
use lavoir::adapter::acme::Acme;
use lavoir::adapter::app_folder::{AppFolders, forget_hooks_from};
use lavoir::adapter::box_ca::BoxCa;
use lavoir::adapter::certificate_folder::CertificateFolder;
use lavoir::adapter::dns::{Look, Zone};
use lavoir::adapter::docker::{Docker, DockerOptions, ImageSources};
use lavoir::adapter::durable;
use lavoir::adapter::gateway_socket::GatewaySocket;
use lavoir::adapter::gauges::TheseGauges;
use lavoir::adapter::machine::ThisMachine;
use lavoir::adapter::probe::HttpProbe;
use lavoir::adapter::repositories::ResticRepositories;
use lavoir::adapter::sqlite::repair::{self, Damaged};
use lavoir::adapter::sqlite::{Sqlite, WholeState};
use lavoir::adapter::system::{SystemClock, SystemEntropy};
use lavoir::api::{self, Api};
use lavoir::backups::desk::BackupDesk;
use lavoir::backups::under_way::UnderWay;
use lavoir::backups::{Backups, OffsetAt};
use lavoir::catalogue::{Catalogue, Shelf};
use lavoir::cli;
use lavoir::config::Config;
use lavoir::desk::Desk;
use lavoir::door::Doorway;
use lavoir::doorway::{self, PanelDoor};
use lavoir::engine::{Engine, read_ledger_telling};
use lavoir::measures::{self, Measures};
use lavoir::orders::{Chosen, Gate, Orders, Ports};
use lavoir::panel::Panel;
use lavoir::panel::ledger::Briefs;
use lavoir::ports::{Answer, Clock as _, Entropy as _, Fault, LedgerStore as _, ProofZone, World};
use lavoir::progress::Progress;
use lavoir::recipe::BoxFacts;
use lavoir::reconcile::Reconciler;
use lavoir::repair::{Findings, Looked, nothing_sound};
use lavoir::visits::Visits;
use lavoir_core::clock;
use lavoir_core::id::Timestamp;
use lavoir_core::ledger::{Hash, hex};
use lavoir_core::limits;
use lavoir_core::text::Text;
use lavoir_web_admin::admin::Trust;
use sha2::Digest as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};

/// Networks from which requests of the gateway can come: the engine's bridges are all within the private ranges
/// (RFC 1918, RFC 4193), and nothing but the gateway reaches an app there.
const GATEWAY_NETWORKS: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// For the ledger's file to close. Nothing is lost without it.
const CLOSING: Duration = Duration::from_secs(3);

/// All adapters.
struct Real {
    containers: Docker,
    app_files: AppFolders<SystemEntropy>,
    ledger_store: Sqlite,
    clock: SystemClock,
    entropy: SystemEntropy,
    machine_facts: ThisMachine,
    probe: HttpProbe,
    gauges: TheseGauges,
    repositories: ResticRepositories,
    own_state: WholeState,
}

impl World for Real {
    type Containers = Docker;
    type AppFiles = AppFolders<SystemEntropy>;
    type LedgerStore = Sqlite;
    type Clock = SystemClock;
    type Entropy = SystemEntropy;
    type MachineFacts = ThisMachine;
    type Probe = HttpProbe;
    type PrivateStore = Sqlite;
    type Gauges = TheseGauges;
    type Repositories = ResticRepositories;
    type OwnState = WholeState;

    fn containers(&self) -> &Docker {
        &self.containers
    }
    fn app_files(&self) -> &AppFolders<SystemEntropy> {
        &self.app_files
    }
    fn ledger_store(&self) -> &Sqlite {
        &self.ledger_store
    }
    fn clock(&self) -> &SystemClock {
        &self.clock
    }
    fn entropy(&self) -> &SystemEntropy {
        &self.entropy
    }
    fn machine_facts(&self) -> &ThisMachine {
        &self.machine_facts
    }
    fn probe(&self) -> &HttpProbe {
        &self.probe
    }
    fn private_store(&self) -> &Sqlite {
        &self.ledger_store
    }
    fn gauges(&self) -> &TheseGauges {
        &self.gauges
    }
    fn repositories(&self) -> &ResticRepositories {
        &self.repositories
    }
    fn own_state(&self) -> &WholeState {
        &self.own_state
    }
}

/// Runs the daemon until it is told to end.
///
/// # Errors
/// What keeps it from starting.
pub async fn daemon(config: Config) -> anyhow::Result<()> {
    durable::make_folder(&config.state)?;
    fs::create_dir_all(&config.run)?;
    let _alone = alone(&config.state)?;

    repair::finish(&config.database(), &|_| Ok(()))?;
    if !has_a_ledger(&config) {
        return Err(nothing_sound(&config.database().display()).into());
    }
    let store = Sqlite::open(&config.database()).await?;
    let briefs = Briefs::default();
    let folded = read_ledger_telling(&store, |entry| briefs.push(entry)).await?;
    let (box_id, domain) = match folded.state().identity() {
        Some(identity) => (identity.box_id.clone(), identity.domain.clone()),
        None => (random_hex::<8>(), config.domain()?),
    };
    if domain.as_str() != config.domain {
        tracing::warn!(kept = %domain, configured = config.domain, "the domain was taken at the first start and stays");
    }
    let box_facts = BoxFacts {
        domain: domain.to_string(),
        language: config.language,
        timezone: config.timezone.clone(),
        proxies: GATEWAY_NETWORKS.map(str::to_owned).to_vec(),
    };
    let world = Arc::new(Real {
        containers: Docker::connect(docker_options(&config, &box_id)).await?,
        app_files: AppFolders::open(
            config.state.join("apps"),
            Arc::new(SystemEntropy),
            box_facts.clone(),
        )?,
        own_state: store.whole_state(&config.state),
        ledger_store: store,
        clock: SystemClock,
        entropy: SystemEntropy,
        machine_facts: ThisMachine,
        probe: HttpProbe,
        gauges: TheseGauges,
        repositories: ResticRepositories::new(config.state.join("repositories")),
    });
    if let Some(doubt) = clock::doubt(SystemClock.now(), folded.state().last_time()) {
        tracing::warn!(doubt.code, "{} {}", doubt.sentence.fr, doubt.sentence.en);
    }
    let engine = Arc::new(Engine::new(world.clone(), folded));
    let store = world.clone();
    engine
        .prepare(box_id, &domain)
        .await
        .map_err(|no| anyhow::anyhow!(no.message().sentence.en))?;

    let ca = Arc::new(BoxCa::open(
        &config.state.join("tls"),
        domain.clone(),
        SystemClock.now(),
    )?);
    let progress = Arc::new(Progress::default());
    let (open, open_hosts) = watch::channel(BTreeSet::new());
    let reconciler =
        Reconciler::new(engine.clone(), progress.clone()).with_gateway(open_hosts.clone());
    let under_way = Arc::new(UnderWay::default());
    let offset_at = offset_at(&config.timezone);
    let backups = Backups::new(
        engine.clone(),
        reconciler.claims(),
        under_way.clone(),
        offset_at.clone(),
    );
    let backup_desk = Arc::new(BackupDesk::new(engine.clone(), under_way, offset_at));
    let (doors, observed) = (reconciler.watch_doors(), reconciler.watch_observed());

    let panel_door = PanelDoor {
        host: domain.clone(),
        socket: config.panel_socket(),
    };
    let (panel, gateway_user) =
        GatewaySocket::bind(&panel_door.socket, &config.gateway.user)?.into_parts();
    let catalogue = Catalogue::new(config.recipes.clone());
    let shelf = Arc::new(Shelf::new(catalogue.clone()));
    let accounts = Arc::new(Accounts::new(engine.clone()));
    take_up_setup_code(&accounts, &config.state).await?;
    let measures = Arc::new(Measures::default());
    tokio::spawn(measures::keep(world.clone(), measures.clone()));
    tokio::spawn(shelf.clone().keep());
    let desk = Arc::new(Desk {
        engine: engine.clone(),
        preparer: Preparer {
            world,
            catalogue,
            box_facts,
        },
        ca_pem: ca.root_pem().to_owned(),
    });
    let (cards, certificates) = watch::channel(Vec::new());
    let visits = Arc::new(Visits::default());
    let api = Arc::new(Api {
        certificates,
        open_hosts: open_hosts.clone(),
        visits: visits.clone(),
        engine: engine.clone(),
        progress: progress.clone(),
        observed: observed.clone(),
        desk: desk.clone(),
        accounts: accounts.clone(),
        measures: measures.clone(),
        backups: backup_desk.clone(),
        followed: Arc::new(Semaphore::new(limits::PROGRESS_STREAMS_MAX)),
    });
    let router = api::router(api.clone());
    let pages = lavoir_web_admin::panel(Arc::new(Panel {
        engine,
        desk,
        accounts,
        progress,
        backups: backup_desk,
        observed,
        open_hosts,
        measures,
        shelf,
        briefs,
        measured: std::sync::Mutex::default(),
        language: config.language,
        timezone: config.timezone.clone(),
        trust: trust(&config, ca.root_pem()),
    }));
    // The API's paths first; all others are the panel's.
    let pages = api::https_router(api).fallback_service(pages);

    let (pictures, seen) = watch::channel(Arc::new(Doorway::default()));
    let gateway = GatewaySocket::bind(&config.gateway_socket(), &config.gateway.user)?;
    let (stop, stopped) = watch::channel(false);
    let reconciling = tokio::spawn(reconciler.run(stopped.clone()));
    let saving = tokio::spawn(backups.run(stopped.clone()));
    let ports = order_ports(&config)?;
    let chosen = Chosen {
        own: ca,
        store: ports.store.clone(),
        public: config.tls.authority.is_some(),
    };
    let (challenges, to_answer) = watch::channel(Vec::new());
    let (told, answered) = watch::channel(Vec::new());
    let gate = Gate {
        challenges,
        answered,
        patience: Duration::from_millis(limits::GATEWAY_ANSWERS_MS_MAX),
    };
    let panel_host = domain.clone();
    let time_and_chance = (SystemClock, SystemEntropy);
    let settings = config.tls.clone();
    let orders = Orders::new(ports, settings, panel_host, time_and_chance, gate, cards);
    tokio::spawn(orders.run(doors.clone()));
    tokio::spawn(doorway::keep(
        Arc::new(chosen),
        SystemClock,
        panel_door,
        doors,
        to_answer,
        pictures,
    ));
    let (applied, versions) = watch::channel(0);
    tokio::spawn(doorway::tell_open(seen.clone(), versions.clone(), open));
    tokio::spawn(doorway::tell_answered(seen.clone(), versions, told));
    tokio::spawn(gateway.serve(seen, applied, visits));
    let until = {
        let mut stopped = stopped.clone();
        async move { drop(stopped.wait_for(|stop| *stop).await) }
    };
    tokio::spawn(api::serve_on(
        panel,
        gateway_user,
        limits::PANEL_CONNECTIONS_MAX,
        pages,
        until,
    ));

    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let told = async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    };
    tracing::info!(%domain, "the daemon listens");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    api::serve(&config.api_socket(), router, told).await?;
    // Steps may be let go of at any moment; the next start begins where the world stands.
    stop.send_replace(true);
    let _ = (reconciling.await, saving.await);
    // A disk that does not answer must not keep it here.
    let closing = store.ledger_store.close();
    if tokio::time::timeout(CLOSING, closing).await.is_err() {
        tracing::warn!("the ledger's file does not close: the disk does not answer");
    }
    Ok(())
}

/// What certificates need, beside the box's state: whoever moves it moves accounts and certificates too.
fn order_ports(config: &Config) -> anyhow::Result<Ports> {
    let folder = config.state.join("tls").join("acme");
    let zone = config.tls.dns.as_ref().map(Zone::open).transpose()?;
    Ok(Ports {
        authorities: Arc::new(Acme::open(&folder, &config.tls)?),
        store: Arc::new(CertificateFolder::open(&folder)?),
        own_names: Arc::new(Look(config.tls.check.clone())),
        zone: zone.map(|zone| Arc::new(zone) as Arc<dyn ProofZone>),
    })
}

/// All entries of a box's database file, read as it is, until nobody wants more.
///
/// # Errors
/// When it is no database of ours.
pub async fn read_database(file: PathBuf, tell: cli::Tell<'_>) -> Answer<()> {
    let store = Sqlite::open_to_read(&file).await?;
    let mut from = 0;
    loop {
        let some = store
            .read_from(from, limits::LEDGER_READ_AT_ONCE_MAX)
            .await?;
        from += some.len() as u64;
        if some.is_empty() || !some.iter().all(|(bytes, hash)| tell(bytes, hash)) {
            return Ok(());
        }
    }
}

/// A state folder in which apps were installed has a ledger: without it, the box would begin anew beside their data.
fn has_a_ledger(config: &Config) -> bool {
    let size = fs::metadata(config.database()).map_or(0, |found| found.len());
    let mut apps = fs::read_dir(config.state.join("apps"))
        .into_iter()
        .flatten();
    size > 0 || apps.next().is_none()
}

/// The ledger of a state folder that nobody works on, looked at.
///
/// # Errors
/// When a daemon works there, or nothing of the ledger can be read.
pub async fn look_at_state(config: Config) -> Answer<Box<dyn Looked>> {
    let alone = alone(&config.state).map_err(|error| match error.downcast::<Fault>() {
        Ok(fault) => fault,
        Err(error) => lavoir::repair::cannot(&error),
    })?;
    let damaged = repair::look(&config.database()).await?;
    let apps = config.state.join("apps");
    Ok(Box::new(Offline {
        damaged,
        apps,
        alone,
    }))
}

/// Now, by the system's clock.
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// A state folder held while it is repaired.
struct Offline {
    damaged: Damaged,
    apps: PathBuf,
    alone: nix::fcntl::Flock<fs::File>,
}

impl Looked for Offline {
    fn findings(&self) -> &Findings {
        self.damaged.findings()
    }

    fn mend(self: Box<Self>, now: Timestamp) -> BoxFuture<'static, Answer<PathBuf>> {
        Box::pin(async move {
            let kept = self.damaged.findings().kept;
            forget_hooks_from(&self.apps, kept).map_err(|error| lavoir::repair::cannot(&error))?;
            let aside = self.damaged.mend(now, &|_| Ok(())).await;
            drop(self.alone);
            aside
        })
    }
}

fn docker_options(config: &Config, box_id: &str) -> DockerOptions {
    DockerOptions {
        socket: config.engine.socket.clone(),
        box_id: box_id.to_owned(),
        fence: config.engine.fence,
        images: ImageSources {
            mirror: config.images.mirror.clone(),
            archives: config.images.archives.clone(),
            ca_bundle: config.images.ca_bundle.clone(),
            debian_archive: config.images.debian_archive.clone(),
            scratch: config.state.join("images"),
        },
    }
}

/// Local time less UTC, in the box's time zone; nought where it is not known.
fn offset_at(timezone: &str) -> OffsetAt {
    let zone = jiff::tz::TimeZone::get(timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    Arc::new(move |now| {
        let ms = i64::try_from(now.0).unwrap_or(i64::MAX);
        let now = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
        i64::from(zone.to_offset(now).seconds())
    })
}

/// Two daemons on one state folder would write two pasts: the second one does not start.
fn alone(state: &Path) -> anyhow::Result<nix::fcntl::Flock<fs::File>> {
    let file = fs::File::create(state.join("lock")).map_err(|error| {
        let state = state.display();
        Fault::lasting(
            "state-cannot-be-written",
            Text::new(
                format!("Rien ne peut être écrit dans le dossier d'état {state} ({error})."),
                format!("Nothing can be written in the state folder {state} ({error})."),
            ),
            Text::new(
                "Voyez « mount » et « dmesg » : le disque est peut-être en panne, ou en lecture seule. Les services continuent.",
                "See “mount” and “dmesg”: the disk may be failing, or read-only. The apps go on.",
            ),
        )
    })?;
    nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockExclusiveNonblock).map_err(|_| {
        let state = state.display();
        let fault = Fault::lasting(
            "state-in-use",
            Text::new(
                format!("Un autre démon travaille déjà sur {state}."),
                format!("Another daemon is at work on {state} already."),
            ),
            Text::new(
                "Arrêtez-le d'abord, ou donnez un autre dossier « state » à celui-ci.",
                "Stop it first, or give this one another “state” folder.",
            ),
        );
        fault.into()
    })
}

/// Earlier versions kept the set-up code in a file of its own.
async fn take_up_setup_code(accounts: &Accounts<Real>, state: &Path) -> anyhow::Result<()> {
    let file = state.join("setup-code");
    let earlier = durable::read(&file)?.and_then(|bytes| String::from_utf8(bytes).ok());
    accounts.put_right(earlier.as_deref()).await?;
    if earlier.is_some() {
        fs::remove_file(&file)?;
    }
    Ok(())
}

/// Only the box's own authority has to be shown to anybody.
fn trust(config: &Config, root_pem: &str) -> Trust {
    let own = config.tls.authority.is_none();
    Trust {
        fingerprint: fingerprint(root_pem).filter(|_| own),
        ca_pem: own.then(|| root_pem.to_owned()),
    }
}

/// SHA-256 of a certificate, as browsers show it.
fn fingerprint(pem: &str) -> Option<String> {
    use rustls::pki_types::pem::PemObject as _;
    let der = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let hash: Hash = sha2::Sha256::digest(&der).into();
    Some(hex(&hash))
}

fn random_hex<const N: usize>() -> String {
    let mut bytes = [0u8; N];
    SystemEntropy.fill(&mut bytes);
    hex(&bytes)
}
