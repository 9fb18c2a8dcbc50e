//! The ways to the world outside. None knows another (law L3).

pub mod box_ca;
pub mod gateway_socket;
