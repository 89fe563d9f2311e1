//! Events to a stream of this dialect: messages of an event stream, each block under its own number.

use wire::eventstream;
use wire::json::{Json, Writer};

use super::answer::{self, Teller};
use super::{fault, usage};
use crate::dialect::Asked;
use crate::id::DialectId;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::Finish;
use crate::ir::fold::pieces;
use crate::ir::part::{Body, Part};
use crate::loss::Loss;
use crate::object::input;
use crate::stream::Encoder;
use crate::usage::Usage;

const HERE: DialectId = DialectId::BedrockConverse;

/// The encoder.
#[derive(Debug)]
pub(super) struct ConverseEncoder {
    asked: Asked,
    teller: Teller,
    losses: Vec<Loss>,
    open: Vec<Block>,
    /// Number of the next block, and place of the next part, for losses.
    next: u64,
    places: u64,
    usage: Usage,
    finish: Option<Finish>,
    calls: bool,
    done: bool,
}

/// A part that is not written to its end.
#[derive(Debug)]
struct Block {
    part: u32,
    kind: Open,
    at: String,
    /// Its number on the wire, once something of it is.
    number: Option<u64>,
    /// A call's arguments, which must be an object and are told at its end where they may not be one.
    arguments: String,
}

impl ConverseEncoder {
    pub(super) fn new(asked: &Asked) -> Self {
        Self {
            asked: asked.clone(),
            teller: Teller::new(asked, ""),
            losses: Vec::new(),
            open: Vec::new(),
            next: 0,
            places: 0,
            usage: Usage::default(),
            finish: None,
            calls: false,
            done: false,
        }
    }

    fn opened(&mut self, part: u32, kind: &Open, out: &mut Vec<u8>) {
        let at = format!("content[{}]", self.places);
        self.places += 1;
        let mut block = Block { part, kind: kind.clone(), at, number: None, arguments: String::new() };
        match kind {
            Open::ToolCall { id, name, proof } => {
                self.calls = true;
                answer::proofless(proof.as_ref(), &block.at, &mut self.losses);
                let id = self.teller.call_id(id, &block.at);
                self.start(&mut block, out, |json| {
                    json.key("toolUse").object(|json| {
                        json.key("toolUseId").str(&id);
                        json.key("name").str(name);
                    });
                });
            }
            Open::Refusal => self.losses.push(Loss::approximated("refusal", block.at.clone())),
            Open::Whole(whole) => self.whole(&mut block, whole, out),
            Open::Text | Open::Reasoning => {}
        }
        self.open.push(block);
    }

    fn number(&mut self, block: &mut Block) -> u64 {
        *block.number.get_or_insert_with(|| {
            let number = self.next;
            self.next += 1;
            number
        })
    }

    fn start(&mut self, block: &mut Block, out: &mut Vec<u8>, start: impl FnOnce(&mut Writer)) {
        let number = self.number(block);
        message(out, "contentBlockStart", |json| {
            json.key("contentBlockIndex").u64(number);
            json.key("start").object(start);
        });
    }

    fn said(&mut self, block: &mut Block, out: &mut Vec<u8>, delta: impl FnOnce(&mut Writer)) {
        let number = self.number(block);
        message(out, "contentBlockDelta", |json| {
            json.key("contentBlockIndex").u64(number);
            json.key("delta").object(delta);
        });
    }

    fn thought(&mut self, block: &mut Block, member: &str, text: &str, out: &mut Vec<u8>) {
        self.said(block, out, |json| {
            json.key("reasoningContent").object(|json| _ = json.key(member).str(text));
        });
    }

    fn delta(&mut self, block: &mut Block, delta: &Delta, out: &mut Vec<u8>) {
        match (&block.kind, delta) {
            (Open::Text, Delta::Text(text)) | (Open::Refusal, Delta::Refusal(text)) if !text.is_empty() => {
                self.said(block, out, |json| _ = json.key("text").str(text));
            }
            (Open::Text, Delta::Citation(citation)) => {
                if let Some(written) = answer::citation(citation, &block.at, &mut self.losses) {
                    self.said(block, out, |json| _ = json.key("citation").raw(&written));
                }
            }
            (Open::Reasoning, Delta::Reasoning(text)) if !text.is_empty() => self.thought(block, "text", text, out),
            (Open::Reasoning, Delta::Proof(proof)) => {
                if let Some(signature) = self.teller.signature(Some(proof), &block.at, &mut self.losses) {
                    let signature = signature.to_owned();
                    self.thought(block, "signature", &signature, out);
                }
            }
            (Open::ToolCall { .. }, Delta::Arguments(text)) => {
                // What begins as an object is told as it comes.
                let begun = !block.arguments.is_empty() && block.arguments.trim_start().starts_with('{');
                block.arguments.push_str(text);
                let now = block.arguments.trim_start().starts_with('{');
                let piece = match (begun, now) {
                    (true, _) => text.clone(),
                    (false, true) => block.arguments.clone(),
                    (false, false) => return,
                };
                if !piece.is_empty() {
                    self.said(block, out, |json| {
                        json.key("toolUse").object(|json| _ = json.key("input").str(&piece));
                    });
                }
            }
            // Empty ones, and those that do not fit their part, say nothing here.
            _ => {}
        }
    }

    /// A part that came whole, as its own block.
    fn whole(&mut self, block: &mut Block, part: &Part, out: &mut Vec<u8>) {
        let at = block.at.clone();
        match &part.body {
            Body::Reasoning(reasoning) if reasoning.redacted => {
                self.losses.extend(part.foreign.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), at.clone())));
                if let Some(data) = self.teller.redacted(reasoning.proof.as_ref(), &at, &mut self.losses) {
                    let data = data.to_owned();
                    self.thought(block, "redactedContent", &data, out);
                }
            }
            Body::Unknown { dialect: HERE, raw, .. } => {
                let start = Json::parse(raw.as_str()).unwrap_or(Json::NULL);
                self.start(block, out, |json| {
                    for (key, value) in start.members() {
                        json.key(&key).raw(value.raw());
                    }
                });
            }
            body => {
                let Some((kind, deltas)) = pieces(body) else {
                    return self.losses.push(Loss::dropped(body.word(), at));
                };
                // Blocks that come in deltas have no place for members beyond their own.
                self.losses.extend(part.foreign.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), at.clone())));
                self.places -= 1;
                self.opened(block.part, &kind, out);
                let Some(mut own) = self.open.pop() else { return };
                for delta in &deltas {
                    self.delta(&mut own, delta, out);
                }
                *block = own;
            }
        }
    }

    fn close(&mut self, mut block: Block, out: &mut Vec<u8>) {
        if matches!(block.kind, Open::ToolCall { .. }) {
            self.arguments(&mut block, out);
        }
        if let Some(number) = block.number {
            message(out, "contentBlockStop", |json| _ = json.key("contentBlockIndex").u64(number));
        }
    }

    /// Arguments that did not begin as an object; nothing said is told as one.
    fn arguments(&mut self, block: &mut Block, out: &mut Vec<u8>) {
        if block.arguments.trim_start().starts_with('{') {
            return;
        }
        let (input, exact) = input(&block.arguments);
        if !exact {
            self.losses.push(Loss::approximated("arguments", block.at.clone()));
        }
        self.said(block, out, |json| {
            json.key("toolUse").object(|json| _ = json.key("input").str(input.as_str()));
        });
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        for block in std::mem::take(&mut self.open) {
            self.close(block, out);
        }
        let finish = self.finish.take();
        let (word, stop_sequence) = answer::ending(finish.as_ref(), self.calls, &mut self.losses);
        message(out, "messageStop", |json| {
            json.key("stopReason").str(word);
            answer::stopped_by(stop_sequence, json);
        });
        if usage::is_less(&self.usage) {
            self.losses.push(Loss::dropped("usage", "usage"));
        }
        message(out, "metadata", |json| {
            usage::write(&self.usage, json.key("usage"));
            if let Some(tier) = self.usage.tier.as_deref() {
                json.key("serviceTier").object(|json| _ = json.key("type").str(tier));
            }
        });
    }
}

impl Encoder for ConverseEncoder {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, model, .. } => {
                self.teller = Teller::new(&self.asked, model);
                answer::nameless(id, model, &mut self.losses);
                message(out, "messageStart", |json| _ = json.key("role").str("assistant"));
            }
            Event::Open { choice: 0, part, kind } => self.opened(*part, kind, out),
            Event::Open { choice, .. } => {
                let loss = Loss::dropped("choices", format!("choices[{choice}]"));
                if !self.losses.contains(&loss) {
                    self.losses.push(loss);
                }
            }
            Event::Delta { part, delta } => {
                if let Some(at) = self.open.iter().position(|block| block.part == *part) {
                    let mut block = self.open.swap_remove(at);
                    self.delta(&mut block, delta, out);
                    self.open.push(block);
                }
            }
            Event::Close { part } => {
                if let Some(at) = self.open.iter().position(|block| block.part == *part) {
                    let block = self.open.swap_remove(at);
                    self.close(block, out);
                }
            }
            Event::Usage(usage) => self.usage = usage.clone(),
            Event::Finish { choice: 0, finish } => self.finish = Some(finish.clone()),
            Event::Finish { .. } => {}
            Event::Fault(fault) => {
                out.extend_from_slice(&fault::write_event(&fault.told(), &self.asked.id));
                self.done = true;
            }
            Event::End => {
                self.end(out);
                self.done = true;
            }
        }
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.losses)
    }
}

/// One message: its name in its headers, and a JSON object of its members.
fn message(out: &mut Vec<u8>, kind: &str, members: impl FnOnce(&mut Writer)) {
    let mut json = Writer::with_capacity(128);
    json.object(members);
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    eventstream::write(&headers, json.finish().as_bytes(), out);
}

#[cfg(test)]
mod tests;
