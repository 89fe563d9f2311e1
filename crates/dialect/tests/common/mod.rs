//! What the tests of the dialects share: recordings, rows, generators, differences, streams.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part of it")]

pub mod diff;
pub mod generate;
#[path = "../../../wire/tests/common/mod.rs"]
pub mod json;
pub mod outside;
pub mod recordings;
pub mod rows;
pub mod spell;
pub mod streams;
