//! Handshakes as browsers make them.

use std::sync::Arc;

use super::house::*;
use rustls::{HandshakeKind, ProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const HTTP: &[u8] = b"http/1.1";

/// A browser that speaks this version alone, and remembers its tickets.
fn browser(
    house: &House,
    version: &'static rustls::SupportedProtocolVersion,
) -> Arc<rustls::ClientConfig> {
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    let root = rustls::pki_types::CertificateDer::from_pem_slice(house.ca.root_pem().as_bytes());
    roots.add(root.unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![HTTP.to_vec()];
    Arc::new(config)
}

/// What was agreed on.
#[derive(Debug)]
struct Agreed {
    version: ProtocolVersion,
    kind: HandshakeKind,
    group: Option<rustls::NamedGroup>,
    certificate: Vec<u8>,
}

/// One connection with one request: tickets come after the handshake.
async fn visit(house: &House, browser: &Arc<rustls::ClientConfig>) -> Agreed {
    let stream = TcpStream::connect(house.https).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from(BLOG).unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(browser));
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {BLOG}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    let session = stream.get_ref().1;
    Agreed {
        version: session.protocol_version().unwrap(),
        kind: session.handshake_kind().unwrap(),
        group: session
            .negotiated_key_exchange_group()
            .map(|group| group.name()),
        certificate: session.peer_certificates().unwrap()[0].to_vec(),
    }
}

async fn house(more: &str) -> (House, Daemon, Service) {
    let service = Service::start().await;
    let (house, daemon) = House::real(vec![route(BLOG, "/", to(&service, 1_000))], more).await;
    (house, daemon, service)
}

#[tokio::test]
async fn both_versions_are_spoken_and_sessions_go_on() {
    let (house, _daemon, _service) = house("").await;
    for (version, expected) in [
        (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
        (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let browser = browser(&house, version);
        let first = visit(&house, &browser).await;
        assert_eq!(first.version, expected);
        assert_ne!(first.kind, HandshakeKind::Resumed);
        // id-ecPublicKey, prime256v1
        let ecdsa = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
        assert!(
            first
                .certificate
                .windows(ecdsa.len())
                .any(|part| part == ecdsa)
        );
        let second = visit(&house, &browser).await;
        assert_eq!(second.kind, HandshakeKind::Resumed, "{expected:?}");
    }
}

#[tokio::test]
async fn keys_are_agreed_on_in_a_way_that_outlives_quantum_computers() {
    let (house, _daemon, _service) = house("").await;
    let browser = browser(&house, &rustls::version::TLS13);
    let agreed = visit(&house, &browser).await;
    assert_eq!(agreed.group, Some(rustls::NamedGroup::X25519MLKEM768));
    assert_eq!(agreed.kind, HandshakeKind::Full, "at the first try");
}

#[tokio::test]
async fn a_ticket_whose_key_is_gone_opens_nothing() {
    let (house, _daemon, _service) = house("[gateway.limits]\nticket_key_s = 1").await;
    let (one, other) = (
        browser(&house, &rustls::version::TLS13),
        browser(&house, &rustls::version::TLS13),
    );
    visit(&house, &one).await;
    for _ in 0..2 {
        // Whole seconds are what keys are changed by.
        tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
        visit(&house, &other).await;
    }
    assert_eq!(visit(&house, &one).await.kind, HandshakeKind::Full);
}

#[tokio::test]
async fn older_versions_are_not() {
    let (house, _daemon, _service) = house("").await;
    // TLS 1.0 and 1.1, with a cipher suite of their time.
    for version in [1, 2] {
        let mut hello = vec![3, version];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0xc0, 0x0a, 1, 0]);
        let mut message = vec![1, 0, 0, hello.len() as u8];
        message.extend(hello);
        let mut record = vec![0x16, 3, 1, 0, message.len() as u8];
        record.extend(message);
        let mut stream = TcpStream::connect(house.https).await.unwrap();
        stream.write_all(&record).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        // A fatal alert, and nothing else.
        assert_eq!(
            (answer.first(), answer.get(5), answer.len()),
            (Some(&0x15), Some(&2), 7),
            "{answer:?}"
        );
    }
}
