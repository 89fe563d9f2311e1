//! The ledger in SQLite. Appending works on the calling thread; reading on threads of its own.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use policy::entry::Columns;
use policy::latency::Histogram;
use policy::object::Change;
use policy::port::{Fut, Grouping, Ledger, Position, StoreError, Sum};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior};
use uuid::Uuid;

use super::conn::{Pool, fault, reader, writer};
use super::objects;
use super::upstream::{self, Recent};
use crate::rollup::{self, DISTINCT, Group, OTHER, Rollup, Totals};

/// How long an append waits for the database's lock before it is tried again later.
const WAIT: Duration = Duration::from_millis(100);
/// Threads that read.
const READERS: usize = 2;

/// The ledger.
#[derive(Debug)]
pub(crate) struct SqliteLedger {
    write: Mutex<Write>,
    readers: Pool,
    recent: Recent,
}

/// What an append needs.
#[derive(Debug)]
struct Write {
    connection: Connection,
    position: Option<Position>,
    /// How many values the current hours and days have, by grouping and time.
    distinct: HashMap<(i64, i64), usize>,
    recent: Recent,
}

impl SqliteLedger {
    /// Opens the ledger in a database that has its layout.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let connection = writer(path, WAIT)?;
        let recent = Recent::load(&connection)?;
        let write = Write { connection, position: None, distinct: HashMap::new(), recent: recent.clone() };
        let readers = (0..READERS).map(|_| reader(path)).collect::<Result<_, _>>()?;
        Ok(Self { write: Mutex::new(write), readers: Pool::start("store-read", readers)?, recent })
    }

    fn with_write<T>(&self, call: impl FnOnce(&mut Write) -> Result<T, StoreError>) -> Result<T, StoreError> {
        call(&mut self.write.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write {
    fn position(&mut self) -> Result<Position, StoreError> {
        if let Some(position) = self.position {
            return Ok(position);
        }
        let sql = "SELECT file, offset FROM position WHERE one = 1";
        let position = self
            .connection
            .query_row(sql, [], |row| Ok(Position { file: unsigned(row, 0)?, offset: unsigned(row, 1)? }))
            .map_err(fault)?;
        self.position = Some(position);
        Ok(position)
    }

    /// Stores a batch. When the journal's file changes, the commit is forced to the disk, and with it all
    /// those before it: the file that was left may be deleted then.
    fn append(&mut self, lines: &[&str], position: Position) -> Result<(), StoreError> {
        let durable = self.position()?.file != position.file;
        if durable {
            self.connection.execute_batch("PRAGMA synchronous = FULL").map_err(fault)?;
        }
        let result = self.commit(lines, position);
        if durable {
            self.connection.execute_batch("PRAGMA synchronous = NORMAL").map_err(fault)?;
        }
        match result {
            Ok(()) => self.position = Some(position),
            Err(_) => {
                self.position = None;
                self.distinct.clear();
            }
        }
        result
    }

    fn commit(&mut self, lines: &[&str], position: Position) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
        let mut rollup = Rollup::default();
        let mut entries = Vec::with_capacity(lines.len());
        {
            let sql = "INSERT INTO lines (id, line) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
            let mut insert = transaction.prepare_cached(sql).map_err(fault)?;
            for line in lines {
                if Change::is(line) {
                    objects::apply(&transaction, line)?;
                    continue;
                }
                let Some(columns) = Columns::read(line) else { continue };
                if insert.execute((columns.id.as_bytes(), line)).map_err(fault)? > 0 {
                    rollup.add(&columns);
                    entries.extend(upstream::entry(&columns, transaction.last_insert_rowid()));
                }
            }
        }
        add(&transaction, rollup, &mut self.distinct)?;
        let indexed = self.recent.prepare(&transaction, &entries)?;
        transaction
            .prepare_cached("UPDATE position SET file = ?1, offset = ?2 WHERE one = 1")
            .and_then(|mut update| update.execute((signed(position.file), signed(position.offset))))
            .map_err(fault)?;
        transaction.commit().map_err(fault)?;
        self.recent.commit(indexed, &entries);
        Ok(())
    }
}

const UPDATE: &str = "UPDATE rollups SET requests = requests + ?5, errors = errors + ?6, input = input + ?7,
    cache_read = cache_read + ?8, output = output + ?9, nanos = nanos + ?10, unpriced = unpriced + ?11
    WHERE grouping = ?1 AND at = ?2 AND a = ?3 AND b = ?4";
const INSERT: &str = "INSERT INTO rollups (grouping, at, a, b, requests, errors, input, cache_read, output, nanos,
    unpriced) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

/// Adds a batch's sums to what is stored.
fn add(
    transaction: &Transaction<'_>,
    rollup: Rollup<'_>,
    distinct: &mut HashMap<(i64, i64), usize>,
) -> Result<(), StoreError> {
    for (group, (totals, latency)) in rollup.sums {
        let group = place(transaction, group, &totals, distinct)?;
        if let Some(latency) = latency {
            add_latency(transaction, &group, latency)?;
        }
    }
    Ok(())
}

fn write(transaction: &Transaction<'_>, sql: &str, group: &Group<'_>, sum: &Totals) -> Result<usize, StoreError> {
    let mut statement = transaction.prepare_cached(sql).map_err(fault)?;
    let values = (
        group.grouping,
        group.at,
        &*group.a,
        &*group.b,
        sum.requests,
        sum.errors,
        sum.input,
        sum.cache_read,
        sum.output,
        sum.nanos,
        sum.unpriced,
    );
    statement.execute(values).map_err(fault)
}

/// Adds one sum to its row, or to that of the rest when its hour or day has too many values; returns which.
fn place<'a>(
    transaction: &Transaction<'_>,
    group: Group<'a>,
    totals: &Totals,
    distinct: &mut HashMap<(i64, i64), usize>,
) -> Result<Group<'a>, StoreError> {
    if write(transaction, UPDATE, &group, totals)? > 0 {
        return Ok(group);
    }
    let at = (group.grouping, group.at);
    let count = match distinct.get_mut(&at) {
        Some(count) => count,
        None => {
            let sql = "SELECT count(*) FROM rollups WHERE grouping = ?1 AND at = ?2";
            let count: i64 = transaction.query_row(sql, at, |row| row.get(0)).map_err(fault)?;
            // Only the newest hours and days are of interest.
            if distinct.len() > 256 {
                distinct.clear();
            }
            distinct.entry(at).or_insert(usize::try_from(count).unwrap_or(0))
        }
    };
    let group = if *count >= DISTINCT { rest(group, *count) } else { group };
    if *count < DISTINCT || write(transaction, UPDATE, &group, totals)? == 0 {
        write(transaction, INSERT, &group, totals)?;
        *count += 1;
    }
    Ok(group)
}

/// The group for what is not kept apart. A tag keeps its name, unless there are too many names too.
fn rest(group: Group<'_>, count: usize) -> Group<'_> {
    let name = if count < 2 * DISTINCT { group.a.split_once('=').map(|(name, _)| name) } else { None };
    let tag = group.grouping == rollup::number(Grouping::DayTag);
    let a = match name.filter(|_| tag) {
        Some(name) => format!("{name}={OTHER}").into(),
        None => OTHER.into(),
    };
    let b = if group.b.is_empty() { "" } else { OTHER };
    Group { a, b: b.into(), ..group }
}

fn add_latency(transaction: &Transaction<'_>, group: &Group<'_>, mut latency: Histogram) -> Result<(), StoreError> {
    let key = (group.grouping, group.at, &*group.a, &*group.b);
    let sql = "SELECT latency FROM rollups WHERE grouping = ?1 AND at = ?2 AND a = ?3 AND b = ?4";
    let mut select = transaction.prepare_cached(sql).map_err(fault)?;
    let stored: Option<Vec<u8>> = select.query_row(key, |row| row.get(0)).optional().map_err(fault)?.flatten();
    if let Some(stored) = stored {
        latency.merge(&Histogram::from_bytes(&stored));
    }
    let sql = "UPDATE rollups SET latency = ?5 WHERE grouping = ?1 AND at = ?2 AND a = ?3 AND b = ?4";
    let mut update = transaction.prepare_cached(sql).map_err(fault)?;
    update.execute((key.0, key.1, key.2, key.3, latency.to_bytes())).map_err(fault)?;
    Ok(())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    // A sum that left the range of an integer became a real number: it is shown at the end of the range.
    match row.get_ref(column)? {
        ValueRef::Integer(number) => Ok(u64::try_from(number).unwrap_or(0)),
        ValueRef::Real(_) => Ok(i64::MAX.unsigned_abs()),
        _ => Err(rusqlite::Error::InvalidQuery),
    }
}

fn sum(row: &Row<'_>, width: usize) -> rusqlite::Result<Sum> {
    let nanos = match row.get_ref(8)? {
        ValueRef::Integer(nanos) => nanos,
        ValueRef::Real(nanos) if nanos < 0.0 => i64::MIN,
        _ => i64::MAX,
    };
    let values = (1..=width).map(|column| row.get(column)).collect::<Result<_, _>>()?;
    Ok(Sum {
        at_ms: row.get(0)?,
        values,
        requests: unsigned(row, 3)?,
        errors: unsigned(row, 4)?,
        input: unsigned(row, 5)?,
        cache_read: unsigned(row, 6)?,
        output: unsigned(row, 7)?,
        nanos,
        unpriced: unsigned(row, 9)?,
        latency: row
            .get::<_, Option<Vec<u8>>>(10)?
            .map_or_else(Histogram::default, |bytes| Histogram::from_bytes(&bytes)),
    })
}

impl Ledger for SqliteLedger {
    /// Works on the calling thread, which is the ingest's own.
    fn append<'a>(&'a self, lines: &'a [&'a str], position: Position) -> Fut<'a, ()> {
        Box::pin(async move { self.with_write(|write| write.append(lines, position)) })
    }

    fn position(&self) -> Fut<'_, Position> {
        Box::pin(async move { self.with_write(Write::position) })
    }

    fn find(&self, id: Uuid) -> Fut<'_, Option<String>> {
        Box::pin(self.readers.run(move |connection| {
            let mut find = connection.prepare_cached("SELECT line FROM lines WHERE id = ?1").map_err(fault)?;
            find.query_row([id.as_bytes()], |row| row.get(0)).optional().map_err(fault)
        }))
    }

    fn find_upstream<'a>(&'a self, upstream_id: &'a str) -> Fut<'a, Option<String>> {
        // A line has the id as JSON writes it.
        let quoted = serde_json::to_string(upstream_id).unwrap_or_default();
        let wanted = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned();
        let recent = self.recent.clone();
        Box::pin(self.readers.run(move |connection| recent.find(connection, &wanted)))
    }

    fn page(&self, before: Option<Uuid>, limit: usize) -> Fut<'_, Vec<String>> {
        Box::pin(self.readers.run(move |connection| {
            let before = before.unwrap_or(Uuid::max());
            let sql = "SELECT line FROM lines WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
            let mut page = connection.prepare_cached(sql).map_err(fault)?;
            let lines = page.query_map((before.as_bytes(), signed(limit as u64)), |row| row.get(0)).map_err(fault)?;
            lines.collect::<Result<_, _>>().map_err(fault)
        }))
    }

    fn sums(&self, by: Grouping, from_ms: i64, to_ms: i64) -> Fut<'_, Vec<Sum>> {
        Box::pin(self.readers.run(move |connection| {
            let sql = "SELECT at, a, b, requests, errors, input, cache_read, output, nanos, unpriced, latency
                       FROM rollups
                       WHERE grouping = ?1 AND at >= ?2 AND at < ?3 ORDER BY at, a, b";
            let mut select = connection.prepare_cached(sql).map_err(fault)?;
            let key = (rollup::number(by), from_ms, to_ms);
            let sums = select.query_map(key, |row| sum(row, rollup::width(by))).map_err(fault)?;
            sums.collect::<Result<_, _>>().map_err(fault)
        }))
    }

    fn expire(&self, before_ms: i64, limit: usize) -> Fut<'_, usize> {
        Box::pin(async move {
            let ms = u128::try_from(before_ms.clamp(0, (1 << 48) - 1)).unwrap_or(0);
            let bound = Uuid::from_u128(ms << 80);
            self.with_write(|write| {
                let sql = "DELETE FROM lines WHERE seq IN
                           (SELECT seq FROM lines WHERE id < ?1 ORDER BY id LIMIT ?2)";
                let mut delete = write.connection.prepare_cached(sql).map_err(fault)?;
                let lines = delete.execute((bound.as_bytes(), signed(limit as u64))).map_err(fault)?;
                upstream::expire(&write.connection, before_ms, signed(limit as u64))?;
                Ok(lines)
            })
        })
    }
}
