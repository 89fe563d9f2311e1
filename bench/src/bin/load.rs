//! The load generator, alone.

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(about = "The load generator, alone.")]
struct Cli {
    #[command(flatten)]
    options: bench::load::Options,
}

fn main() -> ExitCode {
    bench::main_on_one_thread(bench::load::main(Cli::parse().options))
}
