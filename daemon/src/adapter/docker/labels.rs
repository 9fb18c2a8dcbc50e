//! Labels: what this box has made, and for whom.

use std::collections::HashMap;

use lavoir_core::id::{AppId, PartId};

use super::Docker;

/// Which box made it.
pub(super) const BOX: &str = "org.lavoir.box";
/// For which app.
pub(super) const APP: &str = "org.lavoir.app";
/// For which of its services.
pub(super) const SERVICE: &str = "org.lavoir.service";
/// From what a container was made.
pub(super) const SPEC: &str = "org.lavoir.spec";
/// Of which volume this one is a copy.
pub(super) const COPY_OF: &str = "org.lavoir.copy-of";
/// From which snapshot a volume is filled.
pub(super) const SNAPSHOT: &str = "org.lavoir.snapshot";
/// From which settings the base image was made.
pub(super) const BASE: &str = "org.lavoir.base";

/// On what an image was built: its base, decided on that day.
pub(super) const FOOTING: &str = "org.lavoir.footing";
/// Where footings are tagged.
pub(super) const FOOTINGS: &str = "lavoir/footing";
/// Where bases are tagged.
pub(super) const BASES: &str = "lavoir/base";
/// All names that this box gives to images begin so.
pub(super) const NAMES: &str = "lavoir/";

pub(super) type Labels = HashMap<String, String>;

impl Docker {
    /// What everything made for an app carries.
    pub(super) fn labels(&self, app: &AppId) -> Labels {
        HashMap::from([
            (BOX.to_owned(), self.box_id.clone()),
            (APP.to_owned(), app.to_string()),
        ])
    }

    /// Asks the engine for this box's objects only.
    pub(super) fn box_filter(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![format!("{BOX}={}", self.box_id)])])
    }

    /// Made by this box.
    pub(super) fn is_ours(&self, labels: Option<&Labels>) -> bool {
        labels
            .and_then(|l| l.get(BOX))
            .is_some_and(|id| *id == self.box_id)
    }

    /// Made by this box for that app. `lavoir-a-b-c` may be service `c` of `a-b` or service `b-c` of `a`: a name
    /// alone proves nothing.
    pub(super) fn is_of_app(&self, labels: Option<&Labels>, app: &AppId) -> bool {
        self.is_ours(labels)
            && labels
                .and_then(|l| l.get(APP))
                .is_some_and(|id| id == app.as_str())
    }

    /// Made by this box for that service of that app.
    pub(super) fn is_of_service(
        &self,
        labels: Option<&Labels>,
        app: &AppId,
        service: &PartId,
    ) -> bool {
        self.is_of_app(labels, app)
            && labels
                .and_then(|l| l.get(SERVICE))
                .is_some_and(|id| id == service.as_str())
    }
}

/// The app it was made for, where that reads as one.
pub(super) fn app_of(labels: &Labels) -> Option<AppId> {
    labels.get(APP)?.parse().ok()
}

/// The service it was made for, where that reads as one.
pub(super) fn service_of(labels: &Labels) -> Option<PartId> {
    labels.get(SERVICE)?.parse().ok()
}
