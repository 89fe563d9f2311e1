//! What a target is doing, and how fast it was: shared by every configuration that names it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy::route::pace::Pace;

/// One target's state.
#[derive(Debug, Default)]
pub struct Live {
    busy: AtomicU32,
    pace: Mutex<Pace>,
}

impl Live {
    /// Requests under way.
    #[must_use]
    pub fn busy(&self) -> u32 {
        self.busy.load(Ordering::Relaxed)
    }

    /// What is known of its speed.
    #[must_use]
    pub fn pace(&self) -> Pace {
        *self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer to a prompt of so many tokens, at a time since the process started: see [`Pace::record`].
    pub fn answered(&self, now: Duration, prompt: u64, first: Option<Duration>, output: u64, rest: Duration) {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).record(now, prompt, first, output, rest);
    }
}

/// A request under way at a target, until it is dropped.
#[derive(Debug)]
pub struct Busy(Arc<Live>);

impl Busy {
    /// One more is under way.
    #[must_use]
    pub fn begin(live: &Arc<Live>) -> Self {
        live.busy.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(live))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}
