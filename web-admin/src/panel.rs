//! The panel's paths.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::routing::{get, post};
use lavoir_core::limits;
use lavoir_core::text::Language;
use tokio::sync::Semaphore;

use crate::admin::Admin;
use crate::form_token::FormTokens;
use crate::pages::{
    account, act, app, backups, catalogue, door, help, home, install, ledger, live, machine,
    repository, snapshots,
};
use crate::render::Pages;
use crate::throttle::Throttle;
use crate::words::NoWords;
use crate::{assets, guard, reader};

/// What all pages share.
pub(crate) struct Panel {
    pub(crate) admin: Arc<dyn Admin>,
    pub(crate) tokens: FormTokens,
    pub(crate) throttle: Throttle,
    /// Pages followed live.
    pub(crate) live: Arc<Semaphore>,
    fr: Pages,
    en: Pages,
}

impl Panel {
    fn new(admin: Arc<dyn Admin>) -> Result<Self, NoWords> {
        let mut key = [0u8; 32];
        admin.fill_random(&mut key);
        Ok(Self {
            admin,
            tokens: FormTokens::new(key),
            throttle: Throttle::default(),
            live: Arc::new(Semaphore::new(limits::LIVE_PAGES_MAX)),
            fr: Pages::new(Language::Fr)?,
            en: Pages::new(Language::En)?,
        })
    }

    pub(crate) fn pages(&self, language: Language) -> &Pages {
        match language {
            Language::Fr => &self.fr,
            Language::En => &self.en,
        }
    }

    pub(crate) fn random(&self) -> [u8; 32] {
        let mut bytes = [0u8; 32];
        self.admin.fill_random(&mut bytes);
        bytes
    }
}

/// The panel over what the daemon does for it.
///
/// # Panics
/// When a sentence or a template that is built in cannot be read: the tests build the panel.
pub fn panel(admin: Arc<dyn Admin>) -> Router {
    let panel = match Panel::new(admin) {
        Ok(panel) => Arc::new(panel),
        Err(NoWords(what)) => panic!("the panel's own pages: {what}"),
    };
    Router::new()
        .route("/", get(home::home))
        .route("/first", get(door::first).post(door::open_first_account))
        .route("/sign-in", get(door::sign_in).post(door::come_in))
        .route("/sign-out", post(door::sign_out))
        .route("/language", post(door::language))
        .route("/catalogue", get(catalogue::all))
        .route("/catalogue/{recipe}", get(catalogue::one))
        .route(
            "/catalogue/{recipe}/install",
            get(install::form).post(install::install),
        )
        .route("/apps/{app}", get(app::page))
        .route("/apps/{app}/live", get(live::follow))
        .route("/apps/{app}/logs", get(app::logs))
        .route("/apps/{app}/settings", get(act::settings).post(act::change))
        .route(
            "/apps/{app}/secrets/{secret}",
            get(act::secret).post(act::read_secret),
        )
        .route("/apps/{app}/act/{act}", get(act::confirm).post(act::act))
        .merge(of_backups())
        .route("/machine", get(machine::page))
        .route("/ledger", get(ledger::page))
        .route("/account", get(account::page))
        .route("/account/password", post(account::change_password))
        .route("/account/sessions", post(account::end_others))
        .route("/account/tokens", post(account::make_token))
        .route("/account/tokens/{id}/end", post(account::end_token))
        .route("/help", get(help::page))
        .route("/trust", get(help::trust))
        .route("/trust/lavoir.crt", get(help::certificate))
        .route("/assets/{name}", get(assets::asset))
        .fallback(reader::nothing_here)
        .method_not_allowed_fallback(reader::nothing_here)
        .layer(DefaultBodyLimit::max(limits::FORM_BYTES_MAX))
        .layer(map_response(guard::headers))
        .with_state(panel)
}

fn of_backups() -> Router<Arc<Panel>> {
    let place = "/backups/places/{repository}";
    let one = format!("{place}/snapshots/{{snapshot}}");
    Router::new()
        .route("/backups", get(backups::page))
        .route("/backups/live", get(live::follow))
        .route(
            "/backups/add",
            get(repository::add_form).post(repository::add),
        )
        .route("/backups/box", get(snapshots::of_box))
        .route("/backups/apps/{app}", get(snapshots::of_app))
        .route(
            &format!("{place}/key"),
            get(repository::key).post(repository::read_key),
        )
        .route(
            &format!("{place}/settings"),
            get(repository::settings).post(repository::change),
        )
        .route(
            &format!("{place}/remove"),
            get(repository::remove_form).post(repository::remove),
        )
        .route(&format!("{place}/now"), post(repository::now))
        .route(&format!("{place}/cancel"), post(repository::cancel))
        .route(&one, get(snapshots::folder))
        .route(&format!("{one}/file"), get(snapshots::file))
        .route(
            &format!("{one}/restore"),
            get(snapshots::restore_form).post(snapshots::restore),
        )
}
