//! What may be asked for, in the shape the caller's dialect gives it.

use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use http::Response;
use wire::json::Writer;

use crate::gateway::Gateway;
use crate::server::reply::{self, ReplyBody};
use crate::state::directory::Principal;
use crate::state::names;
use crate::state::snapshot::Snapshot;

/// `GET /v1/models`
pub fn list(gateway: &Gateway, who: &Principal, dialect: DialectId) -> Response<ReplyBody> {
    let snapshot = gateway.snapshot.load_full();
    let names = names_for(&snapshot, who);
    let mut json = Writer::with_capacity(names.len() * 96 + 64);
    json.object(|json| {
        if dialect == DialectId::OpenAiChat {
            json.key("object").str("list");
        }
        json.key(if dialect == DialectId::Gemini { "models" } else { "data" }).array(|json| {
            for name in &names {
                write(name, dialect, json);
            }
        });
        if dialect == DialectId::AnthropicMessages {
            json.key("has_more").bool(false);
            for (key, name) in [("first_id", names.first()), ("last_id", names.last())] {
                match name {
                    Some(name) => json.key(key).str(name),
                    None => json.key(key).null(),
                };
            }
        }
    });
    reply::json(200, json.finish())
}

/// `GET /v1/models/{id}`
///
/// # Errors
/// `unknown_model`, `forbidden`.
pub fn one(gateway: &Gateway, who: &Principal, dialect: DialectId, id: &str) -> Result<Response<ReplyBody>, Fault> {
    let snapshot = gateway.snapshot.load_full();
    let id = decoded(id).ok_or_else(|| Fault::new(Kind::NotFound, "The model's name is not UTF-8."))?;
    names::meaning(&snapshot, &id, who)?;
    let mut json = Writer::new();
    write(&id, dialect, &mut json);
    Ok(reply::json(200, json.finish()))
}

/// Names that a caller may ask for, configured ones first.
fn names_for(snapshot: &Snapshot, who: &Principal) -> Vec<String> {
    snapshot.names().filter(|name| who.may_ask(name)).collect()
}

fn write(name: &str, dialect: DialectId, json: &mut Writer) {
    json.object(|json| match dialect {
        // No endpoint of ours speaks Cohere's or Ollama's dialect, so nobody asks for their form.
        DialectId::OpenAiChat
        | DialectId::OpenAiResponses
        | DialectId::BedrockConverse
        | DialectId::CohereV2
        | DialectId::Ollama => {
            let owner = name.split_once('/').map_or("tollgate", |(owner, _)| owner);
            json.key("id").str(name).key("object").str("model").key("created").u64(0).key("owned_by").str(owner);
        }
        DialectId::AnthropicMessages => {
            json.key("type").str("model").key("id").str(name).key("display_name").str(name);
            json.key("created_at").str("1970-01-01T00:00:00Z");
        }
        DialectId::Gemini => {
            json.key("name").str(&format!("models/{name}")).key("displayName").str(name);
            json.key("supportedGenerationMethods")
                .array(|json| _ = json.str("generateContent").str("streamGenerateContent"));
        }
    });
}

/// A path segment with its percent-encoding undone.
#[must_use]
pub fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}
