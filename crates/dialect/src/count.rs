//! Counting of tokens: how each provider is asked for it, and its answer from one form to another.
//!
//! Sources: Anthropic's `/v1/messages/count_tokens`, Google's `models.countTokens`, OpenAI's
//! `/v1/responses/input_tokens`, Bedrock's `CountTokens` with an `invokeModel` body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use wire::json::{Document, Edit, Json, Kind, Writer};

use crate::fault::Fault;
use crate::id::DialectId;

/// Members that Anthropic takes where it counts; it refuses all others.
const MESSAGES: [&str; 11] = [
    "model",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "output_format",
    "cache_control",
    "context_management",
    "mcp_servers",
];

/// Members that OpenAI takes where it counts.
const RESPONSES: [&str; 10] = [
    "model",
    "input",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "text",
    "truncation",
    "previous_response_id",
];

/// The form in which a provider counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Anthropic's.
    Messages,
    /// Bedrock's, around a body of Anthropic's.
    Invoke,
    /// OpenAI's, of the Responses dialect.
    Responses,
    /// Google's.
    Gemini,
}

impl Form {
    /// The form of a dialect; `wrapped` where Bedrock hosts it. `None`: nobody counts in this dialect.
    #[must_use]
    pub const fn of(dialect: DialectId, wrapped: bool) -> Option<Form> {
        match dialect {
            DialectId::AnthropicMessages if wrapped => Some(Form::Invoke),
            DialectId::AnthropicMessages => Some(Form::Messages),
            DialectId::OpenAiResponses => Some(Form::Responses),
            DialectId::Gemini => Some(Form::Gemini),
            // Bedrock counts Claude alone, which `bedrock-claude` asks for in its own dialect.
            DialectId::OpenAiChat | DialectId::BedrockConverse | DialectId::CohereV2 | DialectId::Ollama => None,
        }
    }

    /// The dialect of the request whose tokens are counted.
    #[must_use]
    pub const fn dialect(self) -> DialectId {
        match self {
            Form::Messages | Form::Invoke => DialectId::AnthropicMessages,
            Form::Responses => DialectId::OpenAiResponses,
            Form::Gemini => DialectId::Gemini,
        }
    }
}

/// The request whose tokens are to be counted, as the caller's body holds it: Google's stands inside as
/// `generateContentRequest`, or is the body.
///
/// # Errors
/// `invalid_request` where that member is no object.
pub fn inner(dialect: DialectId, body: &Document) -> Result<Document, Fault> {
    let whole = ["generateContentRequest", "generate_content_request"];
    let inside = whole.iter().find_map(|name| body.get(name)).filter(|_| dialect == DialectId::Gemini);
    let Some(inside) = inside else { return Ok(body.clone()) };
    Document::parse(Bytes::copy_from_slice(inside.raw().as_bytes()))
        .map_err(|_| Fault::invalid(whole[0], "`generateContentRequest` must be an object."))
}

/// The caller's body on its way to a provider that counts in the same form: the model alone is changed.
#[must_use]
pub fn same(form: Form, body: &Document, model: &str) -> Bytes {
    match form {
        Form::Messages | Form::Invoke | Form::Responses => body.edit(&[Edit::set_str("model", model)]),
        Form::Gemini => {
            let name = if body.get("generateContentRequest").is_some() { "generateContentRequest" } else { "" };
            let name = if body.get("generate_content_request").is_some() { "generate_content_request" } else { name };
            match name {
                "" => body.bytes().clone(),
                name => {
                    let mut json = Writer::new();
                    json.str(&format!("models/{model}"));
                    body.edit(&[Edit::set_at(vec![name.into(), "model".into()], json.finish())])
                }
            }
        }
    }
}

/// A request that was written for a target, as that provider is asked to count it.
#[must_use]
pub fn across(form: Form, written: &Document, model: &str) -> Bytes {
    match form {
        Form::Messages | Form::Invoke => only(written, &MESSAGES),
        Form::Responses => only(written, &RESPONSES),
        Form::Gemini => {
            let mut json = Writer::with_capacity(written.bytes().len() + 64);
            json.object(|json| {
                json.key("generateContentRequest").object(|json| {
                    json.key("model").str(&format!("models/{model}"));
                    for (key, value) in written.members() {
                        json.key(key).raw(value.raw());
                    }
                });
            });
            json.finish().into()
        }
    }
}

fn only(written: &Document, members: &[&str]) -> Bytes {
    let mut json = Writer::with_capacity(written.bytes().len());
    json.object(|json| {
        for (key, value) in written.members().filter(|(key, _)| members.contains(key)) {
            json.key(key).raw(value.raw());
        }
    });
    json.finish().into()
}

/// Bedrock's envelope around a body of Anthropic's, which must have a length of its own.
#[must_use]
pub fn invoke(body: &Document) -> Bytes {
    let body = match body.get("max_tokens") {
        Some(_) => body.bytes().clone(),
        None => body.edit(&[Edit::set("max_tokens", "1")]),
    };
    let mut json = Writer::with_capacity(body.len() * 2);
    json.object(|json| {
        json.key("input").object(|json| {
            json.key("invokeModel").object(|json| {
                json.key("body").str(&STANDARD.encode(&body));
            });
        });
    });
    json.finish().into()
}

/// The model that Bedrock counts for: the model of an inference profile, which it refuses here.
#[must_use]
pub fn invoked(model: &str) -> &str {
    let named = model.rsplit_once('/').map_or(model, |(_, name)| name);
    match named.find("anthropic.") {
        Some(at) if at > 0 && named.as_bytes().get(at - 1) == Some(&b'.') => named.get(at..).unwrap_or(named),
        _ => named,
    }
}

/// The count that an answer tells, in tokens; `None` where it tells none.
#[must_use]
pub fn read(form: Form, answer: Json<'_>) -> Option<u64> {
    let name = match form {
        Form::Messages | Form::Responses => "input_tokens",
        Form::Invoke => "inputTokens",
        Form::Gemini => "totalTokens",
    };
    if answer.kind() != Kind::Object {
        return None;
    }
    // Google leaves out what is 0.
    answer.get(name).map_or((form == Form::Gemini).then_some(0), Json::as_u64)
}

/// An answer of so many tokens in a caller's dialect. One that was estimated says so in a member that clients
/// of the dialect read over.
#[must_use]
pub fn write(dialect: DialectId, tokens: u64, estimated: bool) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        match dialect {
            DialectId::Gemini => json.key("totalTokens").u64(tokens),
            DialectId::AnthropicMessages => json.key("input_tokens").u64(tokens),
            // Nobody asks in the form of the others.
            _ => {
                json.key("object").str("response.input_tokens");
                json.key("input_tokens").u64(tokens)
            }
        };
        if estimated {
            json.key("tollgate").object(|json| {
                json.key("estimated").bool(true);
            });
        }
    });
    json.finish()
}

#[cfg(test)]
mod tests;
