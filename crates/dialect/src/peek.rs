//! What routing needs to know of a body that nobody has parsed.

/// Features a request uses, as far as its top level tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wants {
    /// Tools are declared.
    pub tools: bool,
    /// Output must follow a JSON schema or be JSON.
    pub structured: bool,
    /// Reasoning is asked for.
    pub reasoning: bool,
    /// Log probabilities are asked for.
    pub logprobs: bool,
}

/// What a request's path said that its body may not say (Gemini's model and verb).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Said<'a> {
    /// The model, where the path names one.
    pub model: Option<&'a str>,
    /// Whether the answer is to be streamed, where the path says.
    pub stream: Option<bool>,
}

/// One look at a request body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peek {
    /// The model asked for.
    pub model: String,
    /// The answer is to be streamed.
    pub stream: bool,
    /// A stream is to end with usage (always true where the dialect always sends it).
    pub include_usage: bool,
    /// The caller asks for `usage.cost` (OpenRouter's `"usage":{"include":true}`).
    pub include_cost: bool,
    /// The most tokens the answer may have.
    pub max_output: Option<u64>,
    /// How many answers are asked for (`n`); 1 unless said.
    pub choices: u64,
    /// The end user, as the body tells (`safety_identifier`, `user`, `metadata.user_id`).
    pub user: Option<String>,
    /// The session, as the body tells (`prompt_cache_key`, `conversation`).
    pub session: Option<String>,
    /// The service tier asked for.
    pub tier: Option<String>,
    /// Features it uses.
    pub wants: Wants,
    /// The member that refers to state which one account of one provider keeps (`previous_response_id`):
    /// only where that is can the request be answered.
    pub stateful: Option<&'static str>,
    /// Size of the body, in bytes.
    pub bytes: usize,
}
