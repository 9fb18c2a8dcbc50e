//! Help, and how to trust this box.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use minijinja::context;
use std::sync::Arc;

use crate::panel::Panel;
use crate::reader::Reader;
use crate::refused;
use crate::render::Chapter;

pub(crate) async fn page(reader: Reader) -> Response {
    let title = reader.t("help-title");
    reader.page("help.html", Chapter::Help, &title, context! {})
}

pub(crate) async fn trust(State(panel): State<Arc<Panel>>, reader: Reader) -> Response {
    let trust = panel.admin.trust();
    let fingerprint = trust.fingerprint.map(|hex| in_pairs(&hex));
    let title = reader.t("trust-title");
    let of_page = context! { own => trust.ca_pem.is_some(), fingerprint };
    reader.page("trust.html", Chapter::Help, &title, of_page)
}

/// As browsers show it: pairs of large digits.
fn in_pairs(hex: &str) -> Vec<String> {
    let digits: Vec<char> = hex.to_uppercase().chars().collect();
    digits.chunks(2).map(|pair| pair.iter().collect()).collect()
}

pub(crate) async fn certificate(State(panel): State<Arc<Panel>>, reader: Reader) -> Response {
    match panel.admin.trust().ca_pem {
        Some(pem) => {
            let headers = [
                (header::CONTENT_TYPE, "application/x-x509-ca-cert"),
                (
                    header::CONTENT_DISPOSITION,
                    "attachment; filename=\"lavoir.crt\"",
                ),
            ];
            (headers, pem).into_response()
        }
        None => refused::missing(&reader, Chapter::Help),
    }
}
