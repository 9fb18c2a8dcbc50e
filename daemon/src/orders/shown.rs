//! What is shown of certificates: to people as cards, to the gateway as the one to serve.

use std::collections::BTreeMap;
use std::sync::Arc;

use lavoir_core::id::{Hostname, Timestamp};
use lavoir_core::renewal::Now;
use lavoir_core::text::Message;
use serde::{Deserialize, Serialize};

use crate::door::Certificate;
use crate::ports::{Answer, CertificateStore, KeptCertificate, TlsCertificates};

/// Names that no public authority can know (RFC 6761, 6762, 8375 and what networks at home use).
const LOCAL: [&str; 8] = [
    "home.arpa",
    "local",
    "lan",
    "internal",
    "test",
    "localhost",
    "invalid",
    "onion",
];

/// Whether a name is of a local network: the box's own CA certifies it.
pub fn is_local(host: &Hostname) -> bool {
    let host = host.as_str();
    let under = |end: &&str| {
        host.strip_suffix(*end)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    !host.contains('.') || LOCAL.iter().any(under)
}

/// How an address's certificate stands, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CertificateCard {
    /// The address.
    pub host: Hostname,
    /// Who gave what is served; none when it is the box's own CA.
    pub authority: Option<String>,
    /// When what is served ends; none for the box's own, which renews itself.
    pub not_after: Option<Timestamp>,
    /// How it stands.
    pub health: Health,
    /// What went wrong last, until a certificate comes.
    pub trouble: Option<Message>,
    /// What the outside said about it.
    pub detail: Option<String>,
    /// When the next one is ordered.
    pub next: Option<Timestamp>,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// The box's own CA certifies it, as it should.
    Own,
    /// An authority's certificate is there and valid.
    Good,
    /// None yet: visitors are warned by their browser.
    Missing,
    /// It has ended.
    Ended,
}

impl CertificateCard {
    pub(super) fn own(host: &Hostname) -> Self {
        Self {
            host: host.clone(),
            authority: None,
            not_after: None,
            health: Health::Own,
            trouble: None,
            detail: None,
            next: None,
        }
    }

    pub(super) fn ordered(
        host: &Hostname,
        held: Option<&KeptCertificate>,
        names: &BTreeMap<String, String>,
        told: Option<(Message, Option<String>)>,
        what_now: Now,
        now: Timestamp,
    ) -> Self {
        let (trouble, detail) = told.map_or((None, None), |(m, d)| (Some(m), d));
        let name = |held: &KeptCertificate| {
            let name = names.get(&held.directory);
            name.unwrap_or(&held.directory).clone()
        };
        Self {
            host: host.clone(),
            authority: held.map(name),
            not_after: held.map(|held| held.paper.life.not_after),
            health: match held {
                None => Health::Missing,
                Some(held) if held.paper.life.not_after <= now => Health::Ended,
                Some(_) => Health::Good,
            },
            trouble,
            detail,
            next: match what_now {
                Now::Keep { until } | Now::Wait { until } => Some(until),
                Now::Order { .. } => Some(now),
                Now::ClockWrong => None,
            },
        }
    }
}

/// Chooses what is served: an authority's certificate where there is one, the box's own elsewhere.
pub struct Chosen<T> {
    /// The box's own CA.
    pub own: Arc<T>,
    /// What authorities gave.
    pub store: Arc<dyn CertificateStore>,
    /// Whether there is an authority in the settings.
    pub public: bool,
}

impl<T: TlsCertificates> TlsCertificates for Chosen<T> {
    fn certificate_for(&self, host: &Hostname, now: Timestamp) -> Answer<Certificate> {
        if self.public && !is_local(host) {
            let kept = self.store.certificate(host).unwrap_or_else(|fault| {
                tracing::warn!(%host, %fault, "a certificate that is kept cannot be read");
                None
            });
            // Also when it has ended: when the clock runs ahead it has not, and the box's own is no better for those
            // who do not know its root.
            if let Some(kept) = kept {
                return Ok(Certificate {
                    hostnames: vec![host.clone()],
                    chain_pem: kept.chain_pem.clone(),
                    key_pem: kept.key_pem.clone(),
                });
            }
        }
        self.own.certificate_for(host, now)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_local_network() {
        for (name, local) in [
            ("lavoir.home.arpa", true),
            ("blog.lavoir.home.arpa", true),
            ("box.local", true),
            ("nas.lan", true),
            ("a.internal", true),
            ("box.test", true),
            ("blog.example.org", false),
            ("local.example.org", false),
            ("mylan.example", false),
            ("a.notlan", false),
            ("home.arpa.example.org", false),
        ] {
            let host: Hostname = name.parse().unwrap();
            assert_eq!(is_local(&host), local, "{name}");
        }
    }
}
