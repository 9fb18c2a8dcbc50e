//! Stories.

pub mod engine;
