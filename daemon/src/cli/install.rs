//! `lavoir install`.

use lavoir_core::amount::{disk_mib, memory_mib};
use lavoir_core::text::Language;

use super::args::InstallArgs;
use super::client::Client;
use super::end::End;
use super::questions;
use super::terminal::{Terminal, visible};
use super::watch;
use crate::acts::Asked;
use crate::api::wire::{Accepted, RecipeDetail};

/// Asks the recipe's questions, asks the daemon, follows.
///
/// # Errors
/// When it is refused, or does not succeed.
pub async fn install(client: &Client, terminal: &Terminal, args: &InstallArgs) -> Result<(), End> {
    let path = format!("/v1/recipes/{}", args.recipe);
    let recipe = client.get::<RecipeDetail>(&path).await?.value;
    let mut answers = questions::given(&args.answers, &recipe.questions)?;
    let ask = terminal.asks() && !args.yes && !terminal.json();
    if ask {
        present(terminal, &recipe);
    }
    questions::complete(terminal, &recipe.questions, &mut answers, ask)?;
    let asked = Asked::Install {
        recipe: args.recipe.clone(),
        app: args.name.clone(),
        host: args.host.clone(),
        extra_hosts: args.extra_hosts.iter().cloned().collect(),
        answers,
    };
    let accepted = act(client, terminal, &asked).await?;
    if args.wait.no_wait {
        return later(terminal, &accepted);
    }
    watch::follow(client, terminal, &accepted.app, Some(accepted.revision)).await?;
    if !terminal.json() {
        terminal.line(&format!(
            "{} {}",
            match terminal.language() {
                Language::Fr => format!("{} est ouvert :", recipe.card.name.fr),
                Language::En => format!("{} is open:", recipe.card.name.en),
            },
            accepted.url
        ))?;
    }
    Ok(())
}

fn present(terminal: &Terminal, recipe: &RecipeDetail) {
    let card = &recipe.card;
    terminal.error_line(&format!(
        "{} {} : {}",
        visible(terminal.say(&card.name)),
        visible(&card.version),
        visible(terminal.say(&card.summary))
    ));
    let (ram, disk) = (
        memory_mib(card.ram_mib.into()),
        disk_mib(card.disk_mib.into()),
    );
    let licence = visible(&recipe.upstream.licence);
    terminal.error_line(&match terminal.language() {
        Language::Fr => format!(
            "Il prend {} de mémoire et {} de disque au début. Licence : {licence}.",
            ram.fr, disk.fr
        ),
        Language::En => format!(
            "It takes {} of memory and {} of disk at first. Licence: {licence}.",
            ram.en, disk.en
        ),
    });
}

/// Has an act decided.
///
/// # Errors
/// When it is refused.
pub async fn act(client: &Client, terminal: &Terminal, asked: &Asked) -> Result<Accepted, End> {
    let reply = client.post::<Accepted>("/v1/acts", asked).await?;
    if terminal.json() {
        terminal.line(&String::from_utf8_lossy(&reply.raw))?;
    } else {
        let revision = reply.value.revision.0;
        terminal.error_line(&match terminal.language() {
            Language::Fr => format!("Décidé (entrée {revision} du registre)."),
            Language::En => format!("Decided (entry {revision} of the ledger)."),
        });
    }
    Ok(reply.value)
}

/// Says how to look again.
///
/// # Errors
/// When it cannot be written.
pub fn later(terminal: &Terminal, accepted: &Accepted) -> Result<(), End> {
    if terminal.json() {
        return Ok(());
    }
    let app = &accepted.app;
    terminal.line(&match terminal.language() {
        Language::Fr => format!("La machine continue. Pour regarder : « lavoir app watch {app} »."),
        Language::En => format!("The box goes on. To look: “lavoir app watch {app}”."),
    })
}
