//! How the recorded servers differ from their dialect, as far as the recordings show it.

use dialect::quirk::Quirk::{self, *};
use dialect::target::Target;

/// Quirks of the recorded providers' chat endpoints.
const ROWS: &[(&str, &[Quirk])] = &[
    ("alibaba", &[ReasoningContent, EnableThinking]),
    ("azure", &[ClampCached]),
    ("bedrock-openai", &[ThinkTags]),
    ("deepseek", &[ReasoningContent, ThinkingObject, JsonObjectOnly, NoForcedChoiceThinking]),
    ("gemini", &[HiddenThoughtsInTotal]),
    ("gpustack", &[NoDone]),
    ("groq", &[UsageInXGroq, ErrorEvent]),
    ("llamacpp", &[ReasoningContent]),
    ("mistral", &[RandomSeed, ToolChoiceAny, NineCharIds, ThinkingLists, Prefix, EffortHighOrNone]),
    ("moonshot", &[ReasoningContent, ThinkingObject]),
    ("openrouter", &[CacheControl, ReasoningDetails, ReasoningObject, CostInUsage, ErrorIn200]),
    ("perplexity", &[NoDone, UsageEveryChunk, CostInUsage, ThinkTags, SearchResults]),
    ("vercel-gateway", &[ReasoningDetails, ReasoningObject, CostInUsage]),
    ("vllm", &[ReasoningContent]),
    ("xai", &[ReasoningContent, ReasoningBesideOutput, CostInTicks]),
    ("zai", &[ReasoningContent, ThinkingObject]),
];

/// The target that a recorded provider and model are.
pub fn target<'a>(provider: &'a str, model: &'a str) -> Target<'a> {
    let quirks = ROWS.iter().find(|(name, _)| *name == provider).map_or(&[][..], |(_, quirks)| quirks);
    Target {
        provider,
        model,
        quirks: quirks.iter().copied().collect(),
        openrouter: provider == "openrouter",
        ..Target::default()
    }
}
