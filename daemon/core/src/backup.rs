//! Backups, in restic's words: repositories, snapshots, what is kept of them.

use alloc::string::String;

use serde::{Deserialize, Serialize};

pub use crate::id::{RepositoryId, SnapshotId};

/// Where a repository lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Place {
    /// A folder of this machine, best on another disk.
    Folder {
        /// Absolute.
        path: String,
    },
}

/// Which snapshots stay when the others are forgotten: the last one of so many hours, days… (restic's `--keep-…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeepRule {
    /// The last ones, whenever they were taken.
    pub last: u32,
    /// Of days.
    pub daily: u32,
    /// Of weeks.
    pub weekly: u32,
    /// Of months.
    pub monthly: u32,
    /// Of years.
    pub yearly: u32,
}

impl Default for KeepRule {
    fn default() -> Self {
        Self {
            last: 3,
            daily: 14,
            weekly: 8,
            monthly: 12,
            yearly: 2,
        }
    }
}
