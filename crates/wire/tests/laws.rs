//! Laws of floor 1: JSON read as `serde_json` reads it, edits as a plain model applies them, frames as a
//! naive reader of server-sent events cuts them, whatever the chunks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test may fail by panicking, and shares a module"
)]

mod common;
#[path = "laws/edit.rs"]
mod edit;
#[path = "laws/json.rs"]
mod json;
#[path = "laws/jsonarray.rs"]
mod jsonarray;
#[path = "laws/ndjson.rs"]
mod ndjson;
#[path = "laws/sse.rs"]
mod sse;
