//! From what a person asks (a recipe, a name, some answers) to an act whose every choice is made.

use std::collections::BTreeMap;

use lavoir_core::command::Action;
use lavoir_core::id::{AppId, Hostname, PartId, RecipeId};
use serde::{Deserialize, Serialize};

use crate::ports::PrivateAnswer;

/// What a person asks, as the API's bodies and the panel's forms say it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Asked {
    /// Install a recipe.
    Install {
        /// Which.
        recipe: RecipeId,
        /// Under this short name; the recipe's by default.
        #[serde(default)]
        app: Option<AppId>,
        /// Main address; `<app>.<domain>` by default.
        #[serde(default)]
        host: Option<Hostname>,
        /// Further addresses, by the recipe's name for them.
        #[serde(default)]
        extra_hosts: BTreeMap<PartId, Hostname>,
        /// Answers to its questions.
        #[serde(default)]
        answers: BTreeMap<PartId, String>,
    },
    /// Take the recipe as it is in the catalogue now.
    Update {
        /// Which app.
        app: AppId,
        /// Answers to questions that are new, or given anew.
        #[serde(default)]
        answers: BTreeMap<PartId, String>,
    },
    /// Answer some questions anew.
    Change {
        /// Which app.
        app: AppId,
        /// Those answered anew; the others stay.
        #[serde(default)]
        answers: BTreeMap<PartId, String>,
    },
    /// Start, or try again.
    Start {
        /// Which app.
        app: AppId,
    },
    /// Stop.
    Stop {
        /// Which app.
        app: AppId,
    },
    /// Make its containers anew.
    Restart {
        /// Which app.
        app: AppId,
    },
    /// Take away, keep the data.
    Remove {
        /// Which app.
        app: AppId,
    },
    /// Bring back over kept data.
    Reinstall {
        /// Which app.
        app: AppId,
    },
    /// Take away with the data.
    Delete {
        /// Which app.
        app: AppId,
    },
}

/// An act ready to be decided, and the answers that stay out of the ledger.
pub struct Prepared {
    /// The act.
    pub action: Action,
    /// To be kept before it is decided.
    pub private_answers: BTreeMap<PartId, PrivateAnswer>,
}
