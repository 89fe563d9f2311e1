//! Virtual keys: made, listed, ended.

use std::sync::Arc;

use dialect::fault::{Fault, Kind};
use http::Response;
use http::request::Parts;
use hyper::body::Incoming;

use crate::gateway::Gateway;
use crate::server::reply::ReplyBody;

/// Serves `/admin/v1/keys[/…]`.
///
/// # Errors
/// What is wrong with the call.
pub async fn serve(
    _gateway: &Arc<Gateway>,
    _rest: &str,
    _head: &Parts,
    _body: Incoming,
) -> Result<Response<ReplyBody>, Fault> {
    Err(Fault::new(Kind::NotFound, "placeholder"))
}

/// A new key's text: `tg-<12 public>-<48 secret>`.
#[must_use]
pub fn make_key() -> crate::config::Secret {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0u8; 60];
    crate::env::secret_bytes(&mut bytes);
    let letters: String =
        bytes.iter().map(|byte| char::from(LETTERS.get(usize::from(*byte) % 32).copied().unwrap_or(b'a'))).collect();
    let (public, secret) = letters.split_at(12);
    crate::config::Secret::new(&format!("tg-{public}-{secret}"))
}
