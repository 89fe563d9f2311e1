//! What requests read: one configuration snapshot, one directory of keys, and what lives beside them.

pub mod directory;
pub mod live;
pub mod misses;
pub mod names;
pub mod provider;
pub mod snapshot;
pub mod target;
