//! Files and environments in, configurations or mistakes out.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod credentials;
mod docs;
mod good;
mod mistakes;
mod secrets;
mod zero;

use std::path::Path;

use super::env::Given;
use super::load::{Loaded, of_text};
use super::resolve::Flags;
use super::{Config, Diagnostic};

/// Reads a file's text with these variables.
fn read_with(text: &str, env: &Given) -> Result<Loaded, Vec<Diagnostic>> {
    of_text(Some((Path::new("t.yaml"), text)), env, &Flags::default())
}

/// The configuration of a text that must be good.
fn good(text: &str) -> Config {
    match read_with(text, &Given::default()) {
        Ok(loaded) => loaded.config,
        Err(mistakes) => panic!("{}", shown(&mistakes)),
    }
}

fn shown(mistakes: &[Diagnostic]) -> String {
    mistakes.iter().map(|mistake| format!("{mistake}\n")).collect()
}
