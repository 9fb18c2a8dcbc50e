//! Checking a ledger entry by entry, off line.

use alloc::format;

use super::{Entry, Hash, Tree, Unreadable, leaf_hash, read};
use crate::id::Timestamp;
use crate::text::{Message, Text};

/// Goes through a ledger from its first entry; stops at the first one that is not sound.
#[derive(Debug, Clone, Default)]
pub struct Verifier {
    tree: Tree,
    last_time: Timestamp,
}

/// The first entry that is not sound, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// Its bytes are not those that were hashed.
    HashDiffers {
        /// Which.
        index: u64,
    },
    /// It cannot be read.
    Unreadable {
        /// Which.
        index: u64,
        /// Why.
        reason: Unreadable,
    },
    /// Another one was expected here: one is missing, doubled or moved.
    OutOfPlace {
        /// What was expected.
        index: u64,
        /// What was found.
        found: u64,
    },
    /// The entries before it are not those that stood there when it was written.
    PastChanged {
        /// Which entry says so.
        index: u64,
    },
    /// It is dated before the entry before it.
    TimeRunsBack {
        /// Which.
        index: u64,
    },
}

impl Verifier {
    /// Entries found sound so far.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root over them.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// The tree over them.
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// Checks the next entry: its stored bytes against the stored hash, its place, its time, and that it was written
    /// after exactly the entries that came before.
    ///
    /// # Errors
    /// The first [`Damage`] seen.
    pub fn next(&mut self, bytes: &[u8], stored_hash: &Hash) -> Result<Entry, Damage> {
        let index = self.tree.size();
        let hash = leaf_hash(bytes);
        if hash != *stored_hash {
            return Err(Damage::HashDiffers { index });
        }
        let entry = read(bytes).map_err(|reason| Damage::Unreadable { index, reason })?;
        if entry.index != index {
            return Err(Damage::OutOfPlace {
                index,
                found: entry.index,
            });
        }
        if entry.root_before != self.tree.root() {
            return Err(Damage::PastChanged { index });
        }
        if entry.time < self.last_time {
            return Err(Damage::TimeRunsBack { index });
        }
        self.last_time = entry.time;
        self.tree.push(hash);
        Ok(entry)
    }
}

impl Damage {
    /// How many entries from the first on may be believed. One that the next remembers otherwise is not among them.
    pub fn sound_before(&self) -> u64 {
        match self {
            Damage::HashDiffers { index }
            | Damage::Unreadable { index, .. }
            | Damage::OutOfPlace { index, .. }
            | Damage::TimeRunsBack { index } => *index,
            Damage::PastChanged { index } => index.saturating_sub(1),
        }
    }

    /// For people.
    pub fn message(&self) -> Message {
        let (code, fr, en) = match self {
            Damage::HashDiffers { index } => (
                "ledger-hash-differs",
                format!(
                    "L'entrée {index} du registre a été modifiée : son contenu ne correspond plus à son empreinte."
                ),
                format!(
                    "Entry {index} of the ledger was altered: its content does not match its hash."
                ),
            ),
            Damage::Unreadable {
                index,
                reason: Unreadable::Newer { format },
            } => (
                "ledger-newer",
                format!(
                    "L'entrée {index} du registre est au format {format}, plus récent que ce programme."
                ),
                format!(
                    "Entry {index} of the ledger has format {format}, newer than this program."
                ),
            ),
            Damage::Unreadable {
                index,
                reason: Unreadable::Malformed { reason },
            } => (
                "ledger-unreadable",
                format!("L'entrée {index} du registre est illisible ({reason})."),
                format!("Entry {index} of the ledger cannot be read ({reason})."),
            ),
            Damage::OutOfPlace { index, found } => (
                "ledger-out-of-place",
                format!(
                    "Le registre devrait avoir l'entrée {index} à cet endroit, il a l'entrée {found}."
                ),
                format!("The ledger should have entry {index} here; it has entry {found}."),
            ),
            Damage::PastChanged { index } => {
                // Everything before the previous entry was vouched for by that entry, which was itself found in place.
                let rewritten = index.saturating_sub(1);
                (
                    "ledger-past-changed",
                    format!(
                        "L'entrée {rewritten} du registre a été réécrite : l'entrée {index} se souvient d'un autre passé."
                    ),
                    format!(
                        "Entry {rewritten} of the ledger was rewritten: entry {index} remembers another past."
                    ),
                )
            }
            Damage::TimeRunsBack { index } => (
                "ledger-time-runs-back",
                format!("L'entrée {index} du registre est datée d'avant la précédente."),
                format!("Entry {index} of the ledger is dated before the one before it."),
            ),
        };
        let next_step = if code == "ledger-newer" {
            Text::new(
                "Installez la version actuelle de Lavoir.",
                "Install the current version of Lavoir.",
            )
        } else {
            Text::new(
                "Arrêtez le démon, puis « lavoir ledger repair » : il garde ce fichier, montre ce qu'il va faire, et demande. Ou repartez de la dernière copie saine du dossier d'état.",
                "Stop the daemon, then “lavoir ledger repair”: it keeps this file, shows what it will do, and asks. Or start from the last sound copy of the state folder.",
            )
        };
        Message {
            code: code.into(),
            sentence: Text::new(fr, en),
            next_step,
        }
    }
}
