//! Why an answer ended.

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It was done.
    Stop,
    /// It wrote a stop text.
    StopSequence,
    /// It reached the most tokens allowed.
    Length,
    /// It calls tools.
    ToolUse,
    /// The provider's filter cut it.
    ContentFilter,
    /// The model refused.
    Refusal,
    /// It paused and wants to be sent again (Anthropic `pause_turn`).
    Pause,
    /// It failed.
    Error,
    /// Another word; see [`Finish::raw`].
    Other,
}

/// Why an answer ended, with the provider's own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// The meaning.
    pub reason: Reason,
    /// The provider's word.
    pub raw: Option<String>,
    /// The stop text that was written.
    pub stop_sequence: Option<String>,
}

impl Finish {
    /// A finish by meaning alone.
    #[must_use]
    pub const fn new(reason: Reason) -> Self {
        Self { reason, raw: None, stop_sequence: None }
    }
}
