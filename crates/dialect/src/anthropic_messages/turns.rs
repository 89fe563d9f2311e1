//! Parts of the IR to turns of this dialect: user and assistant in strict alternation, tool results first.

use wire::json::{Json, Writer};

use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::ir::part::{Body, Citation, Media, MediaKind, MediaSource, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Message, Role};
use crate::loss::Loss;
use crate::members;
use crate::names::Names;
use crate::object::input;

const HERE: DialectId = DialectId::AnthropicMessages;

/// One block that is ready, or a text that may still lose its end.
#[derive(Debug)]
pub(super) enum Block {
    /// A text.
    Text {
        /// The text.
        text: String,
        /// The members behind it, as JSON texts.
        more: Vec<(String, String)>,
        /// Where it stood.
        at: String,
    },
    /// Any other block, written.
    Ready(String),
}

impl Block {
    /// Writes the block.
    pub(super) fn write(&self, json: &mut Writer) {
        match self {
            Block::Ready(text) => {
                json.raw(text);
            }
            Block::Text { text, more, .. } => {
                json.object(|json| {
                    json.key("type").str("text");
                    json.key("text").str(text);
                    for (key, value) in more {
                        json.key(key).raw(value);
                    }
                });
            }
        }
    }

    /// The text, where the block is that and nothing else.
    pub(super) fn plain(&self) -> Option<&str> {
        match self {
            Block::Text { text, more, .. } if more.is_empty() => Some(text),
            _ => None,
        }
    }
}

/// One turn.
#[derive(Debug)]
pub(super) struct Turn {
    /// The model's, or else the user's.
    pub(super) assistant: bool,
    /// Tool results, which stand first.
    pub(super) results: Vec<Block>,
    /// Everything else.
    pub(super) blocks: Vec<Block>,
    /// Members of the messages, of this dialect's own.
    pub(super) foreign: Vec<(String, String)>,
}

/// Builds turns and gathers what is lost.
#[derive(Debug)]
pub(super) struct Turns<'a> {
    /// The model that reads them: it takes no other's proofs.
    pub(super) model: &'a str,
    /// Ids and names.
    pub(super) names: Names,
    /// System blocks.
    pub(super) system: Vec<Block>,
    /// The turns.
    pub(super) turns: Vec<Turn>,
    /// What was lost.
    pub(super) losses: Vec<Loss>,
}

impl Turns<'_> {
    pub(super) fn lose(&mut self, loss: Loss) {
        self.losses.push(loss);
    }

    /// Parts that instruct: text only.
    pub(super) fn instruct(&mut self, parts: &[Part], path: &str) {
        for (index, part) in parts.iter().enumerate() {
            let at = format!("{path}[{index}]");
            match &part.body {
                Body::Text { .. } | Body::Refusal(_) => {
                    if let Some(block) = self.block(part, true, at) {
                        self.system.push(block);
                    }
                }
                other => self.lose(Loss::dropped(other.word(), at)),
            }
        }
    }

    /// One message. Its system role, in the middle of a conversation, joins the instructions.
    pub(super) fn message(&mut self, message: &Message, index: usize) {
        let path = format!("messages[{index}]");
        if message.name.is_some() {
            self.lose(Loss::dropped("name", format!("{path}.name")));
        }
        let foreign = self.own(&message.foreign, &path);
        let path = format!("{path}.content");
        if message.role == Role::System {
            self.lose(Loss::approximated("system", format!("messages[{index}]")));
            self.instruct(&message.parts, &path);
            return;
        }
        let assistant = message.role == Role::Assistant;
        for (number, part) in message.parts.iter().enumerate() {
            let at = format!("{path}[{number}]");
            let result = matches!(part.body, Body::ToolResult(_));
            let Some(block) = self.block(part, assistant, at) else { continue };
            let Some(turn) = self.turn(assistant) else { continue };
            // Results stand first; what the user said before them, with nothing of the model's left between,
            // comes behind.
            let overtakes = result && !turn.blocks.is_empty();
            if result {
                turn.results.push(block)
            } else {
                turn.blocks.push(block)
            }
            if overtakes {
                self.lose(Loss::approximated("message order", "messages"));
            }
        }
        if let Some(turn) = self.turns.last_mut().filter(|turn| turn.assistant == assistant) {
            turn.foreign.extend(foreign);
        }
    }

    fn turn(&mut self, assistant: bool) -> Option<&mut Turn> {
        if self.turns.last().is_none_or(|turn| turn.assistant != assistant) {
            let (results, blocks, foreign) = Default::default();
            self.turns.push(Turn { assistant, results, blocks, foreign });
        }
        self.turns.last_mut()
    }

    /// One part, where this dialect has a block for it.
    fn block(&mut self, part: &Part, assistant: bool, at: String) -> Option<Block> {
        match &part.body {
            Body::Text { text, citations } => self.text(part, text, citations, at),
            Body::Refusal(text) => {
                self.lose(Loss::approximated("refusal", at.clone()));
                self.text(part, text, &[], at)
            }
            Body::Media(media) => self.media(part, media, assistant, at),
            Body::Reasoning(reasoning) if assistant => self.reasoning(part, reasoning, at),
            Body::ToolCall(call) if assistant => Some(self.call(part, call, at)),
            Body::ToolResult(result) if !assistant => Some(self.result(part, result, at)),
            Body::Unknown { dialect: HERE, raw, .. } => Some(Block::Ready(raw.as_str().to_owned())),
            other => {
                self.lose(Loss::dropped(other.word(), at));
                None
            }
        }
    }

    /// A text; an empty one is refused upstream and says nothing.
    fn text(&mut self, part: &Part, text: &str, citations: &[Citation], at: String) -> Option<Block> {
        if text.trim().is_empty() {
            if !text.is_empty() {
                self.lose(Loss::dropped("white space", at.clone()));
            }
            if part.cache.is_some() {
                self.lose(Loss::dropped("cache_control", at));
            }
            return None;
        }
        let mut more = self.more(part, &at);
        let own: Vec<&str> = citations.iter().filter_map(own_citation).collect();
        if own.len() < citations.len() {
            self.lose(Loss::dropped("citations", at.clone()));
        }
        if !own.is_empty() {
            more.push(("citations".to_owned(), format!("[{}]", own.join(","))));
        }
        Some(Block::Text { text: text.to_owned(), more, at })
    }

    /// Cache mark and own members.
    fn more(&mut self, part: &Part, at: &str) -> Vec<(String, String)> {
        let mut more = Vec::new();
        if let Some(mark) = &part.cache {
            more.push(("cache_control".to_owned(), mark.as_str().to_owned()));
        }
        more.extend(self.own(&part.foreign, at));
        more
    }

    /// Members of this dialect's own; others are lost.
    pub(super) fn own(&mut self, foreign: &Foreign, at: &str) -> Vec<(String, String)> {
        members::own(HERE, foreign, at, &mut self.losses)
    }

    fn ready(&mut self, part: &Part, at: &str, members: impl FnOnce(&mut Writer)) -> Block {
        let more = self.more(part, at);
        ready(&more, members)
    }

    fn media(&mut self, part: &Part, media: &Media, assistant: bool, at: String) -> Option<Block> {
        let kind = match (media.kind, &media.source) {
            (MediaKind::Image, MediaSource::Text(_)) => None,
            (MediaKind::Image, _) => Some("image"),
            (MediaKind::File, MediaSource::Base64 { media_type, .. }) if media_type.starts_with("image/") => {
                Some("image")
            }
            (MediaKind::File, MediaSource::Base64 { media_type, .. }) if media_type != "application/pdf" => None,
            (MediaKind::File, _) => Some("document"),
            (MediaKind::Audio | MediaKind::Video, _) => None,
        };
        let elsewhere = matches!(&media.source, MediaSource::FileId { dialect, .. } if *dialect != HERE);
        let Some(kind) = kind.filter(|_| !assistant && !elsewhere) else {
            self.lose(Loss::dropped(media.kind.word(), at));
            return None;
        };
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.lose(Loss::dropped("detail", at.clone()));
        }
        if kind == "image" && media.name.is_some() {
            self.lose(Loss::dropped("filename", at.clone()));
        }
        Some(self.ready(part, &at, |json| {
            json.key("type").str(kind);
            json.key("source").object(|json| source(&media.source, json));
            if let Some(name) = media.name.as_deref().filter(|_| kind == "document") {
                json.key("title").str(name);
            }
        }))
    }

    /// Reasoning goes back to the model that proved it, and to no other.
    fn reasoning(&mut self, part: &Part, reasoning: &Reasoning, at: String) -> Option<Block> {
        let Some(proof) = reasoning.proof.as_ref().filter(|proof| !proof.data.is_empty()) else {
            self.lose(Loss::dropped("reasoning", at));
            return None;
        };
        if !proof.origin.accepts(HERE, self.model) {
            self.lose(Loss::dropped("reasoning signature", at));
            return None;
        }
        if part.cache.is_some() {
            // Refused on thinking blocks.
            self.lose(Loss::dropped("cache_control", at.clone()));
        }
        let more = self.own(&part.foreign, &at);
        Some(ready(&more, |json| {
            if reasoning.redacted {
                json.key("type").str("redacted_thinking");
                json.key("data").str(&proof.data);
            } else {
                json.key("type").str("thinking");
                json.key("thinking").str(&reasoning.text);
                json.key("signature").str(&proof.data);
            }
        }))
    }

    fn call(&mut self, part: &Part, call: &ToolCall, at: String) -> Block {
        if call.proof.is_some() {
            self.lose(Loss::dropped("thought_signature", at.clone()));
        }
        let (input, exact) = input(&call.arguments);
        if !exact {
            self.lose(Loss::approximated("arguments", at.clone()));
        }
        let (id, name) = (self.names.id(&call.id), self.names.name(&call.name));
        self.ready(part, &at, |json| {
            json.key("type").str("tool_use");
            json.key("id").str(&id);
            json.key("name").str(&name);
            json.key("input").raw(input.as_str());
        })
    }

    fn result(&mut self, part: &Part, result: &ToolResult, at: String) -> Block {
        let mut blocks = Vec::new();
        for (index, part) in result.content.iter().enumerate() {
            let at = format!("{at}.content[{index}]");
            match &part.body {
                Body::Text { .. } | Body::Media(_) | Body::Refusal(_) | Body::Unknown { .. } => {
                    blocks.extend(self.block(part, false, at));
                }
                other => self.lose(Loss::dropped(other.word(), at)),
            }
        }
        let id = self.names.id(&result.call_id);
        self.ready(part, &at, |json| {
            json.key("type").str("tool_result");
            json.key("tool_use_id").str(&id);
            match blocks.as_slice() {
                [] => {}
                [only] if only.plain().is_some() => {
                    json.key("content").str(only.plain().unwrap_or_default());
                }
                many => {
                    json.key("content").array(|json| many.iter().for_each(|block| block.write(json)));
                }
            }
            if let Some(failed) = result.is_error {
                json.key("is_error").bool(failed);
            }
        })
    }
}

/// A block of members and what stands behind them.
fn ready(more: &[(String, String)], members: impl FnOnce(&mut Writer)) -> Block {
    let mut json = Writer::new();
    json.object(|json| {
        members(json);
        for (key, value) in more {
            json.key(key).raw(value);
        }
    });
    Block::Ready(json.finish())
}

/// The raw form of a citation that may go home: one that this dialect made, not one of ours in its form.
fn own_citation(citation: &Citation) -> Option<&str> {
    let (dialect, raw) = citation.raw.as_ref()?;
    let made_up =
        Json::parse(raw.as_str()).ok().and_then(|json| json.get("encrypted_index")).is_some_and(|index| index.is(""));
    (*dialect == HERE && !made_up).then_some(raw.as_str())
}

fn source(source: &MediaSource, json: &mut Writer) {
    match source {
        MediaSource::Url(url) => {
            json.key("type").str("url");
            json.key("url").str(url);
        }
        MediaSource::Base64 { media_type, data } => {
            json.key("type").str("base64");
            json.key("media_type").str(media_type);
            json.key("data").str(data);
        }
        MediaSource::FileId { id, .. } => {
            json.key("type").str("file");
            json.key("file_id").str(id);
        }
        MediaSource::Text(text) => {
            json.key("type").str("text");
            json.key("media_type").str("text/plain");
            json.key("data").str(text);
        }
    }
}

#[cfg(test)]
mod tests;
