//! `tollgate check`: every mistake of a configuration at once.

use clap::Args;

use super::common::Common;
use super::failure::Failure;
use super::print;
use crate::config;

/// What `check` takes.
#[derive(Debug, Args, Clone)]
pub struct Check {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Checks.
///
/// # Errors
/// The configuration has mistakes; they are printed.
pub fn run(common: &Common, check: &Check) -> Result<(), Failure> {
    let report = config::check(common.config.as_deref(), &config::env::Process, &common.flags(None));
    if check.json {
        let json = serde_json::to_string_pretty(&report);
        print::line(&json.map_err(|error| Failure::environment(error.to_string()))?);
    } else {
        print::data(&report.to_string());
    }
    // The report has said everything.
    if report.ok { Ok(()) } else { Err(Failure::mistake("")) }
}
