//! The mock provider, alone.

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(about = "The mock provider, alone.")]
struct Cli {
    #[command(flatten)]
    options: bench::mock::Options,
}

fn main() -> ExitCode {
    bench::main_on_one_thread(bench::mock::serve(Cli::parse().options))
}
