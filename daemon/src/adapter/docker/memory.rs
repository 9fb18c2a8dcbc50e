//! How much memory containers take now.

use std::collections::HashMap;

use bollard::query_parameters::{ListContainersOptions, StatsOptions};
use futures_util::{StreamExt, stream};
use lavoir_core::id::{AppId, PartId};

use super::labels::{app_of, service_of};
use super::{Docker, QUICK, fault};
use crate::ports::{Answer, MemoryTaken};

/// Containers asked about at the same time.
const AT_ONCE: usize = 4;

impl Docker {
    /// Of running containers of this box; one that ends meanwhile is left out.
    pub(super) async fn memory_taken(&self) -> Answer<MemoryTaken> {
        let options = ListContainersOptions {
            filters: Some(self.box_filter()),
            ..Default::default()
        };
        let client = self.client(QUICK)?;
        let listed = client
            .list_containers(Some(options))
            .await
            .map_err(|e| fault::engine(&e))?;
        let ours = listed.into_iter().filter_map(|container| {
            let labels = container
                .labels
                .filter(|labels| self.is_ours(Some(labels)))?;
            Some((container.id?, app_of(&labels)?, service_of(&labels)?))
        });
        let client = &client;
        let asked =
            stream::iter(ours).map(|(id, app, service): (String, AppId, PartId)| async move {
                let once = StatsOptions {
                    stream: false,
                    one_shot: true,
                };
                let stats = client.stats(&id, Some(once)).next().await?.ok()?;
                let memory = stats.memory_stats?;
                let reclaimable = reclaimable(&memory.stats.unwrap_or_default());
                let taken = memory.usage?.saturating_sub(reclaimable);
                Some(((app, service), (taken, memory.limit)))
            });
        let all: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
        Ok(all.into_iter().flatten().collect())
    }
}

/// What the kernel would give back at once, as Docker's own client reckons it, for both kinds of control groups.
fn reclaimable(stats: &HashMap<String, u64>) -> u64 {
    ["inactive_file", "total_inactive_file"]
        .iter()
        .find_map(|name| stats.get(*name))
        .copied()
        .unwrap_or_default()
}
