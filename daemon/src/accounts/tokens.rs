//! Tokens: a program acts with one for whoever made it. Their keys are shown once and kept as hashes.

use lavoir_core::account::Scope;
use lavoir_core::command::{Action, Actor};
use lavoir_core::id::{PersonId, Timestamp, TokenId};
use lavoir_core::limits;
use lavoir_core::refusal::{AccountRefusal, Refusal};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Accounts, KEY_BYTES_MAX, key_hash, words};
use crate::api::Problem;
use crate::engine::Beside;
use crate::ports::{Answer, KeptToken, PrivateStore as _, World};

/// What every token begins with, so that a leaked one is recognised.
const MARK: &str = "lavoir_";

/// A token that is asked for.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    pub label: String,
    /// What it may.
    pub scope: Scope,
    /// For how many days.
    pub days: u32,
}

/// A token that was made.
pub struct MadeToken {
    /// Its number.
    pub token: TokenId,
    /// Its key, shown once.
    pub key: Zeroizing<String>,
    /// Until when.
    pub until: Timestamp,
}

/// A token, for people.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TokenCard {
    /// Its number.
    pub token: TokenId,
    /// Who made it; none when it was made on the box itself.
    pub owner: Option<PersonId>,
    /// What it is for.
    pub label: String,
    /// What it may.
    pub scope: Scope,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// When it was last used.
    pub last_used: Option<Timestamp>,
}

/// A program that shows a good token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bearer {
    /// Which.
    pub token: TokenId,
    /// What it may.
    pub scope: Scope,
}

impl<W: World> Accounts<W> {
    /// Makes a token for a person, in their session, or for root on the box.
    ///
    /// # Errors
    /// What will not do, at `label` or `days`; or a refusal.
    pub async fn make_token(
        &self,
        actor: Actor,
        session: Option<u64>,
        asked: NewToken,
    ) -> Result<MadeToken, Problem> {
        let label = asked.label.trim().to_owned();
        let fits = (1..=limits::TOKEN_LABEL_BYTES_MAX).contains(&label.len());
        if !fits || label.chars().any(char::is_control) {
            return Err(words::label_unfit());
        }
        let life = u64::from(asked.days).saturating_mul(limits::DAY_MS);
        if !(1..=limits::TOKEN_LIFE_MS_MAX).contains(&life) {
            let days = limits::TOKEN_LIFE_MS_MAX / limits::DAY_MS;
            let refusal = Refusal::from(AccountRefusal::TokenLife { days });
            return Err(words::life_unfit(refusal.message()));
        }
        let until = Timestamp(self.now().0.saturating_add(life));
        let key = Zeroizing::new(format!("{MARK}{}", *self.new_key()));
        let token = self.engine.state().accounts().next_token();
        let kept = KeptToken {
            token,
            key: key_hash("token", &key),
            label,
            last_used: None,
        };
        let action = Action::MakeToken {
            token,
            scope: asked.scope,
            until,
        };
        self.engine
            .act_keeping(actor, action, Beside::Token(kept, session))
            .await?;
        Ok(MadeToken { token, key, until })
    }

    /// Ends a token.
    ///
    /// # Errors
    /// When there is none of that number, or it is somebody else's.
    pub async fn end_token(&self, actor: Actor, token: TokenId) -> Result<(), Problem> {
        let action = Action::RevokeToken { token };
        self.engine
            .act_keeping(actor, action, Beside::Nothing)
            .await?;
        Ok(self.store().forget_token(token).await?)
    }

    /// Living tokens, the latest first: all, or one person's.
    ///
    /// # Errors
    /// When the private table is broken.
    pub async fn tokens(&self, of: Option<PersonId>) -> Answer<Vec<TokenCard>> {
        let (state, now) = (self.engine.state(), self.now());
        let card = |kept: KeptToken| {
            let token = state.accounts().living(kept.token, now)?;
            let wanted = of.is_none() || token.owner == of;
            wanted.then_some(TokenCard {
                token: kept.token,
                owner: token.owner,
                label: kept.label,
                scope: token.scope,
                since: token.since,
                until: token.until,
                last_used: kept.last_used,
            })
        };
        let kept = self.store().tokens().await?;
        Ok(kept.into_iter().filter_map(card).collect())
    }

    /// Whose token this is; none when it ended or never was.
    ///
    /// # Errors
    /// When the private table is broken.
    pub async fn bearer(&self, key: &str) -> Answer<Option<Bearer>> {
        if !key.starts_with(MARK) || key.len() > KEY_BYTES_MAX {
            return Ok(None);
        }
        let Some(kept) = self.store().token(&key_hash("token", key)).await? else {
            return Ok(None);
        };
        let (state, now) = (self.engine.state(), self.now());
        let Some(token) = state.accounts().living(kept.token, now) else {
            return Ok(None);
        };
        let last = kept.last_used.unwrap_or_default();
        if now.0 >= last.0.saturating_add(limits::LAST_USED_MS) {
            self.store().use_token(kept.token, now).await?;
        }
        Ok(Some(Bearer {
            token: kept.token,
            scope: token.scope,
        }))
    }
}
