//! From a file and the environment to a configuration that can run, or to every mistake in it at once.

pub mod secret;
pub mod types;

pub use secret::Secret;
pub use types::Config;
