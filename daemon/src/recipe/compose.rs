//! compose.yaml as a model of what Lavoir carries out. A key that is not carried out is refused, never ignored.
//! Texts in it are still templates, each with its line.

use std::collections::BTreeMap;

use lavoir_core::limits;
use lavoir_core::recipe::Protocol;
use lavoir_core::release::Condition;

use super::problem::{Code, Problems};
use super::scalar::Scalars;
use super::tree::{self, Node};
use super::{COMPOSE, service};

/// A text and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The text.
    pub text: String,
    /// From 1.
    pub line: u32,
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compose {
    /// By name.
    pub services: BTreeMap<String, Service>,
    /// Name → line.
    pub volumes: BTreeMap<String, u32>,
    /// Name → line.
    pub secrets: BTreeMap<String, u32>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Service {
    /// Where it begins.
    pub line: u32,
    /// A reference with a digest.
    pub image: Option<Word>,
    /// Made on the box.
    pub build: Option<Build>,
    /// Instead of the image's.
    pub command: Option<Vec<Word>>,
    /// Instead of the image's.
    pub entrypoint: Option<Vec<Word>>,
    /// Name → value.
    pub environment: BTreeMap<String, Word>,
    /// User inside.
    pub user: Option<String>,
    /// Working folder inside.
    pub working_dir: Option<String>,
    /// Volumes and files.
    pub mounts: Vec<Mount>,
    /// Path → options.
    pub tmpfs: BTreeMap<String, String>,
    /// Secrets as files.
    pub secrets: Vec<SecretMount>,
    /// Name → condition and line.
    pub depends_on: BTreeMap<String, (Condition, u32)>,
    /// How Docker knows.
    pub healthcheck: Option<Healthcheck>,
    /// `restart: "no"`.
    pub one_shot: bool,
    /// Root file system read-only.
    pub read_only: bool,
    /// A small init.
    pub init: bool,
    /// Capabilities kept.
    pub cap_add: Vec<Word>,
    /// Bytes.
    pub memory_bytes: Option<u64>,
    /// Thousandths of a core.
    pub cpu_milli: Option<u32>,
    /// Processes.
    pub pids_max: Option<u32>,
    /// Bytes.
    pub shm_bytes: Option<u64>,
    /// Seconds.
    pub stop_grace_s: Option<u32>,
    /// `SIGQUIT`.
    pub stop_signal: Option<String>,
    /// Published on the machine.
    pub ports: Vec<Port>,
}

/// An image made on the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Folder of the recipe; `image` alone is taken.
    pub context: String,
    /// File inside the folder.
    pub containerfile: String,
    /// Stage.
    pub target: Option<String>,
    /// Where it stands.
    pub line: u32,
}

/// What a mount shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A volume's name.
    Volume(String),
    /// A path under `files/`.
    File(String),
}

/// A volume or file seen inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// What.
    pub source: Source,
    /// Where.
    pub path: String,
    /// Not writable.
    pub read_only: bool,
    /// Where it stands.
    pub line: u32,
}

/// A secret as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretMount {
    /// Its name.
    pub secret: String,
    /// Path inside.
    pub path: String,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// Where it stands.
    pub line: u32,
}

/// Docker's health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Healthcheck {
    /// `CMD` or `CMD-SHELL` first.
    pub test: Vec<Word>,
    /// Between two checks.
    pub interval_ms: u64,
    /// For one.
    pub timeout_ms: u64,
    /// Failures in a row.
    pub retries: u32,
    /// Failures before this do not count.
    pub start_period_ms: u64,
}

/// A port opened on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// On the machine and inside alike.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Where it stands.
    pub line: u32,
}

/// Reads compose.yaml. Nothing is returned when it is not YAML at all.
pub fn read(text: &str, problems: &mut Problems) -> Option<Compose> {
    let root = match tree::parse(text, COMPOSE, problems) {
        Ok(root) => root,
        Err(damage) => {
            problems.push(damage);
            return None;
        }
    };
    let mut compose = Compose::default();
    let mut scalars = Scalars::new(COMPOSE, problems);
    for pair in scalars.map(&root, "compose.yaml") {
        match pair.key.as_str() {
            "services" => {
                for service in scalars.map(&pair.value, "services") {
                    let body = service::read(service, &mut scalars);
                    compose.services.insert(service.key.clone(), body);
                }
            }
            "volumes" => compose.volumes = volumes(&pair.value, &mut scalars),
            "secrets" => compose.secrets = secrets(&pair.value, &mut scalars),
            // A project's name has no say here: the app's does.
            _ => scalars.not_carried_out(pair, ""),
        }
    }
    if compose.services.is_empty() {
        problems.add(Code::NoService, COMPOSE, root.line, &[]);
    }
    if compose.services.len() > limits::SERVICES_MAX {
        let max = limits::SERVICES_MAX.to_string();
        problems.add(Code::TooMany, COMPOSE, root.line, &["services", &max]);
    }
    Some(compose)
}

fn volumes(node: &Node, scalars: &mut Scalars<'_>) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for pair in scalars.map(node, "volumes") {
        scalars.part_id(&pair.key, pair.line);
        if !pair.value.is_null() {
            for option in scalars.map(&pair.value, &pair.key) {
                scalars.not_carried_out(option, &format!("volumes.{}", pair.key));
            }
        }
        found.insert(pair.key.clone(), pair.line);
    }
    found
}

fn secrets(node: &Node, scalars: &mut Scalars<'_>) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for pair in scalars.map(node, "secrets") {
        scalars.part_id(&pair.key, pair.line);
        let mut file = None;
        for option in scalars.map(&pair.value, &pair.key) {
            match option.key.as_str() {
                "file" => file = scalars.fixed(&option.value, "file"),
                _ => scalars.not_carried_out(option, &format!("secrets.{}", pair.key)),
            }
        }
        let expected = format!("./secrets/{}", pair.key);
        if file.as_ref().is_none_or(|f| f.text != expected) {
            scalars.add(Code::SecretFile, pair.line, &[&pair.key, &expected]);
        }
        found.insert(pair.key.clone(), pair.line);
    }
    found
}

impl Compose {
    /// Names of `services` that form a circle, if some do.
    pub fn circle(&self) -> Option<(&str, u32)> {
        let mut done: Vec<&str> = Vec::new();
        loop {
            let before = done.len();
            for (name, service) in &self.services {
                let ready = service
                    .depends_on
                    .keys()
                    .all(|d| done.contains(&d.as_str()) || !self.services.contains_key(d));
                if ready && !done.contains(&name.as_str()) {
                    done.push(name);
                }
            }
            if done.len() == before {
                return self
                    .services
                    .iter()
                    .find(|(name, _)| !done.contains(&name.as_str()))
                    .map(|(name, service)| (name.as_str(), service.line));
            }
        }
    }
}
