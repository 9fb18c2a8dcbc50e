//! How an app stands, in words: the same on the panel, in the API and on the command line.

use alloc::format;

use serde::{Deserialize, Serialize};

use crate::app::{App, Failure, Intent, Phase};
use crate::text::Text;

/// A state is a sign and a word; the sign tells what kind of word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// All is as it should be.
    Fine,
    /// Something is under way.
    Busy,
    /// At rest, by a decision.
    Rest,
    /// Runs, but somebody should know.
    Warn,
    /// Needs somebody.
    Grave,
}

impl App {
    /// How it stands.
    pub fn standing(&self) -> (Sign, Text) {
        match (self.phase, self.intent) {
            (Phase::UnderWay(doing), _) => {
                let doing = doing.text();
                (
                    Sign::Busy,
                    Text::new(capital(&doing.fr), capital(&doing.en)),
                )
            }
            (Phase::Failed, _) => (Sign::Grave, Text::new("En panne", "Broken")),
            (Phase::Settled, Intent::Running) if self.last_failure.is_some() => (
                Sign::Warn,
                Text::new(
                    "Ouvert, revenu à l'état d'avant",
                    "Open, back to what it was before",
                ),
            ),
            (Phase::Settled, Intent::Running) => (Sign::Fine, Text::new("Ouvert", "Open")),
            (Phase::Settled, Intent::Stopped) => (Sign::Rest, Text::new("Arrêté", "Stopped")),
            (Phase::Settled, Intent::Removed) => (
                Sign::Rest,
                Text::new("Retiré, données gardées", "Removed, data kept"),
            ),
            (Phase::Settled, Intent::Deleted) => (Sign::Rest, Text::new("Effacé", "Deleted")),
        }
    }
}

impl Failure {
    /// What went wrong, as far as the ledger knows it.
    pub fn text(&self) -> Text {
        let doing = self.doing.text();
        let step = step_words(&self.step);
        Text::new(
            format!(
                "Ce qui n'a pas abouti : {}, à l'étape « {} » ({}).",
                doing.fr, step.fr, self.code
            ),
            format!(
                "What did not succeed: {}, at the step “{}” ({}).",
                doing.en, step.en, self.code
            ),
        )
    }
}

/// A step's kind ([`crate::plan::Step::kind`]) in words.
pub fn step_words(kind: &str) -> Text {
    let (fr, en) = match kind {
        "pull-image" => ("télécharger une image", "download an image"),
        "build-image" => ("fabriquer une image", "build an image"),
        "remove-container" => ("enlever un conteneur", "remove a container"),
        "stop-container" => ("arrêter un conteneur", "stop a container"),
        "make-network" => ("créer le réseau du service", "create the app's network"),
        "make-volume" => ("préparer l'espace de données", "prepare the data space"),
        "copy-volume" => ("mettre les données de côté", "set the data aside"),
        "lack-volume" => ("retrouver les données", "find the data"),
        "write-files" => ("écrire la configuration", "write the configuration"),
        "start-container" => ("démarrer un conteneur", "start a container"),
        "await-health" => ("attendre un conteneur", "wait for a container"),
        "await-end" => (
            "attendre la fin d'un conteneur",
            "wait for a container's end",
        ),
        "run-hook" => ("faire les réglages du service", "set the app up"),
        "probe-health" => (
            "vérifier que le service répond",
            "check that the app answers",
        ),
        "remove-network" => ("enlever le réseau du service", "remove the app's network"),
        "remove-volume" => ("effacer des données", "delete data"),
        "remove-files" => ("effacer la configuration", "delete the configuration"),
        "settle" => ("conclure", "conclude"),
        other => return Text::new(other, other),
    };
    Text::new(fr, en)
}

fn capital(text: &str) -> alloc::string::String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_step_has_words_in_both_languages() {
        assert_eq!(capital("démarrage"), "Démarrage");
        assert_eq!(capital(""), "");
        for kind in ["pull-image", "probe-health", "remove-files", "settle"] {
            let words = step_words(kind);
            assert_ne!(words.fr, words.en);
            assert_ne!(words.fr, kind);
        }
    }
}
