//! Messages of the IR to items of this dialect, each part in its place.

use wire::json::Writer;

use super::cite;
use super::item::{ITEMS, NO_FILE_NAME};
use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::ir::part::{Body, Citation, Media, MediaKind, MediaSource, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Message, Role};
use crate::loss::Loss;
use crate::members::{self, written};
use crate::openai_chat::write::names::Names;
use crate::quirk::Quirk;
use crate::target::Target;

const HERE: DialectId = DialectId::OpenAiResponses;

/// One part of content, written; and its text where it is that and nothing else.
#[derive(Debug)]
pub(super) struct Piece {
    json: String,
    /// The text of a plain text.
    pub(super) text: Option<String>,
}

/// Writes items and gathers what is lost.
#[derive(Debug)]
pub(super) struct Turns<'a> {
    to: &'a Target<'a>,
    /// Ids and names.
    pub(super) names: Names,
    /// The items, written.
    pub(super) items: Vec<String>,
    /// What was lost.
    pub(super) losses: Vec<Loss>,
    /// Nobody but the operator speaks in what is written so far.
    leading: bool,
}

/// What a message says that is not written yet.
#[derive(Debug, Default)]
struct Pending {
    pieces: Vec<Piece>,
    own: Vec<(String, String)>,
}

impl<'a> Turns<'a> {
    /// Nothing yet.
    pub(super) fn new(to: &'a Target<'a>) -> Self {
        Self { to, names: Names::new(false), items: Vec::new(), losses: Vec::new(), leading: true }
    }

    pub(super) fn lose(&mut self, loss: Loss) {
        self.losses.push(loss);
    }

    /// The instructions that stand outside the conversation: a plain text is given back, anything else is
    /// an item.
    pub(super) fn system(&mut self, parts: &[Part]) -> Option<String> {
        let pieces = self.content(parts, Role::System, "system");
        match pieces.as_slice() {
            [] => None,
            [Piece { text: Some(text), .. }] => Some(text.clone()),
            _ => {
                let mut pending = Pending { pieces, own: Vec::new() };
                self.flush(Role::System, &mut pending);
                None
            }
        }
    }

    /// Instructions as an item.
    pub(super) fn instruct(&mut self, text: &str) {
        let pieces = vec![Piece { json: String::new(), text: Some(text.to_owned()) }];
        self.flush(Role::System, &mut Pending { pieces, own: Vec::new() });
    }

    /// One message.
    pub(super) fn message(&mut self, message: &Message, index: usize) {
        let path = format!("messages[{index}]");
        if message.name.is_some() {
            self.lose(Loss::dropped("name", format!("{path}.name")));
        }
        let mut pending = Pending { pieces: Vec::new(), own: self.own(&message.foreign, &path) };
        if message.role == Role::System && self.leading && pending.own.is_empty() {
            // Without what set it apart it is one of the instructions outside the conversation.
            self.lose(Loss::approximated("system", path.clone()));
        }
        for (place, part) in message.parts.iter().enumerate() {
            self.part(message.role, part, &mut pending, &format!("{path}.content[{place}]"));
        }
        self.flush(message.role, &mut pending);
        for (key, _) in pending.own {
            // No message is left that could bring it.
            self.lose(Loss::dropped(key, path.clone()));
        }
    }

    fn part(&mut self, role: Role, part: &Part, pending: &mut Pending, at: &str) {
        let assistant = role == Role::Assistant;
        let item = match &part.body {
            Body::ToolCall(call) if assistant => Some(self.call(part, call, at)),
            Body::ToolResult(result) if role == Role::Tool => Some(self.result(part, result, at)),
            Body::Reasoning(reasoning) if assistant => match self.reasoning(part, reasoning, at) {
                Some(item) => Some(item),
                None => return,
            },
            Body::Unknown { dialect: HERE, kind, raw }
                if matches!(role, Role::Assistant | Role::Tool) && !ITEMS.contains(&kind.as_str()) =>
            {
                Some(raw.as_str().to_owned())
            }
            _ => None,
        };
        match item {
            Some(item) => {
                self.flush(role, pending);
                self.push(role, item);
            }
            None if role == Role::Tool => self.gone(part, at),
            None => pending.pieces.extend(self.piece(part, role, at)),
        }
    }

    fn push(&mut self, role: Role, item: String) {
        self.leading &= role == Role::System;
        self.items.push(item);
    }

    /// Writes what a message said so far as an item.
    fn flush(&mut self, role: Role, pending: &mut Pending) {
        if pending.pieces.is_empty() {
            return;
        }
        let (pieces, own) = (std::mem::take(&mut pending.pieces), std::mem::take(&mut pending.own));
        let word = match role {
            Role::System => "system",
            Role::Assistant => "assistant",
            Role::User | Role::Tool => "user",
        };
        let item = written(&own, |json| {
            json.key("type").str("message");
            json.key("role").str(word);
            content("content", &pieces, json);
        });
        self.push(role, item);
    }

    fn content(&mut self, parts: &[Part], role: Role, path: &str) -> Vec<Piece> {
        let each = parts.iter().enumerate();
        each.filter_map(|(index, part)| self.piece(part, role, &format!("{path}[{index}]"))).collect()
    }

    /// A part of content where this dialect has a word for it.
    fn piece(&mut self, part: &Part, role: Role, at: &str) -> Option<Piece> {
        let assistant = role == Role::Assistant;
        match &part.body {
            Body::Text { text, citations } => self.text(part, text, citations, assistant, at),
            Body::Refusal(text) if assistant => {
                let more = self.more(part, at);
                Some(piece(&more, |json| {
                    json.key("type").str("refusal");
                    json.key("refusal").str(text);
                }))
            }
            Body::Refusal(text) => {
                self.lose(Loss::approximated("refusal", at));
                self.text(part, text, &[], assistant, at)
            }
            Body::Media(media) if matches!(role, Role::User | Role::Tool) => self.media(part, media, at),
            Body::Unknown { dialect: HERE, raw, .. } => Some(Piece { json: raw.as_str().to_owned(), text: None }),
            _ => {
                self.gone(part, at);
                None
            }
        }
    }

    /// A text; an empty one without members says nothing.
    fn text(&mut self, part: &Part, text: &str, citations: &[Citation], assistant: bool, at: &str) -> Option<Piece> {
        let mut more = self.more(part, at);
        if assistant {
            let written = citations.iter().filter_map(|citation| cite::write(citation, at, &mut self.losses));
            let annotations = written.collect::<Vec<_>>().join(",");
            if !annotations.is_empty() {
                more.insert(0, ("annotations".to_owned(), format!("[{annotations}]")));
            }
        } else if !citations.is_empty() {
            self.lose(Loss::dropped("citations", at));
        }
        if more.is_empty() && text.is_empty() {
            return None;
        }
        let plain = more.is_empty().then(|| text.to_owned());
        let piece = piece(&more, |json| {
            json.key("type").str(if assistant { "output_text" } else { "input_text" });
            json.key("text").str(text);
        });
        Some(Piece { text: plain, ..piece })
    }

    fn media(&mut self, part: &Part, media: &Media, at: &str) -> Option<Piece> {
        let (kind, address) = match (media.kind, &media.source) {
            (MediaKind::File, MediaSource::Text(text)) => {
                self.lose(Loss::approximated("file", at));
                return self.text(part, text, &[], false, at);
            }
            (MediaKind::Image, MediaSource::Url(url)) => ("input_image", ("image_url", url.clone())),
            (MediaKind::Image, MediaSource::Base64 { media_type, data }) => {
                ("input_image", ("image_url", format!("data:{media_type};base64,{data}")))
            }
            (MediaKind::Image, MediaSource::FileId { dialect: HERE, id }) => ("input_image", ("file_id", id.clone())),
            (MediaKind::File, MediaSource::Url(url)) => ("input_file", ("file_url", url.clone())),
            (MediaKind::File, MediaSource::Base64 { media_type, data }) => {
                ("input_file", ("file_data", format!("data:{media_type};base64,{data}")))
            }
            (MediaKind::File, MediaSource::FileId { dialect: HERE, id }) => ("input_file", ("file_id", id.clone())),
            _ => {
                self.gone(part, at);
                return None;
            }
        };
        let image = media.kind == MediaKind::Image;
        // Bytes want a name.
        let unnamed = (address.0 == "file_data").then_some(NO_FILE_NAME);
        let name = media.name.as_deref().or(unnamed).filter(|_| !image);
        if name.is_none() && media.name.is_some() {
            self.lose(Loss::dropped("filename", at));
        }
        let detail = media.detail.as_deref().filter(|_| image);
        if detail.is_none() && media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.lose(Loss::dropped("detail", at));
        }
        let more = self.more(part, at);
        Some(piece(&more, |json| {
            json.key("type").str(kind);
            json.key(address.0).str(&address.1);
            if let Some(name) = name {
                json.key("filename").str(name);
            }
            if let Some(detail) = detail {
                json.key("detail").str(detail);
            }
        }))
    }

    /// Reasoning goes back to the model that proved it; its words, to servers that take them.
    fn reasoning(&mut self, part: &Part, reasoning: &Reasoning, at: &str) -> Option<String> {
        let proof = reasoning.proof.as_ref().filter(|proof| proof.origin.accepts(HERE, self.to.model));
        let proof = proof.filter(|proof| !proof.data.is_empty());
        let words = self.to.quirks.has(Quirk::ReasoningContent) && !reasoning.text.is_empty();
        if proof.is_none() && !words {
            self.gone(part, at);
            return None;
        }
        if proof.is_none() && reasoning.proof.is_some() {
            self.lose(Loss::dropped("signature", at));
        }
        let more = self.more(part, at);
        Some(written(&more, |json| {
            json.key("type").str("reasoning");
            json.key("summary").array(|json| {
                if proof.is_some() && !reasoning.text.is_empty() {
                    thought("summary_text", &reasoning.text, json);
                }
            });
            match proof {
                Some(proof) => _ = json.key("encrypted_content").str(&proof.data),
                None => _ = json.key("content").array(|json| thought("reasoning_text", &reasoning.text, json)),
            }
        }))
    }

    fn call(&mut self, part: &Part, call: &ToolCall, at: &str) -> String {
        if call.proof.is_some() {
            self.lose(Loss::dropped("thought_signature", at));
        }
        let (id, name) = (self.names.id(&call.id), self.names.name(&call.name));
        let more = self.more(part, at);
        // Nothing said is an object without members: servers parse it.
        let nothing = matches!(call.arguments.trim(), "" | "null");
        written(&more, |json| {
            json.key("type").str("function_call");
            json.key("call_id").str(&id);
            json.key("name").str(&name);
            json.key("arguments").str(if nothing { "{}" } else { &call.arguments });
        })
    }

    fn result(&mut self, part: &Part, result: &ToolResult, at: &str) -> String {
        let pieces = self.content(&result.content, Role::Tool, &format!("{at}.content"));
        if result.is_error == Some(true) {
            self.lose(Loss::dropped("is_error", at));
        }
        let id = self.names.id(&result.call_id);
        let more = self.more(part, at);
        written(&more, |json| {
            json.key("type").str("function_call_output");
            json.key("call_id").str(&id);
            if pieces.is_empty() {
                json.key("output").str("");
            } else {
                content("output", &pieces, json);
            }
        })
    }

    /// Cache mark and own members of a part.
    fn more(&mut self, part: &Part, at: &str) -> Vec<(String, String)> {
        let content = matches!(part.body, Body::Text { .. } | Body::Refusal(_) | Body::Media(_));
        let mut more = Vec::new();
        match &part.cache {
            Some(mark) if content && self.to.quirks.has(Quirk::CacheControl) => {
                more.push(("cache_control".to_owned(), mark.as_str().to_owned()));
            }
            Some(_) => self.lose(Loss::dropped("cache_control", at)),
            None => {}
        }
        more.extend(self.own(&part.foreign, at));
        more
    }

    /// Members of this dialect's own; those of others are lost.
    pub(super) fn own(&mut self, foreign: &Foreign, at: &str) -> Vec<(String, String)> {
        members::own(HERE, foreign, at, &mut self.losses)
    }

    /// Names a part that cannot come along, and all that hangs on it.
    fn gone(&mut self, part: &Part, at: &str) {
        self.lose(Loss::dropped(part.body.word(), at));
        if part.cache.is_some() {
            self.lose(Loss::dropped("cache_control", at));
        }
        for (_, key, _) in part.foreign.iter() {
            self.lose(Loss::dropped(key.to_owned(), at));
        }
    }
}

/// One text of reasoning.
pub(super) fn thought(kind: &str, text: &str, json: &mut Writer) {
    json.object(|json| {
        json.key("type").str(kind);
        json.key("text").str(text);
    });
}

fn piece(more: &[(String, String)], members: impl FnOnce(&mut Writer)) -> Piece {
    Piece { json: written(more, members), text: None }
}

/// Content: a string where that says the same.
fn content(key: &str, pieces: &[Piece], json: &mut Writer) {
    match pieces {
        [Piece { text: Some(text), .. }] => {
            json.key(key).str(text);
        }
        many => {
            json.key(key).array(|json| many.iter().for_each(|piece| _ = json.raw(&piece.json)));
        }
    }
}
