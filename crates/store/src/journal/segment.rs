//! One file of the journal: whole lines only, whatever the disk does.
//!
//! A file is written by one process and never again after it: every start begins a new one, so a line that a
//! power failure tore is never glued to a later one. Numbers grow with time even when the folder is emptied,
//! so a stored position never points into a later file.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the file of that number is.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number}.jsonl"))
}

/// The numbers of the files in a folder.
pub(super) fn list(dir: &Path) -> io::Result<BTreeSet<u64>> {
    let mut numbers = BTreeSet::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_suffix(".jsonl")).and_then(|stem| stem.parse().ok());
        numbers.extend(number);
    }
    Ok(numbers)
}

/// The number of the file after `last`: the unix time in seconds, or one more than the last.
fn following(last: Option<u64>) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    last.map_or(now, |last| now.max(last.saturating_add(1)))
}

/// The file that is written, and how much of it is whole lines.
#[derive(Debug)]
pub(super) struct Segment {
    /// The file; shared with those who read it or wait for its sync.
    pub(super) file: Arc<File>,
    /// Its number.
    pub(super) number: u64,
    /// Where its last whole line ends, in bytes.
    pub(super) whole: u64,
    /// Bytes of a torn line stand behind `whole` and could not be cut off yet.
    torn: bool,
}

impl Segment {
    /// Begins the file after `last`.
    pub(super) fn begin(dir: &Path, last: Option<u64>) -> io::Result<Self> {
        let number = following(last);
        let file = OpenOptions::new().read(true).append(true).create_new(true).open(path(dir, number))?;
        // The name must survive a power failure as well as the text does.
        File::open(dir)?.sync_all()?;
        Ok(Self::over(file, number))
    }

    /// The same over a file that is open.
    pub(super) fn over(file: File, number: u64) -> Self {
        Self { file: Arc::new(file), number, whole: 0, torn: false }
    }

    /// True when nothing but whole lines is in the file.
    pub(super) fn is_clean(&self) -> bool {
        !self.torn
    }

    /// Appends whole lines in one write where the disk allows. Returns how many bytes of them are in the
    /// file, whole lines only: after a failure the torn rest is cut off, now or before the next write.
    pub(super) fn write(&mut self, lines: &[u8]) -> (usize, io::Result<()>) {
        if self.torn {
            if let Err(error) = self.file.set_len(self.whole) {
                return (0, Err(error));
            }
            self.torn = false;
        }
        let mut done = 0;
        let result = loop {
            let Some(rest) = lines.get(done..).filter(|rest| !rest.is_empty()) else { break Ok(()) };
            match (&*self.file).write(rest) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        let kept = match &result {
            Ok(()) => done,
            Err(_) => memchr::memrchr(b'\n', lines.get(..done).unwrap_or_default()).map_or(0, |at| at + 1),
        };
        self.whole += kept as u64;
        if done > kept {
            self.torn = self.file.set_len(self.whole).is_err();
        }
        (kept, result)
    }
}
