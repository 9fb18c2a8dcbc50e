//! How a command ends when it does not end well.

use lavoir_core::text::{Message, Text};

use super::terminal::{Terminal, visible};
use crate::api::{Detail, Written};
use crate::ports::Fault;

/// All went well.
pub const WELL: u8 = 0;
const REFUSED: u8 = 1;
const NOT_UNDERSTOOD: u8 = 2;
const AWAY: u8 = 3;
const DID_NOT_SUCCEED: u8 = 4;
const INTERRUPTED: u8 = 130;

/// Why a command did not end well.
#[derive(Debug)]
pub enum End {
    /// Refused or failed: 1.
    Refused {
        /// Code, sentence, next step.
        message: Message,
        /// Each thing to put right.
        problems: Vec<Detail>,
        /// Under which number the daemon's log tells more.
        operation: Option<String>,
        /// The problem as the API said it.
        raw: Option<String>,
    },
    /// What was typed does not do: 2.
    NotUnderstood(Message),
    /// The daemon does not answer: 3.
    Away(Message),
    /// What was waited for did not succeed; all is said already: 4.
    DidNotSucceed,
    /// All is said already: 1.
    Said,
    /// Ctrl-C: 130.
    Interrupted(Message),
    /// Nobody reads what is printed any more, as `| head` does: not an error.
    NobodyReads,
}

impl End {
    /// Refused, or failed, for one reason.
    pub fn refused(code: &str, sentence: Text, next_step: Text) -> Self {
        Self::because(message(code, sentence, next_step))
    }

    /// Refused, or failed, for one reason.
    pub fn because(message: Message) -> Self {
        Self::Refused {
            message,
            problems: Vec::new(),
            operation: None,
            raw: None,
        }
    }

    /// As the API said it.
    pub fn problem(written: Written, raw: String) -> Self {
        Self::Refused {
            message: written.message,
            problems: written.problems,
            operation: written.operation,
            raw: Some(raw),
        }
    }

    /// What was typed does not do.
    pub fn not_understood(code: &str, sentence: Text, next_step: Text) -> Self {
        Self::NotUnderstood(message(code, sentence, next_step))
    }

    pub(super) fn not_here() -> Self {
        Self::not_understood(
            "not-a-client",
            Text::new(
                "Ceci n'est pas une commande de client.",
                "This is no client's command.",
            ),
            Text::new("Voyez « lavoir --help ».", "See “lavoir --help”."),
        )
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            End::Refused { .. } | End::Said => REFUSED,
            End::NotUnderstood(_) => NOT_UNDERSTOOD,
            End::Away(_) => AWAY,
            End::DidNotSucceed => DID_NOT_SUCCEED,
            End::Interrupted(_) => INTERRUPTED,
            End::NobodyReads => WELL,
        }
    }

    /// Says it, on standard error.
    pub fn tell(&self, terminal: &Terminal) {
        match self {
            End::Refused { raw: Some(raw), .. } if terminal.json() => terminal.error_line(raw),
            End::Refused {
                message,
                problems,
                operation,
                ..
            } => {
                terminal.message(message);
                for detail in problems {
                    let at = detail.at.as_deref().map(|at| format!("{at}: "));
                    terminal.error_line(&format!(
                        "  {}{} {}",
                        visible(&at.unwrap_or_default()),
                        visible(terminal.say(&detail.message.sentence)),
                        visible(terminal.say(&detail.message.next_step)),
                    ));
                }
                if let Some(operation) = operation {
                    let words = Text::new("Opération", "Operation");
                    terminal.error_line(&format!(
                        "  {} {}",
                        terminal.say(&words),
                        visible(operation)
                    ));
                }
            }
            End::NotUnderstood(message) | End::Away(message) | End::Interrupted(message) => {
                terminal.message(message);
            }
            End::DidNotSucceed | End::Said | End::NobodyReads => {}
        }
    }
}

fn message(code: &str, sentence: Text, next_step: Text) -> Message {
    Message {
        code: code.to_owned(),
        sentence,
        next_step,
    }
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        End::because(fault.message)
    }
}

impl From<std::io::Error> for End {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return End::NobodyReads;
        }
        End::refused(
            "input-output",
            Text::new(
                format!("Lecture ou écriture impossible ({error})."),
                format!("Reading or writing failed ({error})."),
            ),
            Text::new(
                "Vérifiez le fichier et le disque.",
                "Check the file and the disk.",
            ),
        )
    }
}
