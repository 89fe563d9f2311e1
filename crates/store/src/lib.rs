//! Floor 4: what is kept. The journal on the local disk, the ledger and the directory in a database.
#![warn(missing_docs)]

mod hash;
pub mod ingest;
pub mod journal;
pub mod lock;
mod rollup;
mod sqlite;

use std::path::Path;
use std::sync::Arc;

use policy::port::{Directory, Ledger, Objects, Responses, StoreError};

/// What the gateway keeps things in.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Ledger lines and their sums.
    pub ledger: Arc<dyn Ledger>,
    /// Keys and settings made at run time.
    pub directory: Arc<dyn Directory>,
    /// Objects at providers.
    pub objects: Arc<dyn Objects>,
    /// Responses that are kept for their callers.
    pub responses: Arc<dyn Responses>,
}

/// Opens the stores of a data folder, which is made where it is missing. Does not take the folder's lock:
/// short commands open the stores too.
///
/// # Errors
/// When the folder or the database cannot be used, or a newer program made it.
pub fn open(data_dir: &Path) -> Result<Stores, StoreError> {
    std::fs::create_dir_all(data_dir)
        .map_err(|error| StoreError::Unavailable(format!("{} cannot be made: {error}", data_dir.display())))?;
    let (ledger, directory, objects, responses) = sqlite::open(&data_dir.join("tollgate.db"))?;
    Ok(Stores {
        ledger: Arc::new(ledger),
        directory: Arc::new(directory),
        objects: Arc::new(objects),
        responses: Arc::new(responses),
    })
}

#[cfg(test)]
mod tests;
