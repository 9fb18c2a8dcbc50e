//! What can break with a repository, in plain words.

use std::error::Error;
use std::io;

use lavoir_core::text::Text;
use rustic_core::{FileType, Id, RusticError};

use crate::ports::Fault;

pub(super) fn weak_key() -> Fault {
    Fault::lasting(
        "repository-key-weak",
        Text::new(
            "Il n'y a pas encore de sauvegardes à cet endroit, et la clé donnée est trop courte pour en commencer.",
            "There are no backups at that place yet, and the key given is too short to begin some with.",
        ),
        Text::new(
            "Ne donnez pas de clé : la machine en fait une.",
            "Give no key: the box makes one.",
        ),
    )
}

/// The folder is not there, or nothing of ours is in it: most often a disk that is not plugged in.
pub(super) fn not_there(place: &str) -> Fault {
    Fault::passing(
        "place-not-there",
        Text::new(
            format!("Le dépôt n'est pas là : rien de lui ne se trouve dans {place}."),
            format!("The repository is not there: nothing of it is found in {place}."),
        ),
        Text::new(
            "Branchez son disque et vérifiez qu'il est monté à cet endroit ; le dossier n'est pas touché.",
            "Plug its disk in and check that it is mounted in this place; the folder is left alone.",
        ),
    )
}

/// Something else lives in the folder.
pub(super) fn not_empty(place: &str) -> Fault {
    Fault::lasting(
        "place-not-empty",
        Text::new(
            format!("Le dossier {place} contient autre chose qu'un dépôt."),
            format!("The folder {place} has something else in it than a repository."),
        ),
        Text::new(
            "Choisissez un dossier vide ; celui-ci n'a pas été touché.",
            "Choose an empty folder; this one was left alone.",
        ),
    )
}

/// Not a place that repositories are made in.
pub(super) fn not_a_place(place: &str) -> Fault {
    Fault::lasting(
        "place-wrong",
        Text::new(
            format!("{place} n'est pas le chemin absolu d'un dossier dont le parent existe."),
            format!("{place} is not the absolute path of a folder whose parent exists."),
        ),
        Text::new(
            "Donnez le chemin d'un dossier, par exemple /mnt/sauvegardes/lavoir.",
            "Give the path of a folder, for example /mnt/backups/lavoir.",
        ),
    )
}

/// The key does not open it.
pub(super) fn wrong_key() -> Fault {
    Fault::lasting(
        "repository-wrong-key",
        Text::new(
            "La clé n'ouvre pas ce dépôt : c'est celui d'une autre machine, ou une autre clé.",
            "The key does not open this repository: it is another box's, or the key is another one.",
        ),
        Text::new(
            "Branchez le disque de ce dépôt, ou donnez la clé qui va avec lui.",
            "Plug in the disk of this repository, or give the key that belongs to it.",
        ),
    )
}

/// No room is left.
pub(super) fn full() -> Fault {
    Fault::lasting(
        "place-full",
        Text::new(
            "Le disque des sauvegardes est plein ; les sauvegardes d'avant restent entières.",
            "The disk of the backups is full; earlier backups stay whole.",
        ),
        Text::new(
            "Faites-y de la place, ou gardez moins de sauvegardes.",
            "Make room on it, or keep fewer backups.",
        ),
    )
}

/// It can be read only.
pub(super) fn read_only() -> Fault {
    Fault::lasting(
        "place-read-only",
        Text::new(
            "Le disque des sauvegardes ne se laisse pas écrire.",
            "The disk of the backups cannot be written to.",
        ),
        Text::new(
            "Regardez s'il est monté en lecture seule, ou s'il est abîmé.",
            "See whether it is mounted read-only, or worn out.",
        ),
    )
}

/// The disk itself says that something is wrong.
pub(super) fn failing(said: String) -> Fault {
    Fault::passing(
        "place-failing",
        Text::new(
            "Le disque des sauvegardes ne répond pas comme il faut.",
            "The disk of the backups does not answer as it should.",
        ),
        Text::new(
            "Vérifiez son câble et son état ; rien de ce qui était sauvegardé n'a été retiré.",
            "Check its cable and its health; nothing that was backed up was removed.",
        ),
    )
    .with_lines([said])
}

/// A file of the repository is not what it was.
pub(super) fn damaged(lines: Vec<String>) -> Fault {
    Fault::lasting(
        "repository-damaged",
        Text::new(
            "Le dépôt est abîmé : un de ses fichiers manque ou n'est plus le même.",
            "The repository is damaged: one of its files is missing or is no longer the same.",
        ),
        Text::new(
            "Lancez sa vérification pour savoir ce qui est touché, et sauvegardez ailleurs en attendant.",
            "Have it checked to know what is concerned, and back up elsewhere in the meantime.",
        ),
    )
    .with_lines(lines)
}

/// restic works on it.
pub(super) fn in_use() -> Fault {
    Fault::passing(
        "repository-in-use",
        Text::new(
            "Quelqu'un travaille sur ce dépôt avec restic : un verrou récent y est posé.",
            "Somebody works on this repository with restic: there is a fresh lock in it.",
        ),
        Text::new(
            "Attendez la fin ; un verrou oublié ne compte plus au bout d'une demi-heure, ou lancez « restic unlock ».",
            "Wait for the end; a forgotten lock no longer counts after half an hour, or run “restic unlock”.",
        ),
    )
}

/// Whoever asked went away.
pub(super) fn cancelled() -> Fault {
    Fault::passing(
        "repository-cancelled",
        Text::new(
            "Le travail sur le dépôt a été interrompu ; rien n'est perdu.",
            "The work on the repository was cancelled; nothing is lost.",
        ),
        Text::new(
            "Relancez-le quand vous voulez.",
            "Start it again when you like.",
        ),
    )
}

/// A file to be saved cannot be read.
pub(super) fn unreadable(inside: &str, error: &io::Error) -> Fault {
    Fault::passing(
        "backup-unreadable",
        Text::new(
            format!(
                "{inside} n'a pas pu être lu en entier ({error}) : cette sauvegarde est refusée."
            ),
            format!("{inside} could not be read whole ({error}): this backup is refused."),
        ),
        Text::new(
            "Vérifiez le disque de la machine ; la sauvegarde d'avant reste.",
            "Check the machine's disk; the earlier backup stays.",
        ),
    )
}

/// A file became shorter or another one while it was read in the moment.
pub(super) fn changed(inside: &str) -> Fault {
    Fault::passing(
        "backup-changed",
        Text::new(
            format!("{inside} a changé pendant sa lecture : cette sauvegarde est refusée."),
            format!("{inside} changed while it was read: this backup is refused."),
        ),
        Text::new(
            "Relancez la sauvegarde ; si cela revient, le service ne s'est pas tenu tranquille.",
            "Start the backup again; if it comes back, the app did not stand still.",
        ),
    )
}

/// A dump broke off.
pub(super) fn dump(inside: &str, error: &io::Error) -> Fault {
    Fault::passing(
        "backup-dump-failed",
        Text::new(
            format!("La base de données n'a pas pu être copiée en entier ({inside}) : cette sauvegarde est refusée."),
            format!("The database could not be dumped whole ({inside}): this backup is refused."),
        ),
        Text::new(
            "Regardez l'état du service et de sa base ; la sauvegarde d'avant reste.",
            "Look at the app and its database; the earlier backup stays.",
        ),
    )
    .with_lines([error.to_string()])
}

/// No such snapshot.
pub(super) fn no_snapshot() -> Fault {
    Fault::lasting(
        "snapshot-not-there",
        Text::new(
            "Cette sauvegarde n'est plus dans le dépôt.",
            "This backup is no longer in the repository.",
        ),
        Text::new(
            "Choisissez-en une autre dans la liste.",
            "Choose another one from the list.",
        ),
    )
}

/// No such file or folder in the snapshot.
pub(super) fn no_path(inside: &str) -> Fault {
    Fault::lasting(
        "snapshot-no-path",
        Text::new(
            format!("{inside} n'est pas dans cette sauvegarde."),
            format!("{inside} is not in this backup."),
        ),
        Text::new(
            "Parcourez la sauvegarde pour le trouver.",
            "Browse the backup to find it.",
        ),
    )
}

/// What is put back cannot be written.
pub(super) fn cannot_put_back(inside: &str, error: &io::Error) -> Fault {
    let full = matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    );
    Fault::lasting(
        if full {
            "put-back-no-room"
        } else {
            "put-back-cannot-write"
        },
        Text::new(
            format!("{inside} n'a pas pu être remis en place ({error})."),
            format!("{inside} could not be put back ({error})."),
        ),
        Text::new(
            "Faites de la place ou vérifiez le disque, puis relancez : ce qui est déjà en place est gardé.",
            "Make room or check the disk, then start again: what is in place already is kept.",
        ),
    )
}

/// Anything else that the library says.
pub(super) fn other(said: String) -> Fault {
    Fault::passing(
        "repository-trouble",
        Text::new(
            "Le travail sur le dépôt a échoué.",
            "The work on the repository failed.",
        ),
        Text::new(
            "Vérifiez le dépôt, puis relancez.",
            "Check the repository, then start again.",
        ),
    )
    .with_lines([said])
}

/// What an error of the place means.
pub(super) fn of_place(error: &io::Error) -> Option<Fault> {
    const NO_DEVICE: [i32; 3] = [6, 19, 116]; // ENXIO, ENODEV, ESTALE
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Some(full())
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Some(read_only()),
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => None,
        _ if error.raw_os_error() == Some(5) => Some(failing(error.to_string())),
        _ if error
            .raw_os_error()
            .is_some_and(|code| NO_DEVICE.contains(&code)) =>
        {
            Some(failing(error.to_string()))
        }
        _ => None,
    }
}

/// The error of the operating system at the ground of another one.
pub(super) fn ground<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        at = error.source();
    }
    None
}

/// A repository's file by kind and name, as it lies in its folder.
pub(super) fn file_name(kind: FileType, id: &Id) -> String {
    let name = id.to_hex();
    match kind {
        FileType::Config => "config".to_owned(),
        FileType::Pack => format!("data/{}/{}", &name.as_str()[..2], name.as_str()),
        _ => format!("{}/{}", kind.dirname(), name.as_str()),
    }
}

/// One line of what the library says, without its advice.
pub(super) fn line(error: &RusticError) -> String {
    error.display_log().replace('\n', " ")
}
