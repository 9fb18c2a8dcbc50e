//! One connection from outside: who it is, whether it lives, and the place it takes.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::limits::{self, Limits};

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

    /// Ends when nothing has moved for this long.
    pub(super) async fn silent_for(&self, allowed: Duration) {
        self.silent_for_as_long_as(|| allowed, allowed).await;
    }

    /// Ends when nothing has moved for as long as `allowed` says, which is asked anew so often.
    pub(super) async fn silent_for_as_long_as(
        &self,
        allowed: impl Fn() -> Duration,
        anew: Duration,
    ) {
        loop {
            let (silence, allowed) = (self.silence(), allowed());
            if silence >= allowed {
                return;
            }
            tokio::time::sleep((allowed - silence).min(anew)).await;
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
    place: Place,
}

impl Client {
    pub(super) fn new(name: String, place: Place) -> Self {
        Self {
            address: place.address,
            name,
            pulse: Arc::new(Pulse::new()),
            tunnel: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            place,
        }
    }

    /// Ends when nothing has moved for too long: longer while a request is under way.
    pub(super) async fn silent(&self) {
        let limits = &self.place.places.limits;
        let idle = Duration::from_millis(limits.idle_ms);
        let exchange = Duration::from_millis(limits.exchange_idle_ms);
        let allowed = || match self.under_way.load(Ordering::Relaxed) {
            0 => idle,
            _ => exchange,
        };
        self.pulse
            .silent_for_as_long_as(allowed, idle.min(exchange))
            .await;
    }
}

/// Lives as long as a request and its answer.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) client: Arc<Client>,
    /// Whether a connection to a service may be held for it; given back when dropped.
    turn: bool,
}

impl UnderWay {
    pub(super) fn new(client: &Arc<Client>) -> Self {
        client.under_way.fetch_add(1, Ordering::Relaxed);
        Self {
            client: Arc::clone(client),
            turn: false,
        }
    }

    /// Asks for one of the connections to services; there may be none left for all or for this client.
    pub(super) fn take_turn(&mut self) -> bool {
        if !self.turn {
            self.turn = self.client.place.take_turn();
        }
        self.turn
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.turn {
            self.client.place.give_turn();
        }
        self.client.pulse.beat();
        self.client.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The places for connections and requests, in all and for each client.
#[derive(Debug)]
pub(super) struct Places {
    limits: Arc<Limits>,
    /// What the system's open files allow, at the most.
    max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: Held,
    by_client: HashMap<IpAddr, Held>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Held {
    connections: usize,
    handshakes: usize,
    requests: usize,
}

impl Places {
    pub(super) fn new(limits: Arc<Limits>, max: usize) -> Arc<Self> {
        Arc::new(Self {
            max: max.min(limits.connections_max),
            limits,
            taken: Mutex::new(Taken::default()),
        })
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, unless there is none left for all or for this client.
    pub(super) fn take(self: &Arc<Self>, peer: SocketAddr) -> Option<Place> {
        let address = peer.ip().to_canonical();
        let key = household(address);
        let mut taken = self.taken();
        if taken.all.connections >= self.max {
            return None;
        }
        let of_client = taken.by_client.entry(key).or_default();
        if of_client.connections >= self.limits.connections_per_client_max {
            return None;
        }
        of_client.connections += 1;
        taken.all.connections += 1;
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

/// A turn at a handshake; given back when dropped.
#[derive(Debug)]
pub(super) struct Shaking<'a>(&'a Place);

impl Drop for Shaking<'_> {
    fn drop(&mut self) {
        let mut taken = self.0.places.taken();
        taken.all.handshakes -= 1;
        if let Some(of_client) = taken.by_client.get_mut(&household(self.0.address)) {
            of_client.handshakes -= 1;
        }
    }
}

impl Place {
    /// Waits for a turn at a handshake. One client's are bounded by themselves, so that others get theirs.
    pub(super) async fn handshake(&self) -> Shaking<'_> {
        loop {
            if self.take_handshake() {
                return Shaking(self);
            }
            tokio::time::sleep(limits::TURN_MS).await;
        }
    }

    fn take_handshake(&self) -> bool {
        let limits = &self.places.limits;
        let mut taken = self.places.taken();
        if taken.all.handshakes >= limits.handshakes_max {
            return false;
        }
        let of_client = taken.by_client.entry(household(self.address)).or_default();
        if of_client.handshakes >= limits.handshakes_per_client_max {
            return false;
        }
        of_client.handshakes += 1;
        taken.all.handshakes += 1;
        true
    }

    fn take_turn(&self) -> bool {
        let limits = &self.places.limits;
        let mut taken = self.places.taken();
        if taken.all.requests >= limits.requests_max {
            return false;
        }
        let of_client = taken.by_client.entry(household(self.address)).or_default();
        if of_client.requests >= limits.requests_per_client_max {
            return false;
        }
        of_client.requests += 1;
        taken.all.requests += 1;
        true
    }

    fn give_turn(&self) {
        let mut taken = self.places.taken();
        taken.all.requests -= 1;
        if let Some(of_client) = taken.by_client.get_mut(&household(self.address)) {
            of_client.requests -= 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let key = household(self.address);
        let mut taken = self.places.taken();
        taken.all.connections -= 1;
        if let Some(of_client) = taken.by_client.get_mut(&key) {
            of_client.connections -= 1;
            // Its requests have ended: each holds the connection it came by.
            if of_client.connections == 0 {
                taken.by_client.remove(&key);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn places(limits: Limits, max: usize) -> Arc<Places> {
        Places::new(Arc::new(limits), max)
    }

    #[test]
    fn places_are_counted_by_household_and_given_back() {
        let by_client = 5;
        let limits = Limits {
            connections_per_client_max: by_client,
            ..Limits::default()
        };
        let places = places(limits, by_client + 1);
        let one: SocketAddr = "[2001:db8::1]:5".parse().unwrap();
        let mut held: Vec<_> = (0..by_client)
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
        assert!(places.taken().by_client.is_empty());
        assert_eq!(places.taken().all, Held::default());
    }

    #[test]
    fn requests_are_counted_by_household_too() {
        let limits = Limits {
            requests_max: 3,
            requests_per_client_max: 2,
            ..Limits::default()
        };
        let places = places(limits, 100);
        let client = |peer: &str| {
            let place = places.take(peer.parse().unwrap()).unwrap();
            Arc::new(Client::new(String::new(), place))
        };
        let turn = |client: &Arc<Client>| {
            let mut under_way = UnderWay::new(client);
            under_way.take_turn().then_some(under_way)
        };
        let (one, two) = (client("[2001:db8::1]:5"), client("[2001:db8::2]:5"));
        let (other, third) = (client("192.0.2.1:5"), client("192.0.2.2:5"));
        let held = (turn(&one), turn(&two));
        assert!(held.0.is_some() && held.1.is_some());
        assert!(turn(&one).is_none(), "the household has its two");
        let last = turn(&other);
        assert!(
            last.is_some() && turn(&third).is_none(),
            "three are all there are"
        );
        drop(held);
        assert!(turn(&third).is_some());
        drop((last, one, two, other, third));
        assert!(places.taken().by_client.is_empty());
        assert_eq!(places.taken().all, Held::default());
    }
}
