//! Watches an answer of this dialect and cannot alter it: usage, finish, whether it is whole.

use wire::frame::Frame;
use wire::json::{Index, Json, Kind};

use super::{fault, finish, usage};
use crate::alike::Alike;
use crate::members::word;
use crate::stream::{Meter, Reading, Seen};
use crate::weigh::{length, weight};

/// The meter.
#[derive(Debug, Default)]
pub(super) struct CohereMeter {
    reading: Reading,
    /// `message-end` went by: nothing but `[DONE]` follows.
    ended: bool,
    index: Index,
    alike: Alike,
}

impl CohereMeter {
    fn count(&mut self, bytes: usize) -> Seen {
        self.reading.text_bytes = self.reading.text_bytes.saturating_add(bytes as u64);
        if bytes > 0 { Seen::Content } else { Seen::Preamble }
    }

    /// Counts the words of a delta, and learns their place.
    fn words(&mut self, holder: Json<'_>, names: &[&str], data: &[u8]) -> Seen {
        let said: Vec<Json<'_>> = names.iter().filter_map(|name| holder.get(name)).collect();
        if let [only] = said.as_slice() {
            self.alike.learn(data, *only);
        }
        self.count(said.into_iter().map(length).sum())
    }

    fn failed(&mut self, fault: crate::outcome::UpstreamFault) -> Seen {
        self.reading.fault = Some(fault);
        Seen::Fault
    }

    /// Finish and usage, which stand together.
    fn end(&mut self, end: Json<'_>) {
        if let Some(finish) = end.get("finish_reason").and_then(Json::as_str).and_then(|word| finish::read(&word)) {
            self.reading.finish = Some(finish);
        }
        if let Some(usage) = end.get("usage") {
            self.reading.usage = usage::read(usage);
        }
    }

    fn read(&mut self, event: Json<'_>, data: &[u8]) -> Seen {
        let kind = event.get("type").and_then(Json::as_str).unwrap_or_default();
        let delta = event.get("delta").unwrap_or(Json::NULL);
        let message = delta.get("message").unwrap_or(Json::NULL);
        let inner = |name: &str| message.get(name).unwrap_or(Json::NULL);
        match &*kind {
            "message-start" => {
                self.reading.id = event.get("id").and_then(word);
                Seen::Preamble
            }
            "content-start" | "content-delta" => {
                let data = if kind.ends_with("delta") { data } else { &[] };
                self.words(inner("content"), &["text", "thinking"], data)
            }
            "tool-plan-delta" => self.words(message, &["tool_plan"], data),
            "tool-call-start" => Seen::Content,
            "tool-call-delta" => {
                let function = inner("tool_calls").get("function").unwrap_or(Json::NULL);
                self.words(function, &["arguments"], data)
            }
            "message-end" => {
                if let Some(fault) = fault::of_end(delta) {
                    return self.failed(fault);
                }
                self.end(delta);
                self.ended = true;
                Seen::Preamble
            }
            "" => match fault::inside(event) {
                Some(fault) => self.failed(fault),
                None => Seen::Preamble,
            },
            _ => Seen::Preamble,
        }
    }
}

impl Meter for CohereMeter {
    fn frame(&mut self, frame: &Frame) -> Seen {
        let data = frame.text().trim();
        if data.is_empty() {
            return Seen::Preamble;
        }
        if data == "[DONE]" {
            self.reading.complete = self.ended;
            return if self.ended { Seen::End } else { Seen::Preamble };
        }
        if let Some(bytes) = self.alike.said(data.as_bytes()) {
            return self.count(bytes);
        }
        let mut index = std::mem::take(&mut self.index);
        let seen = match index.read(data) {
            Ok(event) => self.read(event, data.as_bytes()),
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
        self.reading.id = body.get("id").and_then(word);
        self.end(body);
        let Some(message) = body.get("message").filter(|message| message.kind() == Kind::Object) else { return };
        self.reading.complete = true;
        let content = message.get("content").unwrap_or(Json::NULL);
        let items = content.items().flat_map(|item| [item.get("text"), item.get("thinking")]).flatten();
        let calls = message.get("tool_calls").unwrap_or(Json::NULL).items();
        let arguments = calls.filter_map(|call| call.at(&["function", "arguments"])).map(weight);
        let plan = message.get("tool_plan").map_or(0, length);
        let bytes = items.map(length).chain(arguments).chain([plan, length(content)]).sum();
        self.count(bytes);
    }

    fn finish(&mut self) {
        self.reading.complete |= self.ended;
    }

    fn reading(&self) -> &Reading {
        &self.reading
    }

    fn take_reading(&mut self) -> Reading {
        std::mem::take(&mut self.reading)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use crate::ir::finish::Reason;
    use crate::usage::Unit;

    fn frame(data: &str) -> Frame {
        Frame { data: Some(data.as_bytes().to_vec().into()), ..Frame::default() }
    }

    #[test]
    fn a_stream_is_whole_by_its_end() {
        let mut meter = CohereMeter::default();
        let delta = |text: &str| {
            format!(r#"{{"type":"content-delta","index":0,"delta":{{"message":{{"content":{{"text":"{text}"}}}}}}}}"#)
        };
        let end = r#"{"type":"message-end","delta":{"finish_reason":"MAX_TOKENS","usage":{"billed_units":{"input_tokens":2,"output_tokens":3}}}}"#;
        let start = r#"{"type":"message-start","id":"i"}"#;
        let seen: Vec<Seen> = [start, &delta(""), &delta("ab"), &delta("c"), end, "[DONE]"]
            .into_iter()
            .map(|data| meter.frame(&frame(data)))
            .collect();
        use Seen::{Content, End, Preamble};
        assert_eq!(seen, [Preamble, Preamble, Content, Content, Preamble, End]);
        let reading = meter.take_reading();
        assert_eq!((reading.complete, reading.text_bytes, reading.id.as_deref()), (true, 3, Some("i")));
        assert_eq!(reading.usage.get(Unit::Output), Some(3));
        assert_eq!(reading.finish.map(|finish| finish.reason), Some(Reason::Length));
        let mut cut = CohereMeter::default();
        cut.frame(&frame(&delta("ab")));
        assert_eq!(cut.frame(&frame("[DONE]")), Preamble);
        cut.finish();
        assert!(!cut.reading().complete);
    }

    #[test]
    fn failures_are_seen() {
        let mut meter = CohereMeter::default();
        let end = r#"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"bad"}}"#;
        assert_eq!(meter.frame(&frame(end)), Seen::Fault);
        let mut whole = CohereMeter::default();
        whole.whole(Json::parse(r#"{"message":"no"}"#).expect("JSON"));
        assert!(whole.reading().fault.is_some() && !whole.reading().complete);
    }
}
