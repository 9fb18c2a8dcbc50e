//! The doors as they are shown, and which of them stay shut whatever a look at the world says: those of an app whose
//! proven containers are being taken away. A new container may get the address of an old one before it is proven.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use lavoir_core::app::App;
use lavoir_core::id::AppId;
use lavoir_core::route::{Door, closed_doors};
use lavoir_core::state::State;
use tokio::sync::watch;

/// What the gateway is told; nothing before the first look, so that it keeps what it had.
pub(super) struct Threshold {
    shown: watch::Sender<Option<Vec<Door>>>,
    shut: Mutex<BTreeSet<AppId>>,
}

impl Default for Threshold {
    fn default() -> Self {
        Self {
            shown: watch::channel(None).0,
            shut: Mutex::default(),
        }
    }
}

impl Threshold {
    pub(super) fn watch(&self) -> watch::Receiver<Option<Vec<Door>>> {
        self.shown.subscribe()
    }

    pub(super) fn shown(&self) -> Option<Vec<Door>> {
        self.shown.borrow().clone()
    }

    /// Shows new doors; those of shut apps are closed ones.
    pub(super) fn show(&self, state: &State, doors: Vec<Door>) {
        let shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        let shut_apps = shut.iter().filter_map(|id| state.apps().get(id));
        self.replace(shut_apps.fold(doors, closed));
    }

    /// Shuts an app's doors until [`Threshold::let_go`].
    pub(super) fn shut(&self, app: &App) {
        let mut shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        if shut.insert(app.id.clone())
            && let Some(shown) = self.shown()
        {
            self.replace(closed(shown, app));
        }
    }

    /// The next look may open them.
    pub(super) fn let_go(&self, app: &AppId) {
        let mut shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        shut.remove(app);
    }

    fn replace(&self, new: Vec<Door>) {
        let new = Some(new);
        self.shown.send_if_modified(|old| {
            let differs = *old != new;
            *old = new;
            differs
        });
    }
}

fn closed(mut doors: Vec<Door>, app: &App) -> Vec<Door> {
    let hosts = app.release.hosts();
    doors.retain(|door| !hosts.contains(&&door.host));
    doors.extend(closed_doors(app));
    doors
}
