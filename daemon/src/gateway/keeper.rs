//! The gateway's keeper: holds the listening sockets, and sees to it that a process serves on them.
//!
//! It reads nothing that comes from the network. The process that does, its *server*, stands behind a fence and can
//! neither start nor replace anything; so this one does. Told to (SIGHUP), it starts a server of the executable that
//! now lies at its path, waits until that one serves, tells the old one to end what it has begun, and becomes the
//! new executable itself. Should the new server not come up, nothing has changed.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{Shutdown, shutdown};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::handover::{self, Handed, Listeners, Process};
use super::limits;
use super::word::{Missed, Words};

/// Said by a server: it is there, and waits for the daemon's picture.
pub(super) const LISTENING: u8 = b'l';
/// Said by a server: the daemon's picture is served.
pub(super) const SERVING: u8 = b's';
/// Said to a server: another one has taken your place.
pub(super) const REPLACED: u8 = b'r';
/// Said to a server: end.
pub(super) const END: u8 = b'e';

/// How to start a server and this process again.
#[derive(Debug)]
pub(super) struct CommandLine {
    executable: PathBuf,
    config: Option<PathBuf>,
}

impl CommandLine {
    pub(super) fn of_this(config: Option<PathBuf>) -> anyhow::Result<Self> {
        let executable = std::env::current_exe().context("looking for this executable")?;
        Ok(Self { executable, config })
    }

    fn command(&self, executable: &Path, role: &str) -> Command {
        let mut command = Command::new(executable);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        command.args(["gateway", "--role", role]);
        command
    }
}

/// A process that serves.
#[derive(Debug)]
struct Server {
    id: Pid,
    control: OwnedFd,
    stage: Stage,
    /// All that it said has been heard. Only then is one that has ended judged: what it said last may come after
    /// the news of its end.
    silent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Started to take the place of another, and not there yet.
    Coming {
        until: Instant,
    },
    Serving,
    Replaced,
}

/// What a server said, or that it fell silent.
type Heard = (Pid, Option<u8>);

/// See the module.
pub(super) struct Keeper {
    command: CommandLine,
    drain: Duration,
    listeners: Listeners,
    servers: Vec<Server>,
    heard: mpsc::Sender<Heard>,
    hearing: mpsc::Receiver<Heard>,
    /// The first server has taken connections.
    begun: bool,
    failures: u32,
    again_at: Option<Instant>,
    ending: Option<Instant>,
}

impl Keeper {
    /// Needs a runtime. What was handed over may hold servers of the executable that this process was before.
    pub(super) fn new(
        command: CommandLine,
        drain: Duration,
        handed: Handed,
    ) -> anyhow::Result<Self> {
        let (heard, hearing) = mpsc::channel(16);
        let mut keeper = Self {
            command,
            drain,
            listeners: handed.listeners,
            servers: Vec::new(),
            heard,
            hearing,
            begun: !handed.processes.is_empty(),
            failures: 0,
            again_at: None,
            ending: None,
        };
        for (process, control) in handed.processes {
            let stage = if process.replaced {
                Stage::Replaced
            } else {
                Stage::Serving
            };
            keeper.keep_server(Pid::from_raw(process.id), control, stage)?;
        }
        Ok(keeper)
    }

    /// Keeps until told to end and all have ended.
    pub(super) async fn keep(mut self) -> anyhow::Result<()> {
        let mut words = Words::hear()?;
        loop {
            self.bury()?;
            if self.ending.is_some() && self.servers.is_empty() {
                return Ok(());
            }
            if self.ending.is_none() && self.again_at.is_none() && self.serving().is_none() {
                self.start(Path::new("/proc/self/exe"), Stage::Serving)?;
            }
            let alarm = self.alarm();
            // Asked for again while one is coming: what lies at the path may be another one by then, so its turn comes.
            let one_is_coming = self.coming();
            tokio::select! {
                _ = words.term.recv() => self.end(),
                _ = words.int.recv() => self.end(),
                _ = words.hangup.recv(), if !one_is_coming => self.replace(),
                _ = words.child.recv() => {}
                Some((id, said)) = self.hearing.recv() => {
                    if self.hear(id, said) {
                        self.become_new_unless_told(&mut words).await;
                    }
                }
                () = async { tokio::time::sleep_until(alarm.unwrap_or_else(Instant::now)).await }, if alarm.is_some() => self.ring(),
            }
        }
    }

    fn serving(&self) -> Option<&Server> {
        self.servers
            .iter()
            .find(|server| server.stage == Stage::Serving)
    }

    fn coming(&self) -> bool {
        let coming = |server: &Server| matches!(server.stage, Stage::Coming { .. });
        self.servers.iter().any(coming)
    }

    fn start(&mut self, executable: &Path, stage: Stage) -> anyhow::Result<()> {
        let (mine, its) = handover::pair()?;
        handover::send(&mine, &self.listeners, &[])?;
        let child = self
            .command
            .command(executable, "server")
            .env("MALLOC_ARENA_MAX", limits::HEAPS_MAX.to_string())
            .env(
                "MALLOC_TRIM_THRESHOLD_",
                limits::HEAP_TRIM_BYTES.to_string(),
            )
            .stdin(OwnedFd::from(its))
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", executable.display()))?;
        let id = Pid::from_raw(i32::try_from(child.id())?);
        self.keep_server(id, mine.into(), stage)
    }

    fn keep_server(&mut self, id: Pid, control: OwnedFd, stage: Stage) -> anyhow::Result<()> {
        let stream = std::os::unix::net::UnixStream::from(control.try_clone()?);
        stream.set_nonblocking(true)?;
        let stream = UnixStream::from_std(stream)?;
        tokio::spawn(listen(id, stream, self.heard.clone()));
        self.servers.push(Server {
            id,
            control,
            stage,
            silent: false,
        });
        Ok(())
    }

    /// Starts the one that is to take over.
    fn replace(&mut self) {
        if self.ending.is_some() {
            return;
        }
        tracing::info!("a new gateway is to take over");
        let until = Instant::now() + limits::SUCCESSOR_S;
        let executable = self.command.executable.clone();
        if let Err(error) = self.start(&executable, Stage::Coming { until }) {
            tracing::error!(error = %format!("{error:#}"), "the new gateway cannot be started; the old one goes on");
        }
    }

    /// Whether it said that it has taken over.
    fn hear(&mut self, id: Pid, said: Option<u8>) -> bool {
        let Some(server) = self.servers.iter_mut().find(|server| server.id == id) else {
            return false;
        };
        match (said, server.stage) {
            (None, _) => server.silent = true,
            (Some(LISTENING), Stage::Serving) => {
                self.begun = true;
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
            }
            (Some(SERVING), Stage::Serving) => self.failures = 0,
            (Some(SERVING), Stage::Coming { .. }) if self.ending.is_none() => {
                server.stage = Stage::Serving;
                self.take_over(id);
                return true;
            }
            _ => {}
        }
        false
    }

    /// The new server serves: the old one ends what it has begun.
    fn take_over(&mut self, new: Pid) {
        for server in &mut self.servers {
            if server.stage == Stage::Serving && server.id != new {
                server.stage = Stage::Replaced;
                tell(server, REPLACED);
            }
        }
        let replaced = self
            .servers
            .iter()
            .filter(|server| server.stage == Stage::Replaced);
        let too_many = replaced
            .clone()
            .count()
            .saturating_sub(limits::REPLACED_MAX);
        replaced.take(too_many).for_each(|server| tell(server, END));
        tracing::info!("the new gateway has taken over");
    }

    /// This process becomes the new executable; what it is told meanwhile waits for that one.
    async fn become_new_unless_told(&mut self, words: &mut Words) {
        let became = match words.hold().await {
            Ok(Missed::End) => {
                self.end();
                Ok(())
            }
            Ok(Missed::Nothing) => self.become_new(),
            Err(error) => Err(error),
        };
        if let Err(error) = became.and_then(|()| words.let_go()) {
            tracing::error!(error = %format!("{error:#}"), "the new gateway serves, but its keeper stays the old one");
            let _ = words.let_go();
        }
    }

    /// Returns only when it fails.
    fn become_new(&self) -> anyhow::Result<()> {
        let (mine, its) = handover::pair()?;
        let going_on: Vec<_> = self
            .servers
            .iter()
            .map(|server| {
                let process = Process {
                    id: server.id.as_raw(),
                    replaced: server.stage == Stage::Replaced,
                };
                (process, server.control.as_fd())
            })
            .collect();
        handover::send(&mine, &self.listeners, &going_on)?;
        let mut command = self.command.command(&self.command.executable, "keeper");
        bail!(command.stdin(OwnedFd::from(its)).exec())
    }

    fn end(&mut self) {
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        self.servers.iter().for_each(|server| tell(server, END));
        let patience = self.drain + Duration::from_secs(2);
        self.ending.get_or_insert(Instant::now() + patience);
    }

    /// When there is something to do though nothing happens.
    fn alarm(&self) -> Option<Instant> {
        let coming = self.servers.iter().find_map(|server| match server.stage {
            Stage::Coming { until } => Some(until),
            _ => None,
        });
        [coming, self.again_at, self.ending]
            .into_iter()
            .flatten()
            .min()
    }

    fn ring(&mut self) {
        let now = Instant::now();
        self.again_at = self.again_at.filter(|at| *at > now);
        let late = self.ending.is_some_and(|until| until <= now);
        if late {
            // Asked once more in a while, should even that not help.
            self.ending = Some(now + Duration::from_secs(1));
        }
        for server in &mut self.servers {
            let missed = matches!(server.stage, Stage::Coming { until } if until <= now);
            if missed {
                tracing::error!("the new gateway does not serve; the old one goes on");
                // Likewise.
                let until = now + Duration::from_secs(1);
                server.stage = Stage::Coming { until };
            }
            if late || missed {
                let _ = kill(server.id, Signal::SIGKILL);
            }
        }
    }

    /// Takes note of servers that have ended.
    fn bury(&mut self) -> anyhow::Result<()> {
        for server in &self.servers {
            if !server.silent && has_ended(server.id) {
                // What it said is still read; then there is silence, whoever else holds the other end.
                let _ = shutdown(server.control.as_raw_fd(), Shutdown::Read);
            }
        }
        let mut ended = Vec::new();
        self.servers.retain(|server| {
            if !server.silent {
                return true;
            }
            let status = waitpid(server.id, Some(WaitPidFlag::WNOHANG));
            let lives = matches!(status, Ok(WaitStatus::StillAlive));
            if !lives {
                ended.push((server.stage, status));
            }
            lives
        });
        for (stage, status) in ended {
            match stage {
                Stage::Replaced => tracing::info!("the gateway that was replaced has ended"),
                Stage::Coming { .. } => {
                    tracing::error!(?status, "the new gateway has ended; the old one goes on");
                }
                Stage::Serving if self.ending.is_some() => {}
                Stage::Serving if !self.begun => bail!("the gateway cannot serve: {status:?}"),
                Stage::Serving => {
                    let pause = limits::AGAIN_MS.saturating_mul(1 << self.failures.min(6));
                    let pause = pause.min(limits::AGAIN_MS_MAX);
                    self.failures = self.failures.saturating_add(1);
                    self.again_at = Some(Instant::now() + pause);
                    tracing::error!(
                        ?status,
                        "the gateway fell over; who connects waits for the next one"
                    );
                }
            }
        }
        Ok(())
    }
}

/// It stays to be asked what became of it.
fn has_ended(id: Pid) -> bool {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(waitid(Id::Pid(id), look), Ok(WaitStatus::StillAlive))
}

fn tell(server: &Server, word: u8) {
    if let Err(error) = nix::unistd::write(&server.control, &[word]) {
        tracing::warn!(%error, "a gateway's process does not listen");
    }
}

async fn listen(id: Pid, stream: UnixStream, heard: mpsc::Sender<Heard>) {
    let mut word = [0];
    loop {
        let said = match stream.readable().await {
            Ok(()) => match stream.try_read(&mut word) {
                Ok(1) => Some(word[0]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                _ => None,
            },
            Err(_) => None,
        };
        if heard.send((id, said)).await.is_err() || said.is_none() {
            return;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Write;

    fn keeper() -> Keeper {
        let command = CommandLine {
            executable: PathBuf::from("/bin/false"),
            config: None,
        };
        let listeners = Listeners {
            https: Vec::new(),
            http: Vec::new(),
        };
        let processes = Vec::new();
        let handed = Handed {
            listeners,
            processes,
        };
        Keeper::new(command, Duration::ZERO, handed).unwrap()
    }

    /// A server that said these words and then ended; the other end stays open.
    async fn ended(keeper: &mut Keeper, said: &[u8]) -> std::os::unix::net::UnixStream {
        let (mine, mut its) = handover::pair().unwrap();
        for word in said {
            its.write_all(&[*word]).unwrap();
        }
        // It is the keeper's to wait for.
        #[allow(clippy::zombie_processes)]
        let child = Command::new("true").spawn().unwrap();
        let id = Pid::from_raw(i32::try_from(child.id()).unwrap());
        while !has_ended(id) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        keeper.keep_server(id, mine.into(), Stage::Serving).unwrap();
        its
    }

    async fn until_buried(keeper: &mut Keeper) -> anyhow::Result<()> {
        loop {
            keeper.bury()?;
            if keeper.servers.is_empty() {
                return Ok(());
            }
            let (id, said) = keeper.hearing.recv().await.unwrap();
            keeper.hear(id, said);
        }
    }

    #[tokio::test]
    async fn one_that_ended_is_judged_by_all_that_it_said() {
        let mut keeper = keeper();
        let _held = ended(&mut keeper, &[LISTENING, SERVING]).await;
        until_buried(&mut keeper).await.unwrap();
        assert!(keeper.begun && keeper.again_at.is_some());
    }

    #[tokio::test]
    async fn one_that_never_listened_ends_the_gateway() {
        let mut keeper = keeper();
        let _held = ended(&mut keeper, &[]).await;
        assert!(until_buried(&mut keeper).await.is_err());
    }

    #[tokio::test]
    async fn who_is_to_end_does_not_become_another() {
        let mut keeper = keeper();
        let (mine, _its) = handover::pair().unwrap();
        // Nobody's: it is only spoken of.
        let id = Pid::from_raw(i32::MAX);
        let until = Instant::now();
        keeper
            .keep_server(id, mine.into(), Stage::Coming { until })
            .unwrap();
        keeper.end();
        assert!(!keeper.hear(id, Some(SERVING)));
    }
}
