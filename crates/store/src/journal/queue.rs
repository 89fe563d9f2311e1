//! Lines in memory: those that wait for the file, oldest first, bounded in bytes.

use std::collections::VecDeque;

use tokio::sync::oneshot::Sender;

/// What a line in memory costs beside its text, in bytes.
const OVERHEAD: u64 = 64;

/// One line, its line feed included, and who waits for it.
#[derive(Debug)]
struct Held {
    line: String,
    waiter: Option<Sender<()>>,
}

impl Held {
    fn bytes(&self) -> u64 {
        self.line.capacity() as u64 + OVERHEAD
    }
}

/// Lines that are not in the file.
#[derive(Debug)]
pub(super) struct Queue {
    lines: VecDeque<Held>,
    bytes: u64,
    bound: u64,
    in_flight: usize,
    dropped: u64,
}

impl Queue {
    /// A queue that holds up to `bound` bytes.
    pub(super) fn new(bound: u64) -> Self {
        Self { lines: VecDeque::new(), bytes: 0, bound, in_flight: 0, dropped: 0 }
    }

    /// Lines held.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Memory held, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Lines dropped since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Adds a line; beyond the bound the oldest go, except those that are being written.
    pub(super) fn push(&mut self, line: String, waiter: Option<Sender<()>>) {
        let held = Held { line, waiter };
        self.bytes += held.bytes();
        self.lines.push_back(held);
        while self.bytes > self.bound {
            let Some(oldest) = self.lines.remove(self.in_flight) else { break };
            self.bytes -= oldest.bytes();
            self.dropped += 1;
        }
    }

    /// Copies the oldest lines, up to about `most` bytes and at least one, for a write. They stay here, where
    /// they can be found, until [`Queue::written`] says what became of them.
    pub(super) fn take(&mut self, most: usize, into: &mut Vec<u8>) {
        into.clear();
        self.in_flight = 0;
        for held in &self.lines {
            if self.in_flight > 0 && into.len() + held.line.len() > most {
                break;
            }
            into.extend_from_slice(held.line.as_bytes());
            self.in_flight += 1;
        }
    }

    /// Ends a write that kept the first `kept` bytes of what was taken: those lines leave, and who waits for
    /// them is returned. Returns also how many they are.
    pub(super) fn written(&mut self, kept: usize) -> (u64, Vec<Sender<()>>) {
        let mut left = kept;
        let mut lines = 0;
        let mut waiters = Vec::new();
        while self.in_flight > 0 {
            let Some(held) = self.lines.pop_front_if(|held| held.line.len() <= left) else { break };
            left -= held.line.len();
            self.bytes -= held.bytes();
            self.in_flight -= 1;
            lines += 1;
            waiters.extend(held.waiter);
        }
        self.in_flight = 0;
        (lines, waiters)
    }

    /// Tells everyone who waits that the line stays in memory for now.
    pub(super) fn release(&mut self) {
        for held in &mut self.lines {
            held.waiter = None;
        }
    }

    /// The newest line that `matches`, without its line feed.
    pub(super) fn find(&self, matches: impl Fn(&str) -> bool) -> Option<String> {
        let lines = self.lines.iter().rev().map(|held| held.line.trim_end_matches('\n'));
        lines.into_iter().find(|line| matches(line)).map(str::to_owned)
    }
}
