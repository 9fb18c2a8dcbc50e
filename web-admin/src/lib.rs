//! What is shown: the panel's pages. Every page works without a script, in French and in English; the daemon stands
//! behind [`admin::Admin`].

pub mod admin;
mod assets;
mod cookies;
mod figures;
mod form_token;
mod forms;
mod guard;
mod language;
mod pages;
mod panel;
mod picture;
mod reader;
mod refused;
mod render;
mod throttle;
mod typography;
mod words;

pub use panel::panel;
