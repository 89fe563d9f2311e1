//! Streams of this dialect to events.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wire::frame::Frame;
use wire::json::{Index, Joiner, Json, Kind as JsonKind, Writer};

use super::block::{self, Reader};
use super::{answer, fault, response, stop, usage};
use crate::ir::event::{Delta, Event, Open};
use crate::ir::part::{Body, Part, Reasoning};
use crate::loss::Loss;
use crate::outcome::{Outcome, UpstreamFault};
use crate::stream::Decoder;
use crate::target::Target;
use crate::undo::Undo;

/// The decoder.
#[derive(Debug)]
pub(super) struct ConverseDecoder {
    undo: Undo,
    reader: Reader,
    started: bool,
    /// `messageStop` was seen: the answer is whole, and `metadata` may follow.
    stopped: bool,
    done: bool,
    /// A call of a tool of the client's was seen.
    calls: bool,
    next: u32,
    open: Vec<Running>,
    index: Index,
}

/// A block that has begun.
#[derive(Debug)]
struct Running {
    index: u64,
    kind: Kind,
    joiner: Joiner,
    replaced: bool,
}

/// What a block that has begun is.
#[derive(Debug)]
enum Kind {
    Text(u32),
    Reasoning {
        part: u32,
        signature: String,
    },
    /// Hidden reasoning, in pieces each of its own coding.
    Redacted(Vec<String>),
    Tool {
        part: u32,
        some: bool,
        format: bool,
    },
    /// A block of this dialect's own, held until it is whole.
    Held {
        /// The member that names it, and what its start said.
        member: String,
        start: String,
        /// What its deltas said: pieces of an input, items of a content.
        input: String,
        content: Vec<String>,
    },
}

/// What a delta goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says<'a> {
    Text(Json<'a>),
    Citation(Json<'a>),
    Reasoning(Json<'a>),
    Signature(Json<'a>),
    Redacted(Json<'a>),
    Input(Json<'a>),
    /// Items of a content of this dialect's own.
    Items(Json<'a>),
}

impl ConverseDecoder {
    pub(super) fn new(undo: Undo, from: &Target<'_>) -> Self {
        Self {
            undo,
            reader: Reader::of(from.model),
            started: false,
            stopped: false,
            done: false,
            calls: false,
            next: 0,
            open: Vec::new(),
            index: Index::default(),
        }
    }

    fn fail(&mut self, fault: UpstreamFault, out: &mut Vec<Event>) {
        self.close_all(out);
        out.push(Event::Fault(fault));
        self.done = true;
    }

    fn bad(&mut self, message: &str, out: &mut Vec<Event>) {
        self.fail(UpstreamFault::new(Outcome::BadAnswer, 200, message), out);
    }

    fn opens(&mut self, kind: Open, out: &mut Vec<Event>) -> u32 {
        let part = self.next;
        self.next = self.next.saturating_add(1);
        out.push(Event::Open { choice: 0, part, kind });
        part
    }

    fn begin(&mut self, index: u64, kind: Kind) {
        self.open.push(Running { index, kind, joiner: Joiner::default(), replaced: false });
    }

    /// A block that says how it begins: tools, and this dialect's own.
    fn start(&mut self, index: u64, start: Json<'_>, out: &mut Vec<Event>) {
        self.close(index, out);
        let Some((member, value)) = start.members().find(|(_, value)| !value.is_null()) else { return };
        if member != "toolUse" || !block::is_clients(value, "tool_use") {
            let start = if start.members().count() == 1 { value.raw() } else { start.raw() };
            let (input, content) = Default::default();
            return self
                .begin(index, Kind::Held { member: member.into_owned(), start: start.to_owned(), input, content });
        }
        let text = |name: &str| value.get(name).and_then(Json::as_str).map(Cow::into_owned).unwrap_or_default();
        let name = text("name");
        let format = self.undo.format_tool.as_deref() == Some(name.as_str());
        let open = if format {
            Open::Text
        } else {
            self.calls = true;
            let id = self.undo.id(&text("toolUseId")).to_owned();
            Open::ToolCall { id, name: self.undo.name(&name).to_owned(), proof: None }
        };
        let known = |key: &str| matches!(key, "toolUseId" | "name" | "type" | "input");
        let more = value.members().filter(|(key, value)| !known(key) && !value.is_null());
        self.reader.losses.extend(more.map(|(key, _)| Loss::dropped(key.into_owned(), format!("content[{index}]"))));
        let part = self.opens(open, out);
        self.begin(index, Kind::Tool { part, some: false, format });
        // Compatible servers may say the whole input at once.
        if let Some(input) = value.get("input").filter(|input| input.kind() == JsonKind::Object) {
            let text = input.raw().to_owned();
            if let Some(running) = self.open.last_mut() {
                running.say(text, out);
            }
        }
    }

    fn delta(&mut self, index: u64, delta: Json<'_>, out: &mut Vec<Event>) {
        let Some((member, value)) = delta.members().find(|(_, value)| !value.is_null()) else { return };
        let inner = || value.members().find(|(_, value)| !value.is_null());
        let says = match &*member {
            "text" => Says::Text(value),
            "citation" => Says::Citation(value),
            "reasoningContent" => match inner() {
                Some((name, value)) if name == "text" => Says::Reasoning(value),
                Some((name, value)) if name == "signature" => Says::Signature(value),
                Some((name, value)) if name == "redactedContent" => Says::Redacted(value),
                _ => return self.unsaid(&member, index),
            },
            "toolUse" => Says::Input(value.get("input").unwrap_or(Json::NULL)),
            _ => Says::Items(value),
        };
        let fits = self.open.iter().find(|running| running.index == index).map(|running| running.kind.takes(says));
        match (fits, says) {
            (Some(true), _) => {}
            (None, Says::Input(_)) => return self.bad("A delta for a tool's block that is not open.", out),
            (_, Says::Items(_)) | (Some(false), Says::Input(_)) => return self.unsaid(&member, index),
            // What begins without a start begins with its first word.
            (_, Says::Text(piece) | Says::Reasoning(piece)) if piece.inside().is_none_or(str::is_empty) => return,
            // So do text and reasoning behind another block of the same place.
            _ => {
                self.close(index, out);
                let kind = match says {
                    Says::Text(_) | Says::Citation(_) => Kind::Text(self.opens(Open::Text, out)),
                    Says::Redacted(_) => Kind::Redacted(Vec::new()),
                    _ => Kind::Reasoning { part: self.opens(Open::Reasoning, out), signature: String::new() },
                };
                self.begin(index, kind);
            }
        }
        let Some(running) = self.open.iter_mut().find(|running| running.index == index) else { return };
        running.take(says, out);
    }

    fn unsaid(&mut self, member: &str, index: u64) {
        self.reader.losses.push(Loss::dropped(member.to_owned(), format!("content[{index}]")));
    }

    fn close(&mut self, index: u64, out: &mut Vec<Event>) {
        let Some(at) = self.open.iter().position(|running| running.index == index) else { return };
        let mut running = self.open.remove(at);
        let mut rest = String::new();
        if running.joiner.finish(&mut rest) > 0 {
            running.replaced = true;
            running.say(rest, out);
        }
        if running.replaced {
            self.reader.losses.push(Loss::approximated("lone surrogate", format!("content[{index}]")));
        }
        let part = match running.kind {
            Kind::Text(part) => part,
            Kind::Reasoning { part, signature } => {
                if !signature.is_empty() {
                    out.push(Event::Delta { part, delta: Delta::Proof(self.reader.proof(signature)) });
                }
                part
            }
            Kind::Redacted(pieces) => {
                let proof = Some(self.reader.redacted(joined(pieces)));
                let whole: Part = Body::Reasoning(Reasoning { text: String::new(), proof, redacted: true }).into();
                self.opens(Open::Whole(Box::new(whole)), out)
            }
            Kind::Tool { part, some, format } => {
                if !some {
                    let input = "{}".to_owned();
                    let delta = if format { Delta::Text(input) } else { Delta::Arguments(input) };
                    out.push(Event::Delta { part, delta });
                }
                part
            }
            Kind::Held { member, start, input, content } => {
                let whole = whole(&member, &start, &input, &content);
                self.opens(Open::Whole(Box::new(whole)), out)
            }
        };
        out.push(Event::Close { part });
    }

    fn close_all(&mut self, out: &mut Vec<Event>) {
        while let Some(running) = self.open.first() {
            let index = running.index;
            self.close(index, out);
        }
    }

    fn read(&mut self, name: &str, json: Json<'_>, out: &mut Vec<Event>) {
        let get = |name: &str| json.get(name).unwrap_or(Json::NULL);
        let index = get("contentBlockIndex").as_u64().unwrap_or(0);
        match name {
            "messageStart" if self.started => self.bad("A second `messageStart`.", out),
            "messageStart" => {
                self.started = true;
                out.push(Event::Start { id: String::new(), model: String::new(), created: None });
            }
            "contentBlockStart" | "contentBlockDelta" | "contentBlockStop" | "messageStop" | "metadata"
                if !self.started =>
            {
                self.bad("The stream does not begin with `messageStart`.", out);
            }
            "contentBlockStart" | "contentBlockDelta" if self.stopped => {
                self.bad("A content block behind `messageStop`.", out);
            }
            "contentBlockStart" => self.start(index, get("start"), out),
            "contentBlockDelta" => self.delta(index, get("delta"), out),
            "contentBlockStop" => self.close(index, out),
            "messageStop" if !self.stopped => {
                self.close_all(out);
                self.stopped = true;
                if let Some(finish) = stop::read(json) {
                    let finish = response::without_format_tool(finish, &self.undo, self.calls);
                    out.push(Event::Finish { choice: 0, finish });
                }
                answer::more(json, &mut self.reader.losses);
            }
            "metadata" => {
                let usage = usage::read(json);
                if !usage.is_empty() {
                    out.push(Event::Usage(usage));
                }
                if !get("trace").is_null() {
                    self.reader.losses.push(Loss::dropped("trace", "trace"));
                }
                if self.stopped {
                    self.end(out);
                }
            }
            _ => {
                if let Some(fault) = fault::inside(json) {
                    self.fail(fault, out);
                }
            }
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        out.push(Event::End);
        self.done = true;
    }
}

impl Kind {
    /// True where the delta goes on with a block of this kind.
    fn takes(&self, says: Says<'_>) -> bool {
        match self {
            Kind::Text(_) => matches!(says, Says::Text(_) | Says::Citation(_)),
            Kind::Reasoning { .. } => matches!(says, Says::Reasoning(_) | Says::Signature(_)),
            Kind::Redacted(_) => matches!(says, Says::Redacted(_)),
            Kind::Tool { .. } => matches!(says, Says::Input(_)),
            Kind::Held { .. } => matches!(says, Says::Input(_) | Says::Items(_)),
        }
    }
}

impl Running {
    fn take(&mut self, says: Says<'_>, out: &mut Vec<Event>) {
        match (says, &mut self.kind) {
            (Says::Text(piece) | Says::Reasoning(piece) | Says::Input(piece), _) => {
                let Some(inside) = piece.inside() else { return };
                let mut text = String::with_capacity(inside.len());
                if self.joiner.push(inside, &mut text) > 0 {
                    self.replaced = true;
                }
                self.say(text, out);
            }
            (Says::Citation(citation), Kind::Text(part)) => {
                out.push(Event::Delta { part: *part, delta: Delta::Citation(block::citation(citation)) });
            }
            (Says::Signature(piece), Kind::Reasoning { signature, .. }) => {
                signature.push_str(&piece.as_str().unwrap_or_default());
            }
            (Says::Redacted(piece), Kind::Redacted(pieces)) => {
                pieces.extend(piece.as_str().map(Cow::into_owned));
            }
            (Says::Items(items), Kind::Held { content, .. }) => match items.kind() {
                JsonKind::Array => content.extend(items.items().map(|item| item.raw().to_owned())),
                _ => content.push(items.raw().to_owned()),
            },
            _ => {}
        }
    }

    fn say(&mut self, text: String, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let (part, delta) = match &mut self.kind {
            Kind::Text(part) => (*part, Delta::Text(text)),
            Kind::Reasoning { part, .. } => (*part, Delta::Reasoning(text)),
            Kind::Tool { part, some, format } => {
                *some = true;
                (*part, if *format { Delta::Text(text) } else { Delta::Arguments(text) })
            }
            Kind::Held { input, .. } => return input.push_str(&text),
            Kind::Redacted(_) => return,
        };
        out.push(Event::Delta { part, delta });
    }
}

/// Pieces of hidden reasoning as one: each was coded for itself.
fn joined(pieces: Vec<String>) -> String {
    if let [one] = pieces.as_slice() {
        return one.clone();
    }
    let bytes: Vec<Vec<u8>> = pieces.iter().filter_map(|piece| STANDARD.decode(piece).ok()).collect();
    if bytes.len() == pieces.len() { STANDARD.encode(bytes.concat()) } else { pieces.concat() }
}

/// A block of this dialect's own with what its deltas said.
fn whole(member: &str, start: &str, input: &str, content: &[String]) -> Part {
    let start = Json::parse(start).unwrap_or(Json::NULL);
    let mut inner = Writer::new();
    if start.kind() == JsonKind::Object && (!input.is_empty() || !content.is_empty()) {
        inner.object(|json| {
            for (key, value) in start.members() {
                let said = (key == "input" && !input.is_empty()) || (key == "content" && !content.is_empty());
                if !said {
                    json.key(&key).raw(value.raw());
                }
            }
            match Json::parse(input) {
                Ok(input) => _ = json.key("input").raw(input.raw()),
                Err(_) if !input.is_empty() => _ = json.key("input").str(input),
                Err(_) => {}
            }
            if !content.is_empty() {
                json.key("content").array(|json| content.iter().for_each(|item| _ = json.raw(item)));
            }
        });
    } else {
        inner.raw(start.raw());
    }
    let raw = answer::around(member, &inner.finish());
    block::unknown(member, Json::parse(&raw).unwrap_or(Json::NULL))
}

impl Decoder for ConverseDecoder {
    fn push(&mut self, frame: &Frame, out: &mut Vec<Event>) {
        if self.done {
            return;
        }
        if let Some(kind) = frame.name().strip_prefix("exception:") {
            let fault = fault::exception(kind, frame.text());
            return self.fail(fault, out);
        }
        let text = frame.text();
        if text.is_empty() {
            return;
        }
        let mut index = std::mem::take(&mut self.index);
        match index.read(text) {
            Ok(json) => self.read(frame.name(), json, out),
            Err(_) => self.bad("A message of the stream is not JSON.", out),
        }
        self.index = index;
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        if self.done {
            return;
        }
        if self.stopped {
            // The answer is whole; what it used was not told.
            return self.end(out);
        }
        self.fail(UpstreamFault::new(Outcome::Truncated, 200, "The stream ended before `messageStop`."), out);
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.reader.losses)
    }
}

#[cfg(test)]
mod tests;
