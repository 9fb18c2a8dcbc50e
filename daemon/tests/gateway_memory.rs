//! Much goes through, little is held. Alone in its process, whose memory is measured.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code)]
#[path = "gateway/house.rs"]
mod house;

use house::*;
use http::{Request, StatusCode};
use http_body_util::BodyExt;

const MIB: u64 = 1024 * 1024;

fn memory_kib(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix(line)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn bodies_stream_in_flat_memory_both_ways() {
    const MUCH: u64 = 64 * MIB;
    let service = Service::start().await;
    let (house, _daemon) = House::with(vec![route(BLOG, "/", to(&service, MUCH))]).await;
    // Client, gateway and service are one process here: none of them may hold it.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = memory_kib("VmRSS:");
    let (status, _, counted) = house.ask(post(BLOG, "/count", stream(MUCH))).await;
    assert_eq!((status, counted), (StatusCode::OK, MUCH.to_string()));
    let mut two = house.http2(BLOG).await;
    let request = Request::post(format!("https://{BLOG}/count"))
        .body(stream(MUCH))
        .unwrap();
    assert_eq!(
        text(two.send_request(request).await.unwrap().into_body()).await,
        MUCH.to_string()
    );
    for h2 in [false, true] {
        let path = format!("/big?{MUCH}");
        let response = if h2 {
            let request = Request::get(format!("https://{BLOG}{path}"))
                .body(nothing())
                .unwrap();
            two.send_request(request).await.unwrap()
        } else {
            house
                .http1(BLOG)
                .await
                .send_request(get(BLOG, &path))
                .await
                .unwrap()
        };
        let (mut sum, mut incoming) = (0, response.into_body());
        while let Some(frame) = incoming.frame().await {
            sum += frame
                .unwrap()
                .data_ref()
                .map_or(0, |data| data.len() as u64);
        }
        assert_eq!(sum, MUCH);
    }
    let grown = memory_kib("VmHWM:").saturating_sub(before);
    assert!(grown < 32 * 1024, "memory grew by {grown} KiB");
}
