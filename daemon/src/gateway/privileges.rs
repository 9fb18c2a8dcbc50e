//! Giving up everything that a door-keeper does not need.
//!
//! Called once, after the listeners are bound and before any other thread exists: capabilities and
//! `no_new_privs` belong to threads, and those born later inherit them.

use anyhow::{Context, bail};
use caps::CapSet;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Uid, User, geteuid, setgid, setgroups, setuid};

use super::limits;

/// Becomes `user` if this is root; gives up all capabilities and the way back to any in each case.
pub(super) fn give_up(user: &str) -> anyhow::Result<()> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads != 1 {
        bail!("the gateway must give up its rights before it has {threads} threads");
    }

    setrlimit(Resource::RLIMIT_CORE, 0, 0).context("forbidding memory dumps")?;
    let (_, hard) =
        getrlimit(Resource::RLIMIT_NOFILE).context("asking how many files may be open")?;
    let wanted = limits::OPEN_FILES_MAX;
    // Raising the hard limit is for root, and in a container not even for root: then what is allowed is taken.
    if setrlimit(Resource::RLIMIT_NOFILE, wanted, wanted).is_err() {
        let allowed = wanted.min(hard);
        setrlimit(Resource::RLIMIT_NOFILE, allowed, allowed).context("limiting open files")?;
    }

    if geteuid().is_root() {
        let Some(user) =
            User::from_name(user).with_context(|| format!("looking for the user {user}"))?
        else {
            bail!("there is no user {user}: the gateway does not run as root");
        };
        if user.uid.is_root() {
            bail!("the gateway does not run as root");
        }
        caps::clear(None, CapSet::Bounding).context("emptying the capability bounding set")?;
        setgroups(&[]).context("leaving all groups")?;
        setgid(user.gid).context("taking the gateway's group")?;
        setuid(user.uid).context("taking the gateway's user")?;
    } else if caps::clear(None, CapSet::Bounding).is_err() {
        // Needs CAP_SETPCAP. Without it nothing is lost: no_new_privs below closes the same way.
        tracing::debug!("the capability bounding set stays as it was found");
    }
    if caps::runtime::ambient_set_supported().is_ok() {
        caps::clear(None, CapSet::Ambient).context("emptying the ambient capabilities")?;
    }
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        caps::clear(None, set).with_context(|| format!("emptying the {set:?} capabilities"))?;
    }
    prctl::set_no_new_privs().context("giving up new rights")?;
    // Keys are in this memory: no other process of the same user reads it.
    prctl::set_dumpable(false).context("closing this memory to others")?;

    let left = caps::read(None, CapSet::Permitted).context("looking at what is left")?;
    if !left.is_empty() || setuid(Uid::from_raw(0)).is_ok() {
        bail!("some rights could not be given up");
    }
    Ok(())
}

/// How many connections the open files allow.
pub(super) fn connections_max() -> usize {
    let (files, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1_024, 1_024));
    let pairs = files.saturating_sub(limits::OPEN_FILES_RESERVE) / 2;
    usize::try_from(pairs).map_or(limits::CONNECTIONS_MAX, |n| {
        n.clamp(1, limits::CONNECTIONS_MAX)
    })
}
