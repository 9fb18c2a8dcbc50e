//! What the daemon does for the panel: the same roads as the API's, in the panel's own words.

mod backups;
mod convert;
mod facts;
pub mod ledger;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use lavoir_core::backup::{Concern, RepositoryId, SnapshotId};
use lavoir_core::clock;
use lavoir_core::command::{Actor, Machine as MachineFacts};
use lavoir_core::id::{AppId, Hostname, PartId, RecipeId, Timestamp, TokenId};
use lavoir_core::limits;
use lavoir_core::observed::Observed;
use lavoir_core::refusal::Refusal;
use lavoir_core::state::State;
use lavoir_core::text::Language;
use lavoir_web_admin::admin::{self as seen, Admin, No, Waits};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::accounts::{Accounts, Begun, NewToken};
use crate::api::{Desk, Problem};
use crate::backups::desk::BackupDesk;
use crate::backups::under_way::Now;
use crate::catalogue::Shelf;
use crate::engine::Engine;
use crate::measures::Measures;
use crate::ports::{Clock as _, Containers as _, Entropy as _, Fault, World};
use crate::progress::Progress;
use ledger::Briefs;

/// The daemon, as the panel sees it.
pub struct Panel<W: World> {
    /// What is decided.
    pub engine: Arc<Engine<W>>,
    /// Takes requests.
    pub desk: Arc<dyn Desk>,
    /// Who may come in.
    pub accounts: Arc<Accounts<W>>,
    /// What is under way.
    pub progress: Arc<Progress>,
    /// Repositories and snapshots.
    pub backups: Arc<BackupDesk<W>>,
    /// What is.
    pub observed: watch::Receiver<Arc<Observed>>,
    /// Hosts that the gateway has opened.
    pub open_hosts: watch::Receiver<BTreeSet<Hostname>>,
    /// How the machine does.
    pub measures: Arc<Measures>,
    /// The recipes, in memory.
    pub shelf: Arc<Shelf>,
    /// The ledger in brief.
    pub briefs: Briefs,
    /// What recipes are held against, with the time of its measure; none at first.
    pub measured: Mutex<Option<(Timestamp, MachineFacts)>>,
    /// What is spoken to those who ask for neither language.
    pub language: Language,
    /// IANA name.
    pub timezone: String,
    /// How this box shows that it is the one.
    pub trust: seen::Trust,
}

fn broke(fault: Fault) -> No {
    convert::no(fault.into())
}

/// In a task of its own: the browser may go away, but code and session must follow a password that was set.
async fn carried_through(
    begins: impl Future<Output = Result<Begun, Problem>> + Send + 'static,
) -> Result<seen::NewSession, No> {
    let begun = tokio::spawn(begins).await;
    let begun = begun.unwrap_or_else(|_| Err(Problem::inside()));
    begun.map(convert::begun).map_err(convert::no)
}

impl<W: World> Panel<W> {
    /// Has the ledger read to its end.
    async fn ledger_read(&self) -> Result<(), No> {
        let (size, _) = self.engine.root().await;
        let store = self.engine.world().ledger_store();
        self.briefs.catch_up(store, size).await.map_err(broke)
    }

    async fn ledger_page(&self, asked: seen::LedgerAsked) -> Result<seen::LedgerPage, No> {
        let names = self.accounts.names().await.map_err(broke)?;
        let root = self.engine.root().await;
        let store = self.engine.world().ledger_store();
        ledger::page(store, &self.briefs, &names, &asked, root)
            .await
            .map_err(broke)
    }
}

impl<W: World> Admin for Panel<W> {
    fn about(&self) -> seen::About {
        let state = self.engine.state();
        let identity = state.identity().map(|identity| identity.domain.to_string());
        let (memory, disk) = self.measures.in_one_line();
        seen::About {
            domain: identity.unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            in_preparation: true,
            no_account: state.accounts().people().is_empty(),
            code_waits: state.accounts().setup_code_waits(),
            language: self.language,
            timezone: self.timezone.clone(),
            now: self.engine.world().clock().now(),
            clock: clock::doubt(self.engine.world().clock().now(), state.last_time()),
            engine: self.measures.engine(),
            memory: memory.map(convert::amount),
            disk: disk.map(convert::amount),
        }
    }

    fn fill_random(&self, bytes: &mut [u8; 32]) {
        self.engine.world().entropy().fill(bytes);
    }

    fn who(&self, token: &str) -> Waits<'_, Option<seen::Session>> {
        let token = Zeroizing::new(token.to_owned());
        Box::pin(async move {
            let known = self.accounts.who(&token).await;
            known.ok().flatten().map(convert::session)
        })
    }

    fn sign_in(&self, given: seen::Credentials) -> Waits<'_, Result<seen::NewSession, No>> {
        Box::pin(async move {
            let begun = self.accounts.sign_in(convert::credentials(given)).await;
            begun.map(convert::begun).map_err(convert::no)
        })
    }

    fn open_first_account(
        &self,
        given: seen::FirstAccount,
    ) -> Waits<'_, Result<seen::NewSession, No>> {
        Box::pin(async move {
            let comes = convert::credentials(seen::Credentials {
                name: given.name,
                password: given.password,
                from: given.from,
                browser: given.browser,
            });
            let (accounts, code) = (self.accounts.clone(), given.code);
            carried_through(async move { accounts.open_first(&code, comes).await }).await
        })
    }

    fn sign_out(&self, token: &str) -> Waits<'_, ()> {
        let token = Zeroizing::new(token.to_owned());
        Box::pin(async move {
            // The cookie goes all the same; a session that could not be ended ends by time.
            if let Err(fault) = self.accounts.sign_out(&token).await {
                tracing::warn!(%fault, "a session could not be ended");
            }
        })
    }

    fn account(&self, who: &seen::Session) -> Waits<'_, Result<seen::Account, No>> {
        let person = who.person;
        Box::pin(async move {
            let sessions = self.accounts.sessions(person).await.map_err(broke)?;
            let tokens = self.accounts.tokens(Some(person)).await.map_err(broke)?;
            Ok(seen::Account {
                sessions: sessions.into_iter().map(convert::session_line).collect(),
                tokens: tokens.into_iter().map(convert::token_line).collect(),
            })
        })
    }

    fn change_password(
        &self,
        who: &seen::Session,
        old: Zeroizing<String>,
        new: Zeroizing<String>,
    ) -> Waits<'_, Result<seen::NewSession, No>> {
        let who = convert::known(who);
        let accounts = self.accounts.clone();
        Box::pin(carried_through(async move {
            accounts.change_password(&who, old, new).await
        }))
    }

    fn end_other_sessions(&self, who: &seen::Session) -> Waits<'_, Result<(), No>> {
        let who = convert::known(who);
        Box::pin(async move { self.accounts.end_other_sessions(&who).await.map_err(broke) })
    }

    fn make_token(
        &self,
        who: &seen::Session,
        asked: seen::NewToken,
    ) -> Waits<'_, Result<Zeroizing<String>, No>> {
        let (actor, session) = (Actor::Person(who.person), Some(who.id));
        Box::pin(async move {
            let asked = NewToken {
                label: asked.label,
                scope: convert::scope(asked.scope),
                days: asked.days,
            };
            let made = self.accounts.make_token(actor, session, asked).await;
            made.map(|made| made.key).map_err(convert::no)
        })
    }

    fn end_token(&self, who: &seen::Session, id: u64) -> Waits<'_, Result<(), No>> {
        let actor = Actor::Person(who.person);
        Box::pin(async move {
            let ended = self.accounts.end_token(actor, TokenId(id)).await;
            ended.map_err(convert::no)
        })
    }

    fn apps(&self) -> Vec<seen::AppLine> {
        let state = self.engine.state();
        state.apps().values().map(|app| self.line(app)).collect()
    }

    fn app(&self, id: &AppId) -> Waits<'_, Option<seen::AppPage>> {
        let id = id.clone();
        Box::pin(async move { self.page(&id).await })
    }

    fn logs(&self, id: &AppId, lines: usize) -> Waits<'_, Result<Vec<seen::ContainerLines>, No>> {
        let id = id.clone();
        let lines = lines.min(limits::LOG_LINES_ASKED_MAX);
        Box::pin(async move {
            let state = self.engine.state();
            let missing = || Problem::from(Refusal::NoSuchApp { app: id.clone() });
            let app = state.apps().get(&id).ok_or_else(missing);
            let app = app.map_err(convert::no)?;
            let containers = self.engine.world().containers();
            let mut all = Vec::new();
            for service in app.release.start_order() {
                let said = containers.last_lines(&id, service, lines).await;
                let (lines, trouble) = match said {
                    Ok(lines) => (lines, None),
                    Err(fault) => (Vec::new(), Some(fault.message)),
                };
                all.push(seen::ContainerLines {
                    service: service.to_string(),
                    lines,
                    trouble,
                });
            }
            Ok(all)
        })
    }

    fn catalogue(&self) -> Waits<'_, seen::Catalogue> {
        Box::pin(async move {
            let measured = self.room().await;
            let recipes = self.shelf.all().into_iter();
            seen::Catalogue {
                recipes: recipes
                    .map(|(id, recipe)| self.card(id, &recipe, &measured))
                    .collect(),
                room: measured.1,
            }
        })
    }

    fn recipe(&self, id: &RecipeId) -> Waits<'_, Result<seen::RecipePage, No>> {
        let id = id.clone();
        Box::pin(async move {
            let measured = self.room().await;
            let (recipe, _) = match self.shelf.get(&id) {
                Some(found) => found,
                // Unknown or unsound: the desk says which, and why.
                None => {
                    let (desk, id) = (self.desk.clone(), id.clone());
                    let asked = tokio::task::spawn_blocking(move || desk.recipe(&id)).await;
                    let why = asked.ok().and_then(Result::err);
                    return Err(convert::no(why.unwrap_or_else(Problem::inside)));
                }
            };
            // How long things took is not worth an error.
            let _ = self.ledger_read().await;
            Ok(seen::RecipePage {
                lasts: self.briefs.lasting(|all| all.of_recipe(&id)),
                card: self.card(id, &recipe, &measured),
                room: measured.1,
            })
        })
    }

    fn act(&self, who: &seen::Session, act: seen::Act) -> Waits<'_, Result<seen::Decided, No>> {
        let (actor, desk) = (Actor::Person(who.person), self.desk.clone());
        Box::pin(async move {
            let asked = convert::asked(act);
            let app = asked.app().cloned();
            // In a task of its own: the browser may go away, what was asked is carried through.
            let decided = tokio::spawn(async move { desk.act(actor, asked).await }).await;
            let state: Arc<State> = decided
                .unwrap_or_else(|_| Err(Problem::inside()))
                .map_err(convert::no)?;
            let app = app.and_then(|app| state.apps().get(&app));
            match app {
                Some(app) => Ok(seen::Decided {
                    app: app.id.clone(),
                    revision: app.revision,
                }),
                None => Err(convert::no(Problem::inside())),
            }
        })
    }

    fn read_secret(
        &self,
        who: &seen::Session,
        app: &AppId,
        secret: &PartId,
    ) -> Waits<'_, Result<Zeroizing<String>, No>> {
        let (actor, app, secret) = (Actor::Person(who.person), app.clone(), secret.clone());
        Box::pin(async move {
            let read = self.desk.read_secret(actor, app, secret).await;
            read.map_err(convert::no)
        })
    }

    fn backup_concerns(&self) -> Vec<Concern> {
        self.concerns()
    }

    fn backups(&self) -> Waits<'_, Result<seen::Backups, No>> {
        Box::pin(self.all_backups())
    }

    fn act_on_backups(
        &self,
        who: &seen::Session,
        act: seen::BackupAct,
    ) -> Waits<'_, Result<(), No>> {
        Box::pin(self.backup_act(Actor::Person(who.person), act))
    }

    fn read_repository_key(
        &self,
        who: &seen::Session,
        id: &RepositoryId,
    ) -> Waits<'_, Result<Zeroizing<String>, No>> {
        let (actor, id) = (Actor::Person(who.person), id.clone());
        Box::pin(async move { self.key_of(actor, &id).await })
    }

    fn snapshots(&self, id: &RepositoryId) -> Waits<'_, Result<Vec<seen::SnapshotFacts>, No>> {
        let id = id.clone();
        Box::pin(async move { self.all_snapshots(&id).await })
    }

    fn snapshot_folder(
        &self,
        (id, snapshot): (&RepositoryId, &SnapshotId),
        folder: &str,
        from: usize,
        count: usize,
    ) -> Waits<'_, Result<Vec<seen::EntryFacts>, No>> {
        let (id, snapshot, folder) = (id.clone(), snapshot.clone(), folder.to_owned());
        Box::pin(async move { self.folder_of((&id, &snapshot), &folder, from, count).await })
    }

    fn snapshot_file(
        &self,
        (id, snapshot): (&RepositoryId, &SnapshotId),
        path: &str,
    ) -> Waits<'_, Result<seen::FileStream, No>> {
        let (id, snapshot, path) = (id.clone(), snapshot.clone(), path.to_owned());
        Box::pin(async move { self.file_of((&id, &snapshot), &path).await })
    }

    fn restore(
        &self,
        who: &seen::Session,
        (id, snapshot): (&RepositoryId, &SnapshotId),
    ) -> Waits<'_, Result<seen::Decided, No>> {
        let (id, snapshot) = (id.clone(), snapshot.clone());
        let actor = Actor::Person(who.person);
        Box::pin(async move { self.restored(actor, (&id, &snapshot)).await })
    }

    fn machine(&self) -> Waits<'_, seen::Machine> {
        Box::pin(async move { self.machine_now() })
    }

    fn ledger(&self, asked: seen::LedgerAsked) -> Waits<'_, Result<seen::LedgerPage, No>> {
        Box::pin(self.ledger_page(asked))
    }

    fn trust(&self) -> seen::Trust {
        self.trust.clone()
    }

    fn watch(&self) -> Box<dyn seen::Watch> {
        Box::new(Follows {
            states: self.engine.watch(),
            changes: self.progress.watch(),
            open_hosts: self.open_hosts.clone(),
            saving: self.backups.watch(),
        })
    }
}

struct Follows {
    states: watch::Receiver<Arc<State>>,
    changes: watch::Receiver<u64>,
    open_hosts: watch::Receiver<BTreeSet<Hostname>>,
    saving: watch::Receiver<BTreeMap<RepositoryId, Now>>,
}

impl seen::Watch for Follows {
    fn changed(&mut self) -> Waits<'_, bool> {
        Box::pin(async move {
            let moved = tokio::select! {
                changed = self.states.changed() => changed,
                changed = self.changes.changed() => changed,
                changed = self.open_hosts.changed() => changed,
                changed = self.saving.changed() => changed,
            };
            moved.is_ok()
        })
    }
}
