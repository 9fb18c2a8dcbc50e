//! `lavoir backup …`.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use lavoir_core::backup::{KeepRule, Place, RepositoryId, SnapshotId, Subject};
use lavoir_core::id::AppId;
use lavoir_core::text::Text;

use super::apps::confirmed;
use super::args::backup::{AddArgs, BackupCommand, RestoreArgs, RhythmArgs};
use super::client::Client;
use super::end::End;
use super::install::later;
use super::questions::read_file;
use super::sentences::backups::{rule, subject};
use super::show::{self, date};
use super::sizes::size;
use super::terminal::{Terminal, visible};
use super::watch;
use crate::api::backups::{NewRestore, NewRound, RepositorySettings};
use crate::api::wire::{Accepted, SecretValue};
use crate::backups::cards::{ListedCard, RepositoryCard, RoundCard, SnapshotCard};
use crate::backups::desk::NewRepository;

const ALL: &str = "/v1/backups";
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// One of them.
///
/// # Errors
/// When it is refused, or does not succeed.
pub async fn backup(
    client: &Client,
    terminal: &Terminal,
    command: &BackupCommand,
) -> Result<(), End> {
    match command {
        BackupCommand::List => list(client, terminal).await,
        BackupCommand::Add(args) => add(client, terminal, args).await,
        BackupCommand::Change { repository, rhythm } => {
            change(client, terminal, repository, rhythm).await
        }
        BackupCommand::Now {
            repository,
            app,
            wait,
        } => {
            let of = app.clone().map(Subject::App);
            now(client, terminal, repository.as_ref(), of, wait.no_wait).await
        }
        BackupCommand::Cancel { repository } => {
            client.delete(&format!("{ALL}/{repository}/rounds")).await?;
            terminal.line(terminal.pick(
                "La sauvegarde en cours s'arrête. Ce qui est déjà sauvegardé reste.",
                "The backup under way ends. What is saved already stays.",
            ))
        }
        BackupCommand::Snapshots { repository, app } => {
            snapshots(client, terminal, repository, app.as_ref()).await
        }
        BackupCommand::Files {
            repository,
            snapshot,
            path,
        } => files(client, terminal, repository, snapshot, path).await,
        BackupCommand::Get {
            repository,
            snapshot,
            path,
        } => {
            let snapshot = find(client, repository, snapshot).await?;
            let path = encoded(path);
            let path = format!("{ALL}/{repository}/snapshots/{snapshot}/file?path={path}");
            let mut pieces = client.pieces(&path).await?;
            while let Some(piece) = pieces.next().await? {
                terminal.raw(&piece)?;
            }
            Ok(())
        }
        BackupCommand::Restore(args) => restore(client, terminal, args).await,
        BackupCommand::Key { repository } => {
            let path = format!("{ALL}/{repository}/key");
            let reply = client.post::<SecretValue>(&path, &()).await?;
            if terminal.json() {
                return terminal.line(&String::from_utf8_lossy(&reply.raw));
            }
            terminal.line(&visible(&reply.value.value))
        }
        BackupCommand::Remove { repository, yes } => {
            if !yes {
                confirmed(terminal, &removed(repository))?;
            }
            client.delete(&format!("{ALL}/{repository}")).await?;
            terminal.line(terminal.say(&Text::new(
                format!(
                    "Les sauvegardes ne vont plus dans « {repository} ». Ce qui s'y trouve reste."
                ),
                format!("Backups go to “{repository}” no more. What lies there stays."),
            )))
        }
    }
}

async fn list(client: &Client, terminal: &Terminal) -> Result<(), End> {
    let reply = client.get::<Vec<RepositoryCard>>(ALL).await?;
    if terminal.json() {
        return terminal.line(&String::from_utf8_lossy(&reply.raw));
    }
    if reply.value.is_empty() {
        return terminal.line(terminal.pick(
            "Rien n'est sauvegardé : ajoutez un dépôt avec « lavoir backup add ».",
            "Nothing is backed up: add a repository with “lavoir backup add”.",
        ));
    }
    for card in &reply.value {
        tell(terminal, card)?;
    }
    Ok(())
}

fn tell(terminal: &Terminal, card: &RepositoryCard) -> Result<(), End> {
    let rule = rule(card.every_nights, &card.keep);
    terminal.line(&visible(&format!("{}  {}", card.repository, card.place)))?;
    terminal.line(&format!("  {}", terminal.say(&rule)))?;
    let next = terminal.pick("prochaine fois", "next time");
    terminal.line(&format!("  {next} {}", date(card.next)))?;
    if let Some(round) = &card.round {
        terminal.line(&format!("  {}", terminal.say(&under_way(round))))?;
        if let Some(waits) = &round.waits {
            terminal.message(waits);
        }
    }
    for (of, saved) in &card.saved {
        let size = size(saved.bytes);
        let line = format!(
            "  ✓ {:24} {}  {}  {}",
            of.to_string(),
            date(saved.at),
            saved.snapshot.as_str().get(..8).unwrap_or_default(),
            terminal.say(&size),
        );
        terminal.line(&visible(&line))?;
    }
    for (of, trouble) in &card.troubles {
        let line = format!(
            "  ✕ {:24} {}  {}",
            of.to_string(),
            date(trouble.at),
            trouble.code
        );
        terminal.line(&visible(&line))?;
        if let Some(message) = &trouble.message {
            terminal.message(message);
        }
        for line in &trouble.lines {
            terminal.error_line(&visible(&format!("    {line}")));
        }
    }
    if let Some(tidied) = &card.tidied {
        let words = match &tidied.code {
            None => terminal
                .pick("rangé et vérifié", "tidied and checked")
                .to_owned(),
            Some(code) => visible(code).into_owned(),
        };
        terminal.line(&format!("  {words}, {}", date(tidied.at)))?;
        for line in &tidied.damaged {
            terminal.error_line(&visible(&format!("    {line}")));
        }
    }
    Ok(())
}

fn under_way(round: &RoundCard) -> Text {
    let measure = round.measure.map(|measure| {
        let done = size(measure.done);
        match measure.total.map(size) {
            Some(total) => (
                format!(", {} sur {}", done.fr, total.fr),
                format!(", {} of {}", done.en, total.en),
            ),
            None => (format!(", {}", done.fr), format!(", {}", done.en)),
        }
    });
    let (fr, en) = measure.unwrap_or_default();
    match &round.of {
        Some(of) => {
            let of = subject(of);
            Text::new(
                format!("sauvegarde de {}{fr}", of.fr),
                format!("saving {}{en}", of.en),
            )
        }
        None => Text::new(
            format!("rangement et vérification{fr}"),
            format!("tidying and checking{en}"),
        ),
    }
}

async fn add(client: &Client, terminal: &Terminal, args: &AddArgs) -> Result<(), End> {
    let key = match &args.key_file {
        Some(file) => Some(read_file(file)?.trim().to_owned()),
        None => None,
    };
    let (every_nights, keep) = args.rhythm.over(1, KeepRule::default());
    let new = NewRepository {
        repository: args.repository.clone(),
        place: Place::Folder {
            path: args.folder.to_string_lossy().into_owned(),
        },
        every_nights,
        keep,
        key,
    };
    let reply = client.post::<RepositoryCard>(ALL, &new).await?;
    if terminal.json() {
        return terminal.line(&String::from_utf8_lossy(&reply.raw));
    }
    tell(terminal, &reply.value)?;
    let id = &args.repository;
    terminal.error_line(terminal.say(&Text::new(
        format!("Notez sa clé ailleurs que sur cette machine : « lavoir backup key {id} ». Sans elle, personne ne relira ces sauvegardes."),
        format!("Note its key away from this machine: “lavoir backup key {id}”. Without it nobody will read these backups."),
    )));
    Ok(())
}

async fn change(
    client: &Client,
    terminal: &Terminal,
    repository: &RepositoryId,
    rhythm: &RhythmArgs,
) -> Result<(), End> {
    let path = format!("{ALL}/{repository}");
    let card = client.get::<RepositoryCard>(&path).await?.value;
    let (every_nights, keep) = rhythm.over(card.every_nights, card.keep);
    let settings = RepositorySettings { every_nights, keep };
    let path = format!("{path}/settings");
    let reply = client.post::<RepositoryCard>(&path, &settings).await?;
    match terminal.json() {
        true => terminal.line(&String::from_utf8_lossy(&reply.raw)),
        false => tell(terminal, &reply.value),
    }
}

async fn now(
    client: &Client,
    terminal: &Terminal,
    repository: Option<&RepositoryId>,
    of: Option<Subject>,
    no_wait: bool,
) -> Result<(), End> {
    let ids = match repository {
        Some(id) => vec![id.clone()],
        None => {
            let cards = client.get::<Vec<RepositoryCard>>(ALL).await?.value;
            cards.into_iter().map(|card| card.repository).collect()
        }
    };
    if ids.is_empty() {
        return Err(nowhere());
    }
    for id in &ids {
        let path = format!("{ALL}/{id}/rounds");
        let round = NewRound { of: of.clone() };
        let reply = client.post::<RepositoryCard>(&path, &round).await?;
        if no_wait {
            if terminal.json() {
                terminal.line(&String::from_utf8_lossy(&reply.raw))?;
            }
            continue;
        }
        let since = reply.value.round.map(|round| round.since);
        let card = follow(client, terminal, id).await?;
        if terminal.json() {
            terminal.line(&serde_json::to_string(&card).map_err(std::io::Error::other)?)?;
        } else {
            tell(terminal, &card)?;
        }
        let failed = |at| since.is_none_or(|since| at >= since);
        let trouble = card.troubles.values().any(|trouble| failed(trouble.at));
        let damaged = card
            .tidied
            .is_some_and(|tidied| tidied.code.is_some() && failed(tidied.at));
        if trouble || damaged {
            return Err(End::DidNotSucceed);
        }
    }
    Ok(())
}

/// Until no round is under way; the repository as it is then.
async fn follow(
    client: &Client,
    terminal: &Terminal,
    id: &RepositoryId,
) -> Result<RepositoryCard, End> {
    let bar = terminal.bars().then(|| {
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}");
        let bar = ProgressBar::new_spinner();
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar
    });
    let mut told = None;
    loop {
        let card = client.get::<RepositoryCard>(&format!("{ALL}/{id}")).await?;
        let Some(round) = &card.value.round else {
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
            return Ok(card.value);
        };
        match &bar {
            Some(bar) => {
                bar.set_message(terminal.say(&under_way(round)).to_owned());
                bar.tick();
            }
            None if !terminal.json() && told.as_ref() != Some(&round.of) => {
                let mut plain = round.clone();
                plain.measure = None;
                terminal.error_line(terminal.say(&under_way(&plain)));
                told = Some(round.of.clone());
            }
            None => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn snapshots(
    client: &Client,
    terminal: &Terminal,
    repository: &RepositoryId,
    app: Option<&AppId>,
) -> Result<(), End> {
    let path = format!("{ALL}/{repository}/snapshots");
    let reply = client.get::<Vec<SnapshotCard>>(&path).await?;
    if terminal.json() {
        return terminal.line(&String::from_utf8_lossy(&reply.raw));
    }
    let wanted =
        |card: &&SnapshotCard| app.is_none() || card.of.as_ref().and_then(Subject::app) == app;
    for card in reply.value.iter().filter(wanted) {
        let of = match &card.of {
            Some(of) => of.to_string(),
            None => format!("({})", card.host),
        };
        let bytes = card.bytes.map(size);
        let line = format!(
            "{}  {}  {of:24} {}",
            card.snapshot.as_str().get(..8).unwrap_or_default(),
            date(card.at),
            bytes.as_ref().map_or("", |bytes| terminal.say(bytes)),
        );
        terminal.line(&visible(line.trim_end()))?;
    }
    Ok(())
}

async fn files(
    client: &Client,
    terminal: &Terminal,
    repository: &RepositoryId,
    snapshot: &str,
    path: &str,
) -> Result<(), End> {
    let snapshot = find(client, repository, snapshot).await?;
    let mut from = 0;
    loop {
        let at = encoded(path);
        let road = format!("{ALL}/{repository}/snapshots/{snapshot}/files?path={at}&from={from}");
        let reply = client.get::<Vec<ListedCard>>(&road).await?;
        if terminal.json() {
            terminal.line(&String::from_utf8_lossy(&reply.raw))?;
        } else {
            for entry in &reply.value {
                let size = size(entry.bytes);
                let line = match entry.folder {
                    true => format!("{:>12}  {}/", "", entry.name),
                    false => format!("{:>12}  {}", terminal.say(&size), entry.name),
                };
                terminal.line(&visible(&line))?;
            }
        }
        if reply.value.len() < lavoir_core::limits::SNAPSHOT_LIST_MAX {
            return Ok(());
        }
        from += reply.value.len();
    }
}

/// The snapshot whose name begins so.
async fn find(client: &Client, repository: &RepositoryId, begins: &str) -> Result<SnapshotId, End> {
    let path = format!("{ALL}/{repository}/snapshots");
    let all = client.get::<Vec<SnapshotCard>>(&path).await?.value;
    let mut found = all
        .into_iter()
        .filter(|card| !begins.is_empty() && card.snapshot.as_str().starts_with(begins));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.snapshot),
        (None, _) => Err(no_snapshot(begins)),
        (Some(_), Some(_)) => Err(many_snapshots(begins)),
    }
}

async fn restore(client: &Client, terminal: &Terminal, args: &RestoreArgs) -> Result<(), End> {
    let (repository, snapshot) = chosen(client, args).await?;
    if !args.yes {
        confirmed(terminal, &restored(&args.app))?;
    }
    let path = format!("{ALL}/{repository}/restores");
    let asked = NewRestore { snapshot };
    let accepted = client.post::<Accepted>(&path, &asked).await?.value;
    if args.wait.no_wait {
        return later(terminal, &accepted);
    }
    watch::follow(client, terminal, &args.app, Some(accepted.revision)).await?;
    match terminal.json() {
        true => Ok(()),
        false => show::list_one(client, terminal, &args.app).await,
    }
}

/// The snapshot that is named, or the latest one of the app. It must be one of that app: a slip of the name must not
/// bring another one back.
async fn chosen(client: &Client, args: &RestoreArgs) -> Result<(RepositoryId, SnapshotId), End> {
    let cards = client.get::<Vec<RepositoryCard>>(ALL).await?.value;
    let of = Some(Subject::App(args.app.clone()));
    let mut found: Vec<(RepositoryId, SnapshotCard)> = Vec::new();
    for card in cards {
        if args
            .from
            .as_ref()
            .is_some_and(|from| *from != card.repository)
        {
            continue;
        }
        let path = format!("{ALL}/{}/snapshots", card.repository);
        let all = match client.get::<Vec<SnapshotCard>>(&path).await {
            Ok(reply) => reply.value,
            // Another repository may have it.
            Err(_) if args.from.is_none() => continue,
            Err(end) => return Err(end),
        };
        let begins = args.snapshot.as_deref().unwrap_or_default();
        let wanted = all
            .into_iter()
            .filter(|card| card.of == of && card.snapshot.as_str().starts_with(begins));
        found.extend(wanted.map(|snapshot| (card.repository.clone(), snapshot)));
    }
    let named = args.snapshot.as_deref().unwrap_or_default();
    let latest = found.iter().max_by_key(|(_, card)| card.at).cloned();
    match latest {
        Some(_) if !named.is_empty() && found.len() > 1 => Err(many_snapshots(named)),
        Some((repository, card)) => Ok((repository, card.snapshot)),
        None => Err(no_snapshot_of(&args.app)),
    }
}

/// For the query of an address (RFC 3986).
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let signs = path.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    signs.collect()
}

fn restored(app: &AppId) -> Text {
    Text::new(
        format!(
            "Le service « {app} » redevient ce qu'il était dans la sauvegarde ; ce qui y a été fait depuis se perd. Il est arrêté pendant ce temps. S'il ne revient pas bien, la machine remet ce qu'il a maintenant."
        ),
        format!(
            "The app “{app}” becomes again what it was in the backup; what was done in it since is lost. It is stopped meanwhile. If it does not come up well, the box puts back what it has now."
        ),
    )
}

fn removed(repository: &RepositoryId) -> Text {
    Text::new(
        format!(
            "Les sauvegardes n'iront plus dans « {repository} ». Ce qui s'y trouve reste, et se relit avec sa clé."
        ),
        format!(
            "Backups will go to “{repository}” no more. What lies there stays, and can be read with its key."
        ),
    )
}

fn nowhere() -> End {
    End::refused(
        "no-repository",
        Text::new(
            "Il n'y a pas encore de dépôt de sauvegardes.",
            "There is no repository of backups yet.",
        ),
        Text::new(
            "Ajoutez-en un : « lavoir backup add disque --folder /media/… ».",
            "Add one: “lavoir backup add disk --folder /media/…”.",
        ),
    )
}

fn no_snapshot(begins: &str) -> End {
    End::refused(
        "no-such-snapshot",
        Text::new(
            format!("Aucune sauvegarde ne commence par « {begins} »."),
            format!("No snapshot begins with “{begins}”."),
        ),
        Text::new(
            "La liste est dans « lavoir backup snapshots ».",
            "See the list in “lavoir backup snapshots”.",
        ),
    )
}

fn many_snapshots(begins: &str) -> End {
    End::refused(
        "many-such-snapshots",
        Text::new(
            format!("Plusieurs sauvegardes commencent par « {begins} »."),
            format!("Several snapshots begin with “{begins}”."),
        ),
        Text::new("Donnez plus de signes.", "Give more of its signs."),
    )
}

fn no_snapshot_of(app: &AppId) -> End {
    End::refused(
        "no-snapshot-of-app",
        Text::new(
            format!("Aucune sauvegarde du service « {app} » n'a été trouvée."),
            format!("No snapshot of the app “{app}” was found."),
        ),
        Text::new(
            "Vérifiez son nom, et que le disque des sauvegardes est branché.",
            "Check its name, and that the disk of the backups is plugged in.",
        ),
    )
}
