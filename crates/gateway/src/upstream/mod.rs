//! Sends one request to one provider: connections, TLS, proxies, and the answer's body.

pub mod body;
pub mod client;
pub mod connect;
pub mod credential;
pub mod kind;
pub mod sent;
