//! The admin API: keys and requests, for the operator and the command line.

pub mod keys;

use std::sync::Arc;

use dialect::fault::{Fault, Kind};
use http::Response;
use http::request::Parts;
use hyper::body::Incoming;

use crate::gateway::Gateway;
use crate::server::reply::ReplyBody;

/// Serves a path below `/admin/v1/`.
///
/// # Errors
/// What is wrong with the call.
pub async fn serve(
    gateway: &Arc<Gateway>,
    path: &str,
    head: &Parts,
    body: Incoming,
) -> Result<Response<ReplyBody>, Fault> {
    let (room, rest) = path.split_once('/').unwrap_or((path, ""));
    match room {
        "keys" => keys::serve(gateway, rest, head, body).await,
        _ => Err(Fault::new(Kind::NotFound, "There is no such path in the admin API; /openapi.json lists them.")),
    }
}

/// The description of the API.
#[must_use]
pub fn openapi() -> String {
    include_str!("openapi.json").to_owned()
}
