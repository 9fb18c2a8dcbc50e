//! A damaged database file: what of it is sound, and a fresh one in its place. The damaged one is only ever copied and,
//! at the end, put aside; at each moment the old or the new one is there, whole.
//!
//! Beside `lavoir.db`: `repairing/` while the new one is made; `repaired-DATE/` once it is checked, from when on it will
//! take its place, if not now then at the next start; `damaged-DATE/` with the old one and its side file.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt as _;
use lavoir_core::event::Event;
use lavoir_core::id::Timestamp;
use lavoir_core::ledger::{Damage, Hash, Unreadable, Verifier, read};
use lavoir_core::text::{Message, Text};
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};

use super::{Sqlite, entry, newer};
use crate::adapter::durable;
use crate::ports::{Answer, Fault};
use crate::repair::{self, Findings, cannot, nothing_sound};

/// Numbers that an entry which cannot be read may have given.
const NUMBERS_SPARED: u64 = 1_000_000;
/// Tables that are not taken over: entries have a way of their own, and what lets people and programs in may have been
/// ended by what is set aside.
const NOT_TAKEN: [&str; 4] = ["ledger", "_sqlx_migrations", "session", "token"];

/// Told before each step that changes something; an error stops there.
pub type Told<'a> = &'a (dyn Fn(&str) -> io::Result<()> + Sync);

/// A database file and what was found in a copy of it.
pub struct Damaged {
    file: PathBuf,
    copy: SqlitePool,
    findings: Findings,
}

impl Drop for Damaged {
    /// What was not put in place is of no use.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(folder_of(&self.file).join("repairing"));
    }
}

impl Damaged {
    /// What was found.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Makes the sound one and puts it in place; the folder in which the damaged one is kept.
    ///
    /// # Errors
    /// When anything fails; the damaged one is then where it was, or this is ended at the next start.
    pub async fn mend(self, now: Timestamp, told: Told<'_>) -> Answer<PathBuf> {
        let folder = folder_of(&self.file);
        let work = folder.join("repairing");
        let made = self.make(&work.join("lavoir.db"), now, told).await;
        self.copy.close().await;
        made?;
        let place = place_from(folder, now);
        let commit = || -> io::Result<()> {
            for copied in ["copy.db", "copy.db-wal", "copy.db-shm"] {
                remove(&work.join(copied))?;
            }
            File::open(work.join("lavoir.db"))?.sync_all()?;
            File::open(&work)?.sync_all()?;
            told("commit")?;
            fs::rename(&work, folder.join(format!("repaired-{place}")))?;
            File::open(folder)?.sync_all()?;
            finish(&self.file, told)
        };
        commit().map_err(|error| cannot(&error))?;
        Ok(folder.join(format!("damaged-{place}")))
    }

    async fn make(&self, new: &Path, now: Timestamp, told: Told<'_>) -> Answer<()> {
        let io = |error: io::Error| cannot(&error);
        let sql = |error: sqlx::Error| cannot(&error);
        told("make").map_err(io)?;
        let pool = Sqlite::connect(new).await?;
        let (bytes, hash) = repair::entry(&self.findings, now)?;
        let mut one = pool.acquire().await.map_err(sql)?;
        let kept = self.keep_entries(&mut one, (&bytes, &hash)).await;
        kept.map_err(sql)?;
        told("tables").map_err(io)?;
        let old = folder_of(new).join("copy.db");
        take_tables(&mut one, &old).await.map_err(sql)?;
        drop(one);
        told("check").map_err(io)?;
        let whole = whole(&pool).await.map_err(sql)?;
        pool.close().await;
        let (size, root) = self.after(&hash);
        if whole != (size, root) || new.with_extension("db-wal").exists() {
            return Err(cannot(&"the new file is not as it was meant to be"));
        }
        Ok(())
    }

    /// Size and root with the entry that says so.
    fn after(&self, last: &Hash) -> (u64, Option<Hash>) {
        (self.findings.kept + 1, Some(*last))
    }

    async fn keep_entries(
        &self,
        new: &mut SqliteConnection,
        last: (&[u8], &Hash),
    ) -> sqlx::Result<()> {
        let insert = "INSERT INTO ledger (entry, bytes, hash) VALUES (?, ?, ?)";
        sqlx::query("BEGIN").execute(&mut *new).await?;
        let mut rows = sqlx::query("SELECT entry, bytes, hash FROM ledger ORDER BY entry LIMIT ?")
            .bind(number(self.findings.kept))
            .fetch(&self.copy);
        while let Some(row) = rows.try_next().await? {
            sqlx::query(insert)
                .bind(row.try_get::<i64, _>("entry")?)
                .bind(row.try_get::<Vec<u8>, _>("bytes")?)
                .bind(row.try_get::<Vec<u8>, _>("hash")?)
                .execute(&mut *new)
                .await?;
        }
        sqlx::query(insert)
            .bind(number(self.findings.kept))
            .bind(last.0)
            .bind(last.1.as_slice())
            .execute(&mut *new)
            .await?;
        sqlx::query("COMMIT").execute(&mut *new).await?;
        Ok(())
    }
}

/// Looks at a database file through a copy of it; nothing is changed. None but the caller may work on its folder.
///
/// # Errors
/// When nothing of it can be read, it belongs to a newer version, or the copy cannot be made.
pub async fn look(file: &Path) -> Answer<Damaged> {
    let io = |error: io::Error| cannot(&error);
    finish(file, &|_| Ok(())).map_err(io)?;
    let size = match fs::metadata(file) {
        Ok(found) if found.len() > 0 => found.len(),
        _ => return Err(nothing_sound(&format!("{}: 0", file.display()))),
    };
    let work = folder_of(file).join("repairing");
    if work.exists() {
        fs::remove_dir_all(&work).map_err(io)?;
    }
    durable::make_folder(&work).map_err(io)?;
    let copied = work.join("copy.db");
    fs::copy(file, &copied).map_err(io)?;
    let log = side(file, "-wal");
    if log.exists() {
        fs::copy(log, side(&copied, "-wal")).map_err(io)?;
    }
    let looked = look_at(&copied, size).await;
    if !matches!(&looked, Ok((_, findings)) if findings.damage.is_some()) {
        let _ = fs::remove_dir_all(&work);
    }
    let (copy, findings) = looked?;
    Ok(Damaged {
        file: file.to_owned(),
        copy,
        findings,
    })
}

async fn look_at(copied: &Path, size: u64) -> Answer<(SqlitePool, Findings)> {
    let nothing = |error: sqlx::Error| nothing_sound(&error);
    let options = SqliteConnectOptions::new()
        .filename(copied)
        .create_if_missing(false)
        // Read even when the file is shorter than it says: SQLite's own way of recovering one.
        .pragma("writable_schema", "ON");
    let pool = SqlitePoolOptions::new().max_connections(1);
    let copy = pool.connect_with(options).await.map_err(nothing)?;
    let version = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations");
    let version: Option<i64> = version.fetch_one(&copy).await.unwrap_or_default();
    let ours = sqlx::migrate!().iter().map(|step| step.version).max();
    if version > ours {
        return Err(newer());
    }
    let read = read_rows(&copy).await?;
    if read.sound.size == 0 {
        let why = read.damage.map(|damage| damage.sentence.en);
        return Err(nothing_sound(&why.unwrap_or_else(|| "0".to_owned())));
    }
    let mut damage = read.damage;
    if damage.is_none() {
        damage = check(copied).await.err();
    }
    // No row takes less.
    let most = size / 64;
    let set_aside = match &damage {
        Some(_) => read.after.max(read.last.min(most)),
        None => 0,
    };
    let end = read.sound.size.saturating_add(set_aside);
    let spared = if read.unread { NUMBERS_SPARED } else { 0 };
    let findings = Findings {
        damage,
        kept: read.sound.size,
        root: read.sound.root,
        last_time: read.sound.time,
        set_aside,
        numbers_from: end.saturating_add(read.numbers).saturating_add(spared),
    };
    Ok((copy, findings))
}

/// The ledger up to somewhere.
#[derive(Clone, Copy)]
struct Sound {
    size: u64,
    root: Hash,
    time: Timestamp,
}

/// What reading all rows came to.
struct Read {
    sound: Sound,
    damage: Option<Message>,
    /// Rows from the first bad one on that could be read.
    after: u64,
    /// By their numbers, there should be so many more than the sound ones.
    last: u64,
    /// Numbers that earlier repairs had given and that are set aside with them.
    numbers: u64,
    /// Some row could not be read as an entry.
    unread: bool,
}

async fn read_rows(copy: &SqlitePool) -> Answer<Read> {
    let mut verifier = Verifier::default();
    let start = Sound {
        size: 0,
        root: verifier.root(),
        time: Timestamp(0),
    };
    let (mut sound, mut before) = (start, start);
    let mut read_so_far = Read {
        sound,
        damage: None,
        after: 0,
        last: 0,
        numbers: 0,
        unread: false,
    };
    let mut rows = sqlx::query("SELECT entry, bytes, hash FROM ledger ORDER BY entry").fetch(copy);
    loop {
        let row = match rows.try_next().await {
            Ok(Some(row)) => row,
            Ok(None) => break,
            Err(error) if sound.size == 0 => return Err(nothing_sound(&error)),
            Err(error) => {
                read_so_far.unread = true;
                let reason = Unreadable::Malformed {
                    reason: error.to_string(),
                };
                let index = sound.size;
                let damage = Damage::Unreadable { index, reason };
                read_so_far.damage.get_or_insert(damage.message());
                break;
            }
        };
        let place: i64 = row.try_get("entry").unwrap_or(-1);
        let (bytes, hash) = entry(&row)?;
        if read_so_far.damage.is_none() {
            let index = sound.size;
            let found = u64::try_from(place).unwrap_or(u64::MAX);
            let checked = match found == index {
                true => verifier.next(&bytes, &hash),
                false => Err(Damage::OutOfPlace { index, found }),
            };
            match checked {
                Ok(entry) => {
                    before = sound;
                    sound = Sound {
                        size: verifier.size(),
                        root: verifier.root(),
                        time: entry.time,
                    };
                    continue;
                }
                Err(damage) => {
                    if matches!(
                        &damage,
                        Damage::Unreadable {
                            reason: Unreadable::Newer { .. },
                            ..
                        }
                    ) {
                        let message = damage.message();
                        return Err(fault(message));
                    }
                    if damage.sound_before() < sound.size {
                        // The one before was rewritten: it is set aside too.
                        sound = before;
                        read_so_far.after += 1;
                    }
                    read_so_far.damage = Some(damage.message());
                }
            }
        }
        read_so_far.after += 1;
        match read(&bytes) {
            Ok(entry) => {
                for event in &entry.events {
                    if let Event::LedgerRepaired { numbers_from, .. } = event {
                        let so_far = read_so_far.numbers;
                        read_so_far.numbers = so_far.saturating_add(*numbers_from);
                    }
                }
            }
            Err(_) => read_so_far.unread = true,
        }
    }
    drop(rows);
    read_so_far.sound = sound;
    let last: Option<i64> = sqlx::query_scalar("SELECT max(entry) FROM ledger")
        .fetch_one(copy)
        .await
        .unwrap_or_default();
    let end = u64::try_from(last.unwrap_or(-1).saturating_add(1)).unwrap_or(0);
    read_so_far.last = end.saturating_sub(sound.size);
    Ok(read_so_far)
}

fn fault(message: Message) -> Fault {
    Fault::lasting(&message.code, message.sentence, message.next_step)
}

/// All entries are sound; is the file, too, when it is read as the daemon does?
async fn check(copied: &Path) -> Result<(), Message> {
    let told = async {
        let pool = SqlitePoolOptions::new().max_connections(1);
        let options = SqliteConnectOptions::new().filename(copied);
        let plain = pool.connect_with(options).await?;
        let told = sqlx::query_scalar("PRAGMA integrity_check(1)");
        let told: String = told.fetch_one(&plain).await?;
        plain.close().await;
        Ok(told)
    };
    let told: sqlx::Result<String> = told.await;
    let why = match told {
        Ok(told) if told == "ok" => return Ok(()),
        Ok(told) => told,
        Err(error) => error.to_string(),
    };
    Err(Message {
        code: "database-damaged".to_owned(),
        sentence: Text::new(
            format!(
                "Les entrées du registre sont saines, mais le fichier est endommagé ailleurs ({why})."
            ),
            format!("The ledger's entries are sound, but the file is damaged elsewhere ({why})."),
        ),
        next_step: Text::new(
            "« lavoir ledger repair » en fait un fichier sain.",
            "“lavoir ledger repair” makes a sound file of it.",
        ),
    })
}

/// All that can be read of the other tables.
async fn take_tables(new: &mut SqliteConnection, old: &Path) -> sqlx::Result<()> {
    for setting in ["foreign_keys = OFF", "writable_schema = ON"] {
        let set = sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {setting}")));
        set.execute(&mut *new).await?;
    }
    let attach = sqlx::query("ATTACH ? AS old").bind(old.to_string_lossy().into_owned());
    attach.execute(&mut *new).await?;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
    .fetch_all(&mut *new)
    .await?;
    for table in tables.iter().filter(|name| !NOT_TAKEN.contains(&&***name)) {
        if let Err(error) = take_table(new, table).await {
            tracing::warn!(table, %error, "could not be taken over whole");
        }
    }
    // A row without the one that it belongs to is of no use.
    let orphans = sqlx::query("PRAGMA main.foreign_key_check")
        .fetch_all(&mut *new)
        .await?;
    for orphan in orphans {
        let (table, row): (String, i64) = (orphan.try_get(0)?, orphan.try_get(1)?);
        let away = format!("DELETE FROM main.\"{table}\" WHERE rowid = ?");
        sqlx::query(sqlx::AssertSqlSafe(away))
            .bind(row)
            .execute(&mut *new)
            .await?;
    }
    sqlx::query("DETACH old").execute(&mut *new).await?;
    Ok(())
}

/// Row by row, in the columns that both have, until one cannot be read.
async fn take_table(new: &mut SqliteConnection, table: &str) -> sqlx::Result<()> {
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT n.name FROM pragma_table_info(?1, 'main') n JOIN pragma_table_info(?1, 'old') o ON o.name = n.name",
    )
    .bind(table)
    .fetch_all(&mut *new)
    .await?;
    if columns.is_empty() {
        return Ok(());
    }
    let columns = columns.join("\", \"");
    let take = format!(
        "INSERT OR IGNORE INTO main.\"{table}\" (\"{columns}\") SELECT \"{columns}\" FROM old.\"{table}\" WHERE rowid = ?"
    );
    let next = format!("SELECT min(rowid) FROM old.\"{table}\" WHERE rowid > ?");
    let mut row = i64::MIN;
    loop {
        let found: Option<i64> = sqlx::query_scalar(sqlx::AssertSqlSafe(next.as_str()))
            .bind(row)
            .fetch_one(&mut *new)
            .await?;
        let Some(found) = found else {
            return Ok(());
        };
        row = found;
        sqlx::query(sqlx::AssertSqlSafe(take.as_str()))
            .bind(row)
            .execute(&mut *new)
            .await?;
    }
}

/// The file checked, and its ledger from the first entry to the last: how many, and the last one's hash.
async fn whole(pool: &SqlitePool) -> sqlx::Result<(u64, Option<Hash>)> {
    let told: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(pool)
        .await?;
    let mut verifier = Verifier::default();
    let mut last = None;
    let mut rows = sqlx::query("SELECT bytes, hash FROM ledger ORDER BY entry").fetch(pool);
    while let Some(row) = rows.try_next().await? {
        let unsound = |why: String| sqlx::Error::Protocol(why);
        let (bytes, hash) = entry(&row).map_err(|fault| unsound(fault.to_string()))?;
        let next = verifier.next(&bytes, &hash);
        next.map_err(|damage| unsound(damage.message().sentence.en))?;
        last = Some(hash);
    }
    match told == "ok" {
        true => Ok((verifier.size(), last)),
        false => Err(sqlx::Error::Protocol(told)),
    }
}

/// Ends a repair whose new file was made and checked: puts the damaged one aside and the sound one in its place. Safe to
/// repeat from wherever it was cut; to be called before the file is opened.
///
/// # Errors
/// As the file system says; then it is to be tried again.
pub fn finish(file: &Path, told: Told<'_>) -> io::Result<()> {
    let folder = folder_of(file);
    let Ok(beside) = fs::read_dir(folder) else {
        return Ok(());
    };
    for found in beside {
        let made = found?.path();
        let name = made.file_name().and_then(|name| name.to_str());
        let Some(place) = name.and_then(|name| name.strip_prefix("repaired-")) else {
            continue;
        };
        let new = made.join("lavoir.db");
        if new.exists() {
            let aside = folder.join(format!("damaged-{place}"));
            durable::make_folder(&aside)?;
            told("aside")?;
            for old in [side(file, "-wal"), file.to_owned()] {
                if let (true, Some(name)) = (old.exists(), old.file_name()) {
                    put_aside(&old, &aside.join(name))?;
                }
            }
            File::open(&aside)?.sync_all()?;
            File::open(folder)?.sync_all()?;
            // The old one's log must not be taken for the new one's.
            told("log")?;
            remove(&side(file, "-wal"))?;
            remove(&side(file, "-shm"))?;
            File::open(folder)?.sync_all()?;
            told("place")?;
            fs::rename(&new, file)?;
            File::open(folder)?.sync_all()?;
        }
        told("tidy")?;
        fs::remove_dir_all(&made)?;
    }
    Ok(())
}

/// The same file under a second name, or a copy where there cannot be one.
fn put_aside(old: &Path, aside: &Path) -> io::Result<()> {
    if aside.exists() || fs::hard_link(old, aside).is_ok() {
        return Ok(());
    }
    let part = side(aside, ".part");
    fs::copy(old, &part)?;
    File::open(&part)?.sync_all()?;
    fs::rename(part, aside)
}

/// A part of names that nothing has yet: the date, and a number where there were others on it.
fn place_from(folder: &Path, now: Timestamp) -> String {
    let seconds = i64::try_from(now.0 / 1_000).unwrap_or(i64::MAX);
    let date = time::OffsetDateTime::from_unix_timestamp(seconds)
        .map(|time| time.date().to_string())
        .unwrap_or_default();
    let taken = |place: &String| {
        let there = |what: &str| folder.join(format!("{what}-{place}")).exists();
        there("damaged") || there("repaired")
    };
    let numbered = (2..).map(|n: u32| format!("{date}-{n}"));
    let mut places = std::iter::once(date.clone()).chain(numbered);
    places.find(|place| !taken(place)).unwrap_or(date)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("."))
}

fn side(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
