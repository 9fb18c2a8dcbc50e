//! Proofs in the DNS: dynamic updates (RFC 2136) signed with a shared key (TSIG, RFC 8945).

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::BoxFuture;
use hickory_proto::op::{Message, ResponseCode, update_message};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{Name, RData, Record, RecordSet, TSigner};
use lavoir_core::id::Hostname;
use lavoir_core::renewal::trouble::Trouble;
use zeroize::Zeroizing;

use super::exchange;
use crate::config::{DnsConfig, KeyAlgorithm};
use crate::ports::{NoCertificate, ProofZone};

/// Seconds that a proof may be kept by others.
const TTL_S: u32 = 30;
/// How far the server's clock may be from ours, seconds.
const FUDGE_S: u16 = 300;
/// Waiting for the zone's other servers, at the most.
const WAIT_S_MAX: u16 = 600;

/// A zone that proofs are written into.
pub struct Zone {
    server: SocketAddr,
    zone: Name,
    signer: TSigner,
    wait: Duration,
}

impl Zone {
    /// Reads the key.
    ///
    /// # Errors
    /// When it is missing, no base64, or readable by others.
    pub fn open(settings: &DnsConfig) -> anyhow::Result<Self> {
        let file = &settings.key_file;
        let say = || format!("[tls.dns] key_file: {}", file.display());
        let mode = std::fs::metadata(file)
            .with_context(say)?
            .permissions()
            .mode();
        ensure!(
            mode & 0o077 == 0,
            "{}: others can read it (mode {:o}); chmod 600",
            say(),
            mode & 0o777
        );
        let text = Zeroizing::new(std::fs::read_to_string(file).with_context(say)?);
        let key = BASE64_STANDARD.decode(text.trim());
        let key = key.map_err(|_| anyhow::anyhow!("{}: no base64", say()))?;
        ensure!(
            key.len() >= 16,
            "{}: a key that short protects nothing",
            say()
        );
        let algorithm = match settings.key_algorithm {
            KeyAlgorithm::HmacSha256 => TsigAlgorithm::HmacSha256,
            KeyAlgorithm::HmacSha384 => TsigAlgorithm::HmacSha384,
            KeyAlgorithm::HmacSha512 => TsigAlgorithm::HmacSha512,
        };
        ensure!(
            settings.wait_s <= WAIT_S_MAX,
            "[tls.dns] wait_s: {WAIT_S_MAX} at the most"
        );
        let signer = TSigner::new(key, algorithm, name(&settings.key_name)?, FUDGE_S)?;
        Ok(Self {
            server: settings.server,
            zone: name(&settings.zone)?,
            signer,
            wait: Duration::from_secs(settings.wait_s.into()),
        })
    }

    async fn change(&self, host: &Hostname, text: &str, add: bool) -> Result<(), NoCertificate> {
        let said = |what: String| NoCertificate::said(Trouble::DnsServer, what);
        let owner = name(&format!("_acme-challenge.{host}")).map_err(|e| said(e.to_string()))?;
        if !self.zone.zone_of(&owner) {
            return Err(said(format!("{owner} is not within {}", self.zone)));
        }
        let record = Record::from_rdata(owner, TTL_S, RData::TXT(TXT::new(vec![text.to_owned()])));
        let set = RecordSet::from(record);
        let mut message = if add {
            update_message::append(set, self.zone.clone(), false, false)
        } else {
            update_message::delete_by_rdata(set, self.zone.clone(), false)
        };
        let (answer, id) = self
            .send(&mut message)
            .await
            .map_err(|e| said(e.to_string()))?;
        if answer.metadata.id != id {
            return Err(said("an answer to another question".to_owned()));
        }
        match answer.metadata.response_code {
            ResponseCode::NoError => Ok(()),
            code => Err(said(format!("{}: {code}", self.server))),
        }
    }

    async fn send(&self, message: &mut Message) -> anyhow::Result<(Message, u16)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let verifier = message.finalize(&self.signer, now)?;
        let bytes = exchange(self.server, &message.to_vec()?).await;
        let bytes = bytes.with_context(|| self.server.to_string())?;
        let answer = Message::from_vec(&bytes)?;
        // A refusal may come unsigned, a yes may not.
        if answer.metadata.response_code == ResponseCode::NoError {
            verifier.context("not signed")?.verify(&bytes)?;
        }
        Ok((answer, message.metadata.id))
    }
}

fn name(text: &str) -> anyhow::Result<Name> {
    let mut name = Name::from_ascii(text).with_context(|| text.to_owned())?;
    name.set_fqdn(true);
    Ok(name)
}

impl ProofZone for Zone {
    fn put<'a>(
        &'a self,
        host: &'a Hostname,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), NoCertificate>> {
        Box::pin(async move {
            self.change(host, text, true).await?;
            tokio::time::sleep(self.wait).await;
            Ok(())
        })
    }

    fn remove<'a>(
        &'a self,
        host: &'a Hostname,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), NoCertificate>> {
        Box::pin(self.change(host, text, false))
    }
}
