//! One entry and its bytes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{Hash, hex, unhex};
use crate::command::Actor;
use crate::event::Event;
use crate::id::Timestamp;
use crate::limits;

/// The format that this code writes.
pub const FORMAT: u32 = 1;

/// What was decided at one time, on one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place, from 0.
    pub index: u64,
    /// When, by the box's clock; never before the entry before it.
    pub time: Timestamp,
    /// Who asked.
    pub actor: Actor,
    /// What came of it.
    pub events: Vec<Event>,
    /// The Merkle root over all entries before this one.
    pub root_before: Hash,
}

/// The entry as JSON: keys in this order, no white space. These bytes are what is hashed and stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    index: u64,
    time: Timestamp,
    root_before: String,
    actor: Actor,
    events: Vec<Event>,
}

/// Why bytes are not an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// Written by a later version of Lavoir.
    Newer {
        /// Its format number.
        format: u32,
    },
    /// Not an entry at all.
    Malformed {
        /// Why, in the parser's words.
        reason: String,
    },
}

/// An entry's bytes.
///
/// # Errors
/// The reason, when the entry is larger than [`limits::ENTRY_BYTES_MAX`].
pub fn write(entry: &Entry) -> Result<Vec<u8>, Unreadable> {
    let written = Written {
        format: FORMAT,
        index: entry.index,
        time: entry.time,
        root_before: hex(&entry.root_before),
        actor: entry.actor.clone(),
        events: entry.events.clone(),
    };
    let bytes = serde_json::to_vec(&written).map_err(malformed)?;
    if bytes.len() > limits::ENTRY_BYTES_MAX {
        return Err(Unreadable::Malformed {
            reason: "the entry is too large".to_string(),
        });
    }
    Ok(bytes)
}

/// The entry of some bytes.
///
/// # Errors
/// [`Unreadable`] when they are not an entry, or one of a newer format.
pub fn read(bytes: &[u8]) -> Result<Entry, Unreadable> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    if bytes.len() > limits::ENTRY_BYTES_MAX {
        return Err(Unreadable::Malformed {
            reason: "the entry is too large".to_string(),
        });
    }
    let newer = |format| Err(Unreadable::Newer { format });
    let written: Written = match serde_json::from_slice(bytes) {
        Ok(written) => written,
        // A later version's entry may have what this one does not know.
        Err(error) => match serde_json::from_slice::<Head>(bytes) {
            Ok(head) if head.format > FORMAT => return newer(head.format),
            _ => return Err(malformed(error)),
        },
    };
    if written.format > FORMAT {
        return newer(written.format);
    }
    let root_before = unhex(&written.root_before).ok_or(Unreadable::Malformed {
        reason: "root_before is not a hash".to_string(),
    })?;
    Ok(Entry {
        index: written.index,
        time: written.time,
        actor: written.actor,
        events: written.events,
        root_before,
    })
}

fn malformed(error: serde_json::Error) -> Unreadable {
    Unreadable::Malformed {
        reason: error.to_string(),
    }
}
