//! What a request's record begins with.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;
use policy::entry::Caller;
use tokio::time::Instant;
use uuid::Uuid;

use crate::server::client;
use crate::state::snapshot::Snapshot;
use crate::telemetry::log;

/// What a record begins with.
#[derive(Debug, Clone, Copy)]
pub struct Opening {
    /// The request's id.
    pub id: Uuid,
    /// When it arrived.
    pub start: Instant,
    /// The caller's dialect, `native` for none.
    pub dialect: &'static str,
    /// What is asked for.
    pub operation: &'static str,
    /// Where it came from, for the access log.
    pub client: Option<IpAddr>,
}

/// What is known of a request that was answered in a batch.
#[derive(Debug, Clone)]
pub struct Told {
    /// When its answer was there.
    pub at: Timestamp,
    /// Who made the batch.
    pub caller: Caller,
    /// The batch.
    pub batch: Arc<str>,
    /// The caller's own id of the request.
    pub custom_id: String,
}

/// Where a request came from, where the access log tells it; `None` on the local socket.
#[must_use]
pub fn client(peer: Option<SocketAddr>, headers: &HeaderMap, snapshot: &Snapshot) -> Option<IpAddr> {
    let proxies = &snapshot.config.server.trusted_proxies;
    peer.filter(|_| log::access_is_on()).map(|peer| client::address(peer.ip(), headers, proxies))
}
