//! Repositories, held against Debian's own restic.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod house;
mod moment;
mod rig;

mod damage;
mod faults;
mod keeping;
mod killed;
mod saving;
mod with_restic;
