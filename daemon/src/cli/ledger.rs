//! `lavoir ledger …`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anstyle::Style;
use lavoir_core::ledger::{Hash, Verifier, hex, read};
use lavoir_core::limits;
use lavoir_core::text::{Language, Message, Text};

use super::Lent;
use super::args::LedgerCommand;
use super::client::Client;
use super::end::End;
use super::sentences::sentence;
use super::show::date;
use super::terminal::{Terminal, visible};
use crate::api::wire::{ExportedEntry, LedgerPage, LedgerRoot};

const SQLITE: &[u8] = b"SQLite format 3\0";
/// A line of an export: an entry in base64, its hash, and what holds them.
const EXPORT_LINE_BYTES_MAX: usize = limits::ENTRY_BYTES_MAX / 3 * 4 + 1024;

/// One of them. `verify` needs no daemon.
///
/// # Errors
/// When it is refused, or the ledger is not sound.
pub async fn ledger(
    client: impl Fn() -> Result<Client, End>,
    terminal: &Terminal,
    command: &LedgerCommand,
    lent: &Lent,
) -> Result<(), End> {
    match command {
        LedgerCommand::Show { from, limit } => show(&client()?, terminal, *from, *limit).await,
        LedgerCommand::Export => export(&client()?, terminal).await,
        LedgerCommand::Verify { file } => verify(terminal, file, lent).await,
        // It needs no client, but the state folder.
        LedgerCommand::Repair { .. } => Err(End::not_here()),
    }
}

async fn show(
    client: &Client,
    terminal: &Terminal,
    mut from: u64,
    limit: Option<u64>,
) -> Result<(), End> {
    let mut left = limit.unwrap_or(u64::MAX);
    while left > 0 {
        let page = left.min(limits::LEDGER_PAGE_MAX);
        let path = format!("/v1/ledger?from={from}&limit={page}");
        let reply = client.get::<LedgerPage>(&path).await?;
        if terminal.json() {
            terminal.line(&String::from_utf8_lossy(&reply.raw))?;
        } else {
            for line in &reply.value.entries {
                terminal.line(&words(terminal, line.entry.get().as_bytes()))?;
            }
        }
        left = left.saturating_sub(reply.value.entries.len() as u64);
        match reply.value.next {
            Some(next) => from = next,
            None => break,
        }
    }
    Ok(())
}

fn words(terminal: &Terminal, bytes: &[u8]) -> String {
    match read(bytes) {
        Ok(entry) => format!(
            "{:>5}  {}  {}",
            entry.index,
            terminal.on_out(Style::new().dimmed(), &date(entry.time)),
            visible(terminal.say(&sentence(&entry)))
        ),
        Err(_) => terminal
            .pick(
                "(entrée d'une version plus récente de Lavoir)",
                "(an entry of a later version of Lavoir)",
            )
            .to_owned(),
    }
}

async fn export(client: &Client, terminal: &Terminal) -> Result<(), End> {
    let whole = client.get::<LedgerRoot>("/v1/ledger/root").await?.value;
    let mut lines = client.lines("/v1/ledger/export").await?;
    let mut count = 0u64;
    while let Some(line) = lines.next().await? {
        terminal.raw(&line)?;
        terminal.raw(b"\n")?;
        count += 1;
    }
    if count < whole.size {
        return Err(End::refused(
            "export-cut-short",
            Text::new(
                format!(
                    "L'export s'est arrêté à {count} entrées sur {}.",
                    whole.size
                ),
                format!("The export stopped at {count} of {} entries.", whole.size),
            ),
            Text::new("Recommencez.", "Try again."),
        ));
    }
    Ok(())
}

async fn verify(terminal: &Terminal, file: &Path, lent: &Lent) -> Result<(), End> {
    let mut opened = File::open(file).map_err(|error| cannot_open(file, &error))?;
    let mut head = Vec::new();
    opened
        .by_ref()
        .take(SQLITE.len() as u64)
        .read_to_end(&mut head)?;
    let mut verifier = Verifier::default();
    let checked = if head == SQLITE {
        let mut checked = Ok(());
        let mut tell = |bytes: &[u8], hash: &Hash| {
            checked = next(&mut verifier, bytes, hash);
            checked.is_ok()
        };
        (lent.read_database)(PathBuf::from(file), &mut tell).await?;
        checked
    } else {
        verify_export(BufReader::new(head.as_slice().chain(opened)), &mut verifier)
    };
    let (size, root) = (verifier.size(), hex(&verifier.root()));
    if terminal.json() {
        let report = serde_json::json!({
            "sound": checked.is_ok(), "size": size, "root": root, "damage": checked.as_ref().err(),
        });
        terminal.line(&report.to_string())?;
    } else if checked.is_ok() {
        terminal.line(&match terminal.language() {
            Language::Fr => format!("Le registre est intact : {size} entrées, racine {root}."),
            Language::En => format!("The ledger is intact: {size} entries, root {root}."),
        })?;
    }
    match checked {
        Ok(()) => Ok(()),
        Err(_) if terminal.json() => Err(End::Said),
        Err(message) => {
            terminal.message(&message);
            terminal.error_line(&match terminal.language() {
                Language::Fr => format!("Saines avant elle : {size} entrées, racine {root}."),
                Language::En => format!("Sound before it: {size} entries, root {root}."),
            });
            Err(End::Said)
        }
    }
}

fn next(verifier: &mut Verifier, bytes: &[u8], hash: &Hash) -> Result<(), Message> {
    let entry = verifier.next(bytes, hash);
    entry.map(|_| ()).map_err(|damage| damage.message())
}

/// Checks an exported ledger line by line.
///
/// # Errors
/// The first damage.
pub fn verify_export(
    mut lines: impl std::io::BufRead,
    verifier: &mut Verifier,
) -> Result<(), Message> {
    loop {
        let index = verifier.size();
        let mut line = Vec::new();
        let most = EXPORT_LINE_BYTES_MAX as u64;
        let read = lines.by_ref().take(most).read_until(b'\n', &mut line);
        match read {
            Ok(0) => return Ok(()),
            Ok(_) if line.trim_ascii().is_empty() => continue,
            Ok(_) => {}
            Err(error) => return Err(no_line(index, &error)),
        }
        let exported: ExportedEntry =
            serde_json::from_slice(&line).map_err(|error| no_line(index, &error))?;
        let (bytes, hash) = exported
            .read()
            .ok_or_else(|| no_line(index, &"base64, hex"))?;
        next(verifier, &bytes, &hash)?;
    }
}

fn no_line(index: u64, error: &dyn std::fmt::Display) -> Message {
    Message {
        code: "ledger-line-unreadable".to_owned(),
        sentence: Text::new(
            format!("La ligne de l'entrée {index} ne se lit pas ({error})."),
            format!("The line of entry {index} cannot be read ({error})."),
        ),
        next_step: Text::new(
            "Donnez un fichier fait par « lavoir ledger export », ou le lavoir.db d'une machine.",
            "Give a file made by “lavoir ledger export”, or a box's lavoir.db.",
        ),
    }
}

fn cannot_open(file: &Path, error: &std::io::Error) -> End {
    let file = file.display();
    End::refused(
        "ledger-file",
        Text::new(
            format!("Le fichier {file} ne s'ouvre pas ({error})."),
            format!("The file {file} cannot be opened ({error})."),
        ),
        Text::new(
            "Vérifiez son nom et ses droits.",
            "Check its name and its rights.",
        ),
    )
}
