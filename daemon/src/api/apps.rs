//! Apps: as decided, as observed, as they speak.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use http::header;
use lavoir_core::app::{App, Intent};
use lavoir_core::id::{AppId, PartId, RecipeId};
use lavoir_core::limits;
use lavoir_core::observed::{Observed, Run};
use lavoir_core::refusal::Refusal;
use lavoir_core::release::Answer;
use lavoir_core::state::State as BoxState;
use lavoir_core::text::Text;
use serde::Deserialize;

use super::problem::Problem;
use super::roads::Caller;
use super::wire::{
    Accepted, AppCard, AppDetail, ContainerCard, ContainerLines, FailureCard, Health,
};
use super::{Api, Shared};
use crate::acts::Asked;
use crate::door::Count;
use crate::ports::{Containers as _, World};
use crate::progress::{AppProgress, Standing};

pub(super) async fn list<W: World>(State(api): Shared<W>) -> Json<Vec<AppCard>> {
    Json(cards(&api.engine.state(), &api.observed.borrow()))
}

pub(super) async fn one<W: World>(
    State(api): Shared<W>,
    id: Result<Path<AppId>, PathRejection>,
) -> Result<Json<AppDetail>, Problem> {
    let Path(id) = id?;
    let state = api.engine.state();
    let app = find(&state, &id)?;
    let progress = api.progress.of(&id);
    let observed = api.observed.borrow().clone();
    let visits = api.visits.of(app.release.hosts());
    Ok(Json(detail(app, &observed, visits, progress.as_ref())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HowMany {
    #[serde(default = "usual_lines")]
    lines: usize,
}

fn usual_lines() -> usize {
    limits::LOG_LINES_SHOWN_MAX
}

pub(super) async fn logs<W: World>(
    State(api): Shared<W>,
    id: Result<Path<AppId>, PathRejection>,
    how_many: Result<Query<HowMany>, QueryRejection>,
) -> Result<Json<Vec<ContainerLines>>, Problem> {
    let (Path(id), Query(HowMany { lines })) = (id?, how_many?);
    let lines = lines.min(limits::LOG_LINES_ASKED_MAX);
    let state = api.engine.state();
    let app = find(&state, &id)?;
    let mut all = Vec::new();
    for service in app.release.start_order() {
        let asked = api.engine.world().containers();
        let (lines, trouble) = match asked.last_lines(&id, service, lines).await {
            Ok(lines) => (lines, None),
            Err(fault) => (Vec::new(), Some(fault.message)),
        };
        all.push(ContainerLines {
            service: service.clone(),
            lines,
            trouble,
        });
    }
    Ok(Json(all))
}

pub(super) fn find<'a>(state: &'a BoxState, id: &AppId) -> Result<&'a App, Problem> {
    state
        .apps()
        .get(id)
        .ok_or_else(|| Refusal::NoSuchApp { app: id.clone() }.into())
}

pub(super) fn cards(state: &BoxState, observed: &Observed) -> Vec<AppCard> {
    state
        .apps()
        .values()
        .map(|app| card(app, observed))
        .collect()
}

fn card(app: &App, observed: &Observed) -> AppCard {
    let (sign, words) = app.standing();
    AppCard {
        app: app.id.clone(),
        name: app.release.name.clone(),
        recipe: app.release.recipe.clone(),
        version: app.release.recipe_version.clone(),
        host: app.release.host.clone(),
        url: url(app),
        intent: app.intent,
        doing: app.doing(),
        sign,
        state: words,
        health: health(app, observed),
        revision: app.revision,
    }
}

fn url(app: &App) -> String {
    format!("https://{}/", app.release.host)
}

/// What its containers do, seen as one.
pub fn health(app: &App, observed: &Observed) -> Health {
    let Some(seen) = observed.apps.get(&app.id) else {
        return Health::Unseen;
    };
    if app.intent != Intent::Running || seen.containers.is_empty() {
        return Health::Unseen;
    }
    let staying = app.release.services.iter().filter(|(_, s)| !s.one_shot);
    staying
        .map(
            |(id, _)| match seen.containers.get(id).map(|container| container.run) {
                Some(Run::Healthy) => Health::Well,
                Some(Run::Created | Run::Starting) => Health::Starting,
                Some(Run::Unhealthy | Run::Exited(_)) | None => Health::Unwell,
            },
        )
        .fold(Health::Well, |worst, next| match (worst, next) {
            (Health::Unwell, _) | (_, Health::Unwell) => Health::Unwell,
            (Health::Starting, _) | (_, Health::Starting) => Health::Starting,
            _ => Health::Well,
        })
}

fn detail(
    app: &App,
    observed: &Observed,
    visits: Count,
    progress: Option<&AppProgress>,
) -> AppDetail {
    let seen = observed.apps.get(&app.id);
    let containers = app.release.services.iter().map(|(id, service)| {
        let run = seen
            .and_then(|seen| seen.containers.get(id))
            .map(|container| container.run);
        let card = ContainerCard {
            image: service.image.reference().to_owned(),
            one_shot: service.one_shot,
            run,
        };
        (id.clone(), card)
    });
    let answers = app.release.answers.iter().map(|(id, answer)| {
        let public = match answer {
            Answer::Public(text) => Some(text.clone()),
            Answer::Private { .. } => None,
        };
        (id.clone(), public)
    });
    AppDetail {
        card: card(app, observed),
        installed_at: app.installed_at,
        extra_hosts: app.release.extra_hosts.clone(),
        answers: answers.collect(),
        secrets: readable_secrets(app),
        ram_mib: app.release.ram_mib,
        containers: containers.collect(),
        volumes: seen.map(|seen| seen.volumes.clone()).unwrap_or_default(),
        visits,
        failure: failure(app, progress),
    }
}

fn readable_secrets(app: &App) -> BTreeMap<PartId, Text> {
    let secrets = app.release.secrets.iter();
    secrets
        .filter_map(|(id, shape)| Some((id.clone(), shape.readable_as.clone()?)))
        .collect()
}

/// An act, not a look: it is decided, and stands in the ledger.
pub(super) async fn secret<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    path: Result<Path<(AppId, PartId)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((app, secret)) = path?;
    let value = api.desk.read_secret(actor, app, secret).await?;
    let body = Json(super::wire::SecretValue {
        value: value.to_string(),
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], body).into_response())
}

/// What went wrong, with the step's own words while they are remembered.
pub fn failure(app: &App, progress: Option<&AppProgress>) -> Option<FailureCard> {
    let failure = app.last_failure.as_ref()?;
    let step = progress.into_iter().flat_map(|p| &p.steps).find(|step| {
        step.standing == Standing::Failed
            && step
                .fault
                .as_ref()
                .is_some_and(|fault| fault.code == failure.code)
    });
    Some(FailureCard {
        doing: failure.doing,
        step: failure.step.clone(),
        code: failure.code.clone(),
        at: failure.at,
        sentence: failure.text(),
        message: step.and_then(|step| step.fault.clone()),
        lines: step.map(|step| step.lines.clone()).unwrap_or_default(),
    })
}

/// Which app a request is about.
pub(super) enum About {
    Named(AppId),
    /// The desk gives it its name: the latest one of this recipe.
    NewOf(Option<RecipeId>),
}

pub(super) fn asked_about(asked: &Asked) -> About {
    match (asked.app(), asked) {
        (Some(app), _) => About::Named(app.clone()),
        (None, Asked::Install { recipe, .. }) => About::NewOf(Some(recipe.clone())),
        (None, _) => About::NewOf(None),
    }
}

/// What was decided about it.
pub(super) fn just_decided(state: &BoxState, about: &About) -> Option<Accepted> {
    let app = match about {
        About::Named(id) => state.apps().get(id),
        About::NewOf(recipe) => {
            let of_recipe = |app: &&App| Some(&app.release.recipe) == recipe.as_ref();
            let apps = state.apps().values();
            apps.filter(of_recipe).max_by_key(|app| app.revision)
        }
    }?;
    Some(Accepted {
        app: app.id.clone(),
        revision: app.revision,
        host: app.release.host.clone(),
        url: url(app),
    })
}

impl<W: crate::ports::World> Api<W> {
    /// An app and its failure as they stand, for the stream.
    pub(super) fn look(&self, id: &AppId) -> Option<(App, Option<AppProgress>)> {
        let state: Arc<BoxState> = self.engine.state();
        Some((state.apps().get(id)?.clone(), self.progress.of(id)))
    }
}
