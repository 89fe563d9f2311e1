//! Parses the command line, runs the command, prints what went wrong, and sets the exit code.

use std::process::ExitCode;

use gateway::cli;

/// A request makes some hundred small allocations; this allocator halves what they cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
