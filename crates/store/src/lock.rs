//! The data folder's lock: one gateway per folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the lock was not taken.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process has it.
    #[error("another tollgate runs on {}: stop it, or choose another --data-dir", .0.display())]
    Taken(PathBuf),
    /// The folder or its lock file cannot be used.
    #[error("{} cannot be used: {}", .0.display(), .1)]
    Unusable(PathBuf, #[source] io::Error),
}

/// A lock that is held while this lives, and ends with the process however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a data folder, which is made where it is missing.
    ///
    /// # Errors
    /// When another process has it, or the folder cannot be written.
    pub fn take(data_dir: &Path) -> Result<Self, LockError> {
        let unusable = |error| LockError::Unusable(data_dir.to_owned(), error);
        std::fs::create_dir_all(data_dir).map_err(unusable)?;
        let options = OpenOptions::new().create(true).truncate(false).write(true).open(data_dir.join("lock"));
        let file = options.map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken(data_dir.to_owned())),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }
}
