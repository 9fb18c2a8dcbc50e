//! The way to an authority: HTTPS with roots of our choice, bounded, and with an ear for what its headers say.

use std::error::Error as StdError;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use lavoir_core::limits;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use time::PrimitiveDateTime;
use time::macros::format_description;

type Inner = Client<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>;

/// Asks authorities.
#[derive(Clone)]
pub(super) struct Https(Inner);

/// What the last answer's headers said.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Last>>);

/// See [`Heard`].
#[derive(Clone, Copy, Default)]
pub(super) struct Last {
    pub(super) status: Option<StatusCode>,
    pub(super) retry_after: Option<Duration>,
    /// How far our clock is from the authority's.
    pub(super) clock_off: Duration,
}

impl Heard {
    pub(super) fn last(&self) -> Last {
        self.0.lock().map(|last| *last).unwrap_or_default()
    }
}

impl Https {
    /// With the system's roots and those of a file.
    pub(super) fn new(roots: Option<&Path>) -> anyhow::Result<Self> {
        let mut store = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "reading the system's roots");
        }
        store.add_parsable_certificates(found.certs);
        if let Some(file) = roots {
            let say = || format!("[tls] roots: {}", file.display());
            let mut count = 0;
            for root in CertificateDer::pem_file_iter(file).with_context(say)? {
                store.add(root.with_context(say)?).with_context(say)?;
                count += 1;
            }
            anyhow::ensure!(count > 0, "{}: no certificate in it", say());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .build();
        Ok(Self(
            Client::builder(TokioExecutor::new())
                .pool_idle_timeout(Duration::from_secs(10))
                .build(connector),
        ))
    }

    pub(super) fn client(&self, heard: &Heard) -> Box<dyn HttpClient> {
        Box::new(Listening {
            https: self.0.clone(),
            heard: heard.clone(),
        })
    }
}

struct Listening {
    https: Inner,
    heard: Heard,
}

impl HttpClient for Listening {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (https, heard) = (self.https.clone(), self.heard.clone());
        Box::pin(async move {
            let other = |error: Box<dyn StdError + Send + Sync>| Error::Other(error);
            let whole = async {
                if let Ok(mut last) = heard.0.lock() {
                    *last = Last::default();
                }
                let answer = https.request(request).await.map_err(|e| other(e.into()))?;
                let (parts, body) = answer.into_parts();
                if let Ok(mut last) = heard.0.lock() {
                    *last = Last::of(parts.status, &parts.headers, SystemTime::now());
                }
                let body = Limited::new(body, limits::AUTHORITY_BYTES_MAX);
                let bytes = body.collect().await.map_err(other)?.to_bytes();
                let answer = http::Response::from_parts(parts, Full::new(bytes));
                Ok(BytesResponse::from(answer))
            };
            let limit = Duration::from_millis(limits::AUTHORITY_ANSWERS_MS_MAX);
            match tokio::time::timeout(limit, whole).await {
                Ok(answer) => answer,
                Err(_) => Err(other(io::Error::from(io::ErrorKind::TimedOut).into())),
            }
        })
    }
}

impl Last {
    fn of(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after = text(&RETRY_AFTER).and_then(|text| match text.trim().parse() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => date(text)?.duration_since(now).ok(),
        });
        let theirs = text(&DATE).and_then(date);
        let off = theirs.map(|theirs| match theirs.duration_since(now) {
            Ok(late) => late,
            Err(early) => early.duration(),
        });
        Self {
            status: Some(status),
            retry_after,
            clock_off: off.unwrap_or_default(),
        }
    }
}

/// As HTTP writes it: `Fri, 31 Dec 1999 23:59:59 GMT`.
fn date(text: &str) -> Option<SystemTime> {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = PrimitiveDateTime::parse(text.trim(), format).ok()?;
    Some(date.assume_utc().into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_headers_say() {
        let now = date("Fri, 31 Dec 1999 23:00:00 GMT").unwrap();
        let said = |pairs: &[(&HeaderName, &str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| ((*name).clone(), value.parse().unwrap()));
            Last::of(StatusCode::OK, &headers.collect(), now)
        };
        let last = said(&[
            (&RETRY_AFTER, "120"),
            (&DATE, "Sat, 01 Jan 2000 01:00:00 GMT"),
        ]);
        assert_eq!(last.retry_after, Some(Duration::from_secs(120)));
        assert_eq!(last.clock_off, Duration::from_secs(7_200));
        let last = said(&[
            (&RETRY_AFTER, "Fri, 31 Dec 1999 23:59:59 GMT"),
            (&DATE, "nonsense"),
        ]);
        assert_eq!(last.retry_after, Some(Duration::from_secs(3_599)));
        assert_eq!(last.clock_off, Duration::ZERO);
        assert_eq!(
            said(&[(&RETRY_AFTER, "Fri, 31 Dec 1999 22:00:00 GMT")]).retry_after,
            None
        );
    }
}
