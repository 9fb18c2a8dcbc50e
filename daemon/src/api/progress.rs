//! An app's progress as a stream of whole pictures, the last one telling how it ended: one JSON text a line, or
//! server-sent events for who asks for those.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderMap, header};
use lavoir_core::app::{App, Doing, Phase};
use lavoir_core::command::Actor;
use lavoir_core::id::{AppId, Hostname, Revision, TokenId};
use lavoir_core::limits;
use lavoir_core::state::State as BoxState;
use lavoir_core::text::Text;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::apps::{failure, find};
use super::problem::{Kind, Problem};
use super::roads::Caller;
use super::wire::{FailureCard, Outcome, Picture};
use super::{Api, Shared};
use crate::ports::{Clock as _, World};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HowLong {
    /// The decision to wait for; the latest one otherwise.
    #[serde(default)]
    revision: Option<u64>,
    /// Until it ended, or only one picture.
    #[serde(default = "yes")]
    wait: bool,
}

fn yes() -> bool {
    true
}

pub(super) async fn progress<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    id: Result<Path<AppId>, PathRejection>,
    how_long: Result<Query<HowLong>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (Path(id), Query(how_long)) = (id?, how_long?);
    let events = headers
        .get(header::ACCEPT)
        .is_some_and(|accept| accept.as_bytes().starts_with(EVENTS.as_bytes()));
    let state = api.engine.state();
    // An app that was asked to be deleted may be gone before its stream is asked for.
    let gone_since = how_long
        .revision
        .is_some_and(|revision| revision < state.entries());
    let latest = match find(&state, &id) {
        Ok(app) => app.revision,
        Err(_) if gone_since => Revision(0),
        Err(problem) => return Err(problem),
    };
    let token = match actor {
        Actor::Token(token) => {
            let place = api.followed.clone().try_acquire_owned();
            Some((token, place.map_err(|_| too_many())?))
        }
        _ => None,
    };
    let watcher = Watcher {
        token,
        states: api.engine.watch(),
        changes: api.progress.watch(),
        open_hosts: api.open_hosts.clone(),
        open_by: None,
        waited: how_long.revision.map_or(latest, Revision),
        once: !how_long.wait,
        events,
        failure: None,
        sent: None,
        sent_at: None,
        until: Instant::now() + Duration::from_secs(limits::PROGRESS_STREAM_S_MAX),
        id,
        api,
    };
    let body = Body::from_stream(stream::try_unfold(Some(watcher), next_line));
    let kind = if events { EVENTS } else { LINES };
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

fn too_many() -> Problem {
    Problem::new(
        Kind::Away,
        "progress-too-many",
        Text::new(
            "Trop de programmes suivent déjà ce qui se passe.",
            "Too many programs follow what happens already.",
        ),
        Text::new(
            "Fermez-en, ou redemandez dans un moment.",
            "Close some, or ask again in a while.",
        ),
    )
}

const LINES: &str = "application/x-ndjson";
const EVENTS: &str = "text/event-stream";

struct Watcher<W: World> {
    api: Arc<Api<W>>,
    /// For whom, and the place it takes; none for root.
    token: Option<(TokenId, OwnedSemaphorePermit)>,
    id: AppId,
    waited: Revision,
    once: bool,
    events: bool,
    states: watch::Receiver<Arc<BoxState>>,
    changes: watch::Receiver<u64>,
    open_hosts: watch::Receiver<BTreeSet<Hostname>>,
    /// A gateway that does not answer is not waited for beyond this.
    open_by: Option<Instant>,
    /// Kept from the moment it was seen: when the app goes back, its progress is that of going back.
    failure: Option<FailureCard>,
    sent: Option<Picture>,
    sent_at: Option<Instant>,
    until: Instant,
}

type Line<W> = Option<(Bytes, Option<Watcher<W>>)>;

async fn next_line<W: World>(watcher: Option<Watcher<W>>) -> Result<Line<W>, serde_json::Error> {
    let Some(mut watcher) = watcher else {
        return Ok(None);
    };
    let Some(picture) = watcher.next_picture().await else {
        return Ok(None);
    };
    let json = serde_json::to_string(&picture)?;
    let line = match (watcher.events, &picture.outcome) {
        (false, _) => format!("{json}\n"),
        (true, None) => format!("event: picture\ndata: {json}\n\n"),
        // A browser would come again by itself: the last one says that there is nothing more.
        (true, Some(_)) => format!("event: end\ndata: {json}\n\n"),
    };
    let over = picture.outcome.is_some() || watcher.once;
    watcher.sent = Some(picture);
    watcher.sent_at = Some(Instant::now());
    Ok(Some((Bytes::from(line), (!over).then_some(watcher))))
}

impl<W: World> Watcher<W> {
    /// The next picture worth sending; none when the stream has lasted long enough, or its token has ended.
    async fn next_picture(&mut self) -> Option<Picture> {
        let not_before = self
            .sent_at
            .map(|at| at + Duration::from_millis(limits::PROGRESS_EVERY_MS));
        loop {
            self.states.mark_unchanged();
            self.changes.mark_unchanged();
            self.open_hosts.mark_unchanged();
            if !self.may_look() {
                return None;
            }
            let mut picture = self.look();
            let now = Instant::now();
            let mut wake_by = self.until;
            if picture.outcome.is_some() && !self.once && self.awaits_gateway() {
                let by = Duration::from_millis(limits::GATEWAY_OPENS_MS_MAX);
                wake_by = *self.open_by.get_or_insert(now + by);
                if now < wake_by {
                    picture.outcome = None;
                }
            }
            let due = not_before.is_none_or(|at| now >= at);
            let stale = self
                .sent_at
                .is_none_or(|at| now >= at + Duration::from_millis(limits::PROGRESS_AGAIN_MS));
            let differs = self.sent.as_ref() != Some(&picture);
            if picture.outcome.is_some() || (due && (differs || stale)) {
                return Some(picture);
            }
            if now >= self.until {
                return None;
            }
            // Every change is looked at, so that a failure is not missed; only what is sent is thinned out.
            let wake = match not_before {
                Some(at) if differs && !due => at,
                _ => now + Duration::from_millis(limits::PROGRESS_AGAIN_MS),
            }
            .min(wake_by);
            let moved = async {
                tokio::select! {
                    changed = self.states.changed() => changed,
                    changed = self.changes.changed() => changed,
                    changed = self.open_hosts.changed() => changed,
                }
            };
            if let Ok(Err(_)) = timeout_at(wake, moved).await {
                // The daemon is going away; do not spin until it has.
                sleep_until(wake).await;
            }
        }
    }

    /// Whether the token it was asked for with still lives.
    fn may_look(&self) -> bool {
        let now = self.api.engine.world().clock().now();
        let state = self.api.engine.state();
        self.token
            .as_ref()
            .is_none_or(|(token, _)| state.accounts().living(*token, now).is_some())
    }

    /// Whether the app is open by decision, and the gateway does not let anybody in yet.
    fn awaits_gateway(&self) -> bool {
        let state = self.api.engine.state();
        state.apps().get(&self.id).is_some_and(|app| {
            app.is_open() && !self.open_hosts.borrow().contains(&app.release.host)
        })
    }

    fn look(&mut self) -> Picture {
        let Some((app, progress)) = self.api.look(&self.id) else {
            return Picture {
                app: self.id.clone(),
                doing: None,
                steps: Vec::new(),
                outcome: Some(Outcome::Settled),
            };
        };
        if let Some(seen) = failure(&app, progress.as_ref())
            && (seen.message.is_some() || self.failure.as_ref().map(|f| f.at) != Some(seen.at))
        {
            self.failure = Some(seen);
        }
        let outcome = outcome(&app, self.waited, self.failure.as_ref());
        let steps = progress
            .filter(|progress| progress.revision >= self.waited)
            .map(|progress| progress.steps)
            .unwrap_or_default();
        Picture {
            app: self.id.clone(),
            doing: app.doing(),
            steps,
            outcome,
        }
    }
}

/// How the decision `waited` ended, if it did. A failure is itself an entry, so that it moves the revision on.
fn outcome(app: &App, waited: Revision, failure: Option<&FailureCard>) -> Option<Outcome> {
    let moved_on = app.revision != waited;
    let failure = failure.cloned().map(Box::new);
    match (app.phase, failure) {
        (Phase::UnderWay(Doing::RollBack), _) => None,
        (Phase::UnderWay(_), _) if moved_on => Some(Outcome::Overtaken),
        (Phase::UnderWay(_), _) => None,
        (Phase::Failed, Some(failure)) => Some(Outcome::Failed { failure }),
        (Phase::Settled, Some(failure)) if app.last_failure.is_some() => {
            Some(Outcome::WentBack { failure })
        }
        (Phase::Settled, _) if moved_on => Some(Outcome::Overtaken),
        (Phase::Settled, _) => Some(Outcome::Settled),
        (Phase::Failed, None) => Some(Outcome::Overtaken),
    }
}
