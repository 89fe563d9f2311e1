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
}

impl DialectId {
    /// Every dialect.
    pub const ALL: [DialectId; 5] = [
        DialectId::OpenAiChat,
        DialectId::AnthropicMessages,
        DialectId::OpenAiResponses,
        DialectId::Gemini,
        DialectId::BedrockConverse,
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
