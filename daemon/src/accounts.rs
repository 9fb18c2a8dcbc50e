//! Accounts: signing in and out, passwords, sessions. What is decided goes through the core; names, hashes and sessions
//! stand in the private table.

mod passwords;
mod tokens;
mod words;
mod wrong;

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lavoir_core::command::{Action, Actor};
use lavoir_core::id::{PersonId, Timestamp};
use lavoir_core::ledger::{Hash, hex};
use lavoir_core::limits;
use lavoir_core::state::State;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

pub use passwords::Passwords;
pub use tokens::{Bearer, MadeToken, NewToken, TokenCard};

use crate::api::Problem;
use crate::engine::{Beside, Engine};
use crate::ports::{
    Answer, Clock as _, Entropy as _, KeptPerson, KeptSession, PrivateStore as _, RestsOn, World,
};
use crate::recipe::commitment;
use wrong::{Count, Wrong, place};

/// Bytes of a key from outside that are looked at: ours are shorter.
const KEY_BYTES_MAX: usize = 128;

/// Everybody with an account.
pub struct Accounts<W: World> {
    engine: Arc<Engine<W>>,
    passwords: Passwords,
    wrong: Wrong,
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Their number.
    pub person: PersonId,
    /// Their name.
    pub name: String,
    /// Their session's number.
    pub session: u64,
    /// When it began.
    pub since: Timestamp,
}

/// A session that just began.
pub struct Begun {
    /// Its key, shown once.
    pub key: Zeroizing<String>,
    /// Whose.
    pub known: Known,
}

/// What is typed to come in.
pub struct ComesIn {
    /// The name.
    pub name: String,
    /// The password.
    pub password: Zeroizing<String>,
    /// From where, as the gateway says.
    pub from: Option<IpAddr>,
    /// The browser, as it names itself.
    pub browser: String,
}

/// The set-up code, for who is root on the box.
pub struct SetupCode {
    /// The code; none once it was used.
    pub code: Option<Zeroizing<String>>,
    /// The account whose password it resets; none when it opens the first one.
    pub account: Option<String>,
}

impl<W: World> Accounts<W> {
    /// Over an engine.
    pub fn new(engine: Arc<Engine<W>>) -> Self {
        let passwords = Passwords::new(engine.world().entropy());
        Self {
            engine,
            passwords,
            wrong: Wrong::default(),
        }
    }

    /// Passwords, for those who count them.
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    fn store(&self) -> &W::PrivateStore {
        self.engine.world().private_store()
    }

    fn running(&self) -> std::time::Duration {
        self.engine.world().clock().running()
    }

    fn now(&self) -> Timestamp {
        self.engine.world().clock().now()
    }

    /// Makes the set-up code that waits, where it is not there; forgets one that served. For the start. `earlier` is
    /// what a box of the first days kept in a file, and may have printed.
    ///
    /// # Errors
    /// When the private table is broken.
    pub async fn put_right(&self, earlier: Option<&str>) -> Answer<()> {
        let waits = self.engine.state().accounts().setup_code_waits();
        match (waits, self.store().setup_code().await?) {
            (true, None) => match earlier.map(str::trim).filter(|code| !code.is_empty()) {
                Some(code) => self.store().keep_setup_code(Some(code)).await,
                None => self.make_code().await,
            },
            (false, Some(_)) => self.store().keep_setup_code(None).await,
            _ => Ok(()),
        }
    }

    /// Eight letters and digits that are not mistaken for one another, in two groups.
    async fn make_code(&self) -> Answer<()> {
        const SIGNS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        let mut bytes = Zeroizing::new([0u8; 8]);
        self.engine.world().entropy().fill(&mut *bytes);
        // 32 signs divide 256 evenly: no sign is likelier than another.
        let signs = bytes.map(|byte| char::from(SIGNS[usize::from(byte) % SIGNS.len()]));
        let code: Zeroizing<String> =
            Zeroizing::new(signs[..4].iter().chain(&['-']).chain(&signs[4..]).collect());
        self.store().keep_setup_code(Some(&code)).await
    }

    /// The set-up code as it stands.
    ///
    /// # Errors
    /// When the private table is broken.
    pub async fn setup_code(&self) -> Result<SetupCode, Problem> {
        let state = self.engine.state();
        let waits = state.accounts().setup_code_waits();
        let code = self.store().setup_code().await?.filter(|_| waits);
        let first = self.known_people(&state).await?.into_iter().next();
        Ok(SetupCode {
            code,
            account: first.map(|person| person.name),
        })
    }

    /// Has a new set-up code made, which resets the password; one that waits is shown again.
    ///
    /// # Errors
    /// A refusal, or a broken table.
    pub async fn new_setup_code(&self) -> Result<SetupCode, Problem> {
        if !self.engine.state().accounts().setup_code_waits() {
            // The code first: a decision without its code would open nothing to anybody.
            self.make_code().await?;
            self.engine
                .act_keeping(Actor::Installer, Action::MakeSetupCode, Beside::Nothing)
                .await?;
        } else if self.store().setup_code().await?.is_none() {
            // One that served at the same moment took the new one along.
            self.make_code().await?;
        }
        self.setup_code().await
    }

    /// Opens the first account with the set-up code, or gives it a new password; the code has then served.
    ///
    /// # Errors
    /// What will not do, at `code`, `name` or `password`; or a refusal.
    pub async fn open_first(&self, code: &str, comes: ComesIn) -> Result<Begun, Problem> {
        let kept = self.setup_code().await?.code;
        let right = kept.is_some_and(|kept| code_hash(&kept).ct_eq(&code_hash(code)).into());
        if !right {
            return Err(words::wrong_code());
        }
        let name = name(&comes.name)?;
        passwords::fit("password", &comes.password, &name)?;
        let state = self.engine.state();
        let there = self.known_people(&state).await?;
        let entropy = self.engine.world().entropy();
        let password = self.passwords.hash(entropy, comes.password).await?;
        let (person, action, beside) = if there.is_empty() {
            let mut salt = [0u8; 32];
            entropy.fill(&mut salt);
            let person = state.accounts().next_person();
            let commitment = commitment(&salt, "name", &name);
            let kept = KeptPerson {
                person,
                name: name.clone(),
                salt: hex(&salt),
                password: password.clone(),
            };
            let action = Action::OpenAccount { person, commitment };
            (person, action, Beside::Person(kept))
        } else {
            let person = find(&there, &name).ok_or_else(words::other_name)?.person;
            let action = Action::ResetPassword { person };
            let beside = Beside::Password(person, password.clone(), None);
            (person, action, beside)
        };
        self.engine
            .act_keeping(Actor::Installer, action, beside)
            .await?;
        self.store().keep_setup_code(None).await?;
        self.begin(person, name, &password, comes.from, &comes.browser)
            .await
    }

    /// Signs in. Whether the name is nobody's or the password wrong: the same work, the same answer.
    ///
    /// # Errors
    /// Wrong, too often, or too many at once.
    pub async fn sign_in(&self, comes: ComesIn) -> Result<Begun, Problem> {
        let now = self.now();
        let people = self.known_people(&self.engine.state()).await?;
        let found = find(&people, &comes.name);
        let place = place(comes.from).unwrap_or_default();
        let since = Timestamp(now.0.saturating_sub(limits::PLACE_REMEMBERED_MS));
        let person = found.map_or(PersonId(0), |found| found.person);
        let known_place = self.store().knows_place(person, &place, since).await?;
        let count = Count::of(
            &simple(&comes.name),
            Some(place.as_str()).filter(|_| known_place),
        );
        if !self.wrong.may_try(count, self.running()) {
            return Err(words::too_often());
        }
        if comes.password.chars().count() > limits::PASSWORD_MAX {
            return Err(words::wrong_name_or_password());
        }
        let kept = found.map(|found| found.password.as_str());
        let right = self.passwords.check(kept, comes.password).await?;
        match found {
            Some(found) if right => {
                self.wrong.forgive(count);
                let name = found.name.clone();
                let checked = found.password.as_str();
                self.begin(found.person, name, checked, comes.from, &comes.browser)
                    .await
            }
            _ => Err(words::wrong_name_or_password()),
        }
    }

    /// Always a new key: one that was there before the sign-in is worth nothing after it. `checked` is the hash of the
    /// password that was right: none begins where it became another one meanwhile.
    async fn begin(
        &self,
        person: PersonId,
        name: String,
        checked: &str,
        from: Option<IpAddr>,
        browser: &str,
    ) -> Result<Begun, Problem> {
        let (key, now) = (self.new_key(), self.now());
        self.forget_ended(now).await?;
        let session = KeptSession {
            id: 0,
            key: key_hash("session", &key),
            person,
            since: now,
            last_used: now,
            browser: cut(browser, limits::BROWSER_BYTES_MAX),
        };
        let session = self
            .store()
            .begin_session(&session, checked, limits::SESSIONS_MAX)
            .await?
            .ok_or_else(words::wrong_name_or_password)?;
        if let Some(place) = place(from) {
            let most = limits::PLACES_REMEMBERED_MAX;
            self.store().note_place(person, &place, now, most).await?;
        }
        Ok(Begun {
            key,
            known: Known {
                person,
                name,
                session,
                since: now,
            },
        })
    }

    async fn forget_ended(&self, now: Timestamp) -> Answer<()> {
        let before = |ms: u64| Timestamp(now.0.saturating_sub(ms));
        let begun = before(limits::SESSION_LIFE_MS_MAX);
        let used = before(limits::SESSION_IDLE_MS_MAX);
        self.store().forget_sessions(begun, used).await
    }

    /// Who holds the session with this key.
    ///
    /// # Errors
    /// When the private table is broken.
    pub async fn who(&self, key: &str) -> Answer<Option<Known>> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Ok(None);
        }
        let hash = key_hash("session", key);
        let Some(session) = self.store().session(&hash).await? else {
            return Ok(None);
        };
        let now = self.now();
        let lasts = |since: Timestamp, ms: u64| now.0 < since.0.saturating_add(ms);
        let lives = lasts(session.since, limits::SESSION_LIFE_MS_MAX)
            && lasts(session.last_used, limits::SESSION_IDLE_MS_MAX);
        let people = self.known_people(&self.engine.state()).await?;
        let person = people.iter().find(|known| known.person == session.person);
        let Some(person) = person.filter(|_| lives) else {
            self.store().end_session(&hash).await?;
            return Ok(None);
        };
        // Also when it was last used in times to come: the clock was ahead, and an idle session is to end.
        if now.0.abs_diff(session.last_used.0) >= limits::LAST_USED_MS {
            self.store().use_session(session.id, now).await?;
        }
        Ok(Some(Known {
            person: person.person,
            name: person.name.clone(),
            session: session.id,
            since: session.since,
        }))
    }

    /// Ends a session; well when there is none.
    ///
    /// # Errors
    /// When the private table is broken.
    pub async fn sign_out(&self, key: &str) -> Answer<()> {
        if key.len() > KEY_BYTES_MAX {
            return Ok(());
        }
        self.store().end_session(&key_hash("session", key)).await
    }

    /// A new password; all sessions end and a new one begins.
    ///
    /// # Errors
    /// What will not do, at `old` or `new`.
    pub async fn change_password(
        &self,
        who: &Known,
        old: Zeroizing<String>,
        new: Zeroizing<String>,
    ) -> Result<Begun, Problem> {
        let people = self.known_people(&self.engine.state()).await?;
        let kept = people.iter().find(|known| known.person == who.person);
        let kept = kept.ok_or_else(words::signed_out)?;
        // A session left open must not let anybody guess on.
        let count = Count::of(&simple(&kept.name), Some("change"));
        if !self.wrong.may_try(count, self.running()) {
            return Err(words::too_often());
        }
        if !self.passwords.check(Some(&kept.password), old).await? {
            return Err(words::wrong_old_password());
        }
        self.wrong.forgive(count);
        passwords::fit("new", &new, &kept.name)?;
        let entropy = self.engine.world().entropy();
        let hashed = self.passwords.hash(entropy, new).await?;
        let rests_on = RestsOn {
            session: who.session,
            password: kept.password.clone(),
        };
        let person = who.person;
        let beside = Beside::Password(person, hashed.clone(), Some(rests_on));
        self.engine
            .act_keeping(
                Actor::Person(person),
                Action::ChangePassword { person },
                beside,
            )
            .await?;
        let browser = String::new();
        self.begin(person, kept.name.clone(), &hashed, None, &browser)
            .await
    }

    /// A person's open sessions, the latest first.
    ///
    /// # Errors
    /// When the private table is broken.
    pub async fn sessions(&self, person: PersonId) -> Answer<Vec<KeptSession>> {
        self.forget_ended(self.now()).await?;
        self.store().sessions(person).await
    }

    /// Ends a person's other sessions.
    ///
    /// # Errors
    /// When the private table is broken.
    pub async fn end_other_sessions(&self, who: &Known) -> Answer<()> {
        self.store().end_sessions_but(who.person, who.session).await
    }

    /// What people call them, by number: for the ledger's sentences.
    ///
    /// # Errors
    /// When the private table is broken.
    pub async fn names(&self) -> Answer<std::collections::BTreeMap<PersonId, String>> {
        let people = self.known_people(&self.engine.state()).await?;
        Ok(people
            .into_iter()
            .map(|person| (person.person, person.name))
            .collect())
    }

    /// Rows to which an entry of the ledger came.
    async fn known_people(&self, state: &State) -> Answer<Vec<KeptPerson>> {
        let mut people = self.store().people().await?;
        people.retain(|kept| state.accounts().people().contains_key(&kept.person));
        Ok(people)
    }

    fn new_key(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        self.engine.world().entropy().fill(&mut *bytes);
        Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes))
    }
}

/// A key is looked up by this: how long that takes tells nothing about the key.
fn key_hash(kind: &str, key: &str) -> Hash {
    let mut hash = Sha256::new();
    hash.update(kind.as_bytes());
    hash.update([0]);
    hash.update(key.as_bytes());
    hash.finalize().into()
}

/// However it was typed.
fn code_hash(code: &str) -> Hash {
    let signs = code.chars().filter(char::is_ascii_alphanumeric);
    let code: Zeroizing<String> = Zeroizing::new(signs.collect::<String>().to_ascii_uppercase());
    key_hash("code", &code)
}

/// As two spellings of one name are compared.
fn simple(name: &str) -> String {
    name.to_lowercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn find<'a>(people: &'a [KeptPerson], name: &str) -> Option<&'a KeptPerson> {
    let name = simple(name);
    people.iter().find(|person| simple(&person.name) == name)
}

fn name(typed: &str) -> Result<String, Problem> {
    let name = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = (1..=limits::PERSON_NAME_MAX).contains(&name.chars().count());
    match fits && !name.chars().any(char::is_control) {
        true => Ok(name),
        false => Err(words::name_unfit()),
    }
}

fn cut(text: &str, bytes_max: usize) -> String {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
