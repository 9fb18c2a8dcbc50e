//! How much is asked of each name and how long the answers take. Numbers only: nobody's address, path or browser.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use lavoir_core::id::Hostname;

use crate::door::Count;

/// Since the last time that the daemon was told. Bounded by the names of the picture.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<BTreeMap<Hostname, Count>>);

impl Counts {
    /// One answer of a service has begun, so long after it was asked for.
    pub(super) fn note(&self, host: &Hostname, status: StatusCode, took: Duration) {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let one = Count {
            answers: 1,
            refused: u64::from(status.is_client_error()),
            failed: u64::from(status.is_server_error()),
            took_ms,
            slow: u64::from(took >= Duration::from_secs(1)),
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(host) {
            Some(count) => count.add(&one),
            None => {
                counts.insert(host.clone(), one);
            }
        }
    }

    /// All that was noted; from here on it is for the daemon to remember.
    pub(super) fn take(&self) -> BTreeMap<Hostname, Count> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
