//! Carrying one step out. Each is safe to repeat; none chooses anything.

use std::time::Duration;

use lavoir_core::backup::Subject;
use lavoir_core::command::{Actor, Command, Report};
use lavoir_core::id::{PartId, RepositoryId};
use lavoir_core::limits;
use lavoir_core::observed::Run;
use lavoir_core::plan::Step;
use lavoir_core::release::{Image, Release};

use super::faults::{ended, hook_failed, inconsistent, no_good_answer, not_ready, volume_lost};
use super::{Worker, order, save};
use crate::engine::No;
use crate::ports::{
    Answer, AppFiles as _, Clock as _, Containers as _, Fault, Measure, OnMeasure, Probe as _,
    Retry, World,
};

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The pause before try number `tries + 1`, ms.
pub(super) fn pause_ms(tries: u32) -> u64 {
    let doubled = limits::STEP_PAUSE_MS.saturating_mul(
        1u64.checked_shl(tries.saturating_sub(1))
            .unwrap_or(u64::MAX),
    );
    doubled.min(limits::STEP_PAUSE_MS_MAX)
}

fn tries_max(step: &Step) -> u32 {
    match step {
        Step::GetImage {
            image: Image::Pulled { .. },
        } => limits::PULL_TRIES_MAX,
        _ => limits::STEP_TRIES_MAX,
    }
}

/// Steps that touch nothing a visitor meets: the app as it was goes on meanwhile.
fn leaves_visitors_alone(step: &Step) -> bool {
    matches!(
        step,
        Step::GetImage { .. } | Step::BackUp { .. } | Step::RemoveVolume { .. } | Step::Settle
    )
}

impl<W: World> Worker<W> {
    pub(super) async fn with_tries(&self, index: usize, step: &Step) -> Answer<()> {
        let world = self.engine.world();
        let app = &self.app.id;
        let mut tries = 0;
        loop {
            self.progress.step_begins(app, index, world.clock().now());
            match self.carry_out(index, step).await {
                Ok(()) => {
                    self.progress.step_done(app, index, world.clock().now());
                    return Ok(());
                }
                Err(fault) => {
                    tries += 1;
                    let again = fault.retry == Retry::Soon && tries < tries_max(step);
                    self.progress
                        .step_broke(app, index, world.clock().now(), &fault, again);
                    if !again {
                        return Err(fault);
                    }
                    tracing::info!(%app, step = step.kind(), %fault, tries, "trying again");
                    world
                        .clock()
                        .sleep(Duration::from_millis(pause_ms(tries)))
                        .await;
                }
            }
        }
    }

    async fn carry_out(&self, index: usize, step: &Step) -> Answer<()> {
        let world = self.engine.world();
        let containers = world.containers();
        let app = &self.app.id;
        let release = &*self.app.release;
        let on_measure = |measure: Measure| self.progress.step_measures(app, index, measure);
        if !leaves_visitors_alone(step) && self.threshold.shut(&self.app) {
            let hosts = self.app.releases().flat_map(Release::hosts);
            let hosts = hosts.cloned().collect();
            let patience = Duration::from_millis(limits::GATEWAY_SHUTS_MS_MAX);
            tokio::select! {
                () = self.threshold.found_shut(&hosts) => {}
                () = world.clock().sleep(patience) => {
                    tracing::warn!(%app, "the gateway does not say that it has shut the doors");
                }
            }
        }
        match step {
            Step::GetImage { image } => {
                let context = match image {
                    Image::Built { context, .. } => release.contexts.get(context),
                    Image::Pulled { .. } => None,
                };
                containers.get_image(image, context, &on_measure).await
            }
            Step::RemoveContainer { service } => containers.remove(app, service).await,
            Step::StopContainer { service } => containers.stop(app, service).await,
            Step::MakeNetwork => containers.make_network(app).await,
            Step::MakeVolume { name, copy_of, .. } => {
                containers
                    .make_volume(app, name, copy_of.as_deref(), &on_measure)
                    .await
            }
            Step::LackVolume { volume, name } => Err(volume_lost(volume, name)),
            Step::RestoreVolume {
                volume,
                name,
                origin,
            } => self.restore_volume(volume, name, origin, &on_measure).await,
            Step::RestoreSecrets { origin } => self.restore_secrets(origin).await,
            Step::LoadDump { database, origin } => self.load_dump(database, origin).await,
            Step::BackUp { repository } => self.back_up(repository, &on_measure).await,
            Step::WriteFiles { digest } => {
                let known = self.app.known_secrets();
                world.app_files().write(app, release, &known, digest).await
            }
            Step::StartContainer {
                service,
                made: true,
                ..
            } => containers.start_again(app, service).await,
            Step::StartContainer {
                service,
                spec,
                made: false,
            } => {
                containers
                    .start(&order::container(world.app_files(), &self.app, service, spec).await?)
                    .await
            }
            Step::AwaitHealth { service, timeout_s } => {
                self.await_run(service, *timeout_s, false).await
            }
            Step::AwaitEnd { service, timeout_s } => {
                self.await_run(service, *timeout_s, true).await
            }
            Step::RunHook { index } => self.run_hook(*index).await,
            Step::ProbeHealth => self.probe().await,
            Step::RemoveNetwork => containers.remove_network(app).await,
            Step::RemoveVolume { name } => containers.remove_volume(app, name).await,
            Step::RemoveFiles => world.app_files().remove(app).await,
            Step::Settle => self.settle().await,
        }
    }

    /// What visitors have now, before it is replaced.
    async fn back_up(&self, repository: &RepositoryId, on_measure: OnMeasure<'_>) -> Answer<()> {
        let (world, state) = (self.engine.world(), self.engine.state());
        let Some(proven) = self.app.proven() else {
            return Err(inconsistent("app", self.app.id.as_str()));
        };
        let at = save::opener(&**world, &state, repository).await?;
        let (taken, held_ms) =
            save::save_app(world, &state, &self.app, proven, &at, None, on_measure).await?;
        let report = save::report(
            repository,
            Subject::App(self.app.id.clone()),
            taken,
            held_ms,
        );
        match self.engine.submit(Actor::Box, report).await {
            // A refusal says that the repository was removed meanwhile: the next plan does without.
            Ok(_) | Err(No::Refused(_)) => Ok(()),
            Err(No::Broke(fault)) => Err(*fault),
        }
    }

    async fn settle(&self) -> Answer<()> {
        let report = Report::Settled {
            app: self.app.id.clone(),
            revision: self.app.revision,
        };
        match self
            .engine
            .submit(Actor::Box, Command::Report(report))
            .await
        {
            // A refusal here says that a later decision came: its plan is next.
            Ok(_) | Err(No::Refused(_)) => Ok(()),
            Err(No::Broke(fault)) => Err(*fault),
        }
    }

    async fn await_run(&self, service: &PartId, timeout_s: u32, to_its_end: bool) -> Answer<()> {
        let world = self.engine.world();
        let deadline = world.clock().running() + Duration::from_secs(timeout_s.into());
        loop {
            let run = world
                .containers()
                .look(&self.app.id, service)
                .await?
                .map(|container| container.run);
            match run {
                Some(Run::Exited(0)) if to_its_end => return Ok(()),
                Some(Run::Healthy) if !to_its_end => return Ok(()),
                Some(Run::Exited(code)) => {
                    return Err(self.with_last_lines(service, ended(service, code)).await);
                }
                None => return Err(self.with_last_lines(service, ended(service, -1)).await),
                Some(_) if world.clock().running() >= deadline => {
                    return Err(self
                        .with_last_lines(service, not_ready(service, timeout_s))
                        .await);
                }
                Some(_) => world.clock().sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn run_hook(&self, index: u32) -> Answer<()> {
        let world = self.engine.world();
        let hook = usize::try_from(index)
            .ok()
            .and_then(|index| self.app.release.hooks.get(index));
        let Some(hook) = hook else {
            return Err(inconsistent("hook", &index.to_string()));
        };
        let values = world
            .app_files()
            .values(&self.app.id, &self.app.release)
            .await?;
        let command = order::words(&hook.command, &values)?;
        let timeout = Duration::from_secs(hook.timeout_s.into());
        let ran = world
            .containers()
            .run_inside(
                &self.app.id,
                &hook.service,
                &command,
                hook.user.as_deref(),
                timeout,
            )
            .await?;
        if ran.code != 0 {
            return Err(hook_failed(&hook.service, ran.code).with_lines(ran.lines));
        }
        world
            .app_files()
            .note_hook(&self.app.id, self.app.revision, index)
            .await
    }

    async fn probe(&self) -> Answer<()> {
        let world = self.engine.world();
        let Some(health) = &self.app.release.health else {
            return Ok(());
        };
        let deadline = world.clock().running() + Duration::from_secs(health.start_s.into());
        loop {
            let address = world
                .containers()
                .look(&self.app.id, &health.service)
                .await?
                .and_then(|c| c.address);
            let answer = match address {
                Some(address) => {
                    world
                        .probe()
                        .ask(address, health, self.app.release.host.as_str())
                        .await
                }
                None => Err(ended(&health.service, -1)),
            };
            match answer {
                Ok(status) if health.status.contains(&status) => return Ok(()),
                answer if world.clock().running() >= deadline => {
                    let fault = no_good_answer(health.start_s, answer.ok());
                    return Err(self.with_last_lines(&health.service, fault).await);
                }
                _ => world.clock().sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn with_last_lines(&self, service: &PartId, fault: Fault) -> Fault {
        let lines = self.engine.world().containers().last_lines(
            &self.app.id,
            service,
            limits::LOG_LINES_SHOWN_MAX,
        );
        fault.with_lines(lines.await.unwrap_or_default())
    }
}
