//! The words that pass between the daemon and the gateway over their unix socket.
//!
//! One JSON text a line. The daemon sends a whole picture each time, never a difference: whoever has missed some
//! is right again with the next. The gateway answers with the version it now serves.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use lavoir_core::id::Hostname;
use lavoir_core::text::Text;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// Bytes of one line from the daemon: 200 apps with a few routes and a certificate each take about 1 MiB.
pub const PICTURE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of one line from the gateway.
pub const REPORT_BYTES_MAX: usize = 1024;
/// Routes of one picture.
pub const ROUTES_MAX: usize = 8_192;
/// Certificates of one picture.
pub const CERTIFICATES_MAX: usize = 1_024;
/// Challenges of one picture.
pub const CHALLENGES_MAX: usize = 64;

// What the core lets in, and the panel's own door.
const _: () = assert!(lavoir_core::limits::HOSTS_MAX < CERTIFICATES_MAX);
const _: () = assert!(lavoir_core::limits::DOORS_MAX < ROUTES_MAX);

/// Everything the gateway has to know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doorway {
    /// Counted by the daemon from its own start; given back in [`FromGateway::Applied`].
    pub version: u64,
    /// What answers where, sorted by host and path.
    pub routes: Vec<Route>,
    /// A host without one is not served.
    pub certificates: Vec<Certificate>,
    /// What an authority may ask while an order is under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub challenges: Vec<Challenge>,
}

impl Doorway {
    /// A picture with its routes in their one order, so that equal pictures compare equal.
    pub fn new(version: u64, mut routes: Vec<Route>, mut certificates: Vec<Certificate>) -> Self {
        routes.sort_by(|a, b| (&a.host, &a.path_prefix).cmp(&(&b.host, &b.path_prefix)));
        certificates.sort_by(|a, b| a.hostnames.cmp(&b.hostnames));
        Self {
            version,
            routes,
            certificates,
            challenges: Vec::new(),
        }
    }

    /// With answers to challenges.
    pub fn with_challenges(mut self, challenges: Vec<Challenge>) -> Self {
        self.challenges = challenges;
        self
    }

    /// Whether both show the same, be their versions what they may.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.routes == other.routes
            && self.certificates == other.certificates
            && self.challenges == other.challenges
    }
}

/// How an authority (or the box itself, before it orders) can see that a name leads here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Challenge {
    /// HTTP-01 (RFC 8555, 8.3): the answer to one path of one host, on the unprotected port.
    Http {
        /// For this host only.
        host: Hostname,
        /// The last part of the path.
        token: String,
        /// The whole body.
        answer: String,
    },
    /// TLS-ALPN-01 (RFC 8737): shown to whoever offers `acme-tls/1` and nothing else.
    TlsAlpn {
        /// For one host.
        certificate: Certificate,
    },
}

/// What answers under a path of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The host, without port.
    pub host: Hostname,
    /// Begins with `/`. Holds for whole path segments: `/dav` is for `/dav` and `/dav/x`, not for `/davos`.
    pub path_prefix: String,
    /// What answers.
    pub target: Target,
}

/// What answers a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Target {
    /// A service that speaks HTTP/1.1.
    Upstream {
        /// Where it listens.
        address: SocketAddr,
        /// Largest request body.
        body_max_bytes: u64,
    },
    /// The daemon itself, which speaks HTTP/1.1 on a unix socket: the panel and the API.
    Panel {
        /// Its socket, in a folder of root's.
        socket: PathBuf,
        /// Largest request body.
        body_max_bytes: u64,
    },
    /// Another path of the same host, for good.
    Redirect {
        /// Begins with `/`.
        location: String,
    },
    /// A page that says why nothing answers yet or any more.
    Holding {
        /// The app's name for people.
        name: Text,
        /// Why.
        state: HoldingState,
        /// When to try again.
        retry_after_s: u32,
    },
}

/// Why a page holds the place of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldingState {
    /// It will answer in a moment.
    Starting,
    /// Somebody stopped it.
    Stopped,
    /// It will answer in a few minutes.
    Updating,
    /// It does not work; the people who look after it know.
    Broken,
    /// It is gone for good.
    Removed,
}

/// A certificate and its key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// For which names it is to be shown.
    pub hostnames: Vec<Hostname>,
    /// The leaf first, PEM.
    pub chain_pem: String,
    /// PKCS #8, PEM.
    pub key_pem: String,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("hostnames", &self.hostnames)
            .field("key_pem", &"(not shown)")
            .finish_non_exhaustive()
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        self.key_pem.zeroize();
    }
}

/// What the gateway says back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromGateway {
    /// This picture is now served: each request that begins from here on sees it.
    Applied {
        /// The picture's version.
        version: u64,
    },
    /// So much was asked of a host since it was last said.
    Counted {
        /// The host.
        host: Hostname,
        /// How much.
        count: Count,
    },
}

/// What was asked of a host: numbers, and nothing about anybody.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Answers.
    pub answers: u64,
    /// Of these, answers that say the asker was wrong (4xx).
    pub refused: u64,
    /// Of these, answers that say something is broken (5xx).
    pub failed: u64,
    /// Until the answers began, all together, ms.
    pub took_ms: u64,
    /// Of these, answers that took a second or longer to begin.
    pub slow: u64,
}

impl Count {
    /// Adds another's numbers.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.answers, other.answers),
            (&mut self.refused, other.refused),
            (&mut self.failed, other.failed),
            (&mut self.took_ms, other.took_ms),
            (&mut self.slow, other.slow),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown() {
        let certificate = Certificate {
            hostnames: vec!["blog.example.org".parse().unwrap()],
            chain_pem: "chain".into(),
            key_pem: "very secret".into(),
        };
        let shown = format!("{:?}", Doorway::new(1, Vec::new(), vec![certificate]));
        assert!(!shown.contains("very secret"), "{shown}");
        assert!(shown.contains("blog.example.org"));
    }

    #[test]
    fn words_of_the_socket() {
        let picture = Doorway::new(
            7,
            vec![
                Route {
                    host: "b.example.org".parse().unwrap(),
                    path_prefix: "/".into(),
                    target: Target::Redirect {
                        location: "/x".into(),
                    },
                },
                Route {
                    host: "a.example.org".parse().unwrap(),
                    path_prefix: "/".into(),
                    target: Target::Upstream {
                        address: "172.20.0.2:80".parse().unwrap(),
                        body_max_bytes: 1_048_576,
                    },
                },
            ],
            Vec::new(),
        );
        let line = serde_json::to_string(&picture).unwrap();
        assert_eq!(
            line,
            r#"{"version":7,"routes":[{"host":"a.example.org","path_prefix":"/","target":{"upstream":{"address":"172.20.0.2:80","body_max_bytes":1048576}}},{"host":"b.example.org","path_prefix":"/","target":{"redirect":{"location":"/x"}}}],"certificates":[]}"#
        );
        assert_eq!(serde_json::from_str::<Doorway>(&line).unwrap(), picture);
        assert!(
            serde_json::from_str::<Doorway>(
                r#"{"version":7,"routes":[],"certificates":[],"more":1}"#
            )
            .is_err()
        );
    }
}
