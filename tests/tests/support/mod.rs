//! What the adapter's tests share.
#![allow(dead_code, reason = "each test takes what it needs")]

pub mod cut;

use std::fs;
use std::future::Future;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lavoir::adapter::docker::{Docker, DockerOptions, ImageSources};
use lavoir::ports::{ContainerOrder, Measure};
use lavoir_core::id::{AppId, PartId};
use lavoir_core::release::{Image, Service};
use lavoir_tests::engine::{TestEngine, base_archive};

pub fn app(id: &str) -> AppId {
    id.parse().unwrap()
}

pub fn part(id: &str) -> PartId {
    id.parse().unwrap()
}

pub fn silent(_: Measure) {}

/// Keeps what was measured.
#[derive(Default)]
pub struct Heard(Mutex<Vec<Measure>>);

impl Heard {
    pub fn hear(&self, measure: Measure) {
        self.0.lock().unwrap().push(measure);
    }

    pub fn all(&self) -> Vec<Measure> {
        self.0.lock().unwrap().clone()
    }

    pub fn last(&self) -> Measure {
        *self.all().last().expect("nothing was measured")
    }
}

pub async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "waited in vain: {what}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub async fn adapter(engine: &TestEngine, box_id: &str, images: ImageSources) -> Docker {
    let images = ImageSources {
        scratch: engine.dir().join("scratch"),
        ..images
    };
    Docker::connect(DockerOptions {
        socket: engine.socket(),
        box_id: box_id.into(),
        images,
        fence: false,
    })
    .await
    .unwrap()
}

/// A small Debian as an image that a box has made.
pub fn import_base(engine: &TestEngine, box_id: &str) -> String {
    let name = format!("lavoir/test-{box_id}:1");
    let label = format!("LABEL org.lavoir.box={box_id}");
    let archive = base_archive().unwrap();
    engine
        .docker(&["import", "-c", &label, &archive.to_string_lossy(), &name])
        .unwrap();
    name
}

pub fn order(app_id: &str, service: &str, image: &str, command: &[&str]) -> ContainerOrder {
    let image = if image.contains("@sha256:") {
        Image::Pulled {
            reference: image.into(),
        }
    } else {
        Image::Built {
            name: image.into(),
            context: "image".into(),
            containerfile: "Containerfile".into(),
            target: None,
            day: None,
        }
    };
    ContainerOrder {
        app: app(app_id),
        service: part(service),
        spec: "spec-1".into(),
        filled: Service {
            image,
            command: Some(command.iter().map(|c| String::from(*c)).collect()),
            entrypoint: None,
            environment: Default::default(),
            user: None,
            working_dir: None,
            mounts: Vec::new(),
            tmpfs: Default::default(),
            secrets: Vec::new(),
            depends_on: Default::default(),
            healthcheck: None,
            one_shot: false,
            read_only: false,
            init: false,
            cap_add: Vec::new(),
            memory_bytes: 64 << 20,
            cpu_milli: 500,
            pids_max: 50,
            shm_bytes: None,
            stop_grace_s: 1,
            stop_signal: None,
        },
        volumes: Vec::new(),
        files: Vec::new(),
        ports: Vec::new(),
    }
}

/// Debian's registry on loopback.
pub struct Registry {
    child: Child,
    pub host: String,
    pub folder: PathBuf,
}

impl Registry {
    pub fn start(engine: &TestEngine, name: &str) -> Self {
        let folder = engine.dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let host = format!("127.0.0.1:{port}");
        let setting = folder.join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{host}\"}}\n",
            folder.join("store").display()
        );
        fs::write(&setting, text).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&setting)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while std::net::TcpStream::connect(&host).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "docker-registry does not answer"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Self {
            child,
            host,
            folder,
        }
    }

    /// Puts an image there; its reference by digest.
    pub fn push(&self, engine: &TestEngine, image: &str, path: &str) -> String {
        let name = format!("{}/{path}", self.host);
        engine
            .docker(&["tag", image, &format!("{name}:1")])
            .unwrap();
        let said = engine.docker(&["push", &format!("{name}:1")]).unwrap();
        let digest = said
            .split_whitespace()
            .find(|word| word.starts_with("sha256:"))
            .unwrap();
        format!("{name}@{digest}")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
