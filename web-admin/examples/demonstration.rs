//! The panel over a house in memory, to be looked at in a browser: `cargo run --example demonstration -- 8099 busy`.
//! Houses: untouched, empty, calm, busy, hostile, saving, damaged. Whoever asks is signed in, but for the door's own pages; `?lang=fr`
//! or `?lang=en` in an address chooses the language.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../tests/house/mod.rs"]
mod house;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use house::House;

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1);
    let port = words
        .next()
        .and_then(|port| port.parse().ok())
        .unwrap_or(8099);
    let house = match words.next().as_deref() {
        Some("untouched") => House::untouched(),
        Some("empty") => House::empty(),
        Some("calm") => House::calm(),
        Some("hostile") => House::hostile(),
        Some("saving") => House::with(house::backups::saving()),
        Some("damaged") => House::with(house::backups::damaged()),
        _ => House::busy(),
    };
    let panel = lavoir_web_admin::panel(Arc::new(house)).layer(from_fn(come_in));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .expect("the port is free");
    println!("http://{}", listener.local_addr().expect("bound"));
    axum::serve(listener, panel).await.expect("serves");
}

/// Loopback has no HTTPS: what the cookies would say is put in here.
async fn come_in(mut request: Request, next: Next) -> Response {
    let door = ["/sign-in", "/first"].contains(&request.uri().path());
    let query = request.uri().query().unwrap_or_default();
    let mut cookie = if door {
        String::new()
    } else {
        format!("__Host-lavoir={}", house::TOKEN)
    };
    for language in ["fr", "en"] {
        if query
            .split('&')
            .any(|pair| pair == format!("lang={language}"))
        {
            cookie = format!("{cookie}; __Host-lavoir-language={language}");
        }
    }
    let cookie = HeaderValue::from_str(cookie.trim_start_matches("; ")).expect("plain letters");
    request.headers_mut().insert(header::COOKIE, cookie);
    next.run(request).await
}
