//! What can break while a step is carried out, in words.

use lavoir_core::id::{AppId, PartId, RepositoryId};
use lavoir_core::limits;
use lavoir_core::text::Text;

use crate::ports::Fault;
use crate::recipe::Problem;

pub(super) fn ended(service: &PartId, code: i64) -> Fault {
    let fr = match code {
        137 => format!(
            "Le conteneur « {service} » a été arrêté de force : il voulait sans doute plus de mémoire que permis."
        ),
        _ => format!("Le conteneur « {service} » s'est arrêté (code {code})."),
    };
    let en = match code {
        137 => format!(
            "The container “{service}” was killed: it probably wanted more memory than it may have."
        ),
        _ => format!("The container “{service}” ended (code {code})."),
    };
    Fault::lasting("container-ended", Text::new(fr, en), read_its_lines())
}

pub(super) fn not_ready(service: &PartId, timeout_s: u32) -> Fault {
    Fault::lasting(
        "not-healthy",
        Text::new(
            format!("Le conteneur « {service} » n'est toujours pas prêt après {timeout_s} s."),
            format!("The container “{service}” is still not ready after {timeout_s} s."),
        ),
        read_its_lines(),
    )
}

pub(super) fn hook_failed(service: &PartId, code: i64) -> Fault {
    Fault::lasting(
        "hook-failed",
        Text::new(
            format!("Un réglage dans « {service} » a échoué (code {code})."),
            format!("A set-up command in “{service}” failed (code {code})."),
        ),
        read_its_lines(),
    )
}

pub(super) fn no_good_answer(start_s: u32, status: Option<u16>) -> Fault {
    let (fr, en) = match status {
        Some(status) => (
            format!("il répond {status}"),
            format!("it answers {status}"),
        ),
        None => (
            "il ne répond pas".to_owned(),
            "it does not answer".to_owned(),
        ),
    };
    Fault::lasting(
        "no-good-answer",
        Text::new(
            format!("Le service ne marche toujours pas après {start_s} s : {fr}."),
            format!("The app is still not well after {start_s} s: {en}."),
        ),
        read_its_lines(),
    )
}

pub(super) fn inconsistent(what: &str, name: &str) -> Fault {
    Fault::lasting(
        "release-inconsistent",
        Text::new(
            format!("La décision ne connaît pas « {name} » ({what})."),
            format!("The decision does not know the {what} “{name}”."),
        ),
        Text::new(
            "C'est un défaut de Lavoir ou de la recette : mettez le service à jour, et signalez-le.",
            "This is a fault of Lavoir or of the recipe: update the app, and report it.",
        ),
    )
}

fn read_its_lines() -> Text {
    Text::new(
        "Lisez ses dernières lignes ci-dessous, puis réessayez avec « lavoir app start ».",
        "Read its last lines below, then try again with “lavoir app start”.",
    )
}

/// Data that were there are not any more.
pub(super) fn volume_lost(volume: &PartId, name: &str) -> Fault {
    Fault::lasting(
        "volume-lost",
        Text::new(
            format!("Les données « {volume} » de ce service ne sont plus sur la machine."),
            format!("The data “{volume}” of this app are no longer on the box."),
        ),
        Text::new(
            format!("Remettez le volume Docker {name} depuis une copie, ou effacez le service."),
            format!("Put the Docker volume {name} back from a copy, or delete the app."),
        ),
    )
}

/// A placeholder without a value.
pub(super) fn unfilled(problem: Problem) -> Fault {
    Fault::lasting(problem.code, problem.sentence, problem.next_step)
}

/// Without its key nobody reads a repository, nor may write what nobody could read.
pub(super) fn key_lost(repository: &RepositoryId) -> Fault {
    Fault::lasting(
        "repository-key-lost",
        Text::new(
            format!("La clé du dépôt « {repository} » n'est plus sur la machine."),
            format!("The key of the repository “{repository}” is no longer on the box."),
        ),
        Text::new(
            "Retirez le dépôt, puis rajoutez-le avec la clé que vous avez notée.",
            "Remove the repository, then add it again with the key that you have noted.",
        ),
    )
}

/// A live database's files are never taken for a backup.
pub(super) fn no_dump(app: &AppId) -> Fault {
    Fault::lasting(
        "no-dump",
        Text::new(
            format!(
                "La recette du service « {app} » ne dit pas comment sauvegarder sa base de données."
            ),
            format!("The recipe of the app “{app}” does not say how to save its database."),
        ),
        Text::new(
            "Signalez-le à ceux qui tiennent la recette.",
            "Tell those who keep the recipe.",
        ),
    )
}

pub(super) fn held_too_long(app: &AppId) -> Fault {
    let minutes = limits::HELD_MS_MAX / 60_000;
    Fault::passing(
        "held-too-long",
        Text::new(
            format!(
                "Le service « {app} » a attendu sa sauvegarde pendant {minutes} minutes ; il continue sans elle."
            ),
            format!(
                "The app “{app}” waited for its backup for {minutes} minutes; it goes on without it."
            ),
        ),
        Text::new(
            "La sauvegarde d'avant reste. Le disque des sauvegardes est sans doute trop lent ou malade.",
            "The earlier backup stays. The disk of the backups is probably too slow or ill.",
        ),
    )
}

pub(super) fn load_failed(database: &PartId, code: i64) -> Fault {
    Fault::lasting(
        "load-failed",
        Text::new(
            format!("La base de données « {database} » n'a pas pu être rechargée (code {code})."),
            format!("The database “{database}” could not be loaded (exit code {code})."),
        ),
        read_its_lines(),
    )
}

pub(super) fn snapshot_unread(file: &str, error: &std::io::Error) -> Fault {
    Fault::passing(
        "snapshot-unread",
        Text::new(
            format!("Dans la sauvegarde, {file} n'a pas pu être lu ({error})."),
            format!("In the snapshot, {file} could not be read ({error})."),
        ),
        Text::new(
            "Vérifiez le disque des sauvegardes : « lavoir backup check ».",
            "Check the disk of the backups: “lavoir backup check”.",
        ),
    )
}
