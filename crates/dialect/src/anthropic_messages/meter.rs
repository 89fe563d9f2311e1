//! Watches an answer of this dialect and cannot alter it: usage, finish, whether it is whole.

use std::borrow::Cow;

use wire::frame::Frame;
use wire::json::{Index, Json};

use super::usage::Tokens;
use super::{fault, stop};
use crate::alike::Alike;
use crate::members::word;
use crate::stream::{Meter, Reading, Seen};
use crate::usage::Source;
use crate::weigh::{length, weight};

/// The meter.
#[derive(Debug, Default)]
pub(super) struct MessagesMeter {
    tokens: Tokens,
    reading: Reading,
    index: Index,
    alike: Alike,
}

impl MessagesMeter {
    fn count(&mut self, bytes: usize) -> Seen {
        self.reading.text_bytes = self.reading.text_bytes.saturating_add(bytes as u64);
        if bytes > 0 { Seen::Content } else { Seen::Preamble }
    }

    /// Id, model and the first usage.
    fn start(&mut self, message: Json<'_>) {
        for (key, value) in message.members() {
            match &*key {
                "id" => self.reading.id = word(value),
                "model" => self.reading.model = word(value),
                "usage" => self.tokens.take(value),
                _ => {}
            }
        }
    }

    fn opened(&mut self, block: Json<'_>) -> Seen {
        let kind = block.get("type").and_then(Json::as_str).unwrap_or_default();
        match &*kind {
            "text" | "thinking" => self.count(block.get(&kind).map_or(0, length)),
            _ => Seen::Content,
        }
    }

    /// Looks at a delta; `data` is the frame's where that alone tells what it is.
    fn delta(&mut self, delta: Json<'_>, data: &[u8]) -> Seen {
        let mut bytes = 0;
        let mut only = None;
        let mut strings = 0;
        for (key, value) in delta.members() {
            if matches!(&*key, "text" | "thinking" | "partial_json" | "content") {
                bytes += length(value);
                strings += 1;
                only = Some(value);
            }
        }
        if let (1, Some(string)) = (strings, only) {
            self.alike.learn(data, string);
        }
        self.count(bytes)
    }

    fn read(&mut self, frame: &Frame, json: Json<'_>) -> Seen {
        let (mut kind, mut main) = (Cow::Borrowed(frame.name()), None);
        let mut usage = None;
        let mut typed = false;
        for (key, value) in json.members() {
            match &*key {
                "type" => {
                    typed = true;
                    kind = value.as_str().unwrap_or(kind);
                }
                "delta" | "content_block" | "message" => main = Some(value),
                "usage" => usage = Some(value),
                _ => {}
            }
        }
        let main = main.unwrap_or(Json::NULL);
        match &*kind {
            "content_block_delta" => self.delta(main, if typed { frame.text().as_bytes() } else { &[] }),
            "content_block_start" => self.opened(main),
            "message_start" => {
                self.start(main);
                self.reading.usage = self.tokens.usage(Source::Partial);
                Seen::Preamble
            }
            "message_delta" => {
                if let Some(finish) = stop::read(main) {
                    self.reading.finish = Some(finish);
                }
                if let Some(usage) = usage {
                    self.tokens.take(usage);
                    self.reading.usage = self.tokens.usage(Source::Reported);
                }
                Seen::Preamble
            }
            "message_stop" => {
                self.reading.complete = true;
                Seen::End
            }
            "ping" | "content_block_stop" => Seen::Preamble,
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

impl Meter for MessagesMeter {
    fn frame(&mut self, frame: &Frame) -> Seen {
        let text = frame.text();
        if text.is_empty() || frame.name() == "ping" {
            return Seen::Preamble;
        }
        let data = text.as_bytes();
        if let Some(bytes) = self.alike.said(data) {
            return self.count(bytes);
        }
        let mut index = std::mem::take(&mut self.index);
        let seen = match index.read(text) {
            Ok(json) => self.read(frame, json),
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
        self.start(body);
        self.reading.usage = self.tokens.usage(Source::Reported);
        self.reading.finish = stop::read(body);
        let Some(content) = body.get("content") else { return };
        self.reading.complete = true;
        for block in content.items() {
            for (key, value) in block.members() {
                let bytes = match &*key {
                    "text" | "thinking" => length(value),
                    "input" => weight(value),
                    _ => 0,
                };
                self.count(bytes);
            }
        }
    }

    fn finish(&mut self) {
        // Only `message_stop` makes a stream whole, and it was seen or not.
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
