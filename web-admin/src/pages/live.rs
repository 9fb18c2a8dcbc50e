//! Tells a page that its app has changed; the page's script then fetches it anew. Without the script the page
//! refreshes itself.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use lavoir_core::limits;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

use crate::admin::Watch;
use crate::panel::Panel;
use crate::reader::SignedIn;

struct Following {
    watch: Box<dyn Watch>,
    until: Instant,
    /// The place among those who follow.
    _place: tokio::sync::OwnedSemaphorePermit,
}

pub(crate) async fn follow(State(panel): State<Arc<Panel>>, SignedIn(_, _): SignedIn) -> Response {
    let Ok(place) = panel.live.clone().try_acquire_owned() else {
        // The script tries again later; the page refreshes itself meanwhile.
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::RETRY_AFTER, "30")],
        )
            .into_response();
    };
    let following = Following {
        watch: panel.admin.watch(),
        until: Instant::now() + Duration::from_secs(limits::LIVE_PAGE_S_MAX),
        _place: place,
    };
    let words = futures_util::stream::unfold(following, |mut following| async move {
        let word = next(&mut following).await?;
        Some((Ok::<_, Infallible>(word), following))
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(words)).into_response()
}

async fn next(following: &mut Following) -> Option<Bytes> {
    if Instant::now() >= following.until {
        return None;
    }
    let often = Duration::from_millis(limits::LIVE_EVERY_MS);
    match timeout(15 * often, following.watch.changed()).await {
        Ok(true) => {
            // What comes at once is told at once.
            sleep(often).await;
            Some(Bytes::from_static(b"event: change\ndata: 1\n\n"))
        }
        Ok(false) => None,
        // A word now and then, so that a lost connection is noticed, and durations go on.
        Err(_) => Some(Bytes::from_static(b"event: change\ndata: 0\n\n")),
    }
}
