//! Events to a stream of this dialect: one block at a time, in the order they began.

use wire::json::Writer;

use super::answer;
use super::{fault, usage};
use crate::dialect::Asked;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::Finish;
use crate::ir::part::{Body, Citation, Part};
use crate::loss::Loss;
use crate::stream::Encoder;
use crate::usage::Usage;

/// The encoder.
#[derive(Debug)]
pub(super) struct MessagesEncoder {
    asked: Asked,
    losses: Vec<Loss>,
    /// Parts that began and are not written to their end; the first is written as it comes, the others
    /// wait, because blocks never interleave.
    waiting: Vec<Waiting>,
    /// Place of the next block.
    index: u64,
    /// Place of the next part, and of the one being written, for losses.
    places: u64,
    place: u64,
    /// A block is begun on the wire.
    begun: bool,
    usage: Usage,
    finish: Option<Finish>,
    calls: bool,
    refuses: bool,
    done: bool,
}

/// A part that is not written to its end.
#[derive(Debug)]
struct Waiting {
    part: u32,
    place: u64,
    kind: Open,
    deltas: Vec<Delta>,
    /// Its beginning is dealt with.
    begun: bool,
    closed: bool,
}

impl MessagesEncoder {
    pub(super) fn new(asked: &Asked) -> Self {
        Self {
            asked: asked.clone(),
            losses: Vec::new(),
            waiting: Vec::new(),
            index: 0,
            places: 0,
            place: 0,
            begun: false,
            usage: Usage::default(),
            finish: None,
            calls: false,
            refuses: false,
            done: false,
        }
    }

    fn start(&self, id: &str, model: &str, out: &mut Vec<u8>) {
        let own = |own: &str, asked: &str| if own.is_empty() { asked.to_owned() } else { own.to_owned() };
        frame(out, "message_start", |json| {
            json.key("message").object(|json| {
                json.key("id").str(&own(id, &self.asked.id));
                json.key("type").str("message");
                json.key("role").str("assistant");
                json.key("model").str(&own(model, &self.asked.model));
                json.key("content").array(|_| {});
                json.key("stop_reason").null();
                json.key("stop_sequence").null();
                // The counts are known at the end only; clients take the last.
                json.key("usage").object(|json| {
                    json.key("input_tokens").u64(0);
                    json.key("output_tokens").u64(0);
                });
            });
        });
    }

    fn at(&self) -> String {
        format!("content[{}]", self.place)
    }

    fn opened(&mut self, part: u32, kind: &Open, out: &mut Vec<u8>) {
        match kind {
            Open::ToolCall { .. } => self.calls = true,
            Open::Refusal => {
                self.refuses = true;
                self.losses.push(Loss::approximated("refusal", format!("content[{}]", self.places)));
            }
            Open::Whole(whole) => match whole.body {
                Body::ToolCall(_) => self.calls = true,
                Body::Refusal(_) => self.refuses = true,
                _ => {}
            },
            Open::Text | Open::Reasoning => {}
        }
        let place = self.places;
        self.places += 1;
        self.waiting.push(Waiting { part, place, kind: kind.clone(), deltas: Vec::new(), begun: false, closed: false });
        if self.waiting.len() == 1 {
            self.advance(out);
        }
    }

    /// Writes what can be written: the first part as far as it has come, and those behind it that are done.
    fn advance(&mut self, out: &mut Vec<u8>) {
        while let Some(first) = self.waiting.first_mut() {
            let deltas = std::mem::take(&mut first.deltas);
            let closed = first.closed;
            self.place = first.place;
            let begun = std::mem::replace(&mut first.begun, true);
            // Lent to the writing below, and given back.
            let kind = std::mem::replace(&mut first.kind, Open::Text);
            if !begun {
                self.begin_at_once(&kind, out);
            }
            for delta in deltas {
                self.delta(&kind, &delta, out);
            }
            if closed {
                self.stop(out);
                self.waiting.remove(0);
            } else {
                self.give_back(kind);
                return;
            }
        }
    }

    fn give_back(&mut self, kind: Open) {
        if let Some(first) = self.waiting.first_mut() {
            first.kind = kind;
        }
    }

    /// Begins blocks that have no reason to wait for their first delta.
    fn begin_at_once(&mut self, kind: &Open, out: &mut Vec<u8>) {
        if let Open::ToolCall { id, name, proof } = kind {
            let at = self.at();
            let id = answer::call_id(id, &self.asked.id, &at);
            let id = answer::signed_id(&id, proof.as_ref(), &at, &mut self.losses);
            self.begin(out, |json| {
                json.object(|json| {
                    json.key("type").str("tool_use");
                    json.key("id").str(&id);
                    json.key("name").str(name);
                    json.key("input").object(|_| {});
                });
            });
        } else if let Open::Whole(part) = kind {
            self.whole(part, out);
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>, block: impl FnOnce(&mut Writer)) {
        let index = self.index;
        frame(out, "content_block_start", |json| {
            json.key("index").u64(index);
            block(json.key("content_block"));
        });
        self.begun = true;
    }

    fn stop(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.begun) {
            let index = self.index;
            frame(out, "content_block_stop", |json| {
                json.key("index").u64(index);
            });
            self.index += 1;
        }
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if !self.begun {
            self.begin(out, |json| {
                json.raw(r#"{"type":"text","text":""}"#);
            });
        }
        if !text.is_empty() {
            self.piece(out, "text_delta", "text", text);
        }
    }

    fn think(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begin(out, |json| {
                json.raw(r#"{"type":"thinking","thinking":"","signature":""}"#);
            });
        }
    }

    fn piece(&self, out: &mut Vec<u8>, kind: &str, member: &str, text: &str) {
        self.said(out, |json| {
            json.key("type").str(kind);
            json.key(member).str(text);
        });
    }

    fn said(&self, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
        frame(out, "content_block_delta", |json| {
            json.key("index").u64(self.index);
            json.key("delta").object(members);
        });
    }

    fn delta(&mut self, kind: &Open, delta: &Delta, out: &mut Vec<u8>) {
        match (kind, delta) {
            (_, Delta::Text(text) | Delta::Refusal(text) | Delta::Reasoning(text) | Delta::Arguments(text))
                if text.is_empty() => {}
            (Open::Text, Delta::Text(text)) | (Open::Refusal, Delta::Refusal(text)) => self.text(text, out),
            (Open::Text, Delta::Citation(citation)) => self.cite(citation, out),
            (Open::Reasoning, Delta::Reasoning(text)) => {
                self.think(out);
                self.piece(out, "thinking_delta", "thinking", text);
            }
            (Open::Reasoning, Delta::Proof(proof)) => {
                let at = self.at();
                if let Some(signature) = answer::proof(Some(proof), &at, &mut self.losses) {
                    self.think(out);
                    self.piece(out, "signature_delta", "signature", signature);
                }
            }
            (Open::ToolCall { .. }, Delta::Arguments(text)) => {
                self.piece(out, "input_json_delta", "partial_json", text)
            }
            // Deltas that do not fit their part break the grammar and say nothing here.
            _ => {}
        }
    }

    fn cite(&mut self, citation: &Citation, out: &mut Vec<u8>) {
        let at = self.at();
        if let Some(written) = answer::citation(citation, &at, &mut self.losses) {
            self.text("", out);
            self.said(out, |json| {
                json.key("type").str("citations_delta");
                json.key("citation").raw(&written);
            });
        }
    }

    /// A part that came whole, as its own block.
    fn whole(&mut self, part: &Part, out: &mut Vec<u8>) {
        let at = self.at();
        if matches!(part.body, Body::Text { .. } | Body::Refusal(_) | Body::ToolCall(_)) {
            // Blocks that come in deltas have no place for members beyond their own.
            self.losses.extend(part.foreign.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), at.clone())));
        }
        match &part.body {
            Body::Text { text, citations } => {
                self.delta(&Open::Text, &Delta::Text(text.clone()), out);
                for citation in citations {
                    self.cite(citation, out);
                }
            }
            Body::Refusal(text) => {
                self.losses.push(Loss::approximated("refusal", at));
                self.delta(&Open::Refusal, &Delta::Refusal(text.clone()), out);
            }
            Body::Reasoning(reasoning) if !reasoning.redacted && part.foreign.is_empty() => {
                self.delta(&Open::Reasoning, &Delta::Reasoning(reasoning.text.clone()), out);
                if let Some(proof) = &reasoning.proof {
                    self.delta(&Open::Reasoning, &Delta::Proof(proof.clone()), out);
                }
            }
            Body::ToolCall(call) => {
                let kind = Open::ToolCall { id: call.id.clone(), name: call.name.clone(), proof: call.proof.clone() };
                self.begin_at_once(&kind, out);
                self.delta(&kind, &Delta::Arguments(call.arguments.clone()), out);
            }
            _ => {
                let id = self.asked.id.clone();
                if let Some(block) = answer::block(part, &at, &id, &mut self.losses) {
                    self.begin(out, |json| {
                        json.raw(&block);
                    });
                }
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        for waiting in &mut self.waiting {
            waiting.closed = true;
        }
        self.advance(out);
        let finish = self.finish.take();
        let (word, stop_sequence) = answer::ending(finish.as_ref(), self.calls, self.refuses, &mut self.losses);
        frame(out, "message_delta", |json| {
            json.key("delta").object(|json| {
                json.key("stop_reason").str(word);
                match stop_sequence {
                    Some(text) => json.key("stop_sequence").str(text),
                    None => json.key("stop_sequence").null(),
                };
            });
            usage::write(&self.usage, json.key("usage"));
        });
        frame(out, "message_stop", |_| {});
    }
}

impl Encoder for MessagesEncoder {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, model, .. } => self.start(id, model, out),
            Event::Open { choice: 0, part, kind } => self.opened(*part, kind, out),
            Event::Open { choice, .. } => {
                let loss = Loss::dropped("choices", format!("choices[{choice}]"));
                if !self.losses.contains(&loss) {
                    self.losses.push(loss);
                }
            }
            Event::Delta { part, delta } => {
                let first = self.waiting.first().is_some_and(|waiting| waiting.part == *part);
                let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.part == *part) else { return };
                if first {
                    let kind = std::mem::replace(&mut waiting.kind, Open::Text);
                    self.delta(&kind, delta, out);
                    self.give_back(kind);
                } else {
                    waiting.deltas.push(delta.clone());
                }
            }
            Event::Close { part } => {
                if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.part == *part) {
                    waiting.closed = true;
                    self.advance(out);
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

/// One frame: its name, and a JSON object of its type and members.
fn frame(out: &mut Vec<u8>, kind: &str, members: impl FnOnce(&mut Writer)) {
    let mut json = Writer::with_capacity(128);
    json.object(|json| {
        json.key("type").str(kind);
        members(json);
    });
    for piece in ["event: ", kind, "\ndata: ", &json.finish(), "\n\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}

#[cfg(test)]
mod tests;
