//! Backups: repositories, rounds, snapshots, and the way back.

use axum::body::Body;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use http::{StatusCode, header};
use lavoir_core::backup::{self, KeepRule, RepositoryId, SnapshotId, Subject};
use lavoir_core::command::Action;
use lavoir_core::id::Timestamp;
use lavoir_core::text::Text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::io::ReaderStream;

use super::apps::{About, just_decided};
use super::problem::Problem;
use super::roads::Caller;
use super::wire::BackupConcern;
use super::{Shared, wire};
use crate::backups::cards::{ListedCard, RepositoryCard, SnapshotCard};
use crate::backups::desk::NewRepository;
use crate::ports::{ListedKind, World};

/// `POST /v1/backups/{repository}/rounds`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRound {
    /// What is to be saved: `box` or `app:blog`; everything when nothing is named.
    #[serde(default)]
    pub of: Option<Subject>,
}

/// `POST /v1/backups/{repository}/settings`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepositorySettings {
    /// A round every so many nights.
    pub every_nights: u32,
    /// What is kept.
    pub keep: KeepRule,
}

/// `POST /v1/backups/{repository}/restores`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRestore {
    /// Which snapshot: it says itself which app it is of.
    pub snapshot: SnapshotId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inside {
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    from: usize,
}

fn root() -> String {
    "/".to_owned()
}

/// What needs somebody, in words.
pub(super) fn concerns(state: &lavoir_core::state::State, now: Timestamp) -> Vec<BackupConcern> {
    let name = |of: &Subject| match of {
        Subject::App(app) => Text::new(format!("« {app} »"), format!("“{app}”")),
        Subject::Box => Text::new("la machine elle-même", "the box itself"),
    };
    let all = backup::concerns(state, now).into_iter();
    all.map(|concern| BackupConcern {
        sentence: concern.sentence(name, now),
        concern,
    })
    .collect()
}

pub(super) async fn list<W: World>(State(api): Shared<W>) -> Json<Vec<RepositoryCard>> {
    Json(api.backups.cards())
}

pub(super) async fn one<W: World>(
    State(api): Shared<W>,
    id: Result<Path<RepositoryId>, PathRejection>,
) -> Result<Json<RepositoryCard>, Problem> {
    let Path(id) = id?;
    Ok(Json(api.backups.card(&id)?))
}

pub(super) async fn add<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    new: Result<Json<NewRepository>, JsonRejection>,
) -> Result<(StatusCode, Json<RepositoryCard>), Problem> {
    let Json(new) = new?;
    // In a task of its own: whoever asked may go away, what was begun on the disk is carried through.
    let card = tokio::spawn(async move { api.backups.add(actor, new).await });
    let card = card.await.map_err(|_| Problem::inside())??;
    Ok((StatusCode::CREATED, Json(card)))
}

pub(super) async fn change<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    id: Result<Path<RepositoryId>, PathRejection>,
    settings: Result<Json<RepositorySettings>, JsonRejection>,
) -> Result<Json<RepositoryCard>, Problem> {
    let (Path(id), Json(settings)) = (id?, settings?);
    let action = Action::ChangeRepository {
        repository: id.clone(),
        every_nights: settings.every_nights,
        keep: settings.keep,
    };
    api.backups.act(actor, action).await?;
    Ok(Json(api.backups.card(&id)?))
}

pub(super) async fn remove<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    id: Result<Path<RepositoryId>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(repository) = id?;
    let action = Action::RemoveRepository { repository };
    api.backups.act(actor, action).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn key<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    id: Result<Path<RepositoryId>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let key = api.backups.key(actor, &id).await?;
    let body = Json(wire::SecretValue {
        value: key.to_string(),
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], body).into_response())
}

pub(super) async fn begin<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    id: Result<Path<RepositoryId>, PathRejection>,
    round: Result<Json<NewRound>, JsonRejection>,
) -> Result<(StatusCode, Json<RepositoryCard>), Problem> {
    let (Path(id), Json(round)) = (id?, round?);
    let action = Action::BackUp {
        repository: id.clone(),
        of: round.of,
    };
    api.backups.act(actor, action).await?;
    Ok((StatusCode::ACCEPTED, Json(api.backups.card(&id)?)))
}

pub(super) async fn cancel<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    id: Result<Path<RepositoryId>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(repository) = id?;
    let action = Action::CancelBackup { repository };
    api.backups.act(actor, action).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn snapshots<W: World>(
    State(api): Shared<W>,
    id: Result<Path<RepositoryId>, PathRejection>,
) -> Result<Json<Vec<SnapshotCard>>, Problem> {
    let Path(id) = id?;
    Ok(Json(api.backups.snapshots(&id).await?))
}

pub(super) async fn files<W: World>(
    State(api): Shared<W>,
    path: Result<Path<(RepositoryId, SnapshotId)>, PathRejection>,
    inside: Result<Query<Inside>, QueryRejection>,
) -> Result<Json<Vec<ListedCard>>, Problem> {
    let (Path((id, snapshot)), Query(inside)) = (path?, inside?);
    let listed = api
        .backups
        .list(&id, &snapshot, &inside.path, inside.from)
        .await?;
    let cards = listed.into_iter().map(|entry| ListedCard {
        name: entry.name,
        folder: entry.kind == ListedKind::Folder,
        bytes: entry.bytes,
        changed: entry.changed,
    });
    Ok(Json(cards.collect()))
}

pub(super) async fn file<W: World>(
    State(api): Shared<W>,
    path: Result<Path<(RepositoryId, SnapshotId)>, PathRejection>,
    inside: Result<Query<Inside>, QueryRejection>,
) -> Result<Response, Problem> {
    let (Path((id, snapshot)), Query(inside)) = (path?, inside?);
    let file = api.backups.file(&id, &snapshot, &inside.path).await?;
    let body = Body::from_stream(ReaderStream::new(file));
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

pub(super) async fn restore<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    id: Result<Path<RepositoryId>, PathRejection>,
    restore: Result<Json<NewRestore>, JsonRejection>,
) -> Result<(StatusCode, Json<wire::Accepted>), Problem> {
    let (Path(id), Json(restore)) = (id?, restore?);
    let decided = tokio::spawn(async move {
        let snapshot = restore.snapshot;
        api.backups.restore(actor, &id, &snapshot).await
    });
    let (app, state) = decided.await.map_err(|_| Problem::inside())??;
    let accepted = just_decided(&state, &About::Named(app)).ok_or_else(Problem::inside)?;
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}
