#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::id::DialectId;
use crate::ir::finish::Reason;
use crate::ir::part::{Opaque, Origin};
use crate::outcome::{Outcome, UpstreamFault};
use crate::usage::Unit;

fn written(events: &[Event], include_usage: bool) -> (String, Vec<Loss>) {
    let asked = Asked { include_usage, now: 9, id: "own".into(), model: "asked".into(), ..Asked::default() };
    let mut encoder = ChatEncoder::new(&asked);
    let mut out = Vec::new();
    for event in events {
        encoder.push(event, &mut out);
        assert!(out.is_empty() || out.ends_with(b"\n\n"), "whole frames only");
    }
    (String::from_utf8(out).unwrap(), encoder.take_losses())
}

/// The frames that say these choices, with the head that all of them have.
fn frames(choices: &[&str], tail: &str) -> String {
    let head = r#"{"id":"own","object":"chat.completion.chunk","created":9,"model":"asked","choices":["#;
    choices.iter().map(|choice| format!("data: {head}{choice}]{tail}}}\n\n")).collect()
}

fn delta(choice: u32, delta: &str) -> String {
    format!(r#"{{"index":{choice},"delta":{delta},"logprobs":null,"finish_reason":null}}"#)
}

fn open(choice: u32, part: u32, kind: Open) -> Event {
    Event::Open { choice, part, kind }
}

fn call(id: &str) -> Open {
    Open::ToolCall { id: id.into(), name: "f".into(), proof: None }
}

fn start() -> Event {
    Event::Start { id: String::new(), model: String::new(), created: None }
}

fn finish(choice: u32, reason: Reason) -> Event {
    Event::Finish { choice, finish: Finish::new(reason) }
}

#[test]
fn calls_are_numbered_among_themselves_and_usage_comes_when_asked() {
    let proof =
        Opaque { origin: Origin { dialect: DialectId::AnthropicMessages, model: "c".into() }, data: "S".into() };
    let events = [
        start(),
        open(0, 0, Open::Reasoning),
        Event::Delta { part: 0, delta: Delta::Reasoning("r".into()) },
        Event::Delta { part: 0, delta: Delta::Proof(proof) },
        Event::Close { part: 0 },
        open(0, 1, Open::Text),
        Event::Delta { part: 1, delta: Delta::Text("t".into()) },
        Event::Delta { part: 1, delta: Delta::Text(String::new()) },
        open(0, 2, call("a")),
        open(1, 3, call("b")),
        open(0, 4, call("c")),
        Event::Delta { part: 2, delta: Delta::Arguments("{}".into()) },
        Event::Delta { part: 4, delta: Delta::Arguments("[]".into()) },
        finish(0, Reason::ToolUse),
        Event::Usage(Usage::default().with(Unit::Input, 3).with(Unit::Output, 2)),
        Event::End,
        Event::End,
    ];
    let begun = |index: u32, id: &str| {
        format!(
            r#"{{"tool_calls":[{{"index":{index},"id":"{id}","type":"function","function":{{"name":"f","arguments":""}}}}]}}"#
        )
    };
    let role = r#"{"role":"assistant","content":""}"#;
    let detail = r#"{"reasoning_details":[{"type":"reasoning.text","signature":"S","format":"anthropic-claude-v1","span":[0,1],"index":0,"origin":"c"}]}"#;
    let ended =
        |choice: u32| format!(r#"{{"index":{choice},"delta":{{}},"logprobs":null,"finish_reason":"tool_calls"}}"#);
    let expected = [
        delta(0, role),
        delta(0, r#"{"reasoning_content":"r"}"#),
        delta(0, detail),
        delta(0, r#"{"content":"t"}"#),
        delta(0, &begun(0, "a")),
        delta(1, role),
        delta(1, &begun(0, "b")),
        delta(0, &begun(1, "c")),
        delta(0, r#"{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"#),
        delta(0, r#"{"tool_calls":[{"index":1,"function":{"arguments":"[]"}}]}"#),
        ended(0),
        ended(1),
    ];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let usage = r#","usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}"#;
    let (plain, losses) = written(&events, false);
    assert_eq!(plain, frames(&expected, "") + "data: [DONE]\n\n");
    assert_eq!(losses, [Loss::approximated("finish_reason", "choices[1].finish_reason")], "choice 1 said no end");
    let (asked, _) = written(&events, true);
    assert_eq!(asked, frames(&expected, r#","usage":null"#) + &frames(&[""], usage) + "data: [DONE]\n\n");
}

#[test]
fn a_fault_writes_nothing_and_ends_all() {
    let fault = Event::Fault(UpstreamFault::new(Outcome::Overloaded, 200, "busy"));
    let (text, _) = written(&[start(), fault, Event::End], true);
    assert_eq!(text, frames(&[&delta(0, r#"{"role":"assistant","content":""}"#)], r#","usage":null"#));
}

#[test]
fn what_has_no_place_is_named() {
    let unknown =
        Body::Unknown { dialect: DialectId::AnthropicMessages, kind: "server_tool_use".into(), raw: "{}".into() };
    let events = [
        start(),
        open(0, 0, Open::Whole(Box::new(unknown.into()))),
        Event::Close { part: 0 },
        open(0, 1, Open::Text),
        open(0, 2, Open::Text),
        finish(0, Reason::Pause),
        Event::End,
    ];
    let (text, losses) = written(&events, false);
    assert!(text.contains(r#""finish_reason":"stop""#), "no call was written: {text}");
    let expected = [
        Loss::dropped("server_tool_use", "choices[0].content[0]"),
        Loss::approximated("content", "choices[0].content[1]"),
        Loss::approximated("content", "choices[0].content[2]"),
        Loss::approximated("finish_reason", "choices[0].finish_reason"),
    ];
    assert_eq!(losses, expected);
}
