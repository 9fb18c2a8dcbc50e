//! The one executable, and the only place that names adapters (law L3).

mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use lavoir::config::Config;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("LAVOIR_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let arguments: Vec<String> = std::env::args().collect();
    let config = arguments
        .iter()
        .position(|word| word == "--config")
        .and_then(|at| arguments.get(at + 1))
        .map(PathBuf::from);
    let outcome = match arguments.last().map(String::as_str) {
        Some("daemon") => run_daemon(config),
        Some("gateway") => run_gateway(config),
        _ => return ExitCode::from(2),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_daemon(config: Option<PathBuf>) -> anyhow::Result<()> {
    let config = Config::load(config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(world::daemon(config))
}

fn run_gateway(config: Option<PathBuf>) -> anyhow::Result<()> {
    let config = Config::load(config.as_deref())?;
    lavoir::gateway::run(&lavoir::gateway::Options {
        socket: config.gateway_socket(),
        https: config.gateway.https,
        http: config.gateway.http,
        user: config.gateway.user,
    })
}
