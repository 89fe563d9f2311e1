//! Who owns every spawned task: names, panics, and waiting for the last one.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::telemetry::log;

/// The tasks of one gateway. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    panics: Arc<AtomicU64>,
}

impl Tasks {
    /// Runs a task to its end. A panic is counted and logged, and ends nothing else.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let panics = Guard { name, panics: Arc::clone(&self.panics) };
        #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
        self.tracker.spawn(async move {
            let _guard = panics;
            task.await;
        });
    }

    /// Runs work that does not wait, on a thread of its own beside those that serve; `None` when it panicked.
    pub async fn aside<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let panics = Guard { name, panics: Arc::clone(&self.panics) };
        let work = self.tracker.spawn_blocking(move || {
            let _guard = panics;
            work()
        });
        work.await.ok()
    }

    /// Fires when the gateway is to stop.
    #[must_use]
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// How many tasks run.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tracker.len()
    }

    /// How many tasks panicked.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Waits until every task is done; no more may be spawned after.
    pub async fn wait(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

struct Guard {
    name: &'static str,
    panics: Arc<AtomicU64>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.panics.fetch_add(1, Ordering::Relaxed);
            log::error("a task panicked; the request it served is lost, others go on", &[("task", self.name)]);
        }
    }
}
