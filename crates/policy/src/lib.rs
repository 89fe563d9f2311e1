//! Floor 3: every decision, as pure functions. Time and chance are arguments.
#![warn(missing_docs)]

pub mod access;
pub mod catalog;
pub mod entry;
pub mod latency;
pub mod money;
pub mod object;
pub mod port;
pub mod price;
pub mod provider;
pub mod residency;
pub mod route;
