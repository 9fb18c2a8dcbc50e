//! What broke, in plain words.

use std::io;
use std::path::Path;

use bollard::errors::Error;
use lavoir_core::text::Text;

use crate::ports::{Fault, Retry};

/// The thing asked about is not there.
pub(super) fn is_absent(error: &Error) -> bool {
    matches!(
        error,
        Error::DockerResponseServerError {
            status_code: 404,
            ..
        }
    )
}

/// Something else still needs it.
pub(super) fn is_in_use(error: &Error) -> bool {
    matches!(
        error,
        Error::DockerResponseServerError {
            status_code: 409,
            ..
        }
    )
}

/// The oldest API, 1.x, of an engine for which ours is too old.
pub(super) fn oldest_api(error: &Error) -> Option<usize> {
    let Error::DockerResponseServerError {
        status_code: 400,
        message,
    } = error
    else {
        return None;
    };
    let (_, oldest) = message.split_once("Minimum supported API version is 1.")?;
    let digits: String = oldest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Any answer of the engine that has no better words.
pub(super) fn engine(error: &Error) -> Fault {
    let said = said(error);
    if is_disk_full(&said) {
        return disk_full(said);
    }
    match error {
        Error::DockerResponseServerError { status_code, .. } if *status_code < 500 && *status_code != 409 => {
            refused(said)
        }
        Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. } => Fault::passing(
            "engine-error",
            Text::new("Docker a échoué.", "Docker failed."),
            Text::new(
                "La machine réessaie d'elle-même. Si cela dure, lisez ce que dit Docker : journalctl -u docker",
                "The box tries again by itself. If it lasts, read what Docker says: journalctl -u docker",
            ),
        )
        .with_lines([said]),
        Error::RequestTimeoutError => slow(),
        _ => away(said),
    }
}

/// It answers, not in time.
pub(super) fn slow() -> Fault {
    Fault::passing(
        "engine-slow",
        Text::new(
            "Docker n'a pas répondu à temps.",
            "Docker did not answer in time.",
        ),
        Text::new(
            "La machine réessaie d'elle-même. Si cela dure, la machine est peut-être surchargée : lavoir status",
            "The box tries again by itself. If it lasts, the machine may be overloaded: lavoir status",
        ),
    )
}

fn away(said: String) -> Fault {
    Fault::passing(
        "engine-away",
        Text::new("Docker ne répond pas.", "Docker does not answer."),
        Text::new(
            "Démarrez-le (systemctl start docker) : le travail reprend tout seul.",
            "Start it (systemctl start docker): the work goes on by itself.",
        ),
    )
    .with_lines([said])
}

fn refused(said: String) -> Fault {
    Fault::lasting(
        "engine-refused",
        Text::new("Docker a refusé la demande.", "Docker refused what was asked."),
        Text::new(
            "La raison est ci-dessous. Si la recette en est la cause, signalez-le à ceux qui la tiennent.",
            "The reason is below. If the recipe is the cause, tell those who keep it.",
        ),
    )
    .with_lines([said])
}

/// A network could not be made.
pub(super) fn network(error: &Error) -> Fault {
    let said = said(error);
    if said.contains("non-overlapping") || said.contains("fully subnetted") {
        return Fault::lasting(
            "no-network-left",
            Text::new(
                "Docker n'a plus de plage d'adresses pour un nouveau réseau.",
                "Docker has no address range left for one more network.",
            ),
            Text::new(
                "Retirez un service, ou donnez au moteur plus de plages : « default-address-pools » dans /etc/docker/daemon.json",
                "Remove an app, or give the engine more ranges: “default-address-pools” in /etc/docker/daemon.json",
            ),
        )
        .with_lines([said]);
    }
    engine(error)
}

/// A container could not be started.
pub(super) fn start(error: &Error) -> Fault {
    let said = said(error);
    if said.contains("port is already allocated") || said.contains("address already in use") {
        return Fault::lasting(
            "port-taken",
            Text::new(
                "Un port dont le service a besoin est déjà pris sur cette machine.",
                "A port that the app needs is taken on this machine.",
            ),
            Text::new(
                "Arrêtez ce qui l'occupe (ss -tulpn le montre), puis redémarrez le service.",
                "Stop what holds it (ss -tulpn shows it), then restart the app.",
            ),
        )
        .with_lines([said]);
    }
    if said.contains("OCI runtime create failed") || said.contains("failed to create shim") {
        return Fault::lasting(
            "container-cannot-start",
            Text::new("Le conteneur ne peut pas démarrer.", "The container cannot start."),
            Text::new(
                "La raison est ci-dessous. Si la recette en est la cause, signalez-le à ceux qui la tiennent.",
                "The reason is below. If the recipe is the cause, tell those who keep it.",
            ),
        )
        .with_lines([said]);
    }
    engine(error)
}

/// One of our names belongs to something that this box has not made.
pub(super) fn stranger(name: &str) -> Fault {
    Fault::lasting(
        "name-held-by-stranger",
        Text::new(
            format!(
                "« {name} » existe déjà dans Docker et ne vient pas de cette machine Lavoir : elle n'y touche pas."
            ),
            format!(
                "“{name}” is already in Docker and was not made by this Lavoir box: it is left alone."
            ),
        ),
        Text::new(
            "Renommez-le ou enlevez-le vous-même si personne n'en a besoin, ou installez le service sous un autre nom court.",
            "Rename it or remove it yourself if nobody needs it, or install the app under another short name.",
        ),
    )
}

/// Something to be used is not there.
pub(super) fn missing(what: Text, name: &str) -> Fault {
    Fault::passing(
        "not-there",
        Text::new(
            format!("{} « {name} » n'existe pas.", what.fr),
            format!("{} “{name}” is not there.", what.en),
        ),
        Text::new(
            "Rien à faire : ce qui manque est refait au prochain passage. Si cela dure, redémarrez le service.",
            "Nothing to do: what is missing is made again at the next pass. If it lasts, restart the app.",
        ),
    )
}

/// The image writes data where the recipe keeps nothing.
pub(super) fn unkept_data(path: &str) -> Fault {
    Fault::lasting(
        "image-data-not-kept",
        Text::new(
            format!(
                "L'image garde des données dans « {path} », et la recette n'y met aucun espace de données."
            ),
            format!("The image keeps data in “{path}”, and the recipe puts no volume there."),
        ),
        Text::new(
            "Signalez-le à ceux qui tiennent la recette : il y faut un volume, ou un tmpfs si rien n'est à garder.",
            "Tell those who keep the recipe: it needs a volume there, or a tmpfs if nothing is to be kept.",
        ),
    )
}

/// No room.
pub(super) fn disk_full(said: String) -> Fault {
    Fault::lasting(
        "disk-full",
        Text::new("Le disque est plein.", "The disk is full."),
        Text::new(
            "Libérez de la place (effacez un service dont les données ne servent plus, ou agrandissez le disque), puis redémarrez le service.",
            "Free some room (delete an app whose data are no longer needed, or enlarge the disk), then restart the app.",
        ),
    )
    .with_lines([said])
}

/// A dump's command ended with an error: what it wrote is not whole.
pub(super) fn dump_failed(code: i64) -> Fault {
    Fault::passing(
        "dump-failed",
        Text::new(
            format!("La base de données n'a pas pu être lue en entier (code {code})."),
            format!("The database could not be read whole (exit code {code})."),
        ),
        Text::new(
            "Rien n'est perdu : la sauvegarde d'avant reste. La raison est ci-dessous ; vérifiez que le service va bien.",
            "Nothing is lost: the earlier backup stays. The reason is below; check that the app is well.",
        ),
    )
}

/// A dump broke off while it was being loaded.
pub(super) fn dump_unread(error: &io::Error) -> Fault {
    Fault::passing(
        "dump-unread",
        Text::new(
            format!(
                "La copie de la base n'a pas pu être lue en entier dans la sauvegarde ({error})."
            ),
            format!("The database's dump could not be read whole from the backup ({error})."),
        ),
        Text::new(
            "Le service d'avant n'a pas changé. Vérifiez le disque des sauvegardes : « lavoir backup check ».",
            "What the app had before is unchanged. Check the disk of the backups: “lavoir backup check”.",
        ),
    )
}

/// The daemon's own folder cannot be used.
pub(super) fn scratch(path: &Path, error: &io::Error) -> Fault {
    if error.kind() == io::ErrorKind::StorageFull {
        return disk_full(error.to_string());
    }
    Fault::lasting(
        "scratch-not-usable",
        Text::new(
            format!(
                "Le dossier de travail {} ne peut pas être utilisé.",
                path.display()
            ),
            format!("The working folder {} cannot be used.", path.display()),
        ),
        Text::new(
            "Vérifiez que le disque n'est ni plein ni en lecture seule, puis redémarrez le service.",
            "Check that the disk is neither full nor read-only, then restart the app.",
        ),
    )
    .with_lines([error.to_string()])
}

/// The box's identity would not fit a label.
pub(super) fn bad_box_id(id: &str) -> Fault {
    Fault::lasting(
        "box-id-not-usable",
        Text::new(
            format!(
                "L'identité de la machine « {id} » n'est pas faite de lettres, de chiffres et de tirets."
            ),
            format!("The box's identity “{id}” is not made of letters, digits and hyphens."),
        ),
        Text::new(
            "Elle vient du registre, dont le début est abîmé : lancez « lavoir ledger verify », et signalez-le.",
            "It comes from the ledger, whose beginning is damaged: run “lavoir ledger verify”, and report it.",
        ),
    )
}

/// An image is to be made and nobody gave its files.
pub(super) fn no_context(name: &str) -> Fault {
    Fault::lasting(
        "no-build-files",
        Text::new(
            format!("Les fichiers pour fabriquer l'image « {name} » manquent."),
            format!("The files to build the image “{name}” are missing."),
        ),
        Text::new(
            "Mettez le service à jour avec une recette complète ; si cela dure, signalez-le.",
            "Update the app with a whole recipe; if it lasts, report it.",
        ),
    )
}

/// What the engine said.
pub(super) fn said(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.clone(),
        Error::DockerStreamError { error } => error.clone(),
        other => other.to_string(),
    }
}

pub(super) fn is_disk_full(said: &str) -> bool {
    said.contains("no space left on device") || said.contains("No space left on device")
}

/// Words of programs that could not reach the network.
pub(super) fn is_network_trouble(said: &str) -> bool {
    const WORDS: [&str; 18] = [
        "temporary failure",
        "could not resolve",
        "no such host",
        "server misbehaving",
        "connection timed out",
        "connection refused",
        "connection reset",
        "network is unreachable",
        "no route to host",
        "failed to fetch",
        "hash sum mismatch",
        "etimedout",
        "econnreset",
        "enotfound",
        "eai_again",
        "timed out",
        "i/o timeout",
        "tls handshake timeout",
    ];
    let said = said.to_lowercase();
    WORDS.iter().any(|word| said.contains(word))
}

/// The same fault, worth another try or not.
pub(super) fn retry(fault: Fault, soon: bool) -> Fault {
    Fault {
        retry: if soon { Retry::Soon } else { Retry::Never },
        ..fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_too_new_for_us_says_its_oldest_api() {
        let message =
            "client version 1.41 is too old. Minimum supported API version is 1.44, please upgrade";
        let answer = |status_code| Error::DockerResponseServerError {
            status_code,
            message: message.to_owned(),
        };
        assert_eq!(oldest_api(&answer(400)), Some(44));
        assert_eq!(oldest_api(&answer(500)), None);
        assert_eq!(oldest_api(&Error::RequestTimeoutError), None);
    }
}
