//! Who may come in: accounts, sessions, tokens, the API over HTTPS.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod accounts;
mod https;
mod ledger;
mod store;

use std::sync::Arc;

use lavoir::accounts::{Accounts, Begun, ComesIn};
use lavoir::api::Problem;
use lavoir::engine::Engine;
use lavoir::ports::{PrivateStore as _, World as _};
use lavoir_core::ledger::read;
use lavoir_tests::memory::Memory;
use zeroize::Zeroizing;

pub const NAME: &str = "Anne-Marie Dupré";
pub const PASSWORD: &str = "quatre mots sans rapport";

/// A box that is prepared, and its accounts.
pub struct House {
    pub world: Arc<Memory>,
    pub engine: Arc<Engine<Memory>>,
    pub accounts: Arc<Accounts<Memory>>,
}

impl House {
    pub async fn new() -> Self {
        let world = Arc::new(Memory::still());
        let engine = Arc::new(Engine::open(world.clone()).await.unwrap());
        engine
            .prepare("0707".into(), &"verger.example".parse().unwrap())
            .await
            .unwrap();
        let accounts = Arc::new(Accounts::new(engine.clone()));
        accounts.put_right(None).await.unwrap();
        Self {
            world,
            engine,
            accounts,
        }
    }

    /// One with an account.
    pub async fn opened() -> (Self, Begun) {
        let house = Self::new().await;
        let code = house.code().await;
        let begun = house.accounts.open_first(&code, me()).await;
        (house, begun.map_err(said).unwrap())
    }

    pub async fn code(&self) -> String {
        let code = self.accounts.setup_code().await.map_err(said).unwrap();
        code.code.unwrap().to_string()
    }

    /// All that stands in the ledger, as text.
    pub fn ledger(&self) -> String {
        self.world
            .ledger()
            .iter()
            .map(|(bytes, _)| String::from_utf8(bytes.clone()).unwrap())
            .collect()
    }

    /// The hash that is kept for the first account.
    pub async fn password(&self) -> String {
        let people = self.world.private_store().people().await.unwrap();
        people[0].password.to_string()
    }

    /// Who asked for the last entry.
    pub fn last_actor(&self) -> lavoir_core::command::Actor {
        read(&self.world.ledger().last().unwrap().0).unwrap().actor
    }
}

pub fn comes(name: &str, password: &str, from: &str) -> ComesIn {
    ComesIn {
        name: name.to_owned(),
        password: Zeroizing::new(password.to_owned()),
        from: from.parse().ok(),
        browser: "Firefox".to_owned(),
    }
}

pub fn me() -> ComesIn {
    comes(NAME, PASSWORD, "192.0.2.7")
}

pub fn said(problem: Problem) -> String {
    problem.message.code
}

pub fn code_of<T>(answer: Result<T, Problem>) -> String {
    match answer {
        Ok(_) => "well".to_owned(),
        Err(problem) => problem.message.code,
    }
}
