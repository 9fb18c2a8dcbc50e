//! Every time-out, each set short for its test alone, against the real process. Nothing is measured: a test that
//! waits for ever is one that fails.

use super::house::*;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use lavoir::door::Target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn with(limit: &str) -> (House, Daemon, Service) {
    let service = Service::start().await;
    let routes = vec![route(BLOG, "/", to(&service, 1_000_000))];
    let (house, daemon) = House::real(routes, &format!("[gateway.limits]\n{limit}")).await;
    (house, daemon, service)
}

async fn to_the_end(mut stream: impl tokio::io::AsyncRead + Unpin) -> String {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn for_a_handshake() {
    let (house, _daemon, _service) = with("handshake_ms = 300").await;
    for some in [&b""[..], b"\x16\x03\x01\x02", b"\x16"] {
        let mut stream = TcpStream::connect(house.https).await.unwrap();
        stream.write_all(some).await.unwrap();
        to_the_end(stream).await;
    }
}

#[tokio::test]
async fn for_a_head() {
    let (house, _daemon, service) = with("head_ms = 300").await;
    for some in ["", "GET / HTTP/1.1\r\nHo"] {
        let mut stream = house.tls(BLOG, b"http/1.1").await.unwrap();
        stream.write_all(some.as_bytes()).await.unwrap();
        assert!(!to_the_end(stream).await.contains("200"));
        let mut stream = TcpStream::connect(house.http).await.unwrap();
        stream.write_all(some.as_bytes()).await.unwrap();
        assert!(!to_the_end(stream).await.contains("301"));
    }
    assert_eq!(service.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn without_a_request_under_way() {
    let (house, _daemon, _service) = with("idle_ms = 2000").await;
    let stream = house.tls(BLOG, b"h2").await.unwrap();
    to_the_end(stream).await;
    let mut stream = house.tls(BLOG, b"http/1.1").await.unwrap();
    let request = format!("GET /a HTTP/1.1\r\nHost: {BLOG}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(to_the_end(stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn with_a_silent_request_under_way() {
    let (house, _daemon, _service) = with("exchange_idle_ms = 1500\ndrain_ms = 300").await;
    let mut sender = house.http1(BLOG).await;
    let response = sender.send_request(get(BLOG, "/events")).await.unwrap();
    let mut events = response.into_body();
    assert!(events.frame().await.unwrap().is_ok());
    assert!(
        events.frame().await.unwrap().is_err(),
        "cut off, which is not an end"
    );
}

#[tokio::test]
async fn for_a_body() {
    let (house, _daemon, _service) = with("body_idle_ms = 300").await;
    let request = format!("POST /count HTTP/1.1\r\nHost: {BLOG}\r\nContent-Length: 10\r\n\r\nhalf");
    let answer = to_the_end_of(&house, &request).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let request = format!(
        "POST /count HTTP/1.1\r\nHost: {BLOG}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf"
    );
    let answer = to_the_end_of(&house, &request).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

async fn to_the_end_of(house: &House, request: &str) -> String {
    let mut stream = house.tls(BLOG, b"http/1.1").await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    to_the_end(stream).await
}

#[tokio::test]
async fn for_an_answer() {
    let (house, _daemon, _service) = with("answer_ms = 300").await;
    assert_eq!(house.ask(get(BLOG, "/never")).await.0, 504);
}

#[tokio::test]
async fn for_a_service_to_be_reached() {
    // A listener that takes nobody, with its queue full.
    let deaf = tokio::net::TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let deaf = deaf.listen(0).unwrap();
    let there = deaf.local_addr().unwrap();
    let _full = TcpStream::connect(there).await.unwrap();
    let dead = Target::Upstream {
        address: there,
        body_max_bytes: 1_000,
    };
    let (house, _daemon) = House::real(
        vec![route(BLOG, "/", dead)],
        "[gateway.limits]\nconnect_ms = 300",
    )
    .await;
    assert_eq!(house.ask(get(BLOG, "/")).await.0, 504);
}

#[tokio::test]
async fn through_a_websocket() {
    let (house, _daemon, _service) = with("tunnel_idle_ms = 1500").await;
    let mut sender = house.http1(BLOG).await;
    let response = sender.send_request(websocket("/ws")).await.unwrap();
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    socket.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    socket.read_exact(&mut heard).await.unwrap();
    to_the_end(socket).await;
}

#[tokio::test]
async fn once_told_to_end() {
    let (mut house, _daemon, _service) = with("drain_ms = 300").await;
    let mut sender = house.http1(BLOG).await;
    let mut events = sender
        .send_request(get(BLOG, "/events"))
        .await
        .unwrap()
        .into_body();
    assert!(events.frame().await.unwrap().is_ok());
    house.process().signal(nix::sys::signal::Signal::SIGTERM);
    assert!(events.frame().await.unwrap().is_err());
    let Running::Process(process) = &mut house.gateway else {
        panic!("a process");
    };
    assert!(process.ended().success());
}
