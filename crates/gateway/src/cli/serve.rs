//! `tollgate serve`: the gateway.

use clap::Args;

use super::common::Common;
use super::failure::Failure;
use super::print;
use crate::boot::{self, Start};
use crate::telemetry::log;

/// What `serve` takes.
#[derive(Debug, Args, Clone, Default)]
pub struct Serve {
    /// The address to listen on, over `server.listen`
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// No access log
    #[arg(long)]
    pub quiet: bool,
}

/// Runs the gateway to its end.
///
/// # Errors
/// Why it does not start.
pub async fn run(common: &Common, serve: &Serve) -> Result<(), Failure> {
    let start = Start {
        file: common.config.clone(),
        flags: common.flags(serve.listen.clone()),
        quiet: serve.quiet,
        silent: false,
    };
    let config = boot::load(&start)?;
    let running = boot::open(config, &start).await?;
    if !start.quiet {
        log::start_access();
    }
    print::note(&boot::banner(&running));
    Ok(running.serve().await?)
}
