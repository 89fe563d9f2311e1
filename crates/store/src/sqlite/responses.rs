//! Kept responses in SQLite: bounded by owner and in all, overwritten on the disk when they go.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use policy::port::{Fut, Kept, Reach, Responses, Room, StoreError};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior};

use super::conn::{Pool, fault, reader, writer};

/// How long a change waits for the database's lock.
const WAIT: Duration = Duration::from_secs(5);

/// The responses.
#[derive(Debug)]
pub(crate) struct SqliteResponses {
    read: Pool,
    write: Pool,
}

impl SqliteResponses {
    /// Opens the responses in a database that has its layout.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let write = writer(path, WAIT)?;
        // They are what people wrote: once deleted, the file does not hold them either.
        write.execute_batch("PRAGMA secure_delete = ON").map_err(fault)?;
        Ok(Self {
            read: Pool::start("responses-read", vec![reader(path)?])?,
            write: Pool::start("responses-write", vec![write])?,
        })
    }
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let text = |column| row.get::<_, String>(column).map(Arc::from);
    Ok(Kept {
        id: text(0)?,
        owner: text(1)?,
        previous: row.get::<_, Option<String>>(2)?.map(Arc::from),
        created_ms: row.get(3)?,
        expires_ms: row.get(4)?,
        input: text(5)?,
        body: text(6)?,
    })
}

fn find(connection: &Connection, owner: &str, id: &str, now_ms: i64) -> Result<Option<Kept>, StoreError> {
    let sql = "SELECT id, owner, previous, created, expires, input, body FROM responses
               WHERE id = ?1 AND owner = ?2 AND expires > ?3";
    let mut select = connection.prepare_cached(sql).map_err(fault)?;
    select.query_row((id, owner, now_ms), kept).optional().map_err(fault)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Deletes the oldest, never `but`, while what is kept is more than may be.
fn make_room(transaction: &Transaction<'_>, owner: &str, but: &str, room: Room) -> Result<(), StoreError> {
    let own = "SELECT count > ?2 OR bytes > ?3 FROM response_owners WHERE owner = ?1";
    let oldest = "DELETE FROM responses WHERE id = (SELECT id FROM responses WHERE owner = ?1 AND id <> ?2 \
                  ORDER BY created LIMIT 1)";
    let over = |transaction: &Transaction<'_>| {
        let values = (owner, signed(room.owner_count), signed(room.owner_bytes));
        transaction.query_row(own, values, |row| row.get(0)).optional().map_err(fault)
    };
    while over(transaction)?.unwrap_or(false) {
        if transaction.execute(oldest, (owner, but)).map_err(fault)? == 0 {
            break;
        }
    }
    let all = "SELECT coalesce(sum(bytes), 0) > ?1 FROM response_owners";
    let oldest = "DELETE FROM responses WHERE id = (SELECT id FROM responses WHERE id <> ?1 ORDER BY created LIMIT 1)";
    while transaction.query_row(all, [signed(room.total_bytes)], |row| row.get(0)).map_err(fault)? {
        if transaction.execute(oldest, [but]).map_err(fault)? == 0 {
            break;
        }
    }
    Ok(())
}

impl Responses for SqliteResponses {
    fn put<'a>(&'a self, kept: &'a Kept, room: Room) -> Fut<'a, ()> {
        let kept = kept.clone();
        Box::pin(self.write.run(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
            let sql = "INSERT INTO responses (id, owner, previous, created, expires, bytes, input, body)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
            let values = (
                &*kept.id,
                &*kept.owner,
                kept.previous.as_deref(),
                kept.created_ms,
                kept.expires_ms,
                signed(kept.bytes()),
                &*kept.input,
                &*kept.body,
            );
            if transaction.execute(sql, values).map_err(fault)? > 0 {
                make_room(&transaction, &kept.owner, &kept.id, room)?;
            }
            transaction.commit().map_err(fault)
        }))
    }

    fn chain<'a>(&'a self, owner: &'a str, id: &'a str, now_ms: i64, reach: Reach) -> Fut<'a, Vec<Kept>> {
        let (owner, mut next) = (owner.to_owned(), Some(Arc::<str>::from(id)));
        Box::pin(self.read.run(move |connection| {
            let mut chain: Vec<Kept> = Vec::new();
            let mut bytes = 0_u64;
            while let Some(id) = next.take() {
                let known = chain.iter().any(|kept| kept.id == id);
                if known || chain.len() >= reach.count || bytes > reach.bytes {
                    break;
                }
                let Some(kept) = find(connection, &owner, &id, now_ms)? else { break };
                bytes = bytes.saturating_add(kept.bytes());
                next.clone_from(&kept.previous);
                chain.push(kept);
            }
            Ok(chain)
        }))
    }

    fn forget<'a>(&'a self, owner: &'a str, id: &'a str, now_ms: i64) -> Fut<'a, bool> {
        let (owner, id) = (owner.to_owned(), id.to_owned());
        Box::pin(self.write.run(move |connection| {
            let sql = "DELETE FROM responses WHERE id = ?1 AND owner = ?2 AND expires > ?3";
            connection.execute(sql, (id, owner, now_ms)).map(|gone| gone > 0).map_err(fault)
        }))
    }

    fn expire(&self, now_ms: i64, limit: usize) -> Fut<'_, usize> {
        Box::pin(self.write.run(move |connection| {
            let sql = "DELETE FROM responses WHERE id IN (SELECT id FROM responses WHERE expires <= ?1 LIMIT ?2)";
            connection.execute(sql, (now_ms, signed(limit as u64))).map_err(fault)
        }))
    }
}
