//! The panel's first page, as a browser without scripts meets it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use lavoir_core::standing::Sign;
use lavoir_core::text::Text;
use lavoir_web_admin::{Admin, Service, View, router};
use tower::ServiceExt as _;

#[derive(Default)]
struct Double(AtomicU8);

impl Admin for Double {
    fn view(&self) -> View {
        View {
            domain: "verger.example".into(),
            in_preparation: true,
            version: "0.1.0".into(),
            services: vec![Service {
                name: Text::new("Le <b>blog</b>", "The blog"),
                id: "blog".into(),
                host: "blog.verger.example".into(),
                open: true,
                sign: Sign::Fine,
                state: Text::new("Ouvert", "Open"),
            }],
        }
    }
    fn setup_code_is(&self, code: &str) -> bool {
        code == "lin-eau-pierre"
    }
    fn fill_random(&self, bytes: &mut [u8; 32]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

fn panel() -> Router {
    router(Arc::new(Double::default()))
}

async fn get(panel: &Router, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    panel.clone().oneshot(request).await.unwrap()
}

async fn give(panel: &Router, code: &str, site: Option<&str>) -> Response<Body> {
    let mut request =
        Request::post("/").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(site) = site {
        request = request.header("sec-fetch-site", site);
    }
    let request = request.body(Body::from(format!("code={code}"))).unwrap();
    panel.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn nothing_is_shown_before_the_code() {
    let panel = panel();
    for headers in [
        &[][..],
        &[("cookie", "__Host-lavoir=")],
        &[("cookie", "__Host-lavoir=00")],
    ] {
        let response = get(&panel, "/", headers).await;
        assert_eq!(response.status(), StatusCode::OK);
        let page = text(response).await;
        assert!(page.contains("name=\"code\""));
        assert!(!page.contains("blog"));
    }
}

#[tokio::test]
async fn the_code_opens_the_page_for_this_browser_only() {
    let panel = panel();
    let response = give(&panel, "lin-eau-pierre", Some("same-origin")).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let cookie = response.headers()[header::SET_COOKIE]
        .to_str()
        .unwrap()
        .to_owned();
    for word in ["__Host-", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(word), "{word}");
    }
    let key = cookie.split(';').next().unwrap();
    let page = text(get(&panel, "/", &[("cookie", key)]).await).await;
    assert!(page.contains("https://blog.verger.example/"));
    assert!(page.contains("en préparation"));
    // A recipe's words are text, never markup.
    assert!(page.contains("Le &lt;b&gt;blog&lt;&#x2f;b&gt;"), "{page}");
    let other = text(get(&panel, "/", &[("cookie", "__Host-lavoir=ff")]).await).await;
    assert!(!other.contains("blog"));
}

#[tokio::test]
async fn guesses_are_slowed_down_and_forms_come_from_here() {
    let panel = panel();
    let elsewhere = give(&panel, "lin-eau-pierre", Some("cross-site")).await;
    assert_eq!(elsewhere.status(), StatusCode::BAD_REQUEST);
    for _ in 0..5 {
        assert_eq!(
            give(&panel, "faux", None).await.status(),
            StatusCode::FORBIDDEN
        );
    }
    // Even the right one waits now.
    let late = give(&panel, "lin-eau-pierre", None).await;
    assert_eq!(late.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(late.headers().get(header::SET_COOKIE).is_none());
}

#[tokio::test]
async fn pages_speak_both_languages_and_carry_no_script() {
    let panel = panel();
    let response = give(&panel, "lin-eau-pierre", None).await;
    let cookie = response.headers()[header::SET_COOKIE]
        .to_str()
        .unwrap()
        .to_owned();
    let key = cookie.split(';').next().unwrap().to_owned();
    for (asked, lang) in [
        ("fr", "fr"),
        ("en-GB,fr;q=0.5", "en"),
        ("fr-FR,en;q=0.9", "fr"),
        ("de", "en"),
    ] {
        for (path, cookie) in [("/", ""), ("/", key.as_str()), ("/ailleurs", "")] {
            let response = get(
                &panel,
                path,
                &[("accept-language", asked), ("cookie", cookie)],
            )
            .await;
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap()
                .to_owned();
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
            let page = text(response).await;
            assert!(
                page.contains(&format!("<html lang=\"{lang}\">")),
                "{asked} {path}"
            );
            assert!(
                !page.contains("<script")
                    && !page.contains("style=")
                    && !page.contains("javascript:"),
                "{path}"
            );
            for landmark in ["<main", "<header", "<footer", "<h1>"] {
                assert_eq!(page.matches(landmark).count(), 1, "{landmark} {path}");
            }
        }
    }
    let sheet = get(&panel, "/style.css", &[]).await;
    assert_eq!(
        sheet.headers()[header::CONTENT_TYPE],
        "text/css; charset=utf-8"
    );
}
