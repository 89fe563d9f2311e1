//! The one command: starts mock, yardstick and gateway, runs every case in turn, prints and writes the table.

mod cases;
mod machine;
mod report;
mod rig;
mod special;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use self::report::Report;
use self::rig::Rig;
use crate::Fault;

/// Options of the bench.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The gateway's binary; built in release mode when not given.
    #[arg(long, conflicts_with = "self_test")]
    pub gateway: Option<PathBuf>,
    /// Put a second yardstick in the gateway's place: shows what the machine's noise does to the figures.
    #[arg(long)]
    pub self_test: bool,
    /// Rounds of yardstick and gateway in turn.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// A smoke run: one short round of everything.
    #[arg(long)]
    pub short: bool,
    /// Only cases whose name contains this; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Print JSON instead of the table.
    #[arg(long)]
    pub json: bool,
    /// Write the table as Markdown to this file.
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|o| name.contains(o.as_str()))
    }

    fn rounds(&self) -> usize {
        if self.short { 1 } else { self.rounds.max(1) }
    }

    /// The full figure, or the short run's.
    fn long_or_short<T>(&self, long: T, short: T) -> T {
        if self.short { short } else { long }
    }
}

/// Runs the bench. Exit code 0: measured; 1: some case had errors; 2: could not run.
#[must_use]
pub fn main(options: &Options) -> ExitCode {
    match measure(options) {
        Ok(report) if report.problems.is_empty() => ExitCode::SUCCESS,
        Ok(report) => {
            for problem in &report.problems {
                eprintln!("{problem}");
            }
            ExitCode::from(1)
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::from(2)
        }
    }
}

fn measure(options: &Options) -> Result<Report, Fault> {
    if cfg!(debug_assertions) {
        eprintln!("warning: this is a debug build; its yardstick is slow. Use: cargo run --release -p tollgate-bench");
    }
    let mut report = Report::new(machine::describe(), options);
    let rig = Rig::start(options)?;
    cases::run(&rig, options, &mut report)?;
    special::run(&rig, options, &mut report)?;
    if options.json {
        println!("{}", report.json());
    } else {
        println!("{}", report.table());
    }
    if let Some(path) = &options.write {
        std::fs::write(path, report.page()).map_err(|e| format!("write {}: {e}", path.display()))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(report)
}
