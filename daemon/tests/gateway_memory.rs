//! Much goes through, little is held: measured of the real process, which is all that is in it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)]
#[path = "gateway/house.rs"]
mod house;
#[allow(dead_code)]
#[path = "gateway/process.rs"]
mod process;

use house::*;
use http::{Request, StatusCode};
use http_body_util::BodyExt;

const MIB: u64 = 1024 * 1024;
const MUCH: u64 = 4_096 * MIB;

/// What a process takes of memory, shared pages divided among those who share them, KiB.
fn proportional_kib(id: nix::unistd::Pid) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Four gibibytes up by HTTP/1.1 and down by HTTP/2, at once.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_in_flat_memory_both_ways() {
    if !nix::unistd::geteuid().is_root() {
        // The gateway's memory is closed to others, its own user included.
        return;
    }
    let service = Service::start().await;
    let (house, _daemon) = House::real(vec![route(BLOG, "/", to(&service, MUCH))], "").await;
    let server = house.process().servers()[0];
    // Once around before it is measured: what is made once is not what grows.
    assert_eq!(house.ask(post(BLOG, "/count", stream(MIB))).await.0, 200);
    let mut two = house.http2(BLOG).await;
    let down = |bytes: u64| {
        Request::get(format!("https://{BLOG}/big?{bytes}"))
            .body(nothing())
            .unwrap()
    };
    two.send_request(down(MIB))
        .await
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap();
    let before = proportional_kib(server);

    let up = async {
        let (status, _, counted) = house.ask(post(BLOG, "/count", stream(MUCH))).await;
        assert_eq!((status, counted), (StatusCode::OK, MUCH.to_string()));
    };
    let down = async {
        let (mut sum, mut most) = (0, before);
        let mut incoming = two.send_request(down(MUCH)).await.unwrap().into_body();
        let mut next = 0;
        while let Some(frame) = incoming.frame().await {
            sum += frame
                .unwrap()
                .data_ref()
                .map_or(0, |data| data.len() as u64);
            if sum >= next {
                most = most.max(proportional_kib(server));
                next += 256 * MIB;
            }
        }
        assert_eq!(sum, MUCH);
        most
    };
    let ((), most) = tokio::join!(up, down);
    println!("memory before {before} KiB, at the most {most} KiB");
    assert!(
        most < before + 16 * 1024,
        "memory grew from {before} to {most} KiB"
    );
}

/// Who asks for much and reads nothing is not read for.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_do_not_read_cost_little() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let service = Service::start().await;
    let (house, _daemon) = House::real(vec![route(BLOG, "/", to(&service, MIB))], "").await;
    let server = house.process().servers()[0];
    assert_eq!(house.ask(get(BLOG, "/a")).await.0, 200);
    let before = proportional_kib(server);
    let mut unread = Vec::new();
    for _ in 0..4 {
        let sender = house.http2(BLOG).await;
        let asked = (0..100).map(|_| {
            let request = Request::get(format!("https://{BLOG}/big?{MUCH}"));
            let mut sender = sender.clone();
            async move {
                sender
                    .send_request(request.body(nothing()).unwrap())
                    .await
                    .unwrap()
            }
        });
        unread.extend(futures_util::future::join_all(asked).await);
    }
    // All have begun; whatever the gateway would take beforehand, it takes in this time.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let after = proportional_kib(server);
    println!(
        "memory before {before} KiB, with {} unread answers {after} KiB",
        unread.len()
    );
    assert!(
        after < before + 96 * 1024,
        "memory grew from {before} to {after} KiB"
    );
}
