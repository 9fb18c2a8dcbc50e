//! The plan: which steps make the observed world agree with the intended one. It leaves no choice to whoever
//! carries it out. Each step is safe to repeat, so that after a crash the next plan simply begins where the world
//! stands.

mod digest;
mod images;
mod steps;

pub use digest::{files_digest, placeholder, placeholder_name, service_spec, service_spec_of};
pub use images::needless_images;
pub use steps::plan_app;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::backup::{Origin, RepositoryId};
use crate::id::{AppId, PartId, Revision};
use crate::release::Image;
use crate::text::Text;

/// What is to be done for one app, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// For whom.
    pub app: AppId,
    /// By which decision; a plan is dropped when a later one is taken.
    pub revision: Revision,
    /// In this order.
    pub steps: Vec<Step>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Fetch an image by its digest, or make it from its context.
    GetImage {
        /// Which.
        image: Image,
    },
    /// Ask a container to stop, wait its grace time, then remove it; its volumes stay.
    RemoveContainer {
        /// Of which service.
        service: PartId,
    },
    /// Ask a container to stop; it stays, ready to start.
    StopContainer {
        /// Of which service.
        service: PartId,
    },
    /// Make the app's own network.
    MakeNetwork,
    /// Make an empty volume, or a copy of another one.
    MakeVolume {
        /// Which of the release's volumes.
        volume: PartId,
        /// Docker's name of the new one.
        name: String,
        /// Docker's name of the one to copy.
        copy_of: Option<String>,
    },
    /// Make a volume with what a snapshot has of it.
    RestoreVolume {
        /// Which of the release's volumes.
        volume: PartId,
        /// Docker's name of the new one.
        name: String,
        /// From where.
        origin: Origin,
    },
    /// Take the secrets and private answers that a snapshot has of an app that is not there.
    RestoreSecrets {
        /// From where.
        origin: Origin,
    },
    /// Load a database's dump from a snapshot, then note it as done.
    LoadDump {
        /// Which of the release's databases.
        database: PartId,
        /// From where.
        origin: Origin,
    },
    /// Take a snapshot of the app as it is proven, before that is replaced.
    BackUp {
        /// Where it goes.
        repository: RepositoryId,
    },
    /// Stop here: data that the app had are not there.
    LackVolume {
        /// Which of the release's volumes.
        volume: PartId,
        /// Docker's name of it.
        name: String,
    },
    /// Generate missing secrets; write secrets and configuration files.
    WriteFiles {
        /// The digest to note when all is written.
        digest: String,
    },
    /// Make a container and start it.
    StartContainer {
        /// Of which service.
        service: PartId,
        /// Its `org.lavoir.spec` label.
        spec: String,
        /// It is there already, with this spec: only start it.
        made: bool,
    },
    /// Wait until a container is healthy, or running where it has no health check.
    AwaitHealth {
        /// Of which service.
        service: PartId,
        /// At most, seconds.
        timeout_s: u32,
    },
    /// Wait until a one-shot container has ended with exit code 0.
    AwaitEnd {
        /// Of which service.
        service: PartId,
        /// At most, seconds.
        timeout_s: u32,
    },
    /// Run a hook inside its running container, then note it as done.
    RunHook {
        /// Its place in the release's list.
        index: u32,
    },
    /// Ask the app over HTTP until it answers well.
    ProbeHealth,
    /// Remove the app's network.
    RemoveNetwork,
    /// Remove a volume: nothing needs it any more.
    RemoveVolume {
        /// Docker's name.
        name: String,
    },
    /// Remove the app's secrets, files and private answers.
    RemoveFiles,
    /// Tell the engine that the world agrees. Always last.
    Settle,
}

impl Step {
    /// A stable word for the kind of step.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::GetImage {
                image: Image::Pulled { .. },
            } => "pull-image",
            Step::GetImage {
                image: Image::Built { .. },
            } => "build-image",
            Step::RemoveContainer { .. } => "remove-container",
            Step::StopContainer { .. } => "stop-container",
            Step::MakeNetwork => "make-network",
            Step::MakeVolume { copy_of: None, .. } => "make-volume",
            Step::MakeVolume {
                copy_of: Some(_), ..
            } => "copy-volume",
            Step::LackVolume { .. } => "lack-volume",
            Step::RestoreVolume { .. } => "restore-volume",
            Step::RestoreSecrets { .. } => "restore-secrets",
            Step::LoadDump { .. } => "load-dump",
            Step::BackUp { .. } => "back-up",
            Step::WriteFiles { .. } => "write-files",
            Step::StartContainer { .. } => "start-container",
            Step::AwaitHealth { .. } => "await-health",
            Step::AwaitEnd { .. } => "await-end",
            Step::RunHook { .. } => "run-hook",
            Step::ProbeHealth => "probe-health",
            Step::RemoveNetwork => "remove-network",
            Step::RemoveVolume { .. } => "remove-volume",
            Step::RemoveFiles => "remove-files",
            Step::Settle => "settle",
        }
    }

    /// The step in words.
    pub fn text(&self) -> Text {
        match self {
            Step::GetImage {
                image: Image::Pulled { reference },
            } => {
                let name = reference.split('@').next().unwrap_or(reference);
                Text::new(
                    format!("Télécharger l'image {name}"),
                    format!("Download the image {name}"),
                )
            }
            Step::GetImage {
                image: Image::Built { name, .. },
            } => {
                let name = name.split(':').next().unwrap_or(name);
                Text::new(
                    format!("Fabriquer l'image {name}"),
                    format!("Build the image {name}"),
                )
            }
            Step::RemoveContainer { service } => Text::new(
                format!("Arrêter et enlever le conteneur « {service} »"),
                format!("Stop and remove the container “{service}”"),
            ),
            Step::StopContainer { service } => Text::new(
                format!("Arrêter le conteneur « {service} »"),
                format!("Stop the container “{service}”"),
            ),
            Step::MakeNetwork => {
                Text::new("Créer le réseau du service", "Create the app's network")
            }
            Step::MakeVolume {
                volume,
                copy_of: None,
                ..
            } => Text::new(
                format!("Préparer l'espace de données « {volume} »"),
                format!("Prepare the data space “{volume}”"),
            ),
            Step::MakeVolume {
                volume,
                copy_of: Some(_),
                ..
            } => Text::new(
                format!("Mettre les données « {volume} » de côté"),
                format!("Set the data “{volume}” aside"),
            ),
            Step::RestoreVolume { volume, .. } => Text::new(
                format!("Reprendre les données « {volume} » dans la sauvegarde"),
                format!("Take the data “{volume}” from the backup"),
            ),
            Step::RestoreSecrets { .. } => Text::new(
                "Reprendre les mots de passe dans la sauvegarde",
                "Take the passwords from the backup",
            ),
            Step::LoadDump { database, .. } => Text::new(
                format!("Recharger la base de données « {database} »"),
                format!("Load the database “{database}”"),
            ),
            Step::BackUp { repository } => Text::new(
                format!("Sauvegarder d'abord, dans « {repository} »"),
                format!("Back up first, to “{repository}”"),
            ),
            Step::LackVolume { volume, .. } => Text::new(
                format!("Retrouver les données « {volume} »"),
                format!("Find the data “{volume}”"),
            ),
            Step::WriteFiles { .. } => Text::new(
                "Écrire la configuration et les mots de passe",
                "Write the configuration and the passwords",
            ),
            Step::StartContainer { service, .. } => Text::new(
                format!("Démarrer le conteneur « {service} »"),
                format!("Start the container “{service}”"),
            ),
            Step::AwaitHealth { service, .. } => Text::new(
                format!("Attendre que « {service} » soit prêt"),
                format!("Wait until “{service}” is ready"),
            ),
            Step::AwaitEnd { service, .. } => Text::new(
                format!("Attendre que « {service} » ait fini son travail"),
                format!("Wait until “{service}” has done its work"),
            ),
            Step::RunHook { .. } => Text::new("Faire les réglages du service", "Set the app up"),
            Step::ProbeHealth => Text::new(
                "Vérifier que le service répond",
                "Check that the app answers",
            ),
            Step::RemoveNetwork => {
                Text::new("Enlever le réseau du service", "Remove the app's network")
            }
            Step::RemoveVolume { .. } => Text::new(
                "Effacer des données qui ne servent plus",
                "Delete data no longer needed",
            ),
            Step::RemoveFiles => Text::new(
                "Effacer la configuration et les mots de passe",
                "Delete the configuration and the passwords",
            ),
            Step::Settle => Text::new("Terminé", "Done"),
        }
    }
}

/// Docker's name of an app's network.
pub fn network_name(app: &AppId) -> String {
    format!("lavoir-{app}")
}

/// Docker's name of an app's container.
pub fn container_name(app: &AppId, service: &PartId) -> String {
    format!("lavoir-{app}-{service}")
}

/// Docker's name of a generation of an app's volume.
pub fn volume_name(app: &AppId, volume: &PartId, generation: u64) -> String {
    format!("lavoir-{app}-{volume}-g{generation}")
}
