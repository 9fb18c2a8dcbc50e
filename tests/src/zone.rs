//! A DNS server of a test's own: Debian's Knot with one zone that takes signed updates (RFC 2136). Free port, own
//! folder; it ends with the test.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::Result;

use crate::authority::{await_port, free, spawn};

/// 32 bytes in base64, worth nothing outside of the test.
pub const SECRET: &str = "dGhpcyBrZXkgaXMgb25seSBnb29kIGZvciBhIHRlc3Q=";

/// The server.
pub struct Zone {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
    dir: tempfile::TempDir,
}

impl Zone {
    /// One with the zone `example.org`, whose `box` leads to the loopback.
    pub fn start() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("lavoir-zone-").tempdir()?;
        let address = free()?;
        let folder = dir.path().display();
        let zone = "$ORIGIN example.org.\n$TTL 60\n@ SOA ns.example.org. hostmaster.example.org. 1 3600 600 86400 60\n@ NS ns.example.org.\nns A 127.0.0.1\nbox A 127.0.0.1\n";
        fs::write(dir.path().join("example.org.zone"), zone)?;
        let config = format!(
            "server:\n  rundir: \"{folder}\"\n  listen: {}@{}\n\
             log:\n  - target: stderr\n    any: info\n\
             database:\n  storage: \"{folder}/db\"\n\
             key:\n  - id: box.key.\n    algorithm: hmac-sha256\n    secret: {SECRET}\n\
             acl:\n  - id: box\n    key: box.key.\n    action: update\n\
             zone:\n  - domain: example.org\n    storage: \"{folder}\"\n    file: example.org.zone\n    acl: box\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n",
            address.ip(),
            address.port(),
        );
        let file = dir.path().join("knot.conf");
        fs::write(&file, config)?;
        let log = dir.path().join("knot.log");
        let child = spawn(Command::new("knotd").arg("-c").arg(&file), &log)?;
        let zone = Self {
            child,
            address,
            dir,
        };
        zone.write_key(SECRET)?;
        await_port(address)?;
        Ok(zone)
    }

    /// The name of its key.
    pub fn key_name(&self) -> &'static str {
        "box.key"
    }

    /// The file with the key's secret.
    pub fn key_file(&self) -> PathBuf {
        self.dir.path().join("tsig.key")
    }

    /// Puts another secret into the file: a wrong one.
    pub fn write_key(&self, secret: &str) -> Result<()> {
        fs::write(self.key_file(), format!("{secret}\n"))?;
        Ok(fs::set_permissions(
            self.key_file(),
            fs::Permissions::from_mode(0o600),
        )?)
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("knot.log")).unwrap_or_default()
    }
}

impl Drop for Zone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("== knot\n{}", self.log());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
