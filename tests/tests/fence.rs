//! A neighbour on the network, a box that forwards packets, an app's container: each in a network of its own. Needs root, as
//! every test that starts a `TestEngine` does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use lavoir::adapter::docker::fence::{BRIDGES, Kept, keep};
use nix::sched::{CloneFlags, setns};

/// How long a packet is given that may have been dropped.
const PATIENCE: Duration = Duration::from_secs(2);
const PORT: u16 = 8_000;

/// Networks of a test's own; they go with it.
struct Nets {
    names: Vec<String>,
}

impl Nets {
    fn new(names: &[&str]) -> Self {
        let own = |name: &&str| format!("lvr{}{name}", std::process::id());
        let nets = Self {
            names: names.iter().map(own).collect(),
        };
        for name in &nets.names {
            run("ip", &["netns", "add", name]);
            run("ip", &["-n", name, "link", "set", "lo", "up"]);
        }
        nets
    }

    fn name(&self, which: &str) -> &str {
        let ends = |name: &&String| name.ends_with(which);
        self.names.iter().find(ends).unwrap()
    }

    fn ip(&self, which: &str, arguments: &str) {
        let words: Vec<&str> = arguments.split(' ').collect();
        run("ip", &[&["-n", self.name(which)], &words[..]].concat());
    }

    fn iptables(&self, which: &str, arguments: &str) -> String {
        let words: Vec<&str> = arguments.split(' ').collect();
        let start = ["netns", "exec", self.name(which), "iptables", "-w"];
        run("ip", &[&start, &words[..]].concat())
    }

    /// A cable between two of them, with an address at each end (none: a port of a bridge).
    fn cable(&self, a: (&str, &str, Option<&str>), b: (&str, &str, &str)) {
        let (one, other) = (self.name(a.0), self.name(b.0));
        run(
            "ip",
            &[
                "link", "add", a.1, "netns", one, "type", "veth", "peer", "name", b.1, "netns",
                other,
            ],
        );
        if let Some(address) = a.2 {
            self.ip(a.0, &format!("addr add {address} dev {}", a.1));
        }
        self.ip(b.0, &format!("addr add {} dev {}", b.2, b.1));
        self.ip(a.0, &format!("link set {} up", a.1));
        self.ip(b.0, &format!("link set {} up", b.1));
    }

    /// A bridge of the box with one container on it.
    fn container(&self, which: &str, bridge: &str, third: u8) {
        self.ip("box", &format!("link add {bridge} type bridge"));
        self.ip("box", &format!("addr add 10.9.{third}.1/24 dev {bridge}"));
        self.ip("box", &format!("link set {bridge} up"));
        let address = format!("10.9.{third}.2/24");
        self.cable(
            ("box", &format!("c{third}"), None),
            (which, "eth0", &address),
        );
        self.ip("box", &format!("link set c{third} master {bridge}"));
        self.ip(which, &format!("route add default via 10.9.{third}.1"));
    }

    /// Something done from inside one of them.
    fn inside<T: Send>(&self, which: &str, work: impl FnOnce() -> T + Send) -> T {
        let net = File::open(format!("/run/netns/{}", self.name(which))).unwrap();
        thread::scope(|scope| {
            let inside = scope.spawn(move || {
                // Of this thread alone, which ends here.
                setns(&net, CloneFlags::CLONE_NEWNET).unwrap();
                work()
            });
            inside.join().unwrap()
        })
    }

    fn listen(&self, which: &str, address: &str) -> TcpListener {
        let address: SocketAddr = format!("{address}:{PORT}").parse().unwrap();
        self.inside(which, move || TcpListener::bind(address).unwrap())
    }

    fn reaches(&self, which: &str, address: &str) -> bool {
        let address: SocketAddr = format!("{address}:{PORT}").parse().unwrap();
        self.inside(which, move || {
            TcpStream::connect_timeout(&address, PATIENCE).is_ok()
        })
    }
}

impl Drop for Nets {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_does_not_reach_an_app_past_the_gateway() {
    let nets = Nets::new(&["lan", "box", "app", "other"]);
    let within = ["ip", "netns", "exec", nets.name("box")];
    nets.cable(
        ("box", "eth0", Some("10.9.1.1/24")),
        ("lan", "eth0", "10.9.1.2/24"),
    );
    nets.container("app", &format!("{BRIDGES}0123456789a"), 2);
    nets.container("other", "br-0123456789ab", 3);
    for network in [2, 3] {
        nets.ip(
            "lan",
            &format!("route add 10.9.{network}.0/24 via 10.9.1.1"),
        );
    }
    run(
        "ip",
        &[&within[1..], &["sysctl", "-qw", "net.ipv4.ip_forward=1"]].concat(),
    );
    let (_app, _other) = (
        nets.listen("app", "10.9.2.2"),
        nets.listen("other", "10.9.3.2"),
    );
    let _lan = nets.listen("lan", "10.9.1.2");

    // No engine that manages rules: nothing is done.
    assert_eq!(keep(&within).await.unwrap(), Kept::NoDoorstep);
    assert!(!nets.iptables("box", "-S").contains("LAVOIR"));

    // As an engine before 28 leaves a machine that forwarded before: all packets pass. One port is published.
    nets.iptables("box", "-N DOCKER-USER");
    nets.iptables("box", "-A DOCKER-USER -s 192.0.2.7 -j DROP");
    nets.iptables("box", "-A DOCKER-USER -j RETURN");
    nets.iptables("box", "-I FORWARD -j DOCKER-USER");
    nets.iptables(
        "box",
        &format!(
            "-t nat -A PREROUTING -d 10.9.1.1 -p tcp --dport {PORT} -j DNAT --to 10.9.2.2:{PORT}"
        ),
    );
    assert!(
        nets.reaches("lan", "10.9.2.2"),
        "the rig itself does not work"
    );

    let before = nets.iptables("box", "-S");
    for _ in 0..2 {
        assert_eq!(keep(&within).await.unwrap(), Kept::Stands);
        assert!(!nets.reaches("lan", "10.9.2.2"), "a neighbour is let in");
        assert!(
            !nets.reaches("other", "10.9.2.2"),
            "a foreign container is let in"
        );
        assert!(
            nets.reaches("box", "10.9.2.2"),
            "the box itself is kept out"
        );
        assert!(nets.reaches("lan", "10.9.1.1"), "a published port is shut");
        assert!(
            nets.reaches("app", "10.9.1.2"),
            "an app cannot reach the network"
        );
        assert!(
            nets.reaches("lan", "10.9.3.2"),
            "a stranger's network is touched"
        );
    }
    let after = nets.iptables("box", "-S");
    let added: Vec<&str> = after
        .lines()
        .filter(|line| !before.lines().any(|old| old == *line))
        .collect();
    assert_eq!(added.len(), 6, "kept twice, made once: {added:#?}");
    assert!(before.lines().all(|line| after.contains(line)));

    // A firewall loaded anew forgets the rules; they come again, before whatever stands there.
    nets.iptables("box", "-F DOCKER-USER");
    nets.iptables("box", "-A DOCKER-USER -j RETURN");
    assert!(nets.reaches("lan", "10.9.2.2"));
    assert_eq!(keep(&within).await.unwrap(), Kept::Stands);
    assert!(!nets.reaches("lan", "10.9.2.2"));
}
