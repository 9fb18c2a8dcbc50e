//! The answer to a request: events, or a refusal.

mod accounts;
mod backups;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::account::Scope;
use crate::app::{App, Intent, Phase};
use crate::backup::Origin;
use crate::command::{Action, Actor, Command, Machine, Report, Request};
use crate::event::Event;
use crate::fit;
use crate::id::{AppId, Timestamp};
use crate::limits;
use crate::refusal::{AccountRefusal, Refusal};
use crate::release::Release;
use crate::state::State;
use crate::version;

/// Decides on a request.
///
/// # Errors
/// The first rule that says no.
pub fn decide(state: &State, request: &Request) -> Result<Vec<Event>, Refusal> {
    match &request.command {
        Command::Prepare { box_id, domain } => match state.identity() {
            Some(_) => Err(Refusal::AlreadyPrepared),
            None => Ok(vec![Event::BoxPrepared {
                box_id: box_id.clone(),
                domain: domain.clone(),
            }]),
        },
        Command::Act(action) => {
            let (actor, now) = (&request.actor, request.now);
            match action.app() {
                Some(_) => {
                    may(state, actor, now)?;
                    act(state, action, &request.machine)
                }
                None if backups::are_meant(action) => backups::act(state, actor, action, now),
                None => accounts::act(state, actor, action, now),
            }
            .map(|event| vec![event])
        }
        Command::Report(report) => match request.actor {
            Actor::Box => decide_report(state, report).map(|event| vec![event]),
            Actor::Installer
            | Actor::Member(_)
            | Actor::Person(_)
            | Actor::Token(_)
            | Actor::Clock => Err(Refusal::NotYours),
        },
    }
}

/// Before the founding the installer acts alone, whatever the class of the act: as root, with their account, or by a
/// program that holds their token.
fn may(state: &State, actor: &Actor, now: Timestamp) -> Result<(), Refusal> {
    if state.identity().is_none() {
        return Err(Refusal::NotPrepared);
    }
    let people = state.accounts().people();
    match actor {
        Actor::Installer => Ok(()),
        Actor::Person(person) if people.contains_key(person) => Ok(()),
        Actor::Person(_) => Err(Refusal::NotYours),
        Actor::Token(token) => match state.accounts().living(*token, now) {
            None => Err(AccountRefusal::TokenEnded.into()),
            Some(token) if token.scope == Scope::Read => Err(AccountRefusal::TokenReadsOnly.into()),
            Some(_) => Ok(()),
        },
        Actor::Member(_) => Err(Refusal::NotFounded),
        // What the clock may ask for says so itself (`backups::act`).
        Actor::Box | Actor::Clock => Err(Refusal::NotYours),
    }
}

fn act(state: &State, action: &Action, machine: &Machine) -> Result<Event, Refusal> {
    match action {
        Action::Install { app, release } => install(state, app, release, machine),
        Action::Update { app, release } => update(state, app, release, machine),
        Action::Change { app, release } => change(state, app, release, machine),
        Action::Start { app: id } => {
            let app = find(state, id)?;
            match (app.intent, app.phase) {
                (Intent::Stopped, _) => {}
                (Intent::Running, Phase::Failed) => {}
                (Intent::Running, _) => return Err(Refusal::AlreadyRunning { app: id.clone() }),
                (Intent::Removed | Intent::Deleted, _) => return Err(away(app)),
            }
            fit::fits(state, id, &app.release, machine, fit::Disk::Nothing)?;
            Ok(Event::StartDecided { app: id.clone() })
        }
        Action::Stop { app: id } => {
            let app = find(state, id)?;
            proven(app)?;
            match app.intent {
                Intent::Running => Ok(Event::StopDecided { app: id.clone() }),
                Intent::Stopped => Err(Refusal::AlreadyStopped { app: id.clone() }),
                Intent::Removed | Intent::Deleted => Err(away(app)),
            }
        }
        Action::Restart { app: id } => {
            let app = find(state, id)?;
            proven(app)?;
            running(app)?;
            Ok(Event::RestartDecided { app: id.clone() })
        }
        Action::Remove { app: id } => {
            let app = find(state, id)?;
            proven(app)?;
            match app.intent {
                Intent::Running | Intent::Stopped => Ok(Event::RemoveDecided { app: id.clone() }),
                Intent::Removed | Intent::Deleted => Err(away(app)),
            }
        }
        Action::Reinstall { app: id } => {
            let app = find(state, id)?;
            match (app.intent, app.phase) {
                (Intent::Removed, Phase::Settled | Phase::Failed) => {}
                (Intent::Removed, Phase::UnderWay(doing)) => {
                    return Err(Refusal::Busy {
                        app: id.clone(),
                        doing,
                    });
                }
                _ => return Err(Refusal::NotRemoved { app: id.clone() }),
            }
            fit::fits(state, id, &app.release, machine, fit::Disk::Nothing)?;
            Ok(Event::ReinstallDecided { app: id.clone() })
        }
        Action::ReadSecret { app: id, secret } => {
            let app = find(state, id)?;
            let shape = app.release.secrets.get(secret);
            match shape.and_then(|shape| shape.readable_as.as_ref()) {
                Some(_) => Ok(Event::SecretRead {
                    app: id.clone(),
                    secret: secret.clone(),
                }),
                None => Err(Refusal::NoSuchSecret {
                    app: id.clone(),
                    secret: secret.clone(),
                }),
            }
        }
        Action::Delete { app: id } => {
            let app = find(state, id)?;
            match app.intent {
                Intent::Deleted if app.phase != Phase::Failed => {
                    Err(Refusal::AlreadyDeleted { app: id.clone() })
                }
                _ => Ok(Event::DeleteDecided { app: id.clone() }),
            }
        }
        Action::Restore {
            app,
            release,
            installed_at,
            repository,
            snapshot,
        } => {
            let origin = Origin {
                repository: repository.clone(),
                snapshot: snapshot.clone(),
            };
            backups::restore(state, app, release, *installed_at, origin, machine)
        }
        Action::AddRepository { .. }
        | Action::ChangeRepository { .. }
        | Action::RemoveRepository { .. }
        | Action::ReadRepositoryKey { .. }
        | Action::BackUp { .. }
        | Action::CancelBackup { .. }
        | Action::OpenAccount { .. }
        | Action::ResetPassword { .. }
        | Action::ChangePassword { .. }
        | Action::MakeSetupCode
        | Action::MakeToken { .. }
        | Action::RevokeToken { .. } => Err(Refusal::NotYours),
    }
}

fn install(
    state: &State,
    id: &AppId,
    release: &Release,
    machine: &Machine,
) -> Result<Event, Refusal> {
    if state.apps().contains_key(id) {
        return Err(Refusal::NameTaken { app: id.clone() });
    }
    if state.apps().len() >= limits::APPS_MAX {
        return Err(Refusal::TooManyApps {
            max: limits::APPS_MAX,
        });
    }
    fit::hosts_free(state, id, release)?;
    fit::doors_fit(state, id, release)?;
    fit::containers_free(state, id, release)?;
    fit::fits(state, id, release, machine, fit::Disk::Install)?;
    Ok(Event::InstallDecided {
        app: id.clone(),
        release: release.clone().into(),
    })
}

fn update(
    state: &State,
    id: &AppId,
    release: &Release,
    machine: &Machine,
) -> Result<Event, Refusal> {
    let app = find(state, id)?;
    proven(app)?;
    running(app)?;
    if app.release.recipe != release.recipe {
        return Err(Refusal::OtherRecipe {
            app: id.clone(),
            recipe: app.release.recipe.clone(),
        });
    }
    if app.release.recipe_digest == release.recipe_digest && !fresher(&app.release, release) {
        return Err(Refusal::UpToDate {
            app: id.clone(),
            version: app.release.recipe_version.clone(),
        });
    }
    onward(app, release)?;
    fit::hosts_free(state, id, release)?;
    fit::doors_fit(state, id, release)?;
    fit::containers_free(state, id, release)?;
    fit::fits(state, id, release, machine, fit::Disk::Update)?;
    Ok(Event::UpdateDecided {
        app: id.clone(),
        release: release.clone().into(),
    })
}

/// The same recipe again is an update when images made on the box would be of a later month, for newer packages.
fn fresher(installed: &Release, offered: &Release) -> bool {
    let month = |release: &Release| release.made_on().map(|day| String::from(day.month()));
    month(offered) > month(installed)
}

/// Data are made for one version and those after it: an update never goes back, and leaves no main version out where
/// the recipe says so.
fn onward(app: &App, release: &Release) -> Result<(), Refusal> {
    let (installed, offered) = (&app.release.recipe_version, &release.recipe_version);
    let unordered = |version: &str| Refusal::VersionUnordered {
        app: app.id.clone(),
        version: version.into(),
    };
    match version::compare(installed, offered) {
        Some(Ordering::Greater) => {
            return Err(Refusal::OlderVersion {
                app: app.id.clone(),
                installed: installed.clone(),
                offered: offered.clone(),
            });
        }
        Some(_) => {}
        // Recipes are read with an order in their versions; only what was installed before that may have none.
        None if version::compare(offered, offered).is_none() => return Err(unordered(offered)),
        None if release.one_at_a_time => return Err(unordered(installed)),
        None => return Ok(()),
    }
    if !release.one_at_a_time {
        return Ok(());
    }
    match (
        version::main_number(installed),
        version::main_number(offered),
    ) {
        (Some(from), Some(to)) if to <= from.saturating_add(1) => Ok(()),
        (Some(from), Some(_)) => Err(Refusal::VersionSkipped {
            app: app.id.clone(),
            installed: installed.clone(),
            offered: offered.clone(),
            next: from.saturating_add(1),
        }),
        // Too long to be counted with.
        _ => Err(unordered(offered)),
    }
}

fn change(
    state: &State,
    id: &AppId,
    release: &Release,
    machine: &Machine,
) -> Result<Event, Refusal> {
    let app = find(state, id)?;
    proven(app)?;
    running(app)?;
    if app.release.recipe_digest != release.recipe_digest {
        return Err(Refusal::OtherRecipe {
            app: id.clone(),
            recipe: app.release.recipe.clone(),
        });
    }
    if *app.release == *release {
        return Err(Refusal::NothingChanged { app: id.clone() });
    }
    fit::hosts_free(state, id, release)?;
    fit::doors_fit(state, id, release)?;
    fit::containers_free(state, id, release)?;
    fit::fits(state, id, release, machine, fit::Disk::Nothing)?;
    Ok(Event::ChangeDecided {
        app: id.clone(),
        release: release.clone().into(),
    })
}

fn decide_report(state: &State, report: &Report) -> Result<Event, Refusal> {
    let (id, revision) = match report {
        Report::Settled { app, revision } | Report::Failed { app, revision, .. } => {
            (app, *revision)
        }
        Report::Saved { .. } | Report::NotSaved { .. } | Report::Tidied { .. } => {
            return backups::report(state, report);
        }
    };
    let app = find(state, id)?;
    if app.revision != revision || app.phase == Phase::Settled {
        return Err(Refusal::StaleReport { app: id.clone() });
    }
    Ok(match report {
        Report::Settled { app, revision } => Event::Settled {
            app: app.clone(),
            revision: *revision,
        },
        Report::Failed {
            app,
            revision,
            step,
            code,
        } => Event::Failed {
            app: app.clone(),
            revision: *revision,
            step: step.clone(),
            code: code.clone(),
        },
        Report::Saved { .. } | Report::NotSaved { .. } | Report::Tidied { .. } => {
            return backups::report(state, report);
        }
    })
}

fn find<'a>(state: &'a State, id: &AppId) -> Result<&'a App, Refusal> {
    state
        .apps()
        .get(id)
        .ok_or_else(|| Refusal::NoSuchApp { app: id.clone() })
}

/// While a change is not proven, its way back must not be lost.
fn proven(app: &App) -> Result<(), Refusal> {
    match app.doing() {
        Some(doing) if app.previous.is_some() || doing == crate::app::Doing::RollBack => {
            Err(Refusal::Busy {
                app: app.id.clone(),
                doing,
            })
        }
        _ => Ok(()),
    }
}

/// Why an app that is away cannot be acted on.
fn away(app: &App) -> Refusal {
    let app_id = app.id.clone();
    match app.intent {
        Intent::Deleted => Refusal::AlreadyDeleted { app: app_id },
        _ => Refusal::NotInstalled { app: app_id },
    }
}

fn running(app: &App) -> Result<(), Refusal> {
    match (app.intent, app.phase) {
        (Intent::Running, Phase::UnderWay(doing)) => Err(Refusal::Busy {
            app: app.id.clone(),
            doing,
        }),
        (Intent::Running, _) => Ok(()),
        (Intent::Stopped, _) => Err(Refusal::NotRunning {
            app: app.id.clone(),
        }),
        (Intent::Removed | Intent::Deleted, _) => Err(away(app)),
    }
}
