//! `lavoir token …` and `lavoir setup-code`: who may come in.

use lavoir_core::account::Scope;
use lavoir_core::limits;
use lavoir_core::text::Text;

use super::args::{TokenCommand, TokenScope};
use super::client::Client;
use super::end::End;
use super::show::date;
use super::terminal::{Terminal, visible};
use crate::accounts::{NewToken, TokenCard};
use crate::api::wire::{MadeToken, SetupCode};

/// One of them.
///
/// # Errors
/// When the daemon is away or says no.
pub async fn token(
    client: &Client,
    terminal: &Terminal,
    command: &TokenCommand,
) -> Result<(), End> {
    match command {
        TokenCommand::Create { label, scope, days } => {
            let asked = NewToken {
                label: label.clone(),
                scope: match scope {
                    TokenScope::Read => Scope::Read,
                    TokenScope::Act => Scope::Act,
                },
                days: *days,
            };
            let reply = client.post::<MadeToken>("/v1/tokens", &asked).await?;
            if terminal.json() {
                return terminal.line(&String::from_utf8_lossy(&reply.raw));
            }
            let made = reply.value;
            terminal.error_line(terminal.pick(
                "Le jeton n'est montré que maintenant ; gardez-le comme un mot de passe.",
                "The token is shown now and never again; keep it like a password.",
            ));
            terminal.line(&visible(&made.key))
        }
        TokenCommand::List => {
            let reply = client.get::<Vec<TokenCard>>("/v1/tokens").await?;
            if terminal.json() {
                return terminal.line(&String::from_utf8_lossy(&reply.raw));
            }
            if reply.value.is_empty() {
                return terminal.line(terminal.pick("Aucun jeton.", "No token."));
            }
            for card in &reply.value {
                terminal.line(&row(terminal, card))?;
            }
            Ok(())
        }
        TokenCommand::Revoke { token } => {
            client.delete(&format!("/v1/tokens/{token}")).await?;
            terminal.line(terminal.say(&Text::new(
                format!("Le jeton {token} a pris fin."),
                format!("Token {token} has ended."),
            )))
        }
    }
}

fn row(terminal: &Terminal, card: &TokenCard) -> String {
    let scope = match card.scope {
        Scope::Read => terminal.pick("lire", "read"),
        Scope::Act => terminal.pick("agir", "act"),
    };
    let used = match card.last_used {
        Some(at) => format!("{} {}", terminal.pick("servi", "used"), date(at)),
        None => terminal.pick("jamais servi", "never used").to_owned(),
    };
    format!(
        "{:>3}  {scope:5}  {} {}  {used}  {}",
        card.token.0,
        terminal.pick("jusqu'au", "until"),
        date(card.until),
        visible(&card.label)
    )
}

/// `lavoir setup-code`: the code alone on standard output, the rest beside it.
///
/// # Errors
/// When the daemon is away.
pub async fn setup_code(client: &Client, terminal: &Terminal, new: bool) -> Result<(), End> {
    let path = "/v1/setup-code";
    let reply = match new {
        true => client.post::<SetupCode>(path, &()).await?,
        false => client.get::<SetupCode>(path).await?,
    };
    if terminal.json() {
        return terminal.line(&String::from_utf8_lossy(&reply.raw));
    }
    let SetupCode { code, account } = reply.value;
    match (&code, &account) {
        (Some(_), Some(name)) => terminal.error_line(&visible(terminal.say(&Text::new(
            format!("Donne un nouveau mot de passe au compte « {name} », une seule fois :"),
            format!("Gives the account “{name}” a new password, once:"),
        )))),
        (None, _) => terminal.error_line(terminal.pick(
            "Le code de mise en route a servi. Mot de passe perdu : « lavoir setup-code --new ».",
            "The set-up code was used. Password lost: “lavoir setup-code --new”.",
        )),
        (Some(_), None) => {}
    }
    match code {
        Some(code) => terminal.line(&visible(&code)),
        None => Ok(()),
    }
}

/// The longest that a token lasts, for the help.
pub(super) const DAYS_MAX: i64 = (limits::TOKEN_LIFE_MS_MAX / limits::DAY_MS) as i64;
