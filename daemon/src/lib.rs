//! What is done: the daemon, the gateway and the command line of Lavoir, as a library for the one executable and for
//! the tests.

pub mod ports;

pub mod acts;
pub mod api;
pub mod cli;
pub mod config;
pub mod engine;
pub mod progress;
pub mod recipe;
pub mod reconcile;

pub mod adapter;
