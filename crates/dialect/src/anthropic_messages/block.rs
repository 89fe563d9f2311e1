//! Content blocks of this dialect to parts: in requests, in whole answers and where a stream opens one.

use std::borrow::Cow;

use wire::json::{Json, Kind};

use super::signed;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::ir::part::{
    Body, Citation, Media, MediaKind, MediaSource, Opaque, Origin, Part, Reasoning, ToolCall, ToolResult,
};
use crate::loss::Loss;
use crate::members;
use crate::packed;

const HERE: DialectId = DialectId::AnthropicMessages;

/// Reads blocks and gathers what was lost.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The model whose proofs these are; empty where nobody says.
    pub(super) model: String,
    /// It reads an answer, which passes with whatever bytes its maker gave.
    pub(super) answer: bool,
    /// What the IR has no place for.
    pub(super) losses: Vec<Loss>,
}

impl Reader {
    /// The text of a string member.
    pub(super) fn text(&mut self, value: Json<'_>, path: &str) -> Result<String, Fault> {
        members::said(value, path, &mut self.losses)
    }

    /// A string that must be there.
    pub(super) fn need(&mut self, object: Json<'_>, name: &str, path: &str) -> Result<String, Fault> {
        members::need(object, name, path, &mut self.losses)
    }

    /// Content: a string, a list of blocks, or nothing. An empty string has no part.
    pub(super) fn content(&mut self, value: Json<'_>, path: &str) -> Result<Vec<Part>, Fault> {
        match value.kind() {
            Kind::Null => Ok(Vec::new()),
            Kind::String => {
                let text = self.text(value, path)?;
                Ok(if text.is_empty() { Vec::new() } else { vec![Part::text(text)] })
            }
            Kind::Array => {
                let blocks = value.items().enumerate();
                blocks.map(|(index, block)| self.block(block, &format!("{path}[{index}]"))).collect()
            }
            _ => Err(Fault::invalid(path, format!("`{path}` must be a string or an array of blocks."))),
        }
    }

    /// One block.
    pub(super) fn block(&mut self, block: Json<'_>, path: &str) -> Result<Part, Fault> {
        members::object(block, path)?;
        let kind = self.need(block, "type", path)?;
        let body = match kind.as_str() {
            "text" => Body::Text { text: self.need(block, "text", path)?, citations: citations(block) },
            "image" => self.media(MediaKind::Image, block, path)?.unwrap_or_else(|| unknown(&kind, block)),
            "document" => self.media(MediaKind::File, block, path)?.unwrap_or_else(|| unknown(&kind, block)),
            "thinking" => {
                let text = self.need(block, "thinking", path)?;
                let signature = block.get("signature").and_then(Json::as_str).filter(|proof| !proof.is_empty());
                let proof = signature.map(|proof| self.proof(proof.into_owned()));
                Body::Reasoning(Reasoning { text, proof, redacted: false })
            }
            "redacted_thinking" => {
                let data = self.need(block, "data", path)?;
                Body::Reasoning(Reasoning { text: String::new(), proof: Some(self.proof(data)), redacted: true })
            }
            "tool_use" => {
                let id = self.need(block, "id", path)?;
                let (id, proof) = signed::read(&id);
                Body::ToolCall(ToolCall {
                    id: id.to_owned(),
                    name: self.need(block, "name", path)?,
                    arguments: block.get("input").and_then(Json::non_null).map_or("{}", Json::raw).to_owned(),
                    proof,
                })
            }
            "tool_result" => Body::ToolResult(ToolResult {
                call_id: signed::read(&self.need(block, "tool_use_id", path)?).0.to_owned(),
                content: self.content(block.get("content").unwrap_or(Json::NULL), &format!("{path}.content"))?,
                is_error: block.get("is_error").and_then(Json::as_bool),
            }),
            _ => unknown(&kind, block),
        };
        if matches!(body, Body::Unknown { .. }) {
            return Ok(body.into());
        }
        let cache = block.get("cache_control").and_then(Json::non_null).map(|mark| mark.raw().into());
        Ok(Part { foreign: foreign(block, known(&kind)), body, cache })
    }

    /// A proof made by the model this reader knows.
    pub(super) fn proof(&self, data: String) -> Opaque {
        Opaque { origin: Origin { dialect: HERE, model: self.model.clone() }, data }
    }

    /// The media of an image or document; `None` for a source of a kind not known.
    fn media(&mut self, kind: MediaKind, block: Json<'_>, path: &str) -> Result<Option<Body>, Fault> {
        let at = format!("{path}.source");
        let source = members::object(block.get("source").unwrap_or(Json::NULL), &at)?;
        let source = match &*self.need(source, "type", &at)? {
            "base64" => MediaSource::Base64 {
                media_type: self.need(source, "media_type", &at)?,
                data: match self.need(source, "data", &at)? {
                    data if self.answer => data,
                    data => packed::base64(data, &format!("{at}.data"))?,
                },
            },
            "url" => packed::source(self.need(source, "url", &at)?, &format!("{at}.url"))?,
            "file" => MediaSource::FileId { dialect: HERE, id: self.need(source, "file_id", &at)? },
            "text" => MediaSource::Text(self.need(source, "data", &at)?),
            _ => return Ok(None),
        };
        let name = block.get("title").and_then(Json::as_str).map(Cow::into_owned);
        Ok(Some(Body::Media(Media { kind, source, name, detail: None })))
    }
}

/// A block that only this dialect knows.
pub(super) fn unknown(kind: &str, block: Json<'_>) -> Body {
    Body::Unknown { dialect: HERE, kind: kind.to_owned(), raw: block.raw().into() }
}

/// Members of a block that its part holds.
pub(super) fn known(kind: &str) -> &'static [&'static str] {
    match kind {
        "text" => &["type", "cache_control", "text", "citations"],
        "image" => &["type", "cache_control", "source"],
        "document" => &["type", "cache_control", "source", "title"],
        "thinking" => &["type", "cache_control", "thinking", "signature"],
        "redacted_thinking" => &["type", "cache_control", "data"],
        "tool_use" => &["type", "cache_control", "id", "name", "input"],
        "tool_result" => &["type", "cache_control", "tool_use_id", "content", "is_error"],
        _ => &[],
    }
}

/// Members beyond those known. The defaults that answers carry say nothing (`caller: {"type":"direct"}`,
/// `citations: {"enabled":false}`).
pub(super) fn foreign(object: Json<'_>, known: &[&str]) -> Foreign {
    let default = |key: &str, value: Json<'_>| match key {
        "caller" => value.get("type").is_some_and(|kind| kind.is("direct")),
        "citations" => value.get("enabled").and_then(Json::as_bool) == Some(false),
        _ => false,
    };
    members::foreign(HERE, object, |key, value| known.contains(&key) || default(key, value))
}

/// The citations of a text block.
fn citations(block: Json<'_>) -> Vec<Citation> {
    block.get("citations").map(|list| list.items().map(citation).collect()).unwrap_or_default()
}

/// One citation. Its positions are in the source, not in the answer, so it has no span.
pub(super) fn citation(citation: Json<'_>) -> Citation {
    let text = |name: &str| citation.get(name).and_then(Json::as_str).map(Cow::into_owned);
    Citation {
        url: text("url"),
        title: text("title").or_else(|| text("document_title")),
        quoted: text("cited_text"),
        span: None,
        raw: Some((HERE, citation.raw().into())),
    }
}

#[cfg(test)]
mod tests;
