#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use wire::json::Json;

use crate::outcome::{Outcome, UpstreamFault};
use crate::usage::Unit;

/// The frames of events: kind and what is told of it, one a line.
fn written(events: &[Event]) -> (Vec<String>, String) {
    let asked = Asked { now: 9, id: "tg-ab".into(), model: "asked".into(), ..Asked::default() };
    let mut encoder = ResponsesEncoder::new(&asked);
    let mut out = Vec::new();
    for event in events {
        encoder.push(event, &mut out);
        assert!(out.is_empty() || out.ends_with(b"\n\n"), "whole frames only");
    }
    let text = String::from_utf8(out).unwrap();
    let mut lines = Vec::new();
    let mut last = String::new();
    for (number, frame) in text.split_terminator("\n\n").enumerate() {
        let (name, data) = frame.strip_prefix("event: ").and_then(|frame| frame.split_once("\ndata: ")).unwrap();
        let json = Json::parse(data).unwrap();
        assert!(json.get("type").unwrap().is(name), "type and event agree");
        assert_eq!(json.get("sequence_number").unwrap().as_u64(), Some(number as u64));
        let short =
            |name: &str| json.get(name).map_or(String::new(), |value| format!(" {}", value.raw().trim_matches('"')));
        let id =
            json.at(&["item", "id"]).map_or_else(|| short("item_id"), |id| format!(" {}", id.raw().trim_matches('"')));
        let kind = name.trim_start_matches("response.");
        lines.push(format!(
            "{kind}{}{id}{}{}{}",
            short("output_index"),
            short("content_index"),
            short("delta"),
            short("text")
        ));
        last = data.to_owned();
    }
    (lines, last)
}

fn open(part: u32, kind: Open) -> Event {
    Event::Open { choice: 0, part, kind }
}

fn text(part: u32, text: &str) -> Event {
    Event::Delta { part, delta: Delta::Text(text.into()) }
}

fn start() -> Event {
    Event::Start { id: "r".into(), model: "m".into(), created: Some(5) }
}

#[test]
fn items_interleave_under_one_id_each() {
    let call = Open::ToolCall { id: "c".into(), name: "f".into(), proof: None };
    let (lines, last) = written(&[
        start(),
        open(0, Open::Text),
        text(0, "a"),
        open(1, call),
        text(0, "b"),
        Event::Delta { part: 1, delta: Delta::Arguments("{}".into()) },
        Event::Close { part: 0 },
        Event::Close { part: 1 },
        Event::Finish { choice: 0, finish: Finish::new(Reason::ToolUse) },
        Event::Usage(Usage::default().with(Unit::Input, 3).with(Unit::Output, 2)),
        Event::End,
    ]);
    assert_eq!(
        lines,
        [
            "created",
            "in_progress",
            "output_item.added 0 msg_ab000",
            "content_part.added 0 msg_ab000 0",
            "output_text.delta 0 msg_ab000 0 a",
            "output_item.added 1 fc_ab001",
            "output_text.delta 0 msg_ab000 0 b",
            "function_call_arguments.delta 1 fc_ab001 {}",
            "output_text.done 0 msg_ab000 0 ab",
            "content_part.done 0 msg_ab000 0",
            "output_item.done 0 msg_ab000",
            "function_call_arguments.done 1 fc_ab001",
            "output_item.done 1 fc_ab001",
            "completed",
        ]
    );
    let json = Json::parse(&last).unwrap();
    assert_eq!(json.at(&["response", "output"]).unwrap().items().count(), 2);
    assert_eq!(json.at(&["response", "usage", "total_tokens"]).unwrap().as_u64(), Some(5));
    assert!(json.at(&["response", "id"]).unwrap().is("r"));
}

#[test]
fn reasoning_has_its_summary_and_text_goes_on_in_one_message() {
    let (lines, _) = written(&[
        start(),
        open(0, Open::Reasoning),
        Event::Delta { part: 0, delta: Delta::Reasoning("hm".into()) },
        Event::Close { part: 0 },
        open(1, Open::Text),
        text(1, "a"),
        Event::Close { part: 1 },
        open(2, Open::Text),
        text(2, "b"),
        Event::Close { part: 2 },
        Event::Finish { choice: 0, finish: Finish::new(Reason::Length) },
        Event::End,
    ]);
    assert_eq!(
        lines[2..],
        [
            "output_item.added 0 rs_ab000",
            "reasoning_summary_part.added 0 rs_ab000",
            "reasoning_summary_text.delta 0 rs_ab000 hm",
            "reasoning_summary_text.done 0 rs_ab000 hm",
            "reasoning_summary_part.done 0 rs_ab000",
            "output_item.done 0 rs_ab000",
            "output_item.added 1 msg_ab001",
            "content_part.added 1 msg_ab001 0",
            "output_text.delta 1 msg_ab001 0 a",
            "output_text.done 1 msg_ab001 0 a",
            "content_part.done 1 msg_ab001 0",
            "content_part.added 1 msg_ab001 1",
            "output_text.delta 1 msg_ab001 1 b",
            "output_text.done 1 msg_ab001 1 b",
            "content_part.done 1 msg_ab001 1",
            "output_item.done 1 msg_ab001",
            "incomplete",
        ]
    );
}

#[test]
fn a_fault_says_nothing_here() {
    let fault = UpstreamFault::new(Outcome::ServerError, 200, "m");
    let (lines, _) = written(&[start(), Event::Fault(fault), Event::End]);
    assert_eq!(lines, ["created", "in_progress"]);
}
