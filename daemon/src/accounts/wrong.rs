//! Wrong passwords, counted for each name. Places where somebody of that name came in before are counted apart: whoever
//! guesses from elsewhere cannot shut them out.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lavoir_core::ledger::Hash;
use lavoir_core::limits;
use sha2::{Digest as _, Sha256};

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Wrong {
    /// By hash: what is typed as a name may be a password.
    tries: Mutex<HashMap<Hash, VecDeque<Duration>>>,
}

/// Where tries of one kind are counted.
#[derive(Clone, Copy)]
pub(super) struct Count(Hash);

impl Count {
    /// For this name, apart for a place that is known for it.
    pub(super) fn of(name: &str, known_place: Option<&str>) -> Self {
        let mut hash = Sha256::new();
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(known_place.unwrap_or_default().as_bytes());
        Self(hash.finalize().into())
    }
}

impl Wrong {
    /// Notes a try, unless there were too many. It counts as wrong until it is [`Wrong::forgive`]n.
    /// `now` is for how long the daemon has been running: a clock that is set back must not shut anybody out.
    pub(super) fn may_try(&self, count: Count, now: Duration) -> bool {
        let mut all = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |at: &Duration| now.saturating_sub(*at) < MINUTE;
        if all.len() >= limits::NAMES_REMEMBERED_MAX && !all.contains_key(&count.0) {
            all.retain(|_, tries| tries.iter().any(recent));
            let oldest = all
                .iter()
                .min_by_key(|(_, tries)| tries.back().copied())
                .map(|(hash, _)| *hash);
            if let (Some(oldest), true) = (oldest, all.len() >= limits::NAMES_REMEMBERED_MAX) {
                all.remove(&oldest);
            }
        }
        let tries = all.entry(count.0).or_default();
        tries.retain(recent);
        if tries.len() >= limits::WRONG_PASSWORDS_A_MINUTE_MAX {
            return false;
        }
        tries.push_back(now);
        true
    }

    /// It was right.
    pub(super) fn forgive(&self, count: Count) {
        let mut all = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&count.0);
    }
}

/// One IPv4 address, or the /64 that one IPv6 subscriber has to themselves.
pub(super) fn place(from: Option<IpAddr>) -> Option<String> {
    Some(match from?.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let net = std::net::Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64));
            format!("{net}/64")
        }
    })
}
