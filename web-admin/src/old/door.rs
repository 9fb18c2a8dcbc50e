//! Who is let in: whoever gave the set-up code in this browser session. Sessions live in memory only; a restart ends
//! them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use lavoir_core::ledger::{Hash, hex, leaf_hash};
use lavoir_core::limits;

use super::Admin;

// `__Host-`: browsers take it over HTTPS only, for this very host and all its paths.
const COOKIE: &str = "__Host-lavoir";
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Door {
    /// Hashes of the sessions' keys: how long a comparison takes tells nothing about a key.
    sessions: Mutex<VecDeque<(Hash, Instant)>>,
    tries: Mutex<VecDeque<Instant>>,
}

pub(crate) enum Try {
    /// Welcome, with this cookie.
    In(String),
    Wrong,
    TooOften,
}

impl Door {
    /// Whether a session is under way.
    pub(crate) fn knows(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).into_iter();
        let keys = cookies
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let lasts = Duration::from_secs(limits::PANEL_SESSION_S_MAX);
        sessions.retain(|(_, since)| since.elapsed() < lasts);
        keys.map(|key| leaf_hash(key.as_bytes()))
            .any(|hash| sessions.iter().any(|(known, _)| *known == hash))
    }

    pub(crate) fn try_code(&self, admin: &dyn Admin, code: &str) -> Try {
        if !self.may_try() {
            return Try::TooOften;
        }
        if !admin.setup_code_is(code) {
            return Try::Wrong;
        }
        let mut bytes = [0u8; 32];
        admin.fill_random(&mut bytes);
        let key = hex(&bytes);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        while sessions.len() >= limits::PANEL_SESSIONS_MAX {
            sessions.pop_front();
        }
        sessions.push_back((leaf_hash(key.as_bytes()), Instant::now()));
        Try::In(format!(
            "{COOKIE}={key}; Path=/; Secure; HttpOnly; SameSite=Strict"
        ))
    }

    /// Everybody's tries together, so that many addresses guess no faster than one.
    fn may_try(&self) -> bool {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.retain(|at| at.elapsed() < MINUTE);
        if tries.len() >= limits::SETUP_TRIES_A_MINUTE_MAX {
            return false;
        }
        tries.push_back(Instant::now());
        true
    }
}
