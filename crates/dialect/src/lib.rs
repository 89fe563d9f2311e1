//! Floor 2: the languages that clients and providers speak. Pure and total: no I/O, no clock.
//!
//! A dialect is one folder with the same file names as its siblings, and one line in [`all`]. In the
//! same dialect a body is looked at, patched and passed; between dialects it goes through the [`ir`],
//! and whatever cannot come along is returned as a [`loss::Loss`].
#![warn(missing_docs)]

mod alike;
pub mod anthropic_messages;
pub mod bedrock_converse;
mod cite;
pub mod cohere_v2;
pub mod count;
pub mod dialect;
pub mod embed;
pub mod fault;
pub mod gemini;
pub mod gist;
pub mod hosting;
pub mod id;
pub mod ir;
pub mod loss;
mod members;
mod names;
mod number;
mod object;
pub mod ollama;
pub mod openai_chat;
pub mod openai_responses;
pub mod outcome;
mod packed;
pub mod peek;
pub mod quirk;
pub mod realtime;
mod refusal;
pub mod remote;
mod retry_after;
mod signature;
pub mod stream;
pub mod target;
pub mod twice;
pub mod undo;
pub mod usage;
mod weigh;

use dialect::Dialect;
use id::DialectId;

/// Every dialect that is built.
#[must_use]
pub fn all() -> [&'static dyn Dialect; 7] {
    [
        &openai_chat::OpenAiChat,
        &anthropic_messages::AnthropicMessages,
        &openai_responses::OpenAiResponses,
        &gemini::Gemini,
        &bedrock_converse::BedrockConverse,
        &cohere_v2::CohereV2,
        &ollama::Ollama,
    ]
}

/// The dialect of an id.
#[must_use]
pub fn of(id: DialectId) -> &'static dyn Dialect {
    match id {
        DialectId::OpenAiChat => &openai_chat::OpenAiChat,
        DialectId::AnthropicMessages => &anthropic_messages::AnthropicMessages,
        DialectId::OpenAiResponses => &openai_responses::OpenAiResponses,
        DialectId::Gemini => &gemini::Gemini,
        DialectId::BedrockConverse => &bedrock_converse::BedrockConverse,
        DialectId::CohereV2 => &cohere_v2::CohereV2,
        DialectId::Ollama => &ollama::Ollama,
    }
}
