//! When to order a TLS certificate for an address, and when not: no clock, no chance, integers only.
//!
//! Nobody thinks of certificates, so this has to be right for years: in time before the end, never so often that an
//! authority shuts us out, and harmless when the clock jumps.
//!
//! Let's Encrypt's limits (<https://letsencrypt.org/docs/rate-limits/>): 5 failed validations for each account and
//! host name in an hour; 50 new certificates for each registered domain in 7 days, 5 for the same set of names; 300
//! new orders for each account in 3 hours. What is allowed here ([`crate::limits`]) stays well below each.

pub mod trouble;
pub mod worth;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::id::{Hostname, Timestamp};
use crate::limits;
use trouble::{Cause, Trouble};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
const WEEK_MS: u64 = 7 * DAY_MS;
/// A clock before this software was written is wrong: 2026-01-01.
const EARLIEST: Timestamp = Timestamp(1_767_225_600_000);
/// As is one after all certificates of today and their roots: 2100-01-01.
const LATEST: Timestamp = Timestamp(4_102_444_800_000);
/// Tries with one authority before the next one is asked.
const TRIES_EACH: u32 = 3;
/// Thousand-and-twenty-fourths: what the chance number is taken modulo.
const PARTS: u64 = 1_024;

/// Whether this can be today.
pub fn clock_is_absurd(now: Timestamp) -> bool {
    now < EARLIEST || now > LATEST
}

/// From when to when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Life {
    /// From here on.
    pub not_before: Timestamp,
    /// To here.
    pub not_after: Timestamp,
}

impl Life {
    /// Whether it is valid now.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.not_before <= now && now < self.not_after
    }

    fn whole_ms(&self) -> u64 {
        self.not_after.0.saturating_sub(self.not_before.0)
    }
}

/// When the authority would like a certificate to be renewed (ARI, RFC 9773).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// From here on.
    pub start: Timestamp,
    /// To here.
    pub end: Timestamp,
}

/// What went wrong last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// With which authority, by its place in the settings.
    pub authority: usize,
    /// What.
    pub trouble: Trouble,
    /// What the outside said.
    pub detail: Option<String>,
    /// Whether an authority was asked at all.
    pub asked: bool,
}

impl Failure {
    fn cause(&self) -> Cause {
        if self.asked {
            self.trouble.cause()
        } else {
            Cause::Here
        }
    }
}

/// What is remembered of one address from look to look, and over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// Failures since the last certificate that are the name's doing: they count against limits.
    pub of_name: u32,
    /// The authority's.
    pub of_authority: u32,
    /// Our own.
    pub of_here: u32,
    /// The last one.
    pub last: Option<Failure>,
    /// Until when each authority, by its place, wants to hear nothing of this name.
    pub closed: BTreeMap<usize, Timestamp>,
    /// When an authority last said itself that the name does not lead here.
    pub confirmed: Option<Timestamp>,
    /// An order that has begun and not ended.
    pub began: Option<Timestamp>,
    /// The authority's wish for the certificate in use.
    pub window: Option<Window>,
    /// When to ask for it again.
    pub window_again: Timestamp,
    /// A chance number, drawn anew with each outcome: boxes must not all come at the same minute.
    pub chance: u64,
}

/// An order that was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placed {
    /// For which name.
    pub host: Hostname,
    /// When.
    pub at: Timestamp,
    /// Whether a certificate came of it.
    pub issued: bool,
    /// Whether it was to replace one that there was.
    pub renewal: bool,
}

/// All that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Book {
    hosts: BTreeMap<Hostname, Memory>,
    placed: Vec<Placed>,
}

/// What to do for an address now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    /// The certificate is good; look again at this time.
    Keep {
        /// Then it will be due.
        until: Timestamp,
    },
    /// One is needed, but not before this time.
    Wait {
        /// Then it may be ordered.
        until: Timestamp,
    },
    /// Order.
    Order {
        /// From whom, by place in the settings.
        authority: usize,
        /// Which way of proof, counted over those that are allowed.
        way: u32,
    },
    /// The clock cannot be right: nothing is done.
    ClockWrong,
}

impl Book {
    /// What is remembered of a name.
    pub fn memory(&self, host: &Hostname) -> Option<&Memory> {
        self.hosts.get(host)
    }

    /// Names whose order has begun and not ended: the daemon was cut off.
    pub fn unfinished(&self) -> Vec<Hostname> {
        let unfinished = |(host, memory): (&Hostname, &Memory)| memory.began.map(|_| host.clone());
        self.hosts.iter().filter_map(unfinished).collect()
    }

    /// What to do for a name that holds this certificate.
    pub fn what_now(
        &self,
        host: &Hostname,
        held: Option<&Life>,
        authorities: usize,
        now: Timestamp,
    ) -> Now {
        if clock_is_absurd(now) {
            return Now::ClockWrong;
        }
        let nothing = Memory::default();
        let memory = self.hosts.get(host).unwrap_or(&nothing);
        if let Some(held) = held {
            // Authorities date backwards: when a certificate of theirs has not begun, it is our clock that is late.
            if now < held.not_before {
                return Now::ClockWrong;
            }
            let due = due(held, memory.window, memory.chance);
            if now < due {
                return Now::Keep { until: due };
            }
        }
        let (authority, open) = memory.authority(authorities, now);
        let until = memory
            .rested(now)
            .max(open)
            .max(self.budget(host, held, now));
        if now < until {
            return Now::Wait { until };
        }
        Now::Order {
            authority,
            way: memory.of_name,
        }
    }

    /// Whether an authority should be asked although our own look found this. Once it has said the same itself, it
    /// is left alone for a day: our look may err (many routers do not lead back in), both together do not.
    pub fn is_worth_asking(&self, host: &Hostname, found: &Trouble, now: Timestamp) -> bool {
        let confirmed = self.hosts.get(host).and_then(|memory| memory.confirmed);
        match found {
            Trouble::Elsewhere | Trouble::PortClosed(_) => {
                confirmed.is_none_or(|at| now.0.saturating_sub(at.0) >= DAY_MS)
            }
            _ => false,
        }
    }

    /// Whether the authority's wish is to be read again.
    pub fn window_is_due(&self, host: &Hostname, now: Timestamp) -> bool {
        let again = self.hosts.get(host).map(|memory| memory.window_again);
        again.is_none_or(|again| now >= again)
    }

    /// Notes the authority's wish.
    pub fn note_window(
        &mut self,
        host: &Hostname,
        window: Option<Window>,
        again_in_ms: u64,
        now: Timestamp,
    ) {
        let memory = self.hosts.entry(host.clone()).or_default();
        if window.is_some() {
            memory.window = window.filter(|window| window.start <= window.end);
        }
        memory.window_again = Timestamp(now.0.saturating_add(again_in_ms.clamp(HOUR_MS, DAY_MS)));
    }

    /// An order is about to be placed: noted before, so that no crash forgets it.
    pub fn begin(&mut self, host: &Hostname, renewal: bool, now: Timestamp) {
        self.hosts.entry(host.clone()).or_default().began = Some(now);
        self.placed
            .retain(|placed| now.0.saturating_sub(placed.at.0) <= WEEK_MS);
        if self.placed.len() >= limits::ORDERS_REMEMBERED_MAX {
            self.placed.remove(0);
        }
        self.placed.push(Placed {
            host: host.clone(),
            at: now,
            issued: false,
            renewal,
        });
    }

    /// It brought a certificate.
    pub fn succeed(&mut self, host: &Hostname, chance: u64) {
        if let Some(placed) = self
            .placed
            .iter_mut()
            .rev()
            .find(|placed| placed.host == *host)
        {
            placed.issued = true;
        }
        self.hosts.insert(
            host.clone(),
            Memory {
                chance,
                ..Memory::default()
            },
        );
    }

    /// It failed, or was not placed at all. `closed_until`: what the authority said when to come again.
    pub fn fail(
        &mut self,
        host: &Hostname,
        failure: Failure,
        closed_until: Option<Timestamp>,
        chance: u64,
    ) {
        let memory = self.hosts.entry(host.clone()).or_default();
        memory.began = None;
        memory.chance = chance;
        match failure.cause() {
            Cause::Name => {
                memory.of_name = memory.of_name.saturating_add(1);
                if failure.trouble != Trouble::Interrupted {
                    memory.confirmed = Some(failure.at);
                }
            }
            Cause::Authority => memory.of_authority = memory.of_authority.saturating_add(1),
            Cause::Here => memory.of_here = memory.of_here.saturating_add(1),
        }
        if failure.trouble == Trouble::Limit {
            let said = closed_until.unwrap_or(Timestamp(failure.at.0.saturating_add(HOUR_MS)));
            let at_most = failure.at.0.saturating_add(WEEK_MS + DAY_MS);
            memory
                .closed
                .insert(failure.authority, Timestamp(said.0.min(at_most)));
            // Trying again would bring the same: the next one's turn.
            memory.of_authority = memory.of_authority.next_multiple_of(TRIES_EACH);
        }
        // A certificate came all the same: the authority counts it.
        if matches!(failure.trouble, Trouble::Worse(_) | Trouble::NotKept)
            && let Some(placed) = self
                .placed
                .iter_mut()
                .rev()
                .find(|placed| placed.host == *host)
        {
            placed.issued = true;
        }
        memory.last = Some(failure);
    }

    /// Forgets names that are not served any more and hold nothing against us.
    pub fn forget(&mut self, served: impl Fn(&Hostname) -> bool) {
        self.hosts.retain(|host, _| served(host));
    }

    /// After the clock went back: what lies in the future is taken to be now, so that nothing waits for years.
    pub fn settle(&mut self, now: Timestamp) {
        if clock_is_absurd(now) {
            return;
        }
        let no_later = |at: &mut Timestamp, most: u64| at.0 = at.0.min(now.0.saturating_add(most));
        for memory in self.hosts.values_mut() {
            if let Some(last) = &mut memory.last {
                no_later(&mut last.at, 0);
            }
            for closed in memory.closed.values_mut() {
                no_later(closed, WEEK_MS + DAY_MS);
            }
            if let Some(confirmed) = &mut memory.confirmed {
                no_later(confirmed, 0);
            }
            no_later(&mut memory.window_again, DAY_MS);
        }
        for placed in &mut self.placed {
            no_later(&mut placed.at, 0);
        }
    }

    /// When the limits allow one more order.
    fn budget(&self, host: &Hostname, held: Option<&Life>, now: Timestamp) -> Timestamp {
        let when = |most: usize, span_ms: u64, counts: &dyn Fn(&Placed) -> bool| {
            let mut times: Vec<Timestamp> = self
                .placed
                .iter()
                .filter(|placed| counts(placed) && now.0 < placed.at.0.saturating_add(span_ms))
                .map(|placed| placed.at)
                .collect();
            times.sort_unstable();
            // The one that has to leave the span before there is room.
            let leaving = times.len().checked_sub(most).and_then(|i| times.get(i));
            leaving.map_or(Timestamp(0), |at| Timestamp(at.0.saturating_add(span_ms)))
        };
        let of_name = |placed: &Placed| placed.host == *host;
        let all = when(limits::ORDERS_IN_3_HOURS_MAX, 3 * HOUR_MS, &|_| true);
        let failed = when(limits::ORDERS_FAILED_IN_HOUR_MAX, HOUR_MS, &|placed| {
            of_name(placed) && !placed.issued
        });
        // A private authority whose certificates live for hours has no such limits.
        if held.is_some_and(|held| held.whole_ms() < 5 * DAY_MS) {
            return all.max(failed);
        }
        let same = when(
            limits::CERTIFICATES_OF_NAME_IN_WEEK_MAX,
            WEEK_MS,
            &|placed| of_name(placed) && placed.issued,
        );
        // All names together: they may all stand under one registered domain.
        let new = when(limits::CERTIFICATES_NEW_IN_WEEK_MAX, WEEK_MS, &|placed| {
            placed.issued && !placed.renewal
        });
        let new = if held.is_some() { Timestamp(0) } else { new };
        all.max(failed).max(same).max(new)
    }
}

impl Memory {
    /// When the pause after the last failure is over.
    fn rested(&self, now: Timestamp) -> Timestamp {
        let Some(last) = &self.last else {
            return Timestamp(0);
        };
        let (first, most, times) = match last.cause() {
            Cause::Name => (15 * MINUTE_MS, DAY_MS, self.of_name),
            Cause::Authority => (5 * MINUTE_MS, 4 * HOUR_MS, self.of_authority),
            Cause::Here => (2 * MINUTE_MS, HOUR_MS / 2, self.of_here),
        };
        let doubled = times.saturating_sub(1).min(16);
        let pause = first.saturating_mul(1 << doubled).min(most);
        let pause = pause + pause / 4 * (self.chance % PARTS) / PARTS;
        Timestamp(last.at.0.min(now.0).saturating_add(pause))
    }

    /// Whose turn it is, and from when on it may be asked.
    fn authority(&self, authorities: usize, now: Timestamp) -> (usize, Timestamp) {
        let authorities = authorities.max(1);
        let turn = usize::try_from(self.of_authority / TRIES_EACH).unwrap_or(0);
        let open = |place: usize| self.closed.get(&place).copied().unwrap_or_default();
        let in_turn = || (0..authorities).map(|i| (turn + i) % authorities);
        let free = in_turn().find(|place| open(*place) <= now);
        let place = free
            .or_else(|| in_turn().min_by_key(|place| open(*place)))
            .unwrap_or(0);
        (place, open(place))
    }
}

/// When a certificate is to be renewed: within the authority's window, or a third of its life before its end. A little
/// sooner by chance, and never in its last sixth, whatever the window says.
fn due(held: &Life, window: Option<Window>, chance: u64) -> Timestamp {
    let life = held.whole_ms();
    let part = chance % PARTS;
    let due = match window {
        Some(Window { start, end }) => {
            let wide = end.0.saturating_sub(start.0);
            start.0.saturating_add(wide / PARTS * part)
        }
        None => held
            .not_after
            .0
            .saturating_sub(life / 3)
            .saturating_sub(life / 24 / PARTS * part),
    };
    Timestamp(due.min(held.not_after.0.saturating_sub(life / 6)))
}

#[cfg(test)]
mod tests;
