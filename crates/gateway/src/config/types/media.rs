//! Which media are downloaded for providers that fetch none, from where.

use std::time::Duration;

use super::Network;

/// From where media are downloaded for targets that fetch none themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetching {
    /// From any public address.
    Public,
    /// From listed hosts and networks alone.
    Allow,
    /// From nowhere.
    Off,
}

impl Fetching {
    /// The word in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Allow => "allow",
            Self::Off => "off",
        }
    }
}

/// How media at addresses are downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchMedia {
    /// From where.
    pub mode: Fetching,
    /// Hosts in lower case, `*.` for all below one; with [`Fetching::Allow`].
    pub hosts: Vec<String>,
    /// Networks that may be asked though they are not public.
    pub networks: Vec<Network>,
    /// Ports beside 80 and 443.
    pub ports: Vec<u16>,
    /// The most of one, bytes.
    pub max: u64,
    /// The most of one request's together, bytes.
    pub total: u64,
    /// How long all of one request's may take.
    pub timeout: Duration,
}

impl Default for FetchMedia {
    fn default() -> Self {
        Self {
            mode: Fetching::Public,
            hosts: Vec::new(),
            networks: Vec::new(),
            ports: Vec::new(),
            max: 20 << 20,
            total: 64 << 20,
            timeout: Duration::from_secs(10),
        }
    }
}
