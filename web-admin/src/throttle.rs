//! How often codes and passwords may be tried. Each address has its own count, so that nobody locks anybody else out;
//! when too many are wrong from everywhere, each try waits a little, but is looked at.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lavoir_core::limits;
use tokio::sync::{Semaphore, SemaphorePermit};

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) struct Throttle {
    /// Wrong tries of the last minute, the oldest first.
    wrong: Mutex<VecDeque<(Instant, Option<IpAddr>)>>,
    at_once: Semaphore,
}

/// The try may be looked at; it counts as wrong until said otherwise.
pub(crate) struct Try<'a> {
    throttle: &'a Throttle,
    at: Instant,
    from: Option<IpAddr>,
    _place: SemaphorePermit<'a>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            wrong: Mutex::default(),
            at_once: Semaphore::new(limits::TRIES_AT_ONCE_MAX),
        }
    }
}

impl Throttle {
    /// A try from an address; none when it comes too often from there.
    pub(crate) async fn try_from(&self, from: Option<IpAddr>) -> Option<Try<'_>> {
        let from = from.map(household);
        let at = Instant::now();
        let slow = {
            let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
            wrong.retain(|(at, _)| at.elapsed() < MINUTE);
            let mine = wrong.iter().filter(|(_, who)| *who == from).count();
            if mine >= limits::WRONG_A_MINUTE_MAX {
                return None;
            }
            while wrong.len() >= limits::TRYING_ADDRESSES_MAX {
                wrong.pop_front();
            }
            // Counted before it is looked at: many at once count too.
            wrong.push_back((at, from));
            wrong.len() > limits::WRONG_IN_ALL_A_MINUTE_MAX
        };
        // Before it takes a place: those who wait keep nobody from being looked at.
        if slow {
            tokio::time::sleep(Duration::from_millis(limits::WRONG_WAIT_MS)).await;
        }
        let place = self.at_once.acquire().await.ok()?;
        Some(Try {
            throttle: self,
            at,
            from,
            _place: place,
        })
    }
}

impl Try<'_> {
    /// It was right.
    pub(crate) fn right(self) {
        let throttle = self.throttle;
        let mut wrong = throttle
            .wrong
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mine = wrong
            .iter()
            .position(|one| one.0 == self.at && one.1 == self.from);
        if let Some(place) = mine {
            wrong.remove(place);
        }
    }
}

/// A household has a whole /64 of IPv6.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => std::net::Ipv6Addr::from(u128::from(v6) >> 64 << 64).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[tokio::test]
    async fn an_address_locks_out_itself_only() {
        let throttle = Throttle::default();
        for _ in 0..limits::WRONG_A_MINUTE_MAX {
            assert!(throttle.try_from(from("2001:db8::1")).await.is_some());
        }
        assert!(throttle.try_from(from("2001:db8::2")).await.is_none());
        let other = throttle.try_from(from("2001:db8:0:1::1")).await;
        other.expect("another household").right();
        assert_eq!(
            throttle.wrong.lock().unwrap().len(),
            limits::WRONG_A_MINUTE_MAX
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_is_slowed_down_and_the_owner_still_comes_in() {
        let throttle = Throttle::default();
        for place in 0..=limits::WRONG_IN_ALL_A_MINUTE_MAX {
            let address = format!("203.0.113.{place}");
            assert!(throttle.try_from(from(&address)).await.is_some());
        }
        assert!(throttle.try_from(from("192.0.2.1")).await.is_some());
        // Whoever waits holds no place.
        let waits = std::pin::pin!(throttle.try_from(from("192.0.2.2")));
        assert!(futures_util::poll!(waits).is_pending());
        let free = throttle.at_once.available_permits();
        assert_eq!(free, limits::TRIES_AT_ONCE_MAX);
    }
}
