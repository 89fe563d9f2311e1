//! Streams of this dialect to events.

use std::borrow::Cow;

use bytes::Bytes;
use wire::frame::Frame;
use wire::json::{Document, Edit, Index, Joiner, Json};

use super::block::{self, Reader};
use super::usage::Tokens;
use super::{fault, response, signed, stop};
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::Finish;
use crate::ir::part::{Body, Part};
use crate::loss::Loss;
use crate::outcome::{Outcome, UpstreamFault};
use crate::stream::Decoder;
use crate::target::Target;
use crate::undo::Undo;
use crate::usage::Source;

/// The decoder.
#[derive(Debug)]
pub(super) struct MessagesDecoder {
    undo: Undo,
    reader: Reader,
    tokens: Tokens,
    source: Source,
    started: bool,
    done: bool,
    finish: Option<Finish>,
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
    Tool {
        part: u32,
        input: String,
        some: bool,
        format: bool,
    },
    /// A block of this dialect's own, held until it is whole; what its deltas said.
    Held {
        kind: String,
        raw: String,
        input: String,
        content: String,
    },
}

impl MessagesDecoder {
    pub(super) fn new(undo: Undo, from: &Target<'_>) -> Self {
        Self {
            undo,
            reader: Reader { model: from.model.to_owned(), answer: true, losses: Vec::new() },
            tokens: Tokens::default(),
            source: Source::Partial,
            started: false,
            done: false,
            finish: None,
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

    fn start(&mut self, message: Json<'_>, out: &mut Vec<Event>) {
        if self.started {
            return self.bad("A second `message_start`.", out);
        }
        self.started = true;
        let text = |name: &str| message.get(name).and_then(Json::as_str).map(Cow::into_owned).unwrap_or_default();
        out.push(Event::Start { id: text("id"), model: text("model"), created: None });
        if let Some(usage) = message.get("usage") {
            self.tokens.take(usage);
            self.usage(out);
        }
        // Compatible servers may put what they have into the start.
        let content = message.get("content").unwrap_or(Json::NULL);
        for (index, block) in content.items().enumerate() {
            let index = u64::try_from(index).unwrap_or(u64::MAX);
            self.opened(index, block, out);
            if self.done {
                return;
            }
            self.close(index, out);
        }
    }

    fn usage(&self, out: &mut Vec<Event>) {
        let usage = self.tokens.usage(self.source);
        if !usage.is_empty() {
            out.push(Event::Usage(usage));
        }
    }

    fn opens(&mut self, kind: Open, out: &mut Vec<Event>) -> u32 {
        let part = self.next;
        self.next = self.next.saturating_add(1);
        out.push(Event::Open { choice: 0, part, kind });
        part
    }

    fn opened(&mut self, index: u64, block: Json<'_>, out: &mut Vec<Event>) {
        self.close(index, out);
        let text = |name: &str| block.get(name).and_then(Json::as_str).map(Cow::into_owned).unwrap_or_default();
        let kind = text("type");
        let running = match kind.as_str() {
            "text" => Kind::Text(self.opens(Open::Text, out)),
            "thinking" => Kind::Reasoning { part: self.opens(Open::Reasoning, out), signature: text("signature") },
            "tool_use" => {
                let input = block.get("input").and_then(Json::non_null).map_or("{}", Json::raw).to_owned();
                let name = text("name");
                let format = self.undo.format_tool.as_deref() == Some(name.as_str());
                let open = if format {
                    Open::Text
                } else {
                    self.calls = true;
                    let id = text("id");
                    let (id, proof) = signed::read(&id);
                    let id = self.undo.id(id).to_owned();
                    Open::ToolCall { id, name: self.undo.name(&name).to_owned(), proof }
                };
                Kind::Tool { part: self.opens(open, out), input, some: false, format }
            }
            "" => return self.bad("A content block without a type.", out),
            _ => {
                let (input, content) = Default::default();
                Kind::Held { kind: kind.clone(), raw: block.raw().to_owned(), input, content }
            }
        };
        if matches!(kind.as_str(), "text" | "thinking" | "tool_use") {
            // Parts that come in deltas have no place for members beyond their own.
            let more = block::foreign(block, block::known(&kind));
            let lost = more.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), format!("content[{index}]")));
            self.reader.losses.extend(lost);
        }
        self.open.push(Running { index, kind: running, joiner: Joiner::default(), replaced: false });
        match kind.as_str() {
            "text" => {
                self.more(index, block.get("text").unwrap_or(Json::NULL), out);
                for citation in block.get("citations").unwrap_or(Json::NULL).items() {
                    self.cite(index, citation, out);
                }
            }
            "thinking" => self.more(index, block.get("thinking").unwrap_or(Json::NULL), out),
            _ => {}
        }
    }

    /// The next piece of a block's text, reasoning or input.
    fn more(&mut self, index: u64, piece: Json<'_>, out: &mut Vec<Event>) {
        let Some(running) = self.open.iter_mut().find(|running| running.index == index) else { return };
        let Some(inside) = piece.inside() else { return };
        let mut text = String::with_capacity(inside.len());
        if running.joiner.push(inside, &mut text) > 0 {
            running.replaced = true;
        }
        running.say(text, out);
    }

    fn cite(&mut self, index: u64, citation: Json<'_>, out: &mut Vec<Event>) {
        let running = self.open.iter().find(|running| running.index == index);
        if let Some(Running { kind: Kind::Text(part), .. }) = running {
            out.push(Event::Delta { part: *part, delta: Delta::Citation(block::citation(citation)) });
        }
    }

    fn delta(&mut self, index: u64, delta: Json<'_>, out: &mut Vec<Event>) {
        let kind = delta.get("type").and_then(Json::as_str).unwrap_or_default();
        let get = |name: &str| delta.get(name).unwrap_or(Json::NULL);
        if !self.open.iter().any(|running| running.index == index) {
            // Compatible servers leave out the start of plain blocks.
            let block = match &*kind {
                "text_delta" => r#"{"type":"text"}"#,
                "thinking_delta" => r#"{"type":"thinking"}"#,
                _ => return self.bad("A delta for a content block that is not open.", out),
            };
            self.opened(index, Json::parse(block).unwrap_or(Json::NULL), out);
        }
        match &*kind {
            "text_delta" => self.more(index, get("text"), out),
            "thinking_delta" => self.more(index, get("thinking"), out),
            "input_json_delta" => self.more(index, get("partial_json"), out),
            "citations_delta" => self.cite(index, get("citation"), out),
            "signature_delta" => {
                let piece = get("signature").as_str().unwrap_or_default();
                let running = self.open.iter_mut().find(|running| running.index == index);
                if let Some(Running { kind: Kind::Reasoning { signature, .. }, .. }) = running {
                    signature.push_str(&piece);
                }
            }
            other => {
                let piece = get("content").as_str().unwrap_or_default();
                let running = self.open.iter_mut().find(|running| running.index == index);
                match running {
                    Some(Running { kind: Kind::Held { content, .. }, .. }) => content.push_str(&piece),
                    _ => self.reader.losses.push(Loss::dropped(other.to_owned(), format!("content[{index}]"))),
                }
            }
        }
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
            Kind::Tool { part, input, some, format } => {
                if !some {
                    let delta = if format { Delta::Text(input) } else { Delta::Arguments(input) };
                    out.push(Event::Delta { part, delta });
                }
                part
            }
            Kind::Held { kind, raw, input, content } => {
                let whole = self.whole(&kind, raw, &input, &content, index);
                self.opens(Open::Whole(Box::new(whole)), out)
            }
        };
        out.push(Event::Close { part });
    }

    /// A block of this dialect's own with what its deltas said.
    fn whole(&mut self, kind: &str, raw: String, input: &str, content: &str, index: u64) -> Part {
        let mut edits = Vec::new();
        if Json::parse(input).is_ok() {
            edits.push(Edit::set("input", input));
        }
        if !content.is_empty() {
            edits.push(Edit::set_str("content", content));
        }
        let edited = match Document::parse(Bytes::from(raw.clone())) {
            Ok(document) if !edits.is_empty() => String::from_utf8(document.edit(&edits).to_vec()).unwrap_or(raw),
            _ => raw,
        };
        let json = Json::parse(&edited).unwrap_or(Json::NULL);
        // A block the reader knows (redacted thinking) is read; any other stays as it is.
        match self.reader.block(json, &format!("content[{index}]")) {
            Ok(part) => part,
            Err(_) => Body::Unknown {
                dialect: crate::id::DialectId::AnthropicMessages,
                kind: kind.to_owned(),
                raw: edited.as_str().into(),
            }
            .into(),
        }
    }

    fn read(&mut self, frame: &Frame, json: Json<'_>, out: &mut Vec<Event>) {
        let kind = json.get("type").and_then(Json::as_str).unwrap_or(Cow::Borrowed(frame.name()));
        let get = |name: &str| json.get(name).unwrap_or(Json::NULL);
        let index = get("index").as_u64().unwrap_or(0);
        match &*kind {
            "ping" => {}
            "message_start" => self.start(get("message"), out),
            "error" => self.fail(fault::inside(json).unwrap_or_else(unnamed), out),
            _ if !self.started => match fault::inside(json) {
                Some(fault) => self.fail(fault, out),
                None => self.bad("The stream does not begin with `message_start`.", out),
            },
            "content_block_start" => self.opened(index, get("content_block"), out),
            "content_block_delta" => self.delta(index, get("delta"), out),
            "content_block_stop" => self.close(index, out),
            "message_delta" => {
                if let Some(finish) = stop::read(get("delta")) {
                    self.finish = Some(finish);
                }
                if !get("usage").is_null() {
                    self.source = Source::Reported;
                    self.tokens.take(get("usage"));
                }
                if get("delta").get("stop_details").and_then(Json::non_null).is_some() {
                    self.reader.losses.push(Loss::dropped("stop_details", "stop_details"));
                }
            }
            "message_stop" => {
                self.close_all(out);
                if let Some(finish) = self.finish.take() {
                    let finish = response::without_format_tool(finish, &self.undo, self.calls);
                    out.push(Event::Finish { choice: 0, finish });
                }
                self.usage(out);
                out.push(Event::End);
                self.done = true;
            }
            _ => {
                if let Some(fault) = fault::inside(json) {
                    self.fail(fault, out);
                }
            }
        }
    }

    fn close_all(&mut self, out: &mut Vec<Event>) {
        while let Some(running) = self.open.first() {
            let index = running.index;
            self.close(index, out);
        }
    }
}

impl Running {
    fn say(&mut self, text: String, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let (part, delta) = match &mut self.kind {
            Kind::Text(part) => (*part, Delta::Text(text)),
            Kind::Reasoning { part, .. } => (*part, Delta::Reasoning(text)),
            Kind::Tool { part, some, format, .. } => {
                *some = true;
                (*part, if *format { Delta::Text(text) } else { Delta::Arguments(text) })
            }
            Kind::Held { input, .. } => return input.push_str(&text),
        };
        out.push(Event::Delta { part, delta });
    }
}

impl Decoder for MessagesDecoder {
    fn push(&mut self, frame: &Frame, out: &mut Vec<Event>) {
        let text = frame.text();
        if self.done || text.is_empty() || text == "[DONE]" {
            return;
        }
        let mut index = std::mem::take(&mut self.index);
        match index.read(text) {
            Ok(json) => self.read(frame, json, out),
            Err(_) => self.bad("A frame of the stream is not JSON.", out),
        }
        self.index = index;
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        if self.done {
            return;
        }
        self.close_all(out);
        if self.started && self.source == Source::Reported {
            self.usage(out);
        }
        self.fail(UpstreamFault::new(Outcome::Truncated, 200, "The stream ended before `message_stop`."), out);
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.reader.losses)
    }
}

/// An `error` event that says nothing.
fn unnamed() -> UpstreamFault {
    UpstreamFault::new(Outcome::ServerError, 200, "The provider ended the stream with an error it did not name.")
}

#[cfg(test)]
mod tests;
