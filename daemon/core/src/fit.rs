//! Does it fit? Asked before anything is touched.

use crate::app::{App, Intent};
use crate::command::Machine;
use crate::id::AppId;
use crate::limits;
use crate::plan::container_name;
use crate::refusal::Refusal;
use crate::release::Release;
use crate::state::State;

/// For what disk is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// Nothing new is laid down.
    Nothing,
    /// Images and first data.
    Install,
    /// Images, and the app's data a second time while the update is not proven.
    Update,
}

/// Whether the machine can carry the release.
///
/// # Errors
/// What is missing, with the figures.
pub fn fits(
    state: &State,
    id: &AppId,
    release: &Release,
    machine: &Machine,
    disk: Disk,
) -> Result<(), Refusal> {
    if !machine.engine {
        return Err(Refusal::EngineAway);
    }
    match machine.architecture {
        Some(architecture) if release.architectures.contains(&architecture) => {}
        _ => {
            return Err(Refusal::OtherArchitecture {
                name: release.name.clone(),
            });
        }
    }
    let free = ram_left(state, Some(id), machine);
    let needed = u64::from(release.ram_mib);
    if needed > free {
        return Err(Refusal::NotEnoughMemory {
            needed_mib: needed,
            free_mib: free,
        });
    }
    disk_fits(id, release, machine, disk)?;
    ports_free(state, id, release, machine)
}

/// Memory not set aside for a running app other than `but`, MiB.
pub fn ram_left(state: &State, but: Option<&AppId>, machine: &Machine) -> u64 {
    let others = state.apps().values();
    let used: u64 = others
        .filter(|other| Some(&other.id) != but && other.intent == Intent::Running)
        .map(|other| u64::from(other.release.ram_mib))
        .sum();
    machine
        .ram_mib
        .saturating_sub(limits::RAM_RESERVE_MIB)
        .saturating_sub(used)
}

/// Disk that may still be given, MiB.
pub fn disk_left(machine: &Machine) -> u64 {
    machine
        .disk_free_mib
        .saturating_sub(limits::DISK_RESERVE_MIB)
}

fn disk_fits(id: &AppId, release: &Release, machine: &Machine, disk: Disk) -> Result<(), Refusal> {
    let needed = match disk {
        Disk::Nothing => 0,
        Disk::Install => u64::from(release.disk_mib),
        Disk::Update => {
            u64::from(release.disk_mib) + machine.data_mib.get(id).copied().unwrap_or(0)
        }
    };
    let free = disk_left(machine);
    if needed > free {
        return Err(Refusal::NotEnoughDisk {
            needed_mib: needed,
            free_mib: free,
        });
    }
    Ok(())
}

fn ports_free(
    state: &State,
    id: &AppId,
    release: &Release,
    machine: &Machine,
) -> Result<(), Refusal> {
    let own = state
        .apps()
        .get(id)
        .filter(|app| app.intent == Intent::Running);
    for port in &release.ports {
        let same = |other: &crate::release::PublishedPort| {
            (other.protocol, other.port) == (port.protocol, port.port)
        };
        let mine_already = own.is_some_and(|app| app.release.ports.iter().any(same));
        let other_app = state
            .apps()
            .values()
            .filter(|other| other.id != *id)
            .flat_map(App::releases)
            .any(|release| release.ports.iter().any(same));
        if other_app
            || (!mine_already && machine.ports_in_use.contains(&(port.protocol, port.port)))
        {
            return Err(Refusal::PortTaken { port: port.port });
        }
    }
    Ok(())
}

/// Whether the release's addresses are free: a removed app keeps its own, for its return.
///
/// # Errors
/// The address that is taken, and by whom.
pub fn hosts_free(state: &State, id: &AppId, release: &Release) -> Result<(), Refusal> {
    let hosts = release.hosts();
    for (place, host) in hosts.iter().enumerate() {
        if hosts[..place].contains(host) {
            return Err(Refusal::HostTaken {
                host: (*host).clone(),
                by: id.clone(),
            });
        }
        if state
            .identity()
            .is_some_and(|identity| identity.domain == **host)
        {
            return Err(Refusal::HostIsPanel {
                host: (*host).clone(),
            });
        }
        // The box's own certificates are all there is for now: public names come with their own order.
        if let Some(identity) = state.identity() {
            let under = host
                .as_str()
                .strip_suffix(identity.domain.as_str())
                .is_some_and(|rest| rest.ends_with('.'));
            if !under {
                return Err(Refusal::HostOutside {
                    host: (*host).clone(),
                    domain: identity.domain.clone(),
                });
            }
        }
        let taken = state.apps().values().find(|other| {
            other.id != *id && other.releases().any(|other| other.hosts().contains(host))
        });
        if let Some(other) = taken {
            return Err(Refusal::HostTaken {
                host: (*host).clone(),
                by: other.id.clone(),
            });
        }
    }
    Ok(())
}

/// Whether the gateway can carry the release's addresses and paths beside those of all other apps.
///
/// # Errors
/// How many it can carry.
pub fn doors_fit(state: &State, id: &AppId, release: &Release) -> Result<(), Refusal> {
    let of = |release: &Release| {
        // A closed door is one for each address, and an open one may have no path of its own.
        let doors = release.routes.len() + release.well_known.len() + release.hosts().len();
        (release.hosts().len(), doors)
    };
    let others = state.apps().values().filter(|other| other.id != *id);
    let (mut hosts, mut doors) = of(release);
    for other in others {
        // What goes back has its own: the larger one counts.
        let of_release = other.releases().map(of);
        let larger = of_release.fold((0, 0), |a, b| (a.0.max(b.0), a.1.max(b.1)));
        hosts += larger.0;
        doors += larger.1;
    }
    if hosts > limits::HOSTS_MAX || doors > limits::DOORS_MAX {
        return Err(Refusal::TooManyAddresses {
            max: limits::HOSTS_MAX,
            max_doors: limits::DOORS_MAX,
        });
    }
    Ok(())
}

/// Whether no other app has a container of the same name in Docker: `a` with a service `b-c` would share one with an
/// app `a-b` with a service `c`.
///
/// # Errors
/// The name that is taken, and by whom.
pub fn containers_free(state: &State, id: &AppId, release: &Release) -> Result<(), Refusal> {
    for service in release.services.keys() {
        let name = container_name(id, service);
        let taken = state.apps().values().find(|other| {
            other.id != *id
                && other
                    .releases()
                    .flat_map(|release| release.services.keys())
                    .any(|service| container_name(&other.id, service) == name)
        });
        if let Some(other) = taken {
            return Err(Refusal::ContainerNameTaken {
                name,
                by: other.id.clone(),
            });
        }
    }
    Ok(())
}
