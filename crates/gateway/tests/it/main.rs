//! Black-box tests: a gateway between scripted upstreams and a raw client, one file a promise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "test code: a broken expectation must end the test, with its message; tests read the clock"
)]

mod child;
mod choosing;
mod harness;
mod program;

mod abuse;
mod admin;
mod badinput;
mod cli;
mod cross;
mod failover;
mod gemini;
mod hosted;
mod kill9;
mod ledger;
mod limits;
mod local;
mod media;
mod native;
mod operations;
mod passthrough;
mod refused;
mod reload;
mod responses;
mod shutdown;
mod streaming;
