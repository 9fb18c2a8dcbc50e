//! Ledger entries as sentences.

use lavoir_core::command::Actor;
use lavoir_core::event::Event;
use lavoir_core::ledger::Entry;
use lavoir_core::release::Release;
use lavoir_core::standing::step_words;
use lavoir_core::text::Text;

/// Who did what, in both languages.
pub fn sentence(entry: &Entry) -> Text {
    let who = who(&entry.actor);
    let (mut fr, mut en) = (who.fr, who.en);
    for (place, event) in entry.events.iter().enumerate() {
        let what = what(event);
        let comma = if place == 0 { " " } else { " ; " };
        fr = format!("{fr}{comma}{}", what.fr);
        let comma = if place == 0 { " " } else { "; " };
        en = format!("{en}{comma}{}", what.en);
    }
    Text::new(fr + ".", en + ".")
}

fn who(actor: &Actor) -> Text {
    match actor {
        Actor::Installer => Text::new("La personne qui installe", "The person who installs"),
        Actor::Member(id) => Text::new(format!("Le membre {}", id.0), format!("Member {}", id.0)),
        Actor::Box => Text::new("La machine", "The box"),
    }
}

fn what(event: &Event) -> Text {
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
            format!("ramène « {app} » sur ses données"),
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
        Event::Settled { app, revision } => Text::new(
            format!("a mené à bien pour « {app} » la décision {}", revision.0),
            format!("has carried out decision {} for “{app}”", revision.0),
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
                    "n'a pas pu mener à bien pour « {app} » la décision {} : {} ({code})",
                    revision.0, step.fr
                ),
                format!(
                    "could not carry out decision {} for “{app}”: {} ({code})",
                    revision.0, step.en
                ),
            )
        }
    }
}

fn at(release: &Release) -> Text {
    let (version, host) = (&release.recipe_version, &release.host);
    Text::new(
        format!("{} {version}, sur {host}", release.name.fr),
        format!("{} {version}, at {host}", release.name.en),
    )
}
