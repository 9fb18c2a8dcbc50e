//! A release that comes from elsewhere (a snapshot) is taken only when it could have come from a recipe: recipes are
//! checked when they are read, and what is checked there must hold here too.

use alloc::vec::Vec;

use super::{Image, MountSource, Release, Service};
use crate::id::PartId;
use crate::limits;

/// Capabilities that a recipe may ask for. DAC_READ_SEARCH would open any file of the machine by its handle, MKNOD its
/// devices: no reason is good enough.
pub const CAPABILITIES: [&str; 16] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "KILL",
    "LEASE",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
    "SYS_NICE",
];

impl Release {
    /// Whether all that it names is declared in it, all its paths are plain, and none of its rights is more than a
    /// recipe can ask for.
    pub fn is_whole(&self) -> bool {
        let services = self.services.values().all(|service| self.takes(service));
        let known = |id: &PartId| self.services.contains_key(id);
        let files = self
            .files
            .iter()
            .all(|(name, file)| is_inside(name) && file.mode & !0o777 == 0);
        let contexts = self
            .contexts
            .values()
            .flat_map(|context| context.files.keys());
        let databases = self.databases.values().all(|database| {
            known(&database.service) && !database.dump.is_empty() && !database.restore.is_empty()
        });
        let routes = self.routes.iter().all(|route| known(&route.service));
        let ports: Vec<_> = self.ports.iter().map(|port| &port.service).collect();
        services
            && files
            && contexts.map(|name| name.as_str()).all(is_inside)
            && databases
            && routes
            && self.hooks.iter().all(|hook| known(&hook.service))
            && self.health.iter().all(|health| known(&health.service))
            && ports.into_iter().all(known)
            && (1..=limits::SERVICES_MAX).contains(&self.services.len())
    }

    fn takes(&self, service: &Service) -> bool {
        let image = match &service.image {
            Image::Pulled { reference } => reference.contains("@sha256:"),
            Image::Built {
                name,
                context,
                containerfile,
                ..
            } => {
                name.starts_with("lavoir/")
                    && self.contexts.contains_key(context)
                    && is_inside(containerfile)
            }
        };
        let mounts = service.mounts.iter().all(|mount| {
            let declared = match &mount.source {
                MountSource::Volume(volume) => self.volumes.contains_key(volume),
                MountSource::File(file) => self.files.contains_key(file),
            };
            declared && is_absolute(&mount.path)
        });
        let secrets = service.secrets.iter().all(|mount| {
            self.secrets.contains_key(&mount.secret)
                && is_absolute(&mount.path)
                && mount.mode & !0o440 == 0
        });
        let mut added = service.cap_add.iter();
        let mut depends_on = service.depends_on.keys();
        image
            && mounts
            && secrets
            && service.tmpfs.keys().all(|path| is_absolute(path))
            && added.all(|capability| CAPABILITIES.contains(&capability.as_str()))
            && depends_on.all(|id| self.services.contains_key(id))
            && service.memory_bytes > 0
    }
}

/// A path that leads nowhere but further in.
fn is_inside(path: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    !path.chars().any(char::is_control) && path.split('/').all(plain)
}

fn is_absolute(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(is_inside)
}
