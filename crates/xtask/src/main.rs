//! The project's own tools: `cargo xtask COMMAND`.
#![expect(clippy::print_stderr, reason = "a command line tool")]

mod catalog;
#[cfg(test)]
mod errors;
mod instructions;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "cargo xtask COMMAND
  catalog --sources DIR --date YYYY-MM-DD   make catalog/catalog.tsv and catalog/CONFLICTS.md from the price sources;
                                            --check: only compare
  instructions [--update]                   count the instructions of the hottest work, and compare with the baseline
  tidy                                      check what no compiler checks: sizes, floors, links, paths of one machine";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    let outcome = match command {
        "catalog" => catalog::run(rest),
        "instructions" => instructions::run(rest),
        "tidy" => tidy::run(rest),
        _ => Err(HELP.to_owned()),
    };
    match outcome {
        Ok(report) => {
            eprintln!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
