//! Proofs of reasoning that callers may lose: remembered for a day by owner and tool call, in memory alone and within
//! bounds. What a model thought is content, so none of it reaches a disk; a restart forgets all of it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use dialect::ir::part::Opaque;
use dialect::ir::proofs::{Known, Proofs, Proved};
use tokio::time::Instant;

use crate::env;

/// Most that is remembered: entries, bytes, and the bytes of one.
const MOST: usize = 100_000;
const MOST_BYTES: usize = 64 << 20;
const MOST_OF_ONE: usize = 1 << 20;
/// For how long.
const AGE: Duration = Duration::from_secs(86_400);
/// What an entry takes beside what it holds, about.
const OVERHEAD: usize = 160;

/// A hash of owner, kind and id: nobody's id finds another's entry.
type Key = [u8; 16];

/// The memory.
#[derive(Debug, Default)]
pub struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_key: HashMap<Key, Entry>,
    /// In the order in which they came; an entry that came again stands twice, its older place is empty.
    order: VecDeque<(Key, u64)>,
    bytes: usize,
    number: u64,
}

#[derive(Debug)]
struct Entry {
    what: What,
    bytes: usize,
    number: u64,
    at: Instant,
}

#[derive(Debug, Clone)]
enum What {
    AtCall(Arc<Proofs>),
    Maker(Arc<str>),
}

fn key(owner: &str, kind: u8, id: &str) -> Key {
    let mut hash = digest::Context::new(&digest::SHA256);
    for (text, end) in [(owner, kind), (id, 0)] {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
        hash.update(&[end]);
    }
    hash.finish().as_ref().get(..16).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default()
}

const CALL: u8 = 1;
const MAKER: u8 = 2;

impl Memory {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what an answer proved. The same call again counts anew.
    pub fn remember(&self, owner: &str, proved: Proved) {
        if proved.calls.is_empty() && proved.all.is_empty() {
            return;
        }
        let now = env::instant();
        let calls = proved.calls.into_iter().map(|(id, proofs)| {
            let bytes = proofs.bytes();
            (key(owner, CALL, &id), What::AtCall(Arc::new(proofs)), bytes)
        });
        let makers = proved.all.into_iter().filter(|proof| !proof.origin.model.is_empty()).map(|proof| {
            let model: Arc<str> = proof.origin.model.into();
            (key(owner, MAKER, &proof.data), What::Maker(Arc::clone(&model)), model.len())
        });
        let entries: Vec<_> = calls.chain(makers).filter(|(_, _, bytes)| *bytes <= MOST_OF_ONE).collect();
        let mut inner = self.inner();
        for (key, what, bytes) in entries {
            inner.put(key, what, bytes + OVERHEAD, now);
        }
    }

    fn get(&self, key: &Key) -> Option<What> {
        let inner = self.inner();
        let entry = inner.by_key.get(key)?;
        (env::instant().saturating_duration_since(entry.at) < AGE).then(|| entry.what.clone())
    }

    /// What is remembered of one owner's answers.
    #[must_use]
    pub const fn of<'a>(&'a self, owner: &'a str) -> Own<'a> {
        Own { memory: self, owner }
    }
}

impl Inner {
    fn put(&mut self, key: Key, what: What, bytes: usize, at: Instant) {
        self.number += 1;
        let number = self.number;
        if let Some(before) = self.by_key.insert(key, Entry { what, bytes, number, at }) {
            self.bytes -= before.bytes;
        }
        self.bytes += bytes;
        self.order.push_back((key, number));
        while let Some((oldest, its)) = self.order.front().copied() {
            let entry = self.by_key.get(&oldest).filter(|entry| entry.number == its);
            let over = self.by_key.len() > MOST || self.bytes > MOST_BYTES || self.order.len() > 2 * MOST;
            let old = |entry: &Entry| at.saturating_duration_since(entry.at) >= AGE;
            if entry.is_some_and(|entry| !over && !old(entry)) {
                break;
            }
            self.order.pop_front();
            if entry.is_some()
                && let Some(gone) = self.by_key.remove(&oldest)
            {
                self.bytes -= gone.bytes;
            }
        }
    }
}

/// What is remembered of one owner's answers.
#[derive(Debug, Clone, Copy)]
pub struct Own<'a> {
    memory: &'a Memory,
    owner: &'a str,
}

impl Known for Own<'_> {
    fn at_call(&self, id: &str) -> Option<Proofs> {
        match self.memory.get(&key(self.owner, CALL, id))? {
            What::AtCall(proofs) => Some((*proofs).clone()),
            What::Maker(_) => None,
        }
    }

    fn maker(&self, proof: &Opaque) -> Option<String> {
        match self.memory.get(&key(self.owner, MAKER, &proof.data))? {
            What::Maker(model) => Some(model.to_string()),
            What::AtCall(_) => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use dialect::id::DialectId;
    use dialect::ir::part::{Origin, Reasoning};

    use super::*;

    fn proved(id: &str, data: &str) -> Proved {
        let origin = Origin { dialect: DialectId::AnthropicMessages, model: "m".into() };
        let proof = Opaque { origin, data: data.into() };
        let reasoning = Reasoning { text: "t".into(), proof: Some(proof.clone()), redacted: false };
        let proofs = Proofs { lead: vec![reasoning], ..Proofs::default() };
        Proved { calls: vec![(id.into(), proofs)], all: vec![proof] }
    }

    #[test]
    fn nobody_finds_anothers() {
        let memory = Memory::default();
        memory.remember("key:a", proved("call_1", "S"));
        assert_eq!(memory.of("key:a").at_call("call_1").unwrap().lead[0].text, "t");
        let proof = proved("", "S").all.remove(0);
        assert_eq!(memory.of("key:a").maker(&proof).as_deref(), Some("m"));
        for owner in ["key:b", "key:", "key:acall_1", ""] {
            assert!(memory.of(owner).at_call("call_1").is_none() && memory.of(owner).maker(&proof).is_none());
        }
        assert!(memory.of("key:a").at_call("S").is_none(), "a signature is no call's id");
    }

    #[test]
    fn it_is_bounded_by_count_bytes_and_age() {
        let memory = Memory::default();
        for number in 0..MOST {
            memory.remember("a", proved(&format!("c{number}"), &format!("s{number}")));
        }
        let size = |memory: &Memory| {
            let inner = memory.inner();
            (inner.by_key.len(), inner.order.len(), inner.bytes)
        };
        assert_eq!(size(&memory).0, MOST, "half calls, half makers");
        assert!(memory.of("a").at_call("c0").is_none() && memory.of("a").at_call(&format!("c{}", MOST - 1)).is_some());
        // The same again and again takes one place.
        let memory = Memory::default();
        for _ in 0..3 * MOST {
            memory.remember("a", proved("c", "s"));
        }
        let (entries, places, bytes) = size(&memory);
        assert!(entries == 2 && places <= 2 * MOST && bytes < 1_000, "{entries} {places} {bytes}");
        // Bytes.
        let memory = Memory::default();
        let big = "x".repeat(MOST_OF_ONE - 100);
        for number in 0..80 {
            memory.remember("a", proved(&format!("c{number}"), &big));
        }
        assert!(size(&memory).2 <= MOST_BYTES && memory.of("a").at_call("c79").is_some());
        memory.remember("a", proved("huge", &"x".repeat(MOST_OF_ONE + 1)));
        assert!(memory.of("a").at_call("huge").is_none());
        // Age.
        let mut inner = Inner::default();
        let start = env::instant();
        inner.put([1; 16], What::Maker("m".into()), 1, start);
        inner.put([2; 16], What::Maker("m".into()), 1, start + AGE);
        assert!(inner.by_key.len() == 1 && inner.bytes == 1);
    }
}
