//! One file for each chapter.

pub(crate) mod account;
pub(crate) mod act;
pub(crate) mod address;
pub(crate) mod app;
pub(crate) mod backups;
pub(crate) mod catalogue;
pub(crate) mod door;
pub(crate) mod help;
pub(crate) mod home;
pub(crate) mod install;
pub(crate) mod ledger;
pub(crate) mod live;
pub(crate) mod machine;
pub(crate) mod repository;
pub(crate) mod snapshots;
