//! The bare hyper proxy, alone.

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(about = "The bare hyper proxy, alone.")]
struct Cli {
    #[command(flatten)]
    options: bench::yardstick::Options,
}

fn main() -> ExitCode {
    bench::main_on_one_thread(bench::yardstick::serve(Cli::parse().options))
}
