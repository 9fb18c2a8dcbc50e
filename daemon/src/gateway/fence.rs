//! The fence around the gateway's process: no file, no other executable, no new listener, no word to other processes.
//!
//! Two fences of the kernel, each where it has it. *Landlock* closes every path, every port that is not bound yet,
//! and signals to others. *Seccomp* leaves only the calls that serving takes: opening a file and running another
//! executable are not among them. Raised once, by the one thread there is; threads born later stand inside.

use std::collections::BTreeMap;

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus, Scope};
use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Is, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

/// What stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    pub(super) landlock: bool,
    pub(super) seccomp: bool,
}

/// Raises what the kernel has; says in the log what it has not.
pub(super) fn raise() -> Fence {
    let landlock = match close_paths() {
        Ok(RulesetStatus::FullyEnforced) => true,
        Ok(RulesetStatus::PartiallyEnforced) => {
            tracing::info!(
                "this kernel is older than the whole fence: paths are closed, some of the rest is not"
            );
            true
        }
        Ok(RulesetStatus::NotEnforced) => {
            tracing::warn!("this kernel has no Landlock: one fence less around the gateway");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "Landlock could not be raised: one fence less around the gateway");
            false
        }
    };
    let seccomp = match close_calls() {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "this kernel takes no seccomp filter: one fence less around the gateway");
            false
        }
    };
    Fence { landlock, seccomp }
}

/// No path may be read, written or run, no port bound. Nothing is excepted: listeners are bound already, and a unix
/// socket is reached by its file's mode.
fn close_paths() -> Result<RulesetStatus, landlock::RulesetError> {
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V6))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// Why there is no filter.
#[derive(Debug, thiserror::Error)]
enum NoFilter {
    #[error("this processor is not known")]
    Processor,
    #[error("{0}")]
    Backend(#[from] seccompiler::BackendError),
    #[error("{0}")]
    Kernel(#[from] seccompiler::Error),
}

fn close_calls() -> Result<(), NoFilter> {
    let processor =
        TargetArch::try_from(std::env::consts::ARCH).map_err(|_| NoFilter::Processor)?;
    // The arguments of `clone3` are out of a filter's sight: told that it is unknown, the C library takes `clone`.
    let unknown = filter(
        BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
        processor,
    )?;
    let known = filter(
        calls()?,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        SeccompAction::Allow,
        processor,
    )?;
    // In this order: the second one leaves no way to raise another. Of two answers the stricter holds.
    seccompiler::apply_filter(&unknown)?;
    seccompiler::apply_filter(&known)?;
    Ok(())
}

fn filter(
    calls: BTreeMap<i64, Vec<SeccompRule>>,
    others: SeccompAction,
    these: SeccompAction,
    processor: TargetArch,
) -> Result<BpfProgram, NoFilter> {
    Ok(SeccompFilter::new(calls, others, these, processor)?.try_into()?)
}

/// Needed for serving, with any arguments.
const FREE: &[i64] = &[
    // bytes
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_close,
    // connections
    libc::SYS_accept4,
    libc::SYS_connect,
    libc::SYS_shutdown,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_fcntl,
    libc::SYS_ioctl,
    // waiting
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_ppoll,
    libc::SYS_futex,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_gettimeofday,
    libc::SYS_restart_syscall,
    // memory
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // threads, signals to itself, the end
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_prctl,
    libc::SYS_prlimit64,
    libc::SYS_membarrier,
    libc::SYS_getrandom,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // The C library asks for the state of files it has open (standard error).
    libc::SYS_fstat,
];

#[cfg(target_arch = "x86_64")]
const FREE_HERE: &[i64] = &[
    libc::SYS_epoll_wait,
    libc::SYS_poll,
    libc::SYS_getrlimit,
    libc::SYS_time,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const FREE_HERE: &[i64] = &[];

fn calls() -> Result<BTreeMap<i64, Vec<SeccompRule>>, NoFilter> {
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = FREE
        .iter()
        .chain(FREE_HERE)
        .map(|call| (*call, Vec::new()))
        .collect();
    let any = |conditions: Vec<SeccompCondition>| -> Result<Vec<SeccompRule>, NoFilter> {
        conditions
            .into_iter()
            .map(|condition| Ok(SeccompRule::new(vec![condition])?))
            .collect()
    };
    let argument = |place: u8, is: Is, value: i32| {
        SeccompCondition::new(place, Width::Dword, is, u64::from(value.unsigned_abs()))
    };

    // Sockets to services and to the daemon; none that sees raw packets or speaks with the kernel.
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    let families = families.map(|family| argument(0, Is::Eq, family));
    calls.insert(
        libc::SYS_socket,
        any(families.into_iter().collect::<Result<_, _>>()?)?,
    );
    let pair = argument(0, Is::Eq, libc::AF_UNIX)?;
    calls.insert(libc::SYS_socketpair, any(vec![pair])?);

    // Memory is never both made and run.
    let not_run = |place| {
        argument(
            place,
            Is::MaskedEq(u64::from(libc::PROT_EXEC.unsigned_abs())),
            0,
        )
    };
    calls.insert(libc::SYS_mmap, any(vec![not_run(2)?])?);
    calls.insert(libc::SYS_mprotect, any(vec![not_run(2)?])?);

    // Threads, not processes.
    let thread = libc::CLONE_THREAD;
    let thread = argument(0, Is::MaskedEq(u64::from(thread.unsigned_abs())), thread)?;
    calls.insert(libc::SYS_clone, any(vec![thread])?);

    // A signal, to itself alone.
    let own = argument(0, Is::Eq, nix::unistd::getpid().as_raw())?;
    calls.insert(libc::SYS_tgkill, any(vec![own])?);
    // Said to be unknown by the other filter.
    calls.insert(libc::SYS_clone3, Vec::new());
    Ok(calls)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::Command;

    /// Both fences hold for the thread that raises them: the other tests go on outside.
    fn inside<T: Send>(what: impl FnOnce() -> T + Send) -> (Fence, T) {
        std::thread::scope(|threads| {
            threads
                .spawn(|| {
                    let _ = nix::sys::prctl::set_no_new_privs();
                    (raise(), what())
                })
                .join()
                .unwrap()
        })
    }

    #[test]
    fn inside_the_fence_no_file_is_open_and_nothing_is_started() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a file");
        std::fs::write(&file, "secret").unwrap();
        assert!(std::fs::read(&file).is_ok() && Command::new("/bin/true").status().is_ok());
        let (fence, done) = inside(|| {
            [
                ("read", std::fs::read(&file).map(drop)),
                ("write", std::fs::write(&file, "changed")),
                ("make", std::fs::write(dir.path().join("new"), "")),
                ("remove", std::fs::remove_file(&file)),
                ("list", std::fs::read_dir("/etc").map(drop)),
                (
                    "look at itself",
                    std::fs::read("/proc/self/environ").map(drop),
                ),
                ("run", Command::new("/bin/true").status().map(drop)),
                ("listen", TcpListener::bind("127.0.0.1:0").map(drop)),
                ("open a raw socket", raw_socket()),
                (
                    "signal",
                    nix::sys::signal::kill(nix::unistd::getppid(), None).map_err(Into::into),
                ),
            ]
            .map(|(what, done)| (what, done.is_ok()))
        });
        assert!(fence.seccomp, "this kernel should have it");
        for (what, done) in done {
            assert!(!done, "{what}");
        }
        assert_eq!(std::fs::read(&file).unwrap(), b"secret");
    }

    fn raw_socket() -> std::io::Result<()> {
        use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
        let made = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::empty(),
            None,
        );
        Ok(made.map(drop)?)
    }

    #[test]
    fn each_fence_alone_closes_files() {
        let landlock = std::thread::spawn(|| {
            let status = close_paths().unwrap();
            (status, std::fs::read("/etc/passwd").is_ok())
        });
        let (status, readable) = landlock.join().unwrap();
        assert_eq!(readable, status == RulesetStatus::NotEnforced);
        let seccomp = std::thread::spawn(|| {
            close_calls().unwrap();
            std::fs::read("/etc/passwd").is_ok()
        });
        assert!(!seccomp.join().unwrap());
    }

    #[test]
    fn inside_the_fence_serving_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("daemon.sock");
        let daemon = UnixListener::bind(&path).unwrap();
        let service = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = service.local_addr().unwrap();
        let (_, heard) = inside(|| {
            let mut to_daemon = UnixStream::connect(&path).unwrap();
            let mut to_service = TcpStream::connect(address).unwrap();
            let (mut at_daemon, mut at_service) =
                (daemon.accept().unwrap().0, service.accept().unwrap().0);
            to_daemon.write_all(b"d").unwrap();
            to_service.write_all(b"s").unwrap();
            let mut heard = [0; 2];
            at_daemon.read_exact(&mut heard[..1]).unwrap();
            at_service.read_exact(&mut heard[1..]).unwrap();
            // A new thread, and a runtime with its own.
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                tokio::spawn(tokio::time::sleep(std::time::Duration::from_millis(1)))
                    .await
                    .unwrap();
            });
            heard
        });
        assert_eq!(&heard, b"ds");
    }
}
