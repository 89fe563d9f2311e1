//! Parses the command line, runs the command, prints what went wrong, and sets the exit code.

use std::process::ExitCode;

use gateway::cli;

fn main() -> ExitCode {
    cli::main()
}
