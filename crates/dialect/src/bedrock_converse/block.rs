//! Content blocks of this dialect to parts: in requests and in whole answers.

use std::borrow::Cow;

use wire::json::{Json, Kind, Writer};

use super::media;
use super::model::{Family, family};
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::foreign::{Foreign, Raw};
use crate::ir::part::{Body, Citation, MediaSource, Opaque, Origin, Part, Reasoning, ToolCall, ToolResult};
use crate::loss::Loss;
use crate::members;
use crate::packed;

const HERE: DialectId = DialectId::BedrockConverse;

/// Reads blocks and gathers what was lost.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The model whose proofs these are; empty where nobody says.
    pub(super) model: String,
    /// Whose proofs: Anthropic's for a Claude, whose signatures are the same wherever it is hosted.
    pub(super) proofs: Option<DialectId>,
    /// What the IR has no place for.
    pub(super) losses: Vec<Loss>,
}

/// Whose proofs a model gives.
pub(super) fn proofs(model: &str) -> DialectId {
    if family(model) == Family::Claude { DialectId::AnthropicMessages } else { HERE }
}

impl Reader {
    /// For the blocks that a model wrote.
    pub(super) fn of(model: &str) -> Self {
        Self { model: model.to_owned(), proofs: Some(proofs(model)), losses: Vec::new() }
    }

    /// The text of a string member.
    pub(super) fn text(&mut self, value: Json<'_>, path: &str) -> Result<String, Fault> {
        members::said(value, path, &mut self.losses)
    }

    /// A string that must be there.
    pub(super) fn need(&mut self, object: Json<'_>, name: &str, path: &str) -> Result<String, Fault> {
        members::need(object, name, path, &mut self.losses)
    }

    /// A list of blocks; a cache point behind a block is a mark on it. `user`: tools answer here.
    pub(super) fn content(&mut self, value: Json<'_>, path: &str, user: bool) -> Result<Vec<Part>, Fault> {
        let mut parts: Vec<Part> = Vec::new();
        for (index, block) in members::array(value, path)?.enumerate() {
            let path = format!("{path}[{index}]");
            members::object(block, &path)?;
            if let Some(mark) = block.get("cachePoint").filter(|_| block.members().count() == 1).and_then(mark)
                && let Some(last) = parts.last_mut()
                && last.cache.is_none()
                && !matches!(last.body, Body::Unknown { .. })
            {
                last.cache = Some(mark);
                continue;
            }
            parts.push(self.block(block, &path, user)?);
        }
        Ok(parts)
    }

    /// One block.
    fn block(&mut self, block: Json<'_>, path: &str, user: bool) -> Result<Part, Fault> {
        let mut members = block.members().filter(|(_, value)| !value.is_null());
        let Some((kind, value)) = members.next() else { return Ok(unknown("unknown", block)) };
        let alone = members.next().is_none();
        if let Some(text) = block.get("text").and_then(Json::non_null) {
            let text = self.text(text, &members::join(path, "text"))?;
            let foreign = foreign(block, &["text"]);
            return Ok(Part { foreign, ..Part::text(text) });
        }
        if !alone || value.kind() != Kind::Object {
            return Ok(unknown(&kind, block));
        }
        let path = members::join(path, &kind);
        let part = match &*kind {
            "toolUse" => self.call(value, &path)?,
            "toolResult" if user => self.result(value, &path)?,
            "reasoningContent" => self.reasoning(value),
            "citationsContent" => self.cited(value, &path)?,
            "guardContent" => self.guarded(value, &path)?,
            _ => match media::kind(&kind).and_then(|kind| media::read(kind, value)) {
                Some(mut media) => {
                    if let MediaSource::Base64 { data, .. } = &mut media.source {
                        *data = packed::base64(std::mem::take(data), &format!("{path}.source.bytes"))?;
                    }
                    let known = ["format", "source", if kind == "document" { "name" } else { "source" }];
                    Some(Part { foreign: foreign(value, &known), ..Body::Media(media).into() })
                }
                None => None,
            },
        };
        Ok(part.unwrap_or_else(|| unknown(&kind, block)))
    }

    /// A call of a tool of the client's; `None` for one that runs at the provider.
    fn call(&mut self, value: Json<'_>, path: &str) -> Result<Option<Part>, Fault> {
        if !is_clients(value, "tool_use") {
            return Ok(None);
        }
        let call = ToolCall {
            id: self.need(value, "toolUseId", path)?,
            name: self.need(value, "name", path)?,
            arguments: value.get("input").and_then(Json::non_null).map_or("{}", Json::raw).to_owned(),
            proof: None,
        };
        let foreign = foreign(value, &["toolUseId", "name", "input", "type"]);
        Ok(Some(Part { foreign, ..Body::ToolCall(call).into() }))
    }

    fn result(&mut self, value: Json<'_>, path: &str) -> Result<Option<Part>, Fault> {
        if !is_clients(value, "tool_result") {
            return Ok(None);
        }
        let mut content = Vec::new();
        let list = value.get("content").and_then(Json::non_null);
        let at = members::join(path, "content");
        for (index, block) in list.map(|list| members::array(list, &at)).transpose()?.into_iter().flatten().enumerate()
        {
            let at = format!("{at}[{index}]");
            members::object(block, &at)?;
            match block.get("json").and_then(Json::non_null).filter(|_| block.members().count() == 1) {
                Some(json) => {
                    // Other dialects have text alone.
                    self.losses.push(Loss::approximated("json", at));
                    content.push(Part::text(json.raw()));
                }
                None => content.push(self.block(block, &at, true)?),
            }
        }
        let status = value.get("status").and_then(Json::as_str);
        let result = ToolResult {
            call_id: self.need(value, "toolUseId", path)?,
            content,
            is_error: status.map(|status| status == "error"),
        };
        let foreign = foreign(value, &["toolUseId", "content", "status", "type"]);
        Ok(Some(Part { foreign, ..Body::ToolResult(result).into() }))
    }

    /// Reasoning with its text, or hidden; `None` for a form not known.
    fn reasoning(&mut self, value: Json<'_>) -> Option<Part> {
        let text = |object: Json<'_>, name: &str| object.get(name).and_then(Json::as_str).map(Cow::into_owned);
        if let Some(data) = text(value, "redactedContent").filter(|data| !data.is_empty()) {
            let reasoning = Reasoning { text: String::new(), proof: Some(self.redacted(data)), redacted: true };
            let foreign = foreign(value, &["redactedContent"]);
            return Some(Part { foreign, ..Body::Reasoning(reasoning).into() });
        }
        let inner = value.get("reasoningText").filter(|_| value.members().count() == 1)?;
        let signature = text(inner, "signature").filter(|signature| !signature.is_empty());
        let proof = signature.map(|signature| self.proof(signature));
        let reasoning = Reasoning { text: text(inner, "text")?, proof, redacted: false };
        let foreign = foreign(inner, &["text", "signature"]);
        Some(Part { foreign, ..Body::Reasoning(reasoning).into() })
    }

    /// A signature made by the model this reader knows.
    pub(super) fn proof(&self, data: String) -> Opaque {
        Opaque { origin: Origin { dialect: self.proofs.unwrap_or(HERE), model: self.model.clone() }, data }
    }

    /// Hidden reasoning: its bytes are coded as this dialect has them, so it goes home to this dialect alone.
    pub(super) fn redacted(&self, data: String) -> Opaque {
        Opaque { origin: Origin { dialect: HERE, model: self.model.clone() }, data }
    }

    /// A text with its sources; `None` where it is not text alone.
    fn cited(&mut self, value: Json<'_>, path: &str) -> Result<Option<Part>, Fault> {
        let mut text = String::new();
        for (index, piece) in value.get("content").unwrap_or(Json::NULL).items().enumerate() {
            let Some(piece) = piece.get("text").filter(|_| piece.members().count() == 1) else { return Ok(None) };
            text.push_str(&self.text(piece, &format!("{path}.content[{index}].text"))?);
        }
        let citations = value.get("citations").unwrap_or(Json::NULL).items().map(citation).collect();
        let foreign = foreign(value, &["content", "citations"]);
        Ok(Some(Part { foreign, ..Body::Text { text, citations }.into() }))
    }

    /// A text that a guardrail is to look at: the text, with its block to go home.
    fn guarded(&mut self, value: Json<'_>, path: &str) -> Result<Option<Part>, Fault> {
        let Some(text) = value.at(&["text", "text"]) else { return Ok(None) };
        let mut part = Part::text(self.text(text, &format!("{path}.text.text"))?);
        part.foreign.push(HERE, "guardContent", value.raw());
        Ok(Some(part))
    }
}

/// True for a block whose `type`, where there is one, is the usual one.
pub(super) fn is_clients(value: Json<'_>, usual: &str) -> bool {
    value.get("type").and_then(Json::non_null).is_none_or(|kind| kind.is(usual))
}

/// A block that only this dialect knows.
pub(super) fn unknown(kind: &str, block: Json<'_>) -> Part {
    let inner = block.get(kind).and_then(|inner| inner.get("type")).and_then(Json::as_str);
    let kind = inner.map_or_else(|| kind.to_owned(), Cow::into_owned);
    Body::Unknown { dialect: HERE, kind, raw: block.raw().into() }.into()
}

/// Members beyond those known. What documents say unasked says nothing (`citations: {"enabled":false}`).
fn foreign(object: Json<'_>, known: &[&str]) -> Foreign {
    let default =
        |key: &str, value: Json<'_>| key == "citations" && value.get("enabled").and_then(Json::as_bool) == Some(false);
    members::foreign(HERE, object, |key, value| known.contains(&key) || default(key, value))
}

/// A cache point as the mark that other dialects have on the part before it; `None` for one of another kind.
pub(super) fn mark(point: Json<'_>) -> Option<Raw> {
    let mut json = Writer::new();
    let mut plain = false;
    json.object(|json| {
        json.key("type").str("ephemeral");
        plain = point.members().all(|(key, value)| match &*key {
            "type" => value.is("default"),
            "ttl" => {
                json.key("ttl").raw(value.raw());
                value.kind() == Kind::String
            }
            _ => false,
        });
    });
    (plain && point.kind() == Kind::Object).then(|| json.finish().into())
}

/// A citation. Its places are in the source, not in the answer, so it has no span.
pub(super) fn citation(citation: Json<'_>) -> Citation {
    let text =
        |value: Option<Json<'_>>| value.and_then(Json::as_str).map(Cow::into_owned).filter(|text| !text.is_empty());
    let is_address = |text: &String| text.starts_with("https://") || text.starts_with("http://");
    let url =
        text(citation.at(&["location", "web", "url"])).or_else(|| text(citation.get("source")).filter(is_address));
    let quoted = citation.get("sourceContent").unwrap_or(Json::NULL).items();
    let quoted: String = quoted.filter_map(|piece| piece.get("text")?.as_str()).collect();
    Citation {
        url,
        title: text(citation.get("title")),
        quoted: Some(quoted).filter(|quoted| !quoted.is_empty()),
        span: None,
        raw: Some((HERE, citation.raw().into())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
    use super::*;

    fn read(content: &str) -> (Vec<Part>, Vec<String>) {
        let mut reader = Reader::of("m");
        let parts = reader.content(Json::parse(content).unwrap(), "content", true).unwrap();
        (parts, reader.losses.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_cache_point_marks_what_stands_before_it() {
        let (parts, _) = read(
            r#"[{"text":"a"},{"cachePoint":{"type":"default"}},{"text":"b"},{"cachePoint":{"type":"default","ttl":"1h"}},{"cachePoint":{"type":"default"}}]"#,
        );
        let marks: Vec<Option<&str>> = parts.iter().map(|part| part.cache.as_ref().map(Raw::as_str)).collect();
        assert_eq!(marks, [Some(r#"{"type":"ephemeral"}"#), Some(r#"{"type":"ephemeral","ttl":"1h"}"#), None]);
        assert!(matches!(&parts[2].body, Body::Unknown { kind, .. } if kind == "default"));
        let (parts, _) = read(r#"[{"cachePoint":{"type":"default"}}]"#);
        assert!(matches!(parts[0].body, Body::Unknown { .. }));
    }

    #[test]
    fn what_runs_at_the_provider_is_the_dialects_own() {
        let server = r#"{"toolUse":{"toolUseId":"t","name":"n","input":{},"type":"server_tool_use"}}"#;
        let answer =
            r#"{"toolResult":{"toolUseId":"t","content":[{"json":{"a":1}}],"type":"nova_code_interpreter_result"}}"#;
        let (parts, losses) = read(&format!("[{server},{answer}]"));
        for (part, expected) in parts.iter().zip([server, answer]) {
            assert!(matches!(&part.body, Body::Unknown { raw, .. } if raw.as_str() == expected), "{part:?}");
        }
        assert!(losses.is_empty());
        let (parts, losses) =
            read(r#"[{"toolResult":{"toolUseId":"t","content":[{"json":{"a":1}}],"status":"error"}}]"#);
        let expected =
            ToolResult { call_id: "t".into(), content: vec![Part::text(r#"{"a":1}"#)], is_error: Some(true) };
        assert_eq!(parts, [Body::ToolResult(expected).into()]);
        assert_eq!(losses, ["approximated json at content[0].toolResult.content[0]"]);
    }

    #[test]
    fn proofs_are_of_who_made_them() {
        let text = r#"[{"reasoningContent":{"reasoningText":{"text":"t","signature":"s"}}},{"reasoningContent":{"redactedContent":"AA=="}}]"#;
        for (model, expected) in
            [("us.anthropic.claude-opus-4-1", DialectId::AnthropicMessages), ("amazon.nova-2", HERE)]
        {
            let mut reader = Reader::of(model);
            let parts = reader.content(Json::parse(text).unwrap(), "", false).unwrap();
            let origins: Vec<DialectId> = parts
                .iter()
                .filter_map(|part| match &part.body {
                    Body::Reasoning(Reasoning { proof: Some(proof), .. }) => Some(proof.origin.dialect),
                    _ => None,
                })
                .collect();
            assert_eq!(origins, [expected, HERE]);
        }
    }

    #[test]
    fn sources_come_along() {
        let (parts, _) = read(
            r#"[{"citationsContent":{"content":[{"text":"a"},{"text":"b"}],"citations":[{"title":"T","source":"https://x/y","sourceContent":[{"text":"q"}],"location":{"documentPage":{"documentIndex":0}}}]}}]"#,
        );
        let Body::Text { text, citations } = &parts[0].body else { panic!("{parts:?}") };
        let one = &citations[0];
        assert_eq!(text, "ab");
        assert_eq!(
            (one.url.as_deref(), one.title.as_deref(), one.quoted.as_deref()),
            (Some("https://x/y"), Some("T"), Some("q"))
        );
    }
}
