//! Every road of the API in one table: who may take it, what stands behind it, and its words in the OpenAPI document.
//! The routers are made from this table, and so is the document.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;
use lavoir_core::command::Actor;
use lavoir_core::limits;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{
    Api, Problem, accounts, apps, backups, bearer, guard, ledger, machine, progress, wire,
};
use super::{act, ca, openapi, recipe, recipes, status};
use crate::acts::Asked;
use crate::backups::cards::{ListedCard, RepositoryCard, SnapshotCard};
use crate::backups::desk::NewRepository;
use crate::ports::World;

/// Who may take a road.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// Whoever comes.
    Anybody,
    /// Who may look.
    Read,
    /// Who may act.
    Act,
    /// Root, on the box itself: not there over HTTPS.
    Root,
}

/// A road.
pub struct Road<W: World> {
    /// The method.
    pub method: Method,
    /// The path, from `/v1` on.
    pub path: &'static str,
    /// Who may take it.
    pub may: May,
    /// Its words.
    pub words: Words,
    pub(super) handler: MethodRouter<Arc<Api<W>>>,
}

/// What the document says of a road.
#[derive(Clone, Copy)]
pub struct Words {
    /// In one line.
    pub summary: &'static str,
    /// What may stand after `?`: name, what for, its type.
    pub query: &'static [(&'static str, &'static str, &'static str)],
    /// The body it takes.
    pub body: Option<SchemaOf>,
    /// What it answers.
    pub answer: Answers,
}

/// Makes a type's schema.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a road answers.
#[derive(Clone, Copy)]
pub enum Answers {
    /// JSON, with this status.
    Json(u16, SchemaOf),
    /// One JSON text a line; server-sent events for who asks for those.
    Lines(SchemaOf),
    /// One JSON text a line.
    OnlyLines(SchemaOf),
    /// A text of this media type.
    Text(&'static str),
    /// Nothing: 204.
    Nothing,
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller(pub Actor);

const REVISION: (&str, &str, &str) = (
    "revision",
    "The decision to wait for; the latest one otherwise.",
    "integer",
);
const WAIT: (&str, &str, &str) = ("wait", "Until it ended, or only one picture.", "boolean");
const LINES: (&str, &str, &str) = ("lines", "How many of each container.", "integer");
const FROM: (&str, &str, &str) = ("from", "The first entry, from 0.", "integer");
const PATH: (&str, &str, &str) = (
    "path",
    "Absolute, inside the snapshot; its root by default.",
    "string",
);
const LIMIT: (&str, &str, &str) = ("limit", "How many at most.", "integer");

/// All of them.
pub fn roads<W: World>() -> Vec<Road<W>> {
    use Answers::{Json, Lines, Nothing, OnlyLines, Text};
    let get = |path, may, summary, answer, handler| Road {
        method: Method::GET,
        path,
        may,
        words: Words {
            summary,
            query: &[],
            body: None,
            answer,
        },
        handler,
    };
    let post = |path, may, summary, body, answer, handler| Road {
        method: Method::POST,
        path,
        may,
        words: Words {
            summary,
            query: &[],
            body,
            answer,
        },
        handler,
    };
    let delete = |path, may, summary, handler| Road {
        method: Method::DELETE,
        path,
        may,
        words: Words {
            summary,
            query: &[],
            body: None,
            answer: Nothing,
        },
        handler,
    };
    const GET: MethodFilter = MethodFilter::GET;
    const POST: MethodFilter = MethodFilter::POST;
    vec![
        get(
            "/status",
            May::Read,
            "The box and its apps in one look.",
            Json(200, of::<wire::Status>),
            on(GET, status::<W>),
        ),
        get(
            "/machine",
            May::Read,
            "The machine: memory, disks, processor, temperature, network.",
            Json(200, of::<wire::Machine>),
            on(GET, machine::one::<W>),
        ),
        get(
            "/recipes",
            May::Read,
            "What can be installed.",
            Json(200, of::<Vec<wire::RecipeCard>>),
            on(GET, recipes::<W>),
        ),
        get(
            "/recipes/{recipe}",
            May::Read,
            "One recipe with its questions.",
            Json(200, of::<wire::RecipeDetail>),
            on(GET, recipe::<W>),
        ),
        post(
            "/acts",
            May::Act,
            "Ask for an act; what was decided comes back, and is carried out from then on.",
            Some(of::<Asked>),
            Json(202, of::<wire::Accepted>),
            on(POST, act::<W>),
        ),
        get(
            "/apps",
            May::Read,
            "All apps.",
            Json(200, of::<Vec<wire::AppCard>>),
            on(GET, apps::list::<W>),
        ),
        get(
            "/apps/{app}",
            May::Read,
            "One app: what is decided, what is seen, what went wrong.",
            Json(200, of::<wire::AppDetail>),
            on(GET, apps::one::<W>),
        ),
        get(
            "/apps/{app}/progress",
            May::Read,
            "What is under way: whole pictures, until it ended.",
            Lines(of::<wire::Picture>),
            on(GET, progress::progress::<W>),
        )
        .asking(&[REVISION, WAIT]),
        get(
            "/apps/{app}/logs",
            May::Read,
            "The last lines of its containers.",
            Json(200, of::<Vec<wire::ContainerLines>>),
            on(GET, apps::logs::<W>),
        )
        .asking(&[LINES]),
        post(
            "/apps/{app}/secrets/{secret}",
            May::Act,
            "Read a secret that people need; the ledger says that it was read.",
            None,
            Json(200, of::<wire::SecretValue>),
            on(POST, apps::secret::<W>),
        ),
        get(
            "/backups",
            May::Read,
            "All repositories of backups: what was saved there, and what is under way.",
            Json(200, of::<Vec<RepositoryCard>>),
            on(GET, backups::list::<W>),
        ),
        post(
            "/backups",
            May::Act,
            "Add a repository: make it, or open one that is there.",
            Some(of::<NewRepository>),
            Json(201, of::<RepositoryCard>),
            on(POST, backups::add::<W>),
        ),
        get(
            "/backups/{repository}",
            May::Read,
            "One repository.",
            Json(200, of::<RepositoryCard>),
            on(GET, backups::one::<W>),
        ),
        delete(
            "/backups/{repository}",
            May::Act,
            "Have backups go there no more; what lies there stays.",
            on(MethodFilter::DELETE, backups::remove::<W>),
        ),
        post(
            "/backups/{repository}/settings",
            May::Act,
            "Give it another rhythm, or keep other snapshots.",
            Some(of::<backups::RepositorySettings>),
            Json(200, of::<RepositoryCard>),
            on(POST, backups::change::<W>),
        ),
        post(
            "/backups/{repository}/key",
            May::Act,
            "Read the key that opens it without the box; the ledger says that it was read.",
            None,
            Json(200, of::<wire::SecretValue>),
            on(POST, backups::key::<W>),
        ),
        post(
            "/backups/{repository}/rounds",
            May::Act,
            "Save now: everything, or one thing.",
            Some(of::<backups::NewRound>),
            Json(202, of::<RepositoryCard>),
            on(POST, backups::begin::<W>),
        ),
        delete(
            "/backups/{repository}/rounds",
            May::Act,
            "Let the round under way be.",
            on(MethodFilter::DELETE, backups::cancel::<W>),
        ),
        get(
            "/backups/{repository}/snapshots",
            May::Read,
            "Its snapshots, the latest first.",
            Json(200, of::<Vec<SnapshotCard>>),
            on(GET, backups::snapshots::<W>),
        ),
        get(
            "/backups/{repository}/snapshots/{snapshot}/files",
            May::Act,
            "A folder of a snapshot.",
            Json(200, of::<Vec<ListedCard>>),
            on(GET, backups::files::<W>),
        )
        .asking(&[PATH, FROM]),
        get(
            "/backups/{repository}/snapshots/{snapshot}/file",
            May::Act,
            "A file of a snapshot.",
            Text("application/octet-stream"),
            on(GET, backups::file::<W>),
        )
        .asking(&[PATH]),
        post(
            "/backups/{repository}/restores",
            May::Act,
            "Make an app again what it was in a snapshot; what it is now is kept until that is well.",
            Some(of::<backups::NewRestore>),
            Json(202, of::<wire::Accepted>),
            on(POST, backups::restore::<W>),
        ),
        get(
            "/ledger",
            May::Read,
            "A page of the ledger.",
            Json(200, of::<wire::LedgerPage>),
            on(GET, ledger::page::<W>),
        )
        .asking(&[FROM, LIMIT]),
        get(
            "/ledger/root",
            May::Read,
            "The ledger's size and Merkle root.",
            Json(200, of::<wire::LedgerRoot>),
            on(GET, ledger::root::<W>),
        ),
        get(
            "/ledger/export",
            May::Read,
            "The whole ledger, byte for byte.",
            OnlyLines(of::<wire::ExportedEntry>),
            on(GET, ledger::export::<W>),
        ),
        get(
            "/ca",
            May::Anybody,
            "The certificate of the box's own authority.",
            Text("application/x-pem-file"),
            on(GET, ca::<W>),
        ),
        get(
            "/openapi.json",
            May::Anybody,
            "This document.",
            Text("application/json"),
            on(GET, openapi::document_of::<W>),
        ),
        get(
            "/setup-code",
            May::Root,
            "The set-up code that waits.",
            Json(200, of::<wire::SetupCode>),
            on(GET, accounts::setup_code::<W>),
        ),
        post(
            "/setup-code",
            May::Root,
            "Have a new set-up code made: it resets the password.",
            None,
            Json(200, of::<wire::SetupCode>),
            on(POST, accounts::new_setup_code::<W>),
        ),
        get(
            "/tokens",
            May::Root,
            "Living tokens.",
            Json(200, of::<Vec<crate::accounts::TokenCard>>),
            on(GET, accounts::tokens::<W>),
        ),
        post(
            "/tokens",
            May::Root,
            "Make a token; its key is shown once.",
            Some(of::<crate::accounts::NewToken>),
            Json(201, of::<wire::MadeToken>),
            on(POST, accounts::make_token::<W>),
        ),
        delete(
            "/tokens/{token}",
            May::Root,
            "End a token.",
            on(MethodFilter::DELETE, accounts::end_token::<W>),
        ),
    ]
}

impl<W: World> Road<W> {
    fn asking(mut self, query: &'static [(&'static str, &'static str, &'static str)]) -> Self {
        self.words.query = query;
        self
    }
}

/// For root, over the unix socket: all paths.
pub fn router<W: World>(api: Arc<Api<W>>) -> Router {
    let root = axum::Extension(Caller(Actor::Installer));
    let v1 = roads::<W>()
        .into_iter()
        .fold(Router::new(), |v1, road| v1.route(road.path, road.handler));
    finish(v1.layer(root), api).fallback(async || Problem::no_such_path())
}

/// For programs with a token, over HTTPS: all paths but root's.
pub fn https_router<W: World>(api: Arc<Api<W>>) -> Router {
    let open = roads::<W>()
        .into_iter()
        .filter(|road| road.may != May::Root);
    let v1 = open.fold(Router::new(), |v1, road| {
        let keeper = (Arc::clone(&api), road.may);
        let keeper = axum::middleware::from_fn_with_state(keeper, bearer::let_in::<W>);
        v1.route(road.path, road.handler.layer(keeper))
    });
    finish(v1, api)
}

fn finish<W: World>(v1: Router<Arc<Api<W>>>, api: Arc<Api<W>>) -> Router {
    // Inside `/v1`: beside it, on the panel's address, stand the panel's own pages.
    let v1 = v1
        .fallback(async || Problem::no_such_path())
        .method_not_allowed_fallback(async || Problem::no_such_path());
    Router::new()
        .nest("/v1", v1)
        .layer(DefaultBodyLimit::max(limits::API_BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn(guard::guard))
        .with_state(api)
}
