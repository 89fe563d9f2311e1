//! The database's layout: numbered steps, each applied once, under the database's own lock.

use policy::port::StoreError;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::conn::fault;
use crate::hash::fnv;

/// One step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) number: i64,
    pub(super) sql: &'static str,
}

/// Every step, in order. A step that was released is never edited.
pub(super) const STEPS: [Step; 4] = [
    Step { number: 1, sql: include_str!("../../migrations/sqlite/0001_ledger.sql") },
    Step { number: 2, sql: include_str!("../../migrations/sqlite/0002_directory.sql") },
    Step { number: 3, sql: include_str!("../../migrations/sqlite/0003_objects.sql") },
    Step { number: 4, sql: include_str!("../../migrations/sqlite/0004_responses.sql") },
];

/// Brings the database to the last step.
///
/// # Errors
/// [`StoreError::Corrupt`] when it was made by a newer program or a step differs from what was applied.
pub(super) fn migrate(connection: &mut Connection, steps: &[Step]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    transaction
        .execute_batch("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL)")
        .map_err(fault)?;
    let newest: Option<i64> =
        transaction.query_row("SELECT max(number) FROM migrations", [], |row| row.get(0)).map_err(fault)?;
    let known = steps.last().map_or(0, |step| step.number);
    if let Some(newest) = newest.filter(|newest| *newest > known) {
        return Err(StoreError::Corrupt(format!(
            "the database has layout {newest}, this program knows up to {known}: run the newer tollgate that \
             made it, or restore a backup from before the upgrade"
        )));
    }
    for step in steps {
        let checksum = format!("{:016x}", fnv(step.sql.as_bytes()));
        let applied: Option<String> = transaction
            .query_row("SELECT checksum FROM migrations WHERE number = ?1", [step.number], |row| row.get(0))
            .optional()
            .map_err(fault)?;
        match applied {
            Some(applied) if applied == checksum => {}
            Some(_) => {
                return Err(StoreError::Corrupt(format!(
                    "step {} of the database's layout differs from the one this program has: it was made by \
                     another build",
                    step.number
                )));
            }
            None => {
                transaction.execute_batch(step.sql).map_err(fault)?;
                transaction
                    .execute("INSERT INTO migrations VALUES (?1, ?2)", (step.number, &checksum))
                    .map_err(fault)?;
            }
        }
    }
    transaction.commit().map_err(fault)
}
