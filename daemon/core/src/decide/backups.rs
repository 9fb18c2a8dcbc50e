//! Backups: where they go, when they are taken, and the way back.

use alloc::vec;
use alloc::vec::Vec;

use super::{away, find, may, proven};
use crate::app::Intent;
use crate::backup::{KeepRule, Origin, Place, Repository, RepositoryId, Subject, can_be_saved};
use crate::command::{Action, Actor, Machine, Report};
use crate::event::Event;
use crate::fit;
use crate::id::{AppId, Timestamp};
use crate::limits;
use crate::refusal::{BackupRefusal, Refusal};
use crate::release::Release;
use crate::state::State;

/// Whether an act about no app is about backups.
pub(super) fn are_meant(action: &Action) -> bool {
    matches!(
        action,
        Action::AddRepository { .. }
            | Action::ChangeRepository { .. }
            | Action::RemoveRepository { .. }
            | Action::ReadRepositoryKey { .. }
            | Action::BackUp { .. }
            | Action::CancelBackup { .. }
    )
}

/// Decides on an act about repositories.
pub(super) fn act(
    state: &State,
    actor: &Actor,
    action: &Action,
    now: Timestamp,
) -> Result<Event, Refusal> {
    // The clock asks for what is due, and for nothing else.
    let due = matches!(
        (actor, action),
        (Actor::Clock, Action::BackUp { of: None, .. })
    );
    if !due {
        may(state, actor, now)?;
    }
    match action {
        Action::AddRepository {
            repository,
            place,
            every_nights,
            keep,
        } => {
            let known = state.backups().repositories();
            if known.contains_key(repository) {
                let repository = repository.clone();
                return Err(BackupRefusal::NameTaken { repository }.into());
            }
            if let Some((by, _)) = known.iter().find(|(_, other)| other.place == *place) {
                return Err(BackupRefusal::PlaceTaken { by: by.clone() }.into());
            }
            if known.len() >= limits::REPOSITORIES_MAX {
                let max = limits::REPOSITORIES_MAX;
                return Err(BackupRefusal::TooMany { max }.into());
            }
            sound_place(place)?;
            sound_rule(*every_nights, keep)?;
            Ok(Event::RepositoryAdded {
                repository: repository.clone(),
                place: place.clone(),
                every_nights: *every_nights,
                keep: *keep,
            })
        }
        Action::ChangeRepository {
            repository: id,
            every_nights,
            keep,
        } => {
            let repository = known(state, id)?;
            sound_rule(*every_nights, keep)?;
            if (repository.every_nights, repository.keep) == (*every_nights, *keep) {
                return Err(BackupRefusal::NothingChanged.into());
            }
            Ok(Event::RepositoryChanged {
                repository: id.clone(),
                every_nights: *every_nights,
                keep: *keep,
            })
        }
        Action::RemoveRepository { repository: id } => {
            known(state, id)?;
            let mut apps = state.apps().values();
            let needed = |origin: &Origin| origin.repository == *id;
            if let Some(app) = apps.find(|app| app.origin.as_ref().is_some_and(needed)) {
                let app = app.id.clone();
                return Err(BackupRefusal::RestoreUnderWay { app }.into());
            }
            Ok(Event::RepositoryRemoved {
                repository: id.clone(),
            })
        }
        Action::ReadRepositoryKey { repository: id } => {
            known(state, id)?;
            Ok(Event::RepositoryKeyRead {
                repository: id.clone(),
            })
        }
        Action::BackUp { repository: id, of } => {
            let repository = known(state, id)?;
            if repository.round.is_some() {
                return Err(BackupRefusal::UnderWay {
                    repository: id.clone(),
                }
                .into());
            }
            Ok(Event::BackupDecided {
                repository: id.clone(),
                of: subjects(state, of.as_ref())?,
                tidy: of.is_none(),
            })
        }
        Action::CancelBackup { repository: id } => match known(state, id)?.round {
            Some(_) => Ok(Event::BackupCancelled {
                repository: id.clone(),
            }),
            None => Err(BackupRefusal::NotUnderWay {
                repository: id.clone(),
            }
            .into()),
        },
        _ => Err(Refusal::NotYours),
    }
}

/// What a round saves: the box itself comes last, so that it knows of the others' snapshots.
fn subjects(state: &State, of: Option<&Subject>) -> Result<Vec<Subject>, Refusal> {
    match of {
        Some(Subject::App(id)) => {
            let app = find(state, id)?;
            match can_be_saved(app) {
                true => Ok(vec![Subject::App(id.clone())]),
                false => Err(BackupRefusal::NotWell { app: id.clone() }.into()),
            }
        }
        Some(Subject::Box) => Ok(vec![Subject::Box]),
        None => {
            let apps = state.apps().values().filter(|app| can_be_saved(app));
            let apps = apps.map(|app| Subject::App(app.id.clone()));
            Ok(apps.chain([Subject::Box]).collect())
        }
    }
}

/// Decides on making an app again what it was.
pub(super) fn restore(
    state: &State,
    id: &AppId,
    release: &Release,
    installed_at: Timestamp,
    origin: Origin,
    machine: &Machine,
) -> Result<Event, Refusal> {
    known(state, &origin.repository)?;
    match state.apps().get(id) {
        Some(app) => {
            proven(app)?;
            if !matches!(app.intent, Intent::Running | Intent::Stopped) {
                return Err(away(app));
            }
            if app.release.recipe != release.recipe {
                return Err(Refusal::OtherRecipe {
                    app: id.clone(),
                    recipe: app.release.recipe.clone(),
                });
            }
            // Its secrets are other ones: the old data would not open with them.
            if app.installed_at != installed_at {
                return Err(BackupRefusal::OtherLife { app: id.clone() }.into());
            }
        }
        None if state.apps().len() >= limits::APPS_MAX => {
            return Err(Refusal::TooManyApps {
                max: limits::APPS_MAX,
            });
        }
        None => {}
    }
    fit::hosts_free(state, id, release)?;
    fit::doors_fit(state, id, release)?;
    fit::containers_free(state, id, release)?;
    fit::fits(state, id, release, machine, fit::Disk::Update)?;
    Ok(Event::RestoreDecided {
        app: id.clone(),
        release: release.clone().into(),
        installed_at,
        repository: origin.repository,
        snapshot: origin.snapshot,
    })
}

/// What became of a snapshot or of tidying up.
pub(super) fn report(state: &State, report: &Report) -> Result<Event, Refusal> {
    match report {
        Report::Saved {
            repository,
            of,
            snapshot,
            files,
            bytes,
            added,
            held_ms,
        } => {
            known(state, repository)?;
            Ok(Event::SnapshotTaken {
                repository: repository.clone(),
                of: of.clone(),
                snapshot: snapshot.clone(),
                files: *files,
                bytes: *bytes,
                added: *added,
                held_ms: *held_ms,
            })
        }
        Report::NotSaved {
            repository,
            of,
            code,
        } => {
            known(state, repository)?;
            Ok(Event::SnapshotFailed {
                repository: repository.clone(),
                of: of.clone(),
                code: code.clone(),
            })
        }
        Report::Tidied {
            repository: id,
            revision,
            forgotten,
            freed,
            code,
        } => {
            let round = known(state, id)?.round.as_ref();
            if round.is_none_or(|round| round.revision != *revision) {
                return Err(BackupRefusal::NotUnderWay {
                    repository: id.clone(),
                }
                .into());
            }
            Ok(Event::RepositoryTidied {
                repository: id.clone(),
                forgotten: *forgotten,
                freed: *freed,
                code: code.clone(),
            })
        }
        Report::Settled { .. } | Report::Failed { .. } => Err(Refusal::NotYours),
    }
}

fn known<'a>(state: &'a State, id: &RepositoryId) -> Result<&'a Repository, Refusal> {
    let repository = state.backups().repositories().get(id);
    repository.ok_or_else(|| {
        BackupRefusal::NoSuchRepository {
            repository: id.clone(),
        }
        .into()
    })
}

fn sound_place(place: &Place) -> Result<(), Refusal> {
    let Place::Folder { path } = place;
    let parts = path.strip_prefix('/').unwrap_or_default().split('/');
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    let sound = path.starts_with('/')
        && path.len() <= limits::PLACE_BYTES_MAX
        && !path.chars().any(char::is_control)
        && parts.clone().all(plain);
    match sound {
        true => Ok(()),
        false => Err(BackupRefusal::PathUnsound.into()),
    }
}

fn sound_rule(every_nights: u32, keep: &KeepRule) -> Result<(), Refusal> {
    let kept = [
        keep.last,
        keep.daily,
        keep.weekly,
        keep.monthly,
        keep.yearly,
    ];
    let bounded = kept.iter().all(|n| *n <= limits::SNAPSHOTS_KEPT_MAX);
    let some = kept.iter().any(|n| *n > 0);
    if !(1..=limits::BACKUP_NIGHTS_MAX).contains(&every_nights) {
        let max = limits::BACKUP_NIGHTS_MAX;
        return Err(BackupRefusal::RhythmUnsound { max }.into());
    }
    match bounded && some {
        true => Ok(()),
        false => Err(BackupRefusal::RuleUnsound {
            max: limits::SNAPSHOTS_KEPT_MAX,
        }
        .into()),
    }
}
