//! A whole appliance of a test's own: an engine, the daemon and the gateway as the real executable, its command line,
//! and a browser's way in through HTTPS. All of it ends with the test.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::engine::{TestEngine, base_archives, end};

/// The domain of every test's box.
pub const DOMAIN: &str = "box.test";
/// For the daemon and the gateway to answer, and to end.
const WAIT: Duration = Duration::from_secs(60);

/// A box under test.
pub struct Appliance {
    daemon: Option<Child>,
    gateway: Option<Child>,
    https: SocketAddr,
    http: SocketAddr,
    domain: String,
    /// What the executable's processes find in their environment, beside ours.
    pub environment: Vec<(String, String)>,
    /// Roots that [`Appliance::ask`] trusts beside the box's own.
    pub roots: String,
    dir: tempfile::TempDir,
    /// Its engine; ends after the daemon.
    pub engine: TestEngine,
}

impl Appliance {
    /// Starts everything, with the recipes of these folders.
    pub fn start(recipes: &[&Path]) -> Result<Self> {
        Self::start_as(DOMAIN, recipes, toml::Table::new())
    }

    /// The same under another domain and with further settings.
    pub fn start_as(domain: &str, recipes: &[&Path], settings: toml::Table) -> Result<Self> {
        let engine = TestEngine::start()?;
        let dir = tempfile::Builder::new().prefix("lavoir-box-").tempdir()?;
        let mut appliance = Self {
            daemon: None,
            gateway: None,
            https: free_address()?,
            http: free_address()?,
            domain: domain.to_owned(),
            environment: Vec::new(),
            roots: String::new(),
            dir,
            engine,
        };
        appliance.configure(recipes)?;
        appliance.reconfigure(|table| table.extend(settings))?;
        appliance.start_daemon()?;
        appliance.start_gateway()?;
        Ok(appliance)
    }

    fn configure(&self, recipes: &[&Path]) -> Result<()> {
        let mut images = toml::Table::new();
        images.insert("archives".into(), text(&base_archives()?));
        if let Some(bundle) = ca_bundle() {
            images.insert("ca_bundle".into(), text(&bundle));
        }
        let list = recipes.iter().map(|path| text(path)).collect();
        let table = toml::toml! {
            language = "fr"
        };
        let mut table = table;
        table.insert("domain".into(), self.domain.clone().into());
        table.insert("state".into(), text(&self.state()));
        table.insert("run".into(), text(&self.run()));
        table.insert("recipes".into(), toml::Value::Array(list));
        table.insert("images".into(), toml::Value::Table(images));
        let mut engine = toml::Table::new();
        engine.insert("socket".into(), text(&self.engine.socket()));
        // The machine's own rules are not a test's to change.
        engine.insert("fence".into(), toml::Value::Boolean(false));
        table.insert("engine".into(), toml::Value::Table(engine));
        let mut gateway = toml::Table::new();
        gateway.insert("user".into(), "nobody".into());
        gateway.insert("https".into(), vec![self.https.to_string()].into());
        gateway.insert("http".into(), vec![self.http.to_string()].into());
        table.insert("gateway".into(), toml::Value::Table(gateway));
        fs::write(self.config(), toml::to_string(&table)?)?;
        // The gateway's user must reach its socket, and nothing else in here.
        fs::create_dir_all(self.run())?;
        open_way(self.dir.path())?;
        open_way(&self.run())
    }

    /// Changes the configuration file; for the daemon's next start.
    pub fn reconfigure(&self, change: impl FnOnce(&mut toml::Table)) -> Result<()> {
        let mut table = fs::read_to_string(self.config())?.parse::<toml::Table>()?;
        change(&mut table);
        Ok(fs::write(self.config(), toml::to_string(&table)?)?)
    }

    /// Where the gateway answers HTTP and HTTPS.
    pub fn ports(&self) -> (u16, u16) {
        (self.http.port(), self.https.port())
    }

    /// Where the ledger, the secrets and the apps' folders are.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("lavoir.toml")
    }

    fn run(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// Starts the daemon and waits for its answer.
    pub fn start_daemon(&mut self) -> Result<()> {
        self.daemon = Some(self.spawn("daemon")?);
        self.wait("the daemon", |appliance| appliance.cli(&["status"]).is_ok())
    }

    /// Starts the gateway and waits until it serves the panel.
    pub fn start_gateway(&mut self) -> Result<()> {
        self.gateway = Some(self.spawn("gateway")?);
        self.wait("the gateway", |appliance| {
            appliance
                .get(&appliance.domain, "/")
                // To the door: nobody is signed in.
                .is_ok_and(|page| page.status == 303)
        })
    }

    /// Asks the daemon to end, as systemd would.
    pub fn stop_daemon(&mut self) -> Result<()> {
        match self.daemon.take() {
            Some(mut child) => end(&mut child, Signal::SIGTERM),
            None => Ok(()),
        }
    }

    /// Kills the daemon, as a power cut would.
    pub fn kill_daemon(&mut self) -> Result<()> {
        match self.daemon.take() {
            Some(mut child) => end(&mut child, Signal::SIGKILL),
            None => Ok(()),
        }
    }

    fn spawn(&self, what: &str) -> Result<Child> {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join(format!("{what}.log")))?;
        Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .arg(executable()?)
            .arg("--config")
            .arg(self.config())
            .arg(what)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting the executable")
    }

    fn wait(&mut self, what: &str, there: impl Fn(&Self) -> bool) -> Result<()> {
        let begun = Instant::now();
        while !there(self) {
            let processes = [&mut self.daemon, &mut self.gateway];
            let ended = processes
                .into_iter()
                .flatten()
                .find_map(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                bail!(
                    "{what} does not come: a process ended ({status})\n{}",
                    self.logs()
                );
            }
            if begun.elapsed() > WAIT {
                bail!("{what} does not answer\n{}", self.logs());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// What daemon and gateway wrote, the last part.
    pub fn logs(&self) -> String {
        ["daemon", "gateway"]
            .iter()
            .map(|what| {
                let path = self.dir.path().join(format!("{what}.log"));
                let log = fs::read_to_string(path).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let last = &lines[lines.len().saturating_sub(60)..];
                format!("== {what}\n{}\n", last.join("\n"))
            })
            .collect()
    }

    /// Runs the command line; its output, whatever it is.
    pub fn cli_output(&self, arguments: &[&str]) -> Result<Output> {
        Ok(self.command(arguments).output()?)
    }

    /// The command line, to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(executable().unwrap_or_default());
        command.arg("--config").arg(self.config());
        command.args(["--lang", "en"]).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// Runs the command line; its standard output.
    ///
    /// # Errors
    /// When it exits with anything but 0.
    pub fn cli(&self, arguments: &[&str]) -> Result<String> {
        let output = self.cli_output(arguments)?;
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "lavoir {}: {}\n{out}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stderr),
        );
        Ok(out)
    }

    /// Runs the command line with `--json`.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        let mut all = vec!["--json"];
        all.extend(arguments);
        let text = self.cli(&all)?;
        // Followed work prints one picture a line; the last one tells the end.
        let last = text.lines().last().unwrap_or_default();
        serde_json::from_str(&text)
            .or_else(|_| serde_json::from_str(last))
            .with_context(|| text.clone())
    }

    /// Asks over HTTPS as a browser would, trusting the box's own CA only.
    pub fn ask(&self, host: &str, path: &str, arguments: &[&str]) -> Result<Page> {
        let own = self.dir.path().join("ca.pem");
        if !own.exists() {
            fs::write(&own, self.cli(&["ca"])?)?;
        }
        let ca = self.dir.path().join("roots.pem");
        fs::write(&ca, fs::read_to_string(&own)? + &self.roots)?;
        let port = self.https.port();
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "60", "--cacert"])
            .arg(&ca)
            // As on the box itself: the address in the browser has no port.
            .args([
                "--connect-to",
                &format!("{host}:443:{}:{port}", self.https.ip()),
            ])
            .args(["--write-out", "\n%{http_code} %{redirect_url}"])
            .args(arguments)
            .arg(format!("https://{host}{path}"))
            .env_remove("CURL_CA_BUNDLE")
            .env_remove("SSL_CERT_FILE")
            .output()
            .context("curl")?;
        ensure!(
            output.status.success(),
            "curl {host}{path}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, last) = text.rsplit_once('\n').context("curl said nothing")?;
        let (status, redirect) = last.split_once(' ').unwrap_or((last, ""));
        Ok(Page {
            status: status.parse()?,
            body: body.to_owned(),
            redirect: redirect.to_owned(),
        })
    }

    /// Asks with GET.
    pub fn get(&self, host: &str, path: &str) -> Result<Page> {
        self.ask(host, path, &[])
    }

    /// The port of the gateway's HTTPS.
    pub fn https_port(&self) -> u16 {
        self.https.port()
    }

    /// The daemon's own socket.
    pub fn api_socket(&self) -> PathBuf {
        self.run().join("api.sock")
    }

    /// The numbers of the daemon's and the gateway's processes.
    pub fn processes(&self) -> Option<(u32, u32)> {
        Some((self.daemon.as_ref()?.id(), self.gateway.as_ref()?.id()))
    }

    /// A folder for the test's own files.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    /// Waits until an app is settled (or failed), and says how it ended.
    pub fn settle(&self, app: &str) -> Result<()> {
        self.cli(&["app", "watch", app]).map(|_| ())
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.logs());
        }
        for mut child in [self.gateway.take(), self.daemon.take()]
            .into_iter()
            .flatten()
        {
            if let Err(error) = end(&mut child, Signal::SIGTERM) {
                eprintln!("a process of a test did not end well: {error:#}");
            }
        }
    }
}

/// What came back over HTTPS.
#[derive(Debug, Clone)]
pub struct Page {
    /// Status.
    pub status: u16,
    /// Body, or headers and body where they were asked for.
    pub body: String,
    /// Where it redirects to.
    pub redirect: String,
}

impl Page {
    /// The body, when the status is the one expected.
    pub fn expect(self, status: u16) -> Result<String> {
        ensure!(
            self.status == status,
            "{} instead of {status}:\n{}",
            self.status,
            self.body
        );
        Ok(self.body)
    }
}

/// The executable that was built with this test.
pub fn executable() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here
        .ancestors()
        .nth(2)
        .context("the test's executable has no build folder")?;
    let path = folder.join("lavoir");
    ensure!(
        path.is_file(),
        "{} is not built: run cargo build first",
        path.display()
    );
    Ok(path)
}

/// The recipes of this repository.
pub fn recipes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../recipes")
}

/// What this machine's clients trust, where its network needs more than Debian's own.
fn ca_bundle() -> Option<PathBuf> {
    std::env::var_os("SSL_CERT_FILE")
        .map(PathBuf::from)
        .filter(|path| path.is_file())
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn text(path: &Path) -> toml::Value {
    toml::Value::String(path.display().to_string())
}

fn open_way(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(
        folder,
        fs::Permissions::from_mode(0o711),
    )?)
}
