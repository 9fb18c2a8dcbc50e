//! `recipe.toml`, format 1, as it is written. Its JSON Schema is generated from these types.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::text::Text;

macro_rules! written {
    ($($(#[$doc:meta])* struct $name:ident { $($body:tt)* })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($body)* }
    )* };
}

/// `recipe.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The format's number: 1.
    pub format: u32,
    /// Short name, the folder's.
    pub id: String,
    /// Upstream's version, a hyphen, the recipe's own count: `6.8.3-1`.
    pub version: String,
    /// What people call it.
    pub name: Text,
    /// One line: what one can do with it.
    pub summary: Text,
    /// A paragraph or two for the catalogue.
    pub description: Text,
    /// What people want to do with it; the first one says where it stands in the catalogue.
    #[serde(default)]
    pub purposes: Vec<Purpose>,
    /// Where it comes from.
    pub upstream: Upstream,
    /// What it takes.
    pub needs: Needs,
    /// What the installer is asked.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// What the box makes up and keeps secret.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// What the gateway passes on.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Addresses beside the main one.
    #[serde(default)]
    pub hostnames: Vec<ExtraHostname>,
    /// Paths under `/.well-known/`.
    #[serde(default)]
    pub well_known: Vec<WellKnown>,
    /// Databases, by engine and needs.
    #[serde(default)]
    pub databases: Vec<Database>,
    /// One for each volume of compose.yaml: what is data and what is only cache.
    #[serde(default)]
    pub volumes: Vec<Volume>,
    /// One for each file under `files/`.
    #[serde(default)]
    pub files: Vec<File>,
    /// Commands at moments of its life.
    #[serde(default)]
    pub hooks: Vec<Hook>,
    /// How the box knows that it answers.
    #[serde(default)]
    pub health: Option<Health>,
    /// How it is updated.
    #[serde(default)]
    pub updates: Updates,
    /// Capabilities that a container keeps, and why.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// Ports opened on the machine itself, and why.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Personal data: what, where, how long.
    pub privacy: Privacy,
    /// Does it send mail?
    pub mail: Mail,
    /// Can it use the box's accounts?
    pub sign_on: SignOn,
    /// Does it speak with other servers?
    pub federation: Federation,
    /// Roles inside the app.
    #[serde(default)]
    pub roles: Vec<Role>,
}

/// Update rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Updates {
    /// No main version may be left out on the way: its first number rises by one at most.
    #[serde(default)]
    pub one_at_a_time: bool,
    /// What to know.
    #[serde(default)]
    pub notes: Option<Text>,
}

written! {
    /// Where a recipe's software comes from.
    struct Upstream {
        /// Its name.
        pub name: String,
        /// Its version.
        pub version: String,
        /// SPDX expression.
        pub licence: String,
        /// Where its source is.
        pub source: String,
        /// Where it presents itself.
        #[serde(default)]
        pub website: Option<String>,
    }

    /// What an app takes of the machine.
    struct Needs {
        /// Memory, MiB, all its containers together.
        pub ram_mib: u32,
        /// Disk at first, MiB, images included.
        pub disk_mib: u32,
        /// Machines it runs on.
        pub architectures: Vec<Architecture>,
    }

    /// A question to the installer.
    struct Question {
        /// Name in templates: `answers.<id>`.
        pub id: String,
        /// What may be answered.
        pub kind: QuestionKind,
        /// The question.
        pub label: Text,
        /// Help under it.
        #[serde(default)]
        pub hint: Option<Text>,
        /// Must be answered.
        #[serde(default)]
        pub required: bool,
        /// Taken when nothing is answered.
        #[serde(default)]
        pub default: Option<String>,
        /// For `choice`.
        #[serde(default)]
        pub choices: Vec<Choice>,
        /// Least number, for `number`.
        #[serde(default)]
        pub min: Option<i64>,
        /// Greatest number, or most signs of a text.
        #[serde(default)]
        pub max: Option<i64>,
        /// May be answered anew later.
        #[serde(default = "yes")]
        pub changeable: bool,
        /// Speaks of a person: kept beside the ledger. E-mail, secret and user name always are.
        #[serde(default)]
        pub personal: bool,
    }

    /// One answer of a `choice`.
    struct Choice {
        /// Seen by templates.
        pub value: String,
        /// Seen by people.
        pub label: Text,
    }

    /// A secret the box makes.
    struct Secret {
        /// Name in templates: `secrets.<id>`.
        pub id: String,
        /// Of which signs.
        pub alphabet: Alphabet,
        /// How many.
        pub length: u32,
        /// What it is for.
        #[serde(default)]
        pub label: Option<Text>,
        /// People need it to sign in: whoever may can read it, and the ledger says that they did.
        #[serde(default)]
        pub readable: bool,
    }

    /// What the gateway passes on to a container.
    struct Route {
        /// Service of compose.yaml.
        pub service: String,
        /// Port inside.
        pub port: u16,
        /// Path prefix.
        #[serde(default = "slash")]
        pub path: String,
        /// One of `hostnames`; the main address otherwise.
        #[serde(default)]
        pub hostname: Option<String>,
        /// Largest body, MiB.
        #[serde(default = "default_body")]
        pub body_max_mib: u32,
    }

    /// An address beside the main one.
    struct ExtraHostname {
        /// Name in templates: `app.hosts.<id>`.
        pub id: String,
        /// What it is for.
        pub label: Text,
        /// With `{host}` for the main address: `static.{host}`.
        pub default: String,
    }

    /// A path under `/.well-known/`: either `redirect`, or `service` and `port`.
    struct WellKnown {
        /// The whole path.
        pub path: String,
        /// Redirect (301) to this path.
        #[serde(default)]
        pub redirect: Option<String>,
        /// Service that answers.
        #[serde(default)]
        pub service: Option<String>,
        /// Its port.
        #[serde(default)]
        pub port: Option<u16>,
    }

    /// A database.
    struct Database {
        /// Its name here.
        pub id: String,
        /// Its kind.
        pub engine: DatabaseEngine,
        /// The service it runs in.
        pub service: String,
        /// Extensions, locale, character set: what a shared server would have to give.
        #[serde(default)]
        pub needs: Vec<String>,
        /// Writes a dump on standard output, run inside the service.
        #[serde(default)]
        pub dump: Vec<String>,
        /// Reads a dump on standard input, run inside the service.
        #[serde(default)]
        pub restore: Vec<String>,
    }

    /// What a volume holds.
    struct Volume {
        /// Its name in compose.yaml.
        pub id: String,
        /// How precious it is.
        pub keep: Keep,
        /// What is in it.
        #[serde(default)]
        pub label: Option<Text>,
    }

    /// A configuration file, a template.
    struct File {
        /// Name under `files/`.
        pub source: String,
        /// Octal permission bits, `"0640"`.
        pub mode: String,
        /// `uid:gid`.
        pub owner: String,
    }

    /// A command at a moment of the app's life. It must be safe to repeat.
    struct Hook {
        /// When.
        pub when: HookMoment,
        /// In which service.
        pub service: String,
        /// What.
        pub command: Vec<String>,
        /// As whom.
        #[serde(default)]
        pub user: Option<String>,
        /// At most, seconds.
        #[serde(default = "default_hook_timeout")]
        pub timeout_s: u32,
    }

    /// An HTTP question that is answered when the app is well.
    struct Health {
        /// To which service.
        pub service: String,
        /// Port inside.
        pub port: u16,
        /// Path and query.
        pub path: String,
        /// Good answers.
        pub status: Vec<u16>,
        /// How long it may take to come at first, seconds.
        pub start_s: u32,
    }

    /// A capability kept by a container.
    struct Capability {
        /// Which container.
        pub service: String,
        /// Without `CAP_`.
        pub capability: String,
        /// Why it cannot do without.
        pub reason: Text,
    }

    /// A port opened on the machine itself.
    struct Port {
        /// Which container.
        pub service: String,
        /// Number, on the machine and inside alike.
        pub port: u16,
        /// TCP or UDP.
        pub protocol: Protocol,
        /// Why the gateway does not do.
        pub reason: Text,
    }

    /// Personal data.
    struct Privacy {
        /// One line each; empty when there is none.
        pub data: Vec<PersonalData>,
    }

    /// One kind of personal data.
    struct PersonalData {
        /// What.
        pub what: Text,
        /// In which volume.
        #[serde(rename = "where")]
        pub volume: String,
        /// How long.
        pub kept: Text,
    }

    /// Outgoing mail.
    struct Mail {
        /// Does it send any?
        pub supported: bool,
        /// What to know.
        #[serde(default)]
        pub note: Option<Text>,
    }

    /// Sign-in with the box's accounts.
    struct SignOn {
        /// How.
        pub kind: SignOnKind,
        /// What to know.
        #[serde(default)]
        pub note: Option<Text>,
    }

    /// Speaking with other servers.
    struct Federation {
        /// How.
        pub kind: FederationKind,
        /// Once it has spoken with others, its address can never change.
        #[serde(default)]
        pub permanent_address: bool,
        /// What to know.
        #[serde(default)]
        pub note: Option<Text>,
    }

    /// A role inside the app.
    struct Role {
        /// Upstream's name for it.
        pub id: String,
        /// What it may do.
        pub label: Text,
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),* $(,)? })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant),* }
    )* };
}

words! {
    /// Processor families, in Debian's words.
    Architecture {
        /// x86-64.
        Amd64,
        /// AArch64.
        Arm64,
    }
    /// What people want to do together.
    Purpose {
        /// Publish articles, pictures, videos.
        Publish,
        /// Share files and write together.
        Share,
        /// Keep calendars, contacts, tasks.
        Organise,
        /// Draw and show maps.
        Map,
        /// Talk, meet, write to one another.
        Talk,
        /// Debate, vote, draw lots.
        Decide,
        /// Order, sell, exchange.
        Trade,
    }
    /// What may be answered to a question.
    QuestionKind {
        /// A line of text.
        Text,
        /// An e-mail address.
        Email,
        /// A whole number.
        Number,
        /// One of the choices.
        Choice,
        /// `true` or `false`.
        Boolean,
        /// Not shown again.
        Secret,
        /// A name to sign in with.
        Username,
    }
    /// Signs that a secret is made of.
    Alphabet {
        /// A–Z, a–z, 0–9.
        Alphanumeric,
        /// 0–9, a–f.
        Hex,
        /// RFC 4648, with padding; the length counts the bytes encoded.
        Base64,
        /// Visible ASCII but quotes, backslash, dollar and backtick.
        Printable,
    }
    /// Database engines.
    DatabaseEngine {
        /// MariaDB.
        Mariadb,
        /// PostgreSQL.
        Postgresql,
        /// A file.
        Sqlite,
    }
    /// How precious a volume is.
    Keep {
        /// Saved as files.
        Data,
        /// A live database's files: saved as a dump, never as files.
        Database,
        /// Can be made again: never saved.
        Cache,
    }
    /// Moments of an app's life.
    HookMoment {
        /// Once, after the first start, before any visitor.
        AfterInstall,
        /// After each update, before visitors come back.
        AfterUpdate,
        /// After answers changed.
        AfterChange,
    }
    /// Transport protocols.
    Protocol {
        /// TCP.
        Tcp,
        /// UDP.
        Udp,
    }
    /// Ways to sign in with the box's accounts.
    SignOnKind {
        /// None.
        None,
        /// OpenID Connect.
        Oidc,
        /// LDAP.
        Ldap,
    }
    /// Ways to speak with other servers.
    FederationKind {
        /// None.
        None,
        /// ActivityPub.
        Activitypub,
        /// Matrix.
        Matrix,
        /// Mail protocols.
        Mail,
    }
}

fn yes() -> bool {
    true
}

fn slash() -> String {
    String::from("/")
}

fn default_body() -> u32 {
    16
}

fn default_hook_timeout() -> u32 {
    300
}
