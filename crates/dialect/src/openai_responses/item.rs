//! Items of `input` to messages of the IR: what was said, called and answered, and what only this dialect
//! knows. Items that stand for history kept elsewhere are refused.

use std::borrow::Cow;

use wire::json::{Json, Kind, Writer};

use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::ir::part::{Body, Media, MediaKind, MediaSource, Opaque, Origin, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Message, Role};
use crate::loss::Loss;
use crate::members::{self, array, join, object};
use crate::packed;
use crate::signature;

use super::{cite, sealed};

const HERE: DialectId = DialectId::OpenAiResponses;

/// Types of items that are read as more than what only this dialect knows, or refused.
pub(super) const ITEMS: [&str; 8] = [
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "item_reference",
    "compaction",
];

/// File names that stand for none, since a file's bytes want one.
pub(super) const NO_FILE_NAME: &str = "unnamed";

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

    /// `input`: a text of the user's, or items.
    pub(super) fn input(&mut self, value: Json<'_>) -> Result<Vec<Message>, Fault> {
        if value.kind() == Kind::String {
            let parts = self.content(value, "input")?;
            return Ok(if parts.is_empty() { Vec::new() } else { vec![Message::new(Role::User, parts)] });
        }
        let mut messages = Vec::new();
        for (index, item) in array(value, "input")?.enumerate() {
            messages.extend(self.item(item, &format!("input[{index}]"))?);
        }
        Ok(messages)
    }

    /// One item; `None` for one that says nothing.
    fn item(&mut self, item: Json<'_>, path: &str) -> Result<Option<Message>, Fault> {
        object(item, path)?;
        let kind = match item.get("type").and_then(Json::non_null) {
            None if item.get("role").is_some() => "message".to_owned(),
            _ => self.need(item, "type", path)?,
        };
        let alone = |role, part: Part| Some(Message::new(role, vec![part]));
        Ok(match kind.as_str() {
            "message" => Some(self.message(item, path)?),
            "function_call" => {
                let arguments = match item.get("arguments") {
                    None => String::new(),
                    Some(text) if text.kind() == Kind::String => self.text(text, &join(path, "arguments"))?,
                    Some(null) if null.is_null() => String::new(),
                    Some(other) => other.raw().to_owned(),
                };
                alone(Role::Assistant, self.call(item, arguments, path)?)
            }
            "custom_tool_call" => {
                let input = self.need(item, "input", path)?;
                alone(Role::Assistant, self.call(item, free_text(&input), path)?)
            }
            "function_call_output" | "custom_tool_call_output" => {
                let output = item.get("output").unwrap_or(Json::NULL);
                let content = self.content(output, &join(path, "output"))?;
                let call_id = self.need(item, "call_id", path)?;
                let body = Body::ToolResult(ToolResult { call_id, content, is_error: None });
                let known = ["type", "id", "status", "call_id", "output"];
                alone(Role::Tool, Part { body, cache: None, foreign: foreign(item, &known) })
            }
            "reasoning" => self.reasoning(item, path)?.and_then(|part| alone(Role::Assistant, part)),
            "item_reference" => {
                let message = "An `item_reference` names an item that one provider keeps, and this model's provider \
                               speaks another dialect. Send the item itself in `input`.";
                return Err(Fault::invalid(path, message));
            }
            "compaction" => {
                let message = "A `compaction` item is history that only the provider which made it can read, and \
                               this model's provider speaks another dialect. Send the items it stands for.";
                return Err(Fault::invalid(path, message));
            }
            // What a tool of the provider's was told, or the call of one.
            other => {
                let answered = other.ends_with("_output") || other.ends_with("_response");
                alone(if answered { Role::Tool } else { Role::Assistant }, unknown(other, item).into())
            }
        })
    }

    fn message(&mut self, item: Json<'_>, path: &str) -> Result<Message, Fault> {
        let role = match &*self.need(item, "role", path)? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" | "developer" => Role::System,
            _ => {
                let path = join(path, "role");
                let words = "`user`, `assistant`, `system` or `developer`";
                return Err(Fault::invalid(&path, format!("`{path}` must be {words}.")));
            }
        };
        let at = join(path, "content");
        let content = item.get("content").ok_or_else(|| Fault::invalid(&at, format!("`{at}` is missing.")))?;
        let parts = self.content(content, &at)?;
        let foreign = foreign(item, &["type", "id", "status", "role", "content"]);
        Ok(Message { role, parts, name: None, foreign })
    }

    fn call(&mut self, item: Json<'_>, arguments: String, path: &str) -> Result<Part, Fault> {
        let signature = item.get("extra_content").and_then(signature::read);
        let origin = Origin { dialect: DialectId::Gemini, model: String::new() };
        let call = ToolCall {
            id: self.need(item, "call_id", path)?,
            name: self.need(item, "name", path)?,
            arguments,
            proof: signature.map(|data| Opaque { origin, data }),
        };
        let mut known = vec!["type", "id", "status", "call_id", "name", "arguments", "input"];
        if call.proof.is_some() {
            known.push("extra_content");
        }
        Ok(Part { body: Body::ToolCall(call), cache: None, foreign: foreign(item, &known) })
    }

    /// What the model thought: its own words where they are told, else their summary. An item that holds
    /// neither words nor proof stands for reasoning that its provider keeps.
    fn reasoning(&mut self, item: Json<'_>, path: &str) -> Result<Option<Part>, Fault> {
        let said = self.thoughts(item, "content", path)?;
        let summary = self.thoughts(item, "summary", path)?;
        if !said.is_empty() && !summary.is_empty() && said != summary {
            self.losses.push(Loss::dropped("summary", join(path, "summary")));
        }
        let text = if said.is_empty() { summary } else { said };
        let data = self.maybe(item, "encrypted_content", path)?.filter(|data| !data.is_empty());
        let mut redacted = text.is_empty();
        let proof = match data.as_deref().and_then(sealed::read) {
            Some(sealed) => {
                redacted = sealed.redacted;
                sealed.proof
            }
            None => data.map(|data| Opaque { origin: Origin { dialect: HERE, model: String::new() }, data }),
        };
        if text.is_empty() && proof.is_none() {
            self.losses.push(Loss::dropped("reasoning", path));
            return Ok(None);
        }
        let body = Body::Reasoning(Reasoning { text, proof, redacted });
        let known = ["type", "id", "status", "summary", "content", "encrypted_content"];
        Ok(Some(Part { body, cache: None, foreign: foreign(item, &known) }))
    }

    /// The texts of a list of reasoning, paragraphs of one.
    fn thoughts(&mut self, item: Json<'_>, name: &str, path: &str) -> Result<String, Fault> {
        let path = join(path, name);
        let Some(list) = item.get(name).and_then(Json::non_null) else { return Ok(String::new()) };
        let mut texts = Vec::new();
        for (index, thought) in array(list, &path)?.enumerate() {
            let at = format!("{path}[{index}]");
            match thought.kind() {
                Kind::String => texts.push(self.text(thought, &at)?),
                _ => texts.push(self.need(object(thought, &at)?, "text", &at)?),
            }
        }
        texts.retain(|text| !text.is_empty());
        Ok(texts.join(PARAGRAPH))
    }

    /// Content: a string, a list of parts, or nothing. An empty string has no part.
    pub(super) fn content(&mut self, value: Json<'_>, path: &str) -> Result<Vec<Part>, Fault> {
        match value.kind() {
            Kind::Null => Ok(Vec::new()),
            Kind::String => {
                let text = self.text(value, path)?;
                Ok(if text.is_empty() { Vec::new() } else { vec![Part::text(text)] })
            }
            Kind::Array => {
                let parts = value.items().enumerate();
                parts.map(|(index, part)| self.part(part, &format!("{path}[{index}]"))).collect()
            }
            _ => Err(Fault::invalid(path, format!("`{path}` must be a string or an array of parts."))),
        }
    }

    /// One part of content.
    fn part(&mut self, part: Json<'_>, path: &str) -> Result<Part, Fault> {
        object(part, path)?;
        let kind = self.need(part, "type", path)?;
        let (body, known): (Body, &[&str]) = match kind.as_str() {
            "input_text" | "output_text" | "text" | "summary_text" => {
                let annotations = part.get("annotations").into_iter().flat_map(Json::items);
                let citations = annotations.map(cite::read).collect();
                (Body::Text { text: self.need(part, "text", path)?, citations }, &["text", "annotations", "logprobs"])
            }
            "refusal" => (Body::Refusal(self.need(part, "refusal", path)?), &["refusal"]),
            "input_image" => match self.source(part, &["image_url"], path)? {
                Some(source) => {
                    let detail = self.maybe(part, "detail", path)?;
                    let media = Media { kind: MediaKind::Image, source, name: None, detail };
                    (Body::Media(media), &["image_url", "file_id", "detail"])
                }
                None => return Ok(unknown(&kind, part).into()),
            },
            "input_file" => match self.source(part, &["file_data", "file_url"], path)? {
                Some(source) => {
                    let name = self.maybe(part, "filename", path)?.filter(|name| name != NO_FILE_NAME);
                    let media = Media { kind: MediaKind::File, source, name, detail: None };
                    (Body::Media(media), &["file_data", "file_url", "file_id", "filename"])
                }
                None => return Ok(unknown(&kind, part).into()),
            },
            _ => return Ok(unknown(&kind, part).into()),
        };
        let cache = part.get("cache_control").and_then(Json::non_null).map(|mark| mark.raw().into());
        let mut foreign = Foreign::default();
        for (dialect, key, value) in self::foreign(part, known).iter() {
            if !matches!(key, "type" | "cache_control") {
                foreign.push(dialect, key, value);
            }
        }
        Ok(Part { body, cache, foreign })
    }

    /// Where media's bytes are: under the first of these members, or the provider's id of them.
    fn source(&mut self, part: Json<'_>, names: &[&str], path: &str) -> Result<Option<MediaSource>, Fault> {
        for name in names {
            if let Some(text) = self.maybe(part, name, path)? {
                return source(text, *name == "file_data", &join(path, name)).map(Some);
            }
        }
        let id = self.maybe(part, "file_id", path)?;
        Ok(id.map(|id| MediaSource::FileId { dialect: HERE, id }))
    }
}

/// What stands between texts of reasoning that are one in the IR.
pub(super) const PARAGRAPH: &str = "\n\n";

/// The free text that a custom tool takes, as the arguments of a function of one parameter.
pub(super) fn free_text(input: &str) -> String {
    let mut json = Writer::new();
    json.object(|json| _ = json.key("input").str(input));
    json.finish()
}

/// A `data:` URL as its bytes, any other as the address it is; bare bytes are those of a PDF.
fn source(text: String, data: bool, path: &str) -> Result<MediaSource, Fault> {
    if !data || packed::is_data(&text) || text.contains("://") {
        return packed::source(text, path);
    }
    Ok(MediaSource::Base64 { media_type: "application/pdf".to_owned(), data: packed::base64(text, path)? })
}

/// Members beyond those known.
pub(super) fn foreign(object: Json<'_>, known: &[&str]) -> Foreign {
    members::foreign(HERE, object, |key, _| known.contains(&key))
}

/// An item or part that only this dialect knows.
pub(super) fn unknown(kind: &str, value: Json<'_>) -> Body {
    Body::Unknown { dialect: HERE, kind: kind.to_owned(), raw: value.raw().into() }
}

/// The text of a string where nothing hangs on it.
pub(super) fn word(object: Json<'_>, name: &str) -> String {
    object.get(name).and_then(Json::as_str).map(Cow::into_owned).unwrap_or_default()
}
