//! The test kit: a scripted upstream, a raw HTTP client and sample bodies for black-box tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: a broken expectation must end the test, with its message"
)]

pub mod contract;
pub mod h1;
pub mod http;
pub mod samples;
pub mod socket;
pub mod upstream;
