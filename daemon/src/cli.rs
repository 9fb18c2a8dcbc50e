//! The command line: everything but `daemon` and `gateway` is a question to the daemon over its socket.

mod apps;
pub mod args;
mod backup;
mod client;
mod end;
mod install;
mod ledger;
mod questions;
pub mod recipe_commands;
mod repair;
pub mod sentences;
mod show;
mod sizes;
mod terminal;
mod token;
mod watch;

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use futures_util::future::BoxFuture;
use lavoir_core::id::Timestamp;
use lavoir_core::ledger::Hash;

pub use args::{Cli, Command, DaemonArgs, GatewayArgs};
pub use client::Client;
pub use end::End;
pub use ledger::verify_export;
pub use terminal::{Terminal, visible};

use crate::config::Config;
use crate::ports::Answer;
use crate::repair::Looked;

/// What only `main.rs` can lend: it alone knows the adapters.
pub struct Lent {
    /// Reads all entries of a box's SQLite file.
    pub read_database: ReadDatabase,
    /// Looks at the ledger in a state folder that nobody works on, to repair it.
    pub look_at_state: LookAtState,
    /// Now.
    pub now: fn() -> Timestamp,
}

/// Looks at the ledger of a configuration's state folder, to repair it.
pub type LookAtState = fn(Config) -> BoxFuture<'static, Answer<Box<dyn Looked>>>;

/// Reads all entries of a box's SQLite file, one after the other, as long as they are wanted.
pub type ReadDatabase = for<'a> fn(PathBuf, Tell<'a>) -> BoxFuture<'a, Answer<()>>;

/// Told of an entry's bytes and stored hash; whether more are wanted.
pub type Tell<'a> = &'a mut (dyn FnMut(&[u8], &Hash) -> bool + Send);

/// Runs a command of a client; the exit code. `daemon` and `gateway` are `main.rs`'s.
pub async fn run(cli: Cli, lent: &Lent) -> u8 {
    let mut terminal = Terminal::new(&cli);
    match command(&cli, lent, &mut terminal).await {
        Ok(()) => end::WELL,
        Err(end) => {
            end.tell(&terminal);
            end.code()
        }
    }
}

async fn command(cli: &Cli, lent: &Lent, terminal: &mut Terminal) -> Result<(), End> {
    match &cli.command {
        Command::Daemon(_) | Command::Gateway(_) => Err(End::not_here()),
        Command::Install(args) => install::install(&client(cli)?, terminal, args).await,
        Command::App { command } => apps::app(&client(cli)?, terminal, command).await,
        Command::Recipe { command } => {
            recipe_commands::run(|| client(cli), terminal, command).await
        }
        Command::Ledger {
            command: args::LedgerCommand::Repair { yes },
        } => {
            let config = Config::load(cli.config.as_deref())?;
            repair::repair(terminal, config, *yes, lent).await
        }
        Command::Ledger { command } => {
            ledger::ledger(|| client(cli), terminal, command, lent).await
        }
        Command::Status => show::status(&client(cli)?, terminal).await,
        Command::SetupCode { new } => token::setup_code(&client(cli)?, terminal, *new).await,
        Command::Backup { command } => backup::backup(&client(cli)?, terminal, command).await,
        Command::Token { command } => token::token(&client(cli)?, terminal, command).await,
        Command::Ca => show::ca(&client(cli)?, terminal).await,
        Command::Completion { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "lavoir", &mut text);
            terminal.raw(&text)
        }
    }
}

fn client(cli: &Cli) -> Result<Client, End> {
    Ok(Client::new(socket(cli.config.as_deref(), &cli.socket)?))
}

fn socket(config: Option<&Path>, socket: &Option<PathBuf>) -> Result<PathBuf, End> {
    match socket {
        Some(socket) => Ok(socket.clone()),
        None => Ok(Config::load(config)?.api_socket()),
    }
}
