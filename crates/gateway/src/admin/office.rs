//! What the admin API works with: the configuration, the keys and the ledger, of a running gateway or of none.

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use http::Method;
use policy::port::{self, StoreError};
use store::Stores;

use crate::auth;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::state::directory::Directory;
use crate::state::snapshot::Snapshot;
use crate::telemetry::metrics::Metrics;

/// A call of the admin API.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// The path below `/admin/v1/`, as it came.
    pub path: String,
    /// The query.
    pub query: Option<String>,
    /// The body; empty where there is none.
    pub body: Bytes,
}

/// An answer of the admin API.
#[derive(Debug, Clone)]
pub struct Told {
    /// HTTP status.
    pub status: u16,
    /// The JSON.
    pub json: String,
}

impl Told {
    /// An answer with status 200.
    #[must_use]
    pub const fn ok(json: String) -> Self {
        Self { status: 200, json }
    }
}

/// What the admin API works with.
#[derive(Debug)]
pub struct Office {
    /// The configuration.
    pub snapshot: Arc<Snapshot>,
    /// Where keys are stored.
    pub keys: Arc<dyn port::Directory>,
    /// Where ledger lines are stored.
    pub ledger: Arc<dyn port::Ledger>,
    /// The gateway that runs with them; `None` when a command has opened the store itself.
    pub gateway: Option<Arc<Gateway>>,
}

impl Office {
    /// The office of a running gateway.
    #[must_use]
    pub fn running(gateway: &Arc<Gateway>) -> Self {
        Self {
            snapshot: gateway.snapshot.load_full(),
            keys: Arc::clone(&gateway.keys),
            ledger: Arc::clone(&gateway.ledger),
            gateway: Some(Arc::clone(gateway)),
        }
    }

    /// The office where no gateway runs.
    ///
    /// # Errors
    /// What of the configuration cannot be made ready.
    pub fn without_gateway(config: Config, stores: Stores) -> Result<Self, String> {
        let snapshot = Snapshot::build(config, &Arc::new(Metrics::default()), None)?;
        Ok(Self { snapshot: Arc::new(snapshot), keys: stores.directory, ledger: stores.ledger, gateway: None })
    }

    /// The keys as they are stored at this moment, and those of the file.
    ///
    /// # Errors
    /// `unavailable` when the store is away.
    pub async fn directory(&self) -> Result<Directory, Fault> {
        let stored = self.keys.load().await.map_err(fault)?;
        Ok(Directory::build(&self.snapshot.config, stored, None))
    }

    /// Brings a change of the keys into force at once; `admin` is the hash of an admin key that was just made.
    ///
    /// # Errors
    /// `unavailable` when the store is away.
    pub async fn changed(&self, admin: Option<[u8; 32]>) -> Result<(), Fault> {
        let Some(gateway) = &self.gateway else { return Ok(()) };
        if admin.is_some() {
            gateway.admin.store(Arc::new(admin));
        }
        auth::refresh(gateway, &gateway.snapshot.load_full()).await
    }
}

/// A store's failure as a caller is told it.
#[must_use]
pub fn fault(error: StoreError) -> Fault {
    match error {
        StoreError::Conflict(message) => {
            Fault { code: Some("name_taken".to_owned()), ..Fault::invalid("name", capitalised(&message)) }
        }
        StoreError::Unavailable(_) | StoreError::Corrupt(_) => {
            let message = format!(
                "{}. Nothing was changed; see the gateway's log, and retry shortly.",
                capitalised(&error.to_string())
            );
            Fault { retry_after: Some(1), ..Fault::new(Kind::Unavailable, message) }
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
