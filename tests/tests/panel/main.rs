//! The panel in Chromium over a house in memory: what axe finds, and what can be done by keyboard alone.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../../../web-admin/tests/house/mod.rs"]
mod house;

mod axe;
mod keyboard;
mod served;
