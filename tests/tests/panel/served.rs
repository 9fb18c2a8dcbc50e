//! A house in memory at a port of its own.

use std::net::TcpListener;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;

use crate::house::{self, House};

const LANGUAGE: &str = "__Host-lavoir-language";

/// Loopback has no HTTPS: what the session's cookie would say is put in here.
pub fn serve(house: House, signed_in: bool, language: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let come_in = move |mut request: Request, next: Next| async move {
        let kept = request.headers().get(header::COOKIE);
        let kept = kept.and_then(|one| one.to_str().ok()).unwrap_or_default();
        let session = if signed_in {
            format!("__Host-lavoir={}; ", house::TOKEN)
        } else {
            String::new()
        };
        // Until somebody chooses.
        let language = if kept.contains(LANGUAGE) {
            String::new()
        } else {
            format!("{LANGUAGE}={language}; ")
        };
        let all = format!("{session}{language}{kept}");
        let all = HeaderValue::from_str(all.trim_end_matches("; ")).unwrap();
        request.headers_mut().insert(header::COOKIE, all);
        let answer: Response = next.run(request).await;
        answer
    };
    let panel = lavoir_web_admin::panel(Arc::new(house)).layer(from_fn(come_in));
    // Ends with the test's process.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, panel).await.unwrap();
        });
    });
    address
}
