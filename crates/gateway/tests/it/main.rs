//! Black-box tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code: a broken expectation must end the test, with its message; tests read the clock"
)]

mod program;

mod admin;
mod cli;
