//! What the panel's pages say of apps, recipes and the machine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lavoir_core::app::App;
use lavoir_core::backup::Subject;
use lavoir_core::command::Machine as MachineFacts;
use lavoir_core::fit::{disk_left, ram_left};
use lavoir_core::id::{AppId, RecipeId, Timestamp};
use lavoir_core::limits;
use lavoir_core::recipe::{Question, Recipe};
use lavoir_core::release::Answer;
use lavoir_core::state::State;
use lavoir_core::text::Text;
use lavoir_web_admin::admin as seen;

use super::{Panel, convert};
use crate::api::failure_of;
use crate::ports::{Clock as _, Containers as _, MachineFacts as _, World};
use crate::progress::{AppProgress, Standing};

impl<W: World> Panel<W> {
    pub(super) fn line(&self, app: &App) -> seen::AppLine {
        let (sign, state) = app.standing();
        let observed = self.observed.borrow().clone();
        let progress = self.progress.of(&app.id);
        // Until its plan begins, what is remembered is of the decision before.
        let of_this =
            |progress: &AppProgress| app.doing().is_some() && progress.revision == app.revision;
        let steps = progress.filter(of_this).map(|progress| {
            let done = progress
                .steps
                .iter()
                .filter(|step| step.standing == Standing::Done)
                .count();
            (done, progress.steps.len())
        });
        let host = app.release.host.clone();
        seen::AppLine {
            id: app.id.clone(),
            name: app.release.name.clone(),
            recipe: app.release.recipe.clone(),
            version: app.release.recipe_version.clone(),
            open: self.open_hosts.borrow().contains(&host),
            host,
            sign,
            state,
            intent: app.intent,
            doing: app.doing(),
            steps,
            health: convert::health(crate::api::health(app, &observed)),
            update: self.later(app).map(|recipe| recipe.version.clone()),
            revision: app.revision,
        }
    }

    /// The catalogue's recipe, where it is another than the app's.
    fn later(&self, app: &App) -> Option<Arc<Recipe>> {
        let (recipe, digest) = self.shelf.get(&app.release.recipe)?;
        (digest != app.release.recipe_digest).then_some(recipe)
    }

    pub(super) async fn page(&self, id: &AppId) -> Option<seen::AppPage> {
        let state = self.engine.state();
        let app = state.apps().get(id)?;
        let recipe = self
            .shelf
            .get(&app.release.recipe)
            .map(|(recipe, _)| recipe);
        let recipe = recipe.as_deref();
        let observed = self.observed.borrow().clone();
        let runs = observed.apps.get(id);
        let memory = self.measures.memory();
        let taken = |service| memory.get(&(id.clone(), service)).copied();
        let containers: Vec<seen::Container> = app
            .release
            .start_order()
            .into_iter()
            .filter_map(|name| {
                let service = app.release.services.get(name)?;
                let memory = taken(name.clone());
                Some(seen::Container {
                    service: name.to_string(),
                    image: service.image.reference().to_owned(),
                    one_shot: service.one_shot,
                    run: runs
                        .and_then(|seen| seen.containers.get(name))
                        .map(|seen| seen.run),
                    memory: memory.map(|(taken, _)| taken),
                    memory_max: memory.and_then(|(_, max)| max),
                })
            })
            .collect();
        let progress = self.progress.of(id);
        let progress = progress.filter(|of| app.doing().is_none() || of.revision == app.revision);
        let failure = app.last_failure.clone().map(|failure| {
            let card = failure_of(app, progress.as_ref());
            seen::FailureFacts {
                failure,
                message: card.as_ref().and_then(|card| card.message.clone()),
                lines: card.map(|card| card.lines).unwrap_or_default(),
            }
        });
        let about = seen::LedgerAsked {
            app: Some(id.clone()),
            limit: limits::APP_HISTORY_MAX,
            ..Default::default()
        };
        let history = self.ledger_page(about).await;
        Some(seen::AppPage {
            line: self.line(app),
            installed_at: app.installed_at,
            extra_hosts: extra_hosts(app, recipe),
            settings: recipe
                .map(|recipe| settings(app, recipe))
                .unwrap_or_default(),
            secrets: app
                .release
                .secrets
                .iter()
                .filter_map(|(id, shape)| Some((id.clone(), shape.readable_as.clone()?)))
                .collect(),
            ram_mib: app.release.ram_mib,
            memory_used: containers.iter().map(|one| one.memory).fold(None, add),
            data_used: self.measures.data_mib(id).map(|mib| mib << 20),
            containers,
            volumes: recipe.map(volumes).unwrap_or_default(),
            permanent_address: recipe.is_some_and(|recipe| recipe.federation.permanent_address),
            progress: progress.map(convert::progress),
            failure,
            update: self.later(app).map(|recipe| update(app, &recipe)),
            saved: state
                .backups()
                .last_saved(&Subject::App(id.clone()))
                .map(|(_, saved)| saved.at),
            saves: !state.backups().repositories().is_empty(),
            // The history has read the ledger to its end.
            lasts: self.briefs.lasting(|all| all.of_app(id)),
            history: history.map(|page| page.lines).unwrap_or_default(),
        })
    }

    /// The machine, measured a short while ago: to look at all its ports takes longer than to make a page.
    async fn measured(&self) -> Option<MachineFacts> {
        let world = self.engine.world();
        let now = world.clock().now();
        let fresh = |at: Timestamp| now.0.saturating_sub(at.0) < limits::ROOM_KEPT_MS;
        if let Some((at, machine)) = &*lock(&self.measured)
            && fresh(*at)
        {
            return Some(machine.clone());
        }
        let data = world.containers().data_root().await;
        let machine = world.machine_facts().measure(data.as_deref()).await.ok()?;
        *lock(&self.measured) = Some((now, machine.clone()));
        Some(machine)
    }

    pub(super) async fn room(&self) -> (Option<MachineFacts>, seen::Room) {
        let measured = self.measured().await;
        let state = self.engine.state();
        let room = measured.as_ref().map(|machine| seen::Room {
            ram_mib: ram_left(&state, None, machine),
            disk_mib: disk_left(machine),
        });
        (measured, room.unwrap_or_default())
    }

    pub(super) fn card(
        &self,
        id: RecipeId,
        recipe: &Recipe,
        (measured, room): &(Option<MachineFacts>, seen::Room),
    ) -> seen::RecipeCard {
        let state = self.engine.state();
        let from_it = |app: &&App| app.release.recipe == id;
        seen::RecipeCard {
            recipe: recipe.clone(),
            fit: fit(recipe, measured.as_ref(), room),
            installed: state
                .apps()
                .values()
                .filter(from_it)
                .map(|app| app.id.clone())
                .collect(),
            id,
        }
    }

    pub(super) fn machine_now(&self) -> seen::Machine {
        let machine = self.measures.machine();
        let state = self.engine.state();
        seen::Machine {
            model: machine.model,
            system: machine.system,
            processor: machine.processor,
            cores: machine.cores,
            up_s: machine.up_s,
            memory: machine.memory.map(convert::amount),
            disks: machine
                .disks
                .into_iter()
                .map(|disk| (convert::holds(disk.holds), convert::amount(disk.amount)))
                .collect(),
            busy_permille: machine.busy_permille,
            temperature_m: machine.temperature_m,
            network: machine.network.map(|flow| (flow.come, flow.gone)),
            memory_by: self.memory_by(&state),
            history: machine.history.into_iter().map(convert::sample).collect(),
        }
    }

    fn memory_by(&self, state: &State) -> Vec<(AppId, Text, u64)> {
        let memory = self.measures.memory();
        let mut by: Vec<(AppId, Text, u64)> = state
            .apps()
            .values()
            .filter_map(|app| {
                let own = memory.iter().filter(|((id, _), _)| *id == app.id);
                let taken = own.map(|(_, (taken, _))| Some(*taken)).fold(None, add)?;
                Some((app.id.clone(), app.release.name.clone(), taken))
            })
            .collect();
        by.sort_by_key(|(_, _, taken)| std::cmp::Reverse(*taken));
        by
    }
}

fn lock<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// None and some is some.
fn add(sum: Option<u64>, one: Option<u64>) -> Option<u64> {
    match (sum, one) {
        (None, one) => one,
        (sum, None) => sum,
        (Some(sum), Some(one)) => Some(sum.saturating_add(one)),
    }
}

fn extra_hosts(app: &App, recipe: Option<&Recipe>) -> Vec<(Text, lavoir_core::id::Hostname)> {
    let label = |id: &str| {
        let named = recipe.and_then(|recipe| recipe.hostnames.iter().find(|named| named.id == id));
        named.map_or_else(|| Text::new(id, id), |named| named.label.clone())
    };
    let hosts = app.release.extra_hosts.iter();
    hosts
        .map(|(id, host)| (label(id.as_str()), host.clone()))
        .collect()
}

fn settings(app: &App, recipe: &Recipe) -> Vec<seen::Setting> {
    let answer = |question: &Question| {
        let id = question.id.parse().ok();
        match id.and_then(|id| app.release.answers.get(&id)) {
            None => seen::Answered::No,
            Some(Answer::Public(text)) if text.is_empty() => seen::Answered::No,
            Some(Answer::Public(text)) => seen::Answered::Public(text.clone()),
            Some(Answer::Private { .. }) => seen::Answered::Private,
        }
    };
    let questions = recipe.questions.iter();
    questions
        .map(|question| seen::Setting {
            answer: answer(question),
            question: question.clone(),
        })
        .collect()
}

fn volumes(recipe: &Recipe) -> Vec<(Text, lavoir_core::recipe::Keep)> {
    let volumes = recipe.volumes.iter();
    volumes
        .map(|volume| {
            let plain = || Text::new(volume.id.as_str(), volume.id.as_str());
            (volume.label.clone().unwrap_or_else(plain), volume.keep)
        })
        .collect()
}

fn update(app: &App, recipe: &Recipe) -> seen::Update {
    let unanswered = |question: &&Question| {
        let id = question.id.parse().ok();
        id.is_some_and(|id| !app.release.answers.contains_key(&id))
    };
    seen::Update {
        version: recipe.version.clone(),
        notes: recipe.updates.notes.clone(),
        questions: recipe
            .questions
            .iter()
            .filter(unanswered)
            .cloned()
            .collect(),
    }
}

fn fit(recipe: &Recipe, measured: Option<&MachineFacts>, room: &seen::Room) -> seen::Fit {
    let Some(machine) = measured else {
        return seen::Fit::Unknown;
    };
    let ours = |family| recipe.needs.architectures.contains(&family);
    if !machine.architecture.is_some_and(ours) {
        return seen::Fit::OtherProcessor;
    }
    let (ram, disk) = (recipe.needs.ram_mib.into(), recipe.needs.disk_mib.into());
    if room.ram_mib < ram {
        return seen::Fit::LacksMemory(ram - room.ram_mib);
    }
    if room.disk_mib < disk {
        return seen::Fit::LacksDisk(disk - room.disk_mib);
    }
    seen::Fit::Fits
}
