//! What is done: the daemon, the gateway and the command line of Lavoir, as a library for the one executable and for
//! the tests.

pub mod config;
pub mod ports;

pub mod acts;
pub mod backups;
pub mod catalogue;
pub mod claims;
pub mod recipe;

pub mod engine;
pub mod measures;
pub mod progress;
pub mod reconcile;
pub mod repair;

pub mod accounts;
pub mod api;
pub mod cli;
pub mod desk;
pub mod panel;

pub mod door;
pub mod doorway;
pub mod gateway;
pub mod orders;
pub mod visits;

pub mod adapter;
