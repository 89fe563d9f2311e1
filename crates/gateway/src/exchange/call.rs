//! A model call as it comes from the socket, before anyone looked at it.

use std::net::SocketAddr;

use dialect::id::DialectId;
use http::request::Parts;
use hyper::body::Incoming;
use tokio::time::Instant;
use uuid::Uuid;

/// A model call as it comes from the socket.
#[derive(Debug)]
pub struct Call {
    /// Its id.
    pub id: Uuid,
    /// When it arrived.
    pub start: Instant,
    /// The caller's dialect.
    pub dialect: DialectId,
    /// The model, where the path says.
    pub named: Option<String>,
    /// Whether the answer is to be streamed, where the path says.
    pub stream: Option<bool>,
    /// The caller's address; `None` on the local socket.
    pub peer: Option<SocketAddr>,
    /// The head.
    pub head: Parts,
    /// The body.
    pub body: Incoming,
}
