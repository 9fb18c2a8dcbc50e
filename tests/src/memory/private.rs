//! The private table and the gauges in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lavoir::ports::{
    Answer, Gauges, KeptPerson, KeptSession, KeptToken, PrivateStore, Reading, RestsOn,
};
use lavoir_core::id::{PersonId, RepositoryId, Timestamp, TokenId};
use lavoir_core::ledger::Hash;
use zeroize::Zeroizing;

use super::Memory;

/// What would stand in the database.
#[derive(Default)]
pub struct Private {
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    people: BTreeMap<PersonId, KeptPerson>,
    code: Option<String>,
    repository_keys: BTreeMap<RepositoryId, String>,
    sessions: Vec<KeptSession>,
    sessions_made: u64,
    places: BTreeMap<(PersonId, String), Timestamp>,
    tokens: BTreeMap<TokenId, KeptToken>,
}

impl Private {
    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PrivateStore for Private {
    async fn keep_person(&self, person: &KeptPerson) -> Answer<()> {
        self.lock().people.insert(person.person, person.clone());
        Ok(())
    }
    async fn people(&self) -> Answer<Vec<KeptPerson>> {
        Ok(self.lock().people.values().cloned().collect())
    }
    async fn set_password(
        &self,
        person: PersonId,
        password: &str,
        rests_on: Option<&RestsOn>,
    ) -> Answer<bool> {
        {
            let mut rows = self.lock();
            let of = |id| move |kept: &KeptSession| kept.id == id && kept.person == person;
            let lives = |id| rows.sessions.iter().any(of(id));
            let session_lives = rests_on.is_none_or(|on| lives(on.session));
            let Some(kept) = rows.people.get_mut(&person).filter(|kept| {
                session_lives && rests_on.is_none_or(|on| kept.password == on.password)
            }) else {
                return Ok(false);
            };
            kept.password = Zeroizing::new(password.to_owned());
            rows.sessions.retain(|session| session.person != person);
        }
        // As on a disk: whoever asked may go away before the answer comes.
        tokio::task::yield_now().await;
        Ok(true)
    }
    async fn keep_repository_key(&self, repository: &RepositoryId, key: &str) -> Answer<()> {
        let mut rows = self.lock();
        rows.repository_keys
            .insert(repository.clone(), key.to_owned());
        Ok(())
    }
    async fn repository_key(&self, repository: &RepositoryId) -> Answer<Option<Zeroizing<String>>> {
        let rows = self.lock();
        Ok(rows
            .repository_keys
            .get(repository)
            .cloned()
            .map(Zeroizing::new))
    }
    async fn setup_code(&self) -> Answer<Option<Zeroizing<String>>> {
        Ok(self.lock().code.clone().map(Zeroizing::new))
    }
    async fn keep_setup_code(&self, code: Option<&str>) -> Answer<()> {
        self.lock().code = code.map(str::to_owned);
        Ok(())
    }
    async fn begin_session(
        &self,
        session: &KeptSession,
        checked: &str,
        most: usize,
    ) -> Answer<Option<u64>> {
        let mut rows = self.lock();
        let kept = rows.people.get(&session.person);
        if kept.is_none_or(|kept| kept.password.as_str() != checked) {
            return Ok(None);
        }
        rows.sessions_made += 1;
        let id = rows.sessions_made;
        let session = KeptSession {
            id,
            ..session.clone()
        };
        let person = session.person;
        rows.sessions.insert(0, session);
        let mut seen = 0;
        rows.sessions.retain(|kept| {
            seen += usize::from(kept.person == person);
            kept.person != person || seen <= most
        });
        Ok(Some(id))
    }
    async fn session(&self, key: &Hash) -> Answer<Option<KeptSession>> {
        let rows = self.lock();
        Ok(rows.sessions.iter().find(|kept| kept.key == *key).cloned())
    }
    async fn use_session(&self, id: u64, now: Timestamp) -> Answer<()> {
        let mut rows = self.lock();
        if let Some(kept) = rows.sessions.iter_mut().find(|kept| kept.id == id) {
            kept.last_used = now;
        }
        Ok(())
    }
    async fn sessions(&self, person: PersonId) -> Answer<Vec<KeptSession>> {
        let rows = self.lock();
        let own = rows.sessions.iter().filter(|kept| kept.person == person);
        Ok(own.cloned().collect())
    }
    async fn end_session(&self, key: &Hash) -> Answer<()> {
        self.lock().sessions.retain(|kept| kept.key != *key);
        Ok(())
    }
    async fn end_sessions_but(&self, person: PersonId, keep: u64) -> Answer<()> {
        let mut rows = self.lock();
        rows.sessions
            .retain(|kept| kept.person != person || kept.id == keep);
        Ok(())
    }
    async fn forget_sessions(&self, begun: Timestamp, used: Timestamp) -> Answer<()> {
        let mut rows = self.lock();
        rows.sessions
            .retain(|kept| kept.since >= begun && kept.last_used >= used);
        Ok(())
    }
    async fn note_place(
        &self,
        person: PersonId,
        place: &str,
        now: Timestamp,
        _most: usize,
    ) -> Answer<()> {
        self.lock().places.insert((person, place.to_owned()), now);
        Ok(())
    }
    async fn knows_place(&self, person: PersonId, place: &str, since: Timestamp) -> Answer<bool> {
        let rows = self.lock();
        let last = rows.places.get(&(person, place.to_owned()));
        Ok(last.is_some_and(|last| *last >= since))
    }
    async fn keep_token(&self, token: &KeptToken, session: Option<u64>) -> Answer<bool> {
        let mut rows = self.lock();
        let lives = |id| rows.sessions.iter().any(|kept| kept.id == id);
        if !session.is_none_or(lives) {
            return Ok(false);
        }
        rows.tokens.insert(token.token, token.clone());
        Ok(true)
    }
    async fn token(&self, key: &Hash) -> Answer<Option<KeptToken>> {
        let rows = self.lock();
        Ok(rows.tokens.values().find(|kept| kept.key == *key).cloned())
    }
    async fn tokens(&self) -> Answer<Vec<KeptToken>> {
        Ok(self.lock().tokens.values().rev().cloned().collect())
    }
    async fn use_token(&self, id: TokenId, now: Timestamp) -> Answer<()> {
        if let Some(kept) = self.lock().tokens.get_mut(&id) {
            kept.last_used = Some(now);
        }
        Ok(())
    }
    async fn forget_token(&self, id: TokenId) -> Answer<()> {
        self.lock().tokens.remove(&id);
        Ok(())
    }
}

impl Gauges for Memory {
    async fn read(&self, _data: Option<&Path>) -> Reading {
        let mebi = 1024 * 1024;
        Reading {
            cores: Some(2),
            memory: Some((500 * mebi, 2048 * mebi)),
            system_disk: Some((1, 10_000 * mebi, 40_000 * mebi)),
            data_disk: Some((1, 10_000 * mebi, 40_000 * mebi)),
            temperature_m: Some(41_000),
            ..Reading::default()
        }
    }
}
