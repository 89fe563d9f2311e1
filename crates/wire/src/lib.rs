//! Floor 1: bytes in, frames and spans out. No I/O, no clock, no panic on any input.
//!
//! Everything above sees JSON as spans of the text it came in ([`json`]) and streams as whole frames
//! with their exact bytes ([`frame`], [`sse`], [`jsonarray`], [`ndjson`]); nothing above ever sees a network chunk.
#![warn(missing_docs)]

pub mod error;
pub mod eventstream;
pub mod frame;
pub mod json;
pub mod jsonarray;
pub mod limits;
pub mod ndjson;
pub mod sse;
