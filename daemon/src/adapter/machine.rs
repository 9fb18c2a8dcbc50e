//! Memory, disk, processor and ports of this machine.

use std::collections::BTreeSet;
use std::path::Path;

use lavoir_core::command::Machine;
use lavoir_core::recipe::{Architecture, Protocol};
use lavoir_core::text::Text;

use crate::ports::{Answer, Fault, MachineFacts};

/// This machine.
pub struct ThisMachine;

/// Where Docker keeps volumes and images when it was told nothing else.
const USUAL_DATA: &str = "/var/lib/docker";

impl MachineFacts for ThisMachine {
    async fn measure(&self, data: Option<&Path>) -> Answer<Machine> {
        Ok(Machine {
            architecture: architecture(),
            ram_mib: ram_mib()?,
            disk_free_mib: disk_free_mib(data.unwrap_or(Path::new(USUAL_DATA)))?,
            engine: false,
            ports_in_use: ports_in_use(),
            data_mib: Default::default(),
        })
    }
}

fn architecture() -> Option<Architecture> {
    match std::env::consts::ARCH {
        "x86_64" => Some(Architecture::Amd64),
        "aarch64" => Some(Architecture::Arm64),
        _ => None,
    }
}

fn ram_mib() -> Answer<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")
        .map_err(|error| cannot_measure("/proc/meminfo", &error))?;
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib / 1024)
        .ok_or_else(|| cannot_measure("/proc/meminfo", &"no MemTotal"))
}

fn disk_free_mib(path: &Path) -> Answer<u64> {
    // The folder appears with the engine's first start; its nearest ancestor is on the same disk.
    let there = path
        .ancestors()
        .find(|ancestor| ancestor.exists())
        .unwrap_or(Path::new("/"));
    let disk = nix::sys::statvfs::statvfs(there)
        .map_err(|error| cannot_measure(&there.display().to_string(), &error))?;
    Ok(disk.blocks_available().saturating_mul(disk.fragment_size()) / (1024 * 1024))
}

/// Ports that something listens on, from `/proc/net` (proc(5)): state 0A is TCP's LISTEN, 07 an unconnected UDP socket.
fn ports_in_use() -> BTreeSet<(Protocol, u16)> {
    let tables = [
        ("/proc/net/tcp", Protocol::Tcp, "0A"),
        ("/proc/net/tcp6", Protocol::Tcp, "0A"),
        ("/proc/net/udp", Protocol::Udp, "07"),
        ("/proc/net/udp6", Protocol::Udp, "07"),
    ];
    let mut ports = BTreeSet::new();
    for (file, protocol, listening) in tables {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        ports.extend(
            text.lines()
                .skip(1)
                .filter_map(|line| listening_port(line, listening))
                .map(|p| (protocol, p)),
        );
    }
    ports
}

fn listening_port(line: &str, listening: &str) -> Option<u16> {
    let mut columns = line.split_whitespace();
    let local = columns.nth(1)?;
    let state = columns.nth(1)?;
    let (_, port) = local.rsplit_once(':')?;
    (state == listening)
        .then(|| u16::from_str_radix(port, 16).ok())
        .flatten()
}

fn cannot_measure(what: &str, error: &dyn std::fmt::Display) -> Fault {
    Fault::passing(
        "cannot-measure",
        Text::new(
            format!("La machine n'a pas pu être mesurée : {what} ({error})."),
            format!("The machine could not be measured: {what} ({error})."),
        ),
        Text::new("Redemandez dans un moment.", "Ask again in a moment."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_listening_ports() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0";
        assert_eq!(listening_port(line, "0A"), Some(8080));
        assert_eq!(listening_port(&line.replace(" 0A ", " 01 "), "0A"), None);
    }

    #[test]
    fn sees_a_port_that_is_taken() -> Result<(), Box<dyn std::error::Error>> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        assert!(ports_in_use().contains(&(Protocol::Tcp, port)));
        Ok(())
    }
}
