//! What is shown. For now the panel's first page: what this box runs, behind the set-up code. Every page works
//! without a script.

mod door;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lavoir_core::app::Intent;
use lavoir_core::standing::Sign;
use lavoir_core::state::State as BoxState;
use lavoir_core::text::{Language, Text};
use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior, context};
use serde::Deserialize;

use door::{Door, Try};

/// What the panel shows and whom it asks.
pub trait Admin: Send + Sync + 'static {
    /// The box as it stands.
    fn view(&self) -> View;
    /// Whether this is the set-up code; compared in constant time. How often it is tried is the panel's care.
    fn setup_code_is(&self, code: &str) -> bool;
    /// Unforeseeable bytes.
    fn fill_random(&self, bytes: &mut [u8; 32]);
}

/// The box as it stands.
#[derive(Debug, Clone)]
pub struct View {
    /// The panel's own address, also the box's name.
    pub domain: String,
    /// Before the founding.
    pub in_preparation: bool,
    /// Of Lavoir.
    pub version: String,
    /// What runs, in the order of its names.
    pub services: Vec<Service>,
}

/// An app, for people.
#[derive(Debug, Clone)]
pub struct Service {
    /// What people call it.
    pub name: Text,
    /// Its short name.
    pub id: String,
    /// Its address.
    pub host: String,
    /// Whether the address leads anywhere.
    pub open: bool,
    /// How it stands.
    pub sign: Sign,
    /// The same in words.
    pub state: Text,
}

impl View {
    /// Of the state.
    pub fn of(state: &BoxState, version: &str) -> Self {
        let services = state.apps().values().map(|app| {
            let (sign, words) = app.standing();
            Service {
                name: app.release.name.clone(),
                id: app.id.to_string(),
                host: app.release.host.to_string(),
                open: app.is_open() && app.intent == Intent::Running,
                sign,
                state: words,
            }
        });
        Self {
            domain: state
                .identity()
                .map(|identity| identity.domain.to_string())
                .unwrap_or_default(),
            in_preparation: true,
            version: version.to_owned(),
            services: services.collect(),
        }
    }
}

struct Panel {
    admin: Arc<dyn Admin>,
    door: Door,
    pages: Environment<'static>,
}

/// The panel's paths.
pub fn router(admin: Arc<dyn Admin>) -> Router {
    let panel = Panel {
        admin,
        door: Door::default(),
        pages: pages(),
    };
    Router::new()
        .route("/", get(home).post(come_in))
        .route("/style.css", get(style))
        .fallback(nothing_here)
        .layer(DefaultBodyLimit::max(4096))
        .with_state(Arc::new(panel))
}

fn pages() -> Environment<'static> {
    let mut pages = Environment::new();
    pages.set_undefined_behavior(UndefinedBehavior::Strict);
    // The ending `.html` is what makes the values escaped.
    for (name, text) in [
        ("frame.html", include_str!("../templates/old/frame.html")),
        ("code.html", include_str!("../templates/old/code.html")),
        ("home.html", include_str!("../templates/old/home.html")),
        (
            "nothing.html",
            include_str!("../templates/old/nothing.html"),
        ),
    ] {
        // A template that does not parse leaves its page broken, which the tests see.
        let _ = pages.add_template(name, text);
    }
    pages
}

async fn home(State(panel): State<Arc<Panel>>, headers: HeaderMap) -> Response {
    if panel.door.knows(&headers) {
        panel.home(language(&headers))
    } else {
        panel.code(language(&headers), StatusCode::OK, None)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: String,
}

async fn come_in(
    State(panel): State<Arc<Panel>>,
    headers: HeaderMap,
    form: Result<Form<Code>, axum::extract::rejection::FormRejection>,
) -> Response {
    let language = language(&headers);
    let from_elsewhere = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none");
    let code = match form {
        Ok(Form(Code { code })) if !from_elsewhere => code,
        _ => {
            let why = words::unsound();
            return panel.code(language, StatusCode::BAD_REQUEST, Some(&why));
        }
    };
    match panel.door.try_code(&*panel.admin, code.trim()) {
        Try::In(cookie) => {
            let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response();
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            guarded(response)
        }
        Try::Wrong => panel.code(language, StatusCode::FORBIDDEN, Some(&words::wrong())),
        Try::TooOften => {
            let why = words::too_often();
            let mut response = panel.code(language, StatusCode::TOO_MANY_REQUESTS, Some(&why));
            let wait = HeaderValue::from_static("60");
            response.headers_mut().insert(header::RETRY_AFTER, wait);
            response
        }
    }
}

async fn style() -> Response {
    let sheet = include_str!("../templates/old/style.css");
    let kind = [(header::CONTENT_TYPE, "text/css; charset=utf-8")];
    let mut response = guarded((kind, sheet).into_response());
    let keep = HeaderValue::from_static("max-age=3600");
    response.headers_mut().insert(header::CACHE_CONTROL, keep);
    response
}

async fn nothing_here(State(panel): State<Arc<Panel>>, headers: HeaderMap) -> Response {
    panel.page(
        "nothing.html",
        language(&headers),
        StatusCode::NOT_FOUND,
        context! {},
    )
}

/// The sign's class in the sheet.
fn class(sign: Sign) -> &'static str {
    match sign {
        Sign::Fine => "fine",
        Sign::Busy => "busy",
        Sign::Rest => "rest",
        Sign::Warn => "warn",
        Sign::Grave => "grave",
    }
}

impl Panel {
    fn home(&self, language: Language) -> Response {
        let view = self.admin.view();
        let rows: Vec<Value> = view
            .services
            .iter()
            .map(|service| {
                context! {
                    name => service.name.get(language),
                    id => service.id.as_str(),
                    host => service.host.as_str(),
                    open => service.open,
                    sign => class(service.sign),
                    state => service.state.get(language),
                }
            })
            .collect();
        let lead = words::lead(&view.services);
        let of_page = context! {
            lead => lead.get(language), services => rows, in_preparation => view.in_preparation,
        };
        self.page("home.html", language, StatusCode::OK, of_page)
    }

    fn code(&self, language: Language, status: StatusCode, wrong: Option<&Text>) -> Response {
        let of_page = context! { wrong => wrong.map(|text| text.get(language)) };
        self.page("code.html", language, status, of_page)
    }

    fn page(&self, name: &str, language: Language, status: StatusCode, of_page: Value) -> Response {
        let view = self.admin.view();
        let of_all = context! {
            lang => match language { Language::Fr => "fr", Language::En => "en" },
            fr => language == Language::Fr,
            domain => view.domain,
            version => view.version,
        };
        let rendered = self
            .pages
            .get_template(name)
            .and_then(|page| page.render(context! { ..of_page, ..of_all }));
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        guarded(match rendered {
            Ok(html) => (status, kind, html).into_response(),
            Err(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                kind,
                "Lavoir : erreur / error",
            )
                .into_response(),
        })
    }
}

/// Nothing but our own sheet may be loaded, nothing may frame us, nothing is kept by caches.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept-language, cookie"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// French unless English is asked for first.
fn language(headers: &HeaderMap) -> Language {
    let asked = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let best = |wanted: &str| {
        let mut best = 0.0_f32;
        for one in asked.split(',') {
            let mut parts = one.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            if tag.split('-').next() == Some(wanted) {
                let weight = parts.find_map(|part| part.strip_prefix("q="));
                best = best.max(weight.map_or(1.0, |q| q.parse().unwrap_or(0.0)));
            }
        }
        best
    };
    if best("en") > best("fr") {
        Language::En
    } else if best("fr") > 0.0 || asked.is_empty() {
        Language::Fr
    } else {
        // Neither is asked for: more of the world reads English.
        Language::En
    }
}
