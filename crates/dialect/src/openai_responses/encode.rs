//! Events to a stream of this dialect, as the official clients read it: every item begins, says and ends
//! under one id, and the last event repeats all of them.

use wire::json::Writer;

use super::object::{self, Call, Known, free_text, item_id, refusal_part, text_part};
use super::turns::{thought, word};
use super::{cite, status, usage};
use crate::dialect::Asked;
use crate::id::DialectId;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::{Finish, Reason};
use crate::ir::fold::pieces;
use crate::ir::part::{Body, Media, MediaKind, MediaSource, Opaque, Part, Reasoning, ToolCall};
use crate::loss::Loss;
use crate::stream::Encoder;
use crate::usage::Usage;

/// The encoder. Items may interleave, so nothing waits but the free text of custom tools. A fault writes
/// nothing, because the failure's own frame is written by who ends the stream.
#[derive(Debug)]
pub(super) struct ResponsesEncoder {
    asked: Asked,
    /// No frames are wanted: only the object at the end.
    silent: bool,
    /// Tools that are called with free text.
    custom: Vec<String>,
    id: String,
    model: String,
    created: Option<u64>,
    sequence: u64,
    items: Vec<Item>,
    /// By part number.
    parts: Vec<Begun>,
    /// The message that a text goes on with.
    message: Option<usize>,
    /// Place of the next part of the first answer, for losses.
    places: u64,
    usage: Usage,
    finish: Option<Finish>,
    calls: bool,
    refused: bool,
    losses: Vec<Loss>,
    done: bool,
}

/// One item of the output.
#[derive(Debug)]
struct Item {
    id: String,
    /// Parts of a message, each empty until it is done; and how many are not.
    content: Vec<String>,
    open: usize,
    done: Option<String>,
}

/// A part that has begun.
#[derive(Debug)]
struct Begun {
    place: u64,
    said: Said,
}

/// What a part said so far, and where; the item is made with its first word.
#[derive(Debug)]
enum Said {
    Text {
        at: Option<(usize, usize)>,
        refusal: bool,
        text: String,
        annotations: Vec<String>,
    },
    Reasoning {
        at: Option<usize>,
        text: String,
        proof: Option<String>,
    },
    Call {
        at: usize,
        call: Call,
        arguments: String,
    },
    /// It came whole, or belongs to another answer.
    Nothing,
}

impl ResponsesEncoder {
    pub(super) fn new(asked: &Asked) -> Self {
        Self {
            custom: object::custom_tools(asked),
            asked: asked.clone(),
            silent: false,
            id: String::new(),
            model: String::new(),
            created: None,
            sequence: 0,
            items: Vec::new(),
            parts: Vec::new(),
            message: None,
            places: 0,
            usage: Usage::default(),
            finish: None,
            calls: false,
            refused: false,
            losses: Vec::new(),
            done: false,
        }
    }

    /// One that writes no frames, for the object at the end.
    pub(super) fn silent(asked: &Asked) -> Self {
        Self { silent: true, ..Self::new(asked) }
    }

    /// One frame.
    fn frame(&mut self, kind: &str, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
        if self.silent {
            return;
        }
        let mut json = Writer::with_capacity(192);
        json.object(|json| {
            json.key("type").str(kind);
            json.key("sequence_number").u64(self.sequence);
            members(json);
        });
        self.sequence += 1;
        for piece in ["event: ", kind, "\ndata: ", &json.finish(), "\n\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
    }

    /// A frame of one item.
    fn of_item(&mut self, kind: &str, at: usize, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
        let id = self.items.get(at).map(|item| item.id.clone()).unwrap_or_default();
        self.frame(kind, out, |json| {
            json.key("item_id").str(&id);
            json.key("output_index").u64(at as u64);
            members(json);
        });
    }

    /// The response object in its last state.
    pub(super) fn object(&mut self, json: &mut Writer) {
        self.finish_message(&mut Vec::new());
        let finish = self.finish.take();
        let (reason, exact) = status::write(finish.as_ref(), self.calls, self.refused);
        if !exact {
            self.losses.push(Loss::approximated("finish_reason", "status"));
        }
        let stopped = |finish: &Finish| finish.stop_sequence.is_some() || finish.reason == Reason::StopSequence;
        if finish.as_ref().is_some_and(stopped) {
            self.losses.push(Loss::dropped("stop_sequence", "status"));
        }
        if usage::is_lossy(&self.usage) {
            self.losses.push(Loss::approximated("usage", "usage"));
        }
        let status = if reason.is_some() { "incomplete" } else { "completed" };
        let output: Vec<&str> = self.items.iter().filter_map(|item| item.done.as_deref()).collect();
        let known = Known {
            id: &self.id,
            model: &self.model,
            created: self.created,
            status,
            reason,
            output: &output,
            usage: Some(&self.usage),
        };
        object::write(&known, &self.asked, json);
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if self.silent {
            return;
        }
        let mut json = Writer::with_capacity(1_024);
        let (id, model, created) = (&*self.id, &*self.model, self.created);
        let known = Known { id, model, created, status: "in_progress", reason: None, output: &[], usage: None };
        object::write(&known, &self.asked, &mut json);
        let response = json.finish();
        for kind in ["response.created", "response.in_progress"] {
            self.frame(kind, out, |json| _ = json.key("response").raw(&response));
        }
    }

    fn at(place: u64) -> String {
        format!("content[{place}]")
    }

    /// An item begins; texts behind it are of another message.
    fn add(&mut self, kind: &str, out: &mut Vec<u8>, write: impl FnOnce(&str, &mut Writer)) -> usize {
        self.finish_message(out);
        let at = self.items.len();
        let id = item_id(kind, &self.asked, at);
        self.items.push(Item { id: id.clone(), content: Vec::new(), open: 0, done: None });
        self.frame("response.output_item.added", out, |json| {
            json.key("output_index").u64(at as u64);
            write(&id, json.key("item"));
        });
        at
    }

    /// An item is done.
    fn end_item(&mut self, at: usize, out: &mut Vec<u8>, write: impl FnOnce(&str, &mut Writer)) {
        let Some(item) = self.items.get_mut(at) else { return };
        let mut json = Writer::with_capacity(256);
        write(&item.id, &mut json);
        let written = json.finish();
        self.frame("response.output_item.done", out, |json| {
            json.key("output_index").u64(at as u64);
            json.key("item").raw(&written);
        });
        if let Some(item) = self.items.get_mut(at) {
            item.done = Some(written);
        }
    }

    /// No more texts go on with the message; it is done when its parts are.
    fn finish_message(&mut self, out: &mut Vec<u8>) {
        let Some(at) = self.message.take() else { return };
        if self.items.get(at).is_some_and(|item| item.open == 0) {
            self.end_message(at, out);
        }
    }

    fn end_message(&mut self, at: usize, out: &mut Vec<u8>) {
        let content = self.items.get_mut(at).map(|item| std::mem::take(&mut item.content)).unwrap_or_default();
        self.end_item(at, out, |id, json| object::message(id, true, &content, json));
    }

    fn opened(&mut self, kind: &Open, out: &mut Vec<u8>) {
        let place = self.places;
        self.places += 1;
        let text = |refusal| Said::Text { at: None, refusal, text: String::new(), annotations: Vec::new() };
        let said = match kind {
            Open::Text => text(false),
            Open::Refusal => text(true),
            Open::Reasoning => Said::Reasoning { at: None, text: String::new(), proof: None },
            Open::ToolCall { id, name, proof } => self.call(id, name, proof.as_ref(), place, out),
            Open::Whole(part) => return self.whole(part, place, out),
        };
        self.parts.push(Begun { place, said });
    }

    fn call(&mut self, id: &str, name: &str, proof: Option<&Opaque>, place: u64, out: &mut Vec<u8>) -> Said {
        if proof.is_some() {
            self.losses.push(Loss::dropped("thought_signature", Self::at(place)));
        }
        self.calls = true;
        let custom = self.custom.iter().any(|own| own == name);
        let call_id = if id.is_empty() { item_id("call", &self.asked, self.items.len()) } else { id.to_owned() };
        let mut call = Call { id: String::new(), call_id, name: name.to_owned(), custom };
        let at = self.add(if custom { "ctc" } else { "fc" }, out, |id, json| {
            call.id = id.to_owned();
            call.write("", false, json);
        });
        // No frame was wanted, so none named the item.
        call.id = self.items.get(at).map(|item| item.id.clone()).unwrap_or_default();
        Said::Call { at, call, arguments: String::new() }
    }

    /// A part that came whole: in its own words where it has some, else as an item of its own.
    fn whole(&mut self, part: &Part, place: u64, out: &mut Vec<u8>) {
        let at = Self::at(place);
        self.losses.extend(part.foreign.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), at.clone())));
        if part.cache.is_some() {
            self.losses.push(Loss::dropped("cache_control", at.clone()));
        }
        match &part.body {
            Body::Unknown { dialect: DialectId::OpenAiResponses, raw, .. } => {
                let item = self.add("item", out, |_, json| _ = json.raw(raw.as_str()));
                self.end_item(item, out, |_, json| _ = json.raw(raw.as_str()));
            }
            Body::Media(Media {
                kind: MediaKind::Image,
                source: MediaSource::Base64 { media_type, data },
                name,
                detail,
            }) => {
                let beside = [("name", name), ("detail", detail)].into_iter().filter(|(_, value)| value.is_some());
                self.losses.extend(beside.map(|(word, _)| Loss::dropped(word, at.clone())));
                let item = self.add("ig", out, |id, json| object::image(id, media_type, "", json));
                self.end_item(item, out, |id, json| object::image(id, media_type, data, json));
            }
            Body::Reasoning(Reasoning { redacted: true, proof, .. }) => {
                if let Some(proof) = proof.as_ref().and_then(|proof| self.proof(proof, &at)) {
                    let item = self.add("rs", out, |id, json| object::reasoning(id, "", None, json));
                    self.end_item(item, out, |id, json| object::reasoning(id, "", Some(&proof), json));
                }
            }
            Body::ToolCall(ToolCall { .. }) | Body::Text { .. } | Body::Refusal(_) | Body::Reasoning(_) => {
                if let Some((kind, deltas)) = pieces(&part.body) {
                    self.places -= 1;
                    self.opened(&kind, out);
                    let number = self.parts.len() - 1;
                    for delta in &deltas {
                        self.delta(number, delta, out);
                    }
                    return;
                }
            }
            other => self.losses.push(Loss::dropped(word(other).to_owned(), at)),
        }
        self.parts.push(Begun { place, said: Said::Nothing });
    }

    /// A proof that its maker, by way of this dialect, will take back.
    fn proof(&mut self, proof: &Opaque, at: &str) -> Option<String> {
        if proof.origin.dialect == DialectId::OpenAiResponses {
            return Some(proof.data.clone());
        }
        self.losses.push(Loss::dropped("reasoning signature", at));
        None
    }

    fn delta(&mut self, part: usize, delta: &Delta, out: &mut Vec<u8>) {
        let nothing = Begun { place: 0, said: Said::Nothing };
        let Some(begun) = self.parts.get_mut(part) else { return };
        // Lent to the writing below, and given back.
        let mut begun = std::mem::replace(begun, nothing);
        self.say(&mut begun, delta, out);
        if let Some(slot) = self.parts.get_mut(part) {
            *slot = begun;
        }
    }

    fn say(&mut self, begun: &mut Begun, delta: &Delta, out: &mut Vec<u8>) {
        let place = begun.place;
        match (&mut begun.said, delta) {
            (_, Delta::Text(text) | Delta::Refusal(text) | Delta::Reasoning(text) | Delta::Arguments(text))
                if text.is_empty() => {}
            (Said::Text { at, refusal, text, .. }, Delta::Text(more) | Delta::Refusal(more)) => {
                let (item, index) = *at.get_or_insert_with(|| self.begin_text(*refusal, out));
                text.push_str(more);
                let kind = if *refusal { "response.refusal.delta" } else { "response.output_text.delta" };
                self.of_item(kind, item, out, |json| {
                    json.key("content_index").u64(index as u64);
                    json.key("delta").str(more);
                    if kind == "response.output_text.delta" {
                        json.key("logprobs").array(|_| {});
                    }
                });
            }
            (Said::Text { at, annotations, .. }, Delta::Citation(citation)) => {
                let Some(written) = cite::write(citation, &Self::at(place), &mut self.losses) else { return };
                let (item, index) = *at.get_or_insert_with(|| self.begin_text(false, out));
                self.of_item("response.output_text.annotation.added", item, out, |json| {
                    json.key("content_index").u64(index as u64);
                    json.key("annotation_index").u64(annotations.len() as u64);
                    json.key("annotation").raw(&written);
                });
                annotations.push(written);
            }
            (Said::Reasoning { at, text, .. }, Delta::Reasoning(more)) => {
                let item = *at.get_or_insert_with(|| self.begin_reasoning(out));
                text.push_str(more);
                self.of_item("response.reasoning_summary_text.delta", item, out, |json| {
                    json.key("summary_index").u64(0);
                    json.key("delta").str(more);
                });
            }
            (Said::Reasoning { proof, .. }, Delta::Proof(given)) => *proof = self.proof(given, &Self::at(place)),
            (Said::Call { at, call, arguments }, Delta::Arguments(more)) => {
                arguments.push_str(more);
                if !call.custom {
                    self.of_item("response.function_call_arguments.delta", *at, out, |json| {
                        _ = json.key("delta").str(more)
                    });
                }
            }
            // Deltas that do not fit their part break the grammar and say nothing here.
            _ => {}
        }
    }

    /// A text begins: in the message that runs, else in a new one.
    fn begin_text(&mut self, refusal: bool, out: &mut Vec<u8>) -> (usize, usize) {
        self.refused |= refusal;
        let at = match self.message {
            Some(at) => at,
            None => {
                let at = self.add("msg", out, |id, json| object::message(id, false, &[], json));
                self.message = Some(at);
                at
            }
        };
        let Some(item) = self.items.get_mut(at) else { return (at, 0) };
        let index = item.content.len();
        item.content.push(String::new());
        item.open += 1;
        self.of_item("response.content_part.added", at, out, |json| {
            json.key("content_index").u64(index as u64);
            let json = json.key("part");
            if refusal { refusal_part("", json) } else { text_part("", &[], json) }
        });
        (at, index)
    }

    fn begin_reasoning(&mut self, out: &mut Vec<u8>) -> usize {
        let at = self.add("rs", out, |id, json| object::reasoning(id, "", None, json));
        self.of_item("response.reasoning_summary_part.added", at, out, |json| {
            json.key("summary_index").u64(0);
            thought("summary_text", "", json.key("part"));
        });
        at
    }

    fn close(&mut self, part: usize, out: &mut Vec<u8>) {
        let Some(begun) = self.parts.get_mut(part) else { return };
        match std::mem::replace(&mut begun.said, Said::Nothing) {
            Said::Text { at: Some((item, index)), refusal, text, annotations } => {
                self.end_text(item, index, refusal, &text, &annotations, out);
            }
            Said::Reasoning { at: Some(item), text, proof } => {
                self.of_item("response.reasoning_summary_text.done", item, out, |json| {
                    json.key("summary_index").u64(0);
                    json.key("text").str(&text);
                });
                self.of_item("response.reasoning_summary_part.done", item, out, |json| {
                    json.key("summary_index").u64(0);
                    thought("summary_text", &text, json.key("part"));
                });
                self.end_item(item, out, |id, json| object::reasoning(id, &text, proof.as_deref(), json));
            }
            Said::Reasoning { at: None, proof: Some(proof), .. } => {
                let item = self.add("rs", out, |id, json| object::reasoning(id, "", None, json));
                self.end_item(item, out, |id, json| object::reasoning(id, "", Some(&proof), json));
            }
            Said::Call { at, call, arguments } => self.end_call(at, &call, &arguments, out),
            Said::Text { at: None, .. } | Said::Reasoning { at: None, proof: None, .. } | Said::Nothing => {}
        }
    }

    fn end_call(&mut self, at: usize, call: &Call, arguments: &str, out: &mut Vec<u8>) {
        if call.custom {
            let input = free_text(arguments);
            self.of_item("response.custom_tool_call_input.delta", at, out, |json| _ = json.key("delta").str(&input));
            self.of_item("response.custom_tool_call_input.done", at, out, |json| _ = json.key("input").str(&input));
            return self.end_item(at, out, |_, json| call.write(&input, true, json));
        }
        self.of_item("response.function_call_arguments.done", at, out, |json| {
            json.key("name").str(&call.name);
            json.key("arguments").str(arguments);
        });
        self.end_item(at, out, |_, json| call.write(arguments, true, json));
    }

    fn end_text(&mut self, at: usize, index: usize, refusal: bool, text: &str, notes: &[String], out: &mut Vec<u8>) {
        let kind = if refusal { "response.refusal.done" } else { "response.output_text.done" };
        self.of_item(kind, at, out, |json| {
            json.key("content_index").u64(index as u64);
            json.key(if refusal { "refusal" } else { "text" }).str(text);
            if !refusal {
                json.key("logprobs").array(|_| {});
            }
        });
        let mut json = Writer::with_capacity(text.len() + 96);
        if refusal {
            refusal_part(text, &mut json)
        } else {
            text_part(text, notes, &mut json)
        }
        let part = json.finish();
        self.of_item("response.content_part.done", at, out, |json| {
            json.key("content_index").u64(index as u64);
            json.key("part").raw(&part);
        });
        let Some(item) = self.items.get_mut(at) else { return };
        if let Some(slot) = item.content.get_mut(index) {
            *slot = part;
        }
        item.open = item.open.saturating_sub(1);
        if item.open == 0 && self.message != Some(at) {
            self.end_message(at, out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        for part in 0..self.parts.len() {
            self.close(part, out);
        }
        self.finish_message(out);
        let (reason, _) = status::write(self.finish.as_ref(), self.calls, self.refused);
        let kind = if reason.is_some() { "response.incomplete" } else { "response.completed" };
        let mut json = Writer::with_capacity(1_024);
        self.object(&mut json);
        let response = json.finish();
        self.frame(kind, out, |json| _ = json.key("response").raw(&response));
    }
}

impl Encoder for ResponsesEncoder {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        let number = |part: u32| usize::try_from(part).unwrap_or(usize::MAX);
        match event {
            Event::Start { id, model, created } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
                self.created = *created;
                self.start(out);
            }
            Event::Open { choice: 0, kind, .. } => self.opened(kind, out),
            Event::Open { choice, .. } => {
                self.parts.push(Begun { place: 0, said: Said::Nothing });
                let loss = Loss::dropped("choices", format!("choices[{choice}]"));
                if !self.losses.contains(&loss) {
                    self.losses.push(loss);
                }
            }
            Event::Delta { part, delta } => self.delta(number(*part), delta, out),
            Event::Close { part } => self.close(number(*part), out),
            Event::Usage(usage) => self.usage = usage.clone(),
            Event::Finish { choice: 0, finish } => self.finish = Some(finish.clone()),
            Event::Finish { .. } => {}
            Event::Fault(_) => self.done = true,
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

#[cfg(test)]
mod tests;
