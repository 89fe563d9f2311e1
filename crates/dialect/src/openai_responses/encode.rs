//! Events to a stream of this dialect, as the official clients read it: every item begins, says and ends
//! under one id, and the last event repeats all of them.

use wire::json::Writer;

use super::object::{self, Call, Known, item_id};
use super::output::Output;
use super::{cite, sealed, status, usage};
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
    /// Tools that are called with free text.
    custom: Vec<String>,
    id: String,
    model: String,
    created: Option<u64>,
    output: Output,
    /// By part number.
    parts: Vec<Begun>,
    /// Place of the next part of the first answer, for losses.
    places: u64,
    usage: Usage,
    finish: Option<Finish>,
    calls: bool,
    refused: bool,
    losses: Vec<Loss>,
    done: bool,
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
            id: String::new(),
            model: String::new(),
            created: None,
            output: Output::new(asked),
            parts: Vec::new(),
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
        let mut encoder = Self::new(asked);
        encoder.output.silent = true;
        encoder
    }

    /// The response object in its last state.
    pub(super) fn object(&mut self, json: &mut Writer) {
        self.output.finish_message(&mut Vec::new());
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
        let output = self.output.done();
        let known = Known {
            id: &self.id,
            model: &self.model,
            created: self.created,
            status,
            reason,
            output: &output,
            usage: Some(&self.usage),
        };
        object::write(&known, &self.output.asked, json);
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if self.output.silent {
            return;
        }
        let mut json = Writer::with_capacity(1_024);
        let (id, model, created) = (&*self.id, &*self.model, self.created);
        let known = Known { id, model, created, status: "in_progress", reason: None, output: &[], usage: None };
        object::write(&known, &self.output.asked, &mut json);
        let response = json.finish();
        for kind in ["response.created", "response.in_progress"] {
            self.output.frame(kind, out, |json| _ = json.key("response").raw(&response));
        }
    }

    fn at(place: u64) -> String {
        format!("content[{place}]")
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
        let signature = proof.filter(|proof| proof.origin.dialect == DialectId::Gemini).map(|proof| proof.data.clone());
        if proof.is_some() && signature.is_none() {
            self.losses.push(Loss::dropped("thought_signature", Self::at(place)));
        }
        self.calls = true;
        let custom = self.custom.iter().any(|own| own == name);
        let call_id =
            if id.is_empty() { item_id("call", &self.output.asked, self.output.len()) } else { id.to_owned() };
        let mut call = Call { id: String::new(), call_id, name: name.to_owned(), custom, signature };
        let at = self.output.add(if custom { "ctc" } else { "fc" }, out, |id, json| {
            call.id = id.to_owned();
            call.write("", false, json);
        });
        // No frame was wanted, so none named the item.
        call.id = self.output.id(at);
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
                let item = self.output.add("item", out, |_, json| _ = json.raw(raw.as_str()));
                self.output.end_item(item, out, |_, json| _ = json.raw(raw.as_str()));
            }
            Body::Media(Media {
                kind: MediaKind::Image,
                source: MediaSource::Base64 { media_type, data },
                name,
                detail,
            }) => {
                let beside = [("name", name), ("detail", detail)].into_iter().filter(|(_, value)| value.is_some());
                self.losses.extend(beside.map(|(word, _)| Loss::dropped(word, at.clone())));
                let item = self.output.add("ig", out, |id, json| object::image(id, media_type, "", json));
                self.output.end_item(item, out, |id, json| object::image(id, media_type, data, json));
            }
            Body::Reasoning(Reasoning { redacted: true, proof, .. }) => {
                if let Some(proof) = proof.as_ref().map(|proof| Self::proof(proof, true)) {
                    let item = self.output.add("rs", out, |id, json| object::reasoning(id, "", None, json));
                    self.output.end_item(item, out, |id, json| object::reasoning(id, "", Some(&proof), json));
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
            other => self.losses.push(Loss::dropped(other.word(), at)),
        }
        self.parts.push(Begun { place, said: Said::Nothing });
    }

    /// A proof that its maker will take back: as it is by way of this dialect, else sealed.
    fn proof(proof: &Opaque, redacted: bool) -> String {
        match proof.origin.dialect {
            DialectId::OpenAiResponses => proof.data.clone(),
            _ => sealed::write(proof, redacted),
        }
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
                self.refused |= *refusal;
                let (item, index) = *at.get_or_insert_with(|| self.output.begin_text(*refusal, out));
                text.push_str(more);
                let kind = if *refusal { "response.refusal.delta" } else { "response.output_text.delta" };
                self.output.of_item(kind, item, out, |json| {
                    json.key("content_index").u64(index as u64);
                    json.key("delta").str(more);
                    if kind == "response.output_text.delta" {
                        json.key("logprobs").array(|_| {});
                    }
                });
            }
            (Said::Text { at, annotations, .. }, Delta::Citation(citation)) => {
                let Some(written) = cite::write(citation, &Self::at(place), &mut self.losses) else { return };
                let (item, index) = *at.get_or_insert_with(|| self.output.begin_text(false, out));
                self.output.of_item("response.output_text.annotation.added", item, out, |json| {
                    json.key("content_index").u64(index as u64);
                    json.key("annotation_index").u64(annotations.len() as u64);
                    json.key("annotation").raw(&written);
                });
                annotations.push(written);
            }
            (Said::Reasoning { at, text, .. }, Delta::Reasoning(more)) => {
                let item = *at.get_or_insert_with(|| self.output.begin_reasoning(out));
                text.push_str(more);
                self.output.of_item("response.reasoning_summary_text.delta", item, out, |json| {
                    json.key("summary_index").u64(0);
                    json.key("delta").str(more);
                });
            }
            (Said::Reasoning { proof, .. }, Delta::Proof(given)) => *proof = Some(Self::proof(given, false)),
            (Said::Call { at, call, arguments }, Delta::Arguments(more)) => {
                arguments.push_str(more);
                if !call.custom {
                    self.output.of_item("response.function_call_arguments.delta", *at, out, |json| {
                        _ = json.key("delta").str(more)
                    });
                }
            }
            // Deltas that do not fit their part break the grammar and say nothing here.
            _ => {}
        }
    }

    fn close(&mut self, part: usize, out: &mut Vec<u8>) {
        let Some(begun) = self.parts.get_mut(part) else { return };
        match std::mem::replace(&mut begun.said, Said::Nothing) {
            Said::Text { at: Some((item, index)), refusal, text, annotations } => {
                self.output.end_text(item, index, refusal, &text, &annotations, out);
            }
            Said::Reasoning { at: Some(item), text, proof } => {
                self.output.end_reasoning(item, &text, proof.as_deref(), out);
            }
            Said::Reasoning { at: None, proof: Some(proof), .. } => {
                let item = self.output.add("rs", out, |id, json| object::reasoning(id, "", None, json));
                self.output.end_item(item, out, |id, json| object::reasoning(id, "", Some(&proof), json));
            }
            Said::Call { at, call, arguments } => self.output.end_call(at, &call, &arguments, out),
            Said::Text { at: None, .. } | Said::Reasoning { at: None, proof: None, .. } | Said::Nothing => {}
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        for part in 0..self.parts.len() {
            self.close(part, out);
        }
        self.output.finish_message(out);
        let (reason, _) = status::write(self.finish.as_ref(), self.calls, self.refused);
        let kind = if reason.is_some() { "response.incomplete" } else { "response.completed" };
        let mut json = Writer::with_capacity(1_024);
        self.object(&mut json);
        let response = json.finish();
        self.output.frame(kind, out, |json| _ = json.key("response").raw(&response));
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
