//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::boot::{self, BootError, Start};
use crate::config::Flags;

/// A self-hosted LLM gateway: one endpoint, real answers, exact cost.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, about)]
struct Cli {
    #[command(flatten)]
    serve: Serve,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args, Clone, Default)]
struct Serve {
    /// The configuration file [default: ./tollgate.yaml when present, else the environment]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where the store, the journal and the admin key's file live
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// No access log
    #[arg(long)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway (the default)
    Serve(Serve),
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let serve = match cli.command {
        None => cli.serve,
        Some(Command::Serve(serve)) => serve,
    };
    let start = Start {
        file: serve.config,
        flags: Flags { listen: serve.listen, data_dir: serve.data_dir },
        quiet: serve.quiet,
        silent: false,
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    let Ok(runtime) = runtime else { return ExitCode::from(2) };
    let done = runtime.block_on(async {
        let config = boot::load(&start)?;
        let running = boot::open(config, &start).await?;
        if !start.quiet {
            crate::telemetry::log::start_access();
        }
        eprint!("{}", boot::banner(&running));
        running.serve().await
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(BootError::Config(mistakes)) => {
            for mistake in mistakes {
                eprintln!("{mistake}");
            }
            ExitCode::from(1)
        }
        Err(BootError::Mistake(what)) => {
            eprintln!("{what}");
            ExitCode::from(1)
        }
        Err(BootError::Environment(what)) => {
            eprintln!("{what}");
            ExitCode::from(2)
        }
    }
}
