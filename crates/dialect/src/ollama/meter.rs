//! Watches an answer of this dialect and cannot alter it: usage, finish, whether it is whole. Reads those of
//! `/api/generate` too, which have `response` in place of a message.

use wire::frame::Frame;
use wire::json::{Index, Json, Kind};

use super::{fault, finish, usage};
use crate::members::word;
use crate::stream::{Meter, Reading, Seen};
use crate::weigh::{length, weight};

/// The meter.
#[derive(Debug, Default)]
pub(super) struct OllamaMeter {
    reading: Reading,
    calls: bool,
    index: Index,
}

impl OllamaMeter {
    fn line(&mut self, line: Json<'_>) -> Seen {
        if let Some(fault) = fault::inside(line) {
            self.reading.fault = Some(fault);
            return Seen::Fault;
        }
        if self.reading.model.is_none() {
            self.reading.model = line.get("model").and_then(word);
        }
        let message = line.get("message").unwrap_or(Json::NULL);
        let mut bytes = 0;
        for (holder, names) in [(message, &["content", "thinking"]), (line, &["response", "thinking"])] {
            bytes += names.iter().filter_map(|name| holder.get(name)).map(length).sum::<usize>();
        }
        let mut says = bytes > 0;
        for call in message.get("tool_calls").unwrap_or(Json::NULL).items() {
            bytes += call.at(&["function", "arguments"]).map_or(0, weight);
            says = true;
            self.calls = true;
        }
        says |= message.get("images").is_some_and(|images| images.items().next().is_some());
        self.reading.text_bytes = self.reading.text_bytes.saturating_add(bytes as u64);
        if line.get("done").and_then(Json::as_bool) != Some(true) {
            return if says { Seen::Content } else { Seen::Preamble };
        }
        let reason = line.get("done_reason").and_then(Json::as_str);
        self.reading.finish = Some(finish::read(reason.as_deref(), self.calls));
        self.reading.usage = usage::read(line);
        self.reading.complete = true;
        Seen::End
    }
}

impl Meter for OllamaMeter {
    fn frame(&mut self, frame: &Frame) -> Seen {
        let text = frame.text();
        if text.is_empty() {
            return Seen::Preamble;
        }
        let mut index = std::mem::take(&mut self.index);
        let seen = match index.read(text) {
            Ok(line) => self.line(line),
            Err(_) => Seen::Preamble,
        };
        self.index = index;
        seen
    }

    fn whole(&mut self, body: Json<'_>) {
        if body.kind() == Kind::Object {
            self.line(body);
        }
    }

    fn finish(&mut self) {
        // Only the line that says `done` makes a stream whole, and it was seen or not.
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

    fn seen(meter: &mut OllamaMeter, data: &str) -> Seen {
        meter.frame(&Frame { data: Some(data.as_bytes().to_vec().into()), ..Frame::default() })
    }

    #[test]
    fn a_stream_is_whole_by_its_last_line() {
        let mut meter = OllamaMeter::default();
        use Seen::{Content, End, Fault, Preamble};
        assert_eq!(
            seen(&mut meter, r#"{"model":"m","message":{"role":"assistant","content":""},"done":false}"#),
            Preamble
        );
        assert_eq!(seen(&mut meter, r#"{"message":{"content":"","thinking":"ab"},"done":false}"#), Content);
        let call = r#"{"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]},"done":false}"#;
        assert_eq!(seen(&mut meter, call), Content);
        let last =
            r#"{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":4}"#;
        assert_eq!(seen(&mut meter, last), End);
        let reading = meter.take_reading();
        assert_eq!((reading.complete, reading.text_bytes, reading.model.as_deref()), (true, 2, Some("m")));
        assert_eq!(reading.usage.get(Unit::Output), Some(4));
        assert_eq!(reading.finish.map(|finish| finish.reason), Some(Reason::ToolUse));
        let mut broken = OllamaMeter::default();
        assert_eq!(seen(&mut broken, r#"{"response":"a","done":false}"#), Content);
        assert_eq!(seen(&mut broken, r#"{"error":"gone"}"#), Fault);
        assert!(!broken.reading().complete);
    }
}
