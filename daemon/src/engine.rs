//! The single writer: takes a request, asks the core, writes the entry down, applies it, shows the new state.
//! Readers never wait for it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use lavoir_core::command::{Action, Actor, Command, Machine, Request};
use lavoir_core::decide::decide;
use lavoir_core::event::Event;
use lavoir_core::id::{Hostname, PartId, PersonId, RepositoryId};
use lavoir_core::ledger::{self, Entry, Hash, Tree, Verifier, hex, leaf_hash};
use lavoir_core::limits;
use lavoir_core::refusal::Refusal;
use lavoir_core::state::State;
use lavoir_core::text::{Message, Text};
use tokio::sync::{Mutex, watch};

use crate::ports::{
    Answer, AppFiles as _, Clock as _, Containers as _, Fault, KeptPerson, KeptToken, LedgerStore,
    MachineFacts as _, PrivateAnswer, PrivateStore as _, RestsOn, World,
};
use zeroize::Zeroizing;

/// The engine over a world of ports.
pub struct Engine<W: World> {
    world: Arc<W>,
    writer: Arc<Mutex<Writer>>,
    state: watch::Sender<Arc<State>>,
    /// Size and root when somebody last asked.
    last_root: std::sync::Mutex<(u64, Hash)>,
}

/// By who only wants to look.
const WRITER_WAITED_FOR: Duration = Duration::from_millis(500);

struct Writer {
    state: State,
    tree: Tree,
    /// An entry of which nobody knows whether it is on the disk: nothing more may be written until the ledger has
    /// been asked.
    doubtful: Option<Doubtful>,
}

/// An entry on its way to the disk, and what stands there once it has come.
struct Doubtful {
    entry: Entry,
    bytes: Vec<u8>,
    hash: Hash,
}

impl Writer {
    /// The doubtful entry is on the disk.
    fn take_doubtful(&mut self) {
        let Some(Doubtful { entry, hash, .. }) = self.doubtful.take() else {
            return;
        };
        self.tree.push(hash);
        self.state.apply(entry.index, entry.time, &entry.events);
        for event in &entry.events {
            log(entry.index, event);
        }
    }
}

/// A ledger, read and folded.
pub struct Folded {
    state: State,
    tree: Tree,
}

impl Folded {
    /// The state it comes to.
    pub fn state(&self) -> &State {
        &self.state
    }
}

/// Reads the ledger, checks it entry by entry, and folds it into the state.
///
/// # Errors
/// The first damage, with a sentence and a way out (law L5).
pub async fn read_ledger(store: &impl LedgerStore) -> Answer<Folded> {
    read_ledger_telling(store, |_| {}).await
}

/// As [`read_ledger`]; tells of each entry on the way.
///
/// # Errors
/// As [`read_ledger`].
pub async fn read_ledger_telling(
    store: &impl LedgerStore,
    mut tell: impl FnMut(&Entry),
) -> Answer<Folded> {
    let mut verifier = Verifier::default();
    let mut state = State::default();
    loop {
        // Some at a time: a ledger of years does not stand in memory at once.
        let most = limits::LEDGER_READ_AT_ONCE_MAX;
        let some = store.read_from(verifier.size(), most).await?;
        for (bytes, hash) in &some {
            let entry = verifier.next(bytes, hash).map_err(|damage| {
                let message = damage.message();
                Fault::lasting(&message.code, message.sentence, message.next_step)
            })?;
            state.apply(entry.index, entry.time, &entry.events);
            tell(&entry);
        }
        if some.is_empty() {
            break;
        }
    }
    Ok(Folded {
        state,
        tree: verifier.into_tree(),
    })
}

/// Why a request came to nothing.
#[derive(Debug, Clone)]
pub enum No {
    /// A rule said no.
    Refused(Refusal),
    /// Something broke.
    Broke(Box<Fault>),
}

impl No {
    /// For people.
    pub fn message(&self) -> Message {
        match self {
            No::Refused(refusal) => refusal.message(),
            No::Broke(fault) => fault.message.clone(),
        }
    }
}

impl From<Fault> for No {
    fn from(fault: Fault) -> Self {
        No::Broke(Box::new(fault))
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        No::Refused(refusal)
    }
}

/// What is kept beside the ledger with an act.
pub enum Beside {
    /// Nothing.
    Nothing,
    /// An app's private answers.
    Answers(BTreeMap<PartId, PrivateAnswer>),
    /// A person's name and password.
    Person(KeptPerson),
    /// A person's new password, hashed, and what it rests on; nothing for the set-up code.
    Password(PersonId, Zeroizing<String>, Option<RestsOn>),
    /// The key that opens a repository.
    RepositoryKey(RepositoryId, Zeroizing<String>),
    /// A token's hash and label, and the session that asks for it; none for root.
    Token(KeptToken, Option<u64>),
}

impl<W: World> Engine<W> {
    /// Over a world whose ledger is read here.
    ///
    /// # Errors
    /// As [`read_ledger`].
    pub async fn open(world: Arc<W>) -> Answer<Self> {
        let folded = read_ledger(world.ledger_store()).await?;
        Ok(Self::new(world, folded))
    }

    /// Over a world whose ledger was read before.
    pub fn new(world: Arc<W>, folded: Folded) -> Self {
        let (shown, _) = watch::channel(Arc::new(folded.state.clone()));
        let writer = Writer {
            state: folded.state,
            tree: folded.tree,
            doubtful: None,
        };
        Self {
            last_root: std::sync::Mutex::new((writer.tree.size(), writer.tree.root())),
            world,
            writer: Arc::new(Mutex::new(writer)),
            state: shown,
        }
    }

    /// The ports.
    pub fn world(&self) -> &Arc<W> {
        &self.world
    }

    /// The state as it stands.
    pub fn state(&self) -> Arc<State> {
        self.state.borrow().clone()
    }

    /// Told of each new state.
    pub fn watch(&self) -> watch::Receiver<Arc<State>> {
        self.state.subscribe()
    }

    /// The Merkle root over all entries, in hex, and their number.
    ///
    /// While an entry is being written for long, by a disk that does not answer, as they were before it.
    pub async fn root(&self) -> (u64, String) {
        let writer = tokio::select! {
            biased;
            writer = self.writer.lock() => Some(writer),
            () = self.world.clock().sleep(WRITER_WAITED_FOR) => None,
        };
        let mut last = self
            .last_root
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = writer {
            *last = (writer.tree.size(), writer.tree.root());
        }
        (last.0, hex(&last.1))
    }

    /// Gives the box its name, the first time.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn prepare(&self, box_id: String, domain: &Hostname) -> Result<(), No> {
        if self.state().identity().is_some() {
            return Ok(());
        }
        let command = Command::Prepare {
            box_id,
            domain: domain.clone(),
        };
        self.submit(Actor::Installer, command).await.map(|_| ())
    }

    /// Takes a request; answers with the state after it.
    ///
    /// # Errors
    /// A refusal of the core, or a fault while measuring or writing.
    pub async fn submit(&self, actor: Actor, command: Command) -> Result<Arc<State>, No> {
        self.submit_keeping(actor, command, Beside::Nothing).await
    }

    /// Asks for an act; once it is decided, its private answers are kept, and only then it is written down.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn act(
        &self,
        actor: Actor,
        action: Action,
        answers: BTreeMap<PartId, PrivateAnswer>,
    ) -> Result<Arc<State>, No> {
        let beside = match answers.is_empty() {
            true => Beside::Nothing,
            false => Beside::Answers(answers),
        };
        self.act_keeping(actor, action, beside).await
    }

    /// Asks for an act; once it is decided, what belongs beside the ledger is kept, and only then it is written down.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn act_keeping(
        &self,
        actor: Actor,
        action: Action,
        beside: Beside,
    ) -> Result<Arc<State>, No> {
        self.submit_keeping(actor, Command::Act(action), beside)
            .await
    }

    async fn submit_keeping(
        &self,
        actor: Actor,
        command: Command,
        beside: Beside,
    ) -> Result<Arc<State>, No> {
        let machine = self.measure(&command).await?;
        let mut writer = self.writer.clone().lock_owned().await;
        if settle_doubt(&*self.world, &mut writer).await? {
            self.state.send_replace(Arc::new(writer.state.clone()));
        }
        // The ledger's time never runs back, even when the clock does.
        let now = self.world.clock().now().max(writer.state.last_time());
        let request = Request {
            actor: actor.clone(),
            command,
            now,
            machine,
        };
        let events = decide(&writer.state, &request)?;
        let entry = Entry {
            index: writer.tree.size(),
            time: now,
            actor,
            events,
            root_before: writer.tree.root(),
        };
        let (world, shown) = (self.world.clone(), self.state.clone());
        // A task of its own: whoever asked may go away (a closed connection, an overtaken worker), but what was kept
        // must get its entry, and an entry that may be on the disk must also come into the state.
        let written = tokio::spawn(async move {
            if let Command::Act(action) = &request.command {
                // Before the entry: a decision whose answers are lost could never be carried out. After the decision:
                // a refused request leaves nothing behind.
                keep(&*world, action, &beside).await?;
            }
            append(&*world, &mut writer, entry).await?;
            let state = Arc::new(writer.state.clone());
            shown.send_replace(state.clone());
            Ok(state)
        });
        written.await.unwrap_or_else(|_| Err(unsure().into()))
    }

    async fn measure(&self, command: &Command) -> Result<Machine, No> {
        let mut machine = match command {
            Command::Act(action) if action.app().is_some() => {
                let data = self.world.containers().data_root().await;
                self.world.machine_facts().measure(data.as_deref()).await?
            }
            Command::Act(_) | Command::Prepare { .. } | Command::Report(_) => return Ok(nowhere()),
        };
        machine.engine = self.world.containers().is_there().await;
        // Only an update or a restore lays data down a second time; whatever an app has put into its volumes must not keep people
        // from stopping it.
        if machine.engine
            && matches!(
                command,
                Command::Act(Action::Update { .. } | Action::Restore { .. })
            )
        {
            machine.data_mib = self.world.containers().data_mib().await?;
        }
        Ok(machine)
    }
}

async fn keep<W: World>(world: &W, action: &Action, beside: &Beside) -> Answer<()> {
    let private = world.private_store();
    // Under the writer's lock: a reset that came first has ended the session for good.
    let done = match (beside, action.app()) {
        (Beside::Answers(answers), Some(app)) => {
            world.app_files().keep_answers(app, answers).await?;
            true
        }
        (Beside::Nothing | Beside::Answers(_), _) => true,
        (Beside::Person(person), _) => {
            private.keep_person(person).await?;
            true
        }
        (Beside::Password(person, password, rests_on), _) => {
            let rests_on = rests_on.as_ref();
            private.set_password(*person, password, rests_on).await?
        }
        (Beside::RepositoryKey(repository, key), _) => {
            private.keep_repository_key(repository, key).await?;
            true
        }
        (Beside::Token(token, session), _) => private.keep_token(token, *session).await?,
    };
    match done {
        true => Ok(()),
        false => Err(signed_out()),
    }
}

async fn append<W: World>(world: &W, writer: &mut Writer, entry: Entry) -> Result<(), No> {
    let bytes = ledger::write(&entry).map_err(|_| {
        Fault::lasting(
            "entry-too-large",
            Text::new(
                "La décision est trop grande pour le registre.",
                "The decision is too large for the ledger.",
            ),
            Text::new(
                "Allégez les fichiers de la recette.",
                "Make the recipe's files smaller.",
            ),
        )
    })?;
    let hash = leaf_hash(&bytes);
    // Until the disk has answered; a panic or a shutdown in between leaves it so.
    let doubtful = writer.doubtful.insert(Doubtful { entry, bytes, hash });
    let appended = world
        .ledger_store()
        .append(doubtful.entry.index, &doubtful.bytes, &doubtful.hash)
        .await;
    match appended {
        Ok(()) => writer.take_doubtful(),
        // What failed may have come to its end all the same: an answer can get lost.
        Err(fault) => {
            if !settle_doubt(world, writer).await.unwrap_or(false) {
                return Err(fault.into());
            }
        }
    }
    Ok(())
}

/// Asks the ledger whether the doubtful entry is in it, and takes it if so; whether it was.
async fn settle_doubt<W: World>(world: &W, writer: &mut Writer) -> Answer<bool> {
    let Some(doubtful) = &writer.doubtful else {
        return Ok(false);
    };
    let since = world.ledger_store().read_from(doubtful.entry.index, 2);
    let since = since.await.map_err(|_| unsure())?;
    match &since[..] {
        [] => {
            writer.doubtful = None;
            Ok(false)
        }
        [(bytes, hash)] if *bytes == doubtful.bytes && *hash == doubtful.hash => {
            writer.take_doubtful();
            Ok(true)
        }
        // Somebody else writes there.
        _ => Err(unsure()),
    }
}

/// For what does not depend on the machine.
pub(crate) fn nowhere() -> Machine {
    Machine {
        architecture: None,
        ram_mib: 0,
        disk_free_mib: 0,
        engine: false,
        ports_in_use: Default::default(),
        data_mib: Default::default(),
    }
}

/// The session ended, or the password became another one, before it was this request's turn.
fn signed_out() -> Fault {
    Fault::lasting(
        "signed-out",
        Text::new("Votre session a pris fin.", "Your session has ended."),
        Text::new("Entrez à nouveau.", "Sign in again."),
    )
}

fn unsure() -> Fault {
    Fault::lasting(
        "ledger-unsure",
        Text::new(
            "Le registre n'a pas pu être écrit ni relu ; la machine ne prend plus de décision, les services continuent.",
            "The ledger could be neither written nor read; the box takes no decisions, the apps go on.",
        ),
        Text::new(
            "Vérifiez le disque de la machine et sa place libre, puis redemandez.",
            "Check the box's disk and the room on it, then ask again.",
        ),
    )
}

fn log(index: u64, event: &Event) {
    match event {
        Event::Failed {
            app, step, code, ..
        } => tracing::warn!(index, %app, step, code, "could not be carried out"),
        Event::Settled { app, .. } => tracing::info!(index, %app, "settled"),
        _ => tracing::info!(
            index,
            app = event.app().map(tracing::field::display),
            "decided"
        ),
    }
}
