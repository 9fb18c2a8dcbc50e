//! Challenges of an authority: answered to exactly whom they are for, and to nobody else.

use lavoir::door::{Certificate, Challenge, Target};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::house::*;

const TOKEN: &str = "rOlACo_v-ZSx";

fn page() -> Challenge {
    Challenge::Http {
        host: host(BLOG),
        token: TOKEN.into(),
        answer: format!("{TOKEN}.thumb"),
    }
}

fn proof() -> Challenge {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![BLOG.to_owned()]).unwrap();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(&[7; 32])];
    let made = params.self_signed(&key).unwrap();
    let certificate = Certificate {
        hostnames: vec![host(BLOG)],
        chain_pem: made.pem(),
        key_pem: key.serialize_pem(),
    };
    Challenge::TlsAlpn { certificate }
}

fn doors() -> Vec<lavoir::door::Route> {
    let target = Target::Redirect {
        location: "/x".into(),
    };
    vec![route(BLOG, "/", target.clone()), route(MAP, "/", target)]
}

async fn asked(house: &House, method: &str, name: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(house.http).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn one_page_for_one_host_before_the_redirect() {
    let (house, mut daemon) = House::with(doors()).await;
    let path = format!("/.well-known/acme-challenge/{TOKEN}");
    let is_answered = |answer: String| answer.starts_with("HTTP/1.1 200");
    assert!(!is_answered(asked(&house, "GET", BLOG, &path).await));
    daemon
        .show(house.doorway(2, doors()).with_challenges(vec![page()]))
        .await;
    let answer = asked(&house, "GET", &format!("{BLOG}:80"), &path).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with(&format!("{TOKEN}.thumb")),
        "{answer}"
    );
    assert!(!answer.to_lowercase().contains("text/html"), "{answer}");
    for (method, name, path) in [
        ("GET", MAP, path.as_str()),
        ("GET", BLOG, "/.well-known/acme-challenge/rOlACo_v-ZSy"),
        ("GET", BLOG, "/.well-known/acme-challenge/"),
        ("GET", BLOG, "/.well-known/acme-challenge/rOlACo_v-ZSx/"),
        (
            "GET",
            BLOG,
            "/.well-known/acme-challenge/../acme-challenge/rOlACo_v-ZSx",
        ),
        ("GET", BLOG, "/"),
        ("POST", BLOG, path.as_str()),
    ] {
        let answer = asked(&house, method, name, path).await;
        assert!(
            answer.starts_with("HTTP/1.1 30"),
            "{method} {name}{path}: {answer}"
        );
    }
    assert!(!is_answered(
        asked(&house, "GET", "other.example", &path).await
    ));
    daemon.show(house.doorway(3, doors())).await;
    assert!(
        !is_answered(asked(&house, "GET", BLOG, &path).await),
        "its time is over"
    );
}

/// What became of a handshake that offers these protocols.
async fn shaken(house: &House, name: &str, offers: &[&[u8]]) -> String {
    let mut config = house.client(b"");
    config.alpn_protocols = offers.iter().map(|offer| offer.to_vec()).collect();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let stream = TcpStream::connect(house.https).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    match connector.connect(name, stream).await {
        Ok(mut stream) => {
            let protocol = stream
                .get_ref()
                .1
                .alpn_protocol()
                .unwrap_or(b"none")
                .to_vec();
            let protocol = String::from_utf8(protocol).unwrap();
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
            let mut first = [0; 1];
            let served = stream.read(&mut first).await.is_ok_and(|n| n == 1);
            format!("{protocol}, served: {served}")
        }
        // Its own proof is signed by nobody that a client knows.
        Err(error) if error.to_string().contains("invalid peer certificate") => "a proof".into(),
        Err(_) => "nothing".into(),
    }
}

#[tokio::test]
async fn one_certificate_for_whom_offers_nothing_else() {
    let (house, mut daemon) = House::with(doors()).await;
    let acme: &[&[u8]] = &[b"acme-tls/1"];
    assert_eq!(shaken(&house, BLOG, acme).await, "nothing");
    daemon
        .show(house.doorway(2, doors()).with_challenges(vec![proof()]))
        .await;
    assert_eq!(shaken(&house, BLOG, acme).await, "a proof");
    assert_eq!(shaken(&house, MAP, acme).await, "nothing");
    assert_eq!(
        shaken(&house, "other.verger.example", acme).await,
        "nothing"
    );
    assert_eq!(
        shaken(&house, BLOG, &[b"http/1.1"]).await,
        "http/1.1, served: true"
    );
    assert_eq!(
        shaken(&house, BLOG, &[b"acme-tls/1", b"http/1.1"]).await,
        "http/1.1, served: true"
    );
    // Not an authority's way to ask: the usual certificate, and not a word behind it.
    assert_eq!(
        shaken(&house, BLOG, &[b"acme-tls/1", b"odd"]).await,
        "acme-tls/1, served: false"
    );
    daemon.show(house.doorway(3, doors())).await;
    assert_eq!(
        shaken(&house, BLOG, acme).await,
        "nothing",
        "its time is over"
    );
}
