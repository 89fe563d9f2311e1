//! Messages of the IR to messages of this dialect: a message per tool result, the plan before calls by its name.

use wire::json::{Writer, quote};

use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::ir::part::{Body, Media, MediaKind, MediaSource, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Message, Role};
use crate::loss::Loss;
use crate::members::{self, written};
use crate::openai_chat::write::names::Names;

const HERE: DialectId = DialectId::CohereV2;

/// Writes messages and gathers what is lost.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Ids and names.
    pub(super) names: Names,
    /// What is lost.
    pub(super) losses: Vec<Loss>,
    /// The messages, written.
    pub(super) messages: Vec<String>,
    /// Somebody but the operator has spoken.
    talk: bool,
    /// A message lost what sets it apart from its neighbours: those behind it may stand elsewhere.
    shifted: bool,
}

/// One item of content.
#[derive(Debug)]
enum Piece {
    /// A text and nothing else, as a JSON string.
    Text(String),
    /// Any other, as a JSON object.
    Object(String),
}

/// Members of this dialect's own, by key.
type Own = [(String, String)];

impl Turns {
    /// The instructions that stand outside the conversation.
    pub(super) fn system(&mut self, parts: &[Part]) {
        let pieces = self.pieces(parts, "system", false);
        if !pieces.is_empty() {
            self.push("system", &[], |json| content(&pieces, json));
        }
    }

    fn push(&mut self, role: &str, own: &Own, members: impl FnOnce(&mut Writer)) {
        self.talk |= role != "system";
        self.messages.push(written(own, |json| {
            json.key("role").str(role);
            members(json);
        }));
    }

    /// One message.
    pub(super) fn message(&mut self, message: &Message, index: usize) {
        let path = format!("messages[{index}]");
        if message.name.is_some() {
            self.losses.push(Loss::dropped("name", format!("{path}.name")));
        }
        let own = self.own(&message.foreign, &path);
        self.shifted |= own.len() < message.foreign.iter().count() || message.name.is_some();
        match message.role {
            Role::Assistant => self.assistant(message, &own, &path),
            Role::Tool => self.results(message, own, &path),
            Role::System | Role::User => {
                let user = message.role == Role::User;
                let pieces = self.pieces(&message.parts, &format!("{path}.content"), user);
                if pieces.is_empty() {
                    return self.left_out(&own, &path);
                }
                if !user && !self.talk && own.is_empty() {
                    // Without what set it apart it is one of the instructions outside the conversation.
                    self.losses.push(Loss::approximated("system", path));
                }
                self.push(if user { "user" } else { "system" }, &own, |json| content(&pieces, json));
            }
        }
    }

    /// Names what hung on a message of which nothing is left.
    fn left_out(&mut self, own: &Own, path: &str) {
        self.losses.push(Loss::approximated("message order", "messages"));
        self.losses.extend(own.iter().map(|(key, _)| Loss::dropped(key.clone(), path)));
    }

    fn own(&mut self, foreign: &Foreign, at: &str) -> Vec<(String, String)> {
        members::own(HERE, foreign, at, &mut self.losses)
    }

    /// Names a part that cannot come along, and all that hangs on it.
    fn gone(&mut self, part: &Part, at: &str) {
        self.losses.push(Loss::dropped(part.body.word(), at));
        self.losses.extend(part.foreign.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), at)));
        self.uncached(part, at);
    }

    fn uncached(&mut self, part: &Part, at: &str) {
        if part.cache.is_some() {
            self.losses.push(Loss::dropped("cache_control", at));
        }
    }

    fn pieces(&mut self, parts: &[Part], path: &str, images: bool) -> Vec<Piece> {
        let each = parts.iter().enumerate();
        each.filter_map(|(index, part)| self.piece(part, images, &format!("{path}[{index}]"))).collect()
    }

    /// A part as an item of content: text, and images where they may stand.
    fn piece(&mut self, part: &Part, images: bool, at: &str) -> Option<Piece> {
        match &part.body {
            Body::Text { text, citations } => {
                if !citations.is_empty() {
                    self.losses.push(Loss::dropped("citations", at));
                }
                self.text(part, text, at)
            }
            Body::Refusal(text) => {
                self.losses.push(Loss::approximated("refusal", at));
                self.text(part, text, at)
            }
            Body::Media(Media { kind, source: MediaSource::Text(text), .. }) => {
                self.losses.push(Loss::approximated(kind.word(), at));
                self.text(part, text, at)
            }
            Body::Media(media) if images && media.kind == MediaKind::Image => self.image(part, media, at),
            Body::Unknown { dialect: HERE, raw, .. } => Some(Piece::Object(raw.as_str().to_owned())),
            _ => {
                self.gone(part, at);
                None
            }
        }
    }

    /// A text; an empty one without members says nothing.
    fn text(&mut self, part: &Part, text: &str, at: &str) -> Option<Piece> {
        self.uncached(part, at);
        let own = self.own(&part.foreign, at);
        if own.is_empty() {
            let mut quoted = String::new();
            quote(text, &mut quoted);
            return (!text.is_empty()).then_some(Piece::Text(quoted));
        }
        Some(Piece::Object(written(&own, |json| _ = json.key("type").str("text").key("text").str(text))))
    }

    fn image(&mut self, part: &Part, media: &Media, at: &str) -> Option<Piece> {
        let url = match &media.source {
            MediaSource::Url(url) => url.clone(),
            MediaSource::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
            MediaSource::FileId { .. } | MediaSource::Text(_) => {
                self.gone(part, at);
                return None;
            }
        };
        if media.name.is_some() {
            self.losses.push(Loss::dropped("filename", at));
        }
        self.uncached(part, at);
        let own = self.own(&part.foreign, at);
        Some(Piece::Object(written(&own, |json| {
            json.key("type").str("image_url");
            json.key("image_url").object(|json| {
                json.key("url").str(&url);
                if let Some(detail) = &media.detail {
                    json.key("detail").str(detail);
                }
            });
        })))
    }

    /// Tool results: a message each.
    fn results(&mut self, message: &Message, mut own: Vec<(String, String)>, path: &str) {
        for (index, part) in message.parts.iter().enumerate() {
            let at = format!("{path}.content[{index}]");
            match &part.body {
                Body::ToolResult(result) => self.result(part, result, std::mem::take(&mut own), &at),
                _ => self.gone(part, &at),
            }
        }
        self.losses.extend(own.into_iter().map(|(key, _)| Loss::dropped(key, path)));
    }

    fn result(&mut self, part: &Part, result: &ToolResult, mut own: Vec<(String, String)>, at: &str) {
        let pieces = self.pieces(&result.content, &format!("{at}.content"), false);
        if result.is_error == Some(true) {
            self.losses.push(Loss::dropped("is_error", at));
        }
        self.uncached(part, at);
        own.extend(self.own(&part.foreign, at));
        let id = self.names.id(&result.call_id);
        self.push("tool", &own, |json| {
            json.key("tool_call_id").str(&id);
            content(&pieces, json);
        });
    }

    fn assistant(&mut self, message: &Message, own: &Own, path: &str) {
        let (mut pieces, mut calls) = (Vec::new(), Vec::new());
        let (mut texts, mut late) = (0, false);
        for (index, part) in message.parts.iter().enumerate() {
            let at = format!("{path}.content[{index}]");
            if let Body::ToolCall(call) = &part.body {
                calls.push(self.call(part, call, &at));
                continue;
            }
            let piece = match &part.body {
                Body::Reasoning(reasoning) => self.reasoning(part, reasoning, &at),
                _ => self.piece(part, false, &at),
            };
            let Some(piece) = piece else { continue };
            late |= !calls.is_empty();
            texts += usize::from(matches!(piece, Piece::Text(_)));
            pieces.push(piece);
        }
        if pieces.is_empty() && calls.is_empty() {
            return self.left_out(own, path);
        }
        if late {
            self.losses.push(Loss::approximated("order", format!("{path}.content")));
            if self.shifted {
                self.losses.push(Loss::approximated("order", "messages"));
            }
        }
        // One text before calls is the plan that the model made them by.
        let plan = match pieces.pop() {
            Some(Piece::Text(text)) if texts == 1 && !calls.is_empty() => Some(text),
            other => {
                pieces.extend(other);
                None
            }
        };
        self.push("assistant", own, |json| {
            if !pieces.is_empty() {
                content(&pieces, json);
            }
            if let Some(plan) = &plan {
                json.key("tool_plan").raw(plan);
            }
            if !calls.is_empty() {
                json.key("tool_calls").array(|json| calls.iter().for_each(|call| _ = json.raw(call)));
            }
        });
    }

    /// What the model thought, which goes back as words; proofs have no place.
    fn reasoning(&mut self, part: &Part, reasoning: &Reasoning, at: &str) -> Option<Piece> {
        if reasoning.redacted || reasoning.text.is_empty() {
            self.gone(part, at);
            return None;
        }
        if reasoning.proof.is_some() {
            self.losses.push(Loss::dropped("signature", at));
        }
        self.uncached(part, at);
        let own = self.own(&part.foreign, at);
        let members = |json: &mut Writer| _ = json.key("type").str("thinking").key("thinking").str(&reasoning.text);
        Some(Piece::Object(written(&own, members)))
    }

    fn call(&mut self, part: &Part, call: &ToolCall, at: &str) -> String {
        if call.proof.is_some() {
            self.losses.push(Loss::dropped("signature", at));
        }
        self.uncached(part, at);
        let own = self.own(&part.foreign, at);
        let (id, name) = (self.names.id(&call.id), self.names.name(&call.name));
        written(&own, |json| {
            json.key("id").str(&id).key("type").str("function");
            json.key("function").object(|json| {
                // Nothing said is an object without members: servers parse it.
                let nothing = matches!(call.arguments.trim(), "" | "null");
                json.key("name").str(&name).key("arguments").str(if nothing { "{}" } else { &call.arguments });
            });
        })
    }
}

/// `content`: a string where that says the same.
fn content(pieces: &[Piece], json: &mut Writer) {
    match pieces {
        [] => _ = json.key("content").str(""),
        [Piece::Text(text)] => _ = json.key("content").raw(text),
        many => {
            json.key("content").array(|json| {
                for piece in many {
                    match piece {
                        Piece::Text(text) => {
                            _ = json.object(|json| _ = json.key("type").str("text").key("text").raw(text));
                        }
                        Piece::Object(object) => _ = json.raw(object),
                    }
                }
            });
        }
    }
}
