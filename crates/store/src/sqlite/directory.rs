//! Keys and settings in SQLite, read and changed on a thread of their own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use policy::port::{Directory, Fut, KeyRecord, StoreError};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, Transaction, TransactionBehavior};

use super::conn::{Pool, fault, reader, writer};

/// How long a change waits for the database's lock.
const WAIT: Duration = Duration::from_secs(2);

const COLUMNS: &str = "hash, id, name, team, user, models, expires, admin, created";

/// The directory.
#[derive(Debug)]
pub(crate) struct SqliteDirectory {
    read: Pool,
    write: Pool,
}

impl SqliteDirectory {
    /// Opens the directory in a database that has its layout.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let write = writer(path, WAIT)?;
        // A key that its owner has seen must outlive a power failure.
        write.execute_batch("PRAGMA synchronous = FULL").map_err(fault)?;
        Ok(Self {
            read: Pool::start("store-read", vec![reader(path)?])?,
            write: Pool::start("store-write", vec![write])?,
        })
    }
}

fn optional_ms(ms: Option<i64>) -> rusqlite::Result<Option<Timestamp>> {
    ms.map(|ms| Timestamp::from_millisecond(ms).map_err(|_| rusqlite::Error::InvalidQuery)).transpose()
}

fn key(row: &Row<'_>) -> rusqlite::Result<KeyRecord> {
    let text = |column| row.get::<_, Option<String>>(column).map(|text| text.map(Arc::from));
    let models: String = row.get(5)?;
    let created = optional_ms(row.get(8)?)?.ok_or(rusqlite::Error::InvalidQuery)?;
    Ok(KeyRecord {
        hash: row.get(0)?,
        id: row.get::<_, String>(1)?.into(),
        name: row.get::<_, String>(2)?.into(),
        team: text(3)?,
        user: text(4)?,
        models: serde_json::from_str(&models).map_err(|_| rusqlite::Error::InvalidQuery)?,
        expires: optional_ms(row.get(6)?)?,
        admin: row.get(7)?,
        created,
    })
}

/// Runs a change and moves the version with it.
fn change<T>(
    connection: &mut Connection,
    change: impl FnOnce(&Transaction<'_>) -> Result<Option<T>, StoreError>,
) -> Result<Option<T>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    let changed = change(&transaction)?;
    if changed.is_some() {
        transaction.execute("UPDATE directory_version SET version = version + 1", []).map_err(fault)?;
        transaction.commit().map_err(fault)?;
    }
    Ok(changed)
}

fn insert(transaction: &Transaction<'_>, key: &KeyRecord) -> Result<(), StoreError> {
    let models = serde_json::to_string(&key.models).map_err(|error| StoreError::Conflict(error.to_string()))?;
    let sql = "INSERT INTO keys (hash, id, name, team, user, models, expires, admin, created)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let values = (
        key.hash,
        &*key.id,
        &*key.name,
        key.team.as_deref(),
        key.user.as_deref(),
        models,
        key.expires.map(Timestamp::as_millisecond),
        key.admin,
        key.created.as_millisecond(),
    );
    match transaction.execute(sql, values) {
        Ok(_) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Err(StoreError::Conflict(
            format!("a key named `{}`, or with its id or hash, exists already: choose another name", key.name),
        )),
        Err(error) => Err(fault(error)),
    }
}

impl Directory for SqliteDirectory {
    fn load(&self) -> Fut<'_, Vec<KeyRecord>> {
        Box::pin(self.read.run(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM keys WHERE revoked IS NULL ORDER BY created, id");
            let mut select = connection.prepare_cached(&sql).map_err(fault)?;
            let keys = select.query_map([], key).map_err(fault)?;
            keys.collect::<Result<_, _>>().map_err(fault)
        }))
    }

    fn find(&self, hash: [u8; 32]) -> Fut<'_, Option<KeyRecord>> {
        Box::pin(self.read.run(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM keys WHERE hash = ?1 AND revoked IS NULL");
            let mut select = connection.prepare_cached(&sql).map_err(fault)?;
            select.query_row([hash], key).optional().map_err(fault)
        }))
    }

    fn create<'a>(&'a self, key: &'a KeyRecord) -> Fut<'a, ()> {
        let key = key.clone();
        Box::pin(async move {
            let made =
                self.write.run(move |connection| change(connection, |transaction| insert(transaction, &key).map(Some)));
            made.await.map(|_| ())
        })
    }

    fn revoke<'a>(&'a self, name_or_id: &'a str, at: Timestamp) -> Fut<'a, Option<KeyRecord>> {
        let wanted = name_or_id.to_owned();
        Box::pin(self.write.run(move |connection| {
            change(connection, |transaction| {
                // A name wins over an id that reads the same.
                let sql = format!(
                    "SELECT {COLUMNS} FROM keys WHERE revoked IS NULL AND (name = ?1 OR id = ?1)
                     ORDER BY name = ?1 DESC LIMIT 1"
                );
                let found = transaction.query_row(&sql, [&wanted], key).optional().map_err(fault)?;
                if let Some(key) = &found {
                    transaction
                        .execute("UPDATE keys SET revoked = ?2 WHERE hash = ?1", (key.hash, at.as_millisecond()))
                        .map_err(fault)?;
                }
                Ok(found)
            })
        }))
    }

    fn version(&self) -> Fut<'_, u64> {
        Box::pin(self.read.run(|connection| {
            let mut select = connection.prepare_cached("SELECT version FROM directory_version").map_err(fault)?;
            let version: i64 = select.query_row([], |row| row.get(0)).map_err(fault)?;
            Ok(u64::try_from(version).unwrap_or(0))
        }))
    }

    fn setting<'a>(&'a self, name: &'a str) -> Fut<'a, Option<String>> {
        let name = name.to_owned();
        Box::pin(self.read.run(move |connection| {
            let mut select = connection.prepare_cached("SELECT value FROM settings WHERE name = ?1").map_err(fault)?;
            select.query_row([name], |row| row.get(0)).optional().map_err(fault)
        }))
    }

    fn set_setting<'a>(&'a self, name: &'a str, value: &'a str) -> Fut<'a, ()> {
        let setting = (name.to_owned(), value.to_owned());
        Box::pin(async move {
            let stored = self.write.run(move |connection| {
                change(connection, |transaction| {
                    let sql = "INSERT INTO settings VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
                    transaction.execute(sql, setting).map(Some).map_err(fault)
                })
            });
            stored.await.map(|_| ())
        })
    }
}
