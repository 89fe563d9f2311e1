//! The journal: ledger lines on the local disk before a caller has the last byte of its answer.
//!
//! Appending costs one `write(2)` on the caller's own thread. Appenders never wait for each other: one of
//! them has the file, writes its line and then what the others queued meanwhile. So a disk that hangs blocks
//! one thread; everyone else puts lines into memory, and so does everyone when the disk refuses. The thread
//! `journal` writes them, in order, when the disk is back.

mod core;
mod keeper;
mod queue;
mod read;
mod segment;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;

use policy::entry::Columns;
use policy::port::Position;
use tokio::sync::oneshot;
use uuid::Uuid;

use self::core::{Core, Drained, tell};
use self::keeper::Keeper;
pub use self::keeper::Sync;
pub use self::read::Batch;
use self::segment::Segment;

/// How the journal is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// When lines are forced to the disk.
    pub sync: Sync,
    /// How much the lines in memory may take, in bytes; beyond it the oldest are dropped and counted.
    pub memory: u64,
    /// At what size a new file is begun, in bytes.
    pub segment: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { sync: Sync::Interval, memory: 64 << 20, segment: 64 << 20 }
    }
}

/// What became of a line.
#[derive(Debug)]
pub enum Appended {
    /// It is in the file (page cache; on the disk with [`Sync::Always`]): it survives `kill -9`.
    Written,
    /// Another thread is about to write it. `Ok` when it is in the file, `Err` when it stays in memory. Wait
    /// 20 ms at most, then answer anyway: the line is written when the disk comes round.
    Waiting(oneshot::Receiver<()>),
    /// The disk refuses or hangs: the line is in memory, and a kill would lose it.
    Held,
}

/// The journal's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Lines are held in memory because the disk refuses or hangs, or it could not be synced.
    pub degraded: bool,
    /// Lines in memory.
    pub memory_lines: u64,
    /// What they take, in bytes.
    pub memory_bytes: u64,
    /// Lines dropped since the start because memory was full.
    pub dropped_lines_total: u64,
    /// Lines written since the start.
    pub written_lines_total: u64,
    /// Where the last whole line ends.
    pub written: Position,
}

/// The journal of one data folder. Only one process may have it open; the folder's lock sees to that.
#[derive(Debug)]
pub struct Journal {
    core: Arc<Core>,
    stop: Arc<AtomicBool>,
    keeper: Thread,
    sync: Sync,
}

impl Journal {
    /// Opens the journal in `dir`, which is made where it is missing, and begins a new file.
    ///
    /// # Errors
    /// When the folder or the new file cannot be made, or the thread not started.
    pub fn open(dir: &Path, options: Options) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let numbers = segment::list(dir)?;
        let segment = Segment::begin(dir, numbers.last().copied())?;
        let core = Arc::new(Core::new(dir, segment, numbers, options.memory));
        let stop = Arc::new(AtomicBool::new(false));
        let keeper = Keeper::new(Arc::clone(&core), Arc::clone(&stop), options.sync, options.segment);
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || keeper.run())?;
        Ok(Self { core, stop, keeper: thread.thread().clone(), sync: options.sync })
    }

    /// Appends one line, given without a line feed. Never waits for another thread; may block in one
    /// `write(2)`. A line feed inside is white space between JSON tokens and becomes a blank.
    #[must_use]
    pub fn append(&self, mut line: String) -> Appended {
        if memchr::memchr(b'\n', line.as_bytes()).is_some() {
            line = line.replace('\n', " ");
        }
        line.push('\n');
        let core = &*self.core;
        if core.degraded.load(Ordering::Acquire) || core.stuck() {
            core.hold(line);
            return Appended::Held;
        }
        if self.sync == Sync::Always {
            let waiting = core.wait(line);
            self.keeper.unpark();
            return Appended::Waiting(waiting);
        }
        let Some(mut segment) = core.try_segment() else {
            let waiting = core.wait(line);
            core.combine();
            return Appended::Waiting(waiting);
        };
        let written = core.write(&mut segment, &line);
        drop(segment);
        if !written {
            core.hold(line);
            return Appended::Held;
        }
        core.combine();
        Appended::Written
    }

    /// The journal's state.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let core = &self.core;
        let degraded = core.degraded.load(Ordering::Acquire) || core.stuck() || core.unsynced.load(Ordering::Acquire);
        let queue = core.queue();
        Stats {
            degraded,
            memory_lines: queue.len() as u64,
            memory_bytes: queue.bytes(),
            dropped_lines_total: queue.dropped(),
            written_lines_total: core.lines(),
            written: core.written(),
        }
    }

    /// Lines written since the start.
    pub(crate) fn lines(&self) -> u64 {
        self.core.lines()
    }

    /// Reads lines from a place on into `batch`, across files: up to `max_lines`, about `max_bytes` together (at least one
    /// line). Blocks.
    ///
    /// # Errors
    /// When the disk does not give them.
    pub fn read(&self, from: Position, max_lines: usize, max_bytes: usize, batch: &mut Batch) -> io::Result<()> {
        read::read(&self.core, from, max_lines, max_bytes, batch)
    }

    /// Counts the lines from a place on. Blocks.
    #[must_use]
    pub fn count(&self, from: Position) -> u64 {
        read::count(&self.core, from)
    }

    /// The line of that id, in memory or in what was written from `from` on. Blocks; its cost grows with what
    /// is not stored yet.
    #[must_use]
    pub fn find_tail(&self, from: Position, id: Uuid) -> Option<String> {
        let needle = id.hyphenated().to_string();
        read::find(&self.core, from, &needle, |line| Columns::read(line).is_some_and(|columns| columns.id == id))
    }

    /// The same by the upstream's id of the answer.
    #[must_use]
    pub fn find_tail_upstream(&self, from: Position, upstream_id: &str) -> Option<String> {
        let quoted = serde_json::to_string(upstream_id).ok()?;
        let inside = quoted.get(1..quoted.len().saturating_sub(1)).filter(|inside| !inside.is_empty())?;
        read::find(&self.core, from, inside, |line| {
            Columns::read(line).is_some_and(|columns| columns.upstream_id == Some(inside))
        })
    }

    /// Deletes the files that end before a place; never the one being written. Call it only with a place that
    /// the store holds durably.
    pub fn forget(&self, before: Position) {
        let bound = before.file.min(self.core.written().file);
        let old: Vec<u64> = self.core.numbers().range(..bound).copied().collect();
        for number in old {
            let gone = match std::fs::remove_file(segment::path(self.core.dir(), number)) {
                Ok(()) => true,
                Err(error) => error.kind() == io::ErrorKind::NotFound,
            };
            if gone {
                self.core.numbers().remove(&number);
            }
        }
    }

    /// Writes what is in memory and forces it all to the disk. Blocks, on a hanging disk without end.
    ///
    /// # Errors
    /// When the disk refuses; the lines stay in memory.
    pub fn flush(&self) -> io::Result<()> {
        let mut segment = self.core.segment();
        loop {
            let mut waiters = Vec::new();
            let (drained, code) = self.core.drain(&mut segment, &mut waiters);
            tell(waiters);
            match drained {
                Drained::Empty => break,
                Drained::More => {}
                Drained::Failed => {
                    return Err(code.map_or_else(|| io::ErrorKind::Other.into(), io::Error::from_raw_os_error));
                }
            }
        }
        let file = Arc::clone(&segment.file);
        drop(segment);
        file.sync_data()
    }
}

impl Drop for Journal {
    /// Stops the thread. Nobody waits for it: its disk may hang.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.keeper.unpark();
    }
}

#[cfg(test)]
mod tests;
