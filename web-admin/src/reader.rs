//! Who reads: language, clock, session; and what they sent.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Form, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use lavoir_core::limits;
use lavoir_core::text::{Language, Text};
use serde::de::DeserializeOwned;

use crate::admin::{About, Session};
use crate::figures::Calendar;
use crate::panel::Panel;
use crate::render::{Chapter, Pages, see};
use crate::words::Words;
use crate::{cookies, guard, language, refused, typography};

/// Whoever asks for a page.
pub(crate) struct Reader {
    pub(crate) panel: Arc<Panel>,
    pub(crate) about: About,
    pub(crate) language: Language,
    pub(crate) calendar: Calendar,
    pub(crate) session: Option<Session>,
    /// What form tokens are bound to: the session's key, or the visit's.
    pub(crate) key: String,
    /// The visit has no cookie yet.
    new_visit: bool,
    /// Path and query.
    pub(crate) path: String,
    /// As the gateway says it.
    pub(crate) from: Option<IpAddr>,
    pub(crate) browser: String,
}

impl Reader {
    async fn new(parts: &Parts, panel: &Arc<Panel>) -> Self {
        let headers = &parts.headers;
        let about = panel.admin.about();
        let language = language::of(headers, about.language);
        let calendar = Calendar::new(language, &about.timezone, about.now);
        let token = cookies::get(headers, cookies::SESSION);
        let session = match token {
            Some(token) => panel.admin.who(token).await,
            None => None,
        };
        let visit = cookies::get(headers, cookies::VISIT);
        let (key, new_visit) = match (&session, token, visit) {
            (Some(_), Some(token), _) => (token.to_owned(), false),
            (_, _, Some(visit)) => (visit.to_owned(), false),
            _ => (lavoir_core::ledger::hex(&panel.random()), true),
        };
        let path = parts.uri.path_and_query();
        Self {
            panel: panel.clone(),
            about,
            language,
            calendar,
            session,
            key,
            new_visit,
            path: path.map_or("/".to_owned(), ToString::to_string),
            from: from(headers),
            browser: browser(headers),
        }
    }

    pub(crate) fn pages(&self) -> &Pages {
        self.panel.pages(self.language)
    }

    pub(crate) fn words(&self) -> &Words {
        &self.pages().words
    }

    /// A sentence of the panel.
    pub(crate) fn t(&self, key: &str) -> String {
        self.words().plain(key)
    }

    /// A text of the core or of a recipe.
    pub(crate) fn text(&self, text: &Text) -> String {
        typography::printed(text, self.language)
    }

    pub(crate) fn form_token(&self) -> String {
        self.panel.tokens.make(&self.key, &self.panel.random())
    }

    /// Gives the visit its cookie, which its forms are bound to.
    pub(crate) fn with_visit(&self, mut response: Response) -> Response {
        if self.new_visit
            && let Some(cookie) = cookies::set(cookies::VISIT, &self.key, None)
        {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }

    fn gate(&self) -> Response {
        if self.about.no_account {
            return see("/first");
        }
        let path = self.path.split('?').next().unwrap_or("/");
        match ours(path) {
            Some("/") | None => see("/sign-in"),
            Some(path) => see(&format!("/sign-in?next={path}")),
        }
    }
}

impl FromRequestParts<Arc<Panel>> for Reader {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(
        parts: &mut Parts,
        panel: &Arc<Panel>,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self::new(parts, panel).await)
    }
}

/// A reader who is signed in; whoever is not goes to the door.
pub(crate) struct SignedIn(pub(crate) Reader, pub(crate) Session);

impl FromRequestParts<Arc<Panel>> for SignedIn {
    type Rejection = Response;
    async fn from_request_parts(
        parts: &mut Parts,
        panel: &Arc<Panel>,
    ) -> Result<Self, Self::Rejection> {
        let reader = Reader::new(parts, panel).await;
        match reader.session.clone() {
            Some(session) => Ok(Self(reader, session)),
            None => Err(reader.gate()),
        }
    }
}

/// A form that came from one of our own pages, in this session.
pub(crate) struct Sent {
    pub(crate) reader: Reader,
    pub(crate) form_token: String,
    fields: Vec<(String, String)>,
}

impl Sent {
    /// What was typed into a field, without the white space around it.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// What was typed into a field, as it is: for passwords.
    pub(crate) fn raw(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value)
    }
}

impl FromRequest<Arc<Panel>> for Sent {
    type Rejection = Response;
    async fn from_request(request: Request, panel: &Arc<Panel>) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let reader = Reader::new(&parts, panel).await;
        let bytes_max = match reader.session {
            Some(_) => limits::FORM_BYTES_MAX,
            None => limits::STRANGER_FORM_BYTES_MAX,
        };
        let request = Request::from_parts(parts, body);
        let fields: Vec<(String, String)> = form(&reader, request, bytes_max).await?;
        if fields.len() > limits::FORM_FIELDS_MAX {
            return Err(refused::unreadable(&reader, StatusCode::BAD_REQUEST));
        }
        let sent = Self {
            form_token: fields
                .iter()
                .find(|(name, _)| name == "form_token")
                .map(|(_, value)| value.clone())
                .unwrap_or_default(),
            reader,
            fields,
        };
        if !panel.tokens.is_ours(&sent.reader.key, &sent.form_token) {
            // The session ended while the form was being filled in, or the box restarted.
            return Err(refused::too_old(&sent.reader));
        }
        Ok(sent)
    }
}

/// Reads a form of ours. One from elsewhere is not even read, and none is waited for long: who sends it slowly holds a
/// conversation with the panel.
pub(crate) async fn form<T: DeserializeOwned>(
    reader: &Reader,
    mut request: Request,
    bytes_max: usize,
) -> Result<T, Response> {
    if request.method() != Method::POST || !guard::from_here(request.headers()) {
        return Err(refused::not_from_here(reader));
    }
    DefaultBodyLimit::max(bytes_max).apply(&mut request);
    let arrives = Form::<T>::from_request(request, &());
    let limit = Duration::from_secs(limits::FORM_S_MAX);
    let status = match tokio::time::timeout(limit, arrives).await {
        Ok(Ok(Form(form))) => return Ok(form),
        Ok(Err(no)) => match no.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        },
        Err(_) => StatusCode::REQUEST_TIMEOUT,
    };
    Err(refused::unreadable(reader, status))
}

/// A form sent by somebody who is signed in.
pub(crate) struct SentBy(pub(crate) Sent, pub(crate) Session);

impl FromRequest<Arc<Panel>> for SentBy {
    type Rejection = Response;
    async fn from_request(request: Request, panel: &Arc<Panel>) -> Result<Self, Self::Rejection> {
        let sent = Sent::from_request(request, panel).await?;
        match sent.reader.session.clone() {
            Some(session) => Ok(Self(sent, session)),
            None => Err(sent.reader.gate()),
        }
    }
}

/// A path of ours to go back to, and never to anywhere else.
pub(crate) fn ours(path: &str) -> Option<&str> {
    let signs = |b: u8| b.is_ascii_alphanumeric() || b"/-_.".contains(&b);
    let sound = path.starts_with('/')
        && !path.contains("//")
        && !path.contains("..")
        && path.len() <= 200
        && path.bytes().all(signs);
    sound.then_some(path)
}

/// The last address is the gateway's own word; what stands before it could be anybody's.
fn from(headers: &HeaderMap) -> Option<IpAddr> {
    let said = headers.get_all("x-forwarded-for").into_iter().next_back()?;
    said.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

fn browser(headers: &HeaderMap) -> String {
    let said = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    said.chars().take(limits::BROWSER_BYTES_MAX).collect()
}

/// Nothing stands at this path.
pub(crate) async fn nothing_here(reader: Reader) -> Response {
    refused::missing(&reader, Chapter::Home)
}
