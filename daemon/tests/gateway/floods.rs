//! Too much of something: it is cut off, and those who behave are served meanwhile. Against the real process.

use std::sync::Arc;

use super::frames::*;
use super::house::*;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const MUCH: usize = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_frames_end_their_connection_alone() {
    let service = Service::start().await;
    let (house, _daemon) = House::real(vec![route(BLOG, "/", to(&service, 1_000_000))], "").await;
    let mut good = house.http2(BLOG).await;
    let opened = frame(HEADERS, END_HEADERS, 1, &post_head("/count"));
    let resets: Vec<u8> = (0..MUCH as u32)
        .flat_map(|n| {
            let mut both = frame(
                HEADERS,
                END_HEADERS | END_STREAM,
                2 * n + 1,
                &head("/never"),
            );
            both.extend(frame(RST_STREAM, 0, 2 * n + 1, &[0, 0, 0, 8]));
            both
        })
        .collect();
    let mut continued = frame(HEADERS, 0, 1, &head("/never"));
    continued.extend(frame(CONTINUATION, 0, 1, &field("x", "y", false)).repeat(MUCH));
    let mut empty_continued = frame(HEADERS, 0, 1, &head("/never"));
    empty_continued.extend(frame(CONTINUATION, 0, 1, &[]).repeat(MUCH));
    // A field of 3,000 bytes kept in the table, then named again and again by one byte.
    let mut bomb = head("/never");
    bomb.extend(field("x-bomb", &"x".repeat(3_000), true));
    bomb.extend([0x80 | 62].repeat(10_000));
    let bomb = frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb);
    let after = |begin: &[u8], frames: Vec<u8>| [begin, &frames].concat();
    let floods = [
        ("rapid resets", resets),
        ("continuations", continued),
        ("empty continuations", empty_continued),
        (
            "settings",
            frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]).repeat(MUCH),
        ),
        (
            "answers to settings",
            frame(SETTINGS, 1, 0, &[]).repeat(MUCH),
        ),
        ("pings", frame(PING, 0, 0, b"12345678").repeat(MUCH)),
        (
            "priorities",
            frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 9]).repeat(MUCH),
        ),
        ("unknown frames", frame(77, 0, 0, b"x").repeat(MUCH)),
        (
            "empty data",
            after(&opened, frame(DATA, 0, 1, &[]).repeat(MUCH)),
        ),
        (
            "window updates",
            frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).repeat(MUCH),
        ),
        (
            "a table that unpacks to much",
            after(&bomb, frame(PING, 0, 0, b"12345678").repeat(MUCH)),
        ),
    ];
    for (what, frames) in floods {
        service.seen();
        let kinds = attack(&house, &frames).await;
        // The same connection as before all of it.
        let request = Request::get(format!("https://{BLOG}/good"))
            .body(nothing())
            .unwrap();
        assert_eq!(
            good.send_request(request).await.unwrap().status(),
            200,
            "{what}"
        );
        let answered = kinds
            .iter()
            .filter(|kind| [PING, SETTINGS].contains(kind))
            .count();
        assert!(answered < 2_500, "{what}: {answered} answers");
        let passed_on = service
            .seen()
            .iter()
            .filter(|seen| seen.contains("never"))
            .count();
        assert!(passed_on < 1_500, "{what}: {passed_on} passed on");
    }
}

fn post_head(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", BLOG),
        (":path", path),
    ];
    fields
        .iter()
        .flat_map(|(name, value)| field(name, value, false))
        .collect()
}

/// A connection from an address of this machine's own choice: all of 127.0.0.0/8 is here.
async fn from(address: &str, house: &House) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(format!("{address}:0").parse().unwrap())
        .unwrap();
    socket.connect(house.https).await.unwrap()
}

async fn tls_from(
    address: &str,
    house: &House,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let config = Arc::new(house.client(b"http/1.1"));
    let name = rustls::pki_types::ServerName::try_from(BLOG).unwrap();
    tokio_rustls::TlsConnector::from(config)
        .connect(name, from(address, house).await)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_counted_in_all_and_by_address() {
    let service = Service::start().await;
    let (house, _daemon) = House::real(
        vec![route(BLOG, "/", to(&service, 1_000_000))],
        "[gateway.limits]\nconnections_max = 8\nconnections_per_client_max = 5",
    )
    .await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(tls_from("127.0.0.1", &house).await.unwrap());
    }
    assert!(
        tls_from("127.0.0.1", &house).await.is_err(),
        "one client has its five"
    );
    for _ in 0..3 {
        held.push(tls_from("127.0.0.2", &house).await.unwrap());
    }
    assert!(
        tls_from("127.0.0.2", &house).await.is_err(),
        "eight are all there are"
    );
    assert!(
        tls_from("127.0.0.3", &house).await.is_err(),
        "eight are all there are"
    );
    // A place is given back when its connection ends.
    held.truncate(4);
    let mut tries = 0;
    while tls_from("127.0.0.3", &house).await.is_err() {
        tries += 1;
        assert!(tries < 1_000);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted_by_address() {
    let service = Service::start().await;
    let (house, _daemon) = House::real(
        vec![route(BLOG, "/", to(&service, 1_000_000))],
        "[gateway.limits]\nrequests_per_client_max = 3",
    )
    .await;
    let sender = house.http2(BLOG).await;
    let ask = |path: &str| {
        let request = Request::get(format!("https://{BLOG}{path}"))
            .body(nothing())
            .unwrap();
        let mut sender = sender.clone();
        tokio::spawn(async move {
            sender
                .send_request(request)
                .await
                .unwrap()
                .status()
                .as_u16()
        })
    };
    let waiting = [ask("/never"), ask("/never"), ask("/never")];
    while service.seen.lock().unwrap().len() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ask("/one-more").await.unwrap(), 429);
    assert_eq!(
        house.ask(get(BLOG, "/one-more")).await.0,
        429,
        "by another connection too"
    );
    assert_eq!(service.seen().len(), 3);
    waiting.iter().for_each(|asked| asked.abort());
    let mut tries = 0;
    drop(sender);
    while house.ask(get(BLOG, "/again")).await.0 != 200 {
        tries += 1;
        assert!(tries < 1_000);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_by_the_hundred_do_not_keep_others_waiting() {
    let service = Service::start().await;
    let (house, _daemon) = House::real(
        vec![route(BLOG, "/", to(&service, 1_000_000))],
        "[gateway.limits]\nhandshakes_max = 16\nhandshakes_per_client_max = 8\nhead_ms = 20000",
    )
    .await;
    let mut slow = Vec::new();
    // Some say nothing, some begin a handshake and stop, some begin a request and stop, some begin a body and stop.
    let hello = client_hello(&house).await;
    for n in 0..120_u32 {
        let address = format!("127.0.1.{}", n % 10 + 1);
        slow.push(Slow::Plain(from(&address, &house).await));
        let mut half = from(&address, &house).await;
        half.write_all(&hello[..hello.len() / 2]).await.unwrap();
        slow.push(Slow::Plain(half));
    }
    // One client begins more handshakes that do not go on than there are turns for all.
    for _ in 0..20 {
        let mut stream = from("127.0.2.1", &house).await;
        stream.write_all(&hello).await.unwrap();
        slow.push(Slow::Plain(stream));
    }
    for n in 0..60_u32 {
        let mut stream = tls_from(&format!("127.0.3.{}", n % 10 + 1), &house)
            .await
            .unwrap();
        stream
            .write_all(b"POST /count HTTP/1.1\r\nHo")
            .await
            .unwrap();
        slow.push(Slow::Secure(Box::new(stream)));
        let mut stream = tls_from(&format!("127.0.4.{}", n % 10 + 1), &house)
            .await
            .unwrap();
        let head =
            format!("POST /count HTTP/1.1\r\nHost: {BLOG}\r\nContent-Length: 100\r\n\r\nhalf");
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(Slow::Secure(Box::new(stream)));
    }
    for n in 0..50 {
        assert_eq!(house.ask(get(BLOG, &format!("/{n}"))).await.0, 200);
    }
    // And they are still there: none was let go to serve the others.
    for slow in &mut slow {
        if let Slow::Secure(stream) = slow {
            stream.write_all(b"x").await.unwrap();
        }
    }
}

enum Slow {
    Plain(#[allow(dead_code)] TcpStream),
    Secure(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// The first bytes of a decent handshake.
async fn client_hello(house: &House) -> Vec<u8> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(house.client(b"http/1.1")));
    let stream = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let name = rustls::pki_types::ServerName::try_from(BLOG).unwrap();
    let shaking = tokio::spawn(async move { connector.connect(name, stream).await.map(drop) });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut header = [0; 5];
    stream.read_exact(&mut header).await.unwrap();
    let mut hello = header.to_vec();
    hello.resize(
        5 + usize::from(u16::from_be_bytes([header[3], header[4]])),
        0,
    );
    stream.read_exact(&mut hello[5..]).await.unwrap();
    shaking.abort();
    hello
}
