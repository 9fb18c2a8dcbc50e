//! `lavoir app …`.

use lavoir_core::id::{AppId, PartId};
use lavoir_core::text::{Language, Text};

use super::args::{AppArgs, AppCommand, AwayArgs, ChangeArgs};
use super::client::Client;
use super::end::End;
use super::install::{act, later};
use super::questions;
use super::show;
use super::terminal::{Terminal, visible};
use super::watch;
use crate::acts::Asked;
use crate::api::wire::{AppDetail, ContainerLines, RecipeDetail, SecretValue};

/// One of them.
///
/// # Errors
/// When it is refused, or does not succeed.
pub async fn app(client: &Client, terminal: &Terminal, command: &AppCommand) -> Result<(), End> {
    match command {
        AppCommand::List => show::list(client, terminal).await,
        AppCommand::Show { app } => show::app(client, terminal, app).await,
        AppCommand::Start(args) => {
            let asked = Asked::Start {
                app: args.app.clone(),
            };
            carry_through(client, terminal, args, &asked).await
        }
        AppCommand::Stop(args) => {
            let asked = Asked::Stop {
                app: args.app.clone(),
            };
            carry_through(client, terminal, args, &asked).await
        }
        AppCommand::Restart(args) => {
            let asked = Asked::Restart {
                app: args.app.clone(),
            };
            carry_through(client, terminal, args, &asked).await
        }
        AppCommand::Reinstall(args) => {
            let asked = Asked::Reinstall {
                app: args.app.clone(),
            };
            carry_through(client, terminal, args, &asked).await
        }
        AppCommand::Change(args) => change(client, terminal, args).await,
        AppCommand::Update(args) => update(client, terminal, args).await,
        AppCommand::Remove(args) => {
            sure(client, terminal, args, &removed(&args.app)).await?;
            let asked = Asked::Remove {
                app: args.app.clone(),
            };
            done(client, terminal, &args.app, args.wait.no_wait, &asked).await
        }
        AppCommand::Delete(args) => {
            sure(client, terminal, args, &deleted(&args.app)).await?;
            let asked = Asked::Delete {
                app: args.app.clone(),
            };
            done(client, terminal, &args.app, args.wait.no_wait, &asked).await
        }
        AppCommand::Watch { app } => {
            watch::follow(client, terminal, app, None).await?;
            if terminal.json() {
                return Ok(());
            }
            show::list_one(client, terminal, app).await
        }
        AppCommand::Secret { app, secret } => read_secret(client, terminal, app, secret).await,
        AppCommand::Logs { app, lines } => logs(client, terminal, app, *lines).await,
    }
}

async fn read_secret(
    client: &Client,
    terminal: &Terminal,
    app: &AppId,
    secret: &PartId,
) -> Result<(), End> {
    let path = format!("/v1/apps/{app}/secrets/{secret}");
    let reply = client.post::<SecretValue>(&path, &()).await?;
    if terminal.json() {
        return terminal.line(&String::from_utf8_lossy(&reply.raw));
    }
    terminal.line(&reply.value.value)
}

async fn carry_through(
    client: &Client,
    terminal: &Terminal,
    args: &AppArgs,
    asked: &Asked,
) -> Result<(), End> {
    done(client, terminal, &args.app, args.wait.no_wait, asked).await
}

async fn done(
    client: &Client,
    terminal: &Terminal,
    app: &AppId,
    no_wait: bool,
    asked: &Asked,
) -> Result<(), End> {
    let accepted = act(client, terminal, asked).await?;
    if no_wait {
        return later(terminal, &accepted);
    }
    watch::follow(client, terminal, app, Some(accepted.revision)).await?;
    if terminal.json() {
        return Ok(());
    }
    if matches!(asked, Asked::Delete { .. }) {
        return terminal.line(&match terminal.language() {
            Language::Fr => format!("Le service « {app} » et ses données sont effacés."),
            Language::En => format!("The app “{app}” and its data are deleted."),
        });
    }
    show::list_one(client, terminal, app).await
}

async fn questions_of(client: &Client, app: &AppId) -> Result<(AppDetail, RecipeDetail), End> {
    let detail = client
        .get::<AppDetail>(&format!("/v1/apps/{app}"))
        .await?
        .value;
    let path = format!("/v1/recipes/{}", detail.card.recipe);
    let recipe = client.get::<RecipeDetail>(&path).await?.value;
    Ok((detail, recipe))
}

async fn change(client: &Client, terminal: &Terminal, args: &ChangeArgs) -> Result<(), End> {
    let (detail, recipe) = questions_of(client, &args.app).await?;
    let mut answers = questions::given(&args.answers, &recipe.questions)?;
    if answers.is_empty() && terminal.asks() && !terminal.json() {
        answers = questions::anew(terminal, &recipe.questions, &detail.answers)?;
    } else if answers.is_empty() {
        return Err(End::not_understood(
            "nothing-to-change",
            Text::new("Aucune réponse n'est donnée.", "No answer is given."),
            Text::new(
                "Donnez-en avec --answer id=valeur.",
                "Give some with --answer id=value.",
            ),
        ));
    }
    let asked = Asked::Change {
        app: args.app.clone(),
        answers,
    };
    done(client, terminal, &args.app, args.wait.no_wait, &asked).await
}

async fn update(client: &Client, terminal: &Terminal, args: &ChangeArgs) -> Result<(), End> {
    // The recipe may ask something new; the daemon says so when an answer is missing.
    let (_, recipe) = questions_of(client, &args.app).await?;
    let asked = Asked::Update {
        app: args.app.clone(),
        answers: questions::given(&args.answers, &recipe.questions)?,
    };
    done(client, terminal, &args.app, args.wait.no_wait, &asked).await
}

fn removed(app: &AppId) -> Text {
    Text::new(
        format!(
            "Le service « {app} » s'arrête et son adresse se ferme. Ses données restent sur la machine ; « lavoir app reinstall {app} » le rétablit."
        ),
        format!(
            "The app “{app}” stops and its address closes. Its data stay on the box; “lavoir app reinstall {app}” brings it back."
        ),
    )
}

fn deleted(app: &AppId) -> Text {
    Text::new(
        format!(
            "Le service « {app} » s'arrête et TOUTES ses données sont effacées pour toujours : fichiers, base de données, réglages, mots de passe. Le registre garde la trace de ce qui a été décidé. Pour garder les données : « lavoir app remove {app} »."
        ),
        format!(
            "The app “{app}” stops and ALL its data are deleted for ever: files, database, settings, passwords. The ledger keeps what was decided. To keep the data: “lavoir app remove {app}”."
        ),
    )
}

/// Says what is lost and what is kept, then asks; a script says so beforehand with `--yes`.
async fn sure(
    client: &Client,
    terminal: &Terminal,
    args: &AwayArgs,
    what: &Text,
) -> Result<(), End> {
    if args.yes {
        return Ok(());
    }
    // No question about what is not there.
    client
        .get::<AppDetail>(&format!("/v1/apps/{}", args.app))
        .await?;
    confirmed(terminal, what)
}

/// Whoever is there says yes.
pub(super) fn confirmed(terminal: &Terminal, what: &Text) -> Result<(), End> {
    if !terminal.asks() || terminal.json() {
        return Err(End::NotUnderstood(lavoir_core::text::Message {
            code: "not-confirmed".to_owned(),
            sentence: what.clone(),
            next_step: Text::new(
                "Personne n'est là pour confirmer : ajoutez --yes si c'est bien ce que vous voulez.",
                "Nobody is there to confirm: add --yes if this is what you want.",
            ),
        }));
    }
    terminal.error_line(terminal.say(what));
    if terminal.confirm(terminal.pick("Continuer ? oui/non [non] >", "Go on? yes/no [no] >"))? {
        return Ok(());
    }
    Err(End::refused(
        "not-confirmed",
        Text::new("Rien n'est fait.", "Nothing was done."),
        Text::new("Tout reste comme avant.", "All stays as it was."),
    ))
}

async fn logs(client: &Client, terminal: &Terminal, app: &AppId, lines: usize) -> Result<(), End> {
    let path = format!("/v1/apps/{app}/logs?lines={lines}");
    let reply = client.get::<Vec<ContainerLines>>(&path).await?;
    if terminal.json() {
        return terminal.line(&String::from_utf8_lossy(&reply.raw));
    }
    for container in &reply.value {
        let title = format!("— {} —", container.service);
        terminal.line(&terminal.on_out(anstyle::Style::new().bold(), &title))?;
        if let Some(trouble) = &container.trouble {
            terminal.line(&format!("  {}", visible(terminal.say(&trouble.sentence))))?;
        }
        for line in &container.lines {
            terminal.line(&visible(line))?;
        }
    }
    Ok(())
}
