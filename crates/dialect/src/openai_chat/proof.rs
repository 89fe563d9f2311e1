//! Reasoning with its proof as `reasoning_details` say it (OpenRouter's extension), both ways.
//!
//! A detail is `{"type":"reasoning.text","text","signature"}`, `{"type":"reasoning.summary","summary"}` or
//! `{"type":"reasoning.encrypted","data"}` with a `format`. Ours carry `origin`, the model that made the
//! proof, so that a later turn can be bound to it.

use std::borrow::Cow;

use wire::json::{Json, Kind, Writer};

use crate::id::DialectId;
use crate::ir::part::{Opaque, Origin, Reasoning};

/// The `format` of Anthropic's signatures.
const ANTHROPIC: &str = "anthropic-claude-v1";

/// One detail as it is read.
#[derive(Debug)]
pub(super) struct Detail<'a> {
    /// The reasoning or its summary, as the inside of a JSON string.
    pub(super) inside: Option<&'a str>,
    /// Signature or encrypted reasoning.
    pub(super) proof: Option<Opaque>,
    /// The text is hidden.
    pub(super) redacted: bool,
    /// Which piece of reasoning it goes on with.
    pub(super) index: Option<u64>,
}

/// Reads a detail. `maker`: the model that answers; in a client's history the detail itself says.
pub(super) fn read<'a>(detail: Json<'a>, maker: Option<&str>) -> Detail<'a> {
    let text = |name: &str| detail.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let kind = text("type").unwrap_or_default();
    let inside = detail.get("text").or_else(|| detail.get("summary")).and_then(Json::inside);
    let data = text("signature").or_else(|| text("data"));
    let format = text("format").unwrap_or_default();
    let origin = match maker {
        Some(model) => Origin { dialect: DialectId::OpenAiChat, model: model.to_owned() },
        None => {
            let anthropic = format.starts_with("anthropic-");
            let dialect = if anthropic { DialectId::AnthropicMessages } else { DialectId::OpenAiChat };
            Origin { dialect, model: text("origin").map(Cow::into_owned).unwrap_or_default() }
        }
    };
    let plain = matches!(&*format, "" | "unknown") || origin.dialect == DialectId::AnthropicMessages;
    let proof = data.map(|data| {
        let data = if plain { data.into_owned() } else { envelope(detail) };
        Opaque { origin, data }
    });
    let redacted = kind == "reasoning.encrypted" || (inside.is_none_or(str::is_empty) && detail.get("data").is_some());
    Detail { inside, proof, redacted, index: detail.get("index").and_then(Json::as_u64) }
}

/// A detail without its text: what its maker wants back unmodified.
fn envelope(detail: Json<'_>) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        for (key, value) in detail.members() {
            if !matches!(&*key, "text" | "summary" | "origin") {
                json.key(&key).raw(value.raw());
            }
        }
    });
    json.finish()
}

/// Writes reasoning as one detail. `client`: to a client, who is told whose proof it is.
pub(super) fn write(reasoning: &Reasoning, index: u64, client: bool, json: &mut Writer) {
    let proof = reasoning.proof.as_ref();
    let own = proof.filter(|proof| proof.origin.dialect == DialectId::OpenAiChat);
    let envelope = own.and_then(|proof| Json::parse(&proof.data).ok()).filter(|json| json.kind() == Kind::Object);
    json.object(|json| {
        match envelope {
            Some(envelope) => {
                let summary = envelope.get("type").is_some_and(|kind| kind.is("reasoning.summary"));
                for (key, value) in envelope.members() {
                    json.key(&key).raw(value.raw());
                }
                if !reasoning.redacted {
                    json.key(if summary { "summary" } else { "text" }).str(&reasoning.text);
                }
            }
            None => {
                let redacted = reasoning.redacted;
                json.key("type").str(if redacted { "reasoning.encrypted" } else { "reasoning.text" });
                if !redacted {
                    json.key("text").str(&reasoning.text);
                }
                if let Some(proof) = proof {
                    json.key(if redacted { "data" } else { "signature" }).str(&proof.data);
                    let anthropic = proof.origin.dialect == DialectId::AnthropicMessages;
                    json.key("format").str(if anthropic { ANTHROPIC } else { "unknown" });
                }
                json.key("index").u64(index);
            }
        }
        if let Some(proof) = proof.filter(|proof| client && !proof.origin.model.is_empty()) {
            json.key("origin").str(&proof.origin.model);
        }
    });
}
