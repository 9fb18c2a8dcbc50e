//! How much is asked of the apps: what the gateway counted since the daemon began. Numbers, and nothing about anybody.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use lavoir_core::id::Hostname;

use crate::door::Count;

/// By host. Forgotten when the daemon ends.
#[derive(Debug, Default)]
pub struct Visits(Mutex<BTreeMap<Hostname, Count>>);

impl Visits {
    /// Adds what was counted. Whoever calls sees to it that the hosts are ours: their number is bounded by that.
    pub fn add(&self, host: Hostname, count: &Count) {
        let mut visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        visits.entry(host).or_default().add(count);
    }

    /// Of these hosts together.
    pub fn of<'a>(&self, hosts: impl IntoIterator<Item = &'a Hostname>) -> Count {
        let visits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sum = Count::default();
        for count in hosts.into_iter().filter_map(|host| visits.get(host)) {
            sum.add(count);
        }
        sum
    }
}
