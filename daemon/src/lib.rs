//! What is done.

pub mod adapter;
pub mod door;
pub mod gateway;
