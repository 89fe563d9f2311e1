//! Streams of this dialect, and whole answers, to events. Any bytes at all give a sentence of the grammar.

use std::borrow::Cow;

use wire::frame::Frame;
use wire::json::Json;

use super::heard::Heard;
use super::item::word;
use super::output_item::{Place, Voice};
use super::{fault, status, usage};
use crate::ir::event::Event;
use crate::loss::Loss;
use crate::outcome::{Outcome, UpstreamFault};
use crate::quirk::Quirks;
use crate::stream::Decoder;
use crate::target::Target;
use crate::undo::Undo;

/// The decoder.
#[derive(Debug)]
pub(super) struct ResponsesDecoder {
    quirks: Quirks,
    heard: Heard,
    started: bool,
    done: bool,
}

impl ResponsesDecoder {
    pub(super) fn new(undo: Undo, from: &Target<'_>) -> Self {
        Self { quirks: from.quirks, heard: Heard::new(undo, from.model), started: false, done: false }
    }

    fn start(&mut self, response: Json<'_>, out: &mut Vec<Event>) {
        if self.started {
            return;
        }
        self.started = true;
        let created = response.get("created_at").and_then(Json::as_u64).filter(|at| *at > 0);
        out.push(Event::Start { id: word(response, "id"), model: word(response, "model"), created });
    }

    fn fail(&mut self, fault: UpstreamFault, out: &mut Vec<Event>) {
        if !self.done {
            self.done = true;
            self.heard.close_all(out);
            out.push(Event::Fault(fault));
        }
    }

    fn tell_usage(&self, response: Json<'_>, out: &mut Vec<Event>) {
        let usage = usage::read(response, self.quirks);
        if !usage.is_empty() || usage.tier.is_some() {
            out.push(Event::Usage(usage));
        }
    }

    /// The response object of the last event, or a whole answer.
    pub(super) fn end(&mut self, response: Json<'_>, out: &mut Vec<Event>) {
        if self.done {
            return;
        }
        self.start(response, out);
        self.heard.output(response.get("output").unwrap_or(Json::NULL), out);
        if let Some(finish) = status::read(response, self.heard.calls, self.heard.refused) {
            out.push(Event::Finish { choice: 0, finish });
        }
        self.tell_usage(response, out);
        out.push(Event::End);
        self.done = true;
    }

    fn failed(&mut self, response: Json<'_>, out: &mut Vec<Event>) {
        self.start(response, out);
        self.tell_usage(response, out);
        self.fail(fault::inside(response).unwrap_or_else(unnamed), out);
    }

    /// A frame of the answer itself.
    fn said(&mut self, kind: &str, json: Json<'_>, out: &mut Vec<Event>) {
        let get = |name: &str| json.get(name).unwrap_or(Json::NULL);
        let index = get("output_index").as_u64();
        let id = get("item_id").as_str().unwrap_or_default();
        let number = get("content_index").as_u64().or_else(|| get("summary_index").as_u64()).unwrap_or(0);
        let place = Place { index, id: &id, number };
        let heard = &mut self.heard;
        match kind {
            "output_item.added" => heard.added(index, get("item"), out),
            "output_item.done" => heard.done(index, get("item"), out),
            "content_part.done" => heard.part_done(place, get("part"), out),
            "output_text.delta" => heard.piece(Voice::Text, place, get("delta"), out),
            "output_text.done" => heard.whole(Voice::Text, place, get("text"), out),
            "output_text.annotation.added" => heard.cite(place, get("annotation"), out),
            "refusal.delta" => heard.piece(Voice::Refusal, place, get("delta"), out),
            "refusal.done" => heard.whole(Voice::Refusal, place, get("refusal"), out),
            "reasoning_text.delta" => heard.piece(Voice::Thought, place, get("delta"), out),
            "reasoning_text.done" => heard.whole(Voice::Thought, place, get("text"), out),
            "reasoning_summary_text.delta" => heard.piece(Voice::Summary, place, get("delta"), out),
            "reasoning_summary_text.done" => heard.whole(Voice::Summary, place, get("text"), out),
            "reasoning_summary_part.done" => {
                let text = get("part").get("text").unwrap_or(Json::NULL);
                heard.whole(Voice::Summary, place, text, out);
            }
            "function_call_arguments.delta" => {
                heard.piece(Voice::Arguments, Place { number: 0, ..place }, get("delta"), out);
            }
            "function_call_arguments.done" => {
                heard.whole(Voice::Arguments, Place { number: 0, ..place }, get("arguments"), out);
            }
            _ => {}
        }
    }
}

/// True for frames that say something of the answer.
fn is_said(kind: &str) -> bool {
    ["output_item.", "content_part.", "output_text.", "refusal.", "reasoning_", "function_call_arguments."]
        .iter()
        .any(|start| kind.starts_with(start))
}

impl Decoder for ResponsesDecoder {
    fn push(&mut self, frame: &Frame, out: &mut Vec<Event>) {
        let text = frame.text().trim();
        if self.done || (text.is_empty() && frame.name() != "error") || text == "[DONE]" {
            return;
        }
        if frame.name() == "error" {
            return self.fail(fault::of_event(text), out);
        }
        let Ok(json) = Json::parse(text) else {
            let fault = UpstreamFault::new(Outcome::BadAnswer, 200, "A frame of the stream is not JSON.");
            return self.fail(fault, out);
        };
        let kind = json.get("type").and_then(Json::as_str).unwrap_or(Cow::Borrowed(frame.name()));
        let response = json.get("response").unwrap_or(Json::NULL);
        match &*kind {
            "response.created" | "response.in_progress" | "response.queued" => self.start(response, out),
            "response.completed" | "response.incomplete" | "response.cancelled" => self.end(response, out),
            "response.failed" => self.failed(response, out),
            "error" => self.fail(fault::of_event(text), out),
            other => match other.strip_prefix("response.").filter(|kind| is_said(kind)) {
                Some(kind) => {
                    self.start(Json::NULL, out);
                    self.said(kind, json, out);
                }
                None if other.is_empty() => {
                    if let Some(fault) = fault::inside(json) {
                        self.fail(fault, out);
                    }
                }
                None => {}
            },
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let message = "The stream ended before `response.completed`.";
        self.fail(UpstreamFault::new(Outcome::Truncated, 200, message), out);
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.heard.losses)
    }
}

/// A response that failed and does not say why.
fn unnamed() -> UpstreamFault {
    UpstreamFault::new(Outcome::ServerError, 200, "The provider's response failed, and it did not say why.")
}

#[cfg(test)]
mod tests;
