//! A Docker Engine of a test's own, beside whatever engines the machine runs: its own folders, socket, bridge and
//! addresses, and no rule of another engine touched. It ends with the test, also when the test panics; when the test's
//! process is killed the engine ends too, and leaves its folder, bridge and three rules behind (the next one takes
//! other addresses).

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Until the engine answers, and until it has ended.
const WAIT: Duration = Duration::from_secs(60);
/// Second bytes of the addresses `10.x.0.0/16` tried.
const BYTES: std::ops::Range<u8> = 100..200;

/// A running engine.
pub struct TestEngine {
    folder: Option<tempfile::TempDir>,
    child: Child,
    net: Net,
    further: Vec<String>,
}

impl TestEngine {
    /// Starts one; needs root.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// Starts one with further words on its command line.
    pub fn start_with(further: &[&str]) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("lavoir-engine-")
            .tempdir()?;
        let net = Net::take()?;
        let further: Vec<String> = further.iter().map(|word| String::from(*word)).collect();
        let child = spawn(folder.path(), &net, &further)?;
        // From here on everything ends by itself.
        let mut engine = Self {
            folder: Some(folder),
            child,
            net,
            further,
        };
        engine.await_answer()?;
        Ok(engine)
    }

    /// Its unix socket.
    pub fn socket(&self) -> PathBuf {
        self.dir().join("docker.sock")
    }

    /// Its folder; a test may put its own things beside.
    pub fn dir(&self) -> &Path {
        self.folder
            .as_ref()
            .map_or(Path::new("/nonexistent"), |folder| folder.path())
    }

    /// The machine's address as its containers on the default bridge see it.
    pub fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, self.net.byte, 0, 1)
    }

    /// Docker's own client, spoken to this engine; its standard output.
    pub fn docker(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).stdin(Stdio::null()).output()?;
        ensure!(
            output.status.success(),
            "docker {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Docker's own client, not yet run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("/usr/bin/docker");
        command
            .arg("-H")
            .arg(format!("unix://{}", self.socket().display()))
            .args(arguments);
        command
    }

    /// Ends the engine, its folder stays: for tests of an engine that is away.
    pub fn stop(&mut self) -> Result<()> {
        end(&mut self.child, Signal::SIGTERM)
    }

    /// Kills the engine as the kernel would, its containers go on; for tests of one that breaks.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        // Its own care when it ends well.
        let _ = fs::remove_file(self.dir().join("pid"));
        // What it started ends with it, a moment later.
        let pid = self.dir().join("exec/containerd/containerd.pid");
        let pid = fs::read_to_string(pid).unwrap_or_default();
        let begun = Instant::now();
        while !pid.is_empty() && Path::new("/proc").join(pid.trim()).exists() {
            ensure!(begun.elapsed() < WAIT, "containerd does not end");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Starts it again after [`TestEngine::stop`] or [`TestEngine::kill`].
    pub fn start_again(&mut self) -> Result<()> {
        self.child = spawn(self.dir(), &self.net, &self.further)?;
        self.await_answer()
    }

    fn await_answer(&mut self) -> Result<()> {
        let begun = Instant::now();
        while self.docker(&["version"]).is_err() {
            let path = self.dir().join("log");
            let log = || fs::read_to_string(&path).unwrap_or_default();
            if let Some(status) = self.child.try_wait()? {
                bail!("dockerd ended with {status}:\n{}", log());
            }
            if begun.elapsed() > WAIT {
                bail!("dockerd does not answer:\n{}", log());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for TestEngine {
    fn drop(&mut self) {
        if let Err(error) = end(&mut self.child, Signal::SIGTERM) {
            eprintln!("a test's dockerd did not end well: {error:#}");
        }
        if let Some(folder) = self.folder.take() {
            unmount_below(folder.path());
            if let Err(error) = folder.close() {
                eprintln!("a test's engine left files behind: {error}");
            }
        }
    }
}

fn spawn(folder: &Path, net: &Net, further: &[String]) -> Result<Child> {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))?;
    let mut command = Command::new("setpriv");
    // The engine must not outlive the tests; it ends its containers when asked.
    command
        .args(["--pdeathsig", "TERM", "--", "/usr/sbin/dockerd"])
        .arg("--data-root")
        .arg(folder.join("data"))
        .arg("--exec-root")
        .arg(folder.join("exec"))
        .arg("--pidfile")
        .arg(folder.join("pid"))
        .arg("--host")
        .arg(format!("unix://{}", folder.join("docker.sock").display()))
        .args(["--bridge", &net.bridge()])
        .args([
            "--default-address-pool",
            &format!("base={},size=24", net.pool()),
        ])
        .args([
            "--iptables=false",
            "--ip6tables=false",
            "--shutdown-timeout",
            "3",
        ])
        .args(further)
        .env("DOCKER_ALLOW_IPV6_ON_IPV4_INTERFACE", "1")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    // The signal comes when the thread ends that began the process: one that lives as long as the process does.
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("engines".to_owned())
        .spawn(move || {
            let child = command.spawn();
            let _ = sender.send(child);
            loop {
                thread::park();
            }
        })?;
    receiver.recv()?.context("setpriv or dockerd cannot be run")
}

/// Sends a process a signal and waits for its end; one that does not come is killed.
pub(crate) fn end(child: &mut Child, signal: Signal) -> Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    let pid = Pid::from_raw(i32::try_from(child.id())?);
    kill(pid, signal)?;
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > WAIT {
            child.kill()?;
            child.wait()?;
            bail!("it had to be killed");
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Whatever is still mounted below a folder, the deepest first.
fn unmount_below(folder: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let below: Vec<&str> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .filter(|path| Path::new(path).starts_with(folder))
        .collect();
    for path in below.into_iter().rev() {
        let _ = Command::new("umount")
            .args(["-l", path])
            .stderr(Stdio::null())
            .status();
    }
}

/// A bridge with a range of addresses, and the rules that let its containers out.
struct Net {
    byte: u8,
}

impl Net {
    /// Making the bridge is what reserves the range among tests that run at the same time.
    fn take() -> Result<Self> {
        let taken = run("ip", &["-4", "route"])?;
        let first = u8::try_from(std::process::id() % BYTES.len() as u32)?;
        for step in 0..u8::try_from(BYTES.len())? {
            let byte = BYTES.start + (first + step) % u8::try_from(BYTES.len())?;
            if taken.contains(&format!("10.{byte}.")) {
                continue;
            }
            let net = Self { byte };
            if run("ip", &["link", "add", &net.bridge(), "type", "bridge"]).is_err() {
                // Somebody else's; it must not be removed when `net` goes.
                std::mem::forget(net);
                continue;
            }
            net.set_up()?;
            return Ok(net);
        }
        bail!("no free range of addresses for a test's engine")
    }

    fn set_up(&self) -> Result<()> {
        run(
            "ip",
            &[
                "addr",
                "add",
                &format!("10.{}.0.1/24", self.byte),
                "dev",
                &self.bridge(),
            ],
        )?;
        run("ip", &["link", "set", &self.bridge(), "up"])?;
        // Needed to reach the network, which not all tests do.
        let _ = fs::write("/proc/sys/net/ipv4/ip_forward", "1");
        for rule in self.rules() {
            run(
                "iptables",
                &[&["-w", "-t", rule[0], "-I"], &rule[1..]].concat(),
            )?;
        }
        Ok(())
    }

    fn rules(&self) -> [Vec<&'static str>; 3] {
        // A process makes few of them.
        let range: &'static str = Box::leak(format!("10.{}.0.0/16", self.byte).into_boxed_str());
        [
            vec!["filter", "FORWARD", "-s", range, "-j", "ACCEPT"],
            vec!["filter", "FORWARD", "-d", range, "-j", "ACCEPT"],
            vec![
                "nat",
                "POSTROUTING",
                "-s",
                range,
                "!",
                "-d",
                range,
                "-j",
                "MASQUERADE",
            ],
        ]
    }

    fn bridge(&self) -> String {
        format!("lvrtest{}", self.byte)
    }

    fn pool(&self) -> String {
        // Its upper half; the bridge itself is in the lower one.
        format!("10.{}.128.0/17", self.byte)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for rule in self.rules() {
            let _ = run(
                "iptables",
                &[&["-w", "-t", rule[0], "-D"], &rule[1..]].concat(),
            );
        }
        // The engine leaves its networks' bridges behind.
        let addresses = run("ip", &["-o", "-4", "addr"]).unwrap_or_default();
        let range = format!("10.{}.", self.byte);
        for line in addresses.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [_, name, "inet", address, ..] = words[..]
                && address.starts_with(&range)
            {
                let _ = run("ip", &["link", "delete", name]);
            }
        }
        let _ = run("ip", &["link", "delete", &self.bridge()]);
    }
}

/// Runs a program to its end; its standard output.
pub fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| program.to_owned())?;
    ensure!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The folder of archives that [`base_archive`] stands in.
pub fn base_archives() -> Result<PathBuf> {
    let base = base_archive()?;
    let folder = base.parent().context("an archive has a folder")?;
    Ok(folder.to_owned())
}

/// Debian's smallest system as an archive, made once on a machine and kept beside the compiled tests, under the name by
/// which the daemon finds it in a folder of archives.
pub fn base_archive() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program
        .ancestors()
        .nth(3)
        .context("the tests are not in a target folder")?;
    let folder = target.join("lavoir-rig/archives");
    fs::create_dir_all(&folder)?;
    let lock = fs::File::create(folder.join("lock"))?;
    lock.lock()?;
    let archive = folder.join("lavoir-base-trixie.tar");
    if !archive.exists() {
        let half = folder.join("base-trixie.half.tar");
        let arguments = [
            "--mode=root",
            "--variant=minbase",
            "--include=ca-certificates",
            "trixie",
        ];
        let path = half.to_string_lossy().into_owned();
        run("mmdebstrap", &[&arguments[..], &[path.as_str()]].concat())?;
        fs::rename(&half, &archive)?;
    }
    Ok(archive)
}
