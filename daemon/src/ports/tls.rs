//! The ports of TLS certificates: who certifies, what is kept, how a name is looked at, where a proof is written.

use std::fmt;

use futures_util::future::BoxFuture;
use lavoir_core::id::{Hostname, Timestamp};
use lavoir_core::renewal::trouble::Trouble;
use lavoir_core::renewal::worth::Paper;
use lavoir_core::renewal::{Book, Window};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::Answer;
use crate::config::Way;
use crate::door::Certificate;

/// TLS certificates for the box's addresses.
pub trait TlsCertificates: Send + Sync + 'static {
    /// The certificate of one address, made or renewed when it is due.
    fn certificate_for(&self, host: &Hostname, now: Timestamp) -> Answer<Certificate>;
}

/// Authorities that certify public names. `authority` is always a place in the settings.
pub trait Authorities: Send + Sync + 'static {
    /// Orders a certificate for one name.
    fn order<'a>(
        &'a self,
        order: &'a Order,
        proofs: &'a dyn Proofs,
    ) -> BoxFuture<'a, Result<KeptCertificate, NoCertificate>>;
    /// Ends an order that was cut off, if it had come far enough.
    fn finish<'a>(
        &'a self,
        host: &'a Hostname,
        under_way: &'a UnderWay,
    ) -> BoxFuture<'a, Result<KeptCertificate, NoCertificate>>;
    /// When it would like a certificate to be renewed, and in how many ms to ask again.
    fn window<'a>(
        &'a self,
        authority: usize,
        chain_pem: &'a str,
    ) -> BoxFuture<'a, Result<Option<(Window, u64)>, NoCertificate>>;
}

/// What is ordered.
#[derive(Debug, Clone)]
pub struct Order {
    /// From whom.
    pub authority: usize,
    /// For which name.
    pub host: Hostname,
    /// How it is proven; another way where the authority does not offer it.
    pub way: Way,
    /// The chain that it is to take the place of, PEM.
    pub replaces: Option<String>,
}

/// What an order asks of the box while it is under way.
pub trait Proofs: Send + Sync {
    /// Shows a proof to the world; returns once it can be seen.
    fn show(&self, proof: Proof) -> BoxFuture<'_, Result<(), NoCertificate>>;
    /// Keeps the order with its key, before the certificate is asked for.
    fn keep(&self, under_way: &UnderWay) -> Result<(), NoCertificate>;
    /// Which ways can be shown here.
    fn ways(&self) -> &[Way];
}

/// A proof that a name is ours.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// On port 80.
    Http {
        /// The last part of the path.
        token: String,
        /// The body.
        answer: String,
    },
    /// On port 443.
    TlsAlpn {
        /// Certificate, PEM.
        chain_pem: String,
        /// Its key, PEM.
        key_pem: String,
    },
    /// In the DNS.
    Dns {
        /// The text of the record.
        value: String,
    },
}

/// An order with its certificate's key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnderWay {
    /// The directory of the authority.
    pub directory: String,
    /// The order's address there.
    pub url: String,
    /// PKCS #8, PEM.
    pub key_pem: String,
}

/// A certificate as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCertificate {
    /// The directory of the authority that gave it.
    pub directory: String,
    /// What it says.
    pub paper: Paper,
    /// The leaf first, PEM.
    pub chain_pem: String,
    /// PKCS #8, PEM.
    pub key_pem: String,
}

macro_rules! hides_its_key {
    ($name:ident, $field:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field(stringify!($field), &self.$field)
                    .finish_non_exhaustive()
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.key_pem.zeroize();
            }
        }
    };
}
hides_its_key!(UnderWay, url);
hides_its_key!(KeptCertificate, paper);

/// Why there is no certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoCertificate {
    /// In the words of the core.
    pub trouble: Trouble,
    /// In those of the outside.
    pub detail: Option<String>,
    /// When it said to come again.
    pub again: Option<Timestamp>,
}

impl From<Trouble> for NoCertificate {
    fn from(trouble: Trouble) -> Self {
        Self {
            trouble,
            detail: None,
            again: None,
        }
    }
}

impl NoCertificate {
    /// With what the outside said, cut to a line.
    pub fn said(trouble: Trouble, detail: impl fmt::Display) -> Self {
        let all = detail.to_string();
        let line: String = all
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(lavoir_core::limits::LOG_LINE_BYTES_MAX)
            .collect();
        Self {
            detail: Some(line),
            ..trouble.into()
        }
    }
}

/// Where certificates, orders under way and what is remembered are kept.
pub trait CertificateStore: Send + Sync + 'static {
    /// What is remembered; empty at the first start.
    fn book(&self) -> Answer<Book>;
    /// Keeps it.
    fn keep_book(&self, book: &Book) -> Answer<()>;
    /// The certificate of a name.
    fn certificate(&self, host: &Hostname) -> Answer<Option<KeptCertificate>>;
    /// Keeps one.
    fn keep_certificate(&self, host: &Hostname, certificate: &KeptCertificate) -> Answer<()>;
    /// The order under way for a name.
    fn under_way(&self, host: &Hostname) -> Answer<Option<UnderWay>>;
    /// Keeps it; with none, forgets it.
    fn keep_under_way(&self, host: &Hostname, under_way: Option<&UnderWay>) -> Answer<()>;
}

/// Looking at our own names as the world does.
pub trait OwnNames: Send + Sync + 'static {
    /// Whether the name leads here and the way of proof is open. For HTTP, `answer` is what the box shows under
    /// `token` at that moment.
    fn look<'a>(
        &'a self,
        host: &'a Hostname,
        way: Way,
        token: &'a str,
        answer: &'a str,
    ) -> BoxFuture<'a, Result<(), Trouble>>;
}

/// The DNS zone that proofs are written into.
pub trait ProofZone: Send + Sync + 'static {
    /// Adds the text for a name and waits until it can be read.
    fn put<'a>(
        &'a self,
        host: &'a Hostname,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), NoCertificate>>;
    /// Takes it away.
    fn remove<'a>(
        &'a self,
        host: &'a Hostname,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), NoCertificate>>;
}
