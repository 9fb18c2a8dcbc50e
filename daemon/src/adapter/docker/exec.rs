//! Commands run inside a container, and its last lines.

use std::collections::VecDeque;
use std::time::Duration;

use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::query_parameters::LogsOptions;
use futures_util::StreamExt;
use lavoir_core::id::{AppId, PartId};
use lavoir_core::limits::{LOG_LINE_BYTES_MAX, LOG_LINES_SHOWN_MAX};
use lavoir_core::text::Text;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Docker, QUICK, fault};
use crate::ports::{Answer, Fault, Ran};

/// A command that took too long is looked for this often, and this long apart.
const KILL_TRIES_MAX: u32 = 20;
const KILL_PAUSE: Duration = Duration::from_millis(250);

impl Docker {
    pub(super) async fn execute(
        &self,
        app: &AppId,
        service: &PartId,
        command: &[String],
        user: Option<&str>,
        timeout: Duration,
    ) -> Answer<Ran> {
        let container = self.needed_container(app, service).await?;
        let client = self.client(QUICK)?;
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            user: user.map(str::to_owned),
            ..Default::default()
        };
        let exec = client
            .create_exec(&container, options)
            .await
            .map_err(|e| fault::engine(&e))?
            .id;
        let mut tail = Tail::new(LOG_LINES_SHOWN_MAX);
        let ended = tokio::time::timeout(timeout, async {
            let started = client
                .start_exec(&exec, None)
                .await
                .map_err(|e| fault::engine(&e))?;
            if let StartExecResults::Attached { mut output, .. } = started {
                while let Some(said) = output.next().await {
                    tail.push(&said.map_err(|e| fault::engine(&e))?.into_bytes());
                }
            }
            Ok::<(), Fault>(())
        })
        .await;
        match ended {
            Ok(result) => result?,
            Err(_) => {
                kill_exec(&client, &exec, &container).await;
                return Err(too_long(timeout).with_lines(tail.lines()));
            }
        }
        let code = client
            .inspect_exec(&exec)
            .await
            .map_err(|e| fault::engine(&e))?
            .exit_code
            .unwrap_or(-1);
        Ok(Ran {
            code,
            lines: tail.lines(),
        })
    }

    pub(super) async fn tail(
        &self,
        app: &AppId,
        service: &PartId,
        lines: usize,
    ) -> Answer<Vec<String>> {
        let Some(container) = self.own_container(app, service).await?.and_then(|c| c.id) else {
            return Ok(Vec::new());
        };
        let options = LogsOptions {
            stdout: true,
            stderr: true,
            tail: lines.to_string(),
            ..Default::default()
        };
        let mut tail = Tail::new(lines);
        let client = self.client(QUICK)?;
        let read = async {
            let mut output = client.logs(&container, Some(options));
            while let Some(said) = output.next().await {
                tail.push(&said.map_err(|e| fault::engine(&e))?.into_bytes());
            }
            Ok::<(), Fault>(())
        };
        tokio::time::timeout(QUICK, read)
            .await
            .map_err(|_| fault::slow())??;
        Ok(tail.lines())
    }
}

/// The engine cannot end a command it began inside a container; as root on the same machine the daemon can. Only a
/// process that the kernel says belongs to this container.
pub(super) async fn kill_exec(client: &bollard::Docker, exec: &str, container: &str) {
    // A busy engine may not have begun it yet.
    for _ in 0..KILL_TRIES_MAX {
        let Ok(inspected) = client.inspect_exec(exec).await else {
            return;
        };
        let pid = inspected.pid.and_then(|pid| i32::try_from(pid).ok());
        match pid.filter(|pid| *pid > 1 && inspected.running == Some(true)) {
            Some(pid) => {
                let groups = tokio::fs::read_to_string(format!("/proc/{pid}/cgroup")).await;
                if groups.is_ok_and(|groups| groups.contains(container)) {
                    // It may have ended meanwhile, which is as well.
                    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                }
                return;
            }
            None if inspected.exit_code.is_some() => return,
            None => tokio::time::sleep(KILL_PAUSE).await,
        }
    }
}

pub(super) fn too_long(timeout: Duration) -> Fault {
    let seconds = timeout.as_secs();
    Fault::passing(
        "hook-timeout",
        Text::new(
            format!(
                "Une commande dans le conteneur n'a pas fini en {seconds} secondes ; elle a été arrêtée."
            ),
            format!(
                "A command inside the container did not end within {seconds} seconds; it was stopped."
            ),
        ),
        Text::new(
            "La machine réessaie d'elle-même. Si cela dure, signalez-le à ceux qui tiennent la recette, avec les lignes ci-dessous.",
            "The box tries again by itself. If it lasts, tell those who keep the recipe, with the lines below.",
        ),
    )
}

/// The last lines of a stream that may never end, in bounded memory.
pub(super) struct Tail {
    lines: VecDeque<String>,
    open: Vec<u8>,
    max: usize,
}

impl Tail {
    pub(super) fn new(max: usize) -> Self {
        Self {
            lines: VecDeque::new(),
            open: Vec::new(),
            max,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.close();
            } else if self.open.len() < LOG_LINE_BYTES_MAX {
                self.open.push(*byte);
            }
        }
    }

    fn close(&mut self) {
        let text = String::from_utf8_lossy(&self.open);
        // Whoever writes here must not steer the terminal of whoever reads.
        let text: String = text
            .chars()
            .filter(|c| !c.is_control() || *c == '\t')
            .collect();
        self.open.clear();
        if text.trim().is_empty() {
            return;
        }
        self.lines.push_back(text);
        while self.lines.len() > self.max {
            self.lines.pop_front();
        }
    }

    pub(super) fn lines(mut self) -> Vec<String> {
        self.close();
        self.lines.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_bounded_in_lines_and_bytes_and_steers_no_terminal() {
        let mut tail = Tail::new(3);
        for line in 0..100 {
            tail.push(format!("line {line}\r\n").as_bytes());
        }
        tail.push(&vec![b'x'; 10 * LOG_LINE_BYTES_MAX]);
        tail.push(b"\n\n\x1b[2Jred\x07 caf\xc3");
        tail.push(b"\xa9");
        assert_eq!(
            tail.lines(),
            [
                "line 99".to_owned(),
                "x".repeat(LOG_LINE_BYTES_MAX),
                "[2Jred café".to_owned()
            ]
        );
    }
}
