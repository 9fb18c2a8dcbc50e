//! The machine, as it was measured a short while ago.

use axum::Json;
use axum::extract::State;

use super::{Shared, wire};
use crate::ports::World;

pub(super) async fn one<W: World>(State(api): Shared<W>) -> Json<wire::Machine> {
    Json(api.measures.machine())
}
