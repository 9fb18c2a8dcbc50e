//! Around every answer: a time-out, panics caught, a number on what broke.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use lavoir_core::limits;
use lavoir_core::text::Text;

use super::problem::{Kind, Problem};

pub(super) async fn guard(request: Request, next: Next) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let limit = Duration::from_secs(limits::API_ANSWER_S);
    let response = match tokio::time::timeout(limit, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::inside().into_response(),
        Err(_) => too_long().into_response(),
    };
    match response.extensions().get::<Problem>() {
        Some(problem) if problem.kind == Kind::Broken => number(problem.clone(), &what),
        _ => response,
    }
}

fn number(mut problem: Problem, what: &str) -> Response {
    let operation = format!("{:08x}", rand::random::<u32>());
    tracing::error!(
        operation,
        what,
        code = problem.message.code,
        "an answer broke"
    );
    problem.operation = Some(operation);
    problem.into_response()
}

fn too_long() -> Problem {
    Problem::new(
        Kind::Away,
        "answer-too-long",
        Text::new(
            "La machine met trop longtemps à répondre.",
            "The box takes too long to answer.",
        ),
        Text::new(
            "Ce qui est demandé continue ; regardez « lavoir status » dans un moment.",
            "What was asked goes on; look at “lavoir status” in a while.",
        ),
    )
}
