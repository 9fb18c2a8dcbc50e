//! Answers to the challenges of an authority: a page on the unprotected port, a certificate for `acme-tls/1`.

use std::collections::HashMap;
use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::{Method, Response};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;

use super::body::Answer;
use crate::door::{Certificate, Challenge};

/// The protocol of TLS-ALPN-01 (RFC 8737, 6.2).
pub(super) const ACME_TLS: &[u8] = b"acme-tls/1";
/// Where HTTP-01 asks (RFC 8555, 8.3).
const PATH: &str = "/.well-known/acme-challenge/";
/// Bytes of an answer, and of a token.
const ANSWER_BYTES_MAX: usize = 512;

/// What may be asked now.
#[derive(Debug, Default)]
pub(super) struct Challenges {
    pages: HashMap<(String, String), String>,
    keys: HashMap<String, Arc<CertifiedKey>>,
}

impl Challenges {
    /// What cannot be used is left out: the order fails, and nothing else.
    pub(super) fn new(challenges: &[Challenge], provider: &CryptoProvider) -> Self {
        let mut made = Self::default();
        for challenge in challenges {
            match challenge {
                Challenge::Http {
                    host,
                    token,
                    answer,
                } => {
                    if is_text(token) && is_text(answer) {
                        let place = (host.as_str().to_owned(), token.clone());
                        made.pages.insert(place, answer.clone());
                    }
                }
                Challenge::TlsAlpn { certificate } => {
                    if let Some(key) = proof(certificate, provider) {
                        let key = Arc::new(key);
                        for host in &certificate.hostnames {
                            let host = host.as_str().to_owned();
                            made.keys.insert(host, Arc::clone(&key));
                        }
                    }
                }
            }
        }
        made
    }

    /// The certificate that proves this name.
    pub(super) fn key(&self, host: &str) -> Option<Arc<CertifiedKey>> {
        self.keys.get(host).map(Arc::clone)
    }

    /// The page that proves this name: exactly this host, exactly this path.
    pub(super) fn answer(
        &self,
        method: &Method,
        host: &str,
        path: &str,
    ) -> Option<Response<Answer>> {
        if self.pages.is_empty() || !(method == Method::GET || method == Method::HEAD) {
            return None;
        }
        let token = path.strip_prefix(PATH)?;
        let answer = self.pages.get(&(host.to_owned(), token.to_owned()))?;
        let mut response = Response::new(Answer::page(answer.clone()));
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/octet-stream");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(response)
    }
}

/// Whether the client is an authority that looks, and nobody else: it offers that protocol alone.
pub(super) fn is_challenge(hello: &ClientHello<'_>) -> bool {
    hello
        .alpn()
        .is_some_and(|mut offered| offered.next() == Some(ACME_TLS) && offered.next().is_none())
}

/// The pair as it is: whether they fit is not looked at, since the check knows nothing of the extension that is the
/// whole point of the certificate, and is critical.
fn proof(certificate: &Certificate, provider: &CryptoProvider) -> Option<CertifiedKey> {
    let chain = CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().ok()?;
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).ok()?;
    let key = provider.key_provider.load_private_key(key).ok()?;
    (!chain.is_empty()).then(|| CertifiedKey::new(chain, key))
}

fn is_text(text: &str) -> bool {
    let sign = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (1..=ANSWER_BYTES_MAX).contains(&text.len()) && text.bytes().all(sign)
}
