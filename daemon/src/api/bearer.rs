//! Who comes in over HTTPS: whoever shows a token that lives and reaches far enough. Cookies open nothing here, so no
//! other site can make a browser act.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use lavoir_core::account::Scope;
use lavoir_core::command::Actor;
use lavoir_core::refusal::{AccountRefusal, Refusal};
use lavoir_core::text::Text;

use super::roads::{Caller, May};
use super::{Api, Kind, Problem};
use crate::ports::World;

pub(super) async fn let_in<W: World>(
    State((api, may)): State<(Arc<Api<W>>, May)>,
    mut request: Request,
    next: Next,
) -> Response {
    if may == May::Anybody {
        return next.run(request).await;
    }
    let key = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        });
    let bearer = match key {
        None => return challenge(no_token()),
        Some(key) => match api.accounts.bearer(key).await {
            Ok(Some(bearer)) => bearer,
            Ok(None) => return challenge(Refusal::from(AccountRefusal::TokenEnded).into()),
            Err(fault) => return Problem::from(fault).into_response(),
        },
    };
    match (may, bearer.scope) {
        (May::Read, _) | (May::Act, Scope::Act) => {}
        _ => return Problem::from(Refusal::from(AccountRefusal::TokenReadsOnly)).into_response(),
    }
    let caller = Caller(Actor::Token(bearer.token));
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// RFC 6750: says how to come in.
fn challenge(problem: Problem) -> Response {
    let mut response = problem.into_response();
    let bearer = HeaderValue::from_static("Bearer realm=\"lavoir\"");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, bearer);
    response
}

fn no_token() -> Problem {
    Problem::new(
        Kind::SignedOut,
        "token-missing",
        Text::new("Il faut un jeton.", "A token is needed."),
        Text::new(
            "Faites-en un (« lavoir token create », ou votre page de compte), puis : « Authorization: Bearer … ».",
            "Make one (“lavoir token create”, or your account's page), then: “Authorization: Bearer …”.",
        ),
    )
}
