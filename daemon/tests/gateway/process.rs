//! The real executable: what it keeps of its rights once it listens. As root, which CI is in its container.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::house::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A gateway as people run it: keeper and server.
pub struct Process {
    keeper: Child,
    pub executable: PathBuf,
    pub user: String,
}

impl Process {
    pub fn start(dir: &Path, https: SocketAddr, http: SocketAddr, more: &str) -> Self {
        let user = if nix::unistd::geteuid().is_root() {
            "nobody".to_owned()
        } else {
            nix::unistd::User::from_uid(nix::unistd::geteuid())
                .unwrap()
                .unwrap()
                .name
        };
        let config = dir.join("lavoir.toml");
        let text = format!(
            "run = {dir:?}\n[gateway]\nuser = {user:?}\nhttps = [\"{https}\"]\nhttp = [\"{http}\"]\n{more}\n"
        );
        std::fs::write(&config, text).unwrap();
        // A file of its own, so that another can take its place.
        let executable = dir.join("lavoir");
        copy(&executable);
        let mut command = Command::new(&executable);
        command.arg("--config").arg(&config).arg("gateway");
        let keeper = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Self {
            keeper: keeper.unwrap(),
            executable,
            user,
        }
    }

    pub fn keeper(&self) -> Pid {
        Pid::from_raw(self.keeper.id() as i32)
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.keeper(), signal).unwrap();
    }

    /// The processes that serve, or did and still have something under way; oldest first.
    pub fn servers(&self) -> Vec<Pid> {
        let mut servers: Vec<Pid> = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|id: &i32| parent(*id) == Some(self.keeper.id() as i32))
            .map(Pid::from_raw)
            .collect();
        servers.sort();
        servers
    }

    /// Ends as an operator would end it.
    pub fn ended(&mut self) -> std::process::ExitStatus {
        self.keeper.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for server in self.servers() {
            let _ = kill(server, Signal::SIGKILL);
        }
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// This build's executable at another place: linked where that can be, else copied.
pub fn copy(to: &Path) {
    let from = env!("CARGO_BIN_EXE_lavoir");
    if std::fs::hard_link(from, to).is_err() {
        std::fs::copy(from, to).unwrap();
    }
}

/// The parent of a process that lives.
fn parent(id: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (state != "Z").then_some(fields.next()?.parse().ok()?)
}

/// The words after this name in a process's status.
pub fn status(of: &Path, name: &str) -> String {
    let status = std::fs::read_to_string(of.join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn it_keeps_no_right() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let service = Service::start().await;
    // Born with a group too many, as from a root's shell.
    nix::unistd::setgroups(&[nix::unistd::Gid::from_raw(4)]).unwrap();
    let (house, _daemon) = House::real(vec![route(BLOG, "/", to(&service, 1_000))], "").await;
    assert_eq!(house.ask(get(BLOG, "/a")).await.0, 200);
    let keeper = house.process().keeper();
    let server = house.process().servers()[0];
    for process in [keeper, server] {
        for task in std::fs::read_dir(format!("/proc/{process}/task")).unwrap() {
            let task = task.unwrap().path();
            for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
                assert_eq!(status(&task, set), "0000000000000000", "{set}");
            }
            let four = |id: u32| vec![id.to_string(); 4].join(" ");
            assert_eq!(status(&task, "Uid:"), four(nobody.uid.as_raw()));
            assert_eq!(status(&task, "Gid:"), four(nobody.gid.as_raw()));
            assert_eq!(status(&task, "Groups:"), "");
            assert_eq!(status(&task, "NoNewPrivs:"), "1");
            // The one that meets the network stands behind a filter, with every thread.
            let filtered = if process == server { "2" } else { "0" };
            assert_eq!(status(&task, "Seccomp:"), filtered);
        }
        let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        assert!(limits.lines().any(|line| {
            line.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .starts_with("Max core file size 0 0")
        }));
    }
    let open: Vec<String> = std::fs::read_dir(format!("/proc/{server}/fd"))
        .unwrap()
        .map(|entry| std::fs::read_link(entry.unwrap().path()).unwrap())
        .map(|target| target.to_string_lossy().into_owned())
        .filter(|target| target.starts_with('/') && target != "/dev/null")
        .collect();
    // Standard error is the test's own.
    let own = std::fs::read_link("/proc/self/fd/2").unwrap();
    assert!(
        open.iter().all(|file| *file == own.to_string_lossy()),
        "{open:?}"
    );
}
