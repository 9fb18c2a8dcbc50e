//! A ledger of a few hundred entries.

use lavoir_core::text::Text;
use lavoir_web_admin::admin::*;

use super::House;

pub fn page(house: &House, asked: &LedgerAsked) -> Result<LedgerPage, No> {
    let size = 392_u64;
    let from = asked.before.unwrap_or(size).min(size);
    let wanted = asked
        .words
        .as_ref()
        .map(|(_, words)| words.clone())
        .unwrap_or_default();
    if wanted == "introuvable" {
        return Ok(LedgerPage {
            size,
            root: "ab".repeat(32),
            ..LedgerPage::default()
        });
    }
    let lines: Vec<LedgerLine> = (from.saturating_sub(asked.limit as u64)..from)
                .rev()
                .map(|index| match index % 4 {
                    0 => house.line(index, Text::new("Camille Le Goff installe « blog » : WordPress 6.8.12-1, sur blog.verger.example.", "Camille Le Goff installs “blog”: WordPress 6.8.12-1, at blog.verger.example."), EntryKind::Decisions),
                    1 => house.line(index, Text::new("La machine a fait pour « blog » ce que dit la ligne 390.", "The box has done for “blog” what line 390 says."), EntryKind::Settled),
                    2 => house.line(index, Text::new("Camille Le Goff lit le secret « admin_password » de « blog ».", "Camille Le Goff reads the secret “admin_password” of “blog”."), EntryKind::Secrets),
                    _ => house.line(index, Text::new("La machine n'a pas pu faire pour « fichiers » ce que dit la ligne 12 : vérifier que le service répond (no-answer).", "The box could not do for “fichiers” what line 12 says: check that the app answers (no-answer)."), EntryKind::Failed),
                })
                .collect();
    let older = lines
        .last()
        .map(|line| line.index)
        .filter(|index| *index > 0);
    Ok(LedgerPage {
        size,
        root: "ab".repeat(32),
        lines,
        older,
    })
}
