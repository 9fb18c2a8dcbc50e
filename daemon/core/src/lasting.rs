//! How long acts took on this box: from the entry that decided one to the entry that says it is done.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::app::Doing;
use crate::event::Event;
use crate::id::{AppId, RecipeId, Revision, Timestamp};
use crate::limits::{LASTING_KEPT_MAX, LASTING_MS_MAX};

/// Folded from the ledger beside the state, for pages alone: nothing is decided by it.
#[derive(Debug, Clone, Default)]
pub struct Lasting {
    apps: BTreeMap<AppId, OfApp>,
    recipes: BTreeMap<RecipeId, Times>,
}

/// The last times of each kind of act, ms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times(BTreeMap<Doing, VecDeque<u64>>);

#[derive(Debug, Clone)]
struct OfApp {
    recipe: RecipeId,
    revision: Revision,
    under_way: Option<Doing>,
    /// Since when; only where nothing else was under way when it began.
    since: Option<Timestamp>,
    times: Times,
}

impl Lasting {
    /// Takes the next entry.
    pub fn apply(&mut self, index: u64, time: Timestamp, events: &[Event]) {
        for event in events {
            self.apply_event(Revision(index), time, event);
        }
    }

    fn apply_event(&mut self, revision: Revision, time: Timestamp, event: &Event) {
        if let Event::InstallDecided { app, release } = event {
            let new = OfApp {
                recipe: release.recipe.clone(),
                revision,
                under_way: Some(Doing::Install),
                since: Some(time),
                times: Times::default(),
            };
            self.apps.insert(app.clone(), new);
            return;
        }
        let Some(id) = event.app() else { return };
        let Some(app) = self.apps.get_mut(id) else {
            return;
        };
        let doing = match event {
            Event::UpdateDecided { .. } => Doing::Update,
            Event::ChangeDecided { .. } => Doing::Change,
            Event::StartDecided { .. } => Doing::Start,
            Event::StopDecided { .. } => Doing::Stop,
            Event::RestartDecided { .. } => Doing::Restart,
            Event::RemoveDecided { .. } => Doing::Remove,
            Event::ReinstallDecided { .. } => Doing::Reinstall,
            Event::DeleteDecided { .. } => Doing::Delete,
            Event::RestoreDecided { .. } => Doing::Restore,
            Event::Settled {
                revision: reported, ..
            } if *reported == app.revision => return self.settled(&id.clone(), time),
            Event::Failed {
                revision: reported, ..
            } if *reported == app.revision => {
                // What follows is a return to what was before, or what somebody does about it.
                app.under_way = Some(Doing::RollBack);
                app.since = None;
                app.revision = revision;
                return;
            }
            _ => return,
        };
        app.since = app.under_way.is_none().then_some(time);
        app.under_way = Some(doing);
        app.revision = revision;
    }

    fn settled(&mut self, id: &AppId, time: Timestamp) {
        let Some(app) = self.apps.get_mut(id) else {
            return;
        };
        let Some(doing) = app.under_way.take() else {
            return;
        };
        let took = app.since.map(|since| time.0.saturating_sub(since.0));
        // What took longer: the box was off meanwhile.
        if let Some(took) = took.filter(|took| *took <= LASTING_MS_MAX) {
            app.times.push(doing, took);
            let of_recipe = self.recipes.entry(app.recipe.clone()).or_default();
            of_recipe.push(doing, took);
        }
        if doing == Doing::Delete {
            self.apps.remove(id);
        }
    }

    /// What is known of an app: its own times, and those of others of its recipe for what it never did.
    pub fn of_app(&self, app: &AppId) -> Times {
        let Some(app) = self.apps.get(app) else {
            return Times::default();
        };
        let mut times = self.of_recipe(&app.recipe);
        for (doing, own) in &app.times.0 {
            times.0.insert(*doing, own.clone());
        }
        times
    }

    /// What is known of a recipe's apps.
    pub fn of_recipe(&self, recipe: &RecipeId) -> Times {
        self.recipes.get(recipe).cloned().unwrap_or_default()
    }
}

impl Times {
    /// The times of one kind of act, the latest last; for tests and demonstrations.
    pub fn of(doing: Doing, took_ms: impl IntoIterator<Item = u64>) -> Self {
        let mut times = Self::default();
        for took in took_ms {
            times.push(doing, took);
        }
        times
    }

    fn push(&mut self, doing: Doing, took: u64) {
        let last = self.0.entry(doing).or_default();
        if last.len() >= LASTING_KEPT_MAX {
            last.pop_front();
        }
        last.push_back(took);
    }

    /// How long it is likely to take, ms: the middle one of the last times (of an even number the longer one), so that
    /// one long night changes nothing. None when it was never seen.
    pub fn likely(&self, doing: Doing) -> Option<u64> {
        let mut last: Vec<u64> = self.0.get(&doing)?.iter().copied().collect();
        last.sort_unstable();
        last.get(last.len() / 2).copied()
    }
}
