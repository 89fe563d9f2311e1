//! Where a request goes, as far as a dialect must know it.

use crate::quirk::Quirks;

/// How a model's reasoning is controlled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Control {
    /// Not known, or it does not reason.
    #[default]
    None,
    /// On or off, with a budget in tokens (Claude up to 4.5, Gemini 2.5, Qwen).
    Budget,
    /// By an effort level (OpenAI).
    Effort,
    /// Adaptive thinking with an effort level (Claude 4.6 and later).
    Adaptive,
}

/// A target of a request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target<'a> {
    /// The provider's name in the configuration.
    pub provider: &'a str,
    /// The model id that is sent upstream.
    pub model: &'a str,
    /// How this server (and model) differs from its dialect.
    pub quirks: Quirks,
    /// The most tokens one answer of this model may have, where known.
    pub max_output: Option<u64>,
    /// How this model's reasoning is controlled.
    pub reasoning: Control,
    /// True for an OpenRouter target: its own request controls are forwarded, not removed.
    pub openrouter: bool,
}
