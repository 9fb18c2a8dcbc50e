//! The daemon's picture, made ready to be asked: by host, longest path first, with keys that can sign.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderValue;
use lavoir_core::id::Hostname;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::challenges::Challenges;
use super::road::authority_of;
use crate::door::{
    self, CERTIFICATES_MAX, CHALLENGES_MAX, Certificate, Doorway, HoldingState, ROUTES_MAX,
};

/// What is served now.
#[derive(Debug, Default)]
pub struct Picture {
    version: u64,
    hosts: HashMap<String, Host>,
    keys: HashMap<String, Arc<CertifiedKey>>,
    pub(super) challenges: Challenges,
}

/// A name and what stands behind it.
#[derive(Debug)]
struct Host {
    name: Arc<Hostname>,
    branches: Vec<Branch>,
}

/// A path of a host.
#[derive(Debug)]
pub(super) struct Branch {
    prefix: String,
    pub(super) target: Target,
}

/// As in [`door::Target`], checked.
#[derive(Debug)]
pub(super) enum Target {
    Upstream {
        authority: http::uri::Authority,
        body_max_bytes: u64,
    },
    Redirect(HeaderValue),
    Holding {
        name: lavoir_core::text::Text,
        state: HoldingState,
        retry_after_s: u32,
    },
}

/// Why a picture is not taken. The one before it stays.
#[derive(Debug, thiserror::Error)]
pub enum NotAPicture {
    /// More than a box can have.
    #[error("it has {0} routes or certificates")]
    TooLarge(usize),
    /// A path that is none.
    #[error("{0:?} is not a path")]
    NotAPath(String),
}

impl Picture {
    /// Makes the daemon's words ready. A certificate that cannot be used leaves its hosts the one they had.
    pub fn new(
        doorway: &Doorway,
        before: &Self,
        provider: &CryptoProvider,
    ) -> Result<Self, NotAPicture> {
        if doorway.routes.len() > ROUTES_MAX {
            return Err(NotAPicture::TooLarge(doorway.routes.len()));
        }
        if doorway.certificates.len() > CERTIFICATES_MAX {
            return Err(NotAPicture::TooLarge(doorway.certificates.len()));
        }
        if doorway.challenges.len() > CHALLENGES_MAX {
            return Err(NotAPicture::TooLarge(doorway.challenges.len()));
        }
        let mut hosts: HashMap<String, Host> = HashMap::new();
        for route in &doorway.routes {
            let branch = Branch {
                prefix: path(&route.path_prefix)?.to_owned(),
                target: target(&route.target)?,
            };
            hosts
                .entry(route.host.as_str().to_owned())
                .or_insert_with(|| Host {
                    name: Arc::new(route.host.clone()),
                    branches: Vec::new(),
                })
                .branches
                .push(branch);
        }
        for host in hosts.values_mut() {
            host.branches
                .sort_by_key(|branch| std::cmp::Reverse(branch.prefix.len()));
        }
        let mut keys = HashMap::new();
        for certificate in &doorway.certificates {
            match certified_key(certificate, provider) {
                Ok(key) => {
                    let key = Arc::new(key);
                    for host in &certificate.hostnames {
                        keys.insert(host.as_str().to_owned(), Arc::clone(&key));
                    }
                }
                Err(why) => {
                    tracing::warn!(hosts = ?certificate.hostnames, why, "a certificate cannot be used");
                    for host in &certificate.hostnames {
                        if let Some(key) = before.keys.get(host.as_str()) {
                            keys.entry(host.as_str().to_owned())
                                .or_insert_with(|| Arc::clone(key));
                        }
                    }
                }
            }
        }
        // A name is not shown, not even by a handshake, before something stands behind it.
        keys.retain(|host, _| hosts.contains_key(host));
        Ok(Self {
            version: doorway.version,
            hosts,
            keys,
            challenges: Challenges::new(&doorway.challenges, provider),
        })
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The number of hosts, for the journal.
    pub(super) fn hosts(&self) -> usize {
        self.hosts.len()
    }

    pub(super) fn knows(&self, host: &str) -> bool {
        self.hosts.contains_key(host)
    }

    /// The key to show for this name.
    pub(super) fn key(&self, host: &str) -> Option<Arc<CertifiedKey>> {
        self.keys.get(host).map(Arc::clone)
    }

    /// Whether a connection made for `shown` may ask for `host`: browsers do so when one certificate bears both.
    pub(super) fn same_door(&self, shown: &str, host: &str) -> bool {
        shown == host
            || match (self.keys.get(shown), self.keys.get(host)) {
                (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                _ => false,
            }
    }

    /// The name as the daemon says it.
    pub(super) fn name(&self, host: &str) -> Option<Arc<Hostname>> {
        self.hosts.get(host).map(|host| Arc::clone(&host.name))
    }

    /// What answers: the longest prefix wins.
    pub(super) fn target(&self, host: &str, path: &str) -> Option<&Target> {
        self.hosts
            .get(host)?
            .branches
            .iter()
            .find(|branch| within(path, &branch.prefix))
            .map(|branch| &branch.target)
    }
}

fn within(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}

fn path(text: &str) -> Result<&str, NotAPicture> {
    let good = text.starts_with('/')
        && !text.starts_with("//")
        && text.len() <= super::limits::TARGET_BYTES_MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\\\"<>".contains(&b));
    if good {
        Ok(text)
    } else {
        Err(NotAPicture::NotAPath(text.to_owned()))
    }
}

fn target(target: &door::Target) -> Result<Target, NotAPicture> {
    Ok(match target {
        door::Target::Upstream {
            address,
            body_max_bytes,
        } => Target::Upstream {
            authority: address
                .to_string()
                .parse()
                .map_err(|_| NotAPicture::NotAPath(address.to_string()))?,
            body_max_bytes: *body_max_bytes,
        },
        door::Target::Panel {
            socket,
            body_max_bytes,
        } => Target::Upstream {
            authority: authority_of(socket)
                .map_err(|_| NotAPicture::NotAPath(socket.display().to_string()))?,
            body_max_bytes: *body_max_bytes,
        },
        door::Target::Redirect { location } => Target::Redirect(
            HeaderValue::from_str(path(location)?)
                .map_err(|_| NotAPicture::NotAPath(location.clone()))?,
        ),
        door::Target::Holding {
            name,
            state,
            retry_after_s,
        } => Target::Holding {
            name: name.clone(),
            state: *state,
            retry_after_s: *retry_after_s,
        },
    })
}

fn certified_key(
    certificate: &Certificate,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let chain = CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| e.to_string())?;
    if chain.is_empty() {
        return Err("no certificate in it".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes())
        .map_err(|_| "no key in it".to_owned())?;
    // Also checks that the key belongs to the certificate.
    CertifiedKey::from_der(chain, key, provider).map_err(|e| e.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::door::Route;

    fn route(host: &str, prefix: &str, location: &str) -> Route {
        Route {
            host: host.parse().unwrap(),
            path_prefix: prefix.into(),
            target: door::Target::Redirect {
                location: location.into(),
            },
        }
    }

    fn picture(routes: Vec<Route>) -> Result<Picture, NotAPicture> {
        Picture::new(
            &Doorway::new(1, routes, Vec::new()),
            &Picture::default(),
            &rustls::crypto::aws_lc_rs::default_provider(),
        )
    }

    #[test]
    fn the_longest_prefix_wins_on_whole_segments() {
        let picture = picture(vec![
            route("a.example.org", "/", "/root"),
            route("a.example.org", "/dav", "/dav-short"),
            route("a.example.org", "/dav/deep/", "/dav-long"),
            route("b.example.org", "/only", "/only"),
        ])
        .unwrap();
        let asked = |host: &str, path: &str| match picture.target(host, path) {
            Some(Target::Redirect(location)) => location.to_str().unwrap().to_owned(),
            Some(_) => panic!("not a redirect"),
            None => "nothing".into(),
        };
        for (host, path, expected) in [
            ("a.example.org", "/", "/root"),
            ("a.example.org", "/davos", "/root"),
            ("a.example.org", "/dav", "/dav-short"),
            ("a.example.org", "/dav/x", "/dav-short"),
            ("a.example.org", "/dav/deep", "/dav-short"),
            ("a.example.org", "/dav/deep/er", "/dav-long"),
            ("b.example.org", "/only/x", "/only"),
            ("b.example.org", "/", "nothing"),
            ("c.example.org", "/", "nothing"),
        ] {
            assert_eq!(asked(host, path), expected, "{host}{path}");
        }
    }

    #[test]
    fn paths_that_are_none() {
        for bad in ["", "x", "//evil.example", "/a b", "/a\r\nb", "/é", "/a\"b"] {
            assert!(
                picture(vec![route("a.example.org", bad, "/")]).is_err(),
                "{bad:?}"
            );
            assert!(
                picture(vec![route("a.example.org", "/", bad)]).is_err(),
                "{bad:?}"
            );
        }
    }
}
