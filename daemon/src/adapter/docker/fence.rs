//! Keeps neighbours on the network out of the apps' own networks.
//!
//! A machine that forwards packets lets whoever is beside it on the network send some to a container's address, unless the
//! engine prevents it; engines before 28 do so only where they switched forwarding on themselves. What comes from outside for an app's
//! bridge is dropped here: all but answers, and ports that are published. The machine itself (the gateway, health
//! questions) does not pass this way. The rules stand where the engine leaves room for the machine's own, and touch
//! no other interface.

use std::io;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Names of the apps' bridges begin so.
pub const BRIDGES: &str = "lvr-";
/// Where the engine lets others put rules: it goes through them first.
const DOORSTEP: &str = "DOCKER-USER";
/// Our own chain.
const CHAIN: &str = "LAVOIR-APPS";
/// Seconds for which another program may hold the tables.
const LOCK_S: &str = "10";
/// For one call in all.
const CALL: Duration = Duration::from_secs(30);
/// Between two looks at whether the rules still stand: a firewall that is loaded anew forgets them.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The rules stand.
    Stands,
    /// The engine has no such place: it manages no rules here, or in another way.
    NoDoorstep,
}

/// The rules, and when they were last looked at.
#[derive(Default)]
pub(super) struct Fence(tokio::sync::Mutex<Option<Instant>>);

impl Fence {
    /// Makes the rules stand; now and then looks again.
    pub(super) async fn keep(&self, now: bool) {
        let mut last = self.0.lock().await;
        if !now && last.is_some_and(|last| last.elapsed() < LOOK_EVERY) {
            return;
        }
        let first = last.replace(Instant::now()).is_none();
        match keep(&[]).await {
            Ok(Kept::Stands) => {}
            Ok(Kept::NoDoorstep) if first => {
                tracing::info!("the engine manages no packet filter here: none is kept");
            }
            Ok(Kept::NoDoorstep) => {}
            // Said once: a machine without iptables stays without it.
            Err(error) if !first && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, "the packet filter before the apps could not be kept")
            }
        }
    }
}

/// Makes the rules stand. `within` goes before each command, for tests in a network of their own.
pub async fn keep(within: &[&str]) -> io::Result<Kept> {
    if !run(
        within,
        &["iptables", "-w", LOCK_S, "-n", "-L", DOORSTEP],
        "",
    )
    .await?
    {
        return Ok(Kept::NoDoorstep);
    }
    // The chain is made or made anew in one go: at no moment is it half there.
    let rules = format!(
        "*filter\n\
         :{CHAIN} - [0:0]\n\
         -A {CHAIN} -i {BRIDGES}+ -j RETURN\n\
         -A {CHAIN} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n\
         -A {CHAIN} -m conntrack --ctstate DNAT -j RETURN\n\
         -A {CHAIN} -j DROP\n\
         COMMIT\n"
    );
    must(
        run(
            within,
            &["iptables-restore", "-w", LOCK_S, "--noflush"],
            &rules,
        )
        .await?,
    )?;
    let out = format!("{BRIDGES}+");
    let jump = ["-o", &out, "-j", CHAIN];
    let call = |verb: &[&'static str]| {
        let start: &[&str] = &["iptables", "-w", LOCK_S];
        [start, verb, &jump].concat()
    };
    if !run(within, &call(&["-C", DOORSTEP]), "").await? {
        must(run(within, &call(&["-I", DOORSTEP, "1"]), "").await?)?;
    }
    Ok(Kept::Stands)
}

fn must(done: bool) -> io::Result<()> {
    done.then_some(())
        .ok_or_else(|| io::Error::other("iptables refused"))
}

async fn run(within: &[&str], command: &[&str], input: &str) -> io::Result<bool> {
    let words = [within, command].concat();
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| io::Error::other("no command"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Who reads nothing may be gone already.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let status = tokio::time::timeout(CALL, child.wait()).await;
    Ok(status
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??
        .success())
}
