//! The names of dialects.

use std::fmt;

/// A language of requests, answers and streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DialectId {
    /// OpenAI's `/v1/chat/completions`.
    OpenAiChat,
    /// Anthropic's `/v1/messages`.
    AnthropicMessages,
    /// OpenAI's `/v1/responses`.
    OpenAiResponses,
    /// Google's `generateContent` and `streamGenerateContent`.
    Gemini,
    /// Amazon Bedrock's `Converse` and `ConverseStream`.
    BedrockConverse,
    /// Cohere's `/v2/chat`.
    CohereV2,
    /// Ollama's native `/api/chat`.
    Ollama,
}

impl DialectId {
    /// Every dialect.
    pub const ALL: [DialectId; 7] = [
        DialectId::OpenAiChat,
        DialectId::AnthropicMessages,
        DialectId::OpenAiResponses,
        DialectId::Gemini,
        DialectId::BedrockConverse,
        DialectId::CohereV2,
        DialectId::Ollama,
    ];

    /// The name in configuration, provider rows and ledger lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            DialectId::OpenAiChat => "openai-chat",
            DialectId::AnthropicMessages => "anthropic-messages",
            DialectId::OpenAiResponses => "openai-responses",
            DialectId::Gemini => "gemini",
            DialectId::BedrockConverse => "bedrock-converse",
            DialectId::CohereV2 => "cohere-v2",
            DialectId::Ollama => "ollama",
        }
    }

    /// The dialect of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<DialectId> {
        DialectId::ALL.into_iter().find(|id| id.name() == name)
    }
}

impl fmt::Display for DialectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
