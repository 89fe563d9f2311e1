//! The way of a line from the journal to the ledger's store: one thread, in order, nothing lost or doubled.
//!
//! Lines and the place up to which the journal is stored are committed together. A store that is away is
//! tried again, ever more slowly; the journal keeps what it has not.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use policy::port::{Fut, Ledger, Position, StoreError};

use crate::journal::{Batch, Journal};

/// The most lines of one transaction.
const LINES: usize = 1_000;
/// The most text of one transaction, about, in bytes.
const BYTES: usize = 1_536 << 10;
/// How often it looks for new lines.
const TICK: Duration = Duration::from_millis(50);
/// How long lines wait for others, to share a transaction: a line can be found in the journal meanwhile.
const GATHER: Duration = Duration::from_millis(500);
/// The longest pause between two tries of a store that is away.
const LONGEST: Duration = Duration::from_secs(1);
/// How often lines past their time are looked for.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// The most lines deleted at a time.
const EXPIRE_LINES: usize = 5_000;

/// How it goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Up to where the journal is stored; the start until the store has said so.
    pub stored: Position,
    /// Lines in the journal that are not stored yet.
    pub lag_lines: u64,
    /// Lines passed over since the start, because they are no ledger lines (torn by a power failure).
    pub bad_lines_total: u64,
    /// Lines deleted since the start because their time was over.
    pub expired_lines_total: u64,
    /// Why the store does not take lines; `None` when it does.
    pub away: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    abandon: AtomicBool,
    /// Somebody waits for what the journal has.
    hurry: AtomicBool,
    backlog: AtomicU64,
    done: AtomicU64,
    bad: AtomicU64,
    expired: AtomicU64,
    state: Mutex<(Position, Option<String>)>,
}

impl Shared {
    fn lag(&self, journal: &Journal) -> u64 {
        let all = self.backlog.load(Ordering::Acquire).saturating_add(journal.lines());
        all.saturating_sub(self.done.load(Ordering::Acquire))
    }
}

/// The running thread.
#[derive(Debug)]
pub struct Ingest {
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    thread: Thread,
    ended: Mutex<Receiver<bool>>,
}

impl Ingest {
    /// Starts the thread `ledger`. Lines older than `retention` are deleted; `None` keeps them.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(journal: Arc<Journal>, ledger: Arc<dyn Ledger>, retention: Option<Duration>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (ending, ended) = sync_channel(1);
        let worker = Worker {
            shared: Arc::clone(&shared),
            journal: Arc::clone(&journal),
            ledger,
            retention,
            expired: None,
            pause: TICK,
            batch: Batch::default(),
        };
        let thread = std::thread::Builder::new().name("ledger".into()).spawn(move || {
            stand_back();
            // Whoever waits for the end may have given up.
            let _ = ending.send(worker.run());
        })?;
        let thread = thread.thread().clone();
        Ok(Self { shared, journal, thread, ended: Mutex::new(ended) })
    }

    /// How it goes.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = &self.shared;
        let (stored, away) = shared.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Stats {
            stored,
            lag_lines: shared.lag(&self.journal),
            bad_lines_total: shared.bad.load(Ordering::Acquire),
            expired_lines_total: shared.expired.load(Ordering::Acquire),
            away,
        }
    }

    /// Up to where the journal is stored; from there on a line is looked for in the journal. Look there first
    /// and in the store second: a line that moves meanwhile is then found in one of them.
    #[must_use]
    pub fn stored(&self) -> Position {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Stores what the journal has without waiting for more: somebody is about to read it from the store.
    pub fn hurry(&self) {
        self.shared.hurry.store(true, Ordering::Release);
        self.thread.unpark();
    }

    /// Stores what the journal has and ends the thread; waits for it up to `within`. Blocks. True when all is
    /// stored; what is not is stored at the next start.
    #[must_use]
    pub fn stop(&self, within: Duration) -> bool {
        self.shared.stop.store(true, Ordering::Release);
        self.thread.unpark();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = ended.recv_timeout(within).unwrap_or(false);
        self.shared.abandon.store(true, Ordering::Release);
        stored
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.abandon.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

struct Worker {
    shared: Arc<Shared>,
    journal: Arc<Journal>,
    ledger: Arc<dyn Ledger>,
    retention: Option<Duration>,
    expired: Option<Instant>,
    pause: Duration,
    batch: Batch,
}

impl Worker {
    /// Runs until told to stop; true when all is stored then.
    fn run(mut self) -> bool {
        let Some(mut position) = self.begin() else { return false };
        let mut stored = Instant::now();
        loop {
            let stopping = self.shared.stop.load(Ordering::Acquire);
            let hurried = self.shared.hurry.swap(false, Ordering::AcqRel);
            let gathers = self.shared.lag(&self.journal) < LINES as u64 && stored.elapsed() < GATHER;
            if !stopping && !hurried && gathers {
                std::thread::park_timeout(TICK);
                continue;
            }
            match self.step(position) {
                Ok((next, lines)) => {
                    let moved = next != position;
                    stored = Instant::now();
                    position = next;
                    self.report(position, None);
                    self.pause = TICK;
                    if lines == LINES || (stopping && moved) {
                        continue;
                    }
                    if stopping {
                        return true;
                    }
                    self.expire();
                }
                Err(error) => {
                    self.report(position, Some(error));
                    if self.shared.abandon.load(Ordering::Acquire) {
                        return false;
                    }
                    std::thread::park_timeout(self.pause);
                    self.pause = (self.pause * 2).min(LONGEST);
                }
            }
        }
    }

    /// Asks the store where to go on, until it answers.
    fn begin(&mut self) -> Option<Position> {
        while !self.shared.abandon.load(Ordering::Acquire) {
            match block_on(self.ledger.position()) {
                Ok(position) => {
                    // Lines written since the journal was opened are counted by the journal itself.
                    let lines = self.journal.count(position);
                    let since = self.journal.lines();
                    self.shared.backlog.store(lines.saturating_sub(since), Ordering::Release);
                    self.report(position, None);
                    return Some(position);
                }
                Err(error) => self.report(Position::default(), Some(error)),
            }
            std::thread::park_timeout(self.pause);
            self.pause = (self.pause * 2).min(LONGEST);
        }
        None
    }

    /// Stores one batch; returns where to go on and how many lines there were.
    fn step(&mut self, position: Position) -> Result<(Position, usize), StoreError> {
        let batch = &mut self.batch;
        self.journal
            .read(position, LINES, BYTES, batch)
            .map_err(|error| StoreError::Unavailable(format!("the journal cannot be read: {error}")))?;
        if batch.next == position {
            return Ok((position, 0));
        }
        let (lines, bad) = sift(batch);
        block_on(self.ledger.append(&lines, batch.next))?;
        self.shared.done.fetch_add(batch.len() as u64, Ordering::Release);
        self.shared.bad.fetch_add(bad + batch.torn, Ordering::Release);
        if batch.next.file != position.file {
            // That append was durable, so the files before it are needed no more.
            self.journal.forget(batch.next);
        }
        Ok((batch.next, batch.len()))
    }

    fn report(&self, stored: Position, error: Option<StoreError>) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = (stored, error.map(|error| error.to_string()));
    }

    /// Deletes one lot of lines whose time is over.
    fn expire(&mut self) {
        let Some(retention) = self.retention else { return };
        if self.expired.is_some_and(|last| last.elapsed() < EXPIRE_EVERY) {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let before = i64::try_from(now.saturating_sub(retention).as_millis()).unwrap_or(0);
        // A store that is away is tried again with the next lines.
        let lines = block_on(self.ledger.expire(before, EXPIRE_LINES)).unwrap_or(0);
        self.shared.expired.fetch_add(lines as u64, Ordering::Release);
        if lines < EXPIRE_LINES {
            self.expired = Some(Instant::now());
        }
    }
}

/// The lines that can be stored, and how many cannot. The store reads them whole; here their ends tell a torn
/// one.
fn sift(batch: &Batch) -> (Vec<&str>, u64) {
    let mut lines = Vec::with_capacity(batch.len());
    let mut bad = 0;
    for line in batch.lines() {
        match line {
            Some(line) if line.starts_with('{') && line.ends_with('}') => lines.push(line),
            _ => bad += 1,
        }
    }
    (lines, bad)
}

/// Lets the request path go first where both want the same core: a thread of this priority still gets a tenth
/// of a busy core, which is several thousand lines a second.
pub(crate) fn stand_back() {
    // On Linux alone this is of one thread; elsewhere it is of the whole process. Where it is not allowed, the
    // thread runs as any other.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(10);
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a call to its end on this thread.
pub(crate) fn block_on<T>(call: Fut<'_, T>) -> Result<T, StoreError> {
    let mut call = pin!(call);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match call.as_mut().poll(&mut context) {
            Poll::Ready(result) => return result,
            Poll::Pending => std::thread::park(),
        }
    }
}
