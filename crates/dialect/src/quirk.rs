//! The named ways in which servers of one dialect differ. A provider's row lists them.

/// One way a server differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Quirk {
    /// Streams end without `[DONE]`, by a finish reason and the end of the body (Perplexity, GPUStack).
    NoDone,
    /// Every chunk of a stream carries usage so far; the last one counts (Perplexity).
    UsageEveryChunk,
    /// Never send `stream_options`; usage comes unasked or not at all.
    NoStreamOptions,
    /// Usage stands in `x_groq.usage` of the last chunk (Groq).
    UsageInXGroq,
    /// Completion tokens exclude reasoning tokens (xAI).
    ReasoningBesideOutput,
    /// `cost_in_usd_ticks`: cost in units of 1e-10 USD (xAI).
    CostInTicks,
    /// `usage.cost` is the price in USD that the provider will charge (OpenRouter, Vercel; Perplexity as
    /// an object with `total_cost`).
    CostInUsage,
    /// Takes `max_tokens`, not `max_completion_tokens`.
    MaxTokensOnly,
    /// Takes `max_completion_tokens`, not `max_tokens` (OpenAI's reasoning models).
    MaxCompletionTokensOnly,
    /// The seed's name is `random_seed` (Mistral).
    RandomSeed,
    /// A forced tool call is `"any"`, not `"required"` (Mistral).
    ToolChoiceAny,
    /// Tool-call ids are exactly nine letters or digits (Mistral).
    NineCharIds,
    /// `content` becomes a list with `thinking` parts (Mistral).
    ThinkingLists,
    /// Reasoning stands inside the text as `<think>…</think>` (Perplexity, R1 hosts).
    ThinkTags,
    /// Takes `cache_control` on content parts and tools (OpenRouter, LiteLLM).
    CacheControl,
    /// Gives and takes `reasoning_details` (OpenRouter, Vercel).
    ReasoningDetails,
    /// Takes `reasoning: {effort | max_tokens | enabled}` (OpenRouter, Vercel).
    ReasoningObject,
    /// Gives `reasoning_content` and takes it back (DeepSeek and most open-model hosts).
    ReasoningContent,
    /// Takes `thinking: {type: enabled | disabled}` (DeepSeek, Z.ai, Moonshot).
    ThinkingObject,
    /// Takes `enable_thinking` and `thinking_budget` (Qwen).
    EnableThinking,
    /// Knows `json_object` but no `json_schema` (DeepSeek).
    JsonObjectOnly,
    /// Knows the role `system` but no `developer`.
    SystemNotDeveloper,
    /// Cached tokens may exceed prompt tokens: clamp (Grok on Azure).
    ClampCached,
    /// Reasoning is hidden: output is `total_tokens − prompt_tokens` (Gemini's OpenAI endpoint).
    HiddenThoughtsInTotal,
    /// An error may come as the body of a 200 (OpenRouter).
    ErrorIn200,
    /// An error may come as `event: error` in a stream (Groq).
    ErrorEvent,
    /// Refuses `logprobs`.
    NoLogprobs,
    /// Refuses `n` above 1.
    NoN,
    /// Refuses `messages[].name`.
    NoMessageName,
    /// Refuses frequency and presence penalties.
    NoPenalties,
    /// Refuses `logit_bias`.
    NoLogitBias,
    /// Refuses `parallel_tool_calls`.
    NoParallelToolCalls,
    /// Refuses a forced `tool_choice`.
    NoToolChoice,
    /// Sampling parameters (`temperature`, `top_p`, `top_k`) are refused (OpenAI's reasoning models,
    /// Claude 4.7 and later).
    NoSampling,
    /// Refuses sampling parameters, penalties, `logprobs` and `logit_bias` while it reasons: where the request asks for
    /// an effort other than `none` (OpenAI's models that can do without reasoning).
    SamplesOrReasons,
    /// Fetches no media from addresses: it takes their bytes.
    NoMediaUrls,
    /// Refuses an unknown top-level field with a 400, so nothing of ours may slip in.
    Strict,
    /// What an answer found on the web stands at its top, in every chunk: `search_results`, `citations`
    /// (Perplexity).
    SearchResults,
    /// A last message of the assistant's is gone on with only where it says `prefix: true`, and refused else
    /// (Mistral).
    Prefix,
    /// `reasoning_effort` is `high` or `none` (Mistral).
    EffortHighOrNone,
    /// Refuses a forced `tool_choice` while it thinks (DeepSeek).
    NoForcedChoiceThinking,
}

impl Quirk {
    /// Every quirk with its name in provider rows and configuration.
    pub const ALL: [(Quirk, &'static str); 41] = [
        (Quirk::NoDone, "no-done"),
        (Quirk::UsageEveryChunk, "usage-every-chunk"),
        (Quirk::NoStreamOptions, "no-stream-options"),
        (Quirk::UsageInXGroq, "usage-in-x-groq"),
        (Quirk::ReasoningBesideOutput, "reasoning-beside-output"),
        (Quirk::CostInTicks, "cost-in-ticks"),
        (Quirk::CostInUsage, "cost-in-usage"),
        (Quirk::MaxTokensOnly, "max-tokens-only"),
        (Quirk::MaxCompletionTokensOnly, "max-completion-tokens-only"),
        (Quirk::RandomSeed, "random-seed"),
        (Quirk::ToolChoiceAny, "tool-choice-any"),
        (Quirk::NineCharIds, "nine-char-ids"),
        (Quirk::ThinkingLists, "thinking-lists"),
        (Quirk::ThinkTags, "think-tags"),
        (Quirk::CacheControl, "cache-control"),
        (Quirk::ReasoningDetails, "reasoning-details"),
        (Quirk::ReasoningObject, "reasoning-object"),
        (Quirk::ReasoningContent, "reasoning-content"),
        (Quirk::ThinkingObject, "thinking-object"),
        (Quirk::EnableThinking, "enable-thinking"),
        (Quirk::JsonObjectOnly, "json-object-only"),
        (Quirk::SystemNotDeveloper, "system-not-developer"),
        (Quirk::ClampCached, "clamp-cached"),
        (Quirk::HiddenThoughtsInTotal, "hidden-thoughts-in-total"),
        (Quirk::ErrorIn200, "error-in-200"),
        (Quirk::ErrorEvent, "error-event"),
        (Quirk::NoLogprobs, "no-logprobs"),
        (Quirk::NoN, "no-n"),
        (Quirk::NoMessageName, "no-message-name"),
        (Quirk::NoPenalties, "no-penalties"),
        (Quirk::NoLogitBias, "no-logit-bias"),
        (Quirk::NoParallelToolCalls, "no-parallel-tool-calls"),
        (Quirk::NoToolChoice, "no-tool-choice"),
        (Quirk::NoSampling, "no-sampling"),
        (Quirk::SamplesOrReasons, "samples-or-reasons"),
        (Quirk::NoMediaUrls, "no-media-urls"),
        (Quirk::Strict, "strict"),
        (Quirk::SearchResults, "search-results"),
        (Quirk::Prefix, "prefix"),
        (Quirk::EffortHighOrNone, "effort-high-or-none"),
        (Quirk::NoForcedChoiceThinking, "no-forced-choice-thinking"),
    ];

    /// The quirk of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Quirk> {
        Quirk::ALL.into_iter().find(|(_, own)| *own == name).map(|(quirk, _)| quirk)
    }
}

/// A set of quirks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Quirks(u64);

impl Quirks {
    /// True when the server has this quirk.
    #[must_use]
    pub const fn has(self, quirk: Quirk) -> bool {
        self.0 & (1 << quirk as u8) != 0
    }

    /// The set with one more quirk.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Self {
        Self(self.0 | (1 << quirk as u8))
    }

    /// The set of a model that refuses whatever steers how tokens are drawn (OpenAI's reasoning models).
    #[must_use]
    pub const fn unsteered(self) -> Self {
        self.with(Quirk::NoSampling).with(Quirk::NoPenalties).with(Quirk::NoLogprobs).with(Quirk::NoLogitBias)
    }

    /// The set for a request that asks for this effort of reasoning.
    #[must_use]
    pub fn at_effort(self, effort: Option<&str>) -> Self {
        let reasons = effort.is_some_and(|effort| effort != "none");
        if self.has(Quirk::SamplesOrReasons) && reasons { self.unsteered() } else { self }
    }

    /// The set with one quirk less.
    #[must_use]
    pub const fn without(self, quirk: Quirk) -> Self {
        Self(self.0 & !(1 << quirk as u8))
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<T: IntoIterator<Item = Quirk>>(quirks: T) -> Self {
        quirks.into_iter().fold(Self::default(), Self::with)
    }
}
