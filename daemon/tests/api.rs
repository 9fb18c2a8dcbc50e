//! The API, asked over its own socket and straight at its router.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use lavoir::accounts::Accounts;
use lavoir::acts::Asked;
use lavoir::api::wire::{self, Outcome, Picture};
use lavoir::api::{Api, Desk, MEDIA_TYPE, Problem, Written, router, serve};
use lavoir::backups::desk::BackupDesk;
use lavoir::cli::{Client, End};
use lavoir::engine::Engine;
use lavoir::measures::Measures;
use lavoir::ports::Fault;
use lavoir::progress::Progress;
use lavoir_core::command::{Action, Actor, Command, Report};
use lavoir_core::id::{AppId, Hostname, PartId, RecipeId, Revision};
use lavoir_core::state::State;
use lavoir_core::text::Text;
use lavoir_tests::memory::Memory;
use lavoir_tests::shapes::bare;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;
use zeroize::Zeroizing;

struct Double {
    engine: Arc<Engine<Memory>>,
    /// Acts wait for a place.
    turnstile: Semaphore,
    /// The gateway, which has opened all there is.
    _gateway: watch::Sender<BTreeSet<Hostname>>,
}

impl Desk for Double {
    fn act(&self, actor: Actor, asked: Asked) -> BoxFuture<'_, Result<Arc<State>, Problem>> {
        Box::pin(async move {
            let _turn = self.turnstile.acquire().await.unwrap();
            let action = match asked {
                Asked::Install { app, host, .. } => Action::Install {
                    app: app.unwrap(),
                    release: Box::new(bare("blog", 1, host.unwrap().as_str())),
                },
                Asked::Stop { app } => Action::Stop { app },
                Asked::Restart { .. } => panic!("on purpose"),
                Asked::Start { .. } => {
                    let words = Text::new("Cassé.", "Broken.");
                    return Err(Fault::lasting("disk-broken", words.clone(), words).into());
                }
                _ => panic!("not asked here"),
            };
            let answers = Default::default();
            Ok(self.engine.act(actor, action, answers).await?)
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
        Err(Problem::no_such_path())
    }
    fn ca_pem(&self) -> String {
        "-----BEGIN CERTIFICATE-----\n".into()
    }
}

async fn box_with(places: usize) -> (Router, Arc<Double>) {
    let engine = Arc::new(Engine::open(Arc::new(Memory::still())).await.unwrap());
    engine
        .prepare("0707".into(), &"verger.example".parse().unwrap())
        .await
        .unwrap();
    let (gateway, open_hosts) = watch::channel(["blog.verger.example".parse().unwrap()].into());
    let desk = Arc::new(Double {
        _gateway: gateway,
        engine: engine.clone(),
        turnstile: Semaphore::new(places),
    });
    let api = Api {
        backups: Arc::new(BackupDesk::new(
            engine.clone(),
            Arc::default(),
            Arc::new(|_| 0),
        )),
        open_hosts,
        certificates: watch::channel(Vec::new()).1,
        accounts: Arc::new(Accounts::new(engine.clone())),
        measures: Arc::new(Measures::default()),
        visits: Default::default(),
        engine,
        progress: Arc::new(Progress::default()),
        observed: watch::channel(Arc::default()).1,
        desk: desk.clone(),
        followed: Arc::new(Semaphore::new(lavoir_core::limits::PROGRESS_STREAMS_MAX)),
    };
    (router(Arc::new(api)), desk)
}

async fn ask(router: &Router, path: &str, body: Option<Value>) -> (StatusCode, String, String) {
    let request = match body {
        Some(body) => Request::post(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string())),
        None => Request::get(path).body(Body::empty()),
    };
    let response = router.clone().oneshot(request.unwrap()).await.unwrap();
    let status = response.status();
    let kind = response
        .headers()
        .get("content-type")
        .map(|kind| kind.to_str().unwrap().to_owned())
        .unwrap_or_default();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, kind, String::from_utf8(bytes.to_vec()).unwrap())
}

fn install(app: &str, host: &str) -> Value {
    json!({"ask": "install", "recipe": "blog", "app": app, "host": host})
}

#[tokio::test]
async fn each_no_has_its_status_and_both_languages() {
    let (router, _) = box_with(9).await;
    let (status, _, body) = ask(
        &router,
        "/v1/acts",
        Some(install("blog", "blog.verger.example")),
    )
    .await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    let accepted: wire::Accepted = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (accepted.app.as_str(), accepted.revision),
        ("blog", Revision(1))
    );

    let large = "x".repeat(300 * 1024);
    for (path, body, expected, code) in [
        (
            "/v1/acts",
            Some(install("blog", "b.verger.example")),
            409,
            "name-taken",
        ),
        (
            "/v1/acts",
            Some(install("b", "blog.verger.example")),
            409,
            "host-taken",
        ),
        (
            "/v1/acts",
            Some(install("b", "verger.example")),
            409,
            "host-is-panel",
        ),
        (
            "/v1/acts",
            Some(json!({"ask": "stop", "app": "absent"})),
            404,
            "no-such-app",
        ),
        (
            "/v1/acts",
            Some(json!({"ask": "stop", "app": "blog", "force": true})),
            400,
            "request-unsound",
        ),
        (
            "/v1/acts",
            Some(json!({"ask": "stop", "app": "../blog"})),
            400,
            "request-unsound",
        ),
        (
            "/v1/acts",
            Some(json!({"ask": "explode"})),
            400,
            "request-unsound",
        ),
        (
            "/v1/acts",
            Some(json!({"ask": large})),
            413,
            "request-unsound",
        ),
        (
            "/v1/acts",
            Some(json!({"ask": "restart", "app": "blog"})),
            500,
            "broke-inside",
        ),
        (
            "/v1/acts",
            Some(json!({"ask": "start", "app": "blog"})),
            500,
            "disk-broken",
        ),
        ("/v1/apps/absent", None, 404, "no-such-app"),
        ("/v1/apps/absent/progress", None, 404, "no-such-app"),
        ("/v1/apps/BLOG", None, 400, "request-unsound"),
        ("/v1/ledger?form=3", None, 400, "request-unsound"),
        ("/v1/nothing", None, 404, "no-such-path"),
        ("/v2/status", None, 404, "no-such-path"),
    ] {
        let (status, kind, text) = ask(&router, path, body).await;
        assert_eq!(status.as_u16(), expected, "{path} {text}");
        assert_eq!(kind, MEDIA_TYPE, "{path}");
        let written: Written = serde_json::from_str(&text).unwrap();
        assert_eq!(written.message.code, code, "{path}");
        assert_eq!(written.status, expected);
        assert!(written.kind.ends_with(code) && !written.title.is_empty());
        assert!(
            !written.message.sentence.fr.is_empty() && !written.message.next_step.en.is_empty()
        );
        assert_eq!(written.operation.is_some(), expected == 500, "{path}");
    }
}

#[tokio::test]
async fn what_was_asked_is_carried_through_when_the_asker_leaves() {
    let (router, desk) = box_with(0).await;
    let asking = ask(
        &router,
        "/v1/acts",
        Some(install("blog", "blog.verger.example")),
    );
    assert!(
        tokio::time::timeout(Duration::from_millis(50), asking)
            .await
            .is_err()
    );
    assert!(desk.engine.state().apps().is_empty());
    desk.turnstile.add_permits(1);
    let mut states = desk.engine.watch();
    let there = states.wait_for(|state| !state.apps().is_empty());
    tokio::time::timeout(Duration::from_secs(5), there)
        .await
        .unwrap()
        .unwrap();
}

async fn outcome_after(report: Report) -> Outcome {
    let (router, desk) = box_with(9).await;
    ask(
        &router,
        "/v1/acts",
        Some(install("blog", "blog.verger.example")),
    )
    .await;
    let engine = desk.engine.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        engine
            .submit(Actor::Box, Command::Report(report))
            .await
            .unwrap();
    });
    let (_, _, lines) = ask(&router, "/v1/apps/blog/progress?revision=1", None).await;
    let pictures: Vec<Picture> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(pictures.len() >= 2 && pictures[0].outcome.is_none());
    pictures.last().unwrap().outcome.clone().unwrap()
}

#[tokio::test]
async fn progress_tells_how_it_ended() {
    let (app, revision) = ("blog".parse().unwrap(), Revision(1));
    let settled = Report::Settled { app, revision };
    assert_eq!(outcome_after(settled).await, Outcome::Settled);
    let failed = Report::Failed {
        app: "blog".parse().unwrap(),
        revision,
        step: "pull-image".into(),
        code: "image-absent".into(),
    };
    match outcome_after(failed).await {
        Outcome::Failed { failure } => assert_eq!(failure.code, "image-absent"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn progress_comes_as_events_for_who_asks() {
    let (router, desk) = box_with(9).await;
    let blog = install("blog", "blog.verger.example");
    ask(&router, "/v1/acts", Some(blog)).await;
    let (app, revision) = ("blog".parse().unwrap(), Revision(1));
    let settled = Command::Report(Report::Settled { app, revision });
    desk.engine.submit(Actor::Box, settled).await.unwrap();
    let request =
        Request::get("/v1/apps/blog/progress?revision=1").header("accept", "text/event-stream");
    let response = router
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let last = text.trim_end().split("\n\n").last().unwrap();
    let data = last.strip_prefix("event: end\ndata: ").unwrap();
    let picture: Picture = serde_json::from_str(data).unwrap();
    assert_eq!(picture.outcome, Some(Outcome::Settled));
}

#[tokio::test]
async fn one_picture_does_not_wait() {
    let (router, _) = box_with(9).await;
    ask(
        &router,
        "/v1/acts",
        Some(install("blog", "blog.verger.example")),
    )
    .await;
    let (_, _, lines) = ask(&router, "/v1/apps/blog/progress?wait=false", None).await;
    assert_eq!(lines.lines().count(), 1);
}

#[tokio::test]
async fn the_socket_is_for_root_and_leaves_with_the_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("run/api.sock");
    let (router, _) = box_with(9).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (path, again) = (socket.clone(), router.clone());
    let serving =
        tokio::spawn(async move { serve(&path, router, async { drop(stopped.await) }).await });
    let client = Client::new(socket.clone());
    let mut tries = 0;
    let status = loop {
        match client.get::<wire::Status>("/v1/status").await {
            Ok(status) => break status.value,
            Err(End::Away(_)) if tries < 200 => tries += 1,
            Err(end) => panic!("{end:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(status.ledger.size, 1);
    assert!(status.in_preparation && status.engine);
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A second daemon does not take the first one's place.
    assert!(serve(&socket, again, std::future::pending()).await.is_err());
    match client.get::<Value>("/v1/apps/absent").await {
        Err(end @ End::Refused { .. }) => assert_eq!(end.code(), 1),
        _ => panic!("refused"),
    }
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    assert!(!socket.exists());
    match client.get::<Value>("/v1/status").await {
        Err(end) => assert_eq!(end.code(), 3),
        Ok(_) => panic!("away"),
    }
}
