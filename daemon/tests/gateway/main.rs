//! The gateway as its clients meet it, over real sockets.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod changes;
mod floods;
mod frames;
mod house;
mod manners;
mod nginx;
mod patience;
mod process;
mod replaced;
mod smuggling;
mod tls;

use house::*;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use lavoir::door::{HoldingState, Target};
use lavoir_core::text::Text;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn http1_goes_through_and_stays_open() {
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![route(BLOG, "/", to(&service, MIB))]).await;
    let mut sender = house.http1(BLOG).await;
    for n in 0..3 {
        let response = sender
            .send_request(post(BLOG, "/echo", body(format!("n° {n}"))))
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(text(response.into_body()).await, format!("n° {n}"));
        sender.ready().await.unwrap();
    }
    let mut head = get(BLOG, "/some/path?a=b");
    *head.method_mut() = http::Method::HEAD;
    assert_eq!(sender.send_request(head).await.unwrap().status(), 200);
    assert_eq!(service.seen().last().unwrap(), "HEAD /some/path?a=b");
}

#[tokio::test]
async fn http2_goes_through_at_once_and_cookies_are_joined() {
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![route(BLOG, "/", to(&service, MIB))]).await;
    let sender = house.http2(BLOG).await;
    let uri = |path: &str| format!("https://{BLOG}{path}");
    let asked = (0..20).map(|n| {
        let mut sender = sender.clone();
        let request = Request::post(uri("/echo"))
            .body(body(n.to_string()))
            .unwrap();
        async move { text(sender.send_request(request).await.unwrap().into_body()).await }
    });
    let answers = futures_util::future::join_all(asked).await;
    assert_eq!(answers, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());

    let request = Request::get(uri("/headers"))
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(nothing())
        .unwrap();
    let headers = text(
        sender
            .clone()
            .send_request(request)
            .await
            .unwrap()
            .into_body(),
    )
    .await;
    assert!(headers.contains("cookie: a=1; b=2"), "{headers}");
    assert!(headers.contains(&format!("host: {BLOG}")), "{headers}");

    for (host, uri, expected) in [
        (Some("other.example"), uri("/"), 400),
        (None, "https://other.example/".to_owned(), 421),
        (Some(BLOG), format!("http://{BLOG}/"), 400),
    ] {
        let mut request = Request::get(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let response = sender
            .clone()
            .send_request(request.body(nothing()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), expected, "{host:?}");
    }
}

#[tokio::test]
async fn who_asks_is_told_by_the_gateway_alone() {
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![route(BLOG, "/", to(&service, MIB))]).await;
    let mut request = get(BLOG, "/headers");
    for (name, value) in [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-port", "666"),
        ("x_forwarded_for", "6.6.6.6"),
        ("x-real-ip", "6.6.6.6"),
        ("forwarded", "for=6.6.6.6"),
        ("x-kept", "yes"),
        ("x-for-one-hop", "6.6.6.6"),
        ("connection", "x-for-one-hop, keep-alive"),
        ("te", "gzip"),
        ("upgrade", "h2c"),
    ] {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let (status, headers, lines) = house.ask(request).await;
    assert_eq!(status, 200);
    assert_eq!(
        lines,
        format!(
            "forwarded: for=127.0.0.1;host=\"{BLOG}\";proto=https\nhost: {BLOG}\nx-forwarded-for: 127.0.0.1\n\
             x-forwarded-host: {BLOG}\nx-forwarded-proto: https\nx-kept: yes\nx-real-ip: 127.0.0.1"
        )
    );
    assert!(headers.contains_key("x-kept"));
    assert!(
        !headers.contains_key("x-hop") && !headers.contains_key("keep-alive"),
        "{headers:?}"
    );
}

#[tokio::test]
async fn a_websocket_is_a_tunnel() {
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![route(BLOG, "/", to(&service, MIB))]).await;
    let mut sender = house.http1(BLOG).await;
    let mut request = get(BLOG, "/ws");
    request
        .headers_mut()
        .insert("connection", "Upgrade".parse().unwrap());
    request
        .headers_mut()
        .insert("upgrade", "websocket".parse().unwrap());
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["sec-websocket-accept"], "yes");
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    // What goes through is no HTTP: also what looks like a bad one.
    for words in [
        &b"\0\n\nGET / HTTP/9\n\n"[..],
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"last",
    ] {
        socket.write_all(words).await.unwrap();
        let mut heard = vec![0; words.len()];
        socket.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, words);
    }
    drop(socket);
    // Other upgrades are not passed on: the service sees a plain request.
    let mut h2c = get(BLOG, "/headers");
    h2c.headers_mut()
        .insert("connection", "Upgrade, HTTP2-Settings".parse().unwrap());
    h2c.headers_mut().insert("upgrade", "h2c".parse().unwrap());
    h2c.headers_mut()
        .insert("http2-settings", "AAMAAABk".parse().unwrap());
    let (status, _, lines) = house.ask(h2c).await;
    assert_eq!(status, 200);
    assert!(
        !lines.contains("upgrade") && !lines.contains("http2"),
        "{lines}"
    );
}

#[tokio::test]
async fn an_event_comes_before_the_answer_ends() {
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![route(BLOG, "/", to(&service, MIB))]).await;
    let response = house
        .http1(BLOG)
        .await
        .send_request(get(BLOG, "/events"))
        .await
        .unwrap();
    let frame = response.into_body().frame().await.unwrap().unwrap();
    assert_eq!(&frame.into_data().unwrap()[..], b"data: 1\n\n");
}

#[tokio::test]
async fn a_body_too_large_is_refused_at_once_or_on_the_way() {
    let service = Service::start().await;
    let routes = vec![
        route(BLOG, "/", to(&service, 1_000)),
        route(BLOG, "/count", to(&service, 100_000)),
    ];
    let (house, _daemon) = House::with(routes).await;
    let (status, _, page) = house
        .ask(post(BLOG, "/echo", body(vec![b'x'; 1_001])))
        .await;
    assert_eq!(status, 413);
    assert!(page.contains("1\u{a0}ko"), "{page}");
    service.seen();
    let (status, ..) = house
        .ask(post(BLOG, "/count", body(vec![b'x'; 400_000])))
        .await;
    assert_eq!(status, 413);
    assert_eq!(
        service.seen(),
        Vec::<String>::new(),
        "announced as too large: not begun"
    );
    let (status, ..) = house
        .ask(post(BLOG, "/echo", body(vec![b'x'; 1_000])))
        .await;
    assert_eq!(status, 200);

    // Without a length: found out on the way.
    let mut sender = house.http2(BLOG).await;
    let request = Request::post(format!("https://{BLOG}/count"))
        .body(stream(100_001))
        .unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 413);
    let request = Request::post(format!("https://{BLOG}/count"))
        .body(stream(100_000))
        .unwrap();
    assert_eq!(
        text(sender.send_request(request).await.unwrap().into_body()).await,
        "100000"
    );
    let chunked = format!(
        "POST /count HTTP/1.1\r\nHost: {BLOG}\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n{}\r\n0\r\n\r\n",
        "x".repeat(100_001)
    );
    let answer = house.raw(BLOG, chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![
        route(BLOG, "/only", to(&service, MIB)),
        route(MAP, "/", to(&service, MIB)),
    ])
    .await;
    for unknown in [
        "other.verger.example",
        "verger.example",
        "blog.verger.example.org",
    ] {
        let error = house.tls(unknown, b"http/1.1").await.unwrap_err();
        assert!(error.to_string().contains("alert"), "{unknown}: {error}");
    }
    let mut sender = house.http1(BLOG).await;
    for (name, expected) in [
        ("other.verger.example", 421),
        (MAP, 421),
        (BLOG, 404),
        ("127.0.0.1", 421),
    ] {
        let response = sender.send_request(get(name, "/x")).await.unwrap();
        assert_eq!(response.status(), expected, "{name}");
        assert!(!response.headers().contains_key("server"));
        assert_eq!(text(response.into_body()).await, "");
    }
    assert_eq!(service.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn the_unprotected_port_sends_to_the_protected_one() {
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![route(BLOG, "/", to(&service, MIB))]).await;
    for (method, name, expected) in [
        ("GET", BLOG, 301),
        ("HEAD", BLOG, 301),
        ("POST", BLOG, 308),
        ("GET", "x.example", 404),
    ] {
        let stream = tokio::net::TcpStream::connect(house.http).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri("/a?b=c")
            .header("host", format!("{name}:80"))
            .body(nothing())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), expected, "{method} {name}");
        if expected != 404 {
            assert_eq!(
                response.headers()["location"],
                format!("https://{BLOG}:{}/a?b=c", house.https.port())
            );
        }
    }
    assert_eq!(service.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn pages_hold_the_place_of_a_service() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let holding = |state| Target::Holding {
        name: Text::new("Le blog", "The blog"),
        state,
        retry_after_s: 5,
    };
    let (house, _daemon) = House::with(vec![
        route(BLOG, "/", holding(HoldingState::Updating)),
        route(BLOG, "/gone", holding(HoldingState::Removed)),
        route(
            BLOG,
            "/moved",
            Target::Redirect {
                location: "/new".into(),
            },
        ),
        route(
            BLOG,
            "/dead",
            Target::Upstream {
                address: nobody,
                body_max_bytes: MIB,
            },
        ),
    ])
    .await;
    let with = |path: &str, name: &'static str, value: &str| {
        let mut request = get(BLOG, path);
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let (status, headers, page) = house
        .ask(with("/", "accept-language", "fr-FR,fr;q=0.9"))
        .await;
    assert_eq!(status, 503);
    assert_eq!(headers["retry-after"], "5");
    assert!(
        headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'; style-src 'sha256-")
    );
    assert!(
        page.contains("<html lang=\"fr\">") && page.contains("se met à jour"),
        "{page}"
    );
    let (_, _, page) = house.ask(with("/", "accept-language", "en")).await;
    assert!(
        page.contains("<html lang=\"en\">") && page.contains("“The blog” is being updated"),
        "{page}"
    );
    let (status, headers, problem) = house.ask(with("/", "accept", "application/json")).await;
    assert_eq!(
        (status.as_u16(), headers["content-type"].to_str().unwrap()),
        (503, "application/problem+json")
    );
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&problem).unwrap()["code"],
        "updating"
    );
    let (status, headers, _) = house.ask(get(BLOG, "/gone")).await;
    assert_eq!(status, 410);
    assert!(!headers.contains_key("retry-after"));
    let (status, headers, _) = house.ask(get(BLOG, "/moved/x")).await;
    assert_eq!(
        (status.as_u16(), &headers["location"]),
        (301, &"/new".parse().unwrap())
    );
    let (status, _, page) = house.ask(get(BLOG, "/dead")).await;
    assert_eq!(status, 502);
    assert!(page.contains("Ce service ne répond pas"), "{page}");
}
