//! Parses the command line, runs the command, prints what went wrong, and sets the exit code.

use std::process::ExitCode;

use gateway::cli;

/// A request makes and frees some sixty small pieces of memory; this allocator takes a quarter of the
/// instructions of the C library's for each.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
