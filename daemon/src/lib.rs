//! What is done.

pub mod recipe;
