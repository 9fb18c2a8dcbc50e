//! Authorities that speak ACME (RFC 8555), with renewal information (RFC 9773) and profiles where they offer them.

mod https;
mod paper;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::{BoxFuture, TryFutureExt as _};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error,
    Identifier, NewAccount, NewOrder, OrderStatus, RetryPolicy,
};
use lavoir_core::id::{Hostname, Timestamp};
use lavoir_core::limits;
use lavoir_core::renewal::Window;
use lavoir_core::renewal::trouble::Trouble;
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::durable::{self, Access};
use crate::config::{AuthorityConfig, TlsConfig, Way};
use crate::ports::{Authorities, KeptCertificate, NoCertificate, Order, Proof, Proofs, UnderWay};
use https::{Heard, Https};
use words::Stage;

/// Repeats what an authority has not looked at because it did not like the nonce: it may do so whenever it wants
/// (RFC 8555, 6.5), and the library gives up after the third time.
macro_rules! with_nonces {
    ($asked:expr) => {{
        let mut tries = 0;
        loop {
            match $asked.await {
                Err(error) if tries < NONCES_MAX && words::is_about_a_nonce(&error) => tries += 1,
                ended => break ended,
            }
        }
    }};
}

/// How often that is repeated.
const NONCES_MAX: u32 = 5;

/// The authorities of the settings.
pub struct Acme {
    folder: PathBuf,
    authorities: Vec<AuthorityConfig>,
    contact: Option<String>,
    profile: Option<String>,
    https: Https,
}

impl Acme {
    /// Ready to ask. Accounts are kept in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be made or the roots cannot be read.
    pub fn open(folder: &Path, settings: &TlsConfig) -> anyhow::Result<Self> {
        durable::make_folder(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            authorities: settings.authorities(),
            contact: settings
                .contact
                .as_ref()
                .map(|mail| format!("mailto:{mail}")),
            profile: settings.profile.clone(),
            https: Https::new(settings.roots.as_deref())?,
        })
    }

    fn directory(&self, authority: usize) -> Result<&str, NoCertificate> {
        let found = self.authorities.get(authority);
        let found = found.map(|authority| authority.directory.as_str());
        found.ok_or_else(|| NoCertificate::from(Trouble::Interrupted))
    }

    fn account_file(&self, directory: &str) -> PathBuf {
        let mark = Sha256::digest(directory.as_bytes());
        let mark = lavoir_core::ledger::hex(&mark[..8]);
        self.folder.join(format!("account-{mark}.json"))
    }

    /// The box's account there, made when there is none.
    async fn account(&self, directory: &str, heard: &Heard) -> Result<Account, NoCertificate> {
        let file = self.account_file(directory);
        let not_kept = |error: std::io::Error| NoCertificate::said(Trouble::NotKept, error);
        if let Some(bytes) = durable::read(&file).map_err(not_kept)? {
            let bytes = Zeroizing::new(bytes);
            match serde_json::from_slice::<AccountCredentials>(&bytes) {
                Ok(credentials) => {
                    let builder = Account::builder_with_http(self.https.client(heard));
                    let account = builder.from_credentials(credentials).await;
                    return account.map_err(|error| words::of(error, Stage::Account, heard));
                }
                Err(_) => tracing::warn!("the account that is kept is damaged; a new one is made"),
            }
        }
        let contact: Vec<&str> = self.contact.as_deref().into_iter().collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let builder = || Account::builder_with_http(self.https.client(heard));
        let made = with_nonces!(builder().create(&new, directory.to_owned(), None));
        let (account, credentials) =
            made.map_err(|error| words::of(error, Stage::Account, heard))?;
        let bytes = serde_json::to_vec(&credentials).map_err(|error| not_kept(error.into()))?;
        let bytes = Zeroizing::new(bytes);
        durable::write(&file, &bytes, Access::PRIVATE).map_err(not_kept)?;
        tracing::info!(directory, "a new account");
        Ok(account)
    }

    async fn order_once(
        &self,
        order: &Order,
        proofs: &dyn Proofs,
        heard: &Heard,
    ) -> Result<KeptCertificate, NoCertificate> {
        let directory = self.directory(order.authority)?;
        let account = self.account(directory, heard).await?;
        let mut placed = self.place(&account, order, heard).await?;
        let failed = |error| words::of(error, Stage::Order, heard);
        let mut proven_by = None;
        with_nonces!(read_all(&mut placed)).map_err(failed)?;
        {
            let mut all = placed.authorizations();
            while let Some(authorization) = all.next().await {
                let mut authorization = authorization.map_err(failed)?;
                match authorization.status {
                    AuthorizationStatus::Valid => continue,
                    AuthorizationStatus::Pending => {}
                    _ => return Err(Trouble::NotProven.into()),
                }
                let offered = |way: &Way| {
                    let kind = kind(*way);
                    authorization.challenges.iter().any(|c| c.r#type == kind)
                };
                let ways = [order.way].into_iter().chain(proofs.ways().iter().copied());
                let way = ways.into_iter().find(offered).ok_or_else(|| {
                    NoCertificate::said(Trouble::Refused, "no way of proof that is allowed here")
                })?;
                proven_by = Some(way);
                let challenge = authorization.challenge(kind(way));
                let mut challenge = challenge.ok_or(Trouble::Refused)?;
                let key = challenge.key_authorization();
                let proof = match way {
                    Way::Http => Proof::Http {
                        token: challenge.token.clone(),
                        answer: key.as_str().to_owned(),
                    },
                    Way::TlsAlpn => alpn_proof(&order.host, key.digest().as_ref())?,
                    Way::Dns => Proof::Dns {
                        value: key.dns_value(),
                    },
                };
                proofs.show(proof).await?;
                with_nonces!(challenge.set_ready()).map_err(failed)?;
            }
        }
        let looked = with_nonces!(placed.poll_ready(&patience()));
        match looked {
            Ok(OrderStatus::Ready) => {}
            Ok(_) => return Err(why_not(&mut placed, proven_by, heard).await),
            Err(Error::Api(problem)) => {
                let stage = Stage::Proof(proven_by);
                return Err(words::of(Error::Api(problem), stage, heard));
            }
            Err(error) => return Err(failed(error)),
        }
        let key = Zeroizing::new(new_key()?.serialize_pem());
        let under_way = UnderWay {
            directory: directory.to_owned(),
            url: placed.url().to_owned(),
            key_pem: key.to_string(),
        };
        // From here on the authority may have certified: a crash must find the key again.
        proofs.keep(&under_way)?;
        end(placed, &order.host, &under_way, heard).await
    }

    async fn place(
        &self,
        account: &Account,
        order: &Order,
        heard: &Heard,
    ) -> Result<instant_acme::Order, NoCertificate> {
        let names = [Identifier::Dns(order.host.to_string())];
        let new = || {
            let new = NewOrder::new(&names);
            let offered = self
                .profile
                .as_deref()
                .filter(|profile| account.profiles().any(|offered| offered.name == *profile));
            match offered {
                Some(profile) => new.profile(profile),
                None => new,
            }
        };
        let leaf = order.replaces.as_deref().and_then(leaf);
        let replaced = leaf
            .as_ref()
            .and_then(|leaf| CertificateIdentifier::try_from(leaf).ok());
        if let Some(replaced) = replaced {
            let asked = new().replaces(replaced);
            match with_nonces!(account.new_order(&asked)) {
                Ok(placed) => return Ok(placed),
                // It keeps no track of what replaces what, or has it differently: an order like any other.
                Err(Error::Unsupported(_) | Error::Other(_)) => {}
                Err(Error::Api(problem)) if words::is_about_replacing(&problem) => {}
                Err(error) => return Err(words::of(error, Stage::Order, heard)),
            }
        }
        let asked = new();
        let placed = with_nonces!(account.new_order(&asked));
        placed.map_err(|error| words::of(error, Stage::Order, heard))
    }
}

impl Authorities for Acme {
    fn order<'a>(
        &'a self,
        order: &'a Order,
        proofs: &'a dyn Proofs,
    ) -> BoxFuture<'a, Result<KeptCertificate, NoCertificate>> {
        Box::pin(async move {
            let heard = Heard::default();
            match self.order_once(order, proofs, &heard).await {
                Err(no) if no.trouble == Trouble::Account => {
                    tracing::warn!(detail = ?no.detail, "the account is not valid any more; a new one is made");
                    let file = self.account_file(self.directory(order.authority)?);
                    let _ = std::fs::rename(&file, file.with_extension("old"));
                    self.order_once(order, proofs, &heard).await
                }
                ended => ended,
            }
        })
    }

    fn finish<'a>(
        &'a self,
        host: &'a Hostname,
        under_way: &'a UnderWay,
    ) -> BoxFuture<'a, Result<KeptCertificate, NoCertificate>> {
        Box::pin(async move {
            let here = |authority: &AuthorityConfig| authority.directory == under_way.directory;
            if !self.authorities.iter().any(here) {
                return Err(Trouble::Interrupted.into());
            }
            let heard = Heard::default();
            let account = self.account(&under_way.directory, &heard).await?;
            match with_nonces!(account.order(under_way.url.clone())) {
                Ok(placed) => end(placed, host, under_way, &heard).await,
                // It does not know the order any more.
                Err(Error::Api(problem)) => Err(NoCertificate::said(Trouble::Interrupted, problem)),
                Err(error) => Err(words::of(error, Stage::Order, &heard)),
            }
        })
    }

    fn window<'a>(
        &'a self,
        authority: usize,
        chain_pem: &'a str,
    ) -> BoxFuture<'a, Result<Option<(Window, u64)>, NoCertificate>> {
        Box::pin(async move {
            let heard = Heard::default();
            let directory = self.directory(authority)?;
            // Without an account nothing is asked: this is no reason to make one.
            if !self.account_file(directory).exists() {
                return Ok(None);
            }
            let Some(leaf) = leaf(chain_pem) else {
                return Ok(None);
            };
            let Ok(identifier) = CertificateIdentifier::try_from(&leaf) else {
                return Ok(None);
            };
            let account = self.account(directory, &heard).await?;
            match account.renewal_info(&identifier).await {
                Ok((info, again)) => {
                    let ms = |at: time::OffsetDateTime| {
                        Timestamp(u64::try_from(at.unix_timestamp()).unwrap_or(0) * 1_000)
                    };
                    let wish = info.suggested_window;
                    let window = Window {
                        start: ms(wish.start),
                        end: ms(wish.end),
                    };
                    let again_ms = u64::try_from(again.as_millis()).unwrap_or(u64::MAX);
                    Ok(Some((window, again_ms)))
                }
                Err(Error::Unsupported(_)) => Ok(None),
                Err(error) => Err(words::of(error, Stage::Order, &heard)),
            }
        })
    }
}

/// From a proven order to its certificate, wherever it stands.
async fn end(
    mut placed: instant_acme::Order,
    host: &Hostname,
    under_way: &UnderWay,
    heard: &Heard,
) -> Result<KeptCertificate, NoCertificate> {
    let failed = |error| words::of(error, Stage::End, heard);
    match placed.state().status {
        OrderStatus::Ready => {
            let csr = request(host, &under_way.key_pem)?;
            with_nonces!(placed.finalize_csr(&csr)).map_err(failed)?;
        }
        OrderStatus::Processing | OrderStatus::Valid => {}
        OrderStatus::Pending | OrderStatus::Invalid => return Err(Trouble::Interrupted.into()),
    }
    let chain = with_nonces!(placed.poll_certificate(&patience())).map_err(failed)?;
    let paper = paper::read(&chain, &under_way.key_pem)
        .map_err(|error| NoCertificate::said(Trouble::Refused, error))?;
    Ok(KeptCertificate {
        directory: under_way.directory.clone(),
        paper,
        chain_pem: chain,
        key_pem: under_way.key_pem.clone(),
    })
}

/// Reads what is to be proven; the library then has it without asking again.
async fn read_all(placed: &mut instant_acme::Order) -> Result<(), Error> {
    let mut all = placed.identifiers();
    while let Some(one) = all.next().await {
        one?;
    }
    Ok(())
}

/// What the authority found when it looked.
async fn why_not(
    placed: &mut instant_acme::Order,
    way: Option<Way>,
    heard: &Heard,
) -> NoCertificate {
    let mut all = placed.authorizations();
    while let Some(Ok(mut authorization)) = all.next().await {
        if with_nonces!(authorization.refresh().map_ok(|_| ())).is_err() {
            break;
        }
        let found = authorization
            .challenges
            .iter()
            .find_map(|c| c.error.clone());
        if let Some(problem) = found {
            return words::of(Error::Api(problem), Stage::Proof(way), heard);
        }
    }
    Trouble::NotProven.into()
}

fn kind(way: Way) -> ChallengeType {
    match way {
        Way::Http => ChallengeType::Http01,
        Way::TlsAlpn => ChallengeType::TlsAlpn01,
        Way::Dns => ChallengeType::Dns01,
    }
}

fn patience() -> RetryPolicy {
    RetryPolicy::new().timeout(Duration::from_millis(limits::AUTHORITY_WORKS_MS_MAX))
}

fn leaf(chain_pem: &str) -> Option<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(chain_pem.as_bytes()).ok()
}

fn new_key() -> Result<KeyPair, NoCertificate> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(making)
}

fn making(error: rcgen::Error) -> NoCertificate {
    NoCertificate::said(Trouble::Interrupted, error)
}

fn request(host: &Hostname, key_pem: &str) -> Result<Vec<u8>, NoCertificate> {
    let key = KeyPair::from_pem(key_pem).map_err(making)?;
    let mut params = CertificateParams::new(vec![host.to_string()]).map_err(making)?;
    params.distinguished_name = DistinguishedName::new();
    let csr = params.serialize_request(&key).map_err(making)?;
    Ok(csr.der().to_vec())
}

/// The certificate of TLS-ALPN-01 (RFC 8737, 3).
fn alpn_proof(host: &Hostname, digest: &[u8]) -> Result<Proof, NoCertificate> {
    if digest.len() != 32 {
        return Err(Trouble::Refused.into());
    }
    let key = new_key()?;
    let mut params = CertificateParams::new(vec![host.to_string()]).map_err(making)?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key).map_err(making)?;
    Ok(Proof::TlsAlpn {
        chain_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
    })
}
