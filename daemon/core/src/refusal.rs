//! Every "no" of the core: a stable code, a sentence in French and English, the next step (law L11).

mod accounts;
mod backups;

use alloc::format;
use alloc::string::String;

pub use accounts::AccountRefusal;
pub use backups::BackupRefusal;

use crate::amount::{disk_mib, memory_mib};
use crate::app::Doing;
use crate::id::{AppId, Hostname, PartId, RecipeId};
use crate::text::{Message, Text};

/// A rule said no.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // each is explained by its own sentence
pub enum Refusal {
    AlreadyPrepared,
    NotPrepared,
    NotFounded,
    NotYours,
    NameTaken {
        app: AppId,
    },
    NoSuchApp {
        app: AppId,
    },
    NoSuchSecret {
        app: AppId,
        secret: PartId,
    },
    NotInstalled {
        app: AppId,
    },
    NotRemoved {
        app: AppId,
    },
    NotRunning {
        app: AppId,
    },
    AlreadyRunning {
        app: AppId,
    },
    AlreadyStopped {
        app: AppId,
    },
    AlreadyDeleted {
        app: AppId,
    },
    Busy {
        app: AppId,
        doing: Doing,
    },
    OtherRecipe {
        app: AppId,
        recipe: RecipeId,
    },
    UpToDate {
        app: AppId,
        version: String,
    },
    OlderVersion {
        app: AppId,
        installed: String,
        offered: String,
    },
    VersionSkipped {
        app: AppId,
        installed: String,
        offered: String,
        next: u64,
    },
    VersionUnordered {
        app: AppId,
        version: String,
    },
    NothingChanged {
        app: AppId,
    },
    StaleReport {
        app: AppId,
    },
    TooManyApps {
        max: usize,
    },
    HostTaken {
        host: Hostname,
        by: AppId,
    },
    TooManyAddresses {
        max: usize,
        max_doors: usize,
    },
    HostIsPanel {
        host: Hostname,
    },
    HostOutside {
        host: Hostname,
        domain: Hostname,
    },
    ContainerNameTaken {
        name: String,
        by: AppId,
    },
    EngineAway,
    OtherArchitecture {
        name: Text,
    },
    NotEnoughMemory {
        needed_mib: u64,
        free_mib: u64,
    },
    NotEnoughDisk {
        needed_mib: u64,
        free_mib: u64,
    },
    PortTaken {
        port: u16,
    },
    Account(AccountRefusal),
    Backup(BackupRefusal),
}

impl From<AccountRefusal> for Refusal {
    fn from(no: AccountRefusal) -> Self {
        Refusal::Account(no)
    }
}

impl From<BackupRefusal> for Refusal {
    fn from(no: BackupRefusal) -> Self {
        Refusal::Backup(no)
    }
}

impl Refusal {
    /// Stable, for scripts and for asking help.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::AlreadyPrepared => "already-prepared",
            Refusal::NotPrepared => "not-prepared",
            Refusal::NotFounded => "not-founded",
            Refusal::NotYours => "not-yours",
            Refusal::NameTaken { .. } => "name-taken",
            Refusal::NoSuchApp { .. } => "no-such-app",
            Refusal::NoSuchSecret { .. } => "no-such-secret",
            Refusal::NotInstalled { .. } => "not-installed",
            Refusal::NotRemoved { .. } => "not-removed",
            Refusal::NotRunning { .. } => "not-running",
            Refusal::AlreadyRunning { .. } => "already-running",
            Refusal::AlreadyStopped { .. } => "already-stopped",
            Refusal::AlreadyDeleted { .. } => "already-deleted",
            Refusal::Busy { .. } => "busy",
            Refusal::OtherRecipe { .. } => "other-recipe",
            Refusal::UpToDate { .. } => "up-to-date",
            Refusal::OlderVersion { .. } => "older-version",
            Refusal::VersionSkipped { .. } => "version-skipped",
            Refusal::VersionUnordered { .. } => "version-unordered",
            Refusal::NothingChanged { .. } => "nothing-changed",
            Refusal::StaleReport { .. } => "stale-report",
            Refusal::TooManyApps { .. } => "too-many-apps",
            Refusal::HostTaken { .. } => "host-taken",
            Refusal::TooManyAddresses { .. } => "too-many-addresses",
            Refusal::HostIsPanel { .. } => "host-is-panel",
            Refusal::HostOutside { .. } => "host-outside",
            Refusal::ContainerNameTaken { .. } => "container-name-taken",
            Refusal::EngineAway => "engine-away",
            Refusal::OtherArchitecture { .. } => "other-architecture",
            Refusal::NotEnoughMemory { .. } => "not-enough-memory",
            Refusal::NotEnoughDisk { .. } => "not-enough-disk",
            Refusal::PortTaken { .. } => "port-taken",
            Refusal::Account(no) => no.code(),
            Refusal::Backup(no) => no.code(),
        }
    }

    /// All that a person reads.
    pub fn message(&self) -> Message {
        let (sentence, next_step) = self.texts();
        Message {
            code: self.code().into(),
            sentence,
            next_step,
        }
    }

    fn texts(&self) -> (Text, Text) {
        match self {
            Refusal::Account(no) => no.texts(),
            Refusal::Backup(no) => no.texts(),
            Refusal::AlreadyPrepared => (
                Text::new(
                    "La machine a déjà son nom.",
                    "The box already has its name.",
                ),
                Text::new(
                    "Rien à faire : continuez avec « lavoir status ».",
                    "Nothing to do: go on with “lavoir status”.",
                ),
            ),
            Refusal::NotPrepared => (
                Text::new(
                    "La machine n'est pas encore préparée.",
                    "The box is not prepared yet.",
                ),
                Text::new(
                    "Redémarrez le démon (« systemctl restart lavoir-daemon ») : il la prépare.",
                    "Restart the daemon (“systemctl restart lavoir-daemon”): it prepares the box.",
                ),
            ),
            Refusal::NotFounded => (
                Text::new(
                    "La machine est en préparation : seule la personne qui l'installe peut agir.",
                    "The box is in preparation: only the person who installs it may act.",
                ),
                Text::new(
                    "Attendez l'assemblée de fondation, à quatre personnes ou plus.",
                    "Wait for the founding assembly, of four people or more.",
                ),
            ),
            Refusal::NotYours => (
                Text::new(
                    "Cette demande ne peut pas venir de vous.",
                    "This request cannot come from you.",
                ),
                Text::new(
                    "Demandez l'acte lui-même, par exemple « lavoir app restart ».",
                    "Ask for the act itself, for instance “lavoir app restart”.",
                ),
            ),
            Refusal::NameTaken { app } => (
                Text::new(
                    format!("Un service s'appelle déjà « {app} »."),
                    format!("An app is already called “{app}”."),
                ),
                Text::new(
                    "Choisissez un autre nom court avec --name.",
                    "Choose another short name with --name.",
                ),
            ),
            Refusal::NoSuchApp { app } => (
                Text::new(
                    format!("Aucun service ne s'appelle « {app} »."),
                    format!("No app is called “{app}”."),
                ),
                Text::new(
                    "La liste est dans « lavoir status ».",
                    "See the list in “lavoir status”.",
                ),
            ),
            Refusal::NoSuchSecret { app, secret } => (
                Text::new(
                    format!("Le service « {app} » n'a pas de secret lisible nommé « {secret} »."),
                    format!("The app “{app}” has no readable secret called “{secret}”."),
                ),
                Text::new(
                    format!("La liste est dans « lavoir app show {app} »."),
                    format!("See the list in “lavoir app show {app}”."),
                ),
            ),
            Refusal::NotInstalled { app } => (
                Text::new(
                    format!("Le service « {app} » est retiré ; ses données sont gardées."),
                    format!("The app “{app}” is removed; its data are kept."),
                ),
                Text::new(
                    format!("Rétablissez-le avec « lavoir app reinstall {app} »."),
                    format!("Bring it back with “lavoir app reinstall {app}”."),
                ),
            ),
            Refusal::NotRemoved { app } => (
                Text::new(
                    format!("Le service « {app} » n'est pas retiré."),
                    format!("The app “{app}” is not removed."),
                ),
                Text::new(
                    format!("Voyez où il en est : « lavoir app show {app} »."),
                    format!("See how it stands: “lavoir app show {app}”."),
                ),
            ),
            Refusal::NotRunning { app } => (
                Text::new(
                    format!("Le service « {app} » est arrêté."),
                    format!("The app “{app}” is stopped."),
                ),
                Text::new(
                    format!("Démarrez-le d'abord : « lavoir app start {app} »."),
                    format!("Start it first: “lavoir app start {app}”."),
                ),
            ),
            Refusal::AlreadyRunning { app } => (
                Text::new(
                    format!("Le service « {app} » est déjà en marche."),
                    format!("The app “{app}” is running already."),
                ),
                Text::new(
                    format!("Pour le relancer : « lavoir app restart {app} »."),
                    format!("To restart it: “lavoir app restart {app}”."),
                ),
            ),
            Refusal::AlreadyStopped { app } => (
                Text::new(
                    format!("Le service « {app} » est déjà arrêté."),
                    format!("The app “{app}” is already stopped."),
                ),
                Text::new("Rien à faire.", "Nothing to do."),
            ),
            Refusal::AlreadyDeleted { app } => (
                Text::new(
                    format!("La machine efface déjà le service « {app} »."),
                    format!("The box is already deleting the app “{app}”."),
                ),
                Text::new("Rien à faire.", "Nothing to do."),
            ),
            Refusal::Busy { app, doing } => {
                let doing = doing.text();
                (
                    Text::new(
                        format!("Le service « {app} » est occupé ({}).", doing.fr),
                        format!("The app “{app}” is busy ({}).", doing.en),
                    ),
                    Text::new(
                        format!("Attendez la fin (« lavoir app watch {app} »), puis redemandez."),
                        format!("Wait for the end (“lavoir app watch {app}”), then ask again."),
                    ),
                )
            }
            Refusal::OtherRecipe { app, recipe } => (
                Text::new(
                    format!(
                        "Le service « {app} » vient d'une autre version de la recette {recipe} que celle du catalogue."
                    ),
                    format!(
                        "The app “{app}” comes from another version of the recipe {recipe} than the catalogue's."
                    ),
                ),
                Text::new(
                    format!("Mettez-le d'abord à jour : « lavoir app update {app} »."),
                    format!("Update it first: “lavoir app update {app}”."),
                ),
            ),
            Refusal::UpToDate { app, version } => (
                Text::new(
                    format!("Le service « {app} » est déjà à jour ({version})."),
                    format!("The app “{app}” is up to date already ({version})."),
                ),
                Text::new("Rien à faire.", "Nothing to do."),
            ),
            Refusal::OlderVersion {
                app,
                installed,
                offered,
            } => (
                Text::new(
                    format!(
                        "La recette a la version {offered}, plus ancienne que celle de « {app} » ({installed}) : ses données ne sont pas faites pour elle."
                    ),
                    format!(
                        "The recipe has version {offered}, older than that of “{app}” ({installed}): its data are not made for it."
                    ),
                ),
                Text::new(
                    "Gardez la version installée, ou prenez une recette plus récente.",
                    "Keep the installed version, or take a newer recipe.",
                ),
            ),
            Refusal::VersionSkipped {
                app,
                installed,
                offered,
                next,
            } => (
                Text::new(
                    format!(
                        "De {installed} à {offered}, « {app} » sauterait une version : ce logiciel se met à jour une version à la fois."
                    ),
                    format!(
                        "From {installed} to {offered}, “{app}” would leave a version out: this software is updated one version at a time."
                    ),
                ),
                Text::new(
                    format!(
                        "Prenez d'abord la recette d'une version {next}, mettez à jour, puis recommencez avec celle-ci."
                    ),
                    format!(
                        "First take the recipe of a version {next}, update, then start again with this one."
                    ),
                ),
            ),
            Refusal::VersionUnordered { app, version } => (
                Text::new(
                    format!(
                        "Pour « {app} », on ne sait pas laquelle des deux versions est la plus récente : « {version} » n'est pas de la forme 6.8.3-1."
                    ),
                    format!(
                        "For “{app}”, nobody can tell which version is the newer one: “{version}” is not of the form 6.8.3-1."
                    ),
                ),
                Text::new(
                    "Signalez-le à ceux qui tiennent la recette.",
                    "Tell those who keep the recipe.",
                ),
            ),
            Refusal::NothingChanged { app } => (
                Text::new(
                    format!("Ces réponses sont celles que « {app} » a déjà."),
                    format!("These answers are those that “{app}” already has."),
                ),
                Text::new("Rien à faire.", "Nothing to do."),
            ),
            Refusal::StaleReport { app } => (
                Text::new(
                    format!("Une décision plus récente concerne « {app} »."),
                    format!("A later decision is about “{app}”."),
                ),
                Text::new("Rien à faire.", "Nothing to do."),
            ),
            Refusal::TooManyApps { max } => (
                Text::new(
                    format!("La machine a déjà {max} services."),
                    format!("The box has {max} apps already."),
                ),
                Text::new("Effacez-en un d'abord.", "Delete one first."),
            ),
            Refusal::TooManyAddresses { max, max_doors } => (
                Text::new(
                    format!(
                        "La passerelle de la machine sert au plus {max} adresses et {max_doors} chemins."
                    ),
                    format!(
                        "The box's gateway serves at most {max} addresses and {max_doors} paths."
                    ),
                ),
                Text::new(
                    "Effacez d'abord un service dont vous n'avez plus besoin.",
                    "First delete an app that you no longer need.",
                ),
            ),
            Refusal::HostTaken { host, by } => (
                Text::new(
                    format!("L'adresse {host} sert déjà au service « {by} »."),
                    format!("The address {host} already serves the app “{by}”."),
                ),
                Text::new(
                    "Choisissez-en une autre avec --host.",
                    "Choose another one with --host.",
                ),
            ),
            Refusal::HostIsPanel { host } => (
                Text::new(
                    format!("L'adresse {host} est celle de la machine elle-même."),
                    format!("The address {host} is the box's own."),
                ),
                Text::new(
                    "Choisissez-en une autre avec --host.",
                    "Choose another one with --host.",
                ),
            ),
            Refusal::HostOutside { host, domain } => (
                Text::new(
                    format!(
                        "L'adresse {host} n'est pas sous {domain} : la machine n'a pas de certificat pour elle."
                    ),
                    format!(
                        "The address {host} is not under {domain}: the box has no certificate for it."
                    ),
                ),
                Text::new(
                    format!("Choisissez une adresse qui finit par .{domain}."),
                    format!("Choose an address that ends with .{domain}."),
                ),
            ),
            Refusal::ContainerNameTaken { name, by } => (
                Text::new(
                    format!("Le service « {by} » a déjà un conteneur nommé {name}."),
                    format!("The app “{by}” already has a container called {name}."),
                ),
                Text::new(
                    "Installez sous un autre nom court avec --name.",
                    "Install under another short name with --name.",
                ),
            ),
            Refusal::EngineAway => (
                Text::new(
                    "Docker ne répond pas sur cette machine.",
                    "Docker does not answer on this machine.",
                ),
                Text::new(
                    "Démarrez-le (« systemctl start docker » ou « ./up »), puis redemandez.",
                    "Start it (“systemctl start docker” or “./up”), then ask again.",
                ),
            ),
            Refusal::OtherArchitecture { name } => (
                Text::new(
                    format!(
                        "{} ne fonctionne pas sur le processeur de cette machine.",
                        name.fr
                    ),
                    format!("{} does not run on this machine's processor.", name.en),
                ),
                Text::new(
                    "Choisissez un autre service ou une autre machine.",
                    "Choose another app or another machine.",
                ),
            ),
            Refusal::NotEnoughMemory {
                needed_mib,
                free_mib,
            } => (
                lacking(
                    "mémoire",
                    "memory",
                    memory_mib(*needed_mib),
                    memory_mib(*free_mib),
                ),
                Text::new(
                    "Arrêtez un service dont vous pouvez vous passer, ou ajoutez de la mémoire.",
                    "Stop an app you can do without, or add memory.",
                ),
            ),
            Refusal::NotEnoughDisk {
                needed_mib,
                free_mib,
            } => (
                lacking("disque", "disk", disk_mib(*needed_mib), disk_mib(*free_mib)),
                Text::new(
                    "Effacez un service dont les données ne servent plus, ou ajoutez un disque.",
                    "Delete an app whose data are no longer needed, or add a disk.",
                ),
            ),
            Refusal::PortTaken { port } => (
                Text::new(
                    format!("Le port {port} de la machine est déjà pris."),
                    format!("Port {port} of the machine is already taken."),
                ),
                Text::new(
                    "Arrêtez le programme ou le service qui l'occupe, puis redemandez.",
                    "Stop the program or app that holds it, then ask again.",
                ),
            ),
        }
    }
}

impl Doing {
    /// In words.
    pub fn text(self) -> Text {
        let (fr, en) = match self {
            Doing::Install => ("installation", "installing"),
            Doing::Update => ("mise à jour", "updating"),
            Doing::Change => ("changement de réglages", "changing settings"),
            Doing::Start => ("démarrage", "starting"),
            Doing::Stop => ("arrêt", "stopping"),
            Doing::Restart => ("redémarrage", "restarting"),
            Doing::Remove => ("retrait", "removing"),
            Doing::Reinstall => ("rétablissement", "reinstalling"),
            Doing::Delete => ("effacement", "deleting"),
            Doing::Restore => ("restauration", "restoring"),
            Doing::RollBack => (
                "retour à l'état d'avant",
                "going back to what it was before",
            ),
        };
        Text::new(fr, en)
    }
}

fn lacking(fr: &str, en: &str, needed: Text, free: Text) -> Text {
    Text::new(
        format!(
            "Il faut {} de {fr} ; la machine n'en a plus que {} de libres.",
            needed.fr, free.fr
        ),
        format!(
            "It needs {} of {en}; the box has {} left.",
            needed.en, free.en
        ),
    )
}
