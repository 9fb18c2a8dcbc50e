//! The API over HTTPS: tokens, scopes, ends; and the document that describes it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use lavoir::accounts::{MadeToken, NewToken};
use lavoir::acts::Asked;
use lavoir::api::{self, Api, Desk, MEDIA_TYPE, May, Problem, roads, wire};
use lavoir::backups::desk::BackupDesk;
use lavoir::measures::Measures;
use lavoir::progress::Progress;
use lavoir_core::account::Scope;
use lavoir_core::command::{Action, Actor};
use lavoir_core::id::{AppId, PartId, PersonId, RecipeId, TokenId};
use lavoir_core::limits;
use lavoir_core::state::State;
use lavoir_tests::memory::Memory;
use lavoir_tests::shapes::bare;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;
use zeroize::Zeroizing;

use super::{House, code_of, said};

struct Double(Arc<lavoir::engine::Engine<Memory>>);

impl Desk for Double {
    fn act(&self, actor: Actor, asked: Asked) -> BoxFuture<'_, Result<Arc<State>, Problem>> {
        Box::pin(async move {
            let action = match asked {
                Asked::Install { .. } => Action::Install {
                    app: "blog".parse().unwrap(),
                    release: Box::new(bare("blog", 1, "blog.verger.example")),
                },
                other => Action::Stop {
                    app: other.app().unwrap().clone(),
                },
            };
            Ok(self.0.act(actor, action, Default::default()).await?)
        })
    }
    fn read_secret(
        &self,
        _: Actor,
        _: AppId,
        _: PartId,
    ) -> BoxFuture<'_, Result<Zeroizing<String>, Problem>> {
        Box::pin(async { Ok(Zeroizing::new("hunter22".to_owned())) })
    }
    fn recipes(&self) -> Vec<wire::RecipeCard> {
        Vec::new()
    }
    fn recipe(&self, _: &RecipeId) -> Result<wire::RecipeDetail, Problem> {
        Err(Problem::inside())
    }
    fn ca_pem(&self) -> String {
        "-----BEGIN CERTIFICATE-----\n".into()
    }
}

struct Outside {
    house: House,
    https: Router,
    root: Router,
}

impl Outside {
    async fn new() -> Self {
        let (house, _) = House::opened().await;
        let api = Arc::new(Api {
            backups: Arc::new(BackupDesk::new(
                house.engine.clone(),
                Arc::default(),
                Arc::new(|_| 0),
            )),
            engine: house.engine.clone(),
            progress: Arc::new(Progress::default()),
            observed: watch::channel(Arc::default()).1,
            open_hosts: watch::channel(BTreeSet::new()).1,
            visits: Default::default(),
            certificates: watch::channel(Vec::new()).1,
            desk: Arc::new(Double(house.engine.clone())),
            accounts: house.accounts.clone(),
            measures: Arc::new(Measures::default()),
            followed: Arc::new(Semaphore::new(limits::PROGRESS_STREAMS_MAX)),
        });
        Self {
            house,
            https: api::https_router(api.clone()),
            root: api::router(api),
        }
    }

    async fn token(&self, scope: Scope, days: u32) -> MadeToken {
        let asked = NewToken {
            label: "essai".into(),
            scope,
            days,
        };
        let actor = Actor::Person(PersonId(1));
        let made = self.house.accounts.make_token(actor, None, asked).await;
        made.map_err(said).unwrap()
    }

    async fn ask(&self, method: &str, path: &str, authorization: &str) -> (StatusCode, String) {
        let body = match method {
            "POST" => json!({"ask": "install", "recipe": "blog"}).to_string(),
            _ => String::new(),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("cookie", "__Host-lavoir=a-session");
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        answer(&self.https, request.body(Body::from(body)).unwrap()).await
    }
}

async fn answer(router: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    if status == StatusCode::UNAUTHORIZED {
        assert!(response.headers().contains_key("www-authenticate"));
        assert_eq!(response.headers()["content-type"], MEDIA_TYPE);
    }
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn a_token_reaches_as_far_as_its_scope_and_no_longer_than_its_end() {
    let outside = Outside::new().await;
    let (read, act) = (
        outside.token(Scope::Read, 1).await,
        outside.token(Scope::Act, 30).await,
    );
    assert!(read.key.starts_with("lavoir_") && read.key.len() > 40);
    let bearer = |key: &str| format!("Bearer {key}");
    let wrong = bearer(&format!("{}x", *read.key));
    for (method, path, authorization, expected) in [
        // A cookie opens nothing, nor another scheme, nor a key that is not one.
        ("GET", "/v1/status", "", 401),
        ("GET", "/v1/status", "Basic bGF2b2lyOmxhdm9pcg==", 401),
        ("GET", "/v1/status", "Bearer", 401),
        ("GET", "/v1/status", "Bearer ", 401),
        ("GET", "/v1/status", &wrong, 401),
        ("POST", "/v1/acts", "", 401),
        ("GET", "/v1/status", &bearer(&read.key), 200),
        ("GET", "/v1/status", &format!("bearer  {}", *read.key), 200),
        ("GET", "/v1/machine", &bearer(&read.key), 200),
        ("GET", "/v1/ledger/export", &bearer(&read.key), 200),
        ("POST", "/v1/acts", &bearer(&read.key), 403),
        ("POST", "/v1/apps/blog/secrets/key", &bearer(&read.key), 403),
        ("POST", "/v1/apps/blog/secrets/key", &bearer(&act.key), 200),
        ("POST", "/v1/acts", &bearer(&act.key), 202),
        // Root's roads are not there.
        ("GET", "/v1/setup-code", &bearer(&act.key), 404),
        ("POST", "/v1/setup-code", &bearer(&act.key), 404),
        ("GET", "/v1/tokens", &bearer(&act.key), 404),
        ("POST", "/v1/tokens", &bearer(&act.key), 404),
        ("DELETE", "/v1/tokens/1", &bearer(&act.key), 404),
        // Open to all.
        ("GET", "/v1/ca", "", 200),
        ("GET", "/v1/openapi.json", "", 200),
    ] {
        let (status, text) = outside.ask(method, path, authorization).await;
        assert_eq!(
            status.as_u16(),
            expected,
            "{method} {path} {authorization}: {text}"
        );
    }
    assert_eq!(outside.house.last_actor(), Actor::Token(act.token));
    // Ended by time, and by its owner.
    outside.house.world.pass(limits::DAY_MS);
    let (status, _) = outside.ask("GET", "/v1/status", &bearer(&read.key)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let owner = Actor::Person(PersonId(1));
    let accounts = &outside.house.accounts;
    let listed = accounts.tokens(Some(PersonId(1))).await.unwrap();
    assert_eq!(listed.len(), 1, "the other one has ended");
    assert!(listed[0].last_used.is_some() && listed[0].token == act.token);
    accounts
        .end_token(owner.clone(), act.token)
        .await
        .map_err(said)
        .unwrap();
    let (status, _) = outside.ask("GET", "/v1/status", &bearer(&act.key)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let twice = accounts.end_token(owner, act.token).await;
    assert_eq!(code_of(twice), "no-such-token");
    // Neither key nor label in the ledger.
    let ledger = outside.house.ledger();
    for secret in [&*read.key, &*act.key, "essai"] {
        assert!(!ledger.contains(secret));
    }
}

#[tokio::test]
async fn what_a_token_may_not_be() {
    let outside = Outside::new().await;
    let make = async |label: &str, days: u32| {
        let asked = NewToken {
            label: label.into(),
            scope: Scope::Read,
            days,
        };
        let actor = Actor::Person(PersonId(1));
        let problem = outside
            .house
            .accounts
            .make_token(actor, None, asked)
            .await
            .err();
        let problem = problem.unwrap();
        (
            problem.message.code,
            problem.problems[0].at.clone().unwrap(),
        )
    };
    assert_eq!(
        make("", 1).await,
        ("token-label-unfit".into(), "label".into())
    );
    assert_eq!(
        make("a\nb", 1).await,
        ("token-label-unfit".into(), "label".into())
    );
    assert_eq!(make("x", 0).await, ("token-life".into(), "days".into()));
    assert_eq!(make("x", 367).await, ("token-life".into(), "days".into()));
    assert_eq!(
        make("x", u32::MAX).await,
        ("token-life".into(), "days".into())
    );
}

#[tokio::test]
async fn root_makes_lists_and_ends_tokens_over_the_socket() {
    let outside = Outside::new().await;
    let request = |method: Method, path: &str, body: Value| {
        Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap()
    };
    let asked = json!({"label": "tableau", "scope": "read", "days": 3});
    let (status, text) = answer(&outside.root, request(Method::POST, "/v1/tokens", asked)).await;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    let made: wire::MadeToken = serde_json::from_str(&text).unwrap();
    assert_eq!(outside.house.last_actor(), Actor::Installer);
    let (_, text) = answer(
        &outside.root,
        request(Method::GET, "/v1/tokens", Value::Null),
    )
    .await;
    assert!(
        text.contains("tableau") && !text.contains(&made.key),
        "{text}"
    );
    let path = format!("/v1/tokens/{}", made.token.0);
    let (status, _) = answer(&outside.root, request(Method::DELETE, &path, Value::Null)).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(made.token, TokenId(1));
}

#[tokio::test]
async fn streams_are_counted_and_end_with_their_token() {
    let outside = Outside::new().await;
    let token = outside.token(Scope::Act, 1).await;
    let bearer = format!("Bearer {}", *token.key);
    let (status, _) = outside.ask("POST", "/v1/acts", &bearer).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let follow = || {
        let request = Request::get("/v1/apps/blog/progress").header("authorization", &bearer);
        let request = request.body(Body::empty()).unwrap();
        outside.https.clone().oneshot(request)
    };
    let mut streams = Vec::new();
    for _ in 0..limits::PROGRESS_STREAMS_MAX {
        let response = follow().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        streams.push(response.into_body());
    }
    assert_eq!(
        follow().await.unwrap().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    streams.pop();
    assert_eq!(follow().await.unwrap().status(), StatusCode::OK);

    let mut stream = streams.pop().unwrap();
    assert!(stream.frame().await.is_some(), "it begins");
    let owner = Actor::Person(PersonId(1));
    let ended = outside.house.accounts.end_token(owner, token.token).await;
    ended.map_err(said).unwrap();
    let more = tokio::time::timeout(std::time::Duration::from_secs(5), stream.frame()).await;
    assert!(more.unwrap().is_none(), "it ended with its token");
}

#[tokio::test]
async fn the_document_tells_every_road_and_no_other() {
    let outside = Outside::new().await;
    let (_, text) = outside.ask("GET", "/v1/openapi.json", "").await;
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut told = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            told.insert((method.to_uppercase(), path.clone()));
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()));
            assert!(operation["summary"].as_str().unwrap().ends_with('.'));
            let names: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let inside: BTreeSet<&str> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            assert_eq!(names, inside, "{path}");
            assert!(operation["responses"]["default"].is_object());
        }
    }
    let there: BTreeSet<(String, String)> = roads::<Memory>()
        .iter()
        .map(|road| (road.method.to_string(), format!("/v1{}", road.path)))
        .collect();
    assert_eq!(told, there);
    // Each is answered by something: told to root, and outside unless it is root's.
    for road in roads::<Memory>() {
        let path = format!("/v1{}", road.path)
            .replace("{app}", "absent")
            .replace("{recipe}", "absent")
            .replace("{secret}", "absent")
            .replace("{token}", "99");
        let request = || {
            Request::builder()
                .method(road.method.clone())
                .uri(path.as_str())
                .body(Body::empty())
                .unwrap()
        };
        let (_, text) = answer(&outside.root, request()).await;
        assert!(!text.contains("no-such-path"), "{path}");
        let (status, text) = answer(&outside.https, request()).await;
        assert_eq!(
            text.contains("no-such-path"),
            road.may == May::Root,
            "{path}"
        );
        let open = matches!(road.may, May::Anybody | May::Root);
        assert_eq!(status == StatusCode::UNAUTHORIZED, !open, "{path}");
    }
    // Every reference leads somewhere.
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for reference in text.split("\"$ref\":\"").skip(1) {
        let name = reference.split('"').next().unwrap();
        let name = name.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
    for needed in ["Asked", "AppDetail", "Picture", "Written", "Machine"] {
        assert!(schemas.contains_key(needed), "{needed}");
    }
}
