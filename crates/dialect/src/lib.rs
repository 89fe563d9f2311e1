//! Floor 2: the languages that clients and providers speak. Pure and total: no I/O, no clock.
#![warn(missing_docs)]

pub mod usage;
