//! The doors as they are shown, and which of them stay shut whatever a look at the world says: those of an app whose
//! proven containers are being taken away. A new container may get the address of an old one before it is proven.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use lavoir_core::app::App;
use lavoir_core::id::{AppId, Hostname};
use lavoir_core::route::{Door, closed_doors};
use lavoir_core::state::State;
use tokio::sync::watch;

/// What the gateway is told; nothing before the first look, so that it keeps what it had.
pub(super) struct Threshold {
    shown: watch::Sender<Option<Vec<Door>>>,
    shut: Mutex<BTreeSet<AppId>>,
    /// Hosts that the gateway lets visitors in at; nobody to wait for when there is no gateway.
    open: Option<watch::Receiver<BTreeSet<Hostname>>>,
}

impl Default for Threshold {
    fn default() -> Self {
        Self {
            shown: watch::channel(None).0,
            shut: Mutex::default(),
            open: None,
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

    /// To be told by `open` which doors visitors really find open.
    pub(super) fn of_gateway(open: watch::Receiver<BTreeSet<Hostname>>) -> Self {
        Self {
            open: Some(open),
            ..Self::default()
        }
    }

    /// Shuts an app's doors until [`Threshold::let_go`]. Whether they were not shut already.
    pub(super) fn shut(&self, app: &App) -> bool {
        let mut shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        let new = shut.insert(app.id.clone());
        if new && let Some(shown) = self.shown() {
            self.replace(closed(shown, app));
        }
        new
    }

    /// Ends once visitors find these doors shut. The gateway may be away: whoever waits has an end of its own.
    pub(super) async fn found_shut(&self, hosts: &BTreeSet<Hostname>) {
        let Some(open) = &self.open else { return };
        let mut open = open.clone();
        // Nothing said yet: the gateway may still let in by what an earlier daemon told it.
        if !open.has_changed().unwrap_or(true) {
            let _ = open.changed().await;
        }
        // The sender lives as long as the daemon.
        let _ = open.wait_for(|open| open.is_disjoint(hosts)).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn doors_are_shut_when_visitors_find_them_so() {
        let (gateway, open) = watch::channel(BTreeSet::new());
        let threshold = Threshold::of_gateway(open);
        let host = |name: &str| {
            name.parse::<Hostname>()
                .into_iter()
                .collect::<BTreeSet<_>>()
        };
        let (own, other) = (host("blog.example.org"), host("map.example.org"));
        gateway.send_replace(own.union(&other).cloned().collect());
        let mut found = Box::pin(threshold.found_shut(&own));
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(50), &mut found);
        assert!(waiting.await.is_err(), "the gateway has not shut it yet");
        gateway.send_replace(other);
        found.await;
        // Without a gateway nobody is waited for.
        Threshold::default().found_shut(&own).await;
    }
}
