//! Names to network addresses: asked once for each connection, so that what was checked is what is connected to.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

/// The addresses of a host, when they are known.
pub type Found<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Finds the addresses of hosts.
pub trait Resolve: Send + Sync + std::fmt::Debug {
    /// The addresses of a name with a port.
    fn find<'a>(&'a self, host: &'a str, port: u16) -> Found<'a>;
}

/// The system's own way.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Resolve for System {
    fn find<'a>(&'a self, host: &'a str, port: u16) -> Found<'a> {
        Box::pin(async move {
            if let Ok(address) = host.parse::<IpAddr>() {
                return Ok(vec![SocketAddr::new(address, port)]);
            }
            Ok(tokio::net::lookup_host((host, port)).await?.collect())
        })
    }
}
