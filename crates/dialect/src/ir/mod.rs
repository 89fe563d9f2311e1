//! The representation between dialects: what a request, an answer and a stream mean.
//!
//! Text that no dialect may change (schemas, arguments, numbers) stays as the JSON text it came in.

pub mod event;
pub mod finish;
pub mod fold;
pub mod foreign;
pub mod grammar;
pub(crate) mod maker;
pub mod part;
pub mod proofs;
pub mod request;
pub mod response;
pub mod tool;
