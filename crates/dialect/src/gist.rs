//! What a request says, as one text, and about how many tokens the rest of it is: what estimates count.

use crate::ir::part::{Body, Part};
use crate::ir::request::{Format, Request};
use crate::ir::tool::Tool;

/// Tokens around one message (role, separators).
const MESSAGE: u64 = 4;
/// Tokens around one tool's definition.
const TOOL: u64 = 12;

/// What can be counted of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gist {
    /// Everything it says in words, one after the other.
    pub text: String,
    /// Tokens around messages, calls and tools.
    pub beside: u64,
    /// Tools it declares.
    pub tools: u64,
    /// Pictures and other media, whose size nobody has looked at.
    pub media: u64,
}

impl Gist {
    /// The gist of a request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let mut gist = Self::default();
        gist.parts(&request.system);
        for message in &request.messages {
            gist.beside += MESSAGE;
            gist.say(message.name.as_deref().unwrap_or_default());
            gist.parts(&message.parts);
        }
        for tool in &request.tools {
            gist.beside += TOOL;
            gist.tools += 1;
            match tool {
                Tool::Function(function) => {
                    gist.say(&function.name);
                    gist.say(function.description.as_deref().unwrap_or_default());
                    gist.say(function.schema.as_ref().map_or("", |schema| schema.as_str()));
                }
                Tool::Foreign { raw, .. } => gist.say(raw.as_str()),
            }
        }
        if let Some(Format::JsonSchema { schema, .. }) = &request.format {
            gist.say(schema.as_str());
        }
        gist
    }

    /// The gist of texts.
    pub fn of_texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut gist = Self::default();
        texts.into_iter().for_each(|text| gist.say(text));
        gist
    }

    fn say(&mut self, text: &str) {
        if !text.is_empty() && !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }

    fn parts(&mut self, parts: &[Part]) {
        for part in parts {
            match &part.body {
                Body::Text { text, .. } | Body::Refusal(text) => self.say(text),
                Body::Reasoning(reasoning) => self.say(&reasoning.text),
                Body::ToolCall(call) => {
                    self.beside += MESSAGE;
                    self.say(&call.name);
                    self.say(&call.arguments);
                }
                Body::ToolResult(result) => {
                    self.beside += MESSAGE;
                    self.parts(&result.content);
                }
                Body::Media(media) => match &media.source {
                    crate::ir::part::MediaSource::Text(text) => self.say(text),
                    _ => self.media += 1,
                },
                Body::Unknown { raw, .. } => self.say(raw.as_str()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use crate::id::DialectId;
    use crate::peek::Said;
    use wire::json::Document;

    #[test]
    fn everything_said_is_in_it_and_nothing_else() {
        let body = r#"{"model":"m","system":"sys","messages":[{"role":"user","content":[{"type":"text","text":"hi"},
            {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAABBBB"}}]},
            {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"look","input":{"a":1}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"seen"}]}],
            "tools":[{"name":"look","description":"looks","input_schema":{"type":"object"}}]}"#;
        let body = Document::parse(body.as_bytes().to_vec().into()).unwrap();
        let request = crate::of(DialectId::AnthropicMessages).read_request(&body, Said::default()).unwrap().value;
        let gist = Gist::of(&request);
        assert_eq!(gist.text, "sys\nhi\nlook\n{\"a\":1}\nseen\nlook\nlooks\n{\"type\":\"object\"}");
        assert_eq!((gist.beside, gist.tools, gist.media), (3 * MESSAGE + 2 * MESSAGE + TOOL, 1, 1));
        assert_eq!(Gist::of_texts(["a", "", "b"]).text, "a\nb");
    }
}
