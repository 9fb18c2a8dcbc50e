//! Form tokens: a form can be sent by the browser that got it only, and does its work once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use lavoir_core::ledger::hex;
use lavoir_core::limits;
use sha2::Sha256;

/// Makes and checks tokens; remembers which forms have done their work.
pub(crate) struct FormTokens {
    /// Made at the start: forms from before a restart are not taken.
    key: [u8; 32],
    sent: Arc<Mutex<VecDeque<Sent>>>,
}

struct Sent {
    token: String,
    at: Instant,
    /// Where its work led to; none while it is being done.
    led_to: Option<String>,
}

/// What becomes of a form that is sent.
pub(crate) enum Taken {
    /// It is the first time: do the work, then say where it led.
    First(InHand),
    /// It was sent already and led there.
    Done(String),
    /// It was sent already; its work is not done yet.
    InHand,
}

/// A form whose work is being done. Let go of without a word, it can be sent again.
pub(crate) struct InHand {
    token: String,
    sent: Arc<Mutex<VecDeque<Sent>>>,
}

impl FormTokens {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            sent: Arc::default(),
        }
    }

    /// A new token for a form shown in this session (or visit, before sign-in).
    pub(crate) fn make(&self, session: &str, chance: &[u8; 32]) -> String {
        let nonce = hex(&chance[..16]);
        let seal = hex(&self.seal(session, &nonce).finalize().into_bytes());
        format!("{nonce}.{seal}")
    }

    /// Whether a token was made here, for this session.
    pub(crate) fn is_ours(&self, session: &str, token: &str) -> bool {
        let Some((nonce, seal)) = token.split_once('.') else {
            return false;
        };
        let Some(seal) = lavoir_core::ledger::unhex(seal) else {
            return false;
        };
        nonce.len() == 32 && self.seal(session, nonce).verify_slice(&seal).is_ok()
    }

    /// Takes a form in hand.
    pub(crate) fn take(&self, token: &str) -> Taken {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let lasts = Duration::from_secs(limits::FORM_SENT_S_MAX);
        sent.retain(|one| one.at.elapsed() < lasts);
        if let Some(before) = sent.iter().find(|one| one.token == token) {
            return match &before.led_to {
                Some(path) => Taken::Done(path.clone()),
                None => Taken::InHand,
            };
        }
        while sent.len() >= limits::FORMS_SENT_MAX {
            sent.pop_front();
        }
        sent.push_back(Sent {
            token: token.to_owned(),
            at: Instant::now(),
            led_to: None,
        });
        Taken::First(InHand {
            token: token.to_owned(),
            sent: self.sent.clone(),
        })
    }

    fn seal(&self, session: &str, nonce: &str) -> Hmac<Sha256> {
        let mut seal = match Hmac::<Sha256>::new_from_slice(&self.key) {
            Ok(seal) => seal,
            // HMAC takes keys of any length.
            Err(_) => unreachable!(),
        };
        // The nonce has a fixed length: nothing can be shifted between the two.
        seal.update(nonce.as_bytes());
        seal.update(session.as_bytes());
        seal
    }
}

impl InHand {
    /// The work is done and led there.
    pub(crate) fn led_to(self, path: &str) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = sent.iter_mut().find(|one| one.token == self.token) {
            one.led_to = Some(path.to_owned());
        }
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.retain(|one| one.token != self.token || one.led_to.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_one_session_and_one_work() {
        let tokens = FormTokens::new([7; 32]);
        let token = tokens.make("mine", &[1; 32]);
        assert!(tokens.is_ours("mine", &token));
        assert!(!tokens.is_ours("yours", &token));
        assert!(!tokens.is_ours("mine", &token.replace('.', "")));
        assert!(!FormTokens::new([8; 32]).is_ours("mine", &token));

        let Taken::First(hand) = tokens.take(&token) else {
            panic!("first")
        };
        assert!(matches!(tokens.take(&token), Taken::InHand));
        drop(hand);
        let Taken::First(hand) = tokens.take(&token) else {
            panic!("a refused form may be sent again")
        };
        hand.led_to("/apps/blog");
        assert!(matches!(tokens.take(&token), Taken::Done(path) if path == "/apps/blog"));
    }
}
