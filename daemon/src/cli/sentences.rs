//! Ledger entries as sentences.

pub mod backups;

use std::collections::BTreeMap;

use lavoir_core::account::Scope;
use lavoir_core::command::Actor;
use lavoir_core::event::Event;
use lavoir_core::id::{PersonId, Timestamp};
use lavoir_core::ledger::Entry;
use lavoir_core::release::Release;
use lavoir_core::standing::step_words;
use lavoir_core::text::Text;

/// Who did what, in both languages; people by their numbers.
pub fn sentence(entry: &Entry) -> Text {
    sentence_with(entry, &BTreeMap::new())
}

/// Who did what, in both languages; people by their names, where these are known.
pub fn sentence_with(entry: &Entry, names: &BTreeMap<PersonId, String>) -> Text {
    let who = who(&entry.actor, names);
    let (mut fr, mut en) = (who.fr, who.en);
    for (place, event) in entry.events.iter().enumerate() {
        let what = what(event, names);
        let comma = if place == 0 { " " } else { " ; " };
        fr = format!("{fr}{comma}{}", what.fr);
        let comma = if place == 0 { " " } else { "; " };
        en = format!("{en}{comma}{}", what.en);
    }
    Text::new(fr + ".", en + ".")
}

fn who(actor: &Actor, names: &BTreeMap<PersonId, String>) -> Text {
    match actor {
        Actor::Installer => Text::new("La personne qui installe", "The person who installs"),
        Actor::Member(id) => Text::new(format!("Le membre {}", id.0), format!("Member {}", id.0)),
        Actor::Box => Text::new("La machine", "The box"),
        Actor::Clock => Text::new("L'horloge", "The clock"),
        Actor::Person(id) => person(*id, names),
        Actor::Token(id) => Text::new(
            format!("Un programme, avec le jeton {},", id.0),
            format!("A program, with token {},", id.0),
        ),
    }
}

fn person(id: PersonId, names: &BTreeMap<PersonId, String>) -> Text {
    match names.get(&id) {
        Some(name) => Text::new(name, name),
        None => Text::new(format!("La personne {}", id.0), format!("Person {}", id.0)),
    }
}

/// Inside a sentence.
fn of_person(id: PersonId, names: &BTreeMap<PersonId, String>) -> Text {
    match names.get(&id) {
        Some(name) => Text::new(name, name),
        None => Text::new(format!("la personne {}", id.0), format!("person {}", id.0)),
    }
}

fn what(event: &Event, names: &BTreeMap<PersonId, String>) -> Text {
    match event {
        Event::BoxPrepared { box_id, domain } => Text::new(
            format!("prépare la machine {box_id}, à l'adresse {domain}"),
            format!("prepares the box {box_id}, at the address {domain}"),
        ),
        Event::InstallDecided { app, release } => Text::new(
            format!("installe « {app} » : {}", at(release).fr),
            format!("installs “{app}”: {}", at(release).en),
        ),
        Event::UpdateDecided { app, release } => Text::new(
            format!("met « {app} » à jour : {}", at(release).fr),
            format!("updates “{app}”: {}", at(release).en),
        ),
        Event::ChangeDecided { app, .. } => Text::new(
            format!("change des réglages de « {app} »"),
            format!("changes settings of “{app}”"),
        ),
        Event::StartDecided { app } => {
            Text::new(format!("démarre « {app} »"), format!("starts “{app}”"))
        }
        Event::StopDecided { app } => {
            Text::new(format!("arrête « {app} »"), format!("stops “{app}”"))
        }
        Event::RestartDecided { app } => {
            Text::new(format!("redémarre « {app} »"), format!("restarts “{app}”"))
        }
        Event::RemoveDecided { app } => Text::new(
            format!("retire « {app} » et garde ses données"),
            format!("removes “{app}” and keeps its data"),
        ),
        Event::ReinstallDecided { app } => Text::new(
            format!("rétablit « {app} » avec ses données"),
            format!("brings “{app}” back over its data"),
        ),
        Event::DeleteDecided { app } => Text::new(
            format!("efface « {app} » et ses données"),
            format!("deletes “{app}” and its data"),
        ),
        Event::SecretRead { app, secret } => Text::new(
            format!("lit le secret « {secret} » de « {app} »"),
            format!("reads the secret “{secret}” of “{app}”"),
        ),
        Event::AccountOpened { person, .. } => {
            let person = of_person(*person, names);
            Text::new(
                format!(
                    "ouvre, avec le code de mise en route, un compte pour {}",
                    person.fr
                ),
                format!("opens, with the set-up code, an account for {}", person.en),
            )
        }
        Event::PasswordReset { person } => {
            let person = of_person(*person, names);
            Text::new(
                format!(
                    "remplace, avec le code de mise en route, le mot de passe de {}",
                    person.fr
                ),
                format!(
                    "replaces, with the set-up code, the password of {}",
                    person.en
                ),
            )
        }
        Event::PasswordChanged { .. } => {
            Text::new("change son mot de passe", "changes their password")
        }
        Event::SetupCodeMade {} => Text::new(
            "fait un nouveau code de mise en route",
            "makes a new set-up code",
        ),
        Event::TokenMade {
            token,
            scope,
            until,
            ..
        } => {
            let (fr, en) = match scope {
                Scope::Read => ("lire", "read"),
                Scope::Act => ("lire et agir", "read and act"),
            };
            let (token, day) = (token.0, day(*until));
            Text::new(
                format!("donne à un programme le jeton {token}, pour {fr} jusqu'au {day}"),
                format!("gives a program token {token}, to {en} until {day}"),
            )
        }
        Event::TokenRevoked { token } => Text::new(
            format!("met fin au jeton {}", token.0),
            format!("ends token {}", token.0),
        ),
        Event::RepositoryAdded { .. }
        | Event::RepositoryChanged { .. }
        | Event::RepositoryRemoved { .. }
        | Event::RepositoryKeyRead { .. }
        | Event::BackupDecided { .. }
        | Event::BackupCancelled { .. }
        | Event::SnapshotTaken { .. }
        | Event::SnapshotFailed { .. }
        | Event::RepositoryTidied { .. }
        | Event::RestoreDecided { .. } => backups::what(event).unwrap_or_else(|| Text::new("", "")),
        Event::LedgerRepaired {
            kept,
            set_aside,
            code,
            ..
        } => Text::new(
            format!(
                "répare le registre endommagé : {kept} entrées gardées, {set_aside} mises de côté ({code})"
            ),
            format!(
                "repairs the damaged ledger: {kept} entries kept, {set_aside} set aside ({code})"
            ),
        ),
        Event::Settled { app, revision } => Text::new(
            format!("a fait pour « {app} » ce que dit la ligne {}", revision.0),
            format!("has done for “{app}” what line {} says", revision.0),
        ),
        Event::Failed {
            app,
            revision,
            step,
            code,
        } => {
            let step = step_words(step);
            Text::new(
                format!(
                    "n'a pas pu faire pour « {app} » ce que dit la ligne {} : {} ({code})",
                    revision.0, step.fr
                ),
                format!(
                    "could not do for “{app}” what line {} says: {} ({code})",
                    revision.0, step.en
                ),
            )
        }
    }
}

/// As ISO 8601 writes it: the same in both languages.
fn day(time: Timestamp) -> String {
    let seconds = i64::try_from(time.0 / 1_000).unwrap_or(i64::MAX);
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .map(|time| time.date().to_string())
        .unwrap_or_default()
}

fn at(release: &Release) -> Text {
    let (version, host) = (&release.recipe_version, &release.host);
    Text::new(
        format!("{} {version}, sur {host}", release.name.fr),
        format!("{} {version}, at {host}", release.name.en),
    )
}
