//! What the stories stand on: an engine of their own, an appliance of their own.

pub mod appliance;
pub mod engine;
