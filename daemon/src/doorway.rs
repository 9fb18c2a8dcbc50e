//! From the doors that the reconciler computes to the picture that the gateway gets: certificates, the panel's own
//! door, words into bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lavoir_core::id::{Hostname, Timestamp};
use lavoir_core::limits;
use lavoir_core::route::{Behind, Closed, Door};
use tokio::sync::watch;

use crate::door::{Certificate, Challenge, Doorway, HoldingState, Route, Target};
use crate::ports::{Clock, TlsCertificates};

/// The panel's address and where it listens.
#[derive(Debug, Clone)]
pub struct PanelDoor {
    /// The box's domain.
    pub host: Hostname,
    /// Where it listens.
    pub socket: PathBuf,
}

/// Keeps the gateway's picture right for ever: with each change of the doors, and each hour for the certificates.
pub async fn keep<T: TlsCertificates, K: Clock>(
    certificates: Arc<T>,
    clock: K,
    panel: PanelDoor,
    mut doors: watch::Receiver<Option<Vec<Door>>>,
    mut challenges: watch::Receiver<Vec<Challenge>>,
    pictures: watch::Sender<Arc<Doorway>>,
) {
    // Until the first look at the world the gateway goes on with what it had from the daemon before.
    if doors.wait_for(Option::is_some).await.is_err() {
        return;
    }
    let mut version = 0;
    loop {
        version += 1;
        let offset = ahead(&clock);
        let picture = {
            let doors = doors.borrow_and_update().clone().unwrap_or_default();
            let challenges = challenges.borrow_and_update().clone();
            paint(&*certificates, clock.now(), version, &panel, &doors).with_challenges(challenges)
        };
        pictures.send_if_modified(|shown| {
            let differs = !shown.shows_the_same(&picture);
            if differs {
                *shown = Arc::new(picture);
            }
            differs
        });
        tokio::select! {
            changed = doors.changed() => if changed.is_err() { return },
            // Told also when an order has ended: there may be another certificate.
            changed = challenges.changed() => if changed.is_err() { return },
            () = hour_or_jump(&clock, offset) => {}
        }
    }
}

/// By how much the clock is ahead of the time for which all this runs: always the same, unless it is set.
fn ahead(clock: &impl Clock) -> u128 {
    let now = u128::from(clock.now().0).saturating_add(u128::from(u32::MAX));
    now.saturating_sub(clock.running().as_millis())
}

/// An hour, or until somebody has set the clock: then other certificates may be right.
async fn hour_or_jump(clock: &impl Clock, before: u128) {
    let minute = Duration::from_millis(limits::CLOCK_LOOKED_AT_EVERY_MS);
    for _ in 0..limits::CERTIFICATES_EVERY_MS / limits::CLOCK_LOOKED_AT_EVERY_MS {
        clock.sleep(minute).await;
        if ahead(clock).abs_diff(before) > minute.as_millis() {
            tracing::info!("the clock was set");
            return;
        }
    }
}

/// Tells which hosts the gateway has opened, each time it has begun to serve a picture.
pub async fn tell_open(
    mut pictures: watch::Receiver<Arc<Doorway>>,
    mut applied: watch::Receiver<u64>,
    open: watch::Sender<BTreeSet<Hostname>>,
) {
    loop {
        let picture = pictures.borrow_and_update().clone();
        let version = *applied.borrow_and_update();
        // Version 0 is nobody's: the gateway has not said anything yet.
        if version > 0 && picture.version == version {
            let is_open = |route: &&Route| matches!(route.target, Target::Upstream { .. });
            let hosts = picture
                .routes
                .iter()
                .filter(is_open)
                .map(|route| route.host.clone());
            open.send_replace(hosts.collect());
        }
        let moved = tokio::select! {
            changed = pictures.changed() => changed,
            changed = applied.changed() => changed,
        };
        if moved.is_err() {
            return;
        }
    }
}

/// Tells which challenges the gateway answers, each time it has begun to serve a picture.
pub async fn tell_answered(
    mut pictures: watch::Receiver<Arc<Doorway>>,
    mut applied: watch::Receiver<u64>,
    answered: watch::Sender<Vec<Challenge>>,
) {
    loop {
        let picture = pictures.borrow_and_update().clone();
        if picture.version == *applied.borrow_and_update() {
            answered.send_replace(picture.challenges.clone());
        }
        let moved = tokio::select! {
            changed = pictures.changed() => changed,
            changed = applied.changed() => changed,
        };
        if moved.is_err() {
            return;
        }
    }
}

fn paint<T: TlsCertificates>(
    certificates: &T,
    now: Timestamp,
    version: u64,
    panel: &PanelDoor,
    doors: &[Door],
) -> Doorway {
    let mut routes: Vec<Route> = doors.iter().map(route).collect();
    routes.push(Route {
        host: panel.host.clone(),
        path_prefix: "/".to_owned(),
        target: Target::Panel {
            socket: panel.socket.clone(),
            body_max_bytes: limits::API_BODY_BYTES_MAX as u64,
        },
    });
    let hosts: BTreeSet<&Hostname> = routes.iter().map(|route| &route.host).collect();
    let mut made: BTreeMap<&Hostname, Certificate> = BTreeMap::new();
    for host in hosts {
        match certificates.certificate_for(host, now) {
            Ok(certificate) => {
                made.insert(host, certificate);
            }
            Err(fault) => tracing::warn!(%host, %fault, "no certificate"),
        }
    }
    let made = made.into_values().collect();
    Doorway::new(version, routes, made)
}

fn route(door: &Door) -> Route {
    let target = match &door.behind {
        Behind::Container {
            address,
            body_max_mib,
        } => Target::Upstream {
            address: *address,
            body_max_bytes: u64::from(*body_max_mib) * 1024 * 1024,
        },
        Behind::Redirect { path } => Target::Redirect {
            location: path.clone(),
        },
        Behind::Closed { name, why } => Target::Holding {
            name: name.clone(),
            state: holding(*why),
            retry_after_s: retry_after_s(*why),
        },
    };
    Route {
        host: door.host.clone(),
        path_prefix: door.path.clone(),
        target,
    }
}

fn holding(why: Closed) -> HoldingState {
    match why {
        Closed::Starting => HoldingState::Starting,
        Closed::Updating => HoldingState::Updating,
        Closed::Stopped => HoldingState::Stopped,
        Closed::Removed => HoldingState::Removed,
        Closed::Broken => HoldingState::Broken,
    }
}

fn retry_after_s(why: Closed) -> u32 {
    match why {
        Closed::Starting => 10,
        Closed::Updating => 60,
        Closed::Broken => 300,
        Closed::Stopped | Closed::Removed => 3_600,
    }
}
