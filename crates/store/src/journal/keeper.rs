//! The journal's own thread: retries what the disk refused, syncs, and begins new files.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::core::{Core, Drained, tell};
use super::segment::Segment;

/// How often it looks.
const TICK: Duration = Duration::from_millis(50);
/// How often it tries another file when this one refuses.
const RETRY_FILE: Duration = Duration::from_secs(1);
/// "No space left on device" and "quota exceeded": another file would not help.
const FULL: [i32; 2] = [28, 122];

/// When written lines are forced to the disk itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// Every 50 ms: a power failure loses the last 50 ms; `kill -9` loses nothing.
    #[default]
    Interval,
    /// Before a line counts as written.
    Always,
    /// When the operating system does.
    Never,
}

/// The thread's state.
#[derive(Debug)]
pub(super) struct Keeper {
    core: Arc<Core>,
    stop: Arc<AtomicBool>,
    sync: Sync,
    bound: u64,
    file: Arc<File>,
    synced: u64,
    tried: Instant,
}

impl Keeper {
    pub(super) fn new(core: Arc<Core>, stop: Arc<AtomicBool>, sync: Sync, bound: u64) -> Self {
        let file = Arc::clone(&core.segment().file);
        Self { core, stop, sync, bound, file, synced: 0, tried: Instant::now() }
    }

    /// Runs until told to stop.
    pub(super) fn run(mut self) {
        while !self.stop.load(Ordering::Acquire) {
            std::thread::park_timeout(TICK);
            self.drain();
            self.sync();
            self.roll();
        }
    }

    /// Writes the queue, unless someone is writing.
    fn drain(&mut self) {
        while self.core.queued() > 0 {
            let Some(mut segment) = self.core.try_segment() else {
                if self.core.stuck() {
                    self.core.degraded.store(true, Ordering::Release);
                }
                return;
            };
            let mut waiters = Vec::new();
            let (drained, code) = self.core.drain(&mut segment, &mut waiters);
            drop(segment);
            if self.sync == Sync::Always && !waiters.is_empty() {
                self.sync();
            }
            if !(self.sync == Sync::Always && self.core.unsynced.load(Ordering::Acquire)) {
                tell(waiters);
            }
            match drained {
                Drained::More => {}
                Drained::Empty => {
                    self.core.degraded.store(false, Ordering::Release);
                    return;
                }
                Drained::Failed => {
                    self.core.degraded.store(true, Ordering::Release);
                    if code.is_none_or(|code| !FULL.contains(&code)) {
                        self.change_file();
                    }
                    return;
                }
            }
        }
        self.core.degraded.store(false, Ordering::Release);
    }

    /// Forces to the disk what was written since the last time.
    fn sync(&mut self) {
        let lines = self.core.lines();
        if self.sync == Sync::Never || lines == self.synced {
            return;
        }
        let always = self.sync == Sync::Always;
        if always {
            self.core.begin();
        }
        let result = self.file.sync_data();
        if always {
            self.core.end();
        }
        self.core.unsynced.store(result.is_err(), Ordering::Release);
        if result.is_ok() {
            self.synced = lines;
        }
    }

    /// Begins a new file when this one is large enough.
    fn roll(&mut self) {
        if self.core.written().offset >= self.bound {
            // A disk that refuses a new file may still take lines into this one.
            let _ = self.next_file();
        }
    }

    /// Begins a new file because this one refuses: its disk may be gone while the folder has another.
    fn change_file(&mut self) {
        if self.core.written().offset > 0 && self.tried.elapsed() > RETRY_FILE {
            self.tried = Instant::now();
            let _ = self.next_file();
        }
    }

    fn next_file(&mut self) -> io::Result<()> {
        let next = Segment::begin(self.core.dir(), self.core.numbers().last().copied())?;
        let file = Arc::clone(&next.file);
        let mut segment = self.core.segment();
        if !segment.is_clean() {
            drop(segment);
            return std::fs::remove_file(super::segment::path(self.core.dir(), next.number));
        }
        let before = self.core.swap(&mut segment, next);
        drop(segment);
        self.file = file;
        if self.sync != Sync::Never {
            before.file.sync_data()?;
        }
        Ok(())
    }
}
