//! The one executable, and the only place that names adapters (law L3).

mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use lavoir::cli::{self, Cli, Command, Lent};
use lavoir::config::Config;
use lavoir::gateway::{Options, Role, Settings};
use lavoir::ports::Fault;
use tracing_subscriber::EnvFilter;

/// For what is under way when the daemon ends.
const FAREWELL: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match &cli.command {
        Command::Daemon(_) => run_daemon(&cli),
        // Before there is any thread: rights are given up thread by thread.
        Command::Gateway(args) => run_gateway(&cli, args.role),
        _ => return ask(cli),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_why(&error);
            ExitCode::FAILURE
        }
    }
}

/// In both languages, with the way out (law L5): whoever reads the log may not have the box's language.
fn say_why(error: &anyhow::Error) {
    let Some(Fault { message, .. }) = error.downcast_ref() else {
        return tracing::error!("{error:#}");
    };
    let (sentence, next_step) = (&message.sentence, &message.next_step);
    tracing::error!(message.code, "{} {}", sentence.fr, next_step.fr);
    tracing::error!(message.code, "{} {}", sentence.en, next_step.en);
}

fn run_daemon(cli: &Cli) -> anyhow::Result<()> {
    log_to_stderr();
    let config = Config::load(cli.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let ended = runtime.block_on(world::daemon(config));
    // What still reads or writes a file on a thread of its own is let go of: everything is safe to repeat.
    runtime.shutdown_timeout(FAREWELL);
    ended
}

fn run_gateway(cli: &Cli, role: Option<Role>) -> anyhow::Result<()> {
    log_to_stderr();
    let config = Config::load(cli.config.as_deref())?;
    let options = Options {
        socket: config.gateway_socket(),
        https: config.gateway.https,
        http: config.gateway.http,
        user: config.gateway.user,
        config: cli.config.clone(),
        settings: Settings {
            limits: config.gateway.limits,
            hsts_s: config.gateway.hsts_s,
            https_port: config.gateway.https_port,
        },
    };
    lavoir::gateway::run(&options, role)
}

fn ask(cli: Cli) -> ExitCode {
    let lent = Lent {
        read_database: |file, tell| Box::pin(world::read_database(file, tell)),
        look_at_state: |config| Box::pin(world::look_at_state(config)),
        now: world::now,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => ExitCode::from(runtime.block_on(cli::run(cli, &lent))),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Under systemd the journal adds the time.
fn log_to_stderr() {
    // The Docker library logs whole requests, environment and all: never, whatever is asked for. The backup libraries
    // log names of people's files; what goes wrong in them comes back as faults.
    let wanted = std::env::var("LAVOIR_LOG").unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::new(format!(
        "{wanted},bollard=warn,bollard::docker=warn,hyper=info,rustic_core=off,rustic_backend=off"
    ));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    if std::env::var_os("JOURNAL_STREAM").is_some() {
        log.without_time().init();
    } else {
        log.init();
    }
}
