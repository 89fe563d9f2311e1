//! Sets aside what a request may use, or says why not.

use std::sync::Arc;

use dialect::fault::{Fault, Kind};

use super::arrive::Arrived;
use super::hold::Hold;
use crate::gateway::Gateway;

/// Admits a request.
///
/// # Errors
/// `unavailable` when too many requests are under way, or the gateway is stopping.
pub fn admit(gateway: &Arc<Gateway>, arrived: &Arrived) -> Result<Hold, Fault> {
    admit_one(gateway, arrived.snapshot.config.server.max_in_flight)
}

/// Admits a request of any kind, where `most` may be under way.
///
/// # Errors
/// As [`admit`].
pub fn admit_one(gateway: &Arc<Gateway>, most: usize) -> Result<Hold, Fault> {
    match gateway.place(most) {
        Some(place) => Ok(Hold::new(place)),
        None => {
            let message = format!(
                "{most} requests are under way, the most this gateway serves at once (`server.max_in_flight`). \
                 Try again shortly."
            );
            Err(Fault { retry_after: Some(1), ..Fault::new(Kind::Unavailable, message) })
        }
    }
}
