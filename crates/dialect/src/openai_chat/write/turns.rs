//! Messages of the IR to messages of this dialect: one per tool result, reasoning where the server takes it.

use wire::json::{Json, Writer};

use super::body::Body;
use super::names::Names;
use super::part::{self, Piece, gone, more, piece};
use crate::id::DialectId;
use crate::ir::maker::claude;
use crate::ir::part::{Body as Said, MediaSource, Opaque, Origin, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Message, Role};
use crate::loss::Loss;
use crate::members::written;
use crate::quirk::Quirk;
use crate::signature;
use crate::target::Target;

const HERE: DialectId = DialectId::OpenAiChat;

/// Writes messages and gathers what is lost.
#[derive(Debug)]
pub(super) struct Turns<'a> {
    /// Where they go.
    pub(super) to: &'a Target<'a>,
    /// Ids and names.
    pub(super) names: Names,
    /// The body around them, and the losses.
    pub(super) body: Body,
    /// The messages, written.
    pub(super) messages: Vec<String>,
    /// Media of tool results, which a user message brings behind them.
    moved: Vec<Piece>,
    /// Nobody but the operator speaks in what is written so far.
    leading: bool,
    /// The message under way is the last.
    pub(super) last: bool,
    /// A message lost what sets it apart from its neighbours: those behind it may stand elsewhere.
    shifted: bool,
}

/// What an assistant's message is made of.
#[derive(Debug, Default)]
struct Turn {
    /// Text in the order it came, and thinking where it stands in lists.
    content: Vec<Piece>,
    refusal: Option<String>,
    calls: Vec<Piece>,
    details: Vec<Piece>,
    thoughts: Vec<String>,
    /// How far along the dialect's order the last part stands, and whether one came late.
    rank: u8,
    late: bool,
}

impl Turn {
    /// Notes a part's place in the dialect's order: reasoning, content, calls.
    fn at(&mut self, rank: u8) {
        self.late |= rank < self.rank;
        self.rank = rank;
    }

    /// Adds content; what comes behind a refusal is read before it.
    fn say(&mut self, piece: Piece) {
        self.at(1);
        self.late |= self.refusal.is_some();
        self.content.push(piece);
    }
}

impl<'a> Turns<'a> {
    /// Nothing yet.
    pub(super) fn new(to: &'a Target<'a>) -> Self {
        let names = Names::new(to.quirks.has(Quirk::NineCharIds));
        Self {
            to,
            names,
            body: Body::default(),
            messages: Vec::new(),
            moved: Vec::new(),
            leading: true,
            last: false,
            shifted: false,
        }
    }

    /// The instructions that stand outside the conversation.
    pub(super) fn system(&mut self, parts: &[Part]) {
        let pieces = self.instruct(parts, "system");
        if !pieces.is_empty() {
            self.push("system", None, &[], |json| content(&pieces, json));
        }
    }

    /// One message.
    pub(super) fn message(&mut self, message: &Message, index: usize) {
        let path = format!("messages[{index}]");
        let at = format!("{path}.content");
        if message.role == Role::Tool {
            return self.results(message, &path);
        }
        self.bring_moved();
        let own = self.body.own(&message.foreign, &path);
        let name = message.name.as_deref().filter(|_| !self.to.quirks.has(Quirk::NoMessageName));
        if name.is_none() && message.name.is_some() {
            self.body.lose(Loss::dropped("name", format!("{path}.name")));
        }
        self.shifted |= own.len() < message.foreign.iter().count() || (name.is_none() && message.name.is_some());
        if message.role == Role::Assistant {
            return self.assistant(message, name, &own, &path);
        }
        let (role, pieces) = match message.role {
            Role::System => ("system", self.instruct(&message.parts, &at)),
            _ => ("user", self.pieces(&message.parts, &at)),
        };
        if pieces.is_empty() && message.parts.iter().any(says) {
            return self.left_out(name, &own, &path);
        }
        if self.leading && message.role == Role::System && name.is_none() && own.is_empty() {
            // Without what stood before it or set it apart it is one of the instructions outside the conversation.
            self.body.lose(Loss::approximated("system", path));
        }
        self.push(role, name, &own, |json| content(&pieces, json));
    }

    /// Media of tool results, once all results of the turn stand.
    pub(super) fn bring_moved(&mut self) {
        let pieces = std::mem::take(&mut self.moved);
        if !pieces.is_empty() {
            self.body.lose(Loss::approximated("message order", "messages"));
            self.push("user", None, &[], |json| content(&pieces, json));
        }
    }

    fn push(&mut self, role: &str, name: Option<&str>, own: &[(String, String)], members: impl FnOnce(&mut Writer)) {
        self.leading &= role == "system";
        let message = written(own, |json| {
            json.key("role").str(role);
            if let Some(name) = name {
                json.key("name").str(name);
            }
            members(json);
        });
        self.messages.push(message);
    }

    /// Names what hung on a message of which nothing is left, and that those behind it move up.
    fn left_out(&mut self, name: Option<&str>, own: &[(String, String)], path: &str) {
        self.body.lose(Loss::approximated("message order", "messages"));
        if name.is_some() {
            self.body.lose(Loss::dropped("name", format!("{path}.name")));
        }
        for (key, _) in own {
            self.body.lose(Loss::dropped(key.clone(), path));
        }
    }

    /// Parts that instruct: no media.
    fn instruct(&mut self, parts: &[Part], path: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let at = format!("{path}[{index}]");
            match &part.body {
                Said::Media(_) => gone(part, part.body.word(), &mut self.body, &at),
                _ => pieces.extend(part::write(part, false, self.to.quirks, &mut self.body, &at)),
            }
        }
        pieces
    }

    fn pieces(&mut self, parts: &[Part], path: &str) -> Vec<Piece> {
        let each = parts.iter().enumerate();
        each.filter_map(|(index, part)| {
            part::write(part, false, self.to.quirks, &mut self.body, &format!("{path}[{index}]"))
        })
        .collect()
    }

    /// Tool results: a message each.
    fn results(&mut self, message: &Message, path: &str) {
        let mut own = self.body.own(&message.foreign, path);
        if message.name.is_some() {
            self.body.lose(Loss::dropped("name", format!("{path}.name")));
        }
        for (index, part) in message.parts.iter().enumerate() {
            let at = format!("{path}.content[{index}]");
            match &part.body {
                Said::ToolResult(result) => self.result(part, result, std::mem::take(&mut own), &at),
                _ => gone(part, part.body.word(), &mut self.body, &at),
            }
        }
        for (key, _) in own {
            // No result is left that could bring it.
            self.body.lose(Loss::dropped(key, path));
        }
    }

    fn result(&mut self, part: &Part, result: &ToolResult, mut own: Vec<(String, String)>, at: &str) {
        let mut pieces = Vec::new();
        for (index, part) in result.content.iter().enumerate() {
            let at = format!("{at}.content[{index}]");
            match &part.body {
                Said::Media(media) if !matches!(media.source, MediaSource::Text(_)) => self.move_out(part, &at),
                _ => pieces.extend(part::write(part, false, self.to.quirks, &mut self.body, &at)),
            }
        }
        if result.is_error == Some(true) {
            self.body.lose(Loss::dropped("is_error", at));
        }
        own.extend(more(part, self.to.quirks, &mut self.body, at));
        let id = self.names.id(&result.call_id);
        self.push("tool", None, &own, |json| {
            json.key("tool_call_id").str(&id);
            content(&pieces, json);
        });
    }

    /// Results are text here: their media stand in a message behind them, without what hangs on them.
    fn move_out(&mut self, part: &Part, at: &str) {
        let bare = Part::from(part.body.clone());
        if let Some(piece) = part::write(&bare, false, self.to.quirks, &mut self.body, at) {
            self.moved.push(piece);
            self.body.lose(Loss::approximated(part.body.word(), at));
        }
        part::hanging(part, &mut self.body, at);
    }

    fn assistant(&mut self, message: &Message, name: Option<&str>, own: &[(String, String)], path: &str) {
        let mut turn = Turn::default();
        for (index, part) in message.parts.iter().enumerate() {
            self.assistant_part(&mut turn, message, part, &format!("{path}.content[{index}]"));
        }
        if turn.late {
            let at = format!("{path}.content");
            self.body.lose(Loss::approximated("order", at));
            if self.shifted {
                self.body.lose(Loss::approximated("order", "messages"));
            }
        }
        let Turn { content: pieces, refusal, calls, details, thoughts, .. } = turn;
        let empty = pieces.is_empty() && calls.is_empty() && refusal.is_none();
        if empty && details.is_empty() && thoughts.is_empty() && message.parts.iter().any(says) {
            return self.left_out(name, own, path);
        }
        let said = own.iter().any(|(key, _)| key == "prefix");
        let prefix = self.last && calls.is_empty() && !said && self.to.quirks.has(Quirk::Prefix);
        self.push("assistant", name, own, |json| {
            if prefix {
                json.key("prefix").bool(true);
            }
            if !thoughts.is_empty() {
                json.key("reasoning_content").str(&thoughts.join("\n\n"));
            }
            list("reasoning_details", &details, json);
            if pieces.is_empty() && !(calls.is_empty() && refusal.is_none()) {
                json.key("content").null();
            } else {
                content(&pieces, json);
            }
            if let Some(refusal) = &refusal {
                json.key("refusal").str(refusal);
            }
            list("tool_calls", &calls, json);
        });
    }

    fn assistant_part(&mut self, turn: &mut Turn, message: &Message, part: &Part, at: &str) {
        match &part.body {
            Said::Reasoning(reasoning) => self.reasoning(turn, message, part, reasoning, at),
            Said::ToolCall(call) => {
                turn.at(2);
                let call = self.call(part, call, at);
                turn.calls.push(call);
            }
            Said::Unknown { dialect: HERE, kind, raw } => {
                let piece = Piece::Object(raw.as_str().to_owned());
                let inside = Json::parse(raw.as_str()).ok();
                if inside.is_some_and(|json| json.get("id").is_some() && json.get(kind).is_some()) {
                    turn.at(2);
                    turn.calls.push(piece);
                } else if kind.starts_with("reasoning.") && self.to.quirks.has(Quirk::ReasoningDetails) {
                    turn.at(0);
                    turn.details.push(piece);
                } else {
                    turn.say(piece);
                }
            }
            Said::Refusal(text) if part.cache.is_none() && part.foreign.is_empty() && turn.refusal.is_none() => {
                turn.at(1);
                turn.refusal = Some(text.clone());
            }
            _ => {
                let Some(piece) = part::write(part, true, self.to.quirks, &mut self.body, at) else { return };
                turn.say(piece);
            }
        }
    }

    /// Reasoning, as far as the server takes it back; a proof goes to its maker only.
    fn reasoning(&mut self, turn: &mut Turn, message: &Message, part: &Part, reasoning: &Reasoning, at: &str) {
        let quirks = self.to.quirks;
        if quirks.has(Quirk::ReasoningDetails) {
            return self.detail(turn, part, reasoning, at);
        }
        let lists = quirks.has(Quirk::ThinkingLists);
        let silent = reasoning.redacted || (reasoning.text.is_empty() && !lists);
        if silent || !(lists || quirks.has(Quirk::ReasoningContent)) {
            return gone(part, "reasoning", &mut self.body, at);
        }
        if reasoning.proof.is_some() {
            self.body.lose(Loss::dropped("signature", at));
        }
        if lists {
            let more = more(part, quirks, &mut self.body, at);
            turn.say(piece(&more, |json| {
                json.key("type").str("thinking");
                json.key("thinking").array(|json| {
                    json.object(|json| {
                        json.key("type").str("text");
                        json.key("text").str(&reasoning.text);
                    });
                });
            }));
            return;
        }
        turn.at(0);
        let told = |part: &&Part| matches!(&part.body, Said::Reasoning(own) if !own.redacted && !own.text.is_empty());
        if message.parts.iter().filter(told).count() > 1 {
            // They become one text.
            self.body.lose(Loss::approximated("reasoning", at));
        }
        part::hanging(part, &mut self.body, at);
        turn.thoughts.push(reasoning.text.clone());
    }

    /// One of `reasoning_details`.
    fn detail(&mut self, turn: &mut Turn, part: &Part, reasoning: &Reasoning, at: &str) {
        let proof = reasoning.proof.as_ref().filter(|proof| accepts(proof, self.to.model));
        if proof.is_none() && (reasoning.redacted || reasoning.text.is_empty()) {
            return gone(part, "reasoning", &mut self.body, at);
        }
        if proof.is_none() && reasoning.proof.is_some() {
            self.body.lose(Loss::dropped("signature", at));
        }
        if part.cache.is_some() {
            self.body.lose(Loss::dropped("cache_control", at));
        }
        let more = self.body.own(&part.foreign, at);
        turn.at(0);
        turn.details.push(piece(&more, |json| {
            match (reasoning.redacted, proof) {
                (true, Some(proof)) => {
                    json.key("type").str("reasoning.encrypted");
                    json.key("data").str(&proof.data);
                }
                _ => {
                    json.key("type").str("reasoning.text");
                    json.key("text").str(&reasoning.text);
                    if let Some(proof) = proof {
                        json.key("signature").str(&proof.data);
                    }
                }
            }
            if proof.is_some_and(|proof| proof.origin.dialect == DialectId::AnthropicMessages) {
                json.key("format").str("anthropic-claude-v1");
            }
        }));
    }

    fn call(&mut self, part: &Part, call: &ToolCall, at: &str) -> Piece {
        let proof = call.proof.as_ref();
        let strict = self.to.quirks.has(Quirk::Strict);
        let sent = proof.filter(|proof| !strict && is_geminis(&proof.origin, self.to.model));
        if proof.is_some() && sent.is_none() {
            self.body.lose(Loss::dropped("signature", at));
        }
        let (id, name) = (self.names.id(&call.id), self.names.name(&call.name));
        let more = more(part, self.to.quirks, &mut self.body, at);
        piece(&more, |json| {
            json.key("id").str(&id);
            json.key("type").str("function");
            json.key("function").object(|json| {
                json.key("name").str(&name);
                // Nothing said is an object without members: servers parse it.
                let nothing = matches!(call.arguments.trim(), "" | "null");
                json.key("arguments").str(if nothing { "{}" } else { &call.arguments });
            });
            if let Some(proof) = sent {
                signature::write(&proof.data, json.key("extra_content"));
            }
        })
    }
}

/// True for a part that says something.
fn says(part: &Part) -> bool {
    !matches!(&part.body, Said::Text { text, .. } if text.is_empty())
}

/// True when a proof may go to a model behind `reasoning_details`: this dialect's own, and thinking of the
/// Claude that the server hosts under its own spelling of the name.
fn accepts(proof: &Opaque, model: &str) -> bool {
    match proof.origin.dialect {
        HERE => proof.origin.accepts(HERE, model),
        DialectId::AnthropicMessages => {
            let (own, to) = (claude(&proof.origin.model), claude(model));
            if own.is_empty() { to.starts_with("claude") } else { own == to }
        }
        // No other dialect's thinking goes by `reasoning_details`.
        _ => false,
    }
}

/// True when a proof of a call may go to a model: it is Gemini's, and so is the model.
fn is_geminis(origin: &Origin, model: &str) -> bool {
    let known = !origin.model.is_empty() || model.contains("gemini");
    known && origin.accepts(DialectId::Gemini, model)
}

/// `content`: a string where that says the same.
fn content(pieces: &[Piece], json: &mut Writer) {
    match pieces {
        [] => {
            json.key("content").str("");
        }
        [Piece::Text(text)] => {
            json.key("content").raw(text);
        }
        many => list("content", many, json),
    }
}

/// A member that is a list; nothing for none.
fn list(key: &str, pieces: &[Piece], json: &mut Writer) {
    if !pieces.is_empty() {
        json.key(key).array(|json| pieces.iter().for_each(|piece| piece.item(json)));
    }
}
