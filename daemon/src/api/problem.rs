//! A "no" of the API, as `application/problem+json` (RFC 9457) in both languages.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use lavoir_core::refusal::{AccountRefusal, BackupRefusal, Refusal};
use lavoir_core::text::{Message, Text};
use serde::{Deserialize, Serialize};

use crate::engine::No;
use crate::ports::Fault;

/// What kind of "no" it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read: 400.
    Unsound,
    /// Nobody is signed in: 401.
    SignedOut,
    /// Not yours to ask: 403.
    Forbidden,
    /// There is no such thing: 404.
    Missing,
    /// It does not fit what is decided already: 409.
    Conflict,
    /// More than is taken at once: 413.
    TooLarge,
    /// Read, but answers in it are not good: 422.
    Unfit,
    /// Too often in a short time: 429.
    TooOften,
    /// Something broke: 500.
    Broken,
    /// Docker, or what is needed, is away: 503.
    Away,
    /// It does not fit on the machine: 507.
    NoRoom,
}

impl Kind {
    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Kind::Unsound => StatusCode::BAD_REQUEST,
            Kind::SignedOut => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::Missing => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::Unfit => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Kind::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Kind::Away => StatusCode::SERVICE_UNAVAILABLE,
            Kind::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
        }
    }
}

/// A "no" with its reasons.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What kind.
    pub kind: Kind,
    /// Code, sentence, next step.
    pub message: Message,
    /// Each thing to put right, where there are several.
    pub problems: Vec<Detail>,
    /// Under which number the log tells more.
    pub operation: Option<String>,
}

/// One thing to put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Detail {
    /// Code, sentence, next step.
    #[serde(flatten)]
    pub message: Message,
    /// Where: a field's or question's name, or `file:line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The field or question, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// A problem as it is written.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Written {
    /// A name for this kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The sentence in English, for programs that show no other.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Code, sentence, next step.
    #[serde(flatten)]
    pub message: Message,
    /// Each thing to put right.
    #[serde(default)]
    pub problems: Vec<Detail>,
    /// Under which number the log tells more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// The media type of problems.
pub const MEDIA_TYPE: &str = "application/problem+json";

impl Problem {
    /// One message.
    pub fn new(kind: Kind, code: &str, sentence: Text, next_step: Text) -> Self {
        Self {
            kind,
            message: Message {
                code: code.to_owned(),
                sentence,
                next_step,
            },
            problems: Vec::new(),
            operation: None,
        }
    }

    /// With each thing to put right.
    pub fn with(mut self, problems: impl IntoIterator<Item = Detail>) -> Self {
        self.problems = problems.into_iter().collect();
        self
    }

    /// The request cannot be read, in the parser's words.
    pub fn unsound(reason: &str) -> Self {
        Self::new(
            Kind::Unsound,
            "request-unsound",
            Text::new(
                format!("La demande ne se lit pas ({reason})."),
                format!("The request cannot be read ({reason})."),
            ),
            Text::new(
                "Vérifiez que la commande et le démon sont de la même version.",
                "Check that the command and the daemon have the same version.",
            ),
        )
    }

    /// Nothing stands at this path.
    pub fn no_such_path() -> Self {
        Self::new(
            Kind::Missing,
            "no-such-path",
            Text::new(
                "Cette adresse de l'API n'existe pas.",
                "The API has no such path.",
            ),
            Text::new(
                "Vérifiez que la commande et le démon sont de la même version.",
                "Check that the command and the daemon have the same version.",
            ),
        )
    }

    /// Something broke inside; the log knows what.
    pub fn inside() -> Self {
        Self::new(
            Kind::Broken,
            "broke-inside",
            Text::new(
                "Quelque chose s'est cassé dans le démon.",
                "Something broke inside the daemon.",
            ),
            Text::new(
                "Cherchez le numéro de l'opération dans « journalctl -u lavoir-daemon », puis signalez-le.",
                "Look for the operation's number in “journalctl -u lavoir-daemon”, then report it.",
            ),
        )
    }

    /// As it is written.
    pub fn written(&self) -> Written {
        Written {
            kind: format!("urn:lavoir:problem:{}", self.message.code),
            title: self.message.sentence.en.clone(),
            status: self.kind.status().as_u16(),
            message: self.message.clone(),
            problems: self.problems.clone(),
            operation: self.operation.clone(),
        }
    }
}

/// Which kind each refusal of the core is.
pub fn kind_of(refusal: &Refusal) -> Kind {
    match refusal {
        Refusal::NotFounded | Refusal::NotYours => Kind::Forbidden,
        Refusal::NoSuchApp { .. } | Refusal::NoSuchSecret { .. } => Kind::Missing,
        Refusal::AlreadyPrepared
        | Refusal::NameTaken { .. }
        | Refusal::NotInstalled { .. }
        | Refusal::NotRemoved { .. }
        | Refusal::NotRunning { .. }
        | Refusal::AlreadyRunning { .. }
        | Refusal::AlreadyStopped { .. }
        | Refusal::AlreadyDeleted { .. }
        | Refusal::Busy { .. }
        | Refusal::OtherRecipe { .. }
        | Refusal::UpToDate { .. }
        | Refusal::OlderVersion { .. }
        | Refusal::VersionSkipped { .. }
        | Refusal::VersionUnordered { .. }
        | Refusal::NothingChanged { .. }
        | Refusal::StaleReport { .. }
        | Refusal::HostTaken { .. }
        | Refusal::HostIsPanel { .. }
        | Refusal::HostOutside { .. }
        | Refusal::ContainerNameTaken { .. }
        | Refusal::PortTaken { .. } => Kind::Conflict,
        Refusal::OtherArchitecture { .. } => Kind::Unfit,
        Refusal::Account(no) => kind_of_account(no),
        Refusal::Backup(no) => kind_of_backup(no),
        Refusal::NotPrepared | Refusal::EngineAway => Kind::Away,
        Refusal::TooManyApps { .. }
        | Refusal::TooManyAddresses { .. }
        | Refusal::NotEnoughMemory { .. }
        | Refusal::NotEnoughDisk { .. } => Kind::NoRoom,
    }
}

fn kind_of_backup(refusal: &BackupRefusal) -> Kind {
    match refusal {
        BackupRefusal::NoSuchRepository { .. } => Kind::Missing,
        BackupRefusal::PathUnsound
        | BackupRefusal::RhythmUnsound { .. }
        | BackupRefusal::RuleUnsound { .. } => Kind::Unfit,
        BackupRefusal::TooMany { .. } => Kind::NoRoom,
        BackupRefusal::NameTaken { .. }
        | BackupRefusal::PlaceTaken { .. }
        | BackupRefusal::NothingChanged
        | BackupRefusal::UnderWay { .. }
        | BackupRefusal::NotUnderWay { .. }
        | BackupRefusal::RestoreUnderWay { .. }
        | BackupRefusal::NotWell { .. }
        | BackupRefusal::OtherLife { .. } => Kind::Conflict,
    }
}

fn kind_of_account(refusal: &AccountRefusal) -> Kind {
    match refusal {
        AccountRefusal::TokenEnded => Kind::SignedOut,
        AccountRefusal::TokenReadsOnly => Kind::Forbidden,
        AccountRefusal::NoSuchPerson { .. } | AccountRefusal::NoSuchToken { .. } => Kind::Missing,
        AccountRefusal::TokenLife { .. } => Kind::Unfit,
        AccountRefusal::SetupCodeUsed
        | AccountRefusal::SetupCodeWaits
        | AccountRefusal::AccountThere
        | AccountRefusal::NumberTaken
        | AccountRefusal::TooManyTokens { .. } => Kind::Conflict,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self {
            kind: kind_of(&refusal),
            message: refusal.message(),
            problems: Vec::new(),
            operation: None,
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let kind = match fault.message.code.as_str() {
            "engine-away" => Kind::Away,
            "signed-out" => Kind::SignedOut,
            _ => Kind::Broken,
        };
        tracing::warn!(%fault, lines = ?fault.lines, "a request came to nothing");
        Self {
            kind,
            message: fault.message,
            problems: Vec::new(),
            operation: None,
        }
    }
}

impl From<No> for Problem {
    fn from(no: No) -> Self {
        match no {
            No::Refused(refusal) => refusal.into(),
            No::Broke(fault) => (*fault).into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        let body = serde_json::to_vec(&self.written()).unwrap_or_default();
        let mut response = (status, body).into_response();
        // For the guard, which gives what broke a number.
        response.extensions_mut().insert(self);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response
    }
}
