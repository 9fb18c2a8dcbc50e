//! Dumps: commands inside a container whose output or input may be larger than memory. And the moment in which an
//! app's containers stand still for them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::ContainerInspectResponse;
use futures_util::{StreamExt, stream};
use lavoir_core::id::{AppId, PartId};
use lavoir_core::limits::LOG_LINES_SHOWN_MAX;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;

use super::exec::{Tail, kill_exec, too_long};
use super::{Docker, QUICK, fault};
use crate::ports::{Answer, Bytes, Fault, Ran};

/// Pieces of a dump on their way to whoever reads it: the engine is not read faster than the repository writes.
const PIECES_MAX: usize = 8;
/// After it was let go, until a container's health has surely been checked again.
const UNTIL_CHECKED: Duration = Duration::from_secs(120);

/// Containers that we hold, by id, or held until then.
pub(super) type Held = BTreeMap<String, Option<Instant>>;

impl Docker {
    pub(super) async fn dump_of(
        &self,
        app: &AppId,
        service: &PartId,
        command: &[String],
        timeout: Duration,
    ) -> Answer<Bytes> {
        let container = self.needed_container(app, service).await?;
        let client = self.client(QUICK)?;
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..Default::default()
        };
        let exec = client
            .create_exec(&container, options)
            .await
            .map_err(|e| fault::engine(&e))?
            .id;
        let started = client
            .start_exec(&exec, None)
            .await
            .map_err(|e| fault::engine(&e))?;
        let StartExecResults::Attached { mut output, .. } = started else {
            return Err(fault::slow());
        };
        let (pieces, mut read) = mpsc::channel::<io::Result<bytes::Bytes>>(PIECES_MAX);
        tokio::spawn(async move {
            let mut tail = Tail::new(LOG_LINES_SHOWN_MAX);
            let say = async {
                while let Some(said) = output.next().await {
                    match said {
                        Ok(LogOutput::StdErr { message }) => tail.push(&message),
                        Ok(said) => {
                            if pieces.send(Ok(said.into_bytes())).await.is_err() {
                                return Err(None);
                            }
                        }
                        Err(error) => return Err(Some(fault::engine(&error))),
                    }
                }
                Ok(())
            };
            let said = tokio::select! {
                said = tokio::time::timeout(timeout, say) => said,
                // Nobody reads any more, though it says nothing just now.
                () = pieces.closed() => Ok(Err(None)),
            };
            let ended = match said {
                Ok(Ok(())) => ended_well(&client, &exec).await,
                Ok(Err(None)) => {
                    kill_exec(&client, &exec, &container).await;
                    return;
                }
                Ok(Err(Some(fault))) => Err(fault),
                Err(_) => {
                    kill_exec(&client, &exec, &container).await;
                    Err(too_long(timeout))
                }
            };
            if let Err(fault) = ended {
                let lines = tail.lines();
                let told = io::Error::other(fault.with_lines(lines));
                // Whoever read may have gone away.
                let _ = pieces.send(Err(told)).await;
            }
        });
        let pieces = stream::poll_fn(move |context| read.poll_recv(context));
        Ok(Box::pin(StreamReader::new(pieces)))
    }

    pub(super) async fn load_into(
        &self,
        app: &AppId,
        service: &PartId,
        command: &[String],
        mut from: Bytes,
        timeout: Duration,
    ) -> Answer<Ran> {
        let container = self.needed_container(app, service).await?;
        let client = self.client(QUICK)?;
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..Default::default()
        };
        let exec = client
            .create_exec(&container, options)
            .await
            .map_err(|e| fault::engine(&e))?
            .id;
        let started = client
            .start_exec(&exec, None)
            .await
            .map_err(|e| fault::engine(&e))?;
        let StartExecResults::Attached {
            mut output,
            mut input,
        } = started
        else {
            return Err(fault::slow());
        };
        let mut tail = Tail::new(LOG_LINES_SHOWN_MAX);
        let listen = async {
            while let Some(said) = output.next().await {
                tail.push(&said.map_err(|e| fault::engine(&e))?.into_bytes());
            }
            Ok::<(), Fault>(())
        };
        let tell = async {
            // A command that ends early says why on its way out: that counts, not the broken pipe.
            let told = tokio::io::copy(&mut from, &mut input).await;
            let unread = told
                .as_ref()
                .is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
            if !unread {
                let _ = input.shutdown().await;
            }
            (told, unread)
        };
        let both = async {
            tokio::pin!(listen);
            tokio::select! {
                heard = &mut listen => (heard, Ok(())),
                (told, unread) = tell => match unread {
                    true => (Ok(()), told.map(|_| ())),
                    false => (listen.await, Ok(())),
                },
            }
        };
        let ended = tokio::time::timeout(timeout, both).await;
        match ended {
            Ok((Ok(()), Ok(()))) => {}
            Ok((Err(fault), _)) => return Err(fault.with_lines(tail.lines())),
            Ok((_, Err(error))) => {
                // Half a dump must not be taken for a whole one: the command does not see its input's end.
                kill_exec(&client, &exec, &container).await;
                return Err(fault::dump_unread(&error));
            }
            Err(_) => {
                kill_exec(&client, &exec, &container).await;
                return Err(too_long(timeout).with_lines(tail.lines()));
            }
        }
        let inspected = client.inspect_exec(&exec).await;
        let code = inspected.map_err(|e| fault::engine(&e))?.exit_code;
        Ok(Ran {
            code: code.unwrap_or(-1),
            lines: tail.lines(),
        })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_held(&self, id: &str) {
        let mut held = self.held();
        held.retain(|_, until| until.is_none_or(|until| until.elapsed() < UNTIL_CHECKED));
        held.insert(id.to_owned(), None);
    }

    /// Whether a container that was seen to stand still did so because we held it.
    pub(super) fn holds(&self, container: &ContainerInspectResponse) -> bool {
        let id = container.id.as_ref();
        match id.and_then(|id| self.held().get(id).copied()) {
            Some(None) => true,
            Some(Some(until)) => until.elapsed() < UNTIL_CHECKED,
            None => false,
        }
    }

    pub(super) async fn freeze(&self, app: &AppId, services: &BTreeSet<PartId>) -> Answer<()> {
        for service in services {
            let Some(container) = self.own_container(app, service).await? else {
                continue;
            };
            let state = container.state.unwrap_or_default();
            let Some(id) = container
                .id
                .filter(|_| state.running.unwrap_or_default() && !state.paused.unwrap_or_default())
            else {
                continue;
            };
            // Known before it is so: nobody must take it for one that somebody has paused.
            self.note_held(&id);
            let frozen = self.client(QUICK)?.pause_container(&id).await;
            frozen.map_err(|e| fault::engine(&e))?;
        }
        Ok(())
    }

    pub(super) async fn thaw(&self, app: &AppId, services: &BTreeSet<PartId>) -> Answer<()> {
        let mut first = Ok(());
        for service in services {
            let thawed = async {
                let Some(container) = self.own_container(app, service).await? else {
                    return Ok(());
                };
                let state = container.state.unwrap_or_default();
                let Some(id) = container.id else {
                    return Ok(());
                };
                if state.paused.unwrap_or_default() {
                    let thawed = self.client(QUICK)?.unpause_container(&id).await;
                    thawed.map_err(|e| fault::engine(&e))?;
                }
                // A look that saw it stand still may not have come to its end.
                if let Some(until) = self.held().get_mut(&id) {
                    *until = Some(Instant::now());
                }
                Ok(())
            };
            // One that will not must not keep the others.
            first = first.and(thawed.await);
        }
        first
    }
}

async fn ended_well(client: &bollard::Docker, exec: &str) -> Answer<()> {
    let inspected = client.inspect_exec(exec).await;
    match inspected.map_err(|e| fault::engine(&e))?.exit_code {
        Some(0) => Ok(()),
        code => Err(fault::dump_failed(code.unwrap_or(-1))),
    }
}
