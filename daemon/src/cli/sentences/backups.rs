//! Entries about backups.

use lavoir_core::backup::{KeepRule, Subject};
use lavoir_core::event::Event;
use lavoir_core::text::Text;

use crate::cli::sizes::size;

/// What it says; none when it is not about backups.
pub(super) fn what(event: &Event) -> Option<Text> {
    Some(match event {
        Event::RepositoryAdded {
            repository,
            place,
            every_nights,
            keep,
        } => {
            let rule = rule(*every_nights, keep);
            Text::new(
                format!(
                    "ajoute le dépôt de sauvegardes « {repository} », dans {place} ; {}",
                    rule.fr
                ),
                format!(
                    "adds the repository of backups “{repository}”, in {place}; {}",
                    rule.en
                ),
            )
        }
        Event::RepositoryChanged {
            repository,
            every_nights,
            keep,
        } => {
            let rule = rule(*every_nights, keep);
            Text::new(
                format!(
                    "change les réglages du dépôt « {repository} » ; {}",
                    rule.fr
                ),
                format!(
                    "changes the settings of the repository “{repository}”; {}",
                    rule.en
                ),
            )
        }
        Event::RepositoryRemoved { repository } => Text::new(
            format!(
                "retire le dépôt de sauvegardes « {repository} », dont le contenu reste où il est"
            ),
            format!(
                "removes the repository of backups “{repository}”, whose content stays where it is"
            ),
        ),
        Event::RepositoryKeyRead { repository } => Text::new(
            format!("lit la clé du dépôt « {repository} »"),
            format!("reads the key of the repository “{repository}”"),
        ),
        Event::BackupDecided {
            repository,
            tidy: true,
            ..
        } => Text::new(
            format!("demande une sauvegarde de tout dans « {repository} »"),
            format!("asks for a backup of everything to “{repository}”"),
        ),
        Event::BackupDecided { repository, of, .. } => {
            let of: Vec<Text> = of.iter().map(subject).collect();
            let join = |pick: fn(&Text) -> &str| of.iter().map(pick).collect::<Vec<_>>().join(", ");
            Text::new(
                format!(
                    "demande une sauvegarde de {} dans « {repository} »",
                    join(|t| &t.fr)
                ),
                format!("asks for a backup of {} to “{repository}”", join(|t| &t.en)),
            )
        }
        Event::BackupCancelled { repository } => Text::new(
            format!("arrête la sauvegarde en cours dans « {repository} »"),
            format!("cancels the backup under way to “{repository}”"),
        ),
        Event::SnapshotTaken {
            repository,
            of,
            files,
            bytes,
            ..
        } => {
            let (of, size) = (subject(of), size(*bytes));
            let (s, plural) = if *files == 1 { ("", "") } else { ("s", "s") };
            Text::new(
                format!(
                    "a sauvegardé {} dans « {repository} » : {files} fichier{s}, {}",
                    of.fr, size.fr
                ),
                format!(
                    "has backed up {} to “{repository}”: {files} file{plural}, {}",
                    of.en, size.en
                ),
            )
        }
        Event::SnapshotFailed {
            repository,
            of,
            code,
        } => {
            let of = subject(of);
            Text::new(
                format!(
                    "n'a pas pu sauvegarder {} dans « {repository} » ({code})",
                    of.fr
                ),
                format!("could not back up {} to “{repository}” ({code})", of.en),
            )
        }
        Event::RepositoryTidied {
            repository,
            code: Some(code),
            ..
        } => Text::new(
            format!("n'a pas pu ranger et vérifier le dépôt « {repository} » ({code})"),
            format!("could not tidy and check the repository “{repository}” ({code})"),
        ),
        Event::RepositoryTidied {
            repository,
            forgotten,
            freed,
            code: None,
        } => {
            let freed = size(*freed);
            Text::new(
                format!(
                    "a rangé et vérifié le dépôt « {repository} » : {forgotten} anciennes sauvegardes effacées, {} rendus",
                    freed.fr
                ),
                format!(
                    "has tidied and checked the repository “{repository}”: {forgotten} old snapshots forgotten, {} given back",
                    freed.en
                ),
            )
        }
        Event::RestoreDecided {
            app,
            repository,
            snapshot,
            ..
        } => {
            let short = snapshot.as_str().get(..8).unwrap_or_default();
            Text::new(
                format!("reprend « {app} » de la sauvegarde {short}, dans « {repository} »"),
                format!("restores “{app}” from the snapshot {short} in “{repository}”"),
            )
        }
        _ => return None,
    })
}

/// Inside a sentence.
pub fn subject(subject: &Subject) -> Text {
    match subject {
        Subject::App(app) => Text::new(format!("« {app} »"), format!("“{app}”")),
        Subject::Box => Text::new("la machine elle-même", "the box itself"),
    }
}

/// How often, and what is kept.
pub fn rule(every_nights: u32, keep: &KeepRule) -> Text {
    let (often_fr, often_en) = match every_nights {
        1 => ("chaque nuit".to_owned(), "every night".to_owned()),
        n => (format!("toutes les {n} nuits"), format!("every {n} nights")),
    };
    let parts = [
        (keep.last, ["dernière", "dernières"], ["latest", "latest"]),
        (keep.daily, ["jour", "jours"], ["day", "days"]),
        (keep.weekly, ["semaine", "semaines"], ["week", "weeks"]),
        (keep.monthly, ["mois", "mois"], ["month", "months"]),
        (keep.yearly, ["an", "ans"], ["year", "years"]),
    ];
    let (mut fr, mut en) = (Vec::new(), Vec::new());
    for (count, words_fr, words_en) in parts.into_iter().filter(|(count, _, _)| *count > 0) {
        let many = usize::from(count > 1);
        fr.push(format!("{count} {}", words_fr[many]));
        en.push(format!("{count} {}", words_en[many]));
    }
    Text::new(
        format!("{often_fr}, en gardant : {}", fr.join(", ")),
        format!("{often_en}, keeping: {}", en.join(", ")),
    )
}
