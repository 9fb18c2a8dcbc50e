//! From what an authority says to what it means for people.

use std::error::Error as StdError;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::StatusCode;
use instant_acme::{Error, Problem};
use lavoir_core::id::Timestamp;
use lavoir_core::renewal::trouble::Trouble;
use rustls::CertificateError;

use super::https::{Heard, Last};
use crate::config::Way;
use crate::ports::NoCertificate;

/// A clock that differs this much from the authority's is wrong.
const CLOCK_OFF: Duration = Duration::from_secs(24 * 3_600);
const NAMESPACE: &str = "urn:ietf:params:acme:error:";

/// How far an order had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Making or opening the account.
    Account,
    /// Placing the order.
    Order,
    /// The authority has looked at a proof.
    Proof(Option<Way>),
    /// The certificate is being made.
    End,
}

/// What an error means.
pub(super) fn of(error: Error, stage: Stage, heard: &Heard) -> NoCertificate {
    let last = heard.last();
    if last.clock_off > CLOCK_OFF {
        return NoCertificate::said(Trouble::Clock, error);
    }
    match error {
        Error::Api(problem) => of_problem(&problem, stage, last),
        Error::Other(inner) => NoCertificate::said(of_connection(&*inner), Chain(&*inner)),
        Error::Timeout(_) => NoCertificate::said(Trouble::Away, error),
        // An error page instead of a problem in JSON.
        Error::Json(_) | Error::Str(_) => NoCertificate {
            again: again(last),
            ..NoCertificate::said(of_status(last.status), error)
        },
        error => NoCertificate::said(Trouble::Refused, error),
    }
}

fn of_status(status: Option<StatusCode>) -> Trouble {
    match status {
        Some(StatusCode::TOO_MANY_REQUESTS) => Trouble::Limit,
        _ => Trouble::Away,
    }
}

/// Whether an order was refused only for what it says it replaces.
pub(super) fn is_about_replacing(problem: &Problem) -> bool {
    let kind = kind(problem);
    matches!(kind, "alreadyReplaced" | "malformed") || problem.status == Some(409)
}

/// Whether a request was not looked at for its nonce.
pub(super) fn is_about_a_nonce(error: &Error) -> bool {
    matches!(error, Error::Api(problem) if kind(problem) == "badNonce")
}

fn kind(problem: &Problem) -> &str {
    let kind = problem.r#type.as_deref().unwrap_or("");
    kind.strip_prefix(NAMESPACE).unwrap_or(kind)
}

fn of_problem(problem: &Problem, stage: Stage, last: Last) -> NoCertificate {
    let mut all = vec![kind(problem)];
    for sub in &problem.subproblems {
        let kind = sub.r#type.as_deref().unwrap_or("");
        all.push(kind.strip_prefix(NAMESPACE).unwrap_or(kind));
    }
    let has = |kind: &str| all.contains(&kind);
    let way = match stage {
        Stage::Proof(way) => way,
        _ => None,
    };
    let by_net = matches!(way, Some(Way::Http | Way::TlsAlpn));
    let port = if way == Some(Way::TlsAlpn) { 443 } else { 80 };
    let broken = problem.status.is_some_and(|status| status >= 500);
    let trouble = if has("rateLimited") || problem.status == Some(429) {
        Trouble::Limit
    } else if has("caa") {
        Trouble::Caa
    } else if has("rejectedIdentifier") || has("unsupportedIdentifier") {
        Trouble::NameRefused
    } else if has("invalidContact") || has("unsupportedContact") {
        Trouble::Contact
    } else if has("accountDoesNotExist") {
        Trouble::Account
    } else if has("badNonce") || has("serverInternal") || broken {
        Trouble::Away
    } else if matches!(stage, Stage::Proof(_)) {
        match kind(problem) {
            "connection" if by_net => Trouble::PortClosed(port),
            "dns" if by_net => Trouble::NoAddress,
            "unauthorized" | "incorrectResponse" | "tls" if by_net => Trouble::Elsewhere,
            _ => Trouble::NotProven,
        }
    } else if has("unauthorized") && matches!(stage, Stage::Account | Stage::Order) {
        Trouble::Account
    } else {
        Trouble::Refused
    };
    NoCertificate {
        again: again(last),
        ..NoCertificate::said(trouble, problem)
    }
}

fn again(last: Last) -> Option<Timestamp> {
    let at = SystemTime::now().checked_add(last.retry_after?)?;
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok().map(Timestamp)
}

/// No answer came: what stood in the way.
fn of_connection(error: &(dyn StdError + 'static)) -> Trouble {
    let tls = Chain(error).all().find_map(|error| {
        let io = error.downcast_ref::<io::Error>();
        let inner = io.and_then(|io| io.get_ref()?.downcast_ref::<rustls::Error>());
        inner.or_else(|| error.downcast_ref::<rustls::Error>())
    });
    match tls {
        // Authorities renew theirs in time: when theirs has not begun or has ended, it is our clock.
        Some(rustls::Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        )) => Trouble::Clock,
        Some(rustls::Error::InvalidCertificate(_)) => Trouble::Untrusted,
        _ => Trouble::Away,
    }
}

/// An error with what is behind it.
struct Chain<'a>(&'a (dyn StdError + 'static));

impl<'a> Chain<'a> {
    fn all(&self) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
        // Nothing is deeper; a ring must not hold us.
        std::iter::successors(Some(self.0), |&error| error.source()).take(16)
    }
}

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut first = true;
        for error in self.all() {
            if !first {
                f.write_str(": ")?;
            }
            write!(f, "{error}")?;
            first = false;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn meaning(json: &str, stage: Stage) -> Trouble {
        let problem: Problem = serde_json::from_str(json).unwrap();
        of_problem(&problem, stage, Last::default()).trouble
    }

    #[test]
    fn problems_in_words() {
        let http = Stage::Proof(Some(Way::Http));
        let alpn = Stage::Proof(Some(Way::TlsAlpn));
        let dns = Stage::Proof(Some(Way::Dns));
        for (kind, stage, expected) in [
            ("rateLimited", Stage::Order, Trouble::Limit),
            ("rateLimited", http, Trouble::Limit),
            ("caa", http, Trouble::Caa),
            ("caa", Stage::End, Trouble::Caa),
            ("rejectedIdentifier", Stage::Order, Trouble::NameRefused),
            ("invalidContact", Stage::Account, Trouble::Contact),
            ("unsupportedContact", Stage::Account, Trouble::Contact),
            ("accountDoesNotExist", Stage::Order, Trouble::Account),
            ("unauthorized", Stage::Order, Trouble::Account),
            ("unauthorized", http, Trouble::Elsewhere),
            ("unauthorized", dns, Trouble::NotProven),
            ("incorrectResponse", alpn, Trouble::Elsewhere),
            ("connection", http, Trouble::PortClosed(80)),
            ("connection", alpn, Trouble::PortClosed(443)),
            ("dns", http, Trouble::NoAddress),
            ("dns", dns, Trouble::NotProven),
            ("serverInternal", Stage::End, Trouble::Away),
            ("badNonce", http, Trouble::Away),
            ("badCSR", Stage::End, Trouble::Refused),
        ] {
            let json = format!("{{\"type\":\"{NAMESPACE}{kind}\",\"detail\":\"x\"}}");
            assert_eq!(meaning(&json, stage), expected, "{kind} {stage:?}");
        }
        let inside = format!(
            "{{\"type\":\"{NAMESPACE}compound\",\"subproblems\":[{{\"type\":\"{NAMESPACE}caa\"}}]}}"
        );
        assert_eq!(meaning(&inside, Stage::Order), Trouble::Caa);
        assert_eq!(meaning("{\"status\":503}", Stage::Order), Trouble::Away);
    }
}
