//! Reasoning with its proof as `reasoning_details` say it (OpenRouter's extension), both ways.
//!
//! A detail is `{"type":"reasoning.text","text","signature"}`, `{"type":"reasoning.summary","summary"}` or
//! `{"type":"reasoning.encrypted","data"}`, with a `format` and an `index`. One that this crate wrote for
//! another dialect's proof names the model that made it as `origin`, so the proof finds its way home. In a stream the text
//! has gone out as `reasoning_content` before its proof comes; the detail then says as `span` which of it is proven:
//! where it begins and ends, in Unicode characters. Accumulators join the text of all thoughts into one.

use std::borrow::Cow;

use wire::json::{Json, Kind, Writer};

use crate::id::DialectId;
use crate::ir::part::{Opaque, Origin, Reasoning};

/// The `format` of Anthropic's signatures.
const ANTHROPIC: &str = "anthropic-claude-v1";

/// The `format` of reasoning that the Responses dialect gives encrypted.
pub(super) const RESPONSES: &str = "openai-responses-v1";

/// The `format` of Gemini's.
const GEMINI: &str = "google-gemini-v1";

/// The `format` of proofs from Bedrock's Converse, other than a Claude's.
const CONVERSE: &str = "amazon-bedrock-converse-v1";

/// The `format` of a proof of which no more is known than its data.
const BARE: &str = "unknown";

/// One detail as it is read.
#[derive(Debug)]
pub(super) struct Detail<'a> {
    /// The reasoning or its summary, as the inside of a JSON string; empty where there is none.
    pub(super) inside: &'a str,
    /// Signature or encrypted reasoning.
    pub(super) proof: Option<Opaque>,
    /// The text is hidden: the proof holds it.
    pub(super) redacted: bool,
    /// Which run of reasoning it belongs to.
    pub(super) index: Option<u64>,
}

/// Reads a detail that `model` answered. A proof of this dialect is the detail without its text, because
/// its maker wants all of that back; one of Anthropic's that we wrote is the bare signature again.
pub(super) fn read<'a>(detail: Json<'a>, model: &str) -> Detail<'a> {
    let text = |name: &str| detail.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let inside = |name: &str| detail.get(name).and_then(Json::inside).filter(|inside| !inside.is_empty());
    let redacted = detail.get("type").is_some_and(|kind| kind.is("reasoning.encrypted"));
    // Only we say an origin; it may be empty, where nobody knew the model.
    let origin = detail.get("origin").and_then(Json::as_str);
    let format = text("format").unwrap_or_default();
    let proof = text(if redacted { "data" } else { "signature" }).map(|data| {
        let ours = origin.is_some().then_some(&*format);
        let other = ours.and_then(DialectId::parse);
        let bare = matches!(ours, Some(ANTHROPIC | GEMINI | RESPONSES | CONVERSE | BARE)) || other.is_some();
        let dialect = match ours {
            Some(ANTHROPIC) => DialectId::AnthropicMessages,
            Some(GEMINI) => DialectId::Gemini,
            Some(RESPONSES) => DialectId::OpenAiResponses,
            Some(CONVERSE) => DialectId::BedrockConverse,
            _ => other.unwrap_or(DialectId::OpenAiChat),
        };
        let model = origin.map_or_else(|| model.to_owned(), Cow::into_owned);
        let data = if bare { data.into_owned() } else { without_text(detail) };
        Opaque { origin: Origin { dialect, model }, data }
    });
    Detail {
        inside: inside("text").or_else(|| inside("summary")).unwrap_or_default(),
        proof,
        redacted,
        index: detail.get("index").and_then(Json::as_u64),
    }
}

fn without_text(detail: Json<'_>) -> String {
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

/// Writes a proof as one detail, with the text it stands on where that is to be told.
fn write(text: Told<'_>, proof: Option<&Opaque>, redacted: bool, index: u64, json: &mut Writer) {
    let envelope = proof.filter(|proof| proof.origin.dialect == DialectId::OpenAiChat).map(|proof| &*proof.data);
    let envelope = envelope.and_then(|data| Json::parse(data).ok()).filter(|json| json.kind() == Kind::Object);
    json.object(|json| {
        match (envelope, proof) {
            (Some(envelope), _) => {
                for (key, value) in envelope.members() {
                    json.key(&key).raw(value.raw());
                }
            }
            (None, Some(proof)) => {
                json.key("type").str(if redacted { "reasoning.encrypted" } else { "reasoning.text" });
                json.key(if redacted { "data" } else { "signature" }).str(&proof.data);
                json.key("format").str(match proof.origin.dialect {
                    DialectId::AnthropicMessages => ANTHROPIC,
                    DialectId::OpenAiResponses => RESPONSES,
                    DialectId::Gemini => GEMINI,
                    DialectId::BedrockConverse => CONVERSE,
                    DialectId::OpenAiChat => BARE,
                    // Nobody has a word for the others' proofs.
                    other => other.name(),
                });
            }
            (None, None) => {
                json.key("type").str("reasoning.text");
            }
        }
        match text {
            _ if redacted => {}
            Told::Here(text) => _ = json.key("text").str(text),
            Told::Before { begin, end } => {
                json.key("span").array(|json| _ = json.u64(begin).u64(end));
            }
        }
        if envelope.is_none_or(|envelope| envelope.get("index").is_none()) {
            json.key("index").u64(index);
        }
        if let Some(proof) = proof {
            json.key("origin").str(&proof.origin.model);
        }
    });
}

/// Where the text of a proof is told.
#[derive(Debug, Clone, Copy)]
enum Told<'a> {
    /// In the detail.
    Here(&'a str),
    /// In the stream's `reasoning_content`, between these characters.
    Before { begin: u64, end: u64 },
}

/// Writes the proof of reasoning whose text went out before it, between two characters of all that was told.
pub(super) fn write_proof(proof: &Opaque, begin: u64, end: u64, index: u64, json: &mut Writer) {
    write(Told::Before { begin, end }, Some(proof), false, index, json);
}

/// The piece of `reasoning_content` that a detail without a text of its own proves; `None` where it says no piece, or one
/// that is not there.
pub(super) fn spanned<'a>(detail: Json<'_>, content: &'a str) -> Option<&'a str> {
    let mut ends = detail.get("span")?.items().map(|end| end.as_u64().and_then(|end| usize::try_from(end).ok()));
    let (begin, end) = (ends.next()??, ends.next()??);
    let place = |character: usize| content.char_indices().map(|(place, _)| place).chain([content.len()]).nth(character);
    content.get(place(begin)?..place(end)?)
}

/// Writes a whole part of reasoning as one detail.
pub(super) fn write_whole(reasoning: &Reasoning, index: u64, json: &mut Writer) {
    write(Told::Here(&reasoning.text), reasoning.proof.as_ref(), reasoning.redacted, index, json);
}
