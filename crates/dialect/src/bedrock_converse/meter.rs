//! Watches an answer of this dialect and cannot alter it: usage, finish, whether it is whole.

use wire::frame::Frame;
use wire::json::{Index, Json};

use super::{fault, stop, usage};
use crate::stream::{Meter, Reading, Seen};
use crate::weigh::{length, weight};

/// The meter.
#[derive(Debug, Default)]
pub(super) struct ConverseMeter {
    reading: Reading,
    index: Index,
}

impl ConverseMeter {
    fn count(&mut self, bytes: usize) -> Seen {
        self.reading.text_bytes = self.reading.text_bytes.saturating_add(bytes as u64);
        if bytes > 0 { Seen::Content } else { Seen::Preamble }
    }

    fn delta(&mut self, delta: Json<'_>) -> Seen {
        let mut bytes = 0;
        for (key, value) in delta.members() {
            bytes += match &*key {
                "text" => length(value),
                "toolUse" => value.get("input").map_or(0, length),
                "reasoningContent" => value.get("text").map_or(0, length),
                "toolResult" => weight(value),
                _ => 0,
            };
        }
        self.count(bytes)
    }

    fn read(&mut self, name: &str, json: Json<'_>) -> Seen {
        match name {
            "contentBlockDelta" => self.delta(json.get("delta").unwrap_or(Json::NULL)),
            "contentBlockStart" => Seen::Content,
            "messageStop" => {
                self.reading.finish = stop::read(json);
                self.reading.complete = true;
                Seen::Preamble
            }
            "metadata" => {
                let usage = usage::read(json);
                if !usage.is_empty() {
                    self.reading.usage = usage;
                }
                if self.reading.complete { Seen::End } else { Seen::Preamble }
            }
            "messageStart" | "contentBlockStop" => Seen::Preamble,
            _ => match fault::inside(json) {
                Some(fault) => {
                    self.reading.fault = Some(fault);
                    Seen::Fault
                }
                None => Seen::Preamble,
            },
        }
    }
}

impl Meter for ConverseMeter {
    fn frame(&mut self, frame: &Frame) -> Seen {
        if let Some(kind) = frame.name().strip_prefix("exception:") {
            self.reading.fault = Some(fault::exception(kind, frame.text()));
            return Seen::Fault;
        }
        let text = frame.text();
        if text.is_empty() {
            return Seen::Preamble;
        }
        let mut index = std::mem::take(&mut self.index);
        let seen = match index.read(text) {
            Ok(json) => self.read(frame.name(), json),
            Err(_) => Seen::Preamble,
        };
        self.index = index;
        seen
    }

    fn whole(&mut self, body: Json<'_>) {
        if let Some(fault) = fault::inside(body) {
            self.reading.fault = Some(fault);
            return;
        }
        self.reading.usage = usage::read(body);
        self.reading.finish = stop::read(body);
        let Some(content) = body.at(&["output", "message", "content"]) else { return };
        self.reading.complete = true;
        for block in content.items() {
            for (key, value) in block.members() {
                let bytes = match &*key {
                    "text" => length(value),
                    "toolUse" => value.get("input").map_or(0, weight),
                    "reasoningContent" => value.at(&["reasoningText", "text"]).map_or(0, length),
                    "citationsContent" => {
                        let pieces = value.get("content").unwrap_or(Json::NULL).items();
                        pieces.filter_map(|piece| piece.get("text")).map(length).sum()
                    }
                    _ => 0,
                };
                self.count(bytes);
            }
        }
    }

    fn finish(&mut self) {
        // Only `messageStop` makes a stream whole, and it was seen or not.
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
