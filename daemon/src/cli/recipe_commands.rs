//! `lavoir recipe …`.

use std::path::Path;

use lavoir_core::amount::{disk_mib, memory_mib};
use lavoir_core::text::{Language, Text};

use super::args::RecipeCommand;
use super::client::Client;
use super::end::End;
use super::terminal::{Terminal, visible};
use crate::api::wire::{RecipeCard, RecipeDetail};
use crate::recipe;

/// One thing that is wrong with a recipe.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Finding {
    /// Stable code.
    pub code: String,
    /// File inside the folder.
    pub file: String,
    /// Line, where it can be told.
    pub line: Option<u32>,
    /// What is wrong.
    pub sentence: Text,
    /// What to do.
    pub next_step: Text,
}

/// One of them. `check`, `schema` and `render` need no daemon.
///
/// # Errors
/// When it is refused, or the recipe is not sound.
pub async fn run(
    client: impl Fn() -> Result<Client, End>,
    terminal: &Terminal,
    command: &RecipeCommand,
) -> Result<(), End> {
    match command {
        RecipeCommand::List => list(&client()?, terminal).await,
        RecipeCommand::Show { recipe } => show(&client()?, terminal, recipe.as_str()).await,
        RecipeCommand::Check { dir } => check(terminal, dir),
        RecipeCommand::Schema => terminal.line(&recipe::schema()),
        RecipeCommand::Render { dir } => terminal.raw(render_folder(dir)?.as_bytes()),
    }
}

fn check_folder(dir: &Path) -> Vec<Finding> {
    recipe::check(dir).into_iter().map(Finding::from).collect()
}

/// A folder's compose file with default answers.
fn render_folder(dir: &Path) -> Result<String, End> {
    let folder = recipe::read(dir).map_err(|problems| unsound(dir, problems))?;
    let release = recipe::example(&folder).map_err(|problems| unsound(dir, problems))?;
    Ok(recipe::interpolation_compose(&release))
}

fn unsound(dir: &Path, problems: Vec<recipe::Problem>) -> End {
    let dir = dir.display();
    let count = problems.len();
    End::refused(
        "recipe-unsound",
        Text::new(
            format!("La recette a {count} choses à revoir."),
            format!("The recipe has {count} things to put right."),
        ),
        Text::new(
            format!("Lisez-les avec « lavoir recipe check {dir} »."),
            format!("Read them with “lavoir recipe check {dir}”."),
        ),
    )
}

impl From<recipe::Problem> for Finding {
    fn from(problem: recipe::Problem) -> Self {
        Self {
            code: problem.code.to_owned(),
            file: problem.file,
            line: problem.line,
            sentence: problem.sentence,
            next_step: problem.next_step,
        }
    }
}

fn check(terminal: &Terminal, dir: &Path) -> Result<(), End> {
    let findings = check_folder(dir);
    if terminal.json() {
        let text = serde_json::to_string(&findings).map_err(std::io::Error::other)?;
        terminal.line(&text)?;
    } else {
        for finding in &findings {
            let line = finding.line.map(|line| format!(":{line}"));
            terminal.error_line(&format!(
                "{}{}: {} {} [{}]",
                visible(&finding.file),
                line.unwrap_or_default(),
                visible(terminal.say(&finding.sentence)),
                visible(terminal.say(&finding.next_step)),
                visible(&finding.code),
            ));
        }
    }
    match findings.len() {
        0 if terminal.json() => Ok(()),
        0 => terminal.line(terminal.pick("La recette est bonne.", "The recipe is sound.")),
        _ if terminal.json() => Err(End::Said),
        count => {
            terminal.error_line(&match terminal.language() {
                Language::Fr => format!("{count} choses à revoir."),
                Language::En => format!("{count} things to put right."),
            });
            Err(End::Said)
        }
    }
}

async fn list(client: &Client, terminal: &Terminal) -> Result<(), End> {
    let reply = client.get::<Vec<RecipeCard>>("/v1/recipes").await?;
    if terminal.json() {
        return terminal.line(&String::from_utf8_lossy(&reply.raw));
    }
    let width = reply.value.iter().map(|card| card.id.as_str().len());
    let width = width.max().unwrap_or(0);
    for card in &reply.value {
        terminal.line(&format!(
            "{:width$}  {} {} : {}",
            card.id.as_str(),
            visible(terminal.say(&card.name)),
            visible(&card.version),
            visible(terminal.say(&card.summary)),
        ))?;
    }
    Ok(())
}

async fn show(client: &Client, terminal: &Terminal, id: &str) -> Result<(), End> {
    let reply = client
        .get::<RecipeDetail>(&format!("/v1/recipes/{id}"))
        .await?;
    if terminal.json() {
        return terminal.line(&String::from_utf8_lossy(&reply.raw));
    }
    let recipe = reply.value;
    let card = &recipe.card;
    terminal.line(&format!(
        "{} {} : {}",
        visible(terminal.say(&card.name)),
        visible(&card.version),
        visible(terminal.say(&card.summary))
    ))?;
    terminal.line("")?;
    for line in terminal.say(&recipe.description).lines() {
        terminal.line(&visible(line))?;
    }
    terminal.line("")?;
    let up = &recipe.upstream;
    terminal.line(&format!(
        "{} {}, {}, {}",
        visible(&up.name),
        visible(&up.version),
        visible(&up.licence),
        visible(&up.source)
    ))?;
    let (ram, disk) = (
        memory_mib(card.ram_mib.into()),
        disk_mib(card.disk_mib.into()),
    );
    terminal.line(&match terminal.language() {
        Language::Fr => format!("{} de mémoire, {} de disque", ram.fr, disk.fr),
        Language::En => format!("{} of memory, {} of disk", ram.en, disk.en),
    })?;
    for question in &recipe.questions {
        let needed = if question.required && question.default.is_none() {
            terminal.pick(" (à répondre)", " (to be answered)")
        } else {
            ""
        };
        terminal.line(&format!(
            "  --answer {}=…  {}{needed}",
            visible(&question.id),
            visible(terminal.say(&question.label))
        ))?;
    }
    Ok(())
}
