//! Stories.

pub mod chance;
pub mod memory;
pub mod shapes;
