//! The box's own state as files that can be saved: a whole copy of the database, made by SQLite itself, beside the
//! folders that only the box knows.

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqlitePool;

use super::{Sqlite, cannot_write};
use crate::adapter::durable;
use crate::ports::{Answer, Fault, OwnState};

/// The folders of the state that nothing else can make again.
const FOLDERS: [&str; 2] = ["apps", "tls"];

/// See the module.
pub struct WholeState {
    pool: SqlitePool,
    state: PathBuf,
}

impl Sqlite {
    /// The state in whose folder this database lies.
    pub fn whole_state(&self, state: &Path) -> WholeState {
        WholeState {
            pool: self.pool.clone(),
            state: state.to_owned(),
        }
    }
}

impl WholeState {
    fn copy(&self) -> PathBuf {
        self.state.join("copy")
    }
}

impl OwnState for WholeState {
    async fn gather(&self) -> Answer<Vec<(String, PathBuf)>> {
        self.let_go().await?;
        let copy = self.copy();
        durable::make_folder(&copy).map_err(cannot_copy)?;
        let file = copy.join("lavoir.db");
        // Small: decisions and names, no data of apps.
        sqlx::query("VACUUM INTO ?")
            .bind(file.to_string_lossy().into_owned())
            .execute(&self.pool)
            .await
            .map_err(cannot_write)?;
        let mut folders = vec![("/state/database".to_owned(), copy)];
        for name in FOLDERS {
            let folder = self.state.join(name);
            if folder.is_dir() {
                folders.push((format!("/state/{name}"), folder));
            }
        }
        Ok(folders)
    }

    async fn let_go(&self) -> Answer<()> {
        match tokio::fs::remove_dir_all(self.copy()).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cannot_copy(error)),
            _ => Ok(()),
        }
    }
}

fn cannot_copy(error: std::io::Error) -> Fault {
    cannot_write(sqlx::Error::Io(error))
}
