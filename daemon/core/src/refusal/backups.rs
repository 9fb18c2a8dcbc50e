//! Every "no" about backups.

use alloc::format;

use crate::id::{AppId, RepositoryId};
use crate::text::Text;

/// A rule about backups said no.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // each is explained by its own sentence
pub enum BackupRefusal {
    NoSuchRepository { repository: RepositoryId },
    NameTaken { repository: RepositoryId },
    PlaceTaken { by: RepositoryId },
    TooMany { max: usize },
    PathUnsound,
    RhythmUnsound { max: u32 },
    RuleUnsound { max: u32 },
    NothingChanged,
    UnderWay { repository: RepositoryId },
    NotUnderWay { repository: RepositoryId },
    RestoreUnderWay { app: AppId },
    NotWell { app: AppId },
    OtherLife { app: AppId },
}

impl BackupRefusal {
    pub(super) fn code(&self) -> &'static str {
        match self {
            BackupRefusal::NoSuchRepository { .. } => "no-such-repository",
            BackupRefusal::NameTaken { .. } => "repository-name-taken",
            BackupRefusal::PlaceTaken { .. } => "repository-place-taken",
            BackupRefusal::TooMany { .. } => "too-many-repositories",
            BackupRefusal::PathUnsound => "repository-path",
            BackupRefusal::RhythmUnsound { .. } => "backup-rhythm",
            BackupRefusal::RuleUnsound { .. } => "backup-keep",
            BackupRefusal::NothingChanged => "repository-unchanged",
            BackupRefusal::UnderWay { .. } => "backup-under-way",
            BackupRefusal::NotUnderWay { .. } => "no-backup-under-way",
            BackupRefusal::RestoreUnderWay { .. } => "restore-under-way",
            BackupRefusal::NotWell { .. } => "not-well",
            BackupRefusal::OtherLife { .. } => "other-life",
        }
    }

    pub(super) fn texts(&self) -> (Text, Text) {
        match self {
            BackupRefusal::NoSuchRepository { repository } => (
                Text::new(
                    format!("Aucun dépôt de sauvegardes ne s'appelle « {repository} »."),
                    format!("No repository of backups is called “{repository}”."),
                ),
                Text::new(
                    "La liste est dans « lavoir backup ».",
                    "See the list in “lavoir backup”.",
                ),
            ),
            BackupRefusal::NameTaken { repository } => (
                Text::new(
                    format!("Un dépôt de sauvegardes s'appelle déjà « {repository} »."),
                    format!("A repository of backups is called “{repository}” already."),
                ),
                Text::new("Choisissez un autre nom.", "Choose another name."),
            ),
            BackupRefusal::PlaceTaken { by } => (
                Text::new(
                    format!("Les sauvegardes du dépôt « {by} » vont déjà à cet endroit."),
                    format!("The backups of the repository “{by}” go to that place already."),
                ),
                Text::new("Choisissez un autre endroit.", "Choose another place."),
            ),
            BackupRefusal::TooMany { max } => (
                Text::new(
                    format!("La machine a déjà {max} dépôts de sauvegardes."),
                    format!("The box has {max} repositories of backups already."),
                ),
                Text::new(
                    "Retirez-en un qui ne sert plus.",
                    "Remove one that is no longer needed.",
                ),
            ),
            BackupRefusal::PathUnsound => (
                Text::new("Ce chemin ne convient pas.", "This path will not do."),
                Text::new(
                    "Donnez le chemin entier d'un dossier, depuis la racine : /media/sauvegardes/lavoir.",
                    "Give the whole path of a folder, from the root: /media/backups/lavoir.",
                ),
            ),
            BackupRefusal::RhythmUnsound { max } => (
                Text::new(
                    format!("Une sauvegarde se fait toutes les 1 à {max} nuits."),
                    format!("Backups are made every 1 to {max} nights."),
                ),
                Text::new("Choisissez un autre rythme.", "Choose another rhythm."),
            ),
            BackupRefusal::RuleUnsound { max } => (
                Text::new(
                    format!(
                        "Il faut garder au moins une sauvegarde, et au plus {max} de chaque sorte."
                    ),
                    format!("At least one snapshot must be kept, and at most {max} of each kind."),
                ),
                Text::new("Choisissez d'autres nombres.", "Choose other numbers."),
            ),
            BackupRefusal::NothingChanged => (
                Text::new("C'est déjà réglé ainsi.", "It is set like that already."),
                Text::new("Il n'y a rien à faire.", "There is nothing to do."),
            ),
            BackupRefusal::UnderWay { repository } => (
                Text::new(
                    format!("Une sauvegarde est déjà en cours dans « {repository} »."),
                    format!("A backup to “{repository}” is under way already."),
                ),
                Text::new(
                    "Attendez qu'elle finisse, ou arrêtez-la.",
                    "Wait until it ends, or cancel it.",
                ),
            ),
            BackupRefusal::NotUnderWay { repository } => (
                Text::new(
                    format!("Aucune sauvegarde n'est en cours dans « {repository} »."),
                    format!("No backup to “{repository}” is under way."),
                ),
                Text::new("Il n'y a rien à arrêter.", "There is nothing to cancel."),
            ),
            BackupRefusal::RestoreUnderWay { app } => (
                Text::new(
                    format!("Le service « {app} » est en train d'être repris de ce dépôt."),
                    format!("The app “{app}” is being restored from this repository."),
                ),
                Text::new("Attendez qu'il soit prêt.", "Wait until it is ready."),
            ),
            BackupRefusal::NotWell { app } => (
                Text::new(
                    format!(
                        "Le service « {app} » ne va pas bien ou ne tourne pas : sa base de données ne peut pas être lue."
                    ),
                    format!(
                        "The app “{app}” is not well or does not run: its database cannot be read."
                    ),
                ),
                Text::new(
                    "Démarrez-le, attendez qu'il réponde, puis redemandez. Ses sauvegardes d'avant restent.",
                    "Start it, wait until it answers, then ask again. Its earlier backups stay.",
                ),
            ),
            BackupRefusal::OtherLife { app } => (
                Text::new(
                    format!(
                        "Cette sauvegarde est celle d'un autre service « {app} », installé à un autre moment, avec d'autres mots de passe."
                    ),
                    format!(
                        "This backup is of another app “{app}”, installed at another time, with other passwords."
                    ),
                ),
                Text::new(
                    "Récupérez-y les fichiers voulus, ou effacez le service en place puis reprenez celui de la sauvegarde.",
                    "Take the files you want from it, or delete the app that is there and then restore the one in the backup.",
                ),
            ),
        }
    }
}
