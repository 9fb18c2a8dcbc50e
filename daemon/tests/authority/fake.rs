//! An authority that says what a test wants to hear, over real TLS: for what Pebble never does (renewal information,
//! profiles, limits, CAA, a wrong clock, silence).

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer,
    KeyPair,
};
use rustls::pki_types::{CertificateSigningRequestDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What is answered in place of the usual.
#[derive(Clone, Default)]
pub struct Says {
    pub status: u16,
    pub body: String,
    pub headers: Vec<(&'static str, String)>,
}

#[derive(Default)]
pub struct Facts {
    /// By path, for good.
    pub says: HashMap<&'static str, Says>,
    /// Accounts made.
    pub accounts: u32,
    /// Those that are not valid any more.
    pub dead: HashSet<u32>,
    /// What was ordered.
    pub orders: Vec<Value>,
    /// Where the one order stands.
    pub status: String,
    pub chain: String,
    /// Contacts of accounts.
    pub contacts: Vec<Value>,
}

#[derive(Clone)]
pub struct Fake {
    pub facts: Arc<Mutex<Facts>>,
    pub address: SocketAddr,
    /// For clients.
    pub root_pem: String,
    issuer: Arc<Issuer<'static, KeyPair>>,
    issuer_pem: String,
}

impl Fake {
    /// One whose own certificate begins and ends in these years.
    pub async fn start(from: i32, to: i32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "fake");
        let root = params.self_signed(&key).unwrap();
        let root_pem = root.pem();
        let issuer = Arc::new(Issuer::new(params, key));

        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let leaf = params.signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let fake = Self {
            facts: Arc::default(),
            address: listener.local_addr().unwrap(),
            issuer_pem: root_pem.clone(),
            root_pem,
            issuer,
        };
        fake.facts.lock().unwrap().status = "ready".into();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let served = fake.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, fake) = (acceptor.clone(), served.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(move |request| {
                        let fake = fake.clone();
                        async move { Ok::<_, Infallible>(fake.answer(request).await) }
                    });
                    let io = TokioIo::new(stream);
                    let connection = hyper::server::conn::http1::Builder::new();
                    let _ = connection.serve_connection(io, service).await;
                });
            }
        });
        fake
    }

    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    pub fn facts(&self) -> std::sync::MutexGuard<'_, Facts> {
        self.facts.lock().unwrap()
    }

    /// Has one path say this from now on.
    pub fn say(
        &self,
        path: &'static str,
        status: u16,
        kind: &str,
        headers: &[(&'static str, &str)],
    ) {
        let body = json!({
            "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": "no", "status": status
        });
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let says = Says {
            status,
            body: body.to_string(),
            headers: headers.collect(),
        };
        self.facts().says.insert(path, says);
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let path = parts.uri.path().to_owned();
        let part = |name: &str| -> Value {
            let whole: Value = serde_json::from_slice(&body).unwrap_or_default();
            let bytes = B64
                .decode(whole[name].as_str().unwrap_or(""))
                .unwrap_or_default();
            serde_json::from_slice(&bytes).unwrap_or_default()
        };
        let (protected, payload) = (part("protected"), part("payload"));
        let mut facts = self.facts();
        let base = format!("https://{}", self.address);
        let mut response = Response::builder().header("replay-nonce", "bm9uY2U");
        let first = path.split('/').nth(1).unwrap_or("").to_owned();
        if let Some(says) = facts.says.get(first.as_str()) {
            for (name, value) in &says.headers {
                response = response.header(*name, value);
            }
            return response
                .status(says.status)
                .body(Full::from(says.body.clone()))
                .unwrap();
        }
        let kid: u32 = protected["kid"]
            .as_str()
            .and_then(|kid| kid.rsplit('/').next()?.parse().ok())
            .unwrap_or(0);
        if facts.dead.contains(&kid) {
            let body = json!({"type": "urn:ietf:params:acme:error:unauthorized", "detail": "Account is not valid, has status \"deactivated\"", "status": 403});
            return response
                .status(403)
                .body(Full::from(body.to_string()))
                .unwrap();
        }
        let order = |facts: &Facts| {
            let mut order = json!({
                "status": facts.status,
                "identifiers": [{"type": "dns", "value": "a.example.org"}],
                "authorizations": [format!("{base}/authz/1")],
                "finalize": format!("{base}/finalize/1"),
            });
            if facts.status == "valid" {
                order["certificate"] = format!("{base}/cert/1").into();
            }
            order
        };
        let body = match first.as_str() {
            "dir" => json!({
                "newNonce": format!("{base}/nonce"), "newAccount": format!("{base}/account"),
                "newOrder": format!("{base}/new-order"), "renewalInfo": format!("{base}/ari"),
                "meta": {"profiles": {"shortlived": "six days"}},
            }),
            "account" => {
                facts.accounts += 1;
                facts.contacts.push(payload["contact"].clone());
                let here = format!("{base}/account/{}", facts.accounts);
                response = response.status(201).header("location", here);
                json!({"status": "valid"})
            }
            "new-order" => {
                facts.orders.push(payload.clone());
                facts.status = "ready".into();
                response = response
                    .status(201)
                    .header("location", format!("{base}/order/1"));
                let mut made = order(&facts);
                if !payload["replaces"].is_null() {
                    made["replaces"] = payload["replaces"].clone();
                }
                made
            }
            "order" => order(&facts),
            "authz" => json!({
                "identifier": {"type": "dns", "value": "a.example.org"}, "status": "valid", "challenges": []
            }),
            "finalize" => {
                let csr = B64.decode(payload["csr"].as_str().unwrap()).unwrap();
                facts.chain = self.certify(csr);
                facts.status = "valid".into();
                order(&facts)
            }
            "cert" => return response.body(Full::from(facts.chain.clone())).unwrap(),
            "ari" => {
                response = response.header("retry-after", "21600");
                json!({"suggestedWindow": {"start": "2027-01-02T04:00:00Z", "end": "2027-01-03T04:00:00Z"}})
            }
            _ if parts.method == Method::HEAD => Value::Null,
            _ => {
                let body = json!({"type": "urn:ietf:params:acme:error:malformed", "status": 404});
                return response
                    .status(404)
                    .body(Full::from(body.to_string()))
                    .unwrap();
            }
        };
        let body = if parts.method == Method::HEAD {
            String::new()
        } else {
            body.to_string()
        };
        response.body(Full::from(body)).unwrap()
    }

    fn certify(&self, csr: Vec<u8>) -> String {
        let csr = CertificateSigningRequestDer::from(csr);
        let mut csr = CertificateSigningRequestParams::from_der(&csr).unwrap();
        csr.params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        csr.params.not_after = rcgen::date_time_ymd(2027, 3, 1);
        csr.params.use_authority_key_identifier_extension = true;
        let leaf = csr.signed_by(&self.issuer).unwrap();
        leaf.pem() + &self.issuer_pem
    }
}
