//! The ledger in SQLite: write-ahead log, every commit on the disk before it returns. The private table beside it.

mod private;
pub mod repair;
mod reserve;
mod whole;

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr as _;

use lavoir_core::ledger::Hash;
use lavoir_core::text::Text;
use sqlx::Row as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};

use crate::ports::{Answer, Fault, LedgerStore};
use reserve::Reserve;
pub use whole::WholeState;

/// The box's database file.
pub struct Sqlite {
    pool: SqlitePool,
    reserve: Reserve,
}

impl Sqlite {
    /// Opens the file, makes it where there is none, and brings it to the present format.
    ///
    /// # Errors
    /// When it cannot be opened, is no database, or was written by a newer version.
    pub async fn open(file: &Path) -> Answer<Self> {
        let pool = Self::connect(file).await?;
        let reserve = Reserve::new(file.with_extension("reserve"));
        reserve.keep();
        Ok(Self { pool, reserve })
    }

    async fn connect(file: &Path) -> Answer<SqlitePool> {
        // Root's own from its first moment; SQLite gives its side files the same mode.
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(file)
            .map_err(cannot_open)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .connect_with(options)
            .await
            .map_err(cannot_open)?;
        sqlx::migrate!()
            .run(&pool)
            .await
            .map_err(|error| match error {
                sqlx::migrate::MigrateError::VersionMissing(_)
                | sqlx::migrate::MigrateError::VersionTooNew(..) => newer(),
                other => cannot_open(other),
            })?;
        Ok(pool)
    }

    /// Brings everything into the one file and lets go of it; nothing is lost without this.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Opens a file to read it only, as it is; for `lavoir ledger verify`.
    ///
    /// # Errors
    /// When it is no database of ours.
    pub async fn open_to_read(file: &Path) -> Answer<Self> {
        let url = format!("sqlite://{}?mode=ro", file.display());
        let options = SqliteConnectOptions::from_str(&url).map_err(cannot_open)?;
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(cannot_open)?;
        let reserve = Reserve::new(file.with_extension("reserve"));
        Ok(Self { pool, reserve })
    }
}

impl LedgerStore for Sqlite {
    async fn read_from(&self, from: u64, count: u64) -> Answer<Vec<(Vec<u8>, Hash)>> {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let rows =
            sqlx::query("SELECT bytes, hash FROM ledger WHERE entry >= ? ORDER BY entry LIMIT ?")
                .bind(number(from))
                .bind(number(count))
                .fetch_all(&self.pool)
                .await
                .map_err(cannot_open)?;
        rows.iter().map(entry).collect()
    }

    async fn append(&self, index: u64, bytes: &[u8], hash: &Hash) -> Answer<()> {
        let index = i64::try_from(index).map_err(cannot_open)?;
        let insert = || {
            sqlx::query("INSERT INTO ledger (entry, bytes, hash) VALUES (?, ?, ?)")
                .bind(index)
                .bind(bytes)
                .bind(hash.as_slice())
                .execute(&self.pool)
        };
        match insert().await {
            Ok(_) => self.reserve.keep(),
            Err(error) if is_full(&error) && self.reserve.spend() => {
                tracing::warn!("the disk is full; the room kept for the ledger is taken");
                insert().await.map_err(cannot_write)?;
            }
            Err(error) => return Err(cannot_write(error)),
        }
        Ok(())
    }
}

fn entry(row: &SqliteRow) -> Answer<(Vec<u8>, Hash)> {
    let bytes: Vec<u8> = row.try_get("bytes").map_err(cannot_open)?;
    let hash: Vec<u8> = row.try_get("hash").map_err(cannot_open)?;
    // A hash of another length matches no bytes: the verifier names the entry.
    let hash = Hash::try_from(hash.as_slice()).unwrap_or([0; 32]);
    Ok((bytes, hash))
}

/// SQLITE_FULL.
fn is_full(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|e| e.code());
    matches!(code.as_deref(), Some("13"))
}

fn cannot_open(error: impl std::fmt::Display) -> Fault {
    Fault::lasting(
        "ledger-cannot-open",
        Text::new(
            format!("Le registre ne s'ouvre pas ({error})."),
            format!("The ledger cannot be opened ({error})."),
        ),
        Text::new(
            "Vérifiez le disque et les droits du dossier d'état. Si le fichier est endommagé, « lavoir ledger repair », démon arrêté, en garde ce qui est sain.",
            "Check the disk and the permissions of the state folder. If the file is damaged, “lavoir ledger repair”, with the daemon stopped, keeps what is sound of it.",
        ),
    )
}

fn cannot_write(error: sqlx::Error) -> Fault {
    let next_step = match is_full(&error) {
        true => Text::new(
            "Faites de la place sur le disque, puis redemandez.",
            "Make room on the disk, then ask again.",
        ),
        false => Text::new(
            "Le disque est peut-être en panne, ou passé en lecture seule : voyez « dmesg » et « mount », sauvez le dossier d'état, puis redémarrez la machine. Les services continuent.",
            "The disk may be failing, or have turned read-only: see “dmesg” and “mount”, save the state folder, then restart the box. The apps go on.",
        ),
    };
    Fault::lasting(
        "ledger-cannot-write",
        Text::new(
            format!("Le registre ne peut pas être écrit ({error})."),
            format!("The ledger cannot be written ({error})."),
        ),
        next_step,
    )
}

fn newer() -> Fault {
    Fault::lasting(
        "state-newer",
        Text::new(
            "Le dossier d'état a été écrit par une version plus récente de Lavoir.",
            "The state folder was written by a newer version of Lavoir.",
        ),
        Text::new(
            "Installez la version actuelle de Lavoir.",
            "Install the current version of Lavoir.",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use lavoir_core::ledger::leaf_hash;

    #[tokio::test]
    async fn keeps_entries_and_refuses_to_change_them() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("lavoir.db");
        let store = Sqlite::open(&file).await?;
        for index in 0..3u64 {
            let bytes = vec![u8::try_from(index)?];
            store.append(index, &bytes, &leaf_hash(&bytes)).await?;
        }
        for statement in [
            "UPDATE ledger SET bytes = x'00' WHERE entry = 1",
            "DELETE FROM ledger WHERE entry = 2",
            "REPLACE INTO ledger VALUES (1, x'00', zeroblob(32))",
            "INSERT INTO ledger VALUES (7, x'00', zeroblob(32))",
        ] {
            assert!(
                sqlx::query(statement).execute(&store.pool).await.is_err(),
                "{statement}"
            );
        }
        assert!(
            store
                .append(2, b"again", &leaf_hash(b"again"))
                .await
                .is_err()
        );
        let mode = |file: &Path| {
            use std::os::unix::fs::PermissionsExt as _;
            fs::metadata(file).map(|found| found.permissions().mode() & 0o777)
        };
        assert_eq!(mode(&file)?, 0o600);
        assert_eq!(mode(&dir.path().join("lavoir.db-wal"))?, 0o600);
        store.close().await;
        assert!(!dir.path().join("lavoir.db-wal").exists());
        let again = Sqlite::open(&file).await?.read_from(0, 9).await?;
        assert_eq!(again.len(), 3);
        assert_eq!(again[2], (vec![2], leaf_hash(&[2])));
        let store = Sqlite::open(&file).await?;
        for (from, count, expected) in [
            (0, 2, &again[..2]),
            (1, 9, &again[1..]),
            (2, 1, &again[2..]),
            (3, 9, &[]),
            (u64::MAX, u64::MAX, &[]),
        ] {
            assert_eq!(store.read_from(from, count).await?, expected);
        }
        let mode: String = {
            let pool = Sqlite::open(&file).await?.pool;
            sqlx::query_scalar("PRAGMA journal_mode")
                .fetch_one(&pool)
                .await?
        };
        assert_eq!(mode, "wal");
        Ok(())
    }
}
