//! The end-to-end bench: `cargo run --release -p tollgate-bench --bin bench`.

use std::process::ExitCode;

use bench::{load, main_on_one_thread, mock, run, yardstick};
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "bench",
    about = "Measures tollgate against a bare hyper proxy",
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(flatten)]
    options: run::Options,
    #[command(subcommand)]
    part: Option<Part>,
}

/// The parts, each also a program of its own. The runner starts them from here, so that one build has them all.
#[derive(Debug, Subcommand)]
enum Part {
    /// The mock provider.
    Mock(mock::Options),
    /// The bare hyper proxy.
    Yardstick(yardstick::Options),
    /// The load generator.
    Load(load::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.part {
        None => run::main(&cli.options),
        Some(Part::Mock(options)) => main_on_one_thread(mock::serve(options)),
        Some(Part::Yardstick(options)) => main_on_one_thread(yardstick::serve(options)),
        Some(Part::Load(options)) => main_on_one_thread(load::main(options)),
    }
}
