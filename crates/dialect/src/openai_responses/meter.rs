//! Watches an answer in this dialect without touching it: what frames are, usage, finish, faults.

use std::borrow::Cow;

use wire::frame::Frame;
use wire::json::{Json, Kind};

use super::{fault, status, usage};
use crate::members::word;
use crate::outcome::{Outcome, UpstreamFault};
use crate::quirk::Quirks;
use crate::stream::{Meter, Reading, Seen};
use crate::usage::Source;

/// The meter. Everything that counts stands in the last frame; the others are content or not.
#[derive(Debug, Default)]
pub(super) struct ResponsesMeter {
    quirks: Quirks,
    reading: Reading,
    /// A call of a tool of the client's, and a refusal, were seen.
    calls: bool,
    refused: bool,
}

impl ResponsesMeter {
    pub(super) fn new(quirks: Quirks) -> Self {
        Self { quirks, ..Self::default() }
    }

    fn count(&mut self, bytes: u64) -> Seen {
        self.reading.text_bytes = self.reading.text_bytes.saturating_add(bytes);
        if bytes > 0 { Seen::Content } else { Seen::Preamble }
    }

    fn fail(&mut self, fault: UpstreamFault) -> Seen {
        self.reading.fault.get_or_insert(fault);
        self.reading.complete = false;
        if self.reading.usage.source == Source::Reported {
            self.reading.usage.source = Source::Partial;
        }
        Seen::Fault
    }

    /// Id and model, as far as an object says.
    fn head(&mut self, response: Json<'_>) {
        let word = |name: &str| response.get(name).and_then(word);
        self.reading.id = word("id").or_else(|| self.reading.id.take());
        self.reading.model = word("model").or_else(|| self.reading.model.take());
    }

    /// A response object that is done: usage, finish, and what its output holds.
    fn done(&mut self, response: Json<'_>) {
        self.head(response);
        let usage = usage::read(response, self.quirks);
        if !usage.is_empty() || usage.tier.is_some() {
            self.reading.usage = usage;
        }
        let uncounted = self.reading.text_bytes == 0;
        for item in response.get("output").into_iter().flat_map(Json::items) {
            let bytes = self.item(item);
            if uncounted {
                self.count(bytes);
            }
        }
        self.reading.finish = status::read(response, self.calls, self.refused);
    }

    /// Notes what an item is; gives the bytes it says.
    fn item(&mut self, item: Json<'_>) -> u64 {
        let kind = item.get("type").and_then(Json::as_str).unwrap_or_default();
        let list = |name: &str| item.get(name).into_iter().flat_map(Json::items);
        match &*kind {
            "message" => {
                self.refused |= list("content").any(|part| part.get("refusal").is_some_and(|text| length(text) > 0));
                list("content").map(|part| said(part, "text") + said(part, "refusal")).sum()
            }
            "reasoning" => list("summary").chain(list("content")).map(|part| said(part, "text")).sum(),
            "function_call" => {
                self.calls = true;
                said(item, "arguments")
            }
            "custom_tool_call" => said(item, "input"),
            _ => 0,
        }
    }

    /// An item that begins: a call tells its tool, a tool of the provider's is at work.
    fn added(&mut self, item: Json<'_>) -> Seen {
        let kind = item.get("type").and_then(Json::as_str).unwrap_or_default();
        self.calls |= kind == "function_call";
        match &*kind {
            "message" | "reasoning" => Seen::Preamble,
            _ => Seen::Content,
        }
    }
}

/// Bytes of a string member's text.
fn said(object: Json<'_>, name: &str) -> u64 {
    object.get(name).map_or(0, length)
}

fn length(value: Json<'_>) -> u64 {
    value.as_str().map_or(0, |text| text.len() as u64)
}

impl Meter for ResponsesMeter {
    fn frame(&mut self, frame: &Frame) -> Seen {
        let text = frame.text();
        if text.is_empty() {
            return Seen::Preamble;
        }
        if text.trim() == "[DONE]" {
            return if self.reading.complete { Seen::End } else { Seen::Preamble };
        }
        let Ok(json) = Json::parse(text) else { return Seen::Preamble };
        let (mut kind, mut main) = (Cow::Borrowed(frame.name()), Json::NULL);
        for (key, value) in json.members() {
            match &*key {
                "type" => kind = value.as_str().unwrap_or(kind),
                "delta" | "item" | "response" => main = value,
                _ => {}
            }
        }
        if let Some(event) = kind.strip_suffix(".delta") {
            self.refused |= event == "response.refusal";
            return self.count(length(main));
        }
        match &*kind {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.head(main);
                Seen::Preamble
            }
            "response.output_item.added" => self.added(main),
            "response.output_item.done" => {
                let uncounted = self.reading.text_bytes == 0;
                let bytes = self.item(main);
                if uncounted {
                    self.count(bytes);
                }
                Seen::Content
            }
            "response.completed" | "response.incomplete" => {
                self.done(main);
                self.reading.complete = self.reading.fault.is_none();
                Seen::End
            }
            "response.failed" => {
                self.done(main);
                let unnamed = || UpstreamFault::new(Outcome::ServerError, 200, "The response failed.");
                self.fail(fault::inside(main).unwrap_or_else(unnamed))
            }
            "error" => self.fail(fault::of_event(text)),
            "" | "response" => match fault::inside(json) {
                Some(fault) => self.fail(fault),
                None => Seen::Preamble,
            },
            _ => Seen::Preamble,
        }
    }

    fn whole(&mut self, body: Json<'_>) {
        self.done(body);
        let missing = body.get("output").is_none_or(|output| output.kind() != Kind::Array);
        let missing = missing.then(|| UpstreamFault::new(Outcome::BadAnswer, 200, "The answer has no `output`."));
        match fault::inside(body).or(missing) {
            Some(fault) => {
                self.fail(fault);
            }
            None => self.reading.complete = true,
        }
    }

    fn finish(&mut self) {
        // Only a terminal event makes a stream whole, and it was seen or not.
    }

    fn reading(&self) -> &Reading {
        &self.reading
    }

    fn take_reading(&mut self) -> Reading {
        std::mem::take(&mut self.reading)
    }
}

#[cfg(test)]
mod tests;
