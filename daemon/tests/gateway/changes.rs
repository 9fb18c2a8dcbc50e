//! The daemon changes its mind, dies, comes back, talks nonsense; connections live on.

use super::house::*;
use lavoir::door::{Certificate, Doorway, HoldingState, Target};
use lavoir_core::text::Text;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;

#[tokio::test]
async fn a_new_picture_drops_no_connection() {
    let (one, two) = (Service::start().await, Service::start().await);
    let (house, mut daemon) = House::with(vec![route(BLOG, "/", to(&one, 1_000))]).await;
    let mut sender = house.http1(BLOG).await;
    assert_eq!(
        sender.send_request(get(BLOG, "/a")).await.unwrap().status(),
        200
    );
    // An answer that is under way while everything changes.
    let mut events = house
        .http1(BLOG)
        .await
        .send_request(get(BLOG, "/events"))
        .await
        .unwrap();
    assert_eq!(one.seen().len(), 2);

    daemon
        .show(house.doorway(
            2,
            vec![
                route(BLOG, "/", to(&two, 1_000)),
                route(MAP, "/", to(&one, 1_000)),
            ],
        ))
        .await;
    assert_eq!(
        sender.send_request(get(BLOG, "/b")).await.unwrap().status(),
        200
    );
    assert_eq!(
        two.seen(),
        ["GET /b"],
        "the same connection, the new service"
    );
    assert_eq!(
        house.ask(get(MAP, "/c")).await.0,
        200,
        "the new certificate"
    );

    let holding = Target::Holding {
        name: Text::new("Le blog", "The blog"),
        state: HoldingState::Stopped,
        retry_after_s: 60,
    };
    daemon
        .show(house.doorway(3, vec![route(BLOG, "/", holding)]))
        .await;
    assert_eq!(
        sender.send_request(get(BLOG, "/d")).await.unwrap().status(),
        503
    );
    assert!(house.tls(MAP, b"h2").await.is_err(), "gone with its route");
    let keys = house
        .doorway(4, vec![route(BLOG, "/", to(&one, 1_000))])
        .certificates
        .clone();
    daemon.show(Doorway::new(4, Vec::new(), keys)).await;
    assert!(
        house.tls(BLOG, b"h2").await.is_err(),
        "a key without a route is not shown"
    );
    assert_eq!(
        sender.send_request(get(BLOG, "/e")).await.unwrap().status(),
        404
    );
    use http_body_util::BodyExt;
    assert!(
        events.body_mut().frame().await.unwrap().is_ok(),
        "what was under way goes on"
    );
}

#[tokio::test]
async fn a_certificate_is_replaced_on_the_fly_but_not_by_rubbish() {
    let service = Service::start().await;
    let (house, mut daemon) = House::with(vec![route(BLOG, "/", to(&service, 1_000))]).await;
    let shown = async || {
        let stream = house.tls(BLOG, b"http/1.1").await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    };
    let first = shown().await;
    let routes = vec![route(BLOG, "/", to(&service, 1_000))];
    let late = lavoir_core::id::Timestamp(now().0 + 70 * 86_400_000);
    let newer = house.ca.certificate_for(&[host(BLOG)], late).unwrap();
    let certificate = |chain: &str, key: &str| Certificate {
        hostnames: vec![host(BLOG)],
        chain_pem: chain.to_owned(),
        key_pem: key.to_owned(),
    };
    let other = house.ca.certificate_for(&[host(MAP)], now()).unwrap();
    for (version, chain, key) in [
        (2, "rubbish", newer.key_pem.as_str()),
        (3, newer.chain_pem.as_str(), "rubbish"),
        (4, newer.chain_pem.as_str(), other.key_pem.as_str()),
    ] {
        daemon
            .show(Doorway::new(
                version,
                routes.clone(),
                vec![certificate(chain, key)],
            ))
            .await;
        assert_eq!(shown().await, first, "{version}");
    }
    // Valid in the future only: a client refuses it, which shows that it is the new one.
    daemon
        .show(Doorway::new(
            5,
            routes,
            vec![certificate(&newer.chain_pem, &newer.key_pem)],
        ))
        .await;
    let error = house.tls(BLOG, b"http/1.1").await.unwrap_err();
    assert!(
        error.to_string().to_lowercase().contains("valid"),
        "{error}"
    );
}

#[tokio::test]
async fn it_serves_on_without_the_daemon_and_finds_it_again() {
    let (one, two) = (Service::start().await, Service::start().await);
    let (house, daemon) = House::with(vec![route(BLOG, "/", to(&one, 1_000))]).await;
    let mut sender = house.http1(BLOG).await;
    assert_eq!(
        sender.send_request(get(BLOG, "/a")).await.unwrap().status(),
        200
    );
    daemon.die().await;
    assert_eq!(
        sender.send_request(get(BLOG, "/b")).await.unwrap().status(),
        200
    );
    assert_eq!(house.ask(get(BLOG, "/c")).await.0, 200);
    assert_eq!(one.seen(), ["GET /a", "GET /b", "GET /c"]);
    // A daemon counts its versions from its own start.
    let mut daemon = Daemon::start(
        &house.socket,
        house.doorway(1, vec![route(BLOG, "/", to(&two, 1_000))]),
    );
    daemon.applied(1).await;
    assert_eq!(
        sender.send_request(get(BLOG, "/d")).await.unwrap().status(),
        200
    );
    assert_eq!(two.seen(), ["GET /d"]);
}

#[tokio::test]
async fn nonsense_from_the_daemon_changes_nothing() {
    let service = Service::start().await;
    let house = House::alone();
    let listener = UnixListener::bind(&house.socket).unwrap();
    let good = |version| {
        serde_json::to_string(&house.doorway(version, vec![route(BLOG, "/", to(&service, 1_000))]))
            .unwrap()
    };
    let (stream, _) = listener.accept().await.unwrap();
    let mut gateway = BufReader::new(stream);
    let mut line = String::new();
    gateway
        .write_all(format!("{}\n", good(1)).as_bytes())
        .await
        .unwrap();
    gateway.read_line(&mut line).await.unwrap();
    assert_eq!(line, "{\"applied\":{\"version\":1}}\n");
    let path = good(9).replace("\"path_prefix\":\"/\"", "\"path_prefix\":\"no path\"");
    let name = good(9).replace(BLOG, "not a host");
    for nonsense in [
        "",
        "\0\u{7f}",
        "null",
        "[]",
        "{}",
        "{\"version\":9}",
        &path,
        &name,
        &good(9)[1..],
    ] {
        gateway
            .write_all(format!("{nonsense}\n").as_bytes())
            .await
            .unwrap();
    }
    // When the gateway calls again it has read all of it.
    gateway.shutdown().await.unwrap();
    let mut rest = String::new();
    gateway.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "", "nothing of it was applied");
    let (mut gateway, _) = listener.accept().await.unwrap();
    assert_eq!(house.ask(get(BLOG, "/a")).await.0, 200);

    // A line without end, and half a line: left and called again, with the last picture kept.
    let endless = vec![b'x'; lavoir::door::PICTURE_BYTES_MAX + 2];
    let _ = gateway.write_all(&endless).await;
    let mut rest = Vec::new();
    let _ = gateway.read_to_end(&mut rest).await;
    let (mut gateway, _) = listener.accept().await.unwrap();
    assert_eq!(house.ask(get(BLOG, "/b")).await.0, 200);
    gateway.write_all(&good(3).as_bytes()[..40]).await.unwrap();
    drop(gateway);
    let (_gateway, _) = listener.accept().await.unwrap();
    assert_eq!(house.ask(get(BLOG, "/c")).await.0, 200);
    assert_eq!(service.seen(), ["GET /a", "GET /b", "GET /c"]);
}

#[tokio::test]
async fn told_to_end_it_lets_what_is_under_way_end() {
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![route(BLOG, "/", to(&service, 10_000_000))]).await;
    let mut sender = house.http1(BLOG).await;
    let (piece, pieces) = tokio::sync::mpsc::channel::<u8>(1);
    let stream = futures_util::stream::unfold(pieces, |mut pieces| async {
        let piece = pieces.recv().await?;
        Some((
            Ok(hyper::body::Frame::data(bytes::Bytes::from(vec![piece]))),
            pieces,
        ))
    });
    let body = http_body_util::BodyExt::boxed_unsync(http_body_util::StreamBody::new(stream));
    let answer = tokio::spawn(sender.send_request(post(BLOG, "/echo", body)));
    piece.send(b'a').await.unwrap();
    while service.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    let Running::Here { end, task } = house.gateway else {
        panic!("not here");
    };
    end.tell();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(!task.is_finished(), "it waits");
    piece.send(b'b').await.unwrap();
    drop(piece);
    assert_eq!(text(answer.await.unwrap().unwrap().into_body()).await, "ab");
    assert!(task.await.unwrap().is_ok());
    assert!(
        tokio::net::TcpStream::connect(house.https).await.is_err(),
        "no new connections"
    );
}

#[tokio::test]
async fn two_hundred_routes_and_each_its_own() {
    let services = [Service::start().await, Service::start().await];
    let name = |n: usize| format!("app-{n}.verger.example");
    let routes = |shift: usize| -> Vec<_> {
        let to_one = |n: usize| route(&name(n), "/", to(&services[(n + shift) % 2], 1_000));
        (0..200).map(to_one).collect()
    };
    let (house, mut daemon) = House::real(routes(0), "").await;
    for version in 1..=2 {
        if version == 2 {
            daemon.show(house.doorway(2, routes(1))).await;
        }
        for n in (0..200).step_by(7).chain([199]) {
            let asked = house.ask(get(&name(n), &format!("/{n}"))).await;
            assert_eq!(
                (asked.0.as_u16(), asked.2),
                (200, format!("GET /{n}")),
                "{n}"
            );
        }
    }
    let of_evens = services[0].seen();
    let (first, second) = of_evens.split_at(of_evens.len() / 2);
    assert!(
        first
            .iter()
            .all(|seen| seen.trim_start_matches("GET /").parse::<usize>().unwrap() % 2 == 0)
    );
    assert!(
        second.iter().rev().take(10).all(|seen| seen
            .trim_start_matches("GET /")
            .parse::<usize>()
            .unwrap()
            % 2
            == 1)
    );
}

#[tokio::test]
async fn what_is_asked_is_counted_and_nobody_is_named() {
    let service = Service::start().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let dead = Target::Upstream {
        address: nobody,
        body_max_bytes: 1,
    };
    let (house, mut daemon) = House::with(vec![
        route(BLOG, "/", to(&service, 1_000)),
        route(BLOG, "/dead", dead),
    ])
    .await;
    for path in ["/a", "/b", "/dead"] {
        house.ask(get(BLOG, path)).await;
    }
    let Running::Here { end, .. } = &house.gateway else {
        panic!("not here");
    };
    // Replaced, it tells what it has not told yet.
    end.replaced.cancel();
    let visits = std::sync::Arc::clone(&daemon.visits);
    let name = host(BLOG);
    while visits.of([&name]).answers == 0 {
        tokio::task::yield_now().await;
    }
    let count = visits.of([&name]);
    assert_eq!((count.answers, count.refused, count.failed), (3, 0, 1));
    daemon.applied(1).await;
}
