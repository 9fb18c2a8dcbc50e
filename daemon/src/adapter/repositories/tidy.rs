//! Forgetting snapshots by the rule, and giving their room back.

use std::collections::BTreeMap;
use std::sync::Arc;

use lavoir_core::backup::KeepRule;
use rustic_core::jiff::Zoned;
use rustic_core::repofile::{SnapshotFile, SnapshotId};
use rustic_core::{KeepOptions, LimitOption, PruneOptions, RusticError};

use super::carrier::Carrier;
use super::place::{Door, Opened};
use super::read::snapshot_files;
use super::work::Work;
use crate::ports::{Answer, Tidied};

/// Of a repository so much may be unused, in percent: less would cost more writing than it gives back.
const UNUSED_PERCENT: u64 = 5;

/// Forgets and prunes. The index is written before what it no longer names goes, so that ending half way loses nothing.
pub(super) fn tidy(door: &Door, work: &Arc<Work>, host: &str, keep: &KeepRule) -> Answer<Tidied> {
    door.is_free()?;
    let Opened {
        repository,
        carrier,
    } = door.open(work)?;
    let of = |error: Box<RusticError>| carrier.fault(&error);
    door.sweep()?;
    let before = door.size()?;
    // Every snapshot must be readable: one that is not would have its data thrown away.
    let mut groups: BTreeMap<Vec<String>, Vec<SnapshotFile>> = BTreeMap::new();
    for file in snapshot_files(&repository, &carrier, work)? {
        let file = file?;
        if file.hostname == host {
            let tags = file.tags.iter().cloned().collect();
            groups.entry(tags).or_default().push(file);
        }
    }
    let now = Zoned::now();
    let rule = options(keep);
    let mut gone: Vec<SnapshotId> = Vec::new();
    for snapshots in groups.into_values() {
        let judged = rule.apply(snapshots, &now).map_err(of)?;
        gone.extend(
            judged
                .iter()
                .filter(|one| !one.keep)
                .map(|one| one.snapshot.id),
        );
    }
    work.go_on()?;
    repository.delete_snapshots(&gone).map_err(of)?;
    work.go_on()?;
    let mut options = PruneOptions::default();
    // We alone write here, and restic was seen not to: nothing has to be kept for somebody who is still reading.
    options.instant_delete = true;
    options.max_repack = LimitOption::Unlimited;
    options.max_unused = LimitOption::Percentage(UNUSED_PERCENT);
    work.count(true);
    let plan = repository.prune_plan(&options).map_err(of)?;
    let pruned = repository.prune(&options, plan).map_err(of);
    work.count(false);
    pruned?;
    is_whole(&carrier)?;
    Ok(Tidied {
        forgotten: gone.len() as u64,
        freed: before.saturating_sub(door.size()?),
    })
}

/// rustic passes over some failures with a warning.
fn is_whole(carrier: &Carrier) -> Answer<()> {
    carrier.trouble().map_or(Ok(()), Err)
}

fn options(keep: &KeepRule) -> KeepOptions {
    let count = |count: u32| (count > 0).then(|| i32::try_from(count).unwrap_or(i32::MAX));
    let mut options = KeepOptions::default();
    // Whatever the rule says, the last one stays.
    options.keep_last = count(keep.last.max(1));
    options.keep_daily = count(keep.daily);
    options.keep_weekly = count(keep.weekly);
    options.keep_monthly = count(keep.monthly);
    options.keep_yearly = count(keep.yearly);
    options
}
