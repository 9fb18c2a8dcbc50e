//! `lavoir ledger repair`.

use lavoir_core::ledger::hex;
use lavoir_core::text::Text;

use super::Lent;
use super::end::End;
use super::show::date;
use super::terminal::{Terminal, visible};
use crate::config::Config;
use crate::repair::Findings;

/// Shows what is damaged and what would be done, asks, and does it.
///
/// # Errors
/// When a daemon is at work, nobody says yes, or it does not come to its end.
pub async fn repair(
    terminal: &Terminal,
    config: Config,
    yes: bool,
    lent: &Lent,
) -> Result<(), End> {
    let looked = (lent.look_at_state)(config).await?;
    let findings = looked.findings().clone();
    let Some(damage) = &findings.damage else {
        if terminal.json() {
            return report(terminal, &findings, None);
        }
        return terminal.line(&format!(
            "{} {}",
            terminal.pick(
                "Rien n'est endommagé, rien n'a été changé.",
                "Nothing is damaged; nothing was changed."
            ),
            terminal.say(&kept(&findings))
        ));
    };
    if !terminal.json() {
        terminal.error_line(&visible(terminal.say(&damage.sentence)));
        terminal.error_line(terminal.say(&kept(&findings)));
        terminal.error_line(terminal.say(&plan(&findings)));
    }
    if !yes {
        agree(terminal)?;
    }
    let aside = looked.mend((lent.now)()).await?;
    if terminal.json() {
        return report(terminal, &findings, Some(&aside));
    }
    let aside = aside.display();
    terminal.line(&match terminal.language() {
        lavoir_core::text::Language::Fr => {
            format!("Le registre est réparé. L'ancien est gardé dans {aside}. Redémarrez le démon.")
        }
        lavoir_core::text::Language::En => {
            format!(
                "The ledger is repaired. The old one is kept in {aside}. Start the daemon again."
            )
        }
    })
}

fn kept(findings: &Findings) -> Text {
    let (count, root, at) = (findings.kept, hex(&findings.root), date(findings.last_time));
    Text::new(
        format!("Saines : {count} entrées, jusqu'au {at}, racine {root}."),
        format!("Sound: {count} entries, up to {at}, root {root}."),
    )
}

fn plan(findings: &Findings) -> Text {
    let (kept, aside) = (findings.kept, findings.set_aside);
    Text::new(
        format!(
            "Un nouveau registre aura ces {kept} entrées, et une de plus qui dit cette réparation. {aside} entrées sont mises de côté : ce qu'elles décidaient est à décider de nouveau. \
             Comptes et mots de passe restent ; sessions et jetons prennent fin. Ni service ni volume n'est touché ; un service ou une mise à jour que le registre ne connaît plus reprend ses données quand on l'installe ou le met à jour de nouveau. \
             Le fichier endommagé est gardé, jamais effacé."
        ),
        format!(
            "A new ledger will have these {kept} entries, and one more that tells of this repair. {aside} entries are set aside: what they decided is to be decided again. \
             Accounts and passwords stay; sessions and tokens end. No app and no volume is touched; an app or an update that the ledger no longer knows takes its data up again when it is installed or updated again. \
             The damaged file is kept, never deleted."
        ),
    )
}

fn agree(terminal: &Terminal) -> Result<(), End> {
    if !terminal.asks() || terminal.json() {
        return Err(End::not_understood(
            "not-confirmed",
            Text::new("Rien n'est fait.", "Nothing was done."),
            Text::new(
                "Personne n'est là pour confirmer : ajoutez --yes si c'est bien ce que vous voulez.",
                "Nobody is there to confirm: add --yes if this is what you want.",
            ),
        ));
    }
    if terminal.confirm(terminal.pick("Continuer ? oui/non [non] >", "Go on? yes/no [no] >"))? {
        return Ok(());
    }
    Err(End::refused(
        "not-confirmed",
        Text::new("Rien n'est fait.", "Nothing was done."),
        Text::new("Tout reste comme avant.", "All stays as it was."),
    ))
}

fn report(
    terminal: &Terminal,
    findings: &Findings,
    aside: Option<&std::path::Path>,
) -> Result<(), End> {
    let report = serde_json::json!({
        "sound": findings.damage.is_none(),
        "repaired": aside.is_some(),
        "kept": findings.kept,
        "root": hex(&findings.root),
        "set_aside": findings.set_aside,
        "damage": findings.damage,
        "damaged_file_in": aside,
    });
    terminal.line(&report.to_string())
}
