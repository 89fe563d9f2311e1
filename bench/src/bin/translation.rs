//! How fast dialects are translated: `cargo run --release -p tollgate-bench --bin translation`.

use std::process::ExitCode;

use bench::translation;
use clap::Parser;

fn main() -> ExitCode {
    translation::main(&translation::Options::parse())
}
