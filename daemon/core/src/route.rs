//! What the gateway is to do on each address: computed from the state and from what was observed, never stored.

use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::app::{App, Doing, Intent, Phase};
use crate::id::{Hostname, PartId};
use crate::observed::{Observed, ObservedApp, ObservedContainer, Run};
use crate::plan::service_spec_of;
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

/// All doors of the apps. A door is open only to a container of a proven release, and only when it is well.
pub fn doors(state: &State, observed: &Observed) -> Vec<Door> {
    state
        .apps()
        .values()
        .flat_map(|app| app_doors(app, observed.apps.get(&app.id)))
        .collect()
}

/// An app's doors, all of them closed.
pub fn closed_doors(app: &App) -> Vec<Door> {
    let whole = |host: &Hostname| Door {
        host: host.clone(),
        path: "/".into(),
        behind: shut(app, closed(app)),
    };
    app.release.hosts().into_iter().map(whole).collect()
}

fn app_doors(app: &App, observed: Option<&ObservedApp>) -> Vec<Door> {
    let Some((release, generation)) = app.proven() else {
        return closed_doors(app);
    };
    let to = |service: &PartId, port, body_max_mib| {
        let container = observed.and_then(|seen| seen.containers.get(service));
        let spec = service_spec_of(app, release, generation, service);
        match address(container.filter(|container| container.spec == spec)) {
            Ok(ip) => Behind::Container {
                address: SocketAddr::new(ip, port),
                body_max_mib,
            },
            Err(why) if app.phase == Phase::Settled => shut(app, why),
            Err(_) => shut(app, closed(app)),
        }
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

/// Where a container is, or why it takes no visitors.
fn address(container: Option<&ObservedContainer>) -> Result<IpAddr, Closed> {
    let container = container.ok_or(Closed::Broken)?;
    match container.run {
        Run::Healthy => container.address.ok_or(Closed::Broken),
        Run::Starting => Err(Closed::Starting),
        Run::Created | Run::Unhealthy | Run::Exited(_) => Err(Closed::Broken),
    }
}

fn shut(app: &App, why: Closed) -> Behind {
    Behind::Closed {
        name: app.release.name.clone(),
        why,
    }
}

/// In words, why an app that is not open is not.
fn closed(app: &App) -> Closed {
    match (app.intent, app.phase) {
        (Intent::Running, Phase::UnderWay(Doing::Update | Doing::RollBack)) => Closed::Updating,
        (Intent::Running, Phase::UnderWay(_)) => Closed::Starting,
        (Intent::Running, Phase::Settled | Phase::Failed) => Closed::Broken,
        (Intent::Stopped, _) => Closed::Stopped,
        (Intent::Removed | Intent::Deleted, _) => Closed::Removed,
    }
}
