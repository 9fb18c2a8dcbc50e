//! What no effect may ever do.

use std::collections::BTreeSet;

use lavoir_core::app::{App, Intent, Phase};
use lavoir_core::id::AppId;
use lavoir_core::plan::volume_name;
use lavoir_core::route::Behind;

use super::Inner;

impl Inner {
    /// What holds for each effect on an app's things: the app is decided, and its doors are shut unless it is settled.
    pub(super) fn check(&mut self, app: &AppId, what: &str) -> Option<App> {
        let state = self.state()?;
        let Some(decided) = state.apps().get(app) else {
            self.violated(format!("{what} for {app}, which no decision knows"));
            return None;
        };
        if !decided.is_open() {
            let hosts = decided.release.hosts();
            let open = self.watched.as_ref().is_some_and(|watched| {
                watched.doors.borrow().iter().flatten().any(|door| {
                    hosts.contains(&&door.host) && matches!(door.behind, Behind::Container { .. })
                })
            });
            if open {
                self.violated(format!(
                    "{what} for {app} while its door is open: {:?}",
                    decided.phase
                ));
            }
        }
        Some(decided.clone())
    }

    pub(super) fn check_removal(&mut self, id: &AppId, name: &str) {
        let Some(app) = self.check(id, "remove-volume") else {
            return;
        };
        if app.intent == Intent::Deleted {
            return;
        }
        let proven = app.intent == Intent::Running && app.phase == Phase::Settled;
        let current = app
            .release
            .volumes
            .keys()
            .map(|volume| volume_name(id, volume, app.generation));
        let newer = current.into_iter().find(|current| {
            current.rsplit_once("-g").map(|(stem, _)| stem)
                == name.rsplit_once("-g").map(|(stem, _)| stem)
        });
        let newer_there = newer.as_ref().is_some_and(|newer| {
            newer != name
                && self
                    .apps
                    .get(id)
                    .and_then(|app| app.volumes.get(newer))
                    .is_some_and(|volume| volume.complete)
        });
        if !proven || !newer_there || app.previous.is_some() {
            self.violated(format!(
                "volume {name} removed; intent {:?}, phase {:?}, its present one {newer:?}",
                app.intent, app.phase
            ));
        }
    }

    pub(super) fn check_sweep(&mut self, names: &BTreeSet<String>) {
        let Some(state) = self.state() else {
            return;
        };
        let needed = state
            .apps()
            .values()
            .flat_map(App::releases)
            .flat_map(|release| release.images())
            .find(|image| names.contains(image.reference()));
        if let Some(needed) = needed {
            self.violated(format!("the image {} removed", needed.reference()));
        }
        if let Some(foreign) = names.iter().find(|name| !name.starts_with("lavoir/")) {
            self.violated(format!("the image {foreign} removed, which is not ours"));
        }
    }
}
