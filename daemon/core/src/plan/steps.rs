//! Which steps, in which order.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Plan, Step, files_digest, service_spec, volume_name};
use crate::app::{App, Doing, Intent, Phase};
use crate::backup::{Backups, Subject};
use crate::id::PartId;
use crate::limits;
use crate::observed::{ObservedApp, Run, VolumeState};
use crate::recipe::{HookMoment, Keep};
use crate::release::{Condition, Release, Service};

/// The plan for one app: what it takes to go from what is observed to what is intended. Empty when they agree.
pub fn plan_app(
    app: &App,
    backups: &Backups,
    observed: &ObservedApp,
    images: &BTreeSet<String>,
) -> Plan {
    let mut steps = match app.intent {
        // A first installation that failed waits for a person: its containers stay as they are, to be looked at.
        Intent::Running if app.phase == Phase::Failed && !app.set_up => return nothing(app),
        Intent::Running => run(app, backups, observed, images),
        Intent::Stopped => stop(app, observed),
        Intent::Removed => remove(app, observed),
        Intent::Deleted => delete(app, observed),
    };
    if app.phase != Phase::Settled {
        steps.push(Step::Settle);
    }
    Plan {
        app: app.id.clone(),
        revision: app.revision,
        steps,
    }
}

fn nothing(app: &App) -> Plan {
    Plan {
        app: app.id.clone(),
        revision: app.revision,
        steps: Vec::new(),
    }
}

fn run(
    app: &App,
    backups: &Backups,
    observed: &ObservedApp,
    images: &BTreeSet<String>,
) -> Vec<Step> {
    let release = &*app.release;
    let mut steps = Vec::new();

    for image in release.images() {
        if !images.contains(image.reference()) {
            steps.push(Step::GetImage {
                image: image.clone(),
            });
        }
    }

    steps.extend(back_up_first(app, backups));

    // Each is a digest of much: once is enough.
    let specs: BTreeMap<&PartId, String> = release
        .services
        .keys()
        .map(|id| (id, service_spec(app, id)))
        .collect();
    let current = |id: &PartId| {
        let container = observed.containers.get(id)?;
        (specs.get(id) == Some(&container.spec)).then_some(container)
    };
    let stale = |id: &PartId| current(id).is_none();
    remove_containers(app, observed, stale, &mut steps);

    if !observed.network {
        steps.push(Step::MakeNetwork);
    }
    make_volumes(app, observed, &mut steps);
    if let Some(origin) = app.origin.as_ref().filter(|_| !app.set_up) {
        // Where the app is there, its secrets are: they are of the same life (see `decide`).
        let origin = origin.clone();
        if observed.files.is_none() {
            steps.push(Step::RestoreSecrets { origin });
        }
    }
    let digest = files_digest(release);
    if observed.files.as_ref() != Some(&digest) {
        steps.push(Step::WriteFiles { digest });
    }

    let unproven = app.phase != Phase::Settled;
    let mut start = Start {
        steps: Vec::new(),
        awaited: BTreeSet::new(),
        unproven,
    };
    for id in release.start_order() {
        let Some(service) = release.services.get(id) else {
            continue;
        };
        let run = |id: &PartId| current(id).map(|container| container.run);
        start.after_dependencies(release, service, run);
        let spec = specs.get(id).cloned().unwrap_or_default();
        start.service(id, service, spec, run(id));
        if let Some(origin) = &app.origin {
            let databases = release.databases.iter().filter(|(_, d)| d.service == *id);
            for (database, _) in databases {
                if observed.loaded.contains(&(app.revision, database.clone())) {
                    continue;
                }
                start.wait_for(id, service, run(id));
                start.steps.push(Step::LoadDump {
                    database: database.clone(),
                    origin: origin.clone(),
                });
            }
        }
    }
    for (id, service) in &release.services {
        start.wait_for(id, service, current(id).map(|container| container.run));
    }
    steps.append(&mut start.steps);

    if unproven {
        for (index, hook) in (0u32..).zip(&release.hooks) {
            if hook_is_due(app, hook.when) && !observed.hooks_done.contains(&(app.revision, index))
            {
                steps.push(Step::RunHook { index });
            }
        }
        if release.health.is_some() {
            steps.push(Step::ProbeHealth);
        }
    } else {
        remove_old_generations(app, observed, &mut steps);
    }
    steps
}

/// No backup, no update, once there is a repository: what is replaced is in a snapshot taken since the decision.
fn back_up_first(app: &App, backups: &Backups) -> Option<Step> {
    if app.doing() != Some(Doing::Update) || app.previous.is_none() {
        return None;
    }
    let subject = Subject::App(app.id.clone());
    let mut saved = backups
        .repositories()
        .values()
        .filter_map(|repository| repository.saved.get(&subject));
    if saved.any(|saved| saved.entry > app.revision) {
        return None;
    }
    let repository = backups.readiest()?.clone();
    Some(Step::BackUp { repository })
}

fn stop(app: &App, observed: &ObservedApp) -> Vec<Step> {
    let mut steps = Vec::new();
    for id in stop_order(app, observed) {
        if observed
            .containers
            .get(&id)
            .is_some_and(|container| container.run.is_running())
        {
            steps.push(Step::StopContainer { service: id });
        }
    }
    steps
}

fn remove(app: &App, observed: &ObservedApp) -> Vec<Step> {
    let mut steps = Vec::new();
    remove_containers(app, observed, |_| true, &mut steps);
    if observed.network {
        steps.push(Step::RemoveNetwork);
    }
    steps
}

fn delete(app: &App, observed: &ObservedApp) -> Vec<Step> {
    let mut steps = remove(app, observed);
    steps.extend(
        observed
            .volumes
            .keys()
            .map(|name| Step::RemoveVolume { name: name.clone() }),
    );
    steps.push(Step::RemoveFiles);
    steps
}

fn remove_containers(
    app: &App,
    observed: &ObservedApp,
    which: impl Fn(&PartId) -> bool,
    steps: &mut Vec<Step>,
) {
    for id in stop_order(app, observed) {
        if observed.containers.contains_key(&id) && which(&id) {
            steps.push(Step::RemoveContainer { service: id });
        }
    }
}

/// Containers there, each before those it depends on; those that the release does not know come first.
fn stop_order(app: &App, observed: &ObservedApp) -> Vec<PartId> {
    let known = app.release.start_order();
    let unknown = observed
        .containers
        .keys()
        .filter(|id| !known.contains(id))
        .cloned();
    unknown
        .chain(known.iter().rev().map(|id| (*id).clone()))
        .collect()
}

fn make_volumes(app: &App, observed: &ObservedApp, steps: &mut Vec<Step>) {
    for (volume, shape) in &app.release.volumes {
        let name = volume_name(&app.id, volume, app.generation);
        if observed.volumes.get(&name) == Some(&VolumeState::Complete) {
            continue;
        }
        if let Some(origin) = &app.origin {
            // A database's files come with its dump, a cache comes by itself.
            steps.push(match shape.keep {
                Keep::Data => Step::RestoreVolume {
                    volume: volume.clone(),
                    name,
                    origin: origin.clone(),
                },
                Keep::Database | Keep::Cache => Step::MakeVolume {
                    volume: volume.clone(),
                    name,
                    copy_of: None,
                },
            });
            continue;
        }
        let copy_of = match &app.previous {
            Some(previous) if previous.generation != app.generation => {
                let found = latest(app, volume, previous.generation, observed);
                match previous.release.volumes.get(volume) {
                    Some(old) if old.keep == Keep::Cache && shape.keep == Keep::Cache => None,
                    // Not there: the copy fails and the app goes back, rather than begin with nothing.
                    Some(_) => {
                        let old = || volume_name(&app.id, volume, previous.generation);
                        Some(found.unwrap_or_else(old))
                    }
                    None => found,
                }
            }
            // An app that was well does not begin again with nothing as if that were its data.
            _ if app.set_up && shape.keep != Keep::Cache => {
                let volume = volume.clone();
                steps.push(Step::LackVolume { volume, name });
                continue;
            }
            // Under this name there was an app of which a repair of the ledger has lost sight: its data come back.
            _ if shape.keep != Keep::Cache => latest(app, volume, 0, observed),
            _ => None,
        };
        steps.push(Step::MakeVolume {
            volume: volume.clone(),
            name,
            copy_of,
        });
    }
}

/// The latest complete generation of a volume up to `last`; a lost one only where there is no other. It is older than `last` when a release in between did not
/// name the volume: its data were kept, and now come back.
fn latest(app: &App, volume: &PartId, last: u64, observed: &ObservedApp) -> Option<String> {
    let complete = |lost: bool| {
        generations(app, volume, observed)
            .filter(|(_, name)| observed.volumes.get(*name) == Some(&VolumeState::Complete))
            .filter(|(generation, _)| match is_lost(app, *generation) {
                true => lost,
                false => !lost && *generation <= last,
            })
            .max_by_key(|(generation, _)| *generation)
            .map(|(_, name)| name.clone())
    };
    complete(false).or_else(|| complete(true))
}

/// Whether entries that were set aside may have made it.
fn is_lost(app: &App, generation: u64) -> bool {
    app.lost.iter().any(|lost| lost.contains(&generation))
}

fn generations<'a>(
    app: &App,
    volume: &PartId,
    observed: &'a ObservedApp,
) -> impl Iterator<Item = (u64, &'a String)> {
    let (app, volume) = (app.id.clone(), volume.clone());
    observed.volumes.keys().filter_map(move |name| {
        let digits = name.rsplit_once("-g")?.1;
        let generation = digits.parse().ok()?;
        (volume_name(&app, &volume, generation) == *name).then_some((generation, name))
    })
}

/// Older generations of volumes whose present one is proven. A volume that the release does not name any more is
/// left alone: only a decided delete takes data away.
fn remove_old_generations(app: &App, observed: &ObservedApp, steps: &mut Vec<Step>) {
    if app.previous.is_some() {
        return;
    }
    for volume in app.release.volumes.keys() {
        let current = volume_name(&app.id, volume, app.generation);
        if observed.volumes.get(&current) != Some(&VolumeState::Complete) {
            continue;
        }
        let others = generations(app, volume, observed)
            .filter(|(generation, name)| **name != current && !is_lost(app, *generation));
        steps.extend(others.map(|(_, name)| Step::RemoveVolume { name: name.clone() }));
    }
}

fn hook_is_due(app: &App, when: HookMoment) -> bool {
    match when {
        // What is restored was set up in its time.
        _ if app.origin.is_some() => false,
        HookMoment::AfterInstall => !app.set_up,
        HookMoment::AfterUpdate => app.set_up && app.doing() == Some(Doing::Update),
        HookMoment::AfterChange => app.set_up && app.doing() == Some(Doing::Change),
    }
}

/// Starting: everything as early as it may, waiting only where someone depends on it, and for all at the end.
struct Start {
    steps: Vec<Step>,
    awaited: BTreeSet<String>,
    unproven: bool,
}

impl Start {
    fn after_dependencies(
        &mut self,
        release: &Release,
        service: &Service,
        run: impl Fn(&PartId) -> Option<Run>,
    ) {
        for (id, condition) in &service.depends_on {
            if *condition == Condition::ServiceStarted {
                continue;
            }
            if let Some(dependency) = release.services.get(id) {
                self.wait_for(id, dependency, run(id));
            }
        }
    }

    fn service(&mut self, id: &PartId, service: &Service, spec: String, run: Option<Run>) {
        let start = |made| Step::StartContainer {
            service: id.clone(),
            spec: spec.clone(),
            made,
        };
        match run {
            None => self.steps.push(start(false)),
            Some(Run::Created) => self.steps.push(start(true)),
            Some(Run::Exited(0)) if service.one_shot => {}
            Some(Run::Exited(_)) if service.one_shot => {
                // A one-shot container that failed is made anew, so that it begins from a clean state.
                self.steps.push(Step::RemoveContainer {
                    service: id.clone(),
                });
                self.steps.push(start(false));
            }
            Some(Run::Exited(_)) => self.steps.push(start(true)),
            Some(Run::Starting | Run::Healthy | Run::Unhealthy) => {}
        }
    }

    fn wait_for(&mut self, id: &PartId, service: &Service, run: Option<Run>) {
        let there = match run {
            Some(Run::Exited(0)) => service.one_shot,
            Some(Run::Healthy) => !service.one_shot,
            // A settled app whose container runs but is not well is shown as such; waiting would not help it.
            Some(Run::Starting | Run::Unhealthy) => !service.one_shot && !self.unproven,
            _ => false,
        };
        if there || !self.awaited.insert(id.to_string()) {
            return;
        }
        let service_id = id.clone();
        self.steps.push(if service.one_shot {
            Step::AwaitEnd {
                service: service_id,
                timeout_s: limits::ONE_SHOT_S_MAX,
            }
        } else {
            Step::AwaitHealth {
                service: service_id,
                timeout_s: health_timeout_s(service),
            }
        });
    }
}

fn health_timeout_s(service: &Service) -> u32 {
    let own = service.healthcheck.as_ref().map_or(0, |check| {
        let rounds = u64::from(check.retries) + 1;
        (check.start_period_ms + rounds * (check.interval_ms + check.timeout_ms)) / 1_000
    });
    u32::try_from(own)
        .unwrap_or(u32::MAX)
        .clamp(limits::HEALTH_WAIT_S, limits::ONE_SHOT_S_MAX)
}
