//! From a request to its answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client as Services};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::body::{Answer, Upload, Verdict};
use super::client::{Client, Pulse, UnderWay};
use super::count::Counts;
use super::headers::{self, Asked};
use super::picture::{Picture, Target};
use super::road::Road;
use super::{End, Settings, limits, pages};

/// What all requests share.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) pictures: watch::Receiver<Arc<Picture>>,
    services: Services<Road, Upload>,
    /// Connections and tunnels, so that the end can wait for them.
    pub(super) tasks: TaskTracker,
    /// When the gateway is to end.
    pub(super) end: End,
    pub(super) settings: Settings,
    counts: Arc<Counts>,
    hsts: Option<HeaderValue>,
}

impl Proxy {
    pub(super) fn new(
        pictures: watch::Receiver<Arc<Picture>>,
        settings: Settings,
        counts: Arc<Counts>,
        end: End,
    ) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_millis(settings.limits.connect_ms)));
        let services = Services::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(limits::UPSTREAM_IDLE_MS)
            .pool_max_idle_per_host(limits::UPSTREAM_IDLE_MAX)
            .http1_max_buf_size(limits::BUFFER_BYTES_MAX)
            .set_host(false)
            .build(Road::new(connector));
        Self {
            pictures,
            services,
            tasks: TaskTracker::new(),
            end,
            hsts: settings
                .hsts_s
                .and_then(|seconds| HeaderValue::try_from(format!("max-age={seconds}")).ok()),
            settings,
            counts,
        }
    }

    /// Answers a request that came through TLS.
    pub(super) async fn answer(
        self: Arc<Self>,
        client: Arc<Client>,
        request: Request<Incoming>,
    ) -> Response<Answer> {
        let version = request.version();
        let mut response = self.find_answer(client, request).await;
        if let Some(hsts) = &self.hsts
            && !response
                .headers()
                .contains_key(header::STRICT_TRANSPORT_SECURITY)
        {
            response
                .headers_mut()
                .insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        // Whoever asks again is to find the gateway that has taken this one's place.
        if self.end.replaced.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS
        {
            response = closing(version, response);
        }
        response
    }

    async fn find_answer(
        &self,
        client: Arc<Client>,
        request: Request<Incoming>,
    ) -> Response<Answer> {
        let mut under_way = UnderWay::new(&client);
        let (parts, body) = request.into_parts();
        let asked = match headers::asked(&parts) {
            Ok(asked) => asked,
            Err(status) => return closing(parts.version, pages::refused(status)),
        };
        let picture = Arc::clone(&self.pictures.borrow());
        if !picture.same_door(&client.name, &asked.host) {
            return pages::refused(StatusCode::MISDIRECTED_REQUEST);
        }
        match picture.target(&asked.host, parts.uri.path()) {
            None => pages::refused(StatusCode::NOT_FOUND),
            Some(Target::Redirect(location)) => {
                pages::redirect(moved(&parts.method), location.clone())
            }
            Some(Target::Holding {
                name,
                state,
                retry_after_s,
            }) => pages::holding(&parts.headers, name, *state, *retry_after_s),
            Some(Target::Upstream {
                authority,
                body_max_bytes,
            }) => {
                if headers::is_grpc(&parts.headers) {
                    return pages::no_grpc();
                }
                if !under_way.take_turn() {
                    return closing(parts.version, pages::crowded());
                }
                let name = picture.name(&asked.host);
                let passing = Passing {
                    asked,
                    authority: authority.clone(),
                    body_max_bytes: *body_max_bytes,
                    under_way,
                };
                drop(picture);
                let begun = Instant::now();
                let response = self
                    .pass_on(passing, Request::from_parts(parts, body))
                    .await;
                if let Some(name) = name {
                    self.counts.note(&name, response.status(), begun.elapsed());
                }
                response
            }
        }
    }

    async fn pass_on(&self, passing: Passing, mut request: Request<Incoming>) -> Response<Answer> {
        let Passing {
            asked,
            authority,
            body_max_bytes,
            under_way,
        } = passing;
        let wishes = Wishes::of(request.headers());
        if request.body().size_hint().lower() > body_max_bytes {
            let page = pages::cut(&wishes.0, super::body::Cut::TooLarge, body_max_bytes);
            return closing(request.version(), page);
        }
        let front = headers::wants_websocket(&request).then(|| hyper::upgrade::on(&mut request));
        let (mut parts, body) = request.into_parts();
        let front_version = parts.version;
        headers::for_service(&mut parts, &asked, under_way.client.address);
        if front.is_some() {
            parts
                .headers
                .insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            parts
                .headers
                .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        parts.version = Version::HTTP_11;
        // HTTP/2's way to ask for a tunnel is not offered, so it is not among the extensions passed on either.
        parts.extensions = http::Extensions::new();
        parts.uri = match at(authority, &parts.uri) {
            Ok(uri) => uri,
            Err(_) => return pages::refused(StatusCode::BAD_REQUEST),
        };

        let verdict = Arc::new(Verdict::default());
        let pulse = Arc::new(Pulse::new());
        let upload = Upload::new(
            body,
            body_max_bytes,
            Arc::clone(&verdict),
            Arc::clone(&pulse),
            Duration::from_millis(self.settings.limits.body_idle_ms),
        );
        let patience = Duration::from_millis(self.settings.limits.answer_ms);
        let answered = tokio::select! {
            answered = self.services.request(Request::from_parts(parts, upload)) => answered,
            () = pulse.silent_for(patience) => return closing(front_version, pages::too_slow(&wishes.0)),
        };
        match answered {
            Ok(response) => self.bring_back(response, front, under_way, &wishes),
            Err(error) => {
                let page = match verdict.get() {
                    Some(cut) => pages::cut(&wishes.0, cut, body_max_bytes),
                    None => failed(&error, &wishes),
                };
                closing(front_version, page)
            }
        }
    }

    fn bring_back(
        &self,
        mut response: Response<Incoming>,
        front: Option<OnUpgrade>,
        under_way: UnderWay,
        wishes: &Wishes,
    ) -> Response<Answer> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(front) = front.filter(|_| headers::is_websocket(response.headers())) else {
                return pages::unreachable(&wishes.0);
            };
            let back = hyper::upgrade::on(&mut response);
            headers::strip_hop_by_hop(response.headers_mut());
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            response
                .headers_mut()
                .insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            // Before the answer leaves: whatever comes after it is no HTTP any more.
            under_way.client.tunnel.store(true, Ordering::Release);
            let patience = Duration::from_millis(self.settings.limits.tunnel_idle_ms);
            self.tasks.spawn(tunnel(
                under_way,
                front,
                back,
                patience,
                self.end.told.clone(),
            ));
            return response.map(|_| Answer::page(""));
        }
        headers::strip_hop_by_hop(response.headers_mut());
        response.map(|body| Answer::service(body, under_way))
    }
}

/// A request on its way to a service.
struct Passing {
    asked: Asked,
    authority: Authority,
    body_max_bytes: u64,
    under_way: UnderWay,
}

/// What a client wishes of a page, kept while its request is passed on.
struct Wishes(HeaderMap);

impl Wishes {
    fn of(headers: &HeaderMap) -> Self {
        let mut kept = HeaderMap::new();
        for name in [header::ACCEPT, header::ACCEPT_LANGUAGE] {
            if let Some(value) = headers.get(&name) {
                kept.insert(name, value.clone());
            }
        }
        Self(kept)
    }
}

/// The rest of a refused HTTP/1.1 request is not read: the connection cannot be used again.
fn closing(version: Version, mut response: Response<Answer>) -> Response<Answer> {
    if version < Version::HTTP_2 {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// For good: old clients know 301 for what has no body, and would lose the body of what has one.
pub(super) fn moved(method: &Method) -> StatusCode {
    if method == Method::GET || method == Method::HEAD {
        StatusCode::MOVED_PERMANENTLY
    } else {
        StatusCode::PERMANENT_REDIRECT
    }
}

fn at(authority: Authority, asked: &Uri) -> Result<Uri, http::Error> {
    let path = asked
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
    Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority)
        .path_and_query(path)
        .build()
}

fn failed(error: &legacy::Error, wishes: &Wishes) -> Response<Answer> {
    tracing::debug!(error = %anyhow::Chain::new(error).map(ToString::to_string).collect::<Vec<_>>().join(": "), "a service failed");
    let timed_out = anyhow::Chain::new(error)
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::TimedOut);
    if timed_out {
        pages::too_slow(&wishes.0)
    } else {
        pages::unreachable(&wishes.0)
    }
}

/// Carries bytes both ways until one side ends, nothing moves any more or the gateway ends.
async fn tunnel(
    under_way: UnderWay,
    front: OnUpgrade,
    back: OnUpgrade,
    patience: Duration,
    told: CancellationToken,
) {
    let (front, back) = match tokio::try_join!(front, back) {
        Ok(both) => both,
        Err(error) => {
            tracing::debug!(%error, "a tunnel was not opened");
            return;
        }
    };
    let (mut front, mut back) = (TokioIo::new(front), TokioIo::new(back));
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut front, &mut back) => {}
        () = under_way.client.pulse.silent_for(patience) => {}
        () = told.cancelled() => {
            // WebSockets have no end of their own: whoever needs one opens it anew.
            let _ = tokio::time::timeout(Duration::from_secs(1), front.shutdown()).await;
        }
    }
}
