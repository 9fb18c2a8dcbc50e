//! `[tls]`: who certifies the box's public names, and how it is shown that they are ours.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// Authorities that can be named in short.
const SHORT: [(&str, &str, &str); 2] = [
    (
        "letsencrypt",
        "Let's Encrypt",
        "https://acme-v02.api.letsencrypt.org/directory",
    ),
    (
        "letsencrypt-staging",
        "Let's Encrypt (staging)",
        "https://acme-staging-v02.api.letsencrypt.org/directory",
    ),
];

/// `[tls]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// A short name, or the address of an ACME directory. None: the box's own CA certifies everything.
    pub authority: Option<String>,
    /// Asked when the first has failed several times.
    pub fallback: Option<String>,
    /// An e-mail address that the authorities may write to.
    pub contact: Option<String>,
    /// A PEM file with roots that authorities' own servers are believed by, beside the system's.
    pub roots: Option<PathBuf>,
    /// Ways of proof, the best first.
    pub challenges: Vec<Way>,
    /// A profile that the authority offers, such as `shortlived` (six days).
    pub profile: Option<String>,
    /// Where and how a proof is written into the DNS.
    pub dns: Option<DnsConfig>,
    /// How the box looks at its own names before it orders.
    pub check: CheckConfig,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            authority: None,
            fallback: None,
            contact: None,
            roots: None,
            challenges: vec![Way::Http, Way::TlsAlpn],
            profile: None,
            dns: None,
            check: CheckConfig::default(),
        }
    }
}

/// A way of proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Way {
    /// The authority fetches a page on port 80.
    #[serde(rename = "http-01")]
    Http,
    /// It asks for a special certificate on port 443.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn,
    /// It reads a record in the DNS.
    #[serde(rename = "dns-01")]
    Dns,
}

/// `[tls.dns]`: RFC 2136, signed with a TSIG key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsConfig {
    /// The zone's primary server.
    pub server: SocketAddr,
    /// The zone: `example.org`.
    pub zone: String,
    /// The key's name, as the server knows it.
    pub key_name: String,
    /// Its algorithm.
    #[serde(default)]
    pub key_algorithm: KeyAlgorithm,
    /// The file with its secret in base64; mode 0600.
    pub key_file: PathBuf,
    /// For the zone's other servers to get the record, seconds.
    #[serde(default)]
    pub wait_s: u16,
}

/// A TSIG algorithm; older ones are not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// HMAC with SHA-256.
    #[default]
    HmacSha256,
    /// HMAC with SHA-384.
    HmacSha384,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// `[tls.check]`: only a network of its own kind needs other values.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckConfig {
    /// A DNS server to ask instead of the system's, where that one answers differently inside.
    pub resolver: Option<SocketAddr>,
    /// The port on which the public reaches the box by HTTP.
    pub http_port: u16,
    /// And by HTTPS.
    pub https_port: u16,
}

impl Default for CheckConfig {
    fn default() -> Self {
        Self {
            resolver: None,
            http_port: 80,
            https_port: 443,
        }
    }
}

/// An authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityConfig {
    /// For people.
    pub name: String,
    /// Its ACME directory.
    pub directory: String,
}

impl TlsConfig {
    /// The authorities in their order; none when the box certifies itself.
    pub fn authorities(&self) -> Vec<AuthorityConfig> {
        let all = self.authority.iter().chain(&self.fallback);
        all.map(|text| authority(text)).collect()
    }

    /// What is wrong with it.
    pub(super) fn unsound(&self) -> Option<String> {
        for text in self.authority.iter().chain(&self.fallback) {
            if !authority(text).directory.starts_with("https://") {
                let names = SHORT.map(|(short, ..)| short).join(", ");
                return Some(format!(
                    "authority: neither one of {names} nor an https:// address: {text}"
                ));
            }
        }
        if self.authority.is_none() && self.fallback.is_some() {
            return Some("fallback without authority".to_owned());
        }
        if self.authority.is_some() && self.authority == self.fallback {
            return Some("fallback is the authority itself".to_owned());
        }
        if self.challenges.is_empty() {
            return Some("challenges is empty".to_owned());
        }
        if self.challenges.contains(&Way::Dns) && self.dns.is_none() {
            return Some("challenges has dns-01, and there is no [tls.dns]".to_owned());
        }
        let odd =
            |text: &String| text.is_empty() || text.contains(|c: char| c.is_control() || c == ' ');
        if self
            .contact
            .as_ref()
            .is_some_and(|mail| odd(mail) || !mail.contains('@'))
        {
            return Some("contact is no e-mail address".to_owned());
        }
        if self.profile.as_ref().is_some_and(odd) {
            return Some("profile is no name".to_owned());
        }
        None
    }
}

fn authority(text: &str) -> AuthorityConfig {
    if let Some((_, name, directory)) = SHORT.iter().find(|(short, ..)| *short == text) {
        return AuthorityConfig {
            name: (*name).to_owned(),
            directory: (*directory).to_owned(),
        };
    }
    let host = text.strip_prefix("https://").unwrap_or(text);
    AuthorityConfig {
        name: host.split('/').next().unwrap_or(host).to_owned(),
        directory: text.to_owned(),
    }
}
