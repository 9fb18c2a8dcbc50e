//! The private table, in the same file as the ledger.

use lavoir_core::id::{PersonId, RepositoryId, Timestamp, TokenId};
use lavoir_core::ledger::Hash;
use lavoir_core::text::Text;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use zeroize::Zeroizing;

use super::Sqlite;
use crate::ports::{Answer, Fault, KeptPerson, KeptSession, KeptToken, PrivateStore, RestsOn};

impl PrivateStore for Sqlite {
    async fn keep_person(&self, person: &KeptPerson) -> Answer<()> {
        let sql = "INSERT INTO person (person, name, salt, password) VALUES (?, ?, ?, ?) \
                   ON CONFLICT (person) DO UPDATE SET name = excluded.name, salt = excluded.salt, password = excluded.password";
        sqlx::query(sql)
            .bind(number(person.person.0)?)
            .bind(&person.name)
            .bind(&person.salt)
            .bind(person.password.as_str())
            .execute(&self.pool)
            .await
            .map_err(broken)?;
        Ok(())
    }

    async fn people(&self) -> Answer<Vec<KeptPerson>> {
        let rows = sqlx::query("SELECT person, name, salt, password FROM person ORDER BY person")
            .fetch_all(&self.pool)
            .await
            .map_err(broken)?;
        let person = |row: &SqliteRow| {
            Ok(KeptPerson {
                person: PersonId(count(row, "person")?),
                name: row.try_get("name").map_err(broken)?,
                salt: row.try_get("salt").map_err(broken)?,
                password: Zeroizing::new(row.try_get("password").map_err(broken)?),
            })
        };
        rows.iter().map(person).collect()
    }

    async fn set_password(
        &self,
        person: PersonId,
        password: &str,
        rests_on: Option<&RestsOn>,
    ) -> Answer<bool> {
        let person = number(person.0)?;
        let session = rests_on.map(|on| number(on.session)).transpose()?;
        let mut both = self.pool.begin().await.map_err(broken)?;
        let sql = "UPDATE person SET password = ?1 WHERE person = ?2 AND (?3 IS NULL OR (password = ?4 AND EXISTS \
                   (SELECT 1 FROM session WHERE session = ?3 AND person = ?2)))";
        let done = sqlx::query(sql)
            .bind(password)
            .bind(person)
            .bind(session)
            .bind(rests_on.map(|on| on.password.as_str()))
            .execute(&mut *both)
            .await
            .map_err(broken)?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM session WHERE person = ?")
            .bind(person)
            .execute(&mut *both)
            .await
            .map_err(broken)?;
        both.commit().await.map_err(broken)?;
        Ok(true)
    }

    async fn setup_code(&self) -> Answer<Option<Zeroizing<String>>> {
        let code: Option<String> = sqlx::query_scalar("SELECT code FROM setup_code")
            .fetch_optional(&self.pool)
            .await
            .map_err(broken)?;
        Ok(code.map(Zeroizing::new))
    }

    async fn keep_setup_code(&self, code: Option<&str>) -> Answer<()> {
        let query = match code {
            Some(code) => {
                sqlx::query("INSERT OR REPLACE INTO setup_code (one, code) VALUES (1, ?)")
                    .bind(code)
            }
            None => sqlx::query("DELETE FROM setup_code"),
        };
        query.execute(&self.pool).await.map_err(broken)?;
        Ok(())
    }

    async fn keep_repository_key(&self, repository: &RepositoryId, key: &str) -> Answer<()> {
        let sql = "INSERT OR REPLACE INTO repository (repository, key) VALUES (?, ?)";
        let query = sqlx::query(sql).bind(repository.as_str()).bind(key);
        query.execute(&self.pool).await.map_err(broken)?;
        Ok(())
    }

    async fn repository_key(&self, repository: &RepositoryId) -> Answer<Option<Zeroizing<String>>> {
        let query = sqlx::query_scalar("SELECT key FROM repository WHERE repository = ?");
        let key: Option<String> = query
            .bind(repository.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(broken)?;
        Ok(key.map(Zeroizing::new))
    }

    async fn begin_session(
        &self,
        session: &KeptSession,
        checked: &str,
        most: usize,
    ) -> Answer<Option<u64>> {
        let person = number(session.person.0)?;
        let mut both = self.pool.begin().await.map_err(broken)?;
        let sql = "INSERT INTO session (key, person, since, last_used, browser) \
                   SELECT ?1, person, ?3, ?4, ?5 FROM person WHERE person = ?2 AND password = ?6";
        let made = sqlx::query(sql)
            .bind(session.key.as_slice())
            .bind(person)
            .bind(number(session.since.0)?)
            .bind(number(session.last_used.0)?)
            .bind(&session.browser)
            .bind(checked)
            .execute(&mut *both)
            .await
            .map_err(broken)?;
        if made.rows_affected() == 0 {
            return Ok(None);
        }
        let sql = "DELETE FROM session WHERE person = ?1 AND session NOT IN \
                   (SELECT session FROM session WHERE person = ?1 ORDER BY session DESC LIMIT ?2)";
        sqlx::query(sql)
            .bind(person)
            .bind(i64::try_from(most).map_err(broken)?)
            .execute(&mut *both)
            .await
            .map_err(broken)?;
        both.commit().await.map_err(broken)?;
        u64::try_from(made.last_insert_rowid())
            .map(Some)
            .map_err(broken)
    }

    async fn session(&self, key: &Hash) -> Answer<Option<KeptSession>> {
        let row = sqlx::query("SELECT * FROM session WHERE key = ?")
            .bind(key.as_slice())
            .fetch_optional(&self.pool)
            .await
            .map_err(broken)?;
        row.as_ref().map(session).transpose()
    }

    async fn use_session(&self, id: u64, now: Timestamp) -> Answer<()> {
        sqlx::query("UPDATE session SET last_used = ? WHERE session = ?")
            .bind(number(now.0)?)
            .bind(number(id)?)
            .execute(&self.pool)
            .await
            .map_err(broken)?;
        Ok(())
    }

    async fn sessions(&self, person: PersonId) -> Answer<Vec<KeptSession>> {
        let rows = sqlx::query("SELECT * FROM session WHERE person = ? ORDER BY session DESC")
            .bind(number(person.0)?)
            .fetch_all(&self.pool)
            .await
            .map_err(broken)?;
        rows.iter().map(session).collect()
    }

    async fn end_session(&self, key: &Hash) -> Answer<()> {
        sqlx::query("DELETE FROM session WHERE key = ?")
            .bind(key.as_slice())
            .execute(&self.pool)
            .await
            .map_err(broken)?;
        Ok(())
    }

    async fn end_sessions_but(&self, person: PersonId, keep: u64) -> Answer<()> {
        sqlx::query("DELETE FROM session WHERE person = ? AND session <> ?")
            .bind(number(person.0)?)
            .bind(number(keep)?)
            .execute(&self.pool)
            .await
            .map_err(broken)?;
        Ok(())
    }

    async fn forget_sessions(&self, begun_before: Timestamp, used_before: Timestamp) -> Answer<()> {
        sqlx::query("DELETE FROM session WHERE since < ? OR last_used < ?")
            .bind(number(begun_before.0)?)
            .bind(number(used_before.0)?)
            .execute(&self.pool)
            .await
            .map_err(broken)?;
        Ok(())
    }

    async fn note_place(
        &self,
        person: PersonId,
        place: &str,
        now: Timestamp,
        most: usize,
    ) -> Answer<()> {
        let person = number(person.0)?;
        let mut both = self.pool.begin().await.map_err(broken)?;
        sqlx::query("INSERT OR REPLACE INTO place (person, place, last) VALUES (?, ?, ?)")
            .bind(person)
            .bind(place)
            .bind(number(now.0)?)
            .execute(&mut *both)
            .await
            .map_err(broken)?;
        let sql = "DELETE FROM place WHERE person = ?1 AND place NOT IN \
                   (SELECT place FROM place WHERE person = ?1 ORDER BY last DESC LIMIT ?2)";
        sqlx::query(sql)
            .bind(person)
            .bind(i64::try_from(most).map_err(broken)?)
            .execute(&mut *both)
            .await
            .map_err(broken)?;
        both.commit().await.map_err(broken)
    }

    async fn knows_place(&self, person: PersonId, place: &str, since: Timestamp) -> Answer<bool> {
        let found: Option<i64> =
            sqlx::query_scalar("SELECT 1 FROM place WHERE person = ? AND place = ? AND last >= ?")
                .bind(number(person.0)?)
                .bind(place)
                .bind(number(since.0)?)
                .fetch_optional(&self.pool)
                .await
                .map_err(broken)?;
        Ok(found.is_some())
    }

    async fn keep_token(&self, token: &KeptToken, session: Option<u64>) -> Answer<bool> {
        let sql = "INSERT OR REPLACE INTO token (token, key, label, last_used) SELECT ?1, ?2, ?3, ?4 \
                   WHERE ?5 IS NULL OR EXISTS (SELECT 1 FROM session WHERE session = ?5)";
        let last_used = token.last_used.map(|at| number(at.0)).transpose()?;
        let done = sqlx::query(sql)
            .bind(number(token.token.0)?)
            .bind(token.key.as_slice())
            .bind(&token.label)
            .bind(last_used)
            .bind(session.map(number).transpose()?)
            .execute(&self.pool)
            .await
            .map_err(broken)?;
        Ok(done.rows_affected() > 0)
    }

    async fn token(&self, key: &Hash) -> Answer<Option<KeptToken>> {
        let row = sqlx::query("SELECT * FROM token WHERE key = ?")
            .bind(key.as_slice())
            .fetch_optional(&self.pool)
            .await
            .map_err(broken)?;
        row.as_ref().map(token).transpose()
    }

    async fn tokens(&self) -> Answer<Vec<KeptToken>> {
        let rows = sqlx::query("SELECT * FROM token ORDER BY token DESC")
            .fetch_all(&self.pool)
            .await
            .map_err(broken)?;
        rows.iter().map(token).collect()
    }

    async fn use_token(&self, id: TokenId, now: Timestamp) -> Answer<()> {
        sqlx::query("UPDATE token SET last_used = ? WHERE token = ?")
            .bind(number(now.0)?)
            .bind(number(id.0)?)
            .execute(&self.pool)
            .await
            .map_err(broken)?;
        Ok(())
    }

    async fn forget_token(&self, id: TokenId) -> Answer<()> {
        sqlx::query("DELETE FROM token WHERE token = ?")
            .bind(number(id.0)?)
            .execute(&self.pool)
            .await
            .map_err(broken)?;
        Ok(())
    }
}

fn session(row: &SqliteRow) -> Answer<KeptSession> {
    Ok(KeptSession {
        id: count(row, "session")?,
        key: hash(row)?,
        person: PersonId(count(row, "person")?),
        since: Timestamp(count(row, "since")?),
        last_used: Timestamp(count(row, "last_used")?),
        browser: row.try_get("browser").map_err(broken)?,
    })
}

fn token(row: &SqliteRow) -> Answer<KeptToken> {
    let last_used: Option<i64> = row.try_get("last_used").map_err(broken)?;
    Ok(KeptToken {
        token: TokenId(count(row, "token")?),
        key: hash(row)?,
        label: row.try_get("label").map_err(broken)?,
        last_used: last_used
            .map(|at| u64::try_from(at).map(Timestamp).map_err(broken))
            .transpose()?,
    })
}

fn hash(row: &SqliteRow) -> Answer<Hash> {
    let bytes: Vec<u8> = row.try_get("key").map_err(broken)?;
    Hash::try_from(bytes.as_slice()).map_err(broken)
}

fn number(number: u64) -> Answer<i64> {
    i64::try_from(number).map_err(broken)
}

fn count(row: &SqliteRow, column: &str) -> Answer<u64> {
    let value: i64 = row.try_get(column).map_err(broken)?;
    u64::try_from(value).map_err(broken)
}

/// In general words: an error of the database may quote what was to be written.
fn broken(error: impl std::fmt::Display) -> Fault {
    tracing::debug!(%error, "the private table");
    Fault::lasting(
        "private-table-broken",
        Text::new(
            "La table privée (comptes, sessions, jetons) ne peut être ni lue ni écrite.",
            "The private table (accounts, sessions, tokens) can be neither read nor written.",
        ),
        Text::new(
            "Vérifiez le disque et les droits du dossier d'état.",
            "Check the disk and the permissions of the state folder.",
        ),
    )
}
