//! The OpenAPI document, made from the table of roads and from the types themselves.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::header;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::problem::{MEDIA_TYPE, Written};
use super::roads::{Answers, May, Road, SchemaOf, roads};
use crate::ports::World;

/// Made once: anybody may ask for it, and it is the same for all worlds.
pub(super) async fn document_of<W: World>() -> Response {
    static MADE: OnceLock<Bytes> = OnceLock::new();
    let made = MADE.get_or_init(|| document::<W>().to_string().into());
    ([(header::CONTENT_TYPE, "application/json")], made.clone()).into_response()
}

/// The document: OpenAPI 3.1, whose schemas are JSON Schema 2020-12 as the types tell them.
pub fn document<W: World>() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let mut schema = |of: SchemaOf| of(&mut generator).to_value();
    let problem = schema(|generator| generator.subschema_for::<Written>());
    let mut paths: Map<String, Value> = Map::new();
    for road in roads::<W>() {
        let operation = operation(&road, &problem, &mut schema);
        let path = paths
            .entry(format!("/v1{}", road.path))
            .or_insert_with(|| json!({}));
        path[road.method.as_str().to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lavoir",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "What the panel and the command line do, for programs.",
            "license": { "name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later" },
        },
        "servers": [{ "url": "/", "description": "The panel's own address; for root also the unix socket api.sock." }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "token": {
                "type": "http", "scheme": "bearer",
                "description": "Made with “lavoir token create” or on the account's page; it has a scope (read, act) and an end.",
            } },
        },
    })
}

fn operation<W: World>(
    road: &Road<W>,
    problem: &Value,
    schema: &mut impl FnMut(SchemaOf) -> Value,
) -> Value {
    let words = road.words;
    let mut operation = json!({
        "operationId": operation_id(road),
        "summary": words.summary,
        "responses": { "default": {
            "description": "No, with its reason in both languages (RFC 9457).",
            "content": { MEDIA_TYPE: { "schema": problem } },
        } },
    });
    let inside = road.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        let kind = if name == "token" { "integer" } else { "string" };
        Some(json!({ "name": name, "in": "path", "required": true, "schema": { "type": kind } }))
    });
    let after = words.query.iter().map(|(name, what, kind)| {
        json!({ "name": name, "in": "query", "description": what, "schema": { "type": kind } })
    });
    let parameters: Vec<Value> = inside.chain(after).collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = words.body {
        operation["requestBody"] = json!({
            "required": true, "content": { "application/json": { "schema": schema(body) } },
        });
    }
    let (status, content) = match words.answer {
        Answers::Json(status, of) => (
            status,
            json!({ "application/json": { "schema": schema(of) } }),
        ),
        Answers::Lines(of) => {
            let line = schema(of);
            (
                200,
                json!({
                    "application/x-ndjson": { "schema": line }, "text/event-stream": { "schema": { "type": "string" } },
                }),
            )
        }
        Answers::OnlyLines(of) => (
            200,
            json!({ "application/x-ndjson": { "schema": schema(of) } }),
        ),
        Answers::Text(kind) => (200, json!({ kind: { "schema": { "type": "string" } } })),
        Answers::Nothing => (204, Value::Null),
    };
    let mut answer = json!({ "description": "Well." });
    if !content.is_null() {
        answer["content"] = content;
    }
    operation["responses"][status.to_string()] = answer;
    match road.may {
        May::Anybody => operation["security"] = json!([]),
        May::Root => {
            operation["security"] = json!([]);
            operation["description"] = "For root only, over the unix socket.".into();
        }
        May::Act => operation["description"] = "Takes a token that may act.".into(),
        May::Read => {}
    }
    operation
}

/// `GET /apps/{app}/logs` → `get-apps-app-logs`.
fn operation_id<W: World>(road: &Road<W>) -> String {
    let path: Vec<&str> = road
        .path
        .split(['/', '{', '}', '.'])
        .filter(|part| !part.is_empty())
        .collect();
    let method = road.method.as_str().to_ascii_lowercase();
    format!("{method}-{}", path.join("-"))
}
