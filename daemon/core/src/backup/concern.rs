//! What somebody should know of backups now: a function of what is decided and of the time, and of nothing else.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{RepositoryId, Subject, can_be_saved};
use crate::app::{App, Intent};
use crate::id::Timestamp;
use crate::limits;
use crate::state::State;
use crate::text::Text;

/// Stable code of a repository whose check found damage.
pub const DAMAGED: &str = "repository-damaged";

/// Something about backups that needs somebody. The gravest come first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Concern {
    /// Apps run, and nothing of them is saved anywhere.
    Nowhere,
    /// Files of a repository are damaged.
    Damaged {
        /// Which.
        repository: RepositoryId,
    },
    /// The last try to save something failed.
    Failed {
        /// Where.
        repository: RepositoryId,
        /// What.
        of: Subject,
        /// Stable code of what broke.
        code: String,
    },
    /// Nothing was saved of it for too long.
    Late {
        /// What.
        of: Subject,
        /// Its last good snapshot, in whichever repository.
        last: Option<Timestamp>,
    },
    /// A repository could not be tidied and checked.
    Untidy {
        /// Which.
        repository: RepositoryId,
        /// Stable code of what broke.
        code: String,
    },
}

/// All of them, the gravest first.
pub fn concerns(state: &State, now: Timestamp) -> Vec<Concern> {
    let repositories = state.backups().repositories();
    let Some(rhythm) = repositories.values().map(|one| one.every_nights).min() else {
        let runs = state.apps().values().any(should_be_saved);
        return runs.then_some(Concern::Nowhere).into_iter().collect();
    };
    let (mut damaged, mut failed, mut untidy) = (Vec::new(), Vec::new(), Vec::new());
    for (id, repository) in repositories {
        let repository_id = || id.clone();
        match &repository.tidied {
            Some((_, Some(code))) if code == DAMAGED => damaged.push(Concern::Damaged {
                repository: repository_id(),
            }),
            Some((_, Some(code))) => untidy.push(Concern::Untidy {
                repository: repository_id(),
                code: code.clone(),
            }),
            _ => {}
        }
        failed.extend(
            repository
                .troubles
                .iter()
                .map(|(of, trouble)| Concern::Failed {
                    repository: repository_id(),
                    of: of.clone(),
                    code: trouble.code.clone(),
                }),
        );
    }
    let told = |of: &Subject| {
        let same = |one: &Concern| matches!(one, Concern::Failed { of: other, .. } if other == of);
        failed.iter().any(same)
    };
    // A rhythm of several nights is a choice: only what comes after its own time is late.
    let rests = u64::from(rhythm.saturating_sub(1)).saturating_mul(limits::DAY_MS);
    let patience = limits::BACKUP_LATE_MS.saturating_add(rests);
    let first = repositories.values().map(|one| one.added_at).min();
    let late = |of: Subject, since: Timestamp| {
        let last = state.backups().last_saved(&of).map(|(_, saved)| saved.at);
        let from = last.unwrap_or_else(|| since.max(first.unwrap_or(since)));
        let is = now.0.saturating_sub(from.0) > patience && !told(&of);
        is.then_some(Concern::Late { of, last })
    };
    let apps = state.apps().values().filter(|app| should_be_saved(app));
    let mut late: Vec<Concern> = apps
        .filter_map(|app| late(Subject::App(app.id.clone()), app.installed_at))
        .chain(late(Subject::Box, Timestamp(0)))
        .collect();
    let mut all = damaged;
    all.append(&mut failed);
    all.append(&mut late);
    all.append(&mut untidy);
    all
}

/// What runs changes. What is stopped is saved where it can be, and waits for nobody where it cannot.
fn should_be_saved(app: &App) -> bool {
    match app.intent {
        Intent::Running => true,
        Intent::Stopped => can_be_saved(app),
        Intent::Removed | Intent::Deleted => false,
    }
}

impl Concern {
    /// Whether data may be lost already.
    pub fn is_grave(&self) -> bool {
        !matches!(self, Concern::Late { .. } | Concern::Untidy { .. })
    }

    /// In one sentence; `name` says what people call it.
    pub fn sentence(&self, name: impl Fn(&Subject) -> Text, now: Timestamp) -> Text {
        match self {
            Concern::Nowhere => {
                Text::new("Rien n'est encore sauvegardé.", "Nothing is backed up yet.")
            }
            Concern::Damaged { repository } => Text::new(
                format!("Des sauvegardes sont abîmées dans « {repository} »."),
                format!("Backups in “{repository}” are damaged."),
            ),
            Concern::Failed { of, repository, .. } => {
                let of = name(of);
                Text::new(
                    format!(
                        "La dernière sauvegarde de {} dans « {repository} » a échoué.",
                        of.fr
                    ),
                    format!("The last backup of {} to “{repository}” failed.", of.en),
                )
            }
            Concern::Late { of, last: None } => {
                let of = name(of);
                Text::new(
                    format!("Il n'y a encore aucune sauvegarde de {}.", of.fr),
                    format!("There is no backup of {} yet.", of.en),
                )
            }
            Concern::Late {
                of,
                last: Some(last),
            } => {
                let (of, days) = (name(of), now.0.saturating_sub(last.0) / limits::DAY_MS);
                let days = days.to_string();
                Text::new(
                    format!("La dernière sauvegarde de {} a {days} jours.", of.fr),
                    format!("The last backup of {} is {days} days old.", of.en),
                )
            }
            Concern::Untidy { repository, .. } => Text::new(
                format!("Les sauvegardes de « {repository} » n'ont pas pu être vérifiées."),
                format!("The backups in “{repository}” could not be checked."),
            ),
        }
    }
}
