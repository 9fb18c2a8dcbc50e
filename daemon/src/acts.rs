//! From what a person asks (a recipe, a name, some answers) to an act whose every choice is made.

use std::collections::BTreeMap;

use lavoir_core::command::Action;
use lavoir_core::id::PartId;

use crate::ports::PrivateAnswer;

/// An act ready to be decided, and the answers that stay out of the ledger.
pub struct Prepared {
    /// The act.
    pub action: Action,
    /// To be kept before it is decided.
    pub private_answers: BTreeMap<PartId, PrivateAnswer>,
}
