//! What is decided: the pure core of Lavoir.
//!
//! No clock, file, socket, thread or random source: `now`, the machine's facts and the resolved recipe are
//! arguments (law L1). Someone asks with a [`command::Command`]; [`decide::decide`] answers with
//! [`event::Event`]s or a [`refusal::Refusal`]; [`state::State::apply`] folds the events; [`plan::plan`] says which
//! steps make the observed world agree.
//!
//! Modules stand in the order in which a newcomer would ask for them.
#![no_std]

extern crate alloc;

pub mod amount;
pub mod day;
pub mod id;
pub mod limits;
pub mod text;

pub mod recipe;
pub mod release;
pub mod version;

pub mod account;
pub mod app;
pub mod backup;
pub mod class;
pub mod clock;
pub mod command;
pub mod decide;
pub mod event;
pub mod fit;
pub mod refusal;
pub mod standing;
pub mod state;

pub mod lasting;
pub mod observed;
pub mod plan;
pub mod renewal;
pub mod route;

pub mod ledger;
