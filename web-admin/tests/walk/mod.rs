//! A browser without scripts: asks, keeps cookies, fills in forms.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::house::{House, TOKEN};
use crate::page;

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// The token of its forms.
    pub fn form_token(&self) -> String {
        let page = page::parse(&self.body);
        let field = page
            .all()
            .into_iter()
            .find(|one| one.attribute("name") == Some("form_token"));
        field
            .and_then(|field| field.attribute("value"))
            .expect("a form")
            .to_owned()
    }
}

pub struct Browser {
    pub panel: Router,
    pub language: &'static str,
    pub cookies: Mutex<BTreeMap<String, String>>,
    pub address: &'static str,
}

impl Browser {
    /// Nobody yet.
    pub fn stranger(house: &Arc<House>) -> Self {
        Self {
            panel: lavoir_web_admin::panel(house.clone()),
            language: "fr",
            cookies: Mutex::default(),
            address: "192.0.2.7",
        }
    }

    /// Somebody who is signed in.
    pub fn signed_in(house: &Arc<House>) -> Self {
        let browser = Self::stranger(house);
        browser.keep("__Host-lavoir", TOKEN);
        browser
    }

    pub fn keep(&self, name: &str, value: &str) {
        self.cookies
            .lock()
            .unwrap()
            .insert(name.into(), value.into());
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// Sends a form as browsers do.
    pub async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send_from(
            path,
            fields,
            &[
                ("origin", "https://verger.example"),
                ("sec-fetch-site", "same-origin"),
            ],
        )
        .await
    }

    pub async fn send_from(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request =
            Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::from(encoded(fields))).unwrap())
            .await
    }

    pub async fn ask(&self, mut request: Request<Body>) -> Answer {
        let kept: Vec<String> = self
            .cookies
            .lock()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let headers = request.headers_mut();
        headers.insert(header::HOST, "verger.example".parse().unwrap());
        headers.insert(header::ACCEPT_LANGUAGE, self.language.parse().unwrap());
        headers.insert("x-forwarded-for", self.address.parse().unwrap());
        if !kept.is_empty() {
            headers.insert(header::COOKIE, kept.join("; ").parse().unwrap());
        }
        let response = self.panel.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.lock().unwrap().remove(name);
            } else {
                self.keep(name, value);
            }
        }
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// Opens a page and sends its form, with the token it carries.
    pub async fn fill_in(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.get(page).await.form_token();
        let mut all = vec![("form_token", token.as_str())];
        all.extend_from_slice(fields);
        self.send(action, &all).await
    }
}

pub fn encoded(fields: &[(&str, &str)]) -> String {
    let one = |text: &str| -> String {
        text.bytes()
            .map(|b| {
                if b.is_ascii_alphanumeric() || b"-_.".contains(&b) {
                    char::from(b).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect()
    };
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", one(name), one(value)))
        .collect();
    pairs.join("&")
}
