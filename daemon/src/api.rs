//! The API of the daemon: versioned JSON over HTTP/1.1, on a unix socket for root and the command line, and over HTTPS
//! on the panel's address for programs with a token.

mod accounts;
mod apps;
pub mod backups;
mod bearer;
mod guard;
mod ledger;
mod machine;
pub mod openapi;
mod problem;
mod progress;
mod roads;
mod serve;
pub mod wire;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::future::BoxFuture;
use http::{StatusCode, header};
use lavoir_core::clock;
use lavoir_core::command::Actor;
use lavoir_core::id::{AppId, Hostname, PartId, RecipeId};
use lavoir_core::observed::Observed;
use lavoir_core::state::State as BoxState;
use tokio::sync::{Semaphore, watch};
use zeroize::Zeroizing;

pub use apps::{failure as failure_of, health};
pub use problem::{Detail, Kind, MEDIA_TYPE, Problem, Written, kind_of};
pub use roads::{Caller, May, Road, https_router, roads, router};
pub use serve::{serve, serve_on};

use crate::accounts::Accounts;
use crate::acts::Asked;
use crate::backups::desk::BackupDesk;
use crate::engine::Engine;
use crate::measures::Measures;
use crate::orders::CertificateCard;
use crate::ports::{Clock as _, Containers as _, World};
use crate::progress::Progress;

/// What the API answers from.
pub struct Api<W: World> {
    /// What is decided.
    pub engine: Arc<Engine<W>>,
    /// What is under way.
    pub progress: Arc<Progress>,
    /// What is.
    pub observed: watch::Receiver<Arc<Observed>>,
    /// Hosts that the gateway has opened.
    pub open_hosts: watch::Receiver<BTreeSet<Hostname>>,
    /// How each address's TLS certificate stands.
    pub certificates: watch::Receiver<Vec<CertificateCard>>,
    /// What the gateway counted.
    pub visits: Arc<crate::visits::Visits>,
    /// Who takes requests and knows the catalogue.
    pub desk: Arc<dyn Desk>,
    /// Who may come in.
    pub accounts: Arc<Accounts<W>>,
    /// How the machine does.
    pub measures: Arc<Measures>,
    /// What was saved, where, and the way back.
    pub backups: Arc<BackupDesk<W>>,
    /// Places for the streams of progress that tokens follow.
    pub followed: Arc<Semaphore>,
}

/// Takes what people ask and knows the catalogue.
pub trait Desk: Send + Sync + 'static {
    /// Prepares an act and has it decided; the state after it.
    fn act(&self, actor: Actor, asked: Asked) -> BoxFuture<'_, Result<Arc<BoxState>, Problem>>;
    /// Has it decided that a secret may be read, then reads it.
    fn read_secret(
        &self,
        actor: Actor,
        app: AppId,
        secret: PartId,
    ) -> BoxFuture<'_, Result<Zeroizing<String>, Problem>>;
    /// The catalogue. May read files.
    fn recipes(&self) -> Vec<wire::RecipeCard>;
    /// One recipe with its questions. May read files.
    ///
    /// # Errors
    /// When there is none, or it is not sound.
    fn recipe(&self, id: &RecipeId) -> Result<wire::RecipeDetail, Problem>;
    /// The certificate of the box's own authority, PEM.
    fn ca_pem(&self) -> String;
}

type Shared<W> = State<Arc<Api<W>>>;

async fn status<W: World>(State(api): Shared<W>) -> Json<wire::Status> {
    let state = api.engine.state();
    let (size, root) = api.engine.root().await;
    let identity = state.identity().map(|identity| wire::BoxCard {
        id: identity.box_id.clone(),
        domain: identity.domain.clone(),
    });
    Json(wire::Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        identity,
        in_preparation: true,
        engine: api.engine.world().containers().is_there().await,
        clock: clock::doubt(api.engine.world().clock().now(), state.last_time()),
        ledger: wire::LedgerRoot { size, root },
        apps: apps::cards(&state, &api.observed.borrow()),
        backups: backups::concerns(&state, api.engine.world().clock().now()),
        certificates: api.certificates.borrow().clone(),
    })
}

async fn recipes<W: World>(State(api): Shared<W>) -> Result<Json<Vec<wire::RecipeCard>>, Problem> {
    reading(move || Ok(api.desk.recipes())).await.map(Json)
}

async fn recipe<W: World>(
    State(api): Shared<W>,
    id: Result<Path<RecipeId>, PathRejection>,
) -> Result<Json<wire::RecipeDetail>, Problem> {
    let Path(id) = id?;
    reading(move || api.desk.recipe(&id)).await.map(Json)
}

/// Files are read away from the threads that answer.
async fn reading<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|_| Err(Problem::inside()))
}

async fn act<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    asked: Result<Json<Asked>, JsonRejection>,
) -> Result<(StatusCode, Json<wire::Accepted>), Problem> {
    let Json(asked) = asked?;
    let desk = api.desk.clone();
    let about = apps::asked_about(&asked);
    // In a task of its own: whoever asked may go away, what was asked is carried through.
    let state = tokio::spawn(async move { desk.act(actor, asked).await })
        .await
        .unwrap_or_else(|_| Err(Problem::inside()))?;
    let decided = apps::just_decided(&state, &about).ok_or_else(Problem::inside)?;
    Ok((StatusCode::ACCEPTED, Json(decided)))
}

async fn ca<W: World>(State(api): Shared<W>) -> Response {
    (
        [(header::CONTENT_TYPE, "application/x-pem-file")],
        api.desk.ca_pem(),
    )
        .into_response()
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let mut problem = Problem::unsound(&rejection.body_text());
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            problem.kind = Kind::TooLarge;
        }
        problem
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Problem::unsound(&rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Problem::unsound(&rejection.body_text())
    }
}
