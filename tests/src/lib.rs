//! What the tests stand on: an engine and an appliance of their own for stories, a world in memory for the simulation.

pub mod appliance;
pub mod authority;
pub mod browser;
pub mod chance;
pub mod engine;
pub mod memory;
pub mod notes;
pub mod shapes;
pub mod text_browser;
pub mod zone;
