//! `/etc/lavoir/lavoir.toml`. Every key has a sound default; an unknown key is refused.

mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lavoir_core::id::Hostname;
use lavoir_core::text::{Language, Text};
use serde::Deserialize;

pub use tls::{AuthorityConfig, CheckConfig, DnsConfig, KeyAlgorithm, TlsConfig, Way};

use crate::gateway::limits::Limits;
use crate::ports::{Answer, Fault};

/// Where the configuration is looked for when nothing else is said.
pub const DEFAULT_FILE: &str = "/etc/lavoir/lavoir.toml";

/// The configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What must outlive the machine: ledger, secrets, apps' folders.
    pub state: PathBuf,
    /// Sockets.
    pub run: PathBuf,
    /// The domain under which the box's addresses stand; its panel's own address. Taken once, at the first start.
    pub domain: String,
    /// Language of what apps are set up in.
    pub language: Language,
    /// IANA name, for the apps.
    pub timezone: String,
    /// Folders of recipes, the first that has a recipe wins.
    pub recipes: Vec<PathBuf>,
    /// Docker.
    pub engine: EngineConfig,
    /// Where images come from.
    pub images: ImagesConfig,
    /// The gateway.
    pub gateway: GatewayConfig,
    /// TLS certificates.
    pub tls: TlsConfig,
}

/// Docker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Its socket.
    pub socket: PathBuf,
    /// Keep neighbours on the network out of the apps' networks, with rules beside the engine's own.
    pub fence: bool,
}

/// Where images come from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImagesConfig {
    /// A registry to ask instead of each image's own, `127.0.0.1:5000`.
    pub mirror: Option<String>,
    /// A folder of image archives, for a box with no network.
    pub archives: Option<PathBuf>,
    /// A CA bundle that images made on the box trust, where the network filters.
    pub ca_bundle: Option<PathBuf>,
    /// A mirror of Debian's archive.
    pub debian_archive: Option<String>,
}

/// The gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayConfig {
    /// Whom it becomes once its ports are open.
    pub user: String,
    /// Where it answers HTTPS.
    pub https: Vec<SocketAddr>,
    /// Where it answers HTTP, with redirects.
    pub http: Vec<SocketAddr>,
    /// The port at which browsers find HTTPS, where a router in front has another one than the box.
    pub https_port: Option<u16>,
    /// Browsers are told to come by HTTPS alone for so many seconds (HSTS); they are not told when nothing is said.
    pub hsts_s: Option<u32>,
    /// How much and how long the gateway bears.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            state: "/var/lib/lavoir".into(),
            run: "/run/lavoir".into(),
            domain: "lavoir.home.arpa".into(),
            language: Language::Fr,
            timezone: "Europe/Paris".into(),
            recipes: vec!["/usr/local/share/lavoir/recipes".into()],
            engine: EngineConfig::default(),
            images: ImagesConfig::default(),
            gateway: GatewayConfig::default(),
            tls: TlsConfig::default(),
        }
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            socket: "/var/run/docker.sock".into(),
            fence: true,
        }
    }
}

impl Default for GatewayConfig {
    fn default() -> Self {
        let any = |port| SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port));
        Self {
            user: "lavoir-gateway".into(),
            https: vec![any(443)],
            http: vec![any(80)],
            https_port: None,
            hsts_s: None,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// Reads the file; the default one may be missing.
    ///
    /// # Errors
    /// When it cannot be read or holds what it should not.
    pub fn load(file: Option<&Path>) -> Answer<Self> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                String::new()
            }
            Err(error) => return Err(unsound(path, &error)),
        };
        let config: Self = toml::from_str(&text).map_err(|error| unsound(path, &error))?;
        config.domain()?;
        if let Some(why) = config.tls.unsound() {
            return Err(unsound(path, &format!("[tls]: {why}")));
        }
        if let Some(name) = config.gateway.limits.unsound() {
            let what = format!("gateway.limits.{name}: 0, or too large");
            return Err(unsound(path, &what));
        }
        Ok(config)
    }

    /// The domain, checked.
    ///
    /// # Errors
    /// When it is no host name.
    pub fn domain(&self) -> Answer<Hostname> {
        self.domain
            .parse()
            .map_err(|error| unsound(Path::new("domain"), &error))
    }

    /// The socket on which the command line speaks with the daemon.
    pub fn api_socket(&self) -> PathBuf {
        self.run.join("api.sock")
    }

    /// The socket on which the gateway gets its doors.
    pub fn gateway_socket(&self) -> PathBuf {
        self.run.join("gateway.sock")
    }

    /// The socket on which the gateway reaches the panel.
    pub fn panel_socket(&self) -> PathBuf {
        self.run.join("panel.sock")
    }

    /// The ledger's file.
    pub fn database(&self) -> PathBuf {
        self.state.join("lavoir.db")
    }
}

fn unsound(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    let path = path.display();
    Fault::lasting(
        "configuration-unsound",
        Text::new(
            format!("Configuration : {path} : {error}"),
            format!("Configuration: {path}: {error}"),
        ),
        Text::new(
            "Corrigez le fichier, puis recommencez.",
            "Correct the file, then try again.",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("lavoir.toml");
        for (text, good) in [
            ("", true),
            ("domain = \"a.b\"", true),
            ("domian = \"a.b\"", false),
            ("domain = \"a b\"", false),
            ("[tls]\nauthority = \"letsencrypt\"", true),
            ("[tls]\nauthority = \"https://ca.example.org/acme\"", true),
            ("[tls]\nauthority = \"http://ca.example.org/acme\"", false),
            ("[tls]\nauthority = \"letsencrpyt\"", false),
            ("[tls]\nautority = \"letsencrypt\"", false),
            ("[tls]\nfallback = \"letsencrypt\"", false),
            (
                "[tls]\nauthority = \"letsencrypt\"\nfallback = \"letsencrypt\"",
                false,
            ),
            ("[tls]\nchallenges = []", false),
            ("[tls]\nchallenges = [\"http-02\"]", false),
            ("[tls]\nchallenges = [\"dns-01\"]", false),
            ("[tls]\ncontact = \"nobody\"", false),
            (
                "[tls]\nchallenges = [\"dns-01\"]\n[tls.dns]\nserver = \"192.0.2.1:53\"\nzone = \"a.b\"\nkey_name = \"k\"\nkey_file = \"/k\"",
                true,
            ),
            (
                "[tls.dns]\nserver = \"192.0.2.1:53\"\nzone = \"a.b\"\nkey_name = \"k\"\nkey_file = \"/k\"\nkey_algorithm = \"hmac-md5\"",
                false,
            ),
            ("[tls.check]\nhttp_port = 80\nhttps_prot = 1", false),
            ("[gateway.limits]\nhead_ms = 500", true),
            ("[gateway.limits]\nhead_ms = 0", false),
            ("[gateway.limits]\nconnections_max = 1000000", false),
            ("[gateway.limits]\nhead = 5", false),
        ] {
            std::fs::write(&file, text)?;
            assert_eq!(Config::load(Some(&file)).is_ok(), good, "{text}");
        }
        assert!(Config::load(Some(&dir.path().join("absent.toml"))).is_err());
        Ok(())
    }
}
