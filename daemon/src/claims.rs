//! Whose turn it is with an app: who changes it and who saves it never do so at the same time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use lavoir_core::id::AppId;

/// Apps that somebody is at.
#[derive(Debug, Default)]
pub struct Claims(Mutex<BTreeSet<AppId>>);

/// An app is one's own until this is dropped.
#[derive(Debug)]
pub struct Claim {
    claims: Arc<Claims>,
    app: AppId,
}

impl Claims {
    /// None while somebody else is at it.
    pub fn claim(self: &Arc<Self>, app: &AppId) -> Option<Claim> {
        let mut claimed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.insert(app.clone()).then(|| Claim {
            claims: self.clone(),
            app: app.clone(),
        })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claimed = self.claims.0.lock().unwrap_or_else(PoisonError::into_inner);
        claimed.remove(&self.app);
    }
}
