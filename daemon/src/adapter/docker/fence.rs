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

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

/// Names of the apps' bridges begin so.
pub const BRIDGES: &str = "lvr-";
/// Where the engine lets others put rules: it goes through them first.
const DOORSTEP: &str = "DOCKER-USER";
/// Our own chain.
const CHAIN: &str = "LAVOIR-APPS";
/// How iptables answers that a rule is not there.
const NOT_THERE: i32 = 1;
/// Of what a command says, as much is read. Chains come before rules.
const SAID_BYTES_MAX: u64 = 1024 * 1024;
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
    // All chains are asked for: that there is none of this name and that nothing can be asked are answered apart.
    let chains = must(run(within, &["iptables", "-w", LOCK_S, "-S"], "").await?)?;
    let doorstep = format!("-N {DOORSTEP}");
    if !chains.lines().any(|line| line == doorstep) {
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
    let make = ["iptables-restore", "-w", LOCK_S, "--noflush"];
    must(run(within, &make, &rules).await?)?;
    let out = format!("{BRIDGES}+");
    let jump = ["-o", &out, "-j", CHAIN];
    let call = |verb: &[&'static str]| {
        let start: &[&str] = &["iptables", "-w", LOCK_S];
        [start, verb, &jump].concat()
    };
    let asked = run(within, &call(&["-C", DOORSTEP]), "").await?;
    if asked.code == Some(NOT_THERE) {
        must(run(within, &call(&["-I", DOORSTEP, "1"]), "").await?)?;
    } else {
        must(asked)?;
    }
    Ok(Kept::Stands)
}

/// How a command ended, and what it said.
struct Ended {
    /// None: by a signal.
    code: Option<i32>,
    answer: String,
    complaint: String,
}

/// Its answer.
fn must(ended: Ended) -> io::Result<String> {
    if ended.code == Some(0) {
        return Ok(ended.answer);
    }
    let why = ended.complaint.lines().find(|line| !line.trim().is_empty());
    let why = why.unwrap_or("no reason given");
    Err(io::Error::other(format!("iptables refused: {why}")))
}

async fn run(within: &[&str], command: &[&str], input: &str) -> io::Result<Ended> {
    let words = [within, command].concat();
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| io::Error::other("no command"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Who reads nothing may be gone already.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let (answer, complaint) = tokio::join!(words_of(stdout), words_of(stderr));
        let (answer, complaint) = (answer?, complaint?);
        let code = child.wait().await?.code();
        Ok(Ended {
            code,
            answer,
            complaint,
        })
    };
    let ended = tokio::time::timeout(CALL, ended).await;
    ended.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// What is said, up to a measure; the rest is passed over.
async fn words_of(from: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let mut said = Vec::new();
    if let Some(mut from) = from {
        (&mut from)
            .take(SAID_BYTES_MAX)
            .read_to_end(&mut said)
            .await?;
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// An iptables that answers as this script does.
    async fn with(script: &str) -> io::Result<Kept> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        for name in ["iptables", "iptables-restore"] {
            let file = folder.path().join(name);
            std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("PATH={}:/usr/bin:/bin", folder.path().display());
        keep(&["env", &path]).await
    }

    #[tokio::test]
    async fn no_chain_and_no_answer_are_told_apart() {
        let none = with("echo -P FORWARD ACCEPT; echo -N DOCKER-USER-2").await;
        assert_eq!(none.unwrap(), Kept::NoDoorstep);
        let there = "case \"$*\" in *-S) echo -N DOCKER-USER ;;";
        assert_eq!(with(&format!("{there} esac")).await.unwrap(), Kept::Stands);
        // Locked, no rights, incompatible, killed: never “no chain”.
        for (script, said) in [
            (
                "echo Another app holds the lock >&2; exit 4",
                "holds the lock",
            ),
            (
                "echo; echo table filter is incompatible >&2; exit 1",
                "incompatible",
            ),
            ("kill -9 $$", "no reason"),
            (
                &format!("{there} *-C*) echo no rights >&2; exit 4 ;; esac"),
                "no rights",
            ),
            (
                &format!("{there} *-C*) exit 1 ;; *-I*) echo full >&2; exit 1 ;; esac"),
                "full",
            ),
        ] {
            let error = with(script).await.unwrap_err().to_string();
            assert!(error.contains(said), "{script}: {error}");
        }
    }
}
