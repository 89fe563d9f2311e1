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
mod keeper;
mod program;

mod abuse;
mod admin;
mod aws;
mod badinput;
mod batches;
mod cli;
mod cohere;
mod converse;
mod count_tokens;
mod cross;
mod embeddings;
mod entra;
mod failover;
mod files;
mod gemini;
mod google;
mod hosted;
mod kill9;
mod ledger;
mod limits;
mod local;
mod media;
mod native;
mod objects;
mod ollama;
mod operations;
mod passthrough;
mod realtime;
mod refused;
mod reload;
mod residency;
mod responses;
mod responses_held;
mod responses_state;
mod shutdown;
mod signatures;
mod streaming;
