//! Keys that are not in the store, so that a caller who insists does not ask it each time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::env;

/// How long a key that was looked up in vain is not looked up again.
const MISS: Duration = Duration::from_secs(1);
/// Most misses kept.
const MOST_MISSES: usize = 10_000;

/// Keys that were looked up in vain a moment ago.
#[derive(Debug, Default)]
pub struct Misses(Mutex<HashMap<[u8; 32], Instant>>);

impl Misses {
    /// True for a key that was looked up in vain a moment ago.
    #[must_use]
    pub fn knows(&self, hash: &[u8; 32]) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(hash).is_some_and(|at| env::instant().saturating_duration_since(*at) < MISS)
    }

    /// Notes a key that is not there.
    pub fn add(&self, hash: [u8; 32]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_MISSES {
            known.clear();
        }
        known.insert(hash, env::instant());
    }

    /// Forgets every miss: a key was made.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
