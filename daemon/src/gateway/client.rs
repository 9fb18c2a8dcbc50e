//! One connection from outside: who it is, whether it lives, and the place it takes.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::limits;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The last moment at which something moved.
#[derive(Debug)]
pub(super) struct Pulse(AtomicU64);

impl Pulse {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(Self::now_ms()))
    }

    fn now_ms() -> u64 {
        u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn beat(&self) {
        self.0.store(Self::now_ms(), Ordering::Relaxed);
    }

    /// For how long nothing has moved.
    fn silence(&self) -> Duration {
        Duration::from_millis(Self::now_ms().saturating_sub(self.0.load(Ordering::Relaxed)))
    }

    /// Ends when nothing has moved for as long as `allowed` says, which is asked anew after each wait.
    pub(super) async fn silent_for(&self, allowed: impl Fn() -> Duration) {
        loop {
            let (silence, allowed) = (self.silence(), allowed());
            if silence >= allowed {
                return;
            }
            tokio::time::sleep(allowed - silence).await;
        }
    }
}

/// What is known of a connection; kept until its last request and its tunnel have ended.
#[derive(Debug)]
pub(super) struct Client {
    /// The address without the mapping of IPv4 into IPv6.
    pub(super) address: IpAddr,
    /// The name asked for in the TLS handshake.
    pub(super) name: String,
    pub(super) pulse: Arc<Pulse>,
    /// Set when the connection becomes a WebSocket.
    pub(super) tunnel: AtomicBool,
    under_way: AtomicUsize,
    _place: Place,
}

impl Client {
    pub(super) fn new(name: String, place: Place) -> Self {
        Self {
            address: place.address,
            name,
            pulse: Arc::new(Pulse::new()),
            tunnel: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            _place: place,
        }
    }

    /// How long nothing may move.
    pub(super) fn idle_allowed(&self) -> Duration {
        if self.under_way.load(Ordering::Relaxed) == 0 {
            limits::IDLE_S
        } else {
            limits::EXCHANGE_IDLE_S
        }
    }
}

/// Lives as long as a request and its answer.
#[derive(Debug)]
pub(super) struct UnderWay(pub(super) Arc<Client>);

impl UnderWay {
    pub(super) fn new(client: &Arc<Client>) -> Self {
        client.under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(client))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.pulse.beat();
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The places for connections, in all and for each client.
#[derive(Debug)]
pub(super) struct Places {
    max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

impl Places {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            taken: Mutex::new(Taken::default()),
        })
    }

    /// A place, unless there is none left for all or for this client.
    pub(super) fn take(self: &Arc<Self>, peer: SocketAddr) -> Option<Place> {
        let address = peer.ip().to_canonical();
        let key = household(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.max {
            return None;
        }
        let of_client = taken.by_client.entry(key).or_default();
        if *of_client >= limits::CONNECTIONS_PER_CLIENT_MAX {
            return None;
        }
        *of_client += 1;
        taken.all += 1;
        Some(Place {
            places: Arc::clone(self),
            address,
        })
    }
}

/// One IPv4 address, or the /64 that one IPv6 subscriber has to themselves.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
    }
}

/// Given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let key = household(self.address);
        let mut taken = self
            .places
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(of_client) = taken.by_client.get_mut(&key) {
            *of_client -= 1;
            if *of_client == 0 {
                taken.by_client.remove(&key);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_household_and_given_back() {
        let places = Places::new(limits::CONNECTIONS_PER_CLIENT_MAX + 1);
        let one: SocketAddr = "[2001:db8::1]:5".parse().unwrap();
        let mut held: Vec<_> = (0..limits::CONNECTIONS_PER_CLIENT_MAX)
            .map(|_| places.take(one).expect("a place"))
            .collect();
        assert!(
            places.take("[2001:db8::2]:5".parse().unwrap()).is_none(),
            "the same household"
        );
        let other = places.take("[2001:db8:0:1::1]:5".parse().unwrap());
        assert!(other.is_some());
        assert!(
            places.take("192.0.2.1:5".parse().unwrap()).is_none(),
            "no place at all"
        );
        held.pop();
        assert!(places.take(one).is_some());
        drop((held, other));
        assert!(places.taken.lock().unwrap().by_client.is_empty());
        assert_eq!(places.taken.lock().unwrap().all, 0);
    }
}
