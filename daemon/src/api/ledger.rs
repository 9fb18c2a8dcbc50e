//! The ledger, to be read and taken away.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use futures_util::{TryStreamExt as _, stream};
use http::header;
use lavoir_core::ledger::hex;
use lavoir_core::limits;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Shared;
use super::problem::Problem;
use super::wire::{ExportedEntry, LedgerLine, LedgerPage, LedgerRoot};
use crate::ports::{LedgerStore as _, World};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    #[serde(default)]
    from: u64,
    #[serde(default = "usual_page")]
    limit: u64,
}

fn usual_page() -> u64 {
    50
}

pub(super) async fn page<W: World>(
    State(api): Shared<W>,
    range: Result<Query<Range>, QueryRejection>,
) -> Result<Json<LedgerPage>, Problem> {
    let Query(range) = range?;
    let limit = range.limit.clamp(1, limits::LEDGER_PAGE_MAX);
    let store = api.engine.world().ledger_store();
    let found = store.read_from(range.from, limit).await?;
    // What is in the state is on the disk; entries only come on.
    let size = api.engine.state().entries();
    let mut entries = Vec::new();
    let mut bytes_so_far = 0;
    for (bytes, hash) in found {
        bytes_so_far += bytes.len();
        if bytes_so_far > limits::LEDGER_PAGE_BYTES_MAX && !entries.is_empty() {
            break;
        }
        let entry = String::from_utf8(bytes)
            .ok()
            .and_then(|text| RawValue::from_string(text).ok())
            .ok_or_else(Problem::inside)?;
        let hash = hex(&hash);
        entries.push(LedgerLine { hash, entry });
    }
    let end = range.from.saturating_add(entries.len() as u64);
    let next = (end < size && !entries.is_empty()).then_some(end);
    Ok(Json(LedgerPage {
        size,
        entries,
        next,
    }))
}

pub(super) async fn root<W: World>(State(api): Shared<W>) -> Json<LedgerRoot> {
    let (size, root) = api.engine.root().await;
    Json(LedgerRoot { size, root })
}

pub(super) async fn export<W: World>(State(api): Shared<W>) -> Result<Response, Problem> {
    let size = api.engine.state().entries();
    // Some at a time: a ledger of years does not stand in memory at once.
    let pages = stream::try_unfold(0, move |from| {
        let api = api.clone();
        async move {
            let count = limits::LEDGER_EXPORT_AT_ONCE_MAX.min(size.saturating_sub(from));
            if count == 0 {
                return Ok(None);
            }
            let store = api.engine.world().ledger_store();
            let found = store.read_from(from, count).await?;
            let mut lines = Vec::new();
            for (bytes, hash) in &found {
                serde_json::to_writer(&mut lines, &ExportedEntry::new(bytes, hash))
                    .map_err(|_| Problem::inside())?;
                lines.push(b'\n');
            }
            let next = match found.len() as u64 {
                0 => size,
                read => from.saturating_add(read),
            };
            Ok::<_, Problem>(Some((Bytes::from(lines), next)))
        }
    });
    let pages = pages.map_err(|problem| std::io::Error::other(problem.message.code));
    let body = Body::from_stream(pages);
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}
