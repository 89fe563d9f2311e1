//! The two ways bytes can be wrong, each with its offset.

use thiserror::Error;

/// A text is not JSON, or not JSON that we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what} at byte {at}")]
pub struct JsonError {
    /// What is wrong, a short phrase.
    pub what: &'static str,
    /// Offset of the first wrong byte.
    pub at: usize,
}

impl JsonError {
    /// An error at an offset.
    #[must_use]
    pub const fn new(what: &'static str, at: usize) -> Self {
        Self { what, at }
    }
}

/// A stream cannot be cut into frames any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// One frame is longer than the limit, in bytes.
    #[error("a frame is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The bytes are not what the framing says.
    #[error("{what}")]
    Corrupt {
        /// What is wrong, a short sentence without its point.
        what: &'static str,
    },
}
