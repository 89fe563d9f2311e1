//! The six laws of translation, over every dialect that is built, and a short fuzz run.
//!
//! `PROPTEST_CASES` and `TOLLGATE_FUZZ_SECONDS` make them run longer.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail by panicking"
)]

mod common;

/// How many cases of a slow property: `PROPTEST_CASES`, or this many.
fn cases(few: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few)
}

#[path = "laws/chunks.rs"]
mod chunks;
#[path = "laws/fold.rs"]
mod fold;
#[path = "laws/fuzz.rs"]
mod fuzz;
#[path = "laws/grammar.rs"]
mod grammar;
#[path = "laws/identity.rs"]
mod identity;
#[path = "laws/loss.rs"]
mod loss;
#[path = "laws/usage.rs"]
mod usage;
