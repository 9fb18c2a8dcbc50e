//! The real executable: what it keeps of its rights once it listens. As root, which CI is in its container.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use super::house::*;

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn it_keeps_no_right() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let house = House::alone();
    house.ending.cancel();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    // Where the user that the gateway becomes may reach the socket.
    let dir = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let socket = dir.path().join("gateway.sock");
    let service = Service::start().await;
    let mut daemon = Daemon::start_for(
        &socket,
        house.doorway(7, vec![route(BLOG, "/", to(&service, 1_000))]),
        "nobody",
    );
    // Born with a group too many, as from a root's shell.
    nix::unistd::setgroups(&[nix::unistd::Gid::from_raw(4)]).unwrap();
    let config = dir.path().join("lavoir.toml");
    let text = format!(
        "run = {:?}\n[gateway]\nuser = \"nobody\"\nhttps = [\"127.0.0.1:0\"]\nhttp = [\"127.0.0.1:0\"]\n",
        dir.path(),
    );
    std::fs::write(&config, text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lavoir"));
    child.arg("--config").arg(&config).arg("gateway");
    let child = Ended(child.stdout(Stdio::null()).spawn().unwrap());
    daemon.applied(7).await;

    for task in std::fs::read_dir(format!("/proc/{}/task", child.0.id())).unwrap() {
        let mut status = String::new();
        std::fs::File::open(task.unwrap().path().join("status"))
            .unwrap()
            .read_to_string(&mut status)
            .unwrap();
        let line = |name: &str| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap();
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
            assert_eq!(line(set), "0000000000000000", "{set}");
        }
        let four = |id: u32| vec![id.to_string(); 4].join(" ");
        assert_eq!(line("Uid:"), four(nobody.uid.as_raw()));
        assert_eq!(line("Gid:"), four(nobody.gid.as_raw()));
        assert_eq!(line("Groups:"), "");
        assert_eq!(line("NoNewPrivs:"), "1");
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.0.id())).unwrap();
    assert!(limits.lines().any(|line| {
        line.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .starts_with("Max core file size 0 0")
    }));
}
