//! Deletes kept responses whose time is over.

use std::sync::Arc;
use std::time::Duration;

use crate::gateway::Gateway;

/// How often is looked.
const EVERY: Duration = Duration::from_secs(60);

/// Looks until the gateway stops; also while nothing new is kept, for what was kept before.
pub async fn run(gateway: Arc<Gateway>) {
    let stop = gateway.tasks.stop().clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
        gateway.shelf.expire().await;
    }
}
