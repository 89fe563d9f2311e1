//! Finding a line by the upstream's id, cheaply for whoever writes.
//!
//! Upstream ids come in random order, so an index kept up with every batch would rewrite a page of the
//! database per line. Instead the newest lines are found by a list in memory, which goes into the index
//! sorted, many at a time; the index is cut by day, so that this touches few pages however old the ledger is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use policy::entry::Columns;
use policy::port::StoreError;
use rusqlite::{Connection, OptionalExtension as _};

use super::conn::fault;
use crate::hash::fnv;

/// How many lines the list takes before they go into the index.
const MOST: usize = 20_000;
const DAY: i64 = 86_400_000;

/// A line in the list: day, hash of its upstream id, place in the table.
type Entry = (i64, i64, i64);

/// Lines that are not in the index.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    list: Arc<Mutex<Vec<Entry>>>,
}

/// The hash of an upstream's id, as the line has it.
pub(super) fn hash(id: &str) -> i64 {
    fnv(id.as_bytes()).cast_signed()
}

impl Recent {
    /// The list of a database whose index may be behind.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let sql = "SELECT line, seq FROM lines WHERE seq > (SELECT upstream_seq FROM position)";
        let mut select = connection.prepare(sql).map_err(fault)?;
        let mut rows = select.query([]).map_err(fault)?;
        let mut list = Vec::new();
        while let Some(row) = rows.next().map_err(fault)? {
            let line = row.get_ref(0).and_then(|line| Ok(line.as_str()?)).map_err(fault)?;
            if let Some(Columns { upstream_id: Some(id), at_ms, .. }) = Columns::read(line) {
                list.push((at_ms.div_euclid(DAY), hash(id), row.get(1).map_err(fault)?));
            }
        }
        drop(rows);
        drop(select);
        Ok(Self { list: Arc::new(Mutex::new(list)) })
    }

    fn list(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Inside a batch's transaction: `new` are its lines. When there are enough with them, all go into the
    /// index; returns whether they did. [`Recent::commit`] follows when the batch is committed.
    pub(super) fn prepare(&self, connection: &Connection, new: &[Entry]) -> Result<bool, StoreError> {
        let mut all: Vec<Entry> = {
            let list = self.list();
            if list.len() + new.len() < MOST {
                return Ok(false);
            }
            list.iter().chain(new).copied().collect()
        };
        all.sort_unstable();
        let sql = "INSERT INTO upstream (day, hash, seq) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        let mut insert = connection.prepare_cached(sql).map_err(fault)?;
        for entry in all {
            insert.execute(entry).map_err(fault)?;
        }
        let sql = "UPDATE position SET upstream_seq = (SELECT coalesce(max(seq), 0) FROM lines)";
        connection.execute(sql, []).map_err(fault)?;
        Ok(true)
    }

    /// After the commit of a batch with those lines.
    pub(super) fn commit(&self, indexed: bool, new: &[Entry]) {
        let mut list = self.list();
        match indexed {
            true => list.clear(),
            false => list.extend_from_slice(new),
        }
    }

    /// The newest line of that upstream id, given as a line has it.
    pub(super) fn find(&self, connection: &Connection, id: &str) -> Result<Option<String>, StoreError> {
        let hash = hash(id);
        let listed: Vec<i64> = {
            let list = self.list();
            list.iter().rev().filter(|entry| entry.1 == hash).map(|entry| entry.2).collect()
        };
        for seq in listed {
            if let Some(line) = line(connection, seq, id)? {
                return Ok(Some(line));
            }
        }
        let days = "SELECT min(day), max(day) FROM upstream";
        let (oldest, newest): (Option<i64>, Option<i64>) =
            connection.query_row(days, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(fault)?;
        let sql = "SELECT seq FROM upstream WHERE day = ?1 AND hash = ?2 ORDER BY seq DESC";
        let mut select = connection.prepare_cached(sql).map_err(fault)?;
        for day in (oldest.unwrap_or(0)..=newest.unwrap_or(-1)).rev() {
            let found = select.query_map((day, hash), |row| row.get(0)).map_err(fault)?;
            for seq in found {
                if let Some(line) = line(connection, seq.map_err(fault)?, id)? {
                    return Ok(Some(line));
                }
            }
        }
        Ok(None)
    }
}

/// The line at a place, when it is of that upstream id: hashes may meet, and lines expire.
fn line(connection: &Connection, seq: i64, id: &str) -> Result<Option<String>, StoreError> {
    let mut select = connection.prepare_cached("SELECT line FROM lines WHERE seq = ?1").map_err(fault)?;
    let line: Option<String> = select.query_row([seq], |row| row.get(0)).optional().map_err(fault)?;
    Ok(line.filter(|line| Columns::read(line).is_some_and(|columns| columns.upstream_id == Some(id))))
}

/// Takes up to `limit` lines out of the index whose day is over before a time in ms.
pub(super) fn expire(connection: &Connection, before_ms: i64, limit: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM upstream WHERE (day, hash, seq) IN
               (SELECT day, hash, seq FROM upstream WHERE day < ?1 LIMIT ?2)";
    let mut delete = connection.prepare_cached(sql).map_err(fault)?;
    delete.execute((before_ms.div_euclid(DAY), limit)).map_err(fault)?;
    Ok(())
}

/// The entry of a line that was just stored at `seq`.
pub(super) fn entry(columns: &Columns<'_>, seq: i64) -> Option<Entry> {
    columns.upstream_id.map(|id| (columns.at_ms.div_euclid(DAY), hash(id), seq))
}
