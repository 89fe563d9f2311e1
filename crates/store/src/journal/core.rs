//! What appenders, the keeper and readers share: the file being written, the queue, and the state of both.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use policy::port::Position;
use tokio::sync::oneshot::{Receiver, Sender};

use super::queue::Queue;
use super::segment::Segment;

/// A write that takes longer is taken for one that hangs.
const STUCK: Duration = Duration::from_millis(20);
/// The most that one write takes from the queue, in bytes.
const CHUNK: usize = 256 << 10;
/// How often one appender goes on writing for others before it leaves the rest to the keeper.
const ROUNDS: usize = 8;

/// What became of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drained {
    /// It is empty.
    Empty,
    /// Some was written, more is there.
    More,
    /// The disk refused.
    Failed,
}

/// The shared state. Neither lock is held across a wait; the queue's is never held across a disk call.
#[derive(Debug)]
pub(super) struct Core {
    dir: PathBuf,
    segment: Mutex<Segment>,
    queue: Mutex<Queue>,
    queued: AtomicUsize,
    numbers: Mutex<BTreeSet<u64>>,
    epoch: Instant,
    /// When the disk call in progress began, in µs since `epoch` and 1; 0 when there is none.
    busy: AtomicU64,
    /// A line is or was held in memory because the disk failed or hung, and not all are written yet.
    pub(super) degraded: AtomicBool,
    /// The last sync failed.
    pub(super) unsynced: AtomicBool,
    lines: AtomicU64,
    file: AtomicU64,
    offset: AtomicU64,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every critical section leaves its state whole, so a panic in one is no reason to stop.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub(super) fn new(dir: &Path, segment: Segment, mut numbers: BTreeSet<u64>, memory: u64) -> Self {
        numbers.insert(segment.number);
        Self {
            dir: dir.to_owned(),
            file: AtomicU64::new(segment.number),
            offset: AtomicU64::new(segment.whole),
            segment: Mutex::new(segment),
            queue: Mutex::new(Queue::new(memory)),
            queued: AtomicUsize::new(0),
            numbers: Mutex::new(numbers),
            epoch: Instant::now(),
            busy: AtomicU64::new(0),
            degraded: AtomicBool::new(false),
            unsynced: AtomicBool::new(false),
            lines: AtomicU64::new(0),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file being written, unless someone else is writing.
    pub(super) fn try_segment(&self) -> Option<MutexGuard<'_, Segment>> {
        match self.segment.try_lock() {
            Ok(segment) => Some(segment),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The file being written; waits.
    pub(super) fn segment(&self) -> MutexGuard<'_, Segment> {
        lock(&self.segment)
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    pub(super) fn numbers(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        lock(&self.numbers)
    }

    /// Lines in memory.
    pub(super) fn queued(&self) -> usize {
        self.queued.load(Ordering::SeqCst)
    }

    /// Lines written since the start.
    pub(super) fn lines(&self) -> u64 {
        self.lines.load(Ordering::Acquire)
    }

    /// Up to where the journal is whole lines.
    pub(super) fn written(&self) -> Position {
        loop {
            let file = self.file.load(Ordering::Acquire);
            let offset = self.offset.load(Ordering::Acquire);
            if self.file.load(Ordering::Acquire) == file {
                return Position { file, offset };
            }
        }
    }

    /// Begins a disk call that others may find hanging.
    pub(super) fn begin(&self) {
        let now = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.busy.store(now.saturating_add(1), Ordering::Release);
    }

    /// Ends it.
    pub(super) fn end(&self) {
        self.busy.store(0, Ordering::Release);
    }

    /// True when the disk call in progress hangs.
    pub(super) fn stuck(&self) -> bool {
        match self.busy.load(Ordering::Acquire) {
            0 => false,
            since => self.epoch.elapsed() > STUCK + Duration::from_micros(since),
        }
    }

    /// Puts a line into memory.
    pub(super) fn push(&self, line: String, waiter: Option<Sender<()>>) {
        let mut queue = self.queue();
        queue.push(line, waiter);
        self.queued.store(queue.len(), Ordering::SeqCst);
    }

    /// Puts a line into memory because the disk does not take it.
    pub(super) fn hold(&self, line: String) {
        self.push(line, None);
        self.degraded.store(true, Ordering::Release);
    }

    /// Puts a line into memory for whoever writes next.
    pub(super) fn wait(&self, line: String) -> Receiver<()> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.push(line, Some(sender));
        receiver
    }

    /// Writes one line.
    pub(super) fn write(&self, segment: &mut Segment, line: &str) -> bool {
        self.begin();
        let (kept, _) = segment.write(line.as_bytes());
        self.end();
        self.publish(segment, u64::from(kept > 0));
        kept > 0
    }

    fn publish(&self, segment: &Segment, lines: u64) {
        self.offset.store(segment.whole, Ordering::Release);
        self.lines.fetch_add(lines, Ordering::Release);
    }

    /// Goes on in another file; returns the one before.
    pub(super) fn swap(&self, segment: &mut Segment, next: Segment) -> Segment {
        self.numbers().insert(next.number);
        // In this order, a reader never sees the new file with the old one's length.
        self.offset.store(next.whole, Ordering::Release);
        self.file.store(next.number, Ordering::Release);
        std::mem::replace(segment, next)
    }

    /// Writes some of the queue, oldest first. Those who wait for a written line are added to `waiters`.
    pub(super) fn drain(&self, segment: &mut Segment, waiters: &mut Vec<Sender<()>>) -> (Drained, Option<i32>) {
        let mut text = Vec::new();
        self.queue().take(CHUNK, &mut text);
        if text.is_empty() {
            return (Drained::Empty, None);
        }
        self.begin();
        let (kept, result) = segment.write(&text);
        self.end();
        let mut queue = self.queue();
        let (lines, written) = queue.written(kept);
        waiters.extend(written);
        if result.is_err() {
            queue.release();
        }
        self.queued.store(queue.len(), Ordering::SeqCst);
        let empty = queue.len() == 0;
        drop(queue);
        self.publish(segment, lines);
        match result {
            Err(error) => (Drained::Failed, error.raw_os_error()),
            Ok(()) if empty => (Drained::Empty, None),
            Ok(()) => (Drained::More, None),
        }
    }

    /// Writes what others queued meanwhile. Either this call sees a line that was just queued, or the one who
    /// queued it sees the file free: the fence orders the two looks.
    pub(super) fn combine(&self) {
        for _ in 0..ROUNDS {
            fence(Ordering::SeqCst);
            if self.queued() == 0 || self.degraded.load(Ordering::Acquire) {
                return;
            }
            let Some(mut segment) = self.try_segment() else { return };
            let mut waiters = Vec::new();
            let (drained, _) = self.drain(&mut segment, &mut waiters);
            drop(segment);
            tell(waiters);
            if drained == Drained::Failed {
                self.degraded.store(true, Ordering::Release);
            }
        }
    }
}

/// Tells those who wait that their line is written.
pub(super) fn tell(waiters: Vec<Sender<()>>) {
    for waiter in waiters {
        // Whoever stopped waiting has answered already.
        let _ = waiter.send(());
    }
}
