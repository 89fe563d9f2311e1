//! Parts of the IR to turns of this dialect: user and assistant in strict alternation, tool results first, cache marks
//! as points behind what they mark.

use wire::json::{Json, Writer};

use super::answer::around;
use super::media;
use super::model::{Family, caches, family};
use crate::id::DialectId;
use crate::ir::foreign::{Foreign, Raw};
use crate::ir::part::{Body, Citation, Media, Opaque, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Message, Role};
use crate::loss::Loss;
use crate::members::{self, written};
use crate::names::Names;
use crate::object::input;

const HERE: DialectId = DialectId::BedrockConverse;

/// One block that is ready, or a text that may still lose its end.
#[derive(Debug)]
pub(super) enum Block {
    /// A text and the members beside it.
    Text { text: String, more: Vec<(String, String)>, at: String },
    /// Any other block, written.
    Ready(String),
}

impl Block {
    /// Writes the block.
    pub(super) fn write(&self, json: &mut Writer) {
        match self {
            Block::Ready(text) => _ = json.raw(text),
            Block::Text { text, more, .. } => _ = json.raw(&written(more, |json| _ = json.key("text").str(text))),
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
    /// A document stands in it.
    pub(super) document: bool,
}

impl Turn {
    pub(super) fn new(assistant: bool) -> Self {
        Self { assistant, results: Vec::new(), blocks: Vec::new(), foreign: Vec::new(), document: false }
    }
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
    /// Tools that were called, by the name sent.
    pub(super) called: Vec<String>,
    /// Tools answered: a request that holds calls or answers must declare tools.
    pub(super) answered: bool,
    /// Names of documents, each once.
    pub(super) documents: Vec<String>,
    /// What was lost.
    pub(super) losses: Vec<Loss>,
}

impl<'a> Turns<'a> {
    pub(super) fn new(model: &'a str) -> Self {
        Self {
            model,
            names: Names::new(LONGEST, LONGEST),
            system: Vec::new(),
            turns: Vec::new(),
            called: Vec::new(),
            answered: false,
            documents: Vec::new(),
            losses: Vec::new(),
        }
    }

    pub(super) fn lose(&mut self, loss: Loss) {
        self.losses.push(loss);
    }

    /// Parts that instruct: text only.
    pub(super) fn instruct(&mut self, parts: &[Part], path: &str) {
        for (index, part) in parts.iter().enumerate() {
            let at = format!("{path}[{index}]");
            let block = match &part.body {
                Body::Text { .. } | Body::Refusal(_) | Body::Unknown { dialect: HERE, .. } => {
                    self.block(part, true, &at)
                }
                other => {
                    self.lose(Loss::dropped(other.word(), at.clone()));
                    continue;
                }
            };
            let point = self.point(part.cache.as_ref(), block.is_some(), &at);
            self.system.extend(block.into_iter().chain(point));
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
            let block = self.block(part, assistant, &at);
            let inner = self.inner(part, &at);
            let point = self.point(part.cache.as_ref().or(inner.as_ref()), block.is_some(), &at);
            let Some(block) = block else { continue };
            let result = matches!(part.body, Body::ToolResult(_));
            let document = matches!(&part.body, Body::Media(_));
            let Some(turn) = self.turn(assistant) else { continue };
            turn.document |= document && matches!(&block, Block::Ready(text) if text.starts_with("{\"document\""));
            // Results stand first; what the user said before them, with nothing of the model's left between,
            // comes behind.
            let overtakes = result && !turn.blocks.is_empty();
            let list = if result { &mut turn.results } else { &mut turn.blocks };
            list.extend(std::iter::once(block).chain(point));
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
            self.turns.push(Turn::new(assistant));
        }
        self.turns.last_mut()
    }

    /// A cache mark within a tool's result: points stand behind the result alone.
    fn inner(&mut self, part: &Part, at: &str) -> Option<Raw> {
        let Body::ToolResult(result) = &part.body else { return None };
        let mut last = None;
        for (index, inner) in result.content.iter().enumerate() {
            if let Some(mark) = &inner.cache {
                self.lose(Loss::approximated("cache_control", format!("{at}.content[{index}]")));
                last = Some(mark.clone());
            }
        }
        last
    }

    /// The point behind a block that was marked; none where the block is gone or the model takes no marks.
    pub(super) fn point(&mut self, mark: Option<&Raw>, stands: bool, at: &str) -> Option<Block> {
        let mark = mark?;
        let (takes, hour) = caches(self.model);
        let json = Json::parse(mark.as_str()).ok().filter(|_| takes && stands);
        let known = json.and_then(|mark| mark.get("type")).is_some_and(|kind| kind.is("ephemeral"));
        let Some(json) = json.filter(|_| known) else {
            self.lose(Loss::dropped("cache_control", at.to_owned()));
            return None;
        };
        let ttl = json.get("ttl").and_then(Json::as_str);
        let ttl = ttl.filter(|ttl| ttl == "5m" || (ttl == "1h" && hour));
        let exact = json.members().all(|(key, _)| key == "type" || (key == "ttl" && ttl.is_some()));
        if !exact {
            self.lose(Loss::approximated("cache_control", at.to_owned()));
        }
        let mut json = Writer::new();
        json.object(|json| {
            json.key("type").str("default");
            if let Some(ttl) = &ttl {
                json.key("ttl").str(ttl);
            }
        });
        Some(Block::Ready(around("cachePoint", &json.finish())))
    }

    /// One part, where this dialect has a block for it.
    fn block(&mut self, part: &Part, assistant: bool, at: &str) -> Option<Block> {
        match &part.body {
            Body::Text { text, citations } => self.text(part, text, citations, at),
            Body::Refusal(text) => {
                self.lose(Loss::approximated("refusal", at.to_owned()));
                self.text(part, text, &[], at)
            }
            Body::Media(media) if !assistant => self.media(part, media, at),
            Body::Reasoning(reasoning) if assistant => self.reasoning(part, reasoning, at),
            Body::ToolCall(call) if assistant => Some(self.call(part, call, at)),
            Body::ToolResult(result) if !assistant => Some(self.result(part, result, at)),
            Body::Unknown { dialect: HERE, raw, .. } => Some(Block::Ready(raw.as_str().to_owned())),
            other => {
                self.lose(Loss::dropped(other.word(), at.to_owned()));
                None
            }
        }
    }

    /// A text; an empty one is refused upstream and says nothing.
    fn text(&mut self, part: &Part, text: &str, citations: &[Citation], at: &str) -> Option<Block> {
        if text.trim().is_empty() {
            if !text.is_empty() {
                self.lose(Loss::dropped("white space", at.to_owned()));
            }
            return None;
        }
        let mut more = self.own(&part.foreign, at);
        if let Some(guard) = more.iter().position(|(key, _)| key == "guardContent") {
            let (_, block) = more.swap_remove(guard);
            return Some(Block::Ready(around("guardContent", &block)));
        }
        let own: Vec<&str> = citations
            .iter()
            .filter_map(|citation| citation.raw.as_ref().filter(|raw| raw.0 == HERE).map(|raw| raw.1.as_str()))
            .collect();
        if own.len() < citations.len() {
            self.lose(Loss::dropped("citations", at.to_owned()));
        }
        if own.is_empty() {
            return Some(Block::Text { text: text.to_owned(), more, at: at.to_owned() });
        }
        let inner = written(&more, |json| {
            json.key("content").array(|json| {
                json.object(|json| _ = json.key("text").str(text));
            });
            json.key("citations").raw(&format!("[{}]", own.join(",")));
        });
        Some(Block::Ready(around("citationsContent", &inner)))
    }

    /// Members of this dialect's own; others are lost.
    pub(super) fn own(&mut self, foreign: &Foreign, at: &str) -> Vec<(String, String)> {
        members::own(HERE, foreign, at, &mut self.losses)
    }

    /// A block whose member holds what is known and what is this dialect's own.
    fn ready(&mut self, part: &Part, at: &str, member: &str, members: impl FnOnce(&mut Writer)) -> Block {
        let more = self.own(&part.foreign, at);
        Block::Ready(around(member, &written(&more, members)))
    }

    fn media(&mut self, part: &Part, media: &Media, at: &str) -> Option<Block> {
        let Some(shaped) = media::shape(media) else {
            self.lose(Loss::dropped(media.kind.word(), at.to_owned()));
            return None;
        };
        if !shaped.exact {
            self.lose(Loss::approximated("media type", at.to_owned()));
        }
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.lose(Loss::dropped("detail", at.to_owned()));
        }
        let member = media::member(shaped.kind);
        let name = (member == "document").then(|| self.document(media.name.as_deref(), at));
        if name.is_none() && media.name.is_some() {
            self.lose(Loss::dropped("filename", at.to_owned()));
        }
        Some(self.ready(part, at, member, |json| {
            if let Some(name) = &name {
                json.key("name").str(name);
            }
            shaped.write(json);
        }))
    }

    /// The name of a document, which no other has.
    fn document(&mut self, name: Option<&str>, at: &str) -> String {
        let (wish, mut exact) = match name {
            Some(name) => media::named(name),
            None => (media::made_up(self.documents.len() + 1), true),
        };
        let (mut name, mut number) = (wish.clone(), 1);
        while self.documents.contains(&name) {
            number += 1;
            name = format!("{wish} {number}");
            exact = false;
        }
        if !exact {
            self.lose(Loss::approximated("filename", at.to_owned()));
        }
        self.documents.push(name.clone());
        name
    }

    /// True for a proof that the model takes: its own, and a Claude's wherever that was asked.
    fn takes(&self, proof: &Opaque, redacted: bool) -> bool {
        let claude = family(self.model) == Family::Claude;
        match proof.origin.dialect {
            HERE => proof.origin.accepts(HERE, self.model) && (redacted || !claude),
            DialectId::AnthropicMessages => {
                claude && !redacted && proof.origin.accepts(DialectId::AnthropicMessages, self.model)
            }
            _ => false,
        }
    }

    /// Reasoning goes back to the model that proved it, and to no other.
    fn reasoning(&mut self, part: &Part, reasoning: &Reasoning, at: &str) -> Option<Block> {
        let Some(proof) = reasoning.proof.as_ref().filter(|proof| !proof.data.is_empty()) else {
            self.lose(Loss::dropped("reasoning", at.to_owned()));
            return None;
        };
        if !self.takes(proof, reasoning.redacted) {
            self.lose(Loss::dropped("reasoning signature", at.to_owned()));
            return None;
        }
        let more = self.own(&part.foreign, at);
        let inner = match reasoning.redacted {
            true => written(&more, |json| _ = json.key("redactedContent").str(&proof.data)),
            false => around(
                "reasoningText",
                &written(&more, |json| {
                    json.key("text").str(&reasoning.text);
                    json.key("signature").str(&proof.data);
                }),
            ),
        };
        Some(Block::Ready(around("reasoningContent", &inner)))
    }

    fn call(&mut self, part: &Part, call: &ToolCall, at: &str) -> Block {
        if call.proof.is_some() {
            self.lose(Loss::dropped("thought_signature", at.to_owned()));
        }
        let (input, exact) = input(&call.arguments);
        if !exact {
            self.lose(Loss::approximated("arguments", at.to_owned()));
        }
        let (id, name) = (self.names.id(&call.id), self.names.name(&call.name));
        if !self.called.contains(&name) {
            self.called.push(name.clone());
        }
        self.ready(part, at, "toolUse", |json| {
            json.key("toolUseId").str(&id);
            json.key("name").str(&name);
            json.key("input").raw(input.as_str());
        })
    }

    fn result(&mut self, part: &Part, result: &ToolResult, at: &str) -> Block {
        self.answered = true;
        let mut blocks = Vec::new();
        for (index, part) in result.content.iter().enumerate() {
            let at = format!("{at}.content[{index}]");
            match &part.body {
                Body::Media(media) if media.kind == crate::ir::part::MediaKind::Audio => {
                    self.lose(Loss::dropped("audio", at));
                }
                Body::Text { .. } | Body::Media(_) | Body::Refusal(_) | Body::Unknown { .. } => {
                    blocks.extend(self.block(part, false, &at));
                }
                other => self.lose(Loss::dropped(other.word(), at)),
            }
        }
        let id = self.names.id(&result.call_id);
        self.ready(part, at, "toolResult", |json| {
            json.key("toolUseId").str(&id);
            json.key("content").array(|json| blocks.iter().for_each(|block| block.write(json)));
            if let Some(failed) = result.is_error {
                json.key("status").str(if failed { "error" } else { "success" });
            }
        })
    }
}

/// Longest id of a call, and name of a tool. Source: AWS, "ToolUseBlock".
const LONGEST: usize = 64;
