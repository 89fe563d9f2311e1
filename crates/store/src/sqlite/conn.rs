//! Connections to the database file: how they are opened, what their errors mean, and threads to read on.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy::port::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::oneshot;

/// Calls that may wait for a thread.
const WAITING: usize = 1_024;

/// What a database error means to a caller. Texts of SQLite name tables and files, never values.
pub(super) fn fault(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch) => {
            StoreError::Corrupt(error.to_string())
        }
        Some(_) => StoreError::Unavailable(error.to_string()),
        None => StoreError::Corrupt(error.to_string()),
    }
}

/// Opens the file for writing, made where it is missing. `wait` is how long a lock is waited for.
pub(super) fn writer(path: &Path, wait: Duration) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(fault)?;
    connection.busy_timeout(wait).map_err(fault)?;
    // A page of 8 KiB takes five lines; one of 4 KiB takes two and is a third empty.
    // In WAL mode NORMAL never damages the file, but a power failure may undo the last commits; the journal
    // still has their lines, and the position is undone with them.
    connection
        .execute_batch(
            "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000;
             PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;",
        )
        .map_err(fault)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens the file for reading.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(fault)?;
    connection.busy_timeout(Duration::from_secs(1)).map_err(fault)?;
    Ok(connection)
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A few threads, each with a connection of its own, so that no caller's thread waits for the disk.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    jobs: SyncSender<Job>,
}

impl Pool {
    /// Starts one thread per connection.
    pub(super) fn start(name: &str, connections: Vec<Connection>) -> Result<Self, StoreError> {
        let (jobs, queue) = sync_channel::<Job>(WAITING);
        let queue = Arc::new(Mutex::new(queue));
        for connection in connections {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || work(connection, &queue))
                .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        }
        Ok(Self { jobs })
    }

    /// Runs a call on one of the threads.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may have left.
            let _ = answer.send(call(connection));
        });
        self.jobs.try_send(job).map_err(|error| {
            StoreError::Unavailable(match error {
                TrySendError::Full(_) => "too many calls wait for the database".to_owned(),
                TrySendError::Disconnected(_) => "the database is closed".to_owned(),
            })
        })?;
        answered.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the call was given up".to_owned())))
    }
}

fn work(mut connection: Connection, queue: &Mutex<Receiver<Job>>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(&mut connection),
            Err(_) => return,
        }
    }
}
