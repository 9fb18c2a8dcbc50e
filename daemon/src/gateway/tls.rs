//! TLS 1.2 and 1.3 by rustls; which key is shown is asked of the picture at each handshake.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, GetRandomFailed, aws_lc_rs};
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::ticketer::TicketRotator;
use tokio::sync::watch;

use super::challenges::{ACME_TLS, is_challenge};
use super::picture::Picture;

/// The one provider.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// What every handshake is led by.
pub(super) fn config(
    pictures: watch::Receiver<Arc<Picture>>,
    ticket_key_s: u32,
) -> anyhow::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(ByName(pictures)));
    // Last: whoever can speak anything else speaks that.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), ACME_TLS.to_vec()];
    // Resumption costs no memory here: the client keeps the ticket, its key lives in this process only.
    // Whoever takes the key away later reads what was said while it held, and no more.
    config.ticketer = Arc::new(TicketRotator::new(ticket_key_s, new_ticket_key)?);
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(Arc::new(config))
}

fn new_ticket_key() -> Result<Box<dyn ProducesTickets>, GetRandomFailed> {
    let key = aws_lc_rs::Ticketer::new().map_err(|_| GetRandomFailed)?;
    Ok(Box::new(TicketKey(key)))
}

/// The library's own maker of tickets, whose key is changed by ours.
#[derive(Debug)]
struct TicketKey(Arc<dyn ProducesTickets>);

impl ProducesTickets for TicketKey {
    fn enabled(&self) -> bool {
        self.0.enabled()
    }
    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }
    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.0.encrypt(plain)
    }
    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(cipher)
    }
}

struct ByName(watch::Receiver<Arc<Picture>>);

impl std::fmt::Debug for ByName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByName")
    }
}

impl ResolvesServerCert for ByName {
    /// No name or an unknown one: no certificate, and the handshake ends without a word about what lives here.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name()?;
        let picture = self.0.borrow();
        if is_challenge(&hello) {
            return picture.challenges.key(host);
        }
        picture.key(host)
    }
}
