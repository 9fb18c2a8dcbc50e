//! A house in memory that the panel shows: no Docker, no disk, a clock that stands still. For tests and for the
//! demonstration.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

mod apps;
pub mod backups;
mod ledger;
mod machine;
pub mod pages;
mod people;
mod recipes;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lavoir_core::app::{Doing, Intent};
use lavoir_core::backup::{Concern, RepositoryId, SnapshotId};
use lavoir_core::command::Actor;
use lavoir_core::id::{AppId, PartId, PersonId, RecipeId, Revision, Timestamp};
use lavoir_core::lasting::Times;
use lavoir_core::refusal::Refusal;
use lavoir_core::standing::Sign;
use lavoir_core::text::{Language, Message, Text};
use lavoir_web_admin::admin::*;
use zeroize::Zeroizing;

/// 22 November 2026, 07:00 UTC.
pub const NOW: u64 = 1_795_330_800_000;
pub const CODE: &str = "K7QM-2XWD";
pub const NAME: &str = "Camille Le Goff";
pub const PASSWORD: &str = "cheval-pile-agrafe-correct";
pub const TOKEN: &str = "a-session-that-is-open";
pub const KEY: &str = "K7QM2XWDK7QM2XWDK7QM2XWDK7QM2XWD";
pub const SECRET: &str = "Yt4pQz8rWm1nBv6s";
const GIB: u64 = 1 << 30;

pub struct House {
    pub apps: Mutex<Vec<AppPage>>,
    pub accounts: Mutex<Vec<(String, String)>>,
    pub sessions: Mutex<Vec<String>>,
    pub acts: Mutex<Vec<Act>>,
    pub backups: Mutex<Backups>,
    pub backup_acts: Mutex<Vec<BackupAct>>,
    pub restored: Mutex<Vec<(RepositoryId, SnapshotId)>>,
    pub asked: Mutex<Vec<LedgerAsked>>,
    /// How many times a password or a code was looked at.
    pub tries: AtomicU64,
    /// What every act is answered with, instead of being done.
    pub refuses: Mutex<Option<No>>,
    /// Whether the set-up code may still be used.
    pub code_waits: AtomicBool,
    pub hostile: bool,
    pub engine: bool,
    pub public_certificates: bool,
    chance: AtomicU64,
}

pub fn ago(s: u64) -> Timestamp {
    Timestamp(NOW - s * 1000)
}

pub fn session(id: u64) -> Session {
    Session {
        person: PersonId(1),
        name: NAME.into(),
        id,
        since: ago(3_600),
    }
}

impl House {
    /// Nobody was here yet.
    pub fn untouched() -> Self {
        Self {
            apps: Mutex::default(),
            accounts: Mutex::default(),
            sessions: Mutex::default(),
            acts: Mutex::default(),
            backups: Mutex::default(),
            backup_acts: Mutex::default(),
            restored: Mutex::default(),
            asked: Mutex::default(),
            tries: AtomicU64::new(0),
            refuses: Mutex::default(),
            code_waits: AtomicBool::new(true),
            hostile: false,
            engine: true,
            public_certificates: false,
            chance: AtomicU64::new(1),
        }
    }

    /// There is an account, and nothing installed.
    pub fn empty() -> Self {
        let house = Self::untouched();
        house.code_waits.store(false, Ordering::Relaxed);
        house
            .accounts
            .lock()
            .unwrap()
            .push((NAME.into(), PASSWORD.into()));
        house.sessions.lock().unwrap().push(TOKEN.into());
        house
    }

    /// All is well.
    pub fn calm() -> Self {
        let house = Self::empty();
        *house.apps.lock().unwrap() = vec![apps::blog(false), apps::calendar()];
        *house.backups.lock().unwrap() = backups::calm();
        house
    }

    /// All is well, and these are the backups.
    pub fn with(backups: Backups) -> Self {
        let house = Self::calm();
        *house.backups.lock().unwrap() = backups;
        house
    }

    /// One app in each state.
    pub fn busy() -> Self {
        let house = Self::empty();
        *house.apps.lock().unwrap() = vec![
            apps::calendar(),
            apps::blog(true),
            apps::map_being_installed(),
            apps::files_broken(),
            apps::forum_stopped(),
            apps::votes_went_back(),
            apps::wiki_removed(),
        ];
        *house.backups.lock().unwrap() = backups::troubled();
        house
    }

    /// Whatever comes from outside tries to be more than text.
    pub fn hostile() -> Self {
        let mut house = Self::busy();
        house.hostile = true;
        for app in house.apps.lock().unwrap().iter_mut() {
            apps::poison(app);
        }
        backups::poison(&mut house.backups.lock().unwrap());
        house
    }

    fn line(&self, index: u64, sentence: Text, kind: EntryKind) -> LedgerLine {
        LedgerLine {
            index,
            time: ago(60 * (400 - index.min(400)) * 37),
            actor: if kind == EntryKind::Settled {
                Actor::Box
            } else {
                Actor::Installer
            },
            sentence: if self.hostile {
                Text::new(apps::EVIL, apps::EVIL)
            } else {
                sentence
            },
            app: "blog".parse().ok(),
            kind,
            hash: format!("{index:064x}"),
        }
    }

    fn new_session(&self) -> NewSession {
        let id = self.chance.fetch_add(1, Ordering::Relaxed);
        let token = format!("session-{id}");
        self.sessions.lock().unwrap().push(token.clone());
        NewSession {
            token: Zeroizing::new(token),
            lasts_s: 43_200,
            session: session(id),
        }
    }
}

pub fn no(kind: NoKind, code: &str, fr: &str, en: &str) -> No {
    No {
        kind,
        message: Message {
            code: code.into(),
            sentence: Text::new(fr, en),
            next_step: Text::new("Recommencez.", "Try again."),
        },
        problems: Vec::new(),
        operation: None,
    }
}

fn refused(refusal: &Refusal) -> No {
    No {
        kind: NoKind::Conflict,
        message: refusal.message(),
        problems: Vec::new(),
        operation: None,
    }
}

fn problem(at: &str, code: &str, fr: &str, en: &str) -> Problem {
    Problem {
        at: Some(at.into()),
        message: no(NoKind::Unfit, code, fr, en).message,
    }
}

impl Admin for House {
    fn about(&self) -> About {
        About {
            domain: "verger.example".into(),
            version: "0.1.0".into(),
            in_preparation: true,
            no_account: self.accounts.lock().unwrap().is_empty(),
            code_waits: self.code_waits.load(Ordering::Relaxed),
            language: Language::Fr,
            timezone: "Europe/Paris".into(),
            now: Timestamp(NOW),
            clock: None,
            engine: self.engine,
            memory: Some(Amount {
                used: 46 * GIB / 10,
                total: 77 * GIB / 10,
            }),
            disk: Some(Amount {
                used: 88_000_000_000,
                total: 500_000_000_000,
            }),
        }
    }

    fn fill_random(&self, bytes: &mut [u8; 32]) {
        let n = self.chance.fetch_add(1, Ordering::Relaxed);
        bytes.fill(0);
        bytes[..8].copy_from_slice(&n.to_le_bytes());
    }

    fn who(&self, token: &str) -> Waits<'_, Option<Session>> {
        let known = self.sessions.lock().unwrap().iter().any(|one| one == token);
        Box::pin(async move { known.then(|| session(1)) })
    }

    fn sign_in(&self, given: Credentials) -> Waits<'_, Result<NewSession, No>> {
        Box::pin(async move {
            self.tries.fetch_add(1, Ordering::Relaxed);
            let right = self
                .accounts
                .lock()
                .unwrap()
                .iter()
                .any(|(name, password)| *name == given.name && *password == *given.password);
            if right {
                return Ok(self.new_session());
            }
            Err(no(
                NoKind::Forbidden,
                "wrong-name-or-password",
                "Ce nom et ce mot de passe ne vont pas ensemble.",
                "This name and this password do not go together.",
            ))
        })
    }

    fn open_first_account(&self, given: FirstAccount) -> Waits<'_, Result<NewSession, No>> {
        Box::pin(async move {
            self.tries.fetch_add(1, Ordering::Relaxed);
            if *given.code != CODE {
                let mut no = no(
                    NoKind::Forbidden,
                    "wrong-code",
                    "Ce n'est pas le bon code.",
                    "This is not the right code.",
                );
                no.problems.push(problem(
                    "code",
                    "wrong-code",
                    "Ce n'est pas le bon code.",
                    "This is not the right code.",
                ));
                return Err(no);
            }
            let account = (given.name.clone(), given.password.to_string());
            // One account: whoever has it gets a new password.
            *self.accounts.lock().unwrap() = vec![account];
            self.code_waits.store(false, Ordering::Relaxed);
            Ok(self.new_session())
        })
    }

    fn sign_out(&self, token: &str) -> Waits<'_, ()> {
        self.sessions.lock().unwrap().retain(|one| one != token);
        Box::pin(async {})
    }

    fn account(&self, who: &Session) -> Waits<'_, Result<Account, No>> {
        let account = people::account(self.hostile, who);
        Box::pin(async move { Ok(account) })
    }

    fn change_password(
        &self,
        _who: &Session,
        old: Zeroizing<String>,
        _new: Zeroizing<String>,
    ) -> Waits<'_, Result<NewSession, No>> {
        Box::pin(async move {
            if *old == PASSWORD {
                return Ok(self.new_session());
            }
            let mut no = no(NoKind::Unfit, "wrong-password", "", "");
            no.problems.push(problem(
                "old",
                "wrong-password",
                "Ce n'est pas votre mot de passe actuel.",
                "This is not your present password.",
            ));
            Err(no)
        })
    }

    fn end_other_sessions(&self, _who: &Session) -> Waits<'_, Result<(), No>> {
        Box::pin(async { Ok(()) })
    }

    fn make_token(
        &self,
        _who: &Session,
        _asked: NewToken,
    ) -> Waits<'_, Result<Zeroizing<String>, No>> {
        Box::pin(async { Ok(Zeroizing::new(SECRET.into())) })
    }

    fn end_token(&self, _who: &Session, _id: u64) -> Waits<'_, Result<(), No>> {
        Box::pin(async { Ok(()) })
    }

    fn apps(&self) -> Vec<AppLine> {
        self.apps
            .lock()
            .unwrap()
            .iter()
            .map(|app| app.line.clone())
            .collect()
    }

    fn app(&self, id: &AppId) -> Waits<'_, Option<AppPage>> {
        let found = self
            .apps
            .lock()
            .unwrap()
            .iter()
            .find(|app| app.line.id == *id)
            .cloned();
        Box::pin(async move {
            found.map(|mut app| {
                app.history = vec![
                    self.line(
                        391,
                        Text::new(
                            "La machine a fait pour « blog » ce que dit la ligne 390.",
                            "The box has done for “blog” what line 390 says.",
                        ),
                        EntryKind::Settled,
                    ),
                    self.line(
                        390,
                        Text::new(
                            "Camille Le Goff change des réglages de « blog ».",
                            "Camille Le Goff changes settings of “blog”.",
                        ),
                        EntryKind::Decisions,
                    ),
                ];
                app
            })
        })
    }

    fn logs(&self, _: &AppId, lines: usize) -> Waits<'_, Result<Vec<ContainerLines>, No>> {
        let written = machine::logs(self.hostile, lines);
        Box::pin(async move { Ok(written) })
    }

    fn catalogue(&self) -> Waits<'_, Catalogue> {
        Box::pin(async move {
            let recipes = recipes::all()
                .into_iter()
                .map(|recipe| self.card(recipe))
                .collect();
            Catalogue {
                recipes,
                room: Room {
                    ram_mib: 3_100,
                    disk_mib: 390_000,
                },
            }
        })
    }

    fn recipe(&self, id: &RecipeId) -> Waits<'_, Result<RecipePage, No>> {
        let id = id.clone();
        Box::pin(async move {
            let found = recipes::all()
                .into_iter()
                .find(|recipe| recipe.id == id.as_str());
            let recipe = found.ok_or_else(|| {
                no(
                    NoKind::Missing,
                    "no-such-recipe",
                    "Aucune recette ne s'appelle ainsi.",
                    "No recipe is called so.",
                )
            })?;
            Ok(RecipePage {
                card: self.card(recipe),
                room: Room {
                    ram_mib: 3_100,
                    disk_mib: 390_000,
                },
                lasts: Times::default(),
            })
        })
    }

    fn act(&self, _who: &Session, act: Act) -> Waits<'_, Result<Decided, No>> {
        Box::pin(async move {
            if let Some(no) = self.refuses.lock().unwrap().clone() {
                return Err(no);
            }
            self.acts.lock().unwrap().push(act.clone());
            let mut apps = self.apps.lock().unwrap();
            let (id, doing) = match act {
                Act::Install {
                    app, host, recipe, ..
                } => {
                    if let Some(other) = apps.iter().find(|other| other.line.host == host) {
                        let by = other.line.id.clone();
                        return Err(refused(&Refusal::HostTaken { host, by }));
                    }
                    let mut new = apps::map_being_installed();
                    new.line.id = app.clone();
                    new.line.recipe = recipe;
                    new.line.host = host;
                    apps.push(new);
                    (app, Doing::Install)
                }
                Act::Update(app, _) => (app, Doing::Update),
                Act::Change(app, _) => (app, Doing::Change),
                Act::Start(app) => (app, Doing::Start),
                Act::Stop(app) => (app, Doing::Stop),
                Act::Restart(app) => (app, Doing::Restart),
                Act::Remove(app) => (app, Doing::Remove),
                Act::Reinstall(app) => (app, Doing::Reinstall),
                Act::Delete(app) => (app, Doing::Delete),
            };
            let app = apps.iter_mut().find(|app| app.line.id == id).unwrap();
            app.line.doing = Some(doing);
            app.line.sign = Sign::Busy;
            app.line.open = false;
            app.line.state = Text::new(doing.text().fr, doing.text().en);
            if doing == Doing::Delete {
                app.line.intent = Intent::Deleted;
            }
            Ok(Decided {
                app: id,
                revision: Revision(400),
            })
        })
    }

    fn read_secret(
        &self,
        _who: &Session,
        _app: &AppId,
        _secret: &PartId,
    ) -> Waits<'_, Result<Zeroizing<String>, No>> {
        Box::pin(async { Ok(Zeroizing::new(SECRET.into())) })
    }

    fn backup_concerns(&self) -> Vec<Concern> {
        let backups = self.backups.lock().unwrap();
        let runs = !self.apps.lock().unwrap().is_empty();
        match backups.repositories.is_empty() && runs {
            true => vec![Concern::Nowhere],
            false => backups.concerns.clone(),
        }
    }

    fn backups(&self) -> Waits<'_, Result<Backups, No>> {
        Box::pin(async { Ok(self.backups.lock().unwrap().clone()) })
    }

    fn act_on_backups(&self, _who: &Session, act: BackupAct) -> Waits<'_, Result<(), No>> {
        Box::pin(async move {
            if let Some(no) = self.refuses.lock().unwrap().clone() {
                return Err(no);
            }
            if let BackupAct::Add(new) = &act {
                let mut place = backups::calm().repositories.remove(0);
                place.id = new.repository.clone();
                place.place = new.path.clone();
                place.saved.clear();
                self.backups.lock().unwrap().repositories.push(place);
            }
            self.backup_acts.lock().unwrap().push(act);
            Ok(())
        })
    }

    fn read_repository_key(
        &self,
        _who: &Session,
        _id: &RepositoryId,
    ) -> Waits<'_, Result<Zeroizing<String>, No>> {
        Box::pin(async { Ok(Zeroizing::new(KEY.into())) })
    }

    fn snapshots(&self, id: &RepositoryId) -> Waits<'_, Result<Vec<SnapshotFacts>, No>> {
        let found = backups::snapshots(self.hostile, id);
        Box::pin(async move { found })
    }

    fn snapshot_folder(
        &self,
        _at: (&RepositoryId, &SnapshotId),
        folder: &str,
        from: usize,
        count: usize,
    ) -> Waits<'_, Result<Vec<EntryFacts>, No>> {
        let all = backups::folder(self.hostile, folder).into_iter();
        let some: Vec<EntryFacts> = all.skip(from).take(count).collect();
        Box::pin(async move { Ok(some) })
    }

    fn snapshot_file(
        &self,
        _at: (&RepositoryId, &SnapshotId),
        _path: &str,
    ) -> Waits<'_, Result<FileStream, No>> {
        Box::pin(async { Ok(backups::file()) })
    }

    fn restore(
        &self,
        _who: &Session,
        (id, snapshot): (&RepositoryId, &SnapshotId),
    ) -> Waits<'_, Result<Decided, No>> {
        let at = (id.clone(), snapshot.clone());
        Box::pin(async move {
            self.restored.lock().unwrap().push(at);
            Ok(Decided {
                app: "blog".parse().unwrap(),
                revision: Revision(401),
            })
        })
    }

    fn machine(&self) -> Waits<'_, Machine> {
        let evil = self.hostile;
        Box::pin(async move { machine::machine(evil) })
    }

    fn ledger(&self, asked: LedgerAsked) -> Waits<'_, Result<LedgerPage, No>> {
        self.asked.lock().unwrap().push(asked.clone());
        Box::pin(async move { ledger::page(self, &asked) })
    }

    fn trust(&self) -> Trust {
        let own = !self.public_certificates;
        Trust {
            ca_pem: own
                .then(|| "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n".into()),
            fingerprint: own
                .then(|| "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0".into()),
        }
    }

    fn watch(&self) -> Box<dyn Watch> {
        Box::new(Slowly(3))
    }
}

/// So many changes, then none.
struct Slowly(u32);

impl Watch for Slowly {
    fn changed(&mut self) -> Waits<'_, bool> {
        Box::pin(async move {
            self.0 = self.0.saturating_sub(1);
            self.0 > 0
        })
    }
}
