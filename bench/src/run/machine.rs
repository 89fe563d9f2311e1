//! The machine a figure was measured on.

use std::fs;
use std::process::Command;

/// Where the figures come from.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) kernel: String,
    pub(super) rustc: String,
    pub(super) commit: String,
    pub(super) date: String,
}

pub(super) fn describe() -> Machine {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find(|l| l.starts_with("model name")).and_then(|l| l.split_once(':'));
    Machine {
        cpu: model.map_or("unknown CPU", |(_, name)| name.trim()).to_owned(),
        cores: cpuinfo.lines().filter(|l| l.starts_with("processor")).count(),
        kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
        rustc: said_by("rustc", &["-V"]),
        commit: said_by("git", &["rev-parse", "--short", "HEAD"]),
        date: said_by("date", &["-u", "+%Y-%m-%d"]),
    }
}

/// What a command prints, or `unknown`.
fn said_by(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().ok().filter(|o| o.status.success());
    output.map_or("unknown".to_owned(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}

/// Whether a program can be started.
pub(super) fn has(program: &str, probe: &str) -> bool {
    Command::new(program).arg(probe).output().is_ok_and(|o| o.status.success())
}
