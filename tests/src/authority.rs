//! An authority of a test's own: Debian's Pebble in strict mode, which throws good nonces away at random, and a DNS
//! that says what the test wants. Free ports, own folder; it ends with the test.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

const WAIT: Duration = Duration::from_secs(30);

/// The authority with its DNS.
pub struct Authority {
    pebble: Option<Child>,
    names: Option<Child>,
    config: PathBuf,
    /// Where its directory is.
    address: SocketAddr,
    /// Where its roots are read.
    management: SocketAddr,
    /// The DNS server it asks.
    pub dns: SocketAddr,
    names_management: SocketAddr,
    dir: tempfile::TempDir,
}

/// How one is started.
pub struct Wanted {
    /// The ports on which it finds the box.
    pub ports: (u16, u16),
    /// How long its certificates are valid, seconds.
    pub validity_s: u64,
    /// A DNS server to ask instead of its own.
    pub dns: Option<SocketAddr>,
}

impl Authority {
    /// Starts one and waits for its answer.
    pub fn start(wanted: &Wanted) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("lavoir-acme-").tempdir()?;
        make_tls(dir.path())?;
        let mut authority = Self {
            pebble: None,
            names: None,
            config: dir.path().join("pebble.json"),
            address: free()?,
            management: free()?,
            dns: wanted.dns.map_or_else(free, Ok)?,
            names_management: free()?,
            dir,
        };
        let (http, https) = wanted.ports;
        let config = serde_json::json!({ "pebble": {
            "listenAddress": authority.address.to_string(),
            "managementListenAddress": authority.management.to_string(),
            "certificate": authority.dir.path().join("pebble.pem"),
            "privateKey": authority.dir.path().join("pebble.key"),
            "httpPort": http,
            "tlsPort": https,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": wanted.validity_s,
        }});
        fs::write(&authority.config, config.to_string())?;
        if wanted.dns.is_none() {
            authority.start_names()?;
        }
        authority.start_pebble()?;
        Ok(authority)
    }

    fn start_names(&mut self) -> Result<()> {
        self.names = Some(spawn(
            Command::new("pebble-challtestsrv")
                .args(["-dns01", &self.dns.to_string()])
                .args(["-management", &self.names_management.to_string()])
                .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
                .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]),
            &self.dir.path().join("names.log"),
        )?);
        await_port(self.names_management)?;
        await_port(self.dns)
    }

    /// Starts it, or starts it again: it has then forgotten every account.
    pub fn start_pebble(&mut self) -> Result<()> {
        self.stop_pebble()?;
        self.pebble = Some(spawn(
            Command::new("pebble")
                .arg("-strict")
                .arg("-config")
                .arg(&self.config)
                .args(["-dnsserver", &self.dns.to_string()])
                // Of ten good nonces three are refused, and each order is proven anew.
                .env("PEBBLE_WFE_NONCEREJECT", "30")
                .env("PEBBLE_AUTHZREUSE", "0")
                .env("PEBBLE_VA_NOSLEEP", "1"),
            &self.dir.path().join("pebble.log"),
        )?);
        await_port(self.address)?;
        await_port(self.management)
    }

    /// Ends it: the authority is away.
    pub fn stop_pebble(&mut self) -> Result<()> {
        if let Some(mut child) = self.pebble.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Its directory.
    pub fn directory(&self) -> String {
        format!("https://{}/dir", self.address)
    }

    /// The root by which its own server is believed.
    pub fn roots_file(&self) -> PathBuf {
        self.dir.path().join("root.pem")
    }

    /// The root of what it certifies.
    pub fn root(&self) -> Result<String> {
        let output = Command::new("curl")
            .args(["--silent", "--fail", "--max-time", "10", "--cacert"])
            .arg(self.roots_file())
            .arg(format!("https://{}/roots/0", self.management))
            .env_remove("CURL_CA_BUNDLE")
            .output()?;
        ensure!(output.status.success(), "no root: {output:?}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Has a name lead to this address, and to no other.
    pub fn lead(&self, host: &str, to: &str) -> Result<()> {
        self.tell("clear-a", &serde_json::json!({ "host": host }))?;
        let there = serde_json::json!({ "host": host, "addresses": [to] });
        self.tell("add-a", &there)
    }

    fn tell(&self, what: &str, body: &serde_json::Value) -> Result<()> {
        let body = body.to_string();
        let mut stream = TcpStream::connect(self.names_management)?;
        write!(
            stream,
            "POST /{what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        ensure!(answer.contains(" 200 "), "{answer}");
        Ok(())
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("pebble.log")).unwrap_or_default()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(6_000);
            eprintln!("== pebble\n{}", log.get(from..).unwrap_or(&log));
        }
        for mut child in [self.pebble.take(), self.names.take()]
            .into_iter()
            .flatten()
        {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A root and a certificate for the loopback's address, both for the authority's own server.
fn make_tls(dir: &Path) -> Result<()> {
    fs::write(
        dir.join("leaf.ext"),
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
    )?;
    let script = "set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=the authority of a test' -keyout root.key -out root.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=pebble -keyout pebble.key -out pebble.csr
openssl x509 -req -in pebble.csr -CA root.pem -CAkey root.key -CAcreateserial -days 30 -extfile leaf.ext -out pebble.pem";
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(dir)
        .output()?;
    ensure!(
        output.status.success(),
        "openssl: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Starts a server whose end comes with ours, its words in a file.
pub fn spawn(command: &mut Command, log: &Path) -> Result<Child> {
    let log = fs::File::options().create(true).append(true).open(log)?;
    let mut with = Command::new("setpriv");
    with.args(["--pdeathsig", "KILL", "--"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => with.env(name, value),
            None => with.env_remove(name),
        };
    }
    with.stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("{command:?}"))
}

/// Waits until somebody listens there.
pub fn await_port(address: SocketAddr) -> Result<()> {
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        if begun.elapsed() > WAIT {
            bail!("nobody listens on {address}");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// An address of the loopback that nobody listens on.
pub fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
