//! From a file and the environment to a configuration that can run, or to every mistake in it at once.

mod clouds;
pub mod credential;
pub mod diagnose;
pub mod docs;
pub mod env;
mod fetch;
mod load;
pub mod profile;
mod raw;
mod read;
mod resolve;
pub mod secret;
mod tree;
pub mod types;
pub(crate) mod units;
mod zero;

pub use diagnose::Diagnostic;
pub use load::{Loaded, Report, check, keep_fixed, load, of_text};
pub use resolve::Flags;
pub use secret::Secret;
pub use types::Config;

#[cfg(test)]
mod tests;
