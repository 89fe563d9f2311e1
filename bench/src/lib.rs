//! The end-to-end bench: a mock provider, the bare hyper proxy as yardstick, a load generator, and the runner.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "command-line tools print their results and progress")]

pub mod bodies;
pub mod h1;
pub mod load;
pub mod mock;
pub mod procfs;
pub mod run;
pub mod translation;
pub mod yardstick;

/// What went wrong, for the person at the terminal.
pub type Fault = String;

/// Puts what was being done before an error's own text.
pub(crate) trait Context<T> {
    /// # Errors
    /// The same error, with `what: ` before it.
    fn context(self, what: impl std::fmt::Display) -> Result<T, Fault>;
}

impl<T, E: std::fmt::Display> Context<T> for Result<T, E> {
    fn context(self, what: impl std::fmt::Display) -> Result<T, Fault> {
        self.map_err(|e| format!("{what}: {e}"))
    }
}

/// Runs a tool's future on a current-thread runtime and turns its fault into exit code 2.
pub fn main_on_one_thread(run: impl Future<Output = Result<(), Fault>>) -> std::process::ExitCode {
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")
        .and_then(|rt| rt.block_on(run));
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            std::process::ExitCode::from(2)
        }
    }
}
