//! Looks whether another process has changed the keys in the store; what it finds is in force within 2 s.

use std::sync::Arc;
use std::time::Duration;

use crate::auth;
use crate::gateway::Gateway;
use crate::newkey;

/// How often is looked.
const EVERY: Duration = Duration::from_secs(1);

/// Looks until the gateway stops. A store that is away changes nothing: the keys that are known stay.
pub async fn run(gateway: Arc<Gateway>) {
    let stop = gateway.tasks.stop().clone();
    // Never the first version: a change between the start's reading and here is seen too.
    let mut known = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
        let Ok(version) = gateway.keys.version().await else { continue };
        if known != Some(version) && look(&gateway).await.is_some() {
            known = Some(version);
        }
    }
}

async fn look(gateway: &Arc<Gateway>) -> Option<()> {
    let snapshot = gateway.snapshot.load_full();
    if snapshot.config.server.admin_key.is_none()
        && let Some(admin) = newkey::stored_admin(&*gateway.keys).await.ok()?
    {
        gateway.admin.store(Arc::new(Some(admin)));
    }
    auth::refresh(gateway, &snapshot).await.ok()
}
