//! What a certificate says, as far as the rule of which is better wants to know.

use lavoir_core::id::Timestamp;
use lavoir_core::renewal::Life;
use lavoir_core::renewal::worth::Paper;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

/// Reads the leaf, and whether the key is its own.
pub(super) fn read(chain_pem: &str, key_pem: &str) -> Result<Paper, String> {
    let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let leaf = chain.first().ok_or("no certificate in it")?;
    let (_, parsed) = parse_x509_certificate(leaf).map_err(|error| error.to_string())?;
    let alternative = parsed
        .subject_alternative_name()
        .map_err(|error| error.to_string())?;
    let names = alternative
        .iter()
        .flat_map(|extension| &extension.value.general_names);
    let names = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => name.parse().ok(),
        _ => None,
    });
    let names = names.collect();
    let ms = |at: ASN1Time| Timestamp(u64::try_from(at.timestamp()).unwrap_or(0) * 1_000);
    let life = Life {
        not_before: ms(parsed.validity().not_before),
        not_after: ms(parsed.validity().not_after),
    };
    // An authority signs in its own name, the leaf's is another (or none).
    let self_signed = parsed.issuer().as_raw() == parsed.subject().as_raw();
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes());
    let key = key.map_err(|_| "no key in it")?;
    let key_fits =
        CertifiedKey::from_der(chain.clone(), key, &aws_lc_rs::default_provider()).is_ok();
    Ok(Paper {
        names,
        life,
        self_signed,
        key_fits,
    })
}
