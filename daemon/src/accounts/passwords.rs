//! Passwords: hashed with Argon2id, a few at a time, so that signing in takes a bounded part of the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use lavoir_core::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::words;
use crate::api::Problem;
use crate::ports::Entropy;

/// Hashes and checks.
pub struct Passwords {
    at_once: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// In place of the password of somebody who is not there: to check it takes as long, and no password is right.
    nobody: Arc<String>,
    checked: AtomicU64,
}

impl Passwords {
    /// Ready; takes chance for nobody's password.
    pub fn new(entropy: &impl Entropy) -> Self {
        let (mut salt, mut hash) = ([0u8; 16], [0u8; 32]);
        entropy.fill(&mut salt);
        entropy.fill(&mut hash);
        let nobody = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: params()
                .and_then(|params| ParamsString::try_from(&params).ok())
                .unwrap_or_default(),
            salt: Salt::new(&salt).ok(),
            hash: Output::new(&hash).ok(),
        };
        Self {
            at_once: Arc::new(Semaphore::new(limits::PASSWORDS_AT_ONCE_MAX)),
            waiting: Arc::new(Semaphore::new(
                limits::PASSWORDS_AT_ONCE_MAX + limits::PASSWORDS_WAITING_MAX,
            )),
            nobody: Arc::new(nobody.to_string()),
            checked: AtomicU64::new(0),
        }
    }

    /// How many were checked, nobody's too.
    pub fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// Whether it is the one. Where there is none it is checked against nobody's: the same work, never right.
    ///
    /// # Errors
    /// When too many wait already.
    pub async fn check(
        &self,
        kept: Option<&str>,
        password: Zeroizing<String>,
    ) -> Result<bool, Problem> {
        let turn = self.turn().await?;
        self.checked.fetch_add(1, Ordering::Relaxed);
        let is_somebodys = kept.is_some();
        let kept = Zeroizing::new(kept.unwrap_or(&self.nobody).to_owned());
        let same = blocking(turn, move || {
            let hash = PasswordHash::new(&kept);
            // What a hash was made with is written in it.
            hash.is_ok_and(|hash| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            })
        })
        .await?;
        Ok(same && is_somebodys)
    }

    /// Its hash, in PHC form.
    ///
    /// # Errors
    /// When too many wait already.
    pub async fn hash(
        &self,
        entropy: &impl Entropy,
        password: Zeroizing<String>,
    ) -> Result<Zeroizing<String>, Problem> {
        let turn = self.turn().await?;
        let mut salt = [0u8; 16];
        entropy.fill(&mut salt);
        let hashed = blocking(turn, move || {
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params()?);
            let hash = argon
                .hash_password_with_salt(password.as_bytes(), &salt)
                .ok()?;
            Some(Zeroizing::new(hash.to_string()))
        });
        hashed.await?.ok_or_else(Problem::inside)
    }

    /// Goes with the work: whoever asked may go away, the memory is taken until it is done.
    async fn turn(&self) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), Problem> {
        let waits = self.waiting.clone().try_acquire_owned();
        let waits = waits.map_err(|_| words::busy())?;
        let turn = self.at_once.clone().acquire_owned().await;
        Ok((waits, turn.map_err(|_| Problem::inside())?))
    }
}

async fn blocking<T: Send + 'static>(
    turn: impl Send + 'static,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    });
    done.await.map_err(|_| Problem::inside())
}

fn params() -> Option<Params> {
    let (memory, passes) = (limits::PASSWORD_MEMORY_KIB, limits::PASSWORD_PASSES);
    Params::new(memory, passes, 1, None).ok()
}

/// Long enough, not too easy, not the name itself.
///
/// # Errors
/// Why it will not do, at this field.
pub(super) fn fit(field: &str, password: &str, name: &str) -> Result<(), Problem> {
    let signs = password.chars().count();
    if signs > limits::PASSWORD_MAX {
        return Err(words::password_long(field));
    }
    if signs < limits::PASSWORD_MIN {
        return Err(words::password_short(field));
    }
    let small = password.to_lowercase();
    let name = name.to_lowercase();
    let without_name = match name.chars().count() >= 3 {
        true => small.replace(&name, ""),
        false => small,
    };
    let kinds: std::collections::BTreeSet<char> = without_name.chars().collect();
    if kinds.len() < 5 {
        return Err(words::password_easy(field));
    }
    Ok(())
}
