//! A damaged ledger is taken back to its sound beginning, off line: what was found, what will be done about it, and the
//! entry that says so. The files are the database adapter's.

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use lavoir_core::command::Actor;
use lavoir_core::event::Event;
use lavoir_core::id::Timestamp;
use lavoir_core::ledger::{self, Entry, Hash, hex, leaf_hash};
use lavoir_core::text::{Message, Text};

use crate::ports::{Answer, Fault};

/// What a look at the ledger's file found.
#[derive(Debug, Clone)]
pub struct Findings {
    /// What is wrong; nothing: all is sound.
    pub damage: Option<Message>,
    /// Entries from the first on that are sound.
    pub kept: u64,
    /// The root over them.
    pub root: Hash,
    /// When the last of them was written.
    pub last_time: Timestamp,
    /// Those after them that could still be counted.
    pub set_aside: u64,
    /// Above every number that an entry set aside may have given to a volume.
    pub numbers_from: u64,
}

/// A state folder that nobody else works on, looked at.
pub trait Looked: Send {
    /// What was found. Nothing was changed.
    fn findings(&self) -> &Findings;
    /// Puts a sound ledger in the damaged one's place; where the damaged one is kept.
    fn mend(self: Box<Self>, now: Timestamp) -> BoxFuture<'static, Answer<PathBuf>>;
}

/// The entry that says what was done: its bytes and their hash.
///
/// # Errors
/// When it cannot be written as an entry.
pub fn entry(findings: &Findings, now: Timestamp) -> Answer<(Vec<u8>, Hash)> {
    let code = findings.damage.as_ref().map(|damage| damage.code.clone());
    let entry = Entry {
        index: findings.kept,
        // The ledger's time never runs back.
        time: now.max(findings.last_time),
        actor: Actor::Installer,
        events: vec![Event::LedgerRepaired {
            kept: findings.kept,
            root: hex(&findings.root),
            set_aside: findings.set_aside,
            code: code.unwrap_or_default(),
            numbers_from: findings.numbers_from,
        }],
        root_before: findings.root,
    };
    let bytes = ledger::write(&entry).map_err(|reason| cannot(&format!("{reason:?}")))?;
    let hash = leaf_hash(&bytes);
    Ok((bytes, hash))
}

/// The repair itself did not come to its end; what was there is there.
pub fn cannot(why: &dyn std::fmt::Display) -> Fault {
    Fault::lasting(
        "ledger-not-repaired",
        Text::new(
            format!("La réparation n'a pas abouti ({why}) ; le registre est comme avant."),
            format!("The repair did not come to its end ({why}); the ledger is as before."),
        ),
        Text::new(
            "Vérifiez le disque et sa place libre (deux fois la taille de lavoir.db), puis recommencez.",
            "Check the disk and the room on it (twice the size of lavoir.db), then try again.",
        ),
    )
}

/// There is no file, or nothing of it can be read or believed.
pub fn nothing_sound(why: &dyn std::fmt::Display) -> Fault {
    Fault::lasting(
        "ledger-gone",
        Text::new(
            format!("Rien du registre n'est lisible et sûr, pas même sa première entrée ({why})."),
            format!(
                "Nothing of the ledger can be read and believed, not even its first entry ({why})."
            ),
        ),
        Text::new(
            "Rien n'a été changé. Remettez une copie saine de tout le dossier d'état. S'il n'y en a pas, mettez ce dossier de côté, sans l'effacer : la machine recommence alors sans services, et leurs volumes restent dans le moteur.",
            "Nothing was changed. Put a sound copy of the whole state folder back. If there is none, move this folder aside without deleting it: the box then begins without apps, and their volumes stay in the engine.",
        ),
    )
}
