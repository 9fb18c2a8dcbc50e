//! What is shown of the box and its apps.

use anstyle::Style;
use lavoir_core::amount::memory_mib;
use lavoir_core::id::{AppId, Timestamp};
use lavoir_core::observed::Run;
use lavoir_core::text::{Language, Text};
use time::OffsetDateTime;
use time::macros::format_description;

use super::client::Client;
use super::end::End;
use super::terminal::{Terminal, visible};
use crate::api::wire::{AppCard, AppDetail, CertificateCard, CertificateHealth, Health, Status};

/// `lavoir status`.
///
/// # Errors
/// When the daemon is away.
pub async fn status(client: &Client, terminal: &Terminal) -> Result<(), End> {
    let reply = client.get::<Status>("/v1/status").await?;
    if terminal.json() {
        return terminal.line(&String::from_utf8_lossy(&reply.raw));
    }
    let status = reply.value;
    let fr = terminal.language() == Language::Fr;
    if let Some(identity) = &status.identity {
        terminal.line(&match terminal.language() {
            Language::Fr => format!("La machine : https://{}/", identity.domain),
            Language::En => format!("The box: https://{}/", identity.domain),
        })?;
    }
    if status.in_preparation {
        terminal.line(terminal.pick(
            "Elle est en préparation : la personne qui installe décide seule, et tout est écrit dans le registre.",
            "It is in preparation: the person who installs decides alone, and all is written in the ledger.",
        ))?;
    }
    if !status.engine {
        terminal.line(terminal.pick("Docker ne répond pas.", "Docker does not answer."))?;
    }
    if let Some(doubt) = &status.clock {
        let (what, next) = (
            terminal.say(&doubt.sentence),
            terminal.say(&doubt.next_step),
        );
        terminal.line(&format!("{what} ({})", doubt.code))?;
        terminal.line(&format!("  {next}"))?;
    }
    let root = status.ledger.root.get(..16).unwrap_or(&status.ledger.root);
    terminal.line(&if fr {
        format!(
            "Lavoir {}. Registre : {} entrées, racine {root}…",
            status.version, status.ledger.size
        )
    } else {
        format!(
            "Lavoir {}. Ledger: {} entries, root {root}…",
            status.version, status.ledger.size
        )
    })?;
    for one in &status.backups {
        terminal.line(&visible(terminal.say(&one.sentence)))?;
    }
    certificates(terminal, &status.certificates)?;
    terminal.line("")?;
    table(terminal, &status.apps)
}

/// What there is to say of TLS certificates: little when all is well, why and what next where it is not.
fn certificates(terminal: &Terminal, cards: &[CertificateCard]) -> Result<(), End> {
    for card in cards {
        let until = card.not_after.map(date).unwrap_or_default();
        let by = card.authority.as_deref().map(visible).unwrap_or_default();
        let host = &card.host;
        let line = match card.health {
            CertificateHealth::Own => continue,
            CertificateHealth::Good => Text::new(
                format!("Certificat de {host} : {by}, jusqu'au {until}."),
                format!("Certificate of {host}: {by}, until {until}."),
            ),
            CertificateHealth::Missing => Text::new(
                format!("Certificat de {host} : pas encore."),
                format!("Certificate of {host}: not yet."),
            ),
            CertificateHealth::Ended => Text::new(
                format!("Certificat de {host} : {by}, fini depuis le {until}."),
                format!("Certificate of {host}: {by}, ended on {until}."),
            ),
        };
        terminal.line(terminal.say(&line))?;
        let Some(trouble) = &card.trouble else {
            continue;
        };
        let mut lines = vec![
            format!("{} ({})", terminal.say(&trouble.sentence), trouble.code),
            terminal.say(&trouble.next_step).to_owned(),
        ];
        lines.extend(card.detail.clone());
        if let Some(next) = card.next {
            let words = terminal.pick("Prochain essai : ", "Next try: ");
            lines.push(words.to_owned() + &date(next));
        }
        for line in lines {
            terminal.line(&format!("  {}", visible(&line)))?;
        }
    }
    Ok(())
}

/// `lavoir app list`.
///
/// # Errors
/// When the daemon is away.
pub async fn list(client: &Client, terminal: &Terminal) -> Result<(), End> {
    let reply = client.get::<Vec<AppCard>>("/v1/apps").await?;
    if terminal.json() {
        return terminal.line(&String::from_utf8_lossy(&reply.raw));
    }
    table(terminal, &reply.value)
}

/// One line of it.
///
/// # Errors
/// When the daemon is away.
pub async fn list_one(client: &Client, terminal: &Terminal, app: &AppId) -> Result<(), End> {
    let path = format!("/v1/apps/{app}");
    match client.get::<AppDetail>(&path).await {
        Ok(reply) => table(terminal, &[reply.value.card]),
        // It was watched while it was deleted.
        Err(End::Refused { message, .. }) if message.code == "no-such-app" => {
            terminal.line(&visible(terminal.say(&message.sentence)))
        }
        Err(end) => Err(end),
    }
}

fn table(terminal: &Terminal, apps: &[AppCard]) -> Result<(), End> {
    if apps.is_empty() {
        return terminal.line(terminal.pick(
            "Aucun service. « lavoir recipe list » dit ce qu'on peut installer.",
            "No app. “lavoir recipe list” says what can be installed.",
        ));
    }
    let width = |of: &dyn Fn(&AppCard) -> usize| apps.iter().map(of).max().unwrap_or(0);
    let id = width(&|app| app.app.as_str().len());
    let recipe = width(&|app| recipe(app).chars().count());
    let url = width(&|app| app.url.len());
    for app in apps {
        terminal.line(&format!(
            "{:id$}  {:recipe$}  {:url$}  {}{}",
            app.app.as_str(),
            recipe_of(app),
            app.url,
            terminal.state(app.sign, &app.state),
            terminal.say(&unwell(app)),
        ))?;
    }
    Ok(())
}

fn recipe(app: &AppCard) -> String {
    format!("{} {}", app.recipe, app.version)
}

fn recipe_of(app: &AppCard) -> String {
    visible(&recipe(app)).into_owned()
}

fn unwell(app: &AppCard) -> Text {
    match app.health {
        Health::Unwell if app.doing.is_none() => Text::new(
            ", mais un conteneur ne va pas bien",
            ", but a container is not well",
        ),
        _ => Text::new("", ""),
    }
}

/// `lavoir app show`.
///
/// # Errors
/// When the daemon is away, or there is no such app.
pub async fn app(client: &Client, terminal: &Terminal, app: &AppId) -> Result<(), End> {
    let reply = client.get::<AppDetail>(&format!("/v1/apps/{app}")).await?;
    if terminal.json() {
        return terminal.line(&String::from_utf8_lossy(&reply.raw));
    }
    let detail = reply.value;
    let card = &detail.card;
    let fact = |fr: &str, en: &str, value: &str| {
        let name = terminal.on_out(Style::new().dimmed(), terminal.pick(fr, en));
        terminal.line(&format!("{name} {value}"))
    };
    terminal.line(&terminal.on_out(Style::new().bold(), &visible(terminal.say(&card.name))))?;
    let state = terminal.state(card.sign, &card.state);
    fact("État :", "State:", &(state + terminal.say(&unwell(card))))?;
    fact("Adresse :", "Address:", &card.url)?;
    for host in detail.extra_hosts.values() {
        fact("Adresse :", "Address:", &format!("https://{host}/"))?;
    }
    fact("Recette :", "Recipe:", &recipe_of(card))?;
    fact("Installé le", "Installed on", &date(detail.installed_at))?;
    let ram = memory_mib(detail.ram_mib.into());
    fact(
        "Mémoire réservée :",
        "Memory set aside:",
        terminal.say(&ram),
    )?;
    for (id, answer) in &detail.answers {
        let private = terminal.pick("(gardé à part du registre)", "(kept beside the ledger)");
        let answer = answer.as_deref().map(visible);
        fact(
            "Réponse",
            "Answer",
            &format!("{id} = {}", answer.as_deref().unwrap_or(private)),
        )?;
    }
    for (id, what_for) in &detail.secrets {
        let what_for = visible(terminal.say(what_for));
        let line = format!("{id} ({what_for}): lavoir app secret {} {id}", card.app);
        fact("Secret", "Secret", &line)?;
    }
    for (service, container) in &detail.containers {
        let run = terminal
            .say(&run_words(container.run, container.one_shot))
            .to_owned();
        let line = format!("{service}: {run} ({})", visible(&container.image));
        fact("Conteneur", "Container", &line)?;
    }
    let visits = &detail.visits;
    if let Some(average_ms) = visits.took_ms.checked_div(visits.answers) {
        let line = match terminal.language() {
            Language::Fr => format!(
                "{} réponses, {average_ms} ms en moyenne, {} lentes, {} en échec (depuis le démarrage du démon)",
                visits.answers, visits.slow, visits.failed
            ),
            Language::En => format!(
                "{} answers, {average_ms} ms on average, {} slow, {} failed (since the daemon began)",
                visits.answers, visits.slow, visits.failed
            ),
        };
        fact("Fréquentation :", "Visits:", &line)?;
    }
    if let Some(failure) = &detail.failure {
        let line = format!(
            "{} {}",
            date(failure.at),
            visible(terminal.say(&failure.sentence))
        );
        fact("Dernière panne :", "Last failure:", &line)?;
        for line in &failure.lines {
            terminal.line(&format!("  | {}", visible(line)))?;
        }
    }
    Ok(())
}

fn run_words(run: Option<Run>, one_shot: bool) -> Text {
    match run {
        None => Text::new("absent", "not there"),
        Some(Run::Created) => Text::new("prêt à démarrer", "ready to start"),
        Some(Run::Starting) => Text::new("démarre", "is starting"),
        Some(Run::Healthy) => Text::new("va bien", "is well"),
        Some(Run::Unhealthy) => Text::new("ne va pas bien", "is not well"),
        Some(Run::Exited(0)) if one_shot => Text::new("a fini son travail", "has done its work"),
        Some(Run::Exited(code)) => Text::new(
            format!("s'est arrêté (code {code})"),
            format!("has ended (code {code})"),
        ),
    }
}

/// `lavoir ca`.
///
/// # Errors
/// When the daemon is away.
pub async fn ca(client: &Client, terminal: &Terminal) -> Result<(), End> {
    terminal.raw(&client.get_raw("/v1/ca").await?)
}

/// A moment, in universal time, to the minute.
pub(super) fn date(at: Timestamp) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    i64::try_from(at.0 / 1000)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|moment| moment.format(format).ok())
        .unwrap_or_else(|| at.0.to_string())
}
