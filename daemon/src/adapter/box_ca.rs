//! The box's own certification authority, for names that no public one can know.
//!
//! Who trusts its root trusts it for the box's domain only: name constraints bind it. Everything is kept as one
//! file a certificate, key and dates within, so that a write is whole or has not happened.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use lavoir_core::clock::MADE;
use lavoir_core::id::{Hostname, Timestamp};
use lavoir_core::text::Text;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ECDSA_P256_SHA256,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use zeroize::{Zeroize, Zeroizing};

use super::durable::{self, Access};
use crate::door::Certificate;
use crate::ports::{Answer, Fault, TlsCertificates};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// A root's life, days.
pub const ROOT_DAYS: u64 = 3_653;
/// A leaf's life, days.
pub const LEAF_DAYS: u64 = 90;
/// Dates begin so much earlier, for clients whose clock is late, days.
pub const EARLY_DAYS: u64 = 1;
/// Names on one certificate.
pub const HOSTNAMES_MAX: usize = 100;
/// Bytes of one file.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum BoxCaError {
    /// The folder or a file in it.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// A file that is damaged. It is not replaced: people trust what it holds.
    #[error(
        "{0} is damaged; put it back from a backup, or move it away to begin anew with a root that everybody has to trust again"
    )]
    Damaged(PathBuf),
    /// A name the root may not speak for.
    #[error("{host} is not within {domain}")]
    Outside {
        /// The name.
        host: Hostname,
        /// The box's domain.
        domain: Hostname,
    },
    /// None, or more than [`HOSTNAMES_MAX`].
    #[error("{0} names on one certificate")]
    Count(usize),
    /// The clock is before the root's beginning or after its end.
    #[error("the clock stands outside the life of the box's root certificate")]
    Clock,
    /// The library refused.
    #[error("making a certificate: {0}")]
    Making(#[from] rcgen::Error),
}

/// A certificate and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsCertificate {
    /// The leaf.
    pub chain_pem: String,
    /// Its key, PKCS #8.
    pub key_pem: String,
    /// When it ends.
    pub not_after: Timestamp,
}

impl fmt::Debug for TlsCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsCertificate")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl Drop for TlsCertificate {
    fn drop(&mut self) {
        self.key_pem.zeroize();
    }
}

/// What stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    hostnames: Vec<Hostname>,
    not_before: Timestamp,
    not_after: Timestamp,
    certificate_pem: String,
    key_pem: String,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.key_pem.zeroize();
    }
}

/// The authority.
pub struct BoxCa {
    dir: PathBuf,
    domain: Hostname,
    root: Kept,
    /// Of the root, in the leaves' file names: another root never takes their place.
    mark: String,
    issuer: Issuer<'static, KeyPair>,
}

impl fmt::Debug for BoxCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxCa")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl BoxCa {
    /// Opens the authority kept in `dir`, or makes it. Another domain has another root, beside.
    pub fn open(dir: &Path, domain: Hostname, now: Timestamp) -> Result<Self, BoxCaError> {
        let io = |error| BoxCaError::Io(dir.to_owned(), error);
        durable::make_folder(dir).map_err(io)?;
        let path = dir.join(format!("root-{domain}.json"));
        let root = match read(&path)? {
            Some(root) => root,
            None => {
                // A box that begins in 1970 would trust itself until 1980.
                let root = new_root(&domain, now.max(MADE))?;
                write(&path, &root)?;
                root
            }
        };
        let damaged = |_| BoxCaError::Damaged(path.clone());
        let key = KeyPair::from_pem(&root.key_pem).map_err(damaged)?;
        let issuer = Issuer::from_ca_cert_pem(&root.certificate_pem, key).map_err(damaged)?;
        Ok(Self {
            dir: dir.to_owned(),
            mark: short_hash(root.certificate_pem.as_bytes()),
            domain,
            root,
            issuer,
        })
    }

    /// The root's certificate, for those who are to trust it.
    pub fn root_pem(&self) -> &str {
        &self.root.certificate_pem
    }

    /// The certificate kept for these names, made or made anew when a third of its life is left.
    pub fn certificate_for(
        &self,
        hostnames: &[Hostname],
        now: Timestamp,
    ) -> Result<TlsCertificate, BoxCaError> {
        let mut hostnames = hostnames.to_vec();
        hostnames.sort();
        hostnames.dedup();
        if !(1..=HOSTNAMES_MAX).contains(&hostnames.len()) {
            return Err(BoxCaError::Count(hostnames.len()));
        }
        let within = |host: &Hostname| {
            host.as_str()
                .strip_suffix(self.domain.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if let Some(host) = hostnames.iter().find(|host| !within(host)) {
            return Err(BoxCaError::Outside {
                host: host.clone(),
                domain: self.domain.clone(),
            });
        }
        let names = hostnames
            .iter()
            .map(Hostname::as_str)
            .collect::<Vec<_>>()
            .join(" ");
        let path = self.dir.join(format!(
            "leaf-{}-{}.json",
            self.mark,
            short_hash(names.as_bytes())
        ));
        // A damaged leaf loses nothing: nobody trusts it by itself.
        let kept = read(&path).or_else(|e| {
            if matches!(e, BoxCaError::Damaged(_)) {
                Ok(None)
            } else {
                Err(e)
            }
        })?;
        let kept = kept
            .filter(|kept| kept.hostnames == hostnames && KeyPair::from_pem(&kept.key_pem).is_ok());
        // A clock before the root's beginning is wrong: what it would date is worse than anything kept.
        let clock_is_wrong = now < self.root.not_before;
        match kept {
            Some(kept) if clock_is_wrong || is_fresh(&kept, now) => Ok(given(&kept)),
            Some(kept) => match self.new_leaf(hostnames, now) {
                Ok(new) if new.not_after > kept.not_after || now < kept.not_before => {
                    write(&path, &new)?;
                    Ok(given(&new))
                }
                _ if now < kept.not_after => Ok(given(&kept)),
                Ok(_) => Err(BoxCaError::Clock),
                Err(error) => Err(error),
            },
            None => {
                // Better one that begins too early than none: it is made anew as soon as the clock is right.
                let day = Timestamp(self.root.not_before.0 + EARLY_DAYS * DAY_MS);
                let now = if clock_is_wrong { day.max(MADE) } else { now };
                let new = self.new_leaf(hostnames, now)?;
                write(&path, &new)?;
                Ok(given(&new))
            }
        }
    }

    fn new_leaf(&self, hostnames: Vec<Hostname>, now: Timestamp) -> Result<Kept, BoxCaError> {
        if now >= self.root.not_after {
            return Err(BoxCaError::Clock);
        }
        let not_before = Timestamp(
            whole_seconds(now.0.saturating_sub(EARLY_DAYS * DAY_MS)).max(self.root.not_before.0),
        );
        let not_after =
            Timestamp(whole_seconds(now.0 + LEAF_DAYS * DAY_MS).min(self.root.not_after.0));
        let names: Vec<String> = hostnames.iter().map(ToString::to_string).collect();
        // The field is short; the names that count are the alternative ones.
        let common = names
            .first()
            .filter(|name| name.len() <= 64)
            .map_or("Lavoir", String::as_str)
            .to_owned();
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common);
        params.not_before = date(not_before)?;
        params.not_after = date(not_after)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Kept {
            hostnames,
            not_before,
            not_after,
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }
}

fn new_root(domain: &Hostname, now: Timestamp) -> Result<Kept, BoxCaError> {
    let not_before = Timestamp(whole_seconds(now.0.saturating_sub(EARLY_DAYS * DAY_MS)));
    let not_after = Timestamp(whole_seconds(now.0 + ROOT_DAYS * DAY_MS));
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Lavoir");
    let common = if domain.as_str().len() <= 57 {
        format!("Lavoir {domain}")
    } else {
        "Lavoir".to_owned()
    };
    params.distinguished_name.push(DnType::CommonName, common);
    params.not_before = date(not_before)?;
    params.not_after = date(not_after)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_string())],
        // Names of another kind would otherwise be free.
        excluded_subtrees: vec![
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([0; 4], 0)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix([0; 16], 0)),
        ],
    });
    let certificate = params.self_signed(&key)?;
    Ok(Kept {
        hostnames: vec![domain.clone()],
        not_before,
        not_after,
        certificate_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
    })
}

fn is_fresh(kept: &Kept, now: Timestamp) -> bool {
    let life = kept.not_after.0.saturating_sub(kept.not_before.0);
    kept.not_before <= now && now.0 < kept.not_after.0.saturating_sub(life / 3)
}

fn given(kept: &Kept) -> TlsCertificate {
    TlsCertificate {
        chain_pem: kept.certificate_pem.clone(),
        key_pem: kept.key_pem.clone(),
        not_after: kept.not_after,
    }
}

/// Certificates know seconds.
fn whole_seconds(ms: u64) -> u64 {
    ms / 1_000 * 1_000
}

fn date(at: Timestamp) -> Result<OffsetDateTime, BoxCaError> {
    i64::try_from(at.0 / 1_000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(BoxCaError::Clock)
}

fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn read(path: &Path) -> Result<Option<Kept>, BoxCaError> {
    let io = |error| BoxCaError::Io(path.to_owned(), error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|_| BoxCaError::Damaged(path.to_owned()))
}

fn write(path: &Path, kept: &Kept) -> Result<(), BoxCaError> {
    let io = |error| BoxCaError::Io(path.to_owned(), error);
    let bytes = Zeroizing::new(serde_json::to_vec(kept).map_err(|error| io(error.into()))?);
    durable::write(path, &bytes, Access::PRIVATE).map_err(io)
}

impl TlsCertificates for BoxCa {
    fn certificate_for(&self, host: &Hostname, now: Timestamp) -> Answer<Certificate> {
        let hostnames = vec![host.clone()];
        let made = self.certificate_for(&hostnames, now).map_err(|error| {
            Fault::passing(
                "no-tls-certificate",
                Text::new(
                    format!("L'adresse {host} n'a pas de certificat TLS ({error})."),
                    format!("The address {host} has no TLS certificate ({error})."),
                ),
                Text::new(
                    "Choisissez une adresse sous le domaine de la machine.",
                    "Choose an address under the box's domain.",
                ),
            )
        })?;
        Ok(Certificate {
            hostnames,
            chain_pem: made.chain_pem.clone(),
            key_pem: made.key_pem.clone(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use std::fs;

    use super::*;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{CertificateError, RootCertStore};
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp(1_800_000_000_123);

    fn later(days: u64) -> Timestamp {
        Timestamp(NOW.0 + days * DAY_MS)
    }

    fn names(names: &[&str]) -> Vec<Hostname> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn open(dir: &Path, now: Timestamp) -> BoxCa {
        BoxCa::open(dir, "verger.example".parse().unwrap(), now).unwrap()
    }

    /// As a browser would that trusts the root.
    fn verified(
        root_pem: &str,
        leaf_pem: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<(), rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(root_pem.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let leaf = CertificateDer::from_pem_slice(leaf_pem.as_bytes()).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier
            .verify_server_cert(
                &leaf,
                &[],
                &name,
                &[],
                UnixTime::since_unix_epoch(Duration::from_millis(now.0)),
            )
            .map(|_| ())
    }

    #[test]
    fn a_browser_believes_it_for_its_names_and_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let ca = open(dir.path(), NOW);
        let leaf = ca
            .certificate_for(&names(&["verger.example", "blog.verger.example"]), NOW)
            .unwrap();
        for name in ["verger.example", "blog.verger.example"] {
            verified(ca.root_pem(), &leaf.chain_pem, name, NOW).unwrap();
            verified(ca.root_pem(), &leaf.chain_pem, name, later(89)).unwrap();
        }
        assert!(verified(ca.root_pem(), &leaf.chain_pem, "other.verger.example", NOW).is_err());
        assert!(verified(ca.root_pem(), &leaf.chain_pem, "verger.example", later(91)).is_err());
        assert_eq!(leaf.not_after.0, whole_seconds(later(90).0));
    }

    #[test]
    fn it_speaks_for_its_domain_only() {
        let dir = tempfile::tempdir().unwrap();
        let ca = open(dir.path(), NOW);
        for outside in ["bank.example", "notverger.example", "verger.example.org"] {
            let refused = ca.certificate_for(&names(&[outside]), NOW);
            assert!(
                matches!(refused, Err(BoxCaError::Outside { .. })),
                "{outside}"
            );
            // Even one made with the stolen key is not believed.
            let forged = ca.new_leaf(names(&[outside]), NOW).unwrap();
            let error = verified(ca.root_pem(), &forged.certificate_pem, outside, NOW).unwrap_err();
            assert!(format!("{error:?}").contains("NameConstraint"), "{error:?}");
        }
        assert!(matches!(
            ca.certificate_for(&[], NOW),
            Err(BoxCaError::Count(0))
        ));
    }

    #[test]
    fn it_is_kept_and_renewed_in_its_last_third() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path(), NOW);
        let asked = names(&["blog.verger.example"]);
        let leaf = first.certificate_for(&asked, NOW).unwrap();
        let again = open(dir.path(), later(30));
        assert_eq!(again.root_pem(), first.root_pem());
        assert_eq!(again.certificate_for(&asked, later(59)).unwrap(), leaf);
        let renewed = again.certificate_for(&asked, later(61)).unwrap();
        assert!(renewed.not_after > leaf.not_after);
        assert_eq!(again.certificate_for(&asked, later(62)).unwrap(), renewed);
        for entry in fs::read_dir(dir.path()).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_wrong_clock_makes_nothing_worse() {
        let dir = tempfile::tempdir().unwrap();
        let ca = open(dir.path(), NOW);
        let asked = names(&["blog.verger.example"]);
        let leaf = ca.certificate_for(&asked, NOW).unwrap();
        assert_eq!(
            ca.certificate_for(&asked, Timestamp(0)).unwrap(),
            leaf,
            "a clock that was lost"
        );
        let new = names(&["x.verger.example"]);
        let too_early = ca.certificate_for(&new, Timestamp(0)).unwrap();
        verified(ca.root_pem(), &too_early.chain_pem, "x.verger.example", NOW).unwrap();
        // A box whose clock begins in 1970: what it makes holds once the clock is right.
        let dir = tempfile::tempdir().unwrap();
        let begun = open(dir.path(), Timestamp(0));
        begun.certificate_for(&asked, Timestamp(0)).unwrap();
        let right = begun.certificate_for(&asked, NOW).unwrap();
        verified(
            begun.root_pem(),
            &right.chain_pem,
            "blog.verger.example",
            NOW,
        )
        .unwrap();
        // A clock that ran ahead for a while must not leave a certificate that is not valid yet.
        let ahead = ca.certificate_for(&asked, later(400)).unwrap();
        let back = ca.certificate_for(&asked, later(1)).unwrap();
        assert_ne!(back, ahead);
        verified(
            ca.root_pem(),
            &back.chain_pem,
            "blog.verger.example",
            later(1),
        )
        .unwrap();
        assert!(matches!(
            ca.certificate_for(&asked, later(ROOT_DAYS + 1)),
            Err(BoxCaError::Clock)
        ));
    }

    #[test]
    fn a_damaged_root_stays_a_damaged_leaf_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let ca = open(dir.path(), NOW);
        let asked = names(&["blog.verger.example"]);
        ca.certificate_for(&asked, NOW).unwrap();
        for entry in fs::read_dir(dir.path()).unwrap() {
            fs::write(entry.unwrap().path(), "{").unwrap();
        }
        ca.certificate_for(&asked, NOW).unwrap();
        let refused = BoxCa::open(dir.path(), "verger.example".parse().unwrap(), NOW);
        assert!(matches!(refused, Err(BoxCaError::Damaged(_))));
        assert_eq!(
            fs::read(dir.path().join("root-verger.example.json")).unwrap(),
            b"{"
        );
    }

    #[test]
    fn a_rejected_certificate_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let ca = open(dir.path(), NOW);
        let other = tempfile::tempdir().unwrap();
        let stranger = open(other.path(), NOW);
        let leaf = stranger
            .certificate_for(&names(&["verger.example"]), NOW)
            .unwrap();
        let error = verified(ca.root_pem(), &leaf.chain_pem, "verger.example", NOW).unwrap_err();
        assert!(
            matches!(
                error,
                rustls::Error::InvalidCertificate(
                    CertificateError::UnknownIssuer | CertificateError::BadSignature
                )
            ),
            "{error:?}"
        );
    }
}
