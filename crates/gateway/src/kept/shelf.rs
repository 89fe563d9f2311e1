//! Where kept responses stand: in the store, and in memory until the store has them.
//!
//! A response is found from the moment its caller has it. Writing it goes on behind the answer and is tried again
//! while the store is away; a killed process loses what was not written yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use policy::port::{self, Kept, Reach, Room, StoreError};

use crate::env;
use crate::tasks::Tasks;
use crate::telemetry::log;

/// What may be kept: the oldest go first.
const ROOM: Room = Room { owner_count: 10_000, owner_bytes: 256 << 20, total_bytes: 2 << 30 };
/// Most bytes that wait for the store.
const WAITING: u64 = 64 << 20;
/// How often writing is tried, the first wait, and by how much it grows.
const TRIES: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Kept responses.
#[derive(Debug)]
pub struct Shelf {
    store: Arc<dyn port::Responses>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    by_id: HashMap<Arc<str>, Arc<Kept>>,
    bytes: u64,
}

impl Shelf {
    /// The responses of a store.
    #[must_use]
    pub fn new(store: Arc<dyn port::Responses>) -> Arc<Self> {
        Arc::new(Self { store, waiting: Mutex::default() })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a response, found at once and written behind the answer; false when too much waits to be written.
    pub fn put(self: &Arc<Self>, tasks: &Tasks, kept: Kept) -> bool {
        let kept = Arc::new(kept);
        {
            let mut waiting = self.waiting();
            if waiting.bytes.saturating_add(kept.bytes()) > WAITING {
                drop(waiting);
                log::warn("the store is behind: a response was not kept", &[]);
                return false;
            }
            waiting.bytes += kept.bytes();
            waiting.by_id.insert(Arc::clone(&kept.id), Arc::clone(&kept));
        }
        let (shelf, stop) = (Arc::clone(self), tasks.stop().clone());
        tasks.spawn("keep", async move {
            let mut wait = FIRST_WAIT;
            for left in (0..TRIES).rev() {
                match shelf.store.put(&kept, ROOM).await {
                    Ok(()) => break,
                    Err(error) if left == 0 || stop.is_cancelled() => {
                        log::warn("a response could not be kept", &[("error", &error.to_string())]);
                        break;
                    }
                    Err(_) => {}
                }
                tokio::select! {
                    () = tokio::time::sleep(wait) => wait *= 2,
                    () = stop.cancelled() => {}
                }
            }
            if !shelf.written(&kept) {
                // It was deleted in the meantime.
                let _ = shelf.store.forget(&kept.owner, &kept.id, 0).await;
            }
        });
        true
    }

    /// It waits no more; false when it was forgotten.
    fn written(&self, kept: &Kept) -> bool {
        let mut waiting = self.waiting();
        let there = waiting.by_id.remove(&kept.id).is_some();
        if there {
            waiting.bytes = waiting.bytes.saturating_sub(kept.bytes());
        }
        there
    }

    /// An owner's response and those it continues, newest first, as far as they are there and the reach goes.
    ///
    /// # Errors
    /// The store is away.
    pub async fn chain(&self, owner: &str, id: &str, reach: Reach) -> Result<Vec<Arc<Kept>>, StoreError> {
        let now = env::now().as_millisecond();
        let mut chain: Vec<Arc<Kept>> = Vec::new();
        let mut next = Some(Arc::<str>::from(id));
        let mut left = reach;
        while let Some(id) = next.clone() {
            // Newest first: what waits is newer than what is written.
            let Some(kept) = self.waiting().by_id.get(&id).filter(|kept| *kept.owner == *owner).cloned() else { break };
            if left.count == 0 {
                return Ok(chain);
            }
            left.count -= 1;
            left.bytes = left.bytes.saturating_sub(kept.bytes());
            next.clone_from(&kept.previous);
            chain.push(kept);
        }
        if let Some(id) = next.filter(|_| left.count > 0 && (left.bytes > 0 || chain.is_empty())) {
            chain.extend(self.store.chain(owner, &id, now, left).await?.into_iter().map(Arc::new));
        }
        Ok(chain)
    }

    /// Forgets an owner's response; false when there is none.
    ///
    /// # Errors
    /// The store is away.
    pub async fn forget(&self, owner: &str, id: &str) -> Result<bool, StoreError> {
        let waited = {
            let mut waiting = self.waiting();
            let own = waiting.by_id.get(id).is_some_and(|kept| *kept.owner == *owner);
            let gone = if own { waiting.by_id.remove(id) } else { None };
            waiting.bytes = waiting.bytes.saturating_sub(gone.as_ref().map_or(0, |kept| kept.bytes()));
            gone.is_some()
        };
        let stored = self.store.forget(owner, id, env::now().as_millisecond()).await?;
        Ok(waited || stored)
    }

    /// Deletes responses whose time is over, in lots; stops when the store is away.
    pub async fn expire(&self) {
        const LOT: usize = 200;
        while self.store.expire(env::now().as_millisecond(), LOT).await.is_ok_and(|gone| gone == LOT) {}
    }
}
