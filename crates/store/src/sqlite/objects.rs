//! Objects at providers in SQLite: changed with the ledger's lines, read on a thread of their own.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use policy::object::{Change, Kind, Name, Object, Owner, Page, State};
use policy::port::{Fut, Objects, StoreError};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::conn::{Pool, fault, reader, writer};

/// How long a deletion waits for the database's lock.
const WAIT: Duration = Duration::from_secs(1);

const COLUMNS: &str = "kind, id, provider, owner, key, model, created, expires, state, data";

/// The objects.
#[derive(Debug)]
pub(crate) struct SqliteObjects {
    read: Pool,
    write: Pool,
}

impl SqliteObjects {
    /// Opens the objects in a database that has its layout.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            read: Pool::start("store-read", vec![reader(path)?])?,
            write: Pool::start("store-write", vec![writer(path, WAIT)?])?,
        })
    }
}

/// Applies a line of the journal, inside the transaction of its batch. A line that cannot be read is passed over.
pub(super) fn apply(connection: &Connection, line: &str) -> Result<(), StoreError> {
    let Some(change) = Change::read(line) else { return Ok(()) };
    match change {
        Change::Made(object) => made(connection, &object),
        Change::Noted(name, state, data) => {
            let sql = "UPDATE objects SET state = ?4, data = coalesce(?5, data)
                       WHERE kind = ?1 AND id = ?2 AND provider = ?3";
            let mut update = connection.prepare_cached(sql).map_err(fault)?;
            let values = (name.kind.name(), &*name.id, &*name.provider, state.name(), data.as_deref());
            update.execute(values).map(|_| ()).map_err(fault)
        }
        Change::Gone(name) => {
            let sql = "DELETE FROM objects WHERE kind = ?1 AND id = ?2 AND provider = ?3";
            let mut delete = connection.prepare_cached(sql).map_err(fault)?;
            delete.execute((name.kind.name(), &*name.id, &*name.provider)).map(|_| ()).map_err(fault)
        }
    }
}

fn made(connection: &Connection, object: &Object) -> Result<(), StoreError> {
    let sql = "INSERT INTO objects (kind, id, provider, owner, key, model, created, expires, state, data)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (kind, id, provider) DO NOTHING";
    let mut insert = connection.prepare_cached(sql).map_err(fault)?;
    let values = (
        object.name.kind.name(),
        &*object.name.id,
        &*object.name.provider,
        object.owner.text(),
        &*object.key,
        object.model.as_deref(),
        object.created.as_millisecond(),
        object.expires.map(Timestamp::as_millisecond),
        object.state.map(State::name),
        object.data.as_deref(),
    );
    insert.execute(values).map(|_| ()).map_err(fault)
}

/// `None` for an object of a kind that a newer program stored.
fn object(row: &Row<'_>) -> rusqlite::Result<Option<Object>> {
    let text = |column| row.get::<_, Option<String>>(column);
    let must = |column| row.get::<_, String>(column);
    let time = |ms| Timestamp::from_millisecond(ms).map_err(|_| rusqlite::Error::InvalidQuery);
    let (Some(kind), Some(owner)) = (Kind::parse(&must(0)?), Owner::parse(&must(3)?)) else { return Ok(None) };
    Ok(Some(Object {
        name: Name { provider: must(2)?.into(), kind, id: must(1)?.into() },
        owner,
        key: must(4)?.into(),
        model: text(5)?.map(Into::into),
        created: time(row.get(6)?)?,
        expires: row.get::<_, Option<i64>>(7)?.map(time).transpose()?,
        state: text(8)?.as_deref().and_then(State::parse),
        data: text(9)?.map(Into::into),
    }))
}

fn all(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<Vec<Object>, StoreError> {
    let mut select = connection.prepare_cached(sql).map_err(fault)?;
    let rows = select.query_map(values, object).map_err(fault)?;
    rows.filter_map(Result::transpose).collect::<Result<_, _>>().map_err(fault)
}

/// Where an owner's object stands in the order of making.
fn place(connection: &Connection, owner: &str, kind: Kind, id: &str) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT seq FROM objects WHERE kind = ?1 AND id = ?2 AND owner = ?3 ORDER BY seq DESC LIMIT 1";
    let mut select = connection.prepare_cached(sql).map_err(fault)?;
    select.query_row((kind.name(), id, owner), |row| row.get(0)).optional().map_err(fault)
}

fn list(connection: &Connection, owner: &str, kind: Kind, page: &Page) -> Result<Vec<Object>, StoreError> {
    let (mut low, mut high) = (i64::MIN, i64::MAX);
    for (id, behind) in [(&page.after, true), (&page.before, false)] {
        let Some(id) = id else { continue };
        let Some(seq) = place(connection, owner, kind, id)? else { return Ok(Vec::new()) };
        // What stands behind an id was made later where the oldest is first.
        if behind == page.ascending { low = low.max(seq) } else { high = high.min(seq) }
    }
    // The nearest before an id are found from there backwards.
    let backwards = page.before.is_some() && page.after.is_none();
    let order = if page.ascending == backwards { "DESC" } else { "ASC" };
    let sql = format!(
        "SELECT {COLUMNS} FROM objects WHERE owner = ?1 AND kind = ?2 AND seq > ?3 AND seq < ?4
         ORDER BY seq {order} LIMIT ?5"
    );
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    let mut objects = all(connection, &sql, (owner, kind.name(), low, high, limit))?;
    if backwards {
        objects.reverse();
    }
    Ok(objects)
}

impl Objects for SqliteObjects {
    fn find<'a>(&'a self, kind: Kind, id: &'a str) -> Fut<'a, Vec<Object>> {
        let id = id.to_owned();
        Box::pin(self.read.run(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM objects WHERE kind = ?1 AND id = ?2 ORDER BY seq DESC");
            all(connection, &sql, (kind.name(), id))
        }))
    }

    fn list<'a>(&'a self, owner: &'a Owner, kind: Kind, page: &'a Page) -> Fut<'a, Vec<Object>> {
        let (owner, page) = (owner.text(), page.clone());
        Box::pin(self.read.run(move |connection| list(connection, &owner, kind, &page)))
    }

    fn open(&self, limit: usize) -> Fut<'_, Vec<Object>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Box::pin(self.read.run(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM objects WHERE state = 'open' ORDER BY seq LIMIT ?1");
            all(connection, &sql, [limit])
        }))
    }

    fn expire(&self, before_ms: i64, most: usize, limit: usize) -> Fut<'_, usize> {
        let signed = |number| i64::try_from(number).unwrap_or(i64::MAX);
        let (most, limit) = (signed(most), signed(limit));
        Box::pin(self.write.run(move |connection| {
            // The oldest come first in the table, so neither condition looks at more than it deletes.
            let sql = "DELETE FROM objects WHERE seq IN
                       (SELECT seq FROM objects
                        WHERE (seq <= (SELECT coalesce(max(seq), 0) - ?2 FROM objects) OR created < ?1)
                        AND state IS NOT 'open' ORDER BY seq LIMIT ?3)";
            connection.execute(sql, (before_ms, most, limit)).map_err(fault)
        }))
    }
}
