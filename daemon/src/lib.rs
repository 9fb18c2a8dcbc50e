//! What is done: the daemon, the gateway and the command line of Lavoir, as a library for the one executable and for
//! the tests.

pub mod adapter;
pub mod ports;
