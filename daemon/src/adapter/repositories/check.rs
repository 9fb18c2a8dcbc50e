//! Checking a repository: each file against its name, then how they hang together.

use std::sync::Arc;

use rustic_core::{CheckOptions, FileType, Id, ReadBackend};

use super::carrier::{Carrier, is_named_after};
use super::fault;
use super::place::Door;
use super::work::Work;
use crate::ports::{Answer, Damaged, Part};

/// Damages told at once; more say nothing new.
const LINES_MAX: usize = 50;

/// What is damaged; none when all is well.
pub(super) fn check(door: &Door, work: &Arc<Work>, part: Part) -> Answer<Option<Damaged>> {
    let mut lines = Vec::new();
    let carrier = door.carrier(work)?;
    // Keys first: else a damaged one would be told as a wrong one.
    for kind in [FileType::Key, FileType::Snapshot, FileType::Index] {
        for (id, _) in list(&carrier, kind)? {
            look_at(&carrier, work, kind, &id, &mut lines)?;
        }
    }
    let packs = list(&carrier, FileType::Pack)?;
    let read: Vec<_> = packs
        .into_iter()
        .filter(|(id, _)| is_its_turn(id, part))
        .collect();
    work.add_total(read.iter().map(|(_, bytes)| u64::from(*bytes)).sum());
    for (id, bytes) in read {
        look_at(&carrier, work, FileType::Pack, &id, &mut lines)?;
        work.add_done(bytes.into());
    }
    carrier.forgive();
    if lines.is_empty() {
        lines = structure(door, work, &carrier)?;
    }
    Ok((!lines.is_empty()).then_some(Damaged { lines }))
}

fn list(carrier: &Carrier, kind: FileType) -> Answer<Vec<(Id, u32)>> {
    let mut list = carrier
        .list_with_size(kind)
        .map_err(|error| carrier.fault(&error))?;
    list.sort_unstable_by_key(|(id, _)| *id);
    Ok(list)
}

/// By the last digits of its name, so that it stays in its part.
fn is_its_turn(id: &Id, part: Part) -> bool {
    match part {
        Part::Structure => false,
        Part::OneOf(which, of) => id.as_u32() % of.max(1) == which % of.max(1),
        Part::All => true,
    }
}

fn look_at(
    carrier: &Carrier,
    work: &Work,
    kind: FileType,
    id: &Id,
    lines: &mut Vec<String>,
) -> Answer<()> {
    work.go_on()?;
    let well = match carrier.read_full(kind, id) {
        Ok(bytes) => is_named_after(&bytes, id),
        // A place that is gone is no damage of a file.
        Err(error) => match carrier.fault(&error) {
            fault if fault.message.code == "repository-damaged" => false,
            fault => return Err(fault),
        },
    };
    carrier.forgive();
    if !well && lines.len() < LINES_MAX {
        lines.push(fault::file_name(kind, id));
    }
    Ok(())
}

/// Whether all that is pointed to is there. What is amiss in it is told in the library's words.
fn structure(door: &Door, work: &Arc<Work>, carrier: &Arc<Carrier>) -> Answer<Vec<String>> {
    let repository = match door.open_anew(work, carrier) {
        Ok(repository) => repository,
        // Its keys are whole: only the config is left.
        Err(fault)
            if fault.message.code == "repository-damaged"
                || fault.message.code == "repository-trouble" =>
        {
            return Ok(vec!["config".to_owned()]);
        }
        Err(fault) => return Err(fault),
    };
    let found = repository.check(CheckOptions::default());
    work.go_on()?;
    match found {
        // What is merely superfluous, after work that was cut off, is no damage.
        Ok(found) if found.is_ok().is_ok() => Ok(Vec::new()),
        Ok(found) => Ok(found
            .0
            .iter()
            .map(|(_, line)| line.to_string())
            .take(LINES_MAX)
            .collect()),
        Err(error) => match carrier.fault(&error) {
            fault if fault.message.code == "repository-damaged" => Ok(fault.lines),
            fault => Err(fault),
        },
    }
}
