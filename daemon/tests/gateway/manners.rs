//! The finer points of HTTP, each as its clients need it.

use super::house::*;
use http::Request;
use lavoir::gateway::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MIB: u64 = 1024 * 1024;

async fn house() -> (House, Daemon, Service) {
    let service = Service::start().await;
    let (house, daemon) = House::with(vec![route(BLOG, "/", to(&service, MIB))]).await;
    (house, daemon, service)
}

#[tokio::test]
async fn who_waits_for_a_word_before_the_body_gets_it() {
    let (house, _daemon, service) = house().await;
    let mut stream = house.tls(BLOG, b"http/1.1").await.unwrap();
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: {BLOG}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let word = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut heard = vec![0; word.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, word);
    stream.write_all(b"hello").await.unwrap();
    let mut heard = vec![0; 15];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, b"HTTP/1.1 200 OK");
    assert_eq!(service.seen(), ["POST /echo"]);

    // A body that is not wanted is not asked for.
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: {BLOG}\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n\r\n"
    );
    let answer = house.raw(BLOG, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert_eq!(service.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn trailers_pass_but_not_what_only_proxies_may_say() {
    let (house, ..) = house().await;
    let request = format!(
        "POST /trailers HTTP/1.1\r\nHost: {BLOG}\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, x-forwarded-for, x_sum\r\n\
         Connection: close\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\nX-Forwarded-For: 6.6.6.6\r\nX_Sum: 6\r\n\r\n"
    );
    let answer = house.raw(BLOG, request.as_bytes()).await;
    assert!(answer.contains("\"x-sum\": \"7\""), "{answer}");
    assert!(
        !answer.contains("6.6.6.6") && !answer.contains("x_sum"),
        "{answer}"
    );

    // The other way, for those who say that they understand trailers.
    let request = format!(
        "GET /trailing HTTP/1.1\r\nHost: {BLOG}\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n"
    );
    let answer = house.raw(BLOG, request.as_bytes()).await;
    assert!(answer.ends_with("x-sum: 9\r\n\r\n"), "{answer}");
    use http_body_util::BodyExt;
    let request = Request::get(format!("https://{BLOG}/trailing"))
        .header("te", "trailers")
        .body(nothing())
        .unwrap();
    let response = house.http2(BLOG).await.send_request(request).await.unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "9");
}

#[tokio::test]
async fn parts_are_asked_for_and_given() {
    let (house, _daemon, service) = house().await;
    let mut request = get(BLOG, "/part");
    request
        .headers_mut()
        .insert("range", "bytes=2-4".parse().unwrap());
    request
        .headers_mut()
        .insert("if-range", "\"one\"".parse().unwrap());
    let (status, headers, part) = house.ask(request).await;
    assert_eq!((status.as_u16(), part.as_str()), (206, "bytes=2-4"));
    assert_eq!(headers["content-range"], "bytes 2-4/10");
    let mut request = get(BLOG, "/part");
    *request.method_mut() = http::Method::HEAD;
    let (status, headers, nothing) = house.ask(request).await;
    assert_eq!((status.as_u16(), nothing.as_str()), (200, ""));
    assert_eq!(headers["content-length"], "10");
    assert_eq!(service.seen(), ["GET /part", "HEAD /part"]);
}

#[tokio::test]
async fn grpc_is_refused_in_its_own_words() {
    let (house, _daemon, service) = house().await;
    let mut sender = house.http2(BLOG).await;
    for kind in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc;x=y",
    ] {
        let request = Request::post(format!("https://{BLOG}/echo"))
            .header("content-type", kind)
            .header("te", "trailers")
            .body(body("x"))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], "12");
    }
    assert_eq!(service.seen(), Vec::<String>::new());
    // Its cousin for browsers is ordinary HTTP.
    let mut request = post(BLOG, "/echo", body("x"));
    let kind = "application/grpc-web+proto".parse().unwrap();
    request.headers_mut().insert("content-type", kind);
    assert_eq!(house.ask(request).await.2, "x");
}

#[tokio::test]
async fn https_alone_is_said_only_when_it_is_set() {
    let service = Service::start().await;
    let routes = || vec![route(BLOG, "/", to(&service, MIB))];
    let (plain, _one) = House::with(routes()).await;
    assert!(
        !plain
            .ask(get(BLOG, "/a"))
            .await
            .1
            .contains_key("strict-transport-security")
    );
    let settings = Settings {
        hsts_s: Some(86_400),
        https_port: Some(443),
        ..Settings::default()
    };
    let (house, _two) = House::with_settings(routes(), settings).await;
    let (_, headers, _) = house.ask(get(BLOG, "/a")).await;
    assert_eq!(headers["strict-transport-security"], "max-age=86400");
    let (_, headers, _) = house.ask(get(BLOG, "/own-hsts")).await;
    assert_eq!(
        headers["strict-transport-security"], "max-age=5",
        "an app's own word stays"
    );
    // Without TLS it is not said, and the port is the one that browsers find.
    let mut stream = tokio::net::TcpStream::connect(house.http).await.unwrap();
    let request = format!("GET /a HTTP/1.1\r\nHost: {BLOG}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.contains(&format!("location: https://{BLOG}/a\r\n")),
        "{answer}"
    );
    assert!(!answer.contains("strict-transport"), "{answer}");
}
