//! The alphabet of streams: `Start (Open Delta* Close)* … Finish* Usage? (End | Fault)`.
//!
//! Parts may interleave. A part's number is its place among all parts of all choices, from 0, and is
//! used once. Usage may come more than once; the last one counts.

use super::finish::Finish;
use super::part::{Citation, Opaque, Part};
use crate::outcome::UpstreamFault;
use crate::usage::Usage;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one event is alive at a time, and usage comes once or twice")]
pub enum Event {
    /// The answer begins.
    Start {
        /// The provider's id; empty where it gave none.
        id: String,
        /// The model the provider says it used; empty where it does not say.
        model: String,
        /// Unix time in seconds, where the provider says.
        created: Option<u64>,
    },
    /// A part begins.
    Open {
        /// Which answer it belongs to, from 0.
        choice: u32,
        /// The part's number.
        part: u32,
        /// What it is.
        kind: Open,
    },
    /// A part goes on.
    Delta {
        /// The part's number.
        part: u32,
        /// How.
        delta: Delta,
    },
    /// A part is done.
    Close {
        /// The part's number.
        part: u32,
    },
    /// What was used so far, in all.
    Usage(Usage),
    /// One answer is done.
    Finish {
        /// Which.
        choice: u32,
        /// Why.
        finish: Finish,
    },
    /// The stream failed; nothing follows.
    Fault(UpstreamFault),
    /// The stream is whole; nothing follows.
    End,
}

/// What a part that begins is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open {
    /// Text.
    Text,
    /// Reasoning.
    Reasoning,
    /// A tool call.
    ToolCall {
        /// Its id.
        id: String,
        /// The tool.
        name: String,
        /// A proof bound to the call.
        proof: Option<Opaque>,
    },
    /// A refusal.
    Refusal,
    /// A part that comes whole (redacted reasoning, media, parts of one dialect); no deltas follow.
    Whole(Box<Part>),
}

impl Open {
    /// True when the opening itself is content: a tool's name, or a whole part.
    #[must_use]
    pub const fn is_content(&self) -> bool {
        matches!(self, Open::ToolCall { .. } | Open::Whole(_))
    }
}

/// How a part goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// More text.
    Text(String),
    /// More reasoning.
    Reasoning(String),
    /// The proof of a reasoning part.
    Proof(Opaque),
    /// More of a tool call's arguments.
    Arguments(String),
    /// More of a refusal.
    Refusal(String),
    /// A citation on a text part.
    Citation(Citation),
}
