//! What can be typed.

pub mod backup;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use lavoir_core::id::{AppId, Hostname, PartId, RecipeId};
use lavoir_core::text::Language;

/// Lavoir: install, keep and undo services on a machine owned in common.
#[derive(Debug, Parser)]
#[command(
    name = "lavoir",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  lavoir status                          what runs here, and where
  lavoir recipe list                     what can be installed
  lavoir install wordpress --name blog   install, step by step
  lavoir app watch blog                  look at what is under way

Exit codes: 0 well; 1 refused or failed; 2 not understood; 3 the daemon is away;
4 what was waited for did not succeed; 130 interrupted (the box goes on)."
)]
pub struct Cli {
    /// Configuration file [default: /etc/lavoir/lavoir.toml]
    #[arg(long, global = true, value_name = "FILE", env = "LAVOIR_CONFIG")]
    pub config: Option<PathBuf>,
    /// The daemon's socket [default: as configured]
    #[arg(long, global = true, value_name = "FILE")]
    pub socket: Option<PathBuf>,
    /// Print the API's answers as they are
    #[arg(long, global = true)]
    pub json: bool,
    /// Language of the answers [default: as the environment says]
    #[arg(long, global = true, value_enum, value_name = "LANGUAGE")]
    pub lang: Option<Lang>,
    /// Colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A language on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Français
    Fr,
    /// English
    En,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Fr => Language::Fr,
            Lang::En => Language::En,
        }
    }
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The first word.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon: it holds the ledger and Docker's socket
    #[command(after_help = "Example:\n  lavoir daemon --config /etc/lavoir/lavoir.toml")]
    Daemon(DaemonArgs),
    /// Run the gateway: it answers HTTPS and nothing else
    #[command(after_help = "Example:\n  lavoir gateway")]
    Gateway(GatewayArgs),
    /// Install a recipe
    #[command(after_help = "\
Examples:
  lavoir install wordpress
  lavoir install wordpress --name blog --host blog.example.org
  lavoir install wordpress --answer title='Les nouvelles' --answer admin_password=@/root/password
  lavoir install wordpress --answers-file answers.toml --yes

An answer is never secret on a command line: others can read it. `id=@FILE` reads it from a file,
`id=-` from standard input.")]
    Install(InstallArgs),
    /// Look at and act on what is installed
    App {
        /// What to do.
        #[command(subcommand)]
        command: AppCommand,
    },
    /// What can be installed; write and check recipes
    Recipe {
        /// What to do.
        #[command(subcommand)]
        command: RecipeCommand,
    },
    /// The tamper-evident record of all that was decided
    Ledger {
        /// What to do.
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// What runs here, and where
    #[command(after_help = "Examples:\n  lavoir status\n  lavoir status --json")]
    Status,
    /// Print the code that opens the first account, or resets its password
    #[command(after_help = "\
Examples:
  lavoir setup-code         the code that waits to be used
  lavoir setup-code --new   password lost: a new code, for the same account

The code serves once. That a new one was made stands in the ledger.")]
    SetupCode {
        /// Have a new one made
        #[arg(long)]
        new: bool,
    },
    /// Backups: where they go, what was saved, and the way back
    Backup {
        /// What to do.
        #[command(subcommand)]
        command: backup::BackupCommand,
    },
    /// Keys with which programs use the API
    Token {
        /// What to do.
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Print the certificate of the box's own authority
    #[command(after_help = "Example:\n  lavoir ca > lavoir-ca.pem")]
    Ca,
    /// Print the completion script for a shell
    #[command(after_help = "Example:\n  lavoir completion bash > /etc/bash_completion.d/lavoir")]
    Completion {
        /// Which shell.
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// Of `daemon`: all is in the configuration file.
#[derive(Debug, Args)]
pub struct DaemonArgs {}

/// Of `gateway`: all is in the configuration file.
#[derive(Debug, Args)]
pub struct GatewayArgs {
    /// Which of its processes this is: for those that it starts itself
    #[arg(long, hide = true)]
    pub role: Option<crate::gateway::Role>,
}

/// Of `install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Which recipe
    #[arg(value_name = "RECIPE")]
    pub recipe: RecipeId,
    /// Short name here [default: the recipe's]
    #[arg(long, value_name = "NAME")]
    pub name: Option<AppId>,
    /// Main address [default: NAME.DOMAIN]
    #[arg(long, value_name = "HOST")]
    pub host: Option<Hostname>,
    /// A further address, by the recipe's name for it
    #[arg(long = "extra-host", value_name = "ID=HOST", value_parser = extra_host)]
    pub extra_hosts: Vec<(PartId, Hostname)>,
    /// Answers to its questions
    #[command(flatten)]
    pub answers: AnswerArgs,
    /// Ask nothing: defaults where no answer is given
    #[arg(long, short)]
    pub yes: bool,
    /// Whether to wait
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// Answers.
#[derive(Debug, Args, Default)]
pub struct AnswerArgs {
    /// An answer; `ID=@FILE` reads it from a file, `ID=-` from standard input
    #[arg(long = "answer", value_name = "ID=VALUE", value_parser = answer)]
    pub answers: Vec<(PartId, String)>,
    /// A TOML file of answers, one `id = "value"` a line
    #[arg(long, value_name = "FILE")]
    pub answers_file: Option<PathBuf>,
}

/// Whether to wait.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Come back at once; the box goes on
    #[arg(long)]
    pub no_wait: bool,
}

/// One app and whether to wait.
#[derive(Debug, Args)]
pub struct AppArgs {
    /// Which app
    #[arg(value_name = "APP")]
    pub app: AppId,
    /// Whether to wait
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// One app, answers, and whether to wait.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// Which app
    #[arg(value_name = "APP")]
    pub app: AppId,
    /// The answers
    #[command(flatten)]
    pub answers: AnswerArgs,
    /// Whether to wait
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// One app to be taken away.
#[derive(Debug, Args)]
pub struct AwayArgs {
    /// Which app
    #[arg(value_name = "APP")]
    pub app: AppId,
    /// Ask for no confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Whether to wait
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// After `app`.
#[derive(Debug, Subcommand)]
pub enum AppCommand {
    /// All apps
    #[command(after_help = "Example:\n  lavoir app list")]
    List,
    /// One app: what is decided, what is seen, what went wrong
    #[command(after_help = "Example:\n  lavoir app show blog")]
    Show {
        /// Which app
        #[arg(value_name = "APP")]
        app: AppId,
    },
    /// Start a stopped app, or try a failed one again
    #[command(after_help = "Example:\n  lavoir app start blog")]
    Start(AppArgs),
    /// Stop it; it stays ready to start
    #[command(after_help = "Example:\n  lavoir app stop blog")]
    Stop(AppArgs),
    /// Make its containers anew
    #[command(after_help = "Example:\n  lavoir app restart blog")]
    Restart(AppArgs),
    /// Answer some questions anew; the other answers stay
    #[command(after_help = "Example:\n  lavoir app change blog --answer title='Le Verger'")]
    Change(ChangeArgs),
    /// Take the recipe as it is in the catalogue now
    #[command(after_help = "\
Example:
  lavoir app update blog

Its data are kept aside first; when the new version does not come up, the app goes back by itself.")]
    Update(ChangeArgs),
    /// Take it away, keep its data
    #[command(after_help = "Examples:\n  lavoir app remove blog\n  lavoir app reinstall blog")]
    Remove(AwayArgs),
    /// Bring a removed app back over its kept data
    #[command(after_help = "Example:\n  lavoir app reinstall blog")]
    Reinstall(AppArgs),
    /// Take it away with its data, for ever
    #[command(after_help = "Example:\n  lavoir app delete blog")]
    Delete(AwayArgs),
    /// Look at what is under way, until it ends
    #[command(after_help = "Example:\n  lavoir app watch blog")]
    Watch {
        /// Which app
        #[arg(value_name = "APP")]
        app: AppId,
    },
    /// Read a password that the box made; the ledger says that it was read
    #[command(after_help = "\
Example:
  lavoir app secret blog admin_password

Which ones there are: lavoir app show blog")]
    Secret {
        /// Which app
        #[arg(value_name = "APP")]
        app: AppId,
        /// Which secret
        #[arg(value_name = "SECRET")]
        secret: PartId,
    },
    /// The last lines of its containers
    #[command(after_help = "Example:\n  lavoir app logs blog --lines 100")]
    Logs {
        /// Which app
        #[arg(value_name = "APP")]
        app: AppId,
        /// How many of each container
        #[arg(long, short = 'n', default_value_t = 40, value_name = "LINES")]
        lines: usize,
    },
}

/// After `recipe`.
#[derive(Debug, Subcommand)]
pub enum RecipeCommand {
    /// What can be installed
    #[command(after_help = "Example:\n  lavoir recipe list")]
    List,
    /// One recipe and its questions
    #[command(after_help = "Example:\n  lavoir recipe show wordpress")]
    Show {
        /// Which recipe
        #[arg(value_name = "RECIPE")]
        recipe: RecipeId,
    },
    /// Say everything that is wrong with a recipe's folder
    #[command(after_help = "Example:\n  lavoir recipe check recipes/wordpress")]
    Check {
        /// Its folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Print the JSON Schema of recipe.toml
    #[command(after_help = "Example:\n  lavoir recipe schema > recipe.schema.json")]
    Schema,
    /// Print a recipe's compose file as an installation with default answers would make it
    #[command(after_help = "Example:\n  lavoir recipe render recipes/wordpress")]
    Render {
        /// Its folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// After `token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it: it is shown once
    #[command(after_help = "\
Examples:
  lavoir token create --label 'status page'
  lavoir token create --label 'evening backup' --scope act --days 90
  curl -H \"Authorization: Bearer $(cat token)\" https://lavoir.example.org/v1/status")]
    Create {
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        label: String,
        /// What it may
        #[arg(long, value_enum, default_value_t = TokenScope::Read, value_name = "SCOPE")]
        scope: TokenScope,
        /// For how many days, at most 366
        #[arg(long, default_value_t = 30, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=super::token::DAYS_MAX))]
        days: u32,
    },
    /// Tokens that have not ended
    #[command(after_help = "Example:\n  lavoir token list")]
    List,
    /// End a token now
    #[command(after_help = "Example:\n  lavoir token revoke 3")]
    Revoke {
        /// Its number
        #[arg(value_name = "NUMBER")]
        token: u64,
    },
}

/// What a token may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TokenScope {
    /// Look, and nothing else
    Read,
    /// Look and act
    Act,
}

/// After `ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// What was decided, entry by entry
    #[command(
        after_help = "Examples:\n  lavoir ledger show\n  lavoir ledger show --from 12 --limit 3"
    )]
    Show {
        /// First entry
        #[arg(long, default_value_t = 0, value_name = "INDEX")]
        from: u64,
        /// How many; all by default
        #[arg(long, value_name = "COUNT")]
        limit: Option<u64>,
    },
    /// Print the whole ledger, one line an entry, to keep it elsewhere
    #[command(after_help = "Example:\n  lavoir ledger export > ledger.jsonl")]
    Export,
    /// Check a ledger off line: an export, or a box's lavoir.db
    #[command(after_help = "\
Examples:
  lavoir ledger verify ledger.jsonl
  lavoir ledger verify /var/lib/lavoir/lavoir.db")]
    Verify {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Take a damaged ledger back to its sound beginning, off line; the damaged file is kept
    #[command(after_help = "\
Examples:
  systemctl stop lavoir-daemon
  lavoir ledger repair         shows what it would do, and asks
  lavoir ledger repair --yes
  systemctl start lavoir-daemon

Exit codes: 0 repaired, or nothing was damaged; 1 refused or failed, all is as before; 2 nobody is there to confirm.")]
    Repair {
        /// Ask for no confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

fn answer(text: &str) -> Result<(PartId, String), String> {
    let (id, value) = text
        .split_once('=')
        .ok_or("expected ID=VALUE, ID=@FILE or ID=-")?;
    let id = id.parse().map_err(|error| format!("{id}: {error}"))?;
    Ok((id, value.to_owned()))
}

fn extra_host(text: &str) -> Result<(PartId, Hostname), String> {
    let (id, host) = text.split_once('=').ok_or("expected ID=HOST")?;
    let id = id.parse().map_err(|error| format!("{id}: {error}"))?;
    let host = host.parse().map_err(|error| format!("{host}: {error}"))?;
    Ok((id, host))
}
