//! SQLite in one file of the data folder: no service to run, and a backup is a copy.

mod conn;
mod directory;
mod ledger;
mod migrate;
mod objects;
mod responses;
mod upstream;

use std::path::Path;
use std::time::Duration;

use policy::port::StoreError;

pub(crate) use self::directory::SqliteDirectory;
pub(crate) use self::ledger::SqliteLedger;
pub(crate) use self::objects::SqliteObjects;
pub(crate) use self::responses::SqliteResponses;

/// How long opening waits for another process that has the database.
const WAIT: Duration = Duration::from_secs(5);

/// Opens the database, made and brought to the current layout where needed.
pub(crate) fn open(path: &Path) -> Result<(SqliteLedger, SqliteDirectory, SqliteObjects, SqliteResponses), StoreError> {
    let mut connection = conn::writer(path, WAIT)?;
    migrate::migrate(&mut connection, &migrate::STEPS)?;
    let (ledger, directory) = (SqliteLedger::open(path)?, SqliteDirectory::open(path)?);
    Ok((ledger, directory, SqliteObjects::open(path)?, SqliteResponses::open(path)?))
}

#[cfg(test)]
mod tests;
