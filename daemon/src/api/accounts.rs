//! The set-up code and tokens, for root.

use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{StatusCode, header};
use lavoir_core::id::TokenId;

use super::problem::Problem;
use super::roads::Caller;
use super::{Shared, wire};
use crate::accounts::{NewToken, SetupCode, TokenCard};
use crate::ports::World;

pub(super) async fn setup_code<W: World>(State(api): Shared<W>) -> Result<Response, Problem> {
    Ok(code(api.accounts.setup_code().await?))
}

pub(super) async fn new_setup_code<W: World>(State(api): Shared<W>) -> Result<Response, Problem> {
    Ok(code(api.accounts.new_setup_code().await?))
}

fn code(made: SetupCode) -> Response {
    let body = wire::SetupCode {
        code: made.code.map(|code| code.to_string()),
        account: made.account,
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

pub(super) async fn tokens<W: World>(
    State(api): Shared<W>,
) -> Result<Json<Vec<TokenCard>>, Problem> {
    Ok(Json(api.accounts.tokens(None).await?))
}

pub(super) async fn make_token<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    asked: Result<Json<NewToken>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(asked) = asked?;
    let made = api.accounts.make_token(actor, None, asked).await?;
    let body = wire::MadeToken {
        token: made.token,
        key: made.key.to_string(),
        until: made.until,
    };
    let kept_by_nobody = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, kept_by_nobody, Json(body)).into_response())
}

pub(super) async fn end_token<W: World>(
    State(api): Shared<W>,
    Extension(Caller(actor)): Extension<Caller>,
    token: Result<Path<TokenId>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(token) = token?;
    api.accounts.end_token(actor, token).await?;
    Ok(StatusCode::NO_CONTENT)
}
