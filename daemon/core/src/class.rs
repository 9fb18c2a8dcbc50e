//! Which class each act has (DESIGN, section 7). One table; the arithmetic of agreement comes with governance.

use serde::{Deserialize, Serialize};

use crate::command::Action;

/// How many must agree, and for how long all may object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// Ordinary: one member, announced.
    A,
    /// Sensitive: two different members within 24 hours.
    B,
    /// Grave: a motion, quorum ⌈1.5·√N⌉, 72 hours in delay.
    C,
    /// Constitutional: a motion, two thirds, 14 days of debate, 7 days in delay.
    D,
}

/// The class of an act. Every act stands here; one without a class does not compile.
pub fn class_of(action: &Action) -> Class {
    match action {
        Action::Restart { .. }
        | Action::Start { .. }
        | Action::Stop { .. }
        | Action::BackUp { .. }
        | Action::CancelBackup { .. } => Class::A,
        // About oneself, or to take a power away.
        Action::ChangePassword { .. } | Action::RevokeToken { .. } => Class::A,
        Action::OpenAccount { .. }
        | Action::ResetPassword { .. }
        | Action::MakeSetupCode
        | Action::MakeToken { .. } => Class::B,
        Action::Install { .. }
        | Action::Update { .. }
        | Action::Change { .. }
        | Action::Remove { .. }
        | Action::Reinstall { .. }
        | Action::ReadSecret { .. } => Class::B,
        Action::AddRepository { .. }
        | Action::ChangeRepository { .. }
        | Action::ReadRepositoryKey { .. } => Class::B,
        // What the app has now is replaced by what it had then.
        Action::Restore { .. } | Action::RemoveRepository { .. } => Class::C,
        Action::Delete { .. } => Class::D,
    }
}
