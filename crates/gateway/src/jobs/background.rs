//! Looks after responses that providers make in the background, until what each costs is in the ledger.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use policy::object::{Kind, Name, Object};
use tokio::time::Instant;

use crate::env;
use crate::gateway::Gateway;
use crate::held::price::{Step, step};

/// The first pause between two looks at a response, and the longest.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(60);
/// How often is looked what is there to do.
const EVERY: Duration = Duration::from_millis(500);
/// Most responses under watch.
const MOST: usize = 10_000;
/// How many are looked at together.
const AT_ONCE: usize = 4;

/// When a response is looked at next.
#[derive(Debug, Clone, Copy)]
struct Due {
    at: Instant,
    pause: Duration,
}

/// Looks until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let stop = gateway.tasks.stop().clone();
    tokio::select! {
        () = watch(&gateway) => {}
        () = stop.cancelled() => {}
    }
}

async fn watch(gateway: &Arc<Gateway>) {
    let mut due: HashMap<Name, Due> = HashMap::new();
    loop {
        tokio::time::sleep(EVERY).await;
        // A store that is away changes nothing: the next look finds them all.
        let Ok(open) = gateway.objects.store().open(MOST).await else { continue };
        let open: Vec<Object> = open.into_iter().filter(|object| object.name.kind == Kind::Response).collect();
        let now = env::instant();
        due.retain(|name, _| open.iter().any(|object| object.name == *name));
        let ready = open.into_iter().filter(|object| {
            let due = due.entry(object.name.clone()).or_insert(Due { at: now + FIRST, pause: FIRST });
            due.at <= now
        });
        let ready: Vec<Object> = ready.collect();
        let mut looks = futures_util::stream::iter(
            ready.into_iter().map(|object| async move { (step(gateway, &object).await, object.name) }),
        )
        .buffer_unordered(AT_ONCE);
        while let Some((step, name)) = looks.next().await {
            match (step, due.get_mut(&name)) {
                (Step::Settled, _) => {
                    // The store still says that it is open, for a moment.
                    due.insert(name, Due { at: env::instant() + LONGEST, pause: LONGEST });
                }
                (_, Some(due)) => {
                    let pause = (due.pause * 8 / 5).min(LONGEST);
                    *due = Due { at: env::instant() + due.pause, pause };
                }
                (_, None) => {}
            }
        }
    }
}
