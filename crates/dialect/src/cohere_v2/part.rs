//! Content, calls and results of this dialect as parts of the IR: in requests and in answers.

use wire::json::{Json, Kind};

use super::cite;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::part::{Body, Media, MediaKind, Part, Reasoning, ToolCall};
use crate::loss::Loss;
use crate::members::{self, array, join, object};
use crate::packed;

const HERE: DialectId = DialectId::CohereV2;

/// Reads values and gathers what was lost.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What the IR has no place for.
    pub(super) losses: Vec<Loss>,
}

impl Reader {
    /// The text of a string.
    pub(super) fn text(&mut self, value: Json<'_>, path: &str) -> Result<String, Fault> {
        members::said(value, path, &mut self.losses)
    }

    /// A string member that must be there.
    pub(super) fn need(&mut self, object: Json<'_>, name: &str, path: &str) -> Result<String, Fault> {
        members::need(object, name, path, &mut self.losses)
    }

    /// A string member that may be absent or `null`.
    pub(super) fn maybe(&mut self, object: Json<'_>, name: &str, path: &str) -> Result<Option<String>, Fault> {
        let value = object.get(name).and_then(Json::non_null);
        value.map(|value| self.text(value, &join(path, name))).transpose()
    }

    /// Names the members beyond those known of an object that the IR does not keep open.
    pub(super) fn only(&mut self, object: Json<'_>, known: &[&str], path: &str) {
        for (_, key, _) in foreign(object, known).iter() {
            self.losses.push(Loss::dropped(key.to_owned(), join(path, key)));
        }
    }

    /// Content: a string, a list of items, or nothing. An empty text has no part. Beside each part stands the
    /// index of its item, which citations name.
    pub(super) fn content(&mut self, value: Json<'_>, path: &str) -> Result<Vec<(u64, Part)>, Fault> {
        let mut parts = Vec::new();
        match value.kind() {
            Kind::Null => {}
            Kind::String => {
                let text = self.text(value, path)?;
                if !text.is_empty() {
                    parts.push((0, Part::text(text)));
                }
            }
            Kind::Array => {
                for (index, item) in (0u64..).zip(value.items()) {
                    let part = self.item(item, &format!("{path}[{index}]"))?;
                    parts.extend(part.map(|part| (index, part)));
                }
            }
            _ => return Err(Fault::invalid(path, format!("`{path}` must be a string or an array."))),
        }
        Ok(parts)
    }

    /// One item of content.
    fn item(&mut self, item: Json<'_>, path: &str) -> Result<Option<Part>, Fault> {
        let kind = self.need(object(item, path)?, "type", path)?;
        let body = match kind.as_str() {
            "text" => Body::Text { text: self.need(item, "text", path)?, citations: Vec::new() },
            "thinking" => {
                let text = self.need(item, "thinking", path)?;
                Body::Reasoning(Reasoning { text, proof: None, redacted: false })
            }
            "image_url" => self.image(item, path)?,
            "document" => self.document(item, path)?,
            _ => return Ok(Some(Body::Unknown { dialect: HERE, kind, raw: item.raw().into() }.into())),
        };
        let foreign = foreign(item, &["type", &kind]);
        let silent =
            matches!(&body, Body::Text { text, .. } | Body::Reasoning(Reasoning { text, .. }) if text.is_empty());
        Ok((!silent || !foreign.is_empty()).then_some(Part { body, cache: None, foreign }))
    }

    fn image(&mut self, item: Json<'_>, path: &str) -> Result<Body, Fault> {
        let path = join(path, "image_url");
        let value = item.get("image_url").unwrap_or(Json::NULL);
        let (url, detail) = match value.kind() {
            Kind::String => (self.text(value, &path)?, None),
            _ => {
                object(value, &path)?;
                self.only(value, &["url", "detail"], &path);
                (self.need(value, "url", &path)?, self.maybe(value, "detail", &path)?)
            }
        };
        let at = if value.kind() == Kind::String { path } else { join(&path, "url") };
        let source = packed::source(url, &at)?;
        Ok(Body::Media(Media { kind: MediaKind::Image, source, name: None, detail }))
    }

    /// A document that a tool answers with: its data as text.
    fn document(&mut self, item: Json<'_>, path: &str) -> Result<Body, Fault> {
        let path = join(path, "document");
        let document = item.get("document").unwrap_or(Json::NULL);
        self.losses.push(Loss::approximated("document", path.clone()));
        let data = document.get("data").and_then(Json::non_null).unwrap_or(document);
        let text = match data.kind() {
            Kind::String => self.text(data, &path)?,
            Kind::Object => data.raw().to_owned(),
            _ => return Err(Fault::invalid(&path, format!("`{path}` must be a string or an object."))),
        };
        Ok(Body::Text { text, citations: Vec::new() })
    }

    /// Everything an assistant's message says: content, the plan before its calls, the calls, what it cites.
    pub(super) fn said(&mut self, message: Json<'_>, path: &str) -> Result<Vec<Part>, Fault> {
        let content = message.get("content").unwrap_or(Json::NULL);
        let (indices, mut parts): (Vec<u64>, Vec<Part>) =
            self.content(content, &join(path, "content"))?.into_iter().unzip();
        let plan = self.maybe(message, "tool_plan", path)?.filter(|plan| !plan.is_empty());
        let planned = plan.as_ref().map(|_| parts.len());
        parts.extend(plan.map(Part::text));
        if let Some(citations) = message.get("citations").and_then(Json::non_null) {
            for citation in array(citations, &join(path, "citations"))? {
                let place = match cite::index(citation) {
                    _ if citation.get("type").is_some_and(|kind| kind.is("PLAN")) => planned,
                    Some(index) => indices.iter().position(|own| *own == index),
                    None => None,
                };
                let is_text = |part: &Part| matches!(part.body, Body::Text { .. });
                let place = place.filter(|place| parts.get(*place).is_some_and(is_text));
                let place = place.or_else(|| parts.iter().position(is_text));
                match place.and_then(|place| parts.get_mut(place)) {
                    Some(Part { body: Body::Text { citations, .. }, .. }) => citations.push(cite::read(citation)),
                    _ => self.losses.push(Loss::dropped("citations", join(path, "citations"))),
                }
            }
        }
        if let Some(calls) = message.get("tool_calls").and_then(Json::non_null) {
            let at = join(path, "tool_calls");
            for (index, call) in array(calls, &at)?.enumerate() {
                parts.push(self.call(call, &format!("{at}[{index}]"))?);
            }
        }
        Ok(parts)
    }

    /// One of `tool_calls`.
    fn call(&mut self, call: Json<'_>, path: &str) -> Result<Part, Fault> {
        object(call, path)?;
        let id = self.maybe(call, "id", path)?.unwrap_or_default();
        let at = join(path, "function");
        let function = object(call.get("function").unwrap_or(Json::NULL), &at)?;
        let name = self.need(function, "name", &at)?;
        let arguments = match function.get("arguments").and_then(Json::non_null) {
            None => String::new(),
            Some(text) if text.kind() == Kind::String => self.text(text, &join(&at, "arguments"))?,
            Some(other) => other.raw().to_owned(),
        };
        self.only(function, &["name", "arguments"], &at);
        let body = Body::ToolCall(ToolCall { id, name, arguments, proof: None });
        Ok(Part { body, cache: None, foreign: foreign(call, &["id", "type", "function"]) })
    }
}

/// Members beyond those known.
pub(super) fn foreign(object: Json<'_>, known: &[&str]) -> crate::ir::foreign::Foreign {
    members::foreign(HERE, object, |key, _| known.contains(&key))
}
