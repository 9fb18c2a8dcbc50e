//! The ledger, to be read and taken away.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
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
    let all = api.engine.world().ledger_store().read_all().await?;
    let size = all.len() as u64;
    let limit = range.limit.clamp(1, limits::LEDGER_PAGE_MAX);
    let mut entries = Vec::new();
    let mut bytes_so_far = 0;
    let first = usize::try_from(range.from).unwrap_or(usize::MAX);
    for (bytes, hash) in all.into_iter().skip(first) {
        bytes_so_far += bytes.len();
        let full = entries.len() as u64 == limit || bytes_so_far > limits::LEDGER_PAGE_BYTES_MAX;
        if full && !entries.is_empty() {
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
    let all = api.engine.world().ledger_store().read_all().await?;
    let lines = all.into_iter().map(|(bytes, hash)| {
        let mut line = serde_json::to_vec(&ExportedEntry::new(&bytes, &hash))?;
        line.push(b'\n');
        Ok::<_, serde_json::Error>(Bytes::from(line))
    });
    let body = Body::from_stream(stream::iter(lines));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}
