//! What can break while a step is carried out, in words.

use lavoir_core::id::PartId;
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
