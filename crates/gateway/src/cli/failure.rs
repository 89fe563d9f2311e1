//! How a command fails: whose fault it is, and what to do next.

use std::process::ExitCode;

use dialect::fault::{Fault, Kind};

use crate::boot::BootError;
use crate::config::Diagnostic;

/// A failed command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// 1: the user's mistake; 2: the environment failed.
    pub code: u8,
    /// What is wrong and what to do, for standard error.
    pub text: String,
}

impl Failure {
    /// The user's mistake.
    pub fn mistake(text: impl Into<String>) -> Self {
        Self { code: 1, text: text.into() }
    }

    /// The environment failed.
    pub fn environment(text: impl Into<String>) -> Self {
        Self { code: 2, text: text.into() }
    }

    /// Mistakes in the configuration, each on its own lines.
    #[must_use]
    pub fn config(mistakes: &[Diagnostic]) -> Self {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Self::mistake(lines.join("\n"))
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<BootError> for Failure {
    fn from(error: BootError) -> Self {
        match error {
            BootError::Config(mistakes) => Self::config(&mistakes),
            BootError::Mistake(text) => Self::mistake(text),
            BootError::Environment(text) => Self::environment(text),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault.kind {
            Kind::Unavailable => Self::environment(fault.message),
            _ => Self::mistake(fault.message),
        }
    }
}
