//! What the gateway is to do on each address: computed from the state and from what was observed, never stored.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::app::{App, Doing, Intent, Phase};
use crate::id::{AppId, Hostname};
use crate::observed::{Observed, ObservedContainer, Run};
use crate::release::WellKnownAnswer;
use crate::state::State;
use crate::text::Text;

/// One address and path, and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// The address.
    pub host: Hostname,
    /// Path prefix.
    pub path: alloc::string::String,
    /// What stands behind it.
    pub behind: Behind,
}

/// What stands behind a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind {
    /// A container.
    Container {
        /// Where it listens.
        address: SocketAddr,
        /// Largest body, MiB.
        body_max_mib: u32,
    },
    /// A redirect on the same address.
    Redirect {
        /// To this path.
        path: alloc::string::String,
    },
    /// A page that says what is happening.
    Closed {
        /// The app in words.
        name: Text,
        /// What is happening.
        why: Closed,
    },
}

/// Why a door is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Being installed, started, changed: soon open.
    Starting,
    /// Being updated.
    Updating,
    /// Stopped by a decision.
    Stopped,
    /// Removed by a decision.
    Removed,
    /// Something broke.
    Broken,
}

/// All doors of the apps. A door is open only to an app that is settled and whose container is well.
pub fn doors(state: &State, observed: &Observed) -> Vec<Door> {
    state
        .apps()
        .values()
        .flat_map(|app| app_doors(app, &addresses(&app.id, observed)))
        .collect()
}

/// Where each running container is, or why it takes no visitors.
type Addresses<'a> = BTreeMap<&'a crate::id::PartId, Result<IpAddr, Closed>>;

fn addresses<'a>(app: &AppId, observed: &'a Observed) -> Addresses<'a> {
    let containers = observed.apps.get(app).map(|seen| &seen.containers);
    let address = |container: &ObservedContainer| match container.run {
        Run::Healthy => container.address.ok_or(Closed::Broken),
        Run::Starting => Err(Closed::Starting),
        Run::Created | Run::Unhealthy | Run::Exited(_) => Err(Closed::Broken),
    };
    containers
        .into_iter()
        .flatten()
        .map(|(service, container)| (service, address(container)))
        .collect()
}

fn app_doors(app: &App, addresses: &Addresses<'_>) -> Vec<Door> {
    let release = &app.release;
    if let Some(why) = closed(app) {
        return release
            .hosts()
            .into_iter()
            .map(|host| Door {
                host: host.clone(),
                path: "/".into(),
                behind: shut(app, why),
            })
            .collect();
    }
    let to = |service, port, body_max_mib| match addresses.get(service) {
        Some(Ok(ip)) => Behind::Container {
            address: SocketAddr::new(*ip, port),
            body_max_mib,
        },
        Some(Err(why)) => shut(app, *why),
        None => shut(app, Closed::Broken),
    };
    let routes = release.routes.iter().map(|route| Door {
        host: route.host.clone(),
        path: route.path.clone(),
        behind: to(&route.service, route.port, route.body_max_mib),
    });
    let well_known = release.well_known.iter().map(|known| Door {
        host: release.host.clone(),
        path: known.path.clone(),
        behind: match &known.answer {
            WellKnownAnswer::Redirect(path) => Behind::Redirect { path: path.clone() },
            WellKnownAnswer::Service { service, port } => to(service, *port, 1),
        },
    });
    routes.chain(well_known).collect()
}

fn shut(app: &App, why: Closed) -> Behind {
    Behind::Closed {
        name: app.release.name.clone(),
        why,
    }
}

fn closed(app: &App) -> Option<Closed> {
    match (app.intent, app.phase) {
        (Intent::Running, Phase::Settled) => None,
        (Intent::Running, Phase::Failed) => Some(Closed::Broken),
        (Intent::Running, Phase::UnderWay(Doing::Update | Doing::RollBack)) => {
            Some(Closed::Updating)
        }
        (Intent::Running, Phase::UnderWay(_)) => Some(Closed::Starting),
        (Intent::Stopped, _) => Some(Closed::Stopped),
        (Intent::Removed | Intent::Deleted, _) => Some(Closed::Removed),
    }
}
