//! The command line: one room per command, exit codes 0 ok, 1 the user's mistake, 2 the environment failed.

pub mod check;
pub mod common;
pub mod demo;
pub mod explain;
pub mod failure;
pub mod keys;
pub mod later;
pub mod print;
pub mod reach;
pub mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::common::Common;
use self::failure::Failure;
use self::serve::Serve;

/// A self-hosted LLM gateway: one endpoint, real answers, exact cost.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, about, args_conflicts_with_subcommands = false)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    serve: Serve,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway (the default)
    Serve(Serve),
    /// Print every mistake of the configuration at once
    Check(check::Check),
    /// Make, list and end virtual keys
    Keys(keys::Keys),
    /// Say who served a past request and why, or who would serve one now
    Explain(explain::Explain),
    /// Run a gateway with simulated providers and traffic: no account or key needed
    Demo(demo::Demo),
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no mistake.
            let code = u8::from(error.use_stderr());
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(Failure::environment(format!("No threads can be started: {error}."))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.text.is_empty() {
                print::note(&format!("{}\n", failure.text));
            }
            failure.exit()
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { common, serve, command } = cli;
    match command {
        None => serve::run(&common, &serve).await,
        Some(Command::Serve(own)) => {
            let serve = Serve { listen: own.listen.or(serve.listen), quiet: own.quiet || serve.quiet };
            serve::run(&common, &serve).await
        }
        Some(Command::Check(check)) => check::run(&common, &check),
        Some(Command::Keys(keys)) => keys::run(&common, &keys).await,
        Some(Command::Explain(explain)) => explain::run(&common, &explain).await,
        Some(Command::Demo(demo)) => demo::run(&common, &demo).await,
        Some(Command::Other(words)) => Err(later::refuse(words.first().map_or("", String::as_str))),
    }
}
