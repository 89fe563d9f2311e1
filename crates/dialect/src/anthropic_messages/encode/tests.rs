#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::id::DialectId;
use crate::ir::finish::Reason;
use crate::ir::part::{Opaque, Origin};
use crate::outcome::{Outcome, UpstreamFault};
use crate::usage::Unit;
use wire::json::Json;

fn start() -> Event {
    Event::Start { id: String::new(), model: "m".to_owned(), created: Some(1) }
}

fn open(part: u32, kind: Open) -> Event {
    Event::Open { choice: 0, part, kind }
}

fn tool(part: u32, name: &str) -> Event {
    open(part, Open::ToolCall { id: format!("t{part}"), name: name.to_owned(), proof: None })
}

fn gives(part: u32, delta: Delta) -> Event {
    Event::Delta { part, delta }
}

fn text(part: u32, text: &str) -> Event {
    gives(part, Delta::Text(text.to_owned()))
}

/// The data of the frames, whose names must be their types.
fn frames(events: &[Event]) -> (Vec<String>, Vec<String>) {
    let asked = Asked { id: "req-1".to_owned(), ..Asked::default() };
    let mut encoder = MessagesEncoder::new(&asked);
    let mut out = Vec::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    let out = String::from_utf8(out).unwrap();
    let frames = out.split_terminator("\n\n").map(|frame| {
        let (name, data) = frame.split_once("\ndata: ").unwrap();
        let json = Json::parse(data).unwrap();
        assert!(json.get("type").unwrap().is(name.strip_prefix("event: ").unwrap()));
        data.to_owned()
    });
    (frames.collect(), encoder.take_losses().iter().map(ToString::to_string).collect())
}

const START: &str = r#"{"type":"message_start","message":{"id":"req-1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

#[test]
fn a_plain_answer() {
    let usage = Usage::default().with(Unit::Input, 3).with(Unit::CacheRead, 2).with(Unit::Output, 4);
    let events = [
        start(),
        open(0, Open::Text),
        text(0, ""),
        Event::Close { part: 0 },
        open(1, Open::Text),
        text(1, "hi"),
        Event::Close { part: 1 },
        Event::Finish { choice: 0, finish: Finish::new(Reason::Length) },
        Event::Usage(usage),
        Event::End,
    ];
    let (frames, losses) = frames(&events);
    assert_eq!(
        frames,
        [
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}"#,
            r#"{"type":"content_block_stop","index":0}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"input_tokens":3,"cache_read_input_tokens":2,"output_tokens":4}}"#,
            STOP
        ]
    );
    assert!(losses.is_empty());
}

#[test]
fn blocks_never_interleave() {
    let arguments = |part, text: &str| gives(part, Delta::Arguments(text.to_owned()));
    let events = [
        start(),
        tool(0, "a"),
        arguments(0, "{"),
        tool(1, "b"),
        arguments(1, "[1"),
        open(2, Open::Text),
        text(2, "x"),
        arguments(0, "}"),
        arguments(1, "]"),
        Event::Close { part: 1 },
        Event::Close { part: 0 },
        text(2, "y"),
        Event::Close { part: 2 },
        Event::Finish { choice: 0, finish: Finish::new(Reason::Stop) },
        Event::End,
    ];
    let (frames, _) = frames(&events);
    let short: Vec<&str> = frames[1..frames.len() - 2]
        .iter()
        .map(|frame| frame.strip_prefix(r#"{"type":"content_block_"#).unwrap())
        .collect();
    assert_eq!(
        short,
        [
            r#"start","index":0,"content_block":{"type":"tool_use","id":"t0","name":"a","input":{}}}"#,
            r#"delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}"#,
            r#"delta","index":0,"delta":{"type":"input_json_delta","partial_json":"}"}}"#,
            r#"stop","index":0}"#,
            r#"start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"b","input":{}}}"#,
            r#"delta","index":1,"delta":{"type":"input_json_delta","partial_json":"[1"}}"#,
            r#"delta","index":1,"delta":{"type":"input_json_delta","partial_json":"]"}}"#,
            r#"stop","index":1}"#,
            r#"start","index":2,"content_block":{"type":"text","text":""}}"#,
            r#"delta","index":2,"delta":{"type":"text_delta","text":"x"}}"#,
            r#"delta","index":2,"delta":{"type":"text_delta","text":"y"}}"#,
            r#"stop","index":2}"#,
        ]
    );
    assert!(frames[frames.len() - 2].contains(r#""stop_reason":"tool_use""#));
}

#[test]
fn reasoning_keeps_only_its_own_proof() {
    let proof = |dialect| {
        let origin = Origin { dialect, model: "m".to_owned() };
        Delta::Proof(Opaque { origin, data: "sig".to_owned() })
    };
    let mut events = vec![start()];
    for (part, dialect) in [(0, DialectId::AnthropicMessages), (1, DialectId::OpenAiChat)] {
        events.push(open(part, Open::Reasoning));
        events.push(gives(part, Delta::Reasoning("hm".to_owned())));
        events.push(gives(part, proof(dialect)));
        events.push(Event::Close { part });
    }
    events.push(Event::End);
    let (frames, losses) = frames(&events);
    assert_eq!(
        frames[1],
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#
    );
    let signatures: Vec<&String> = frames.iter().filter(|frame| frame.contains("signature_delta")).collect();
    assert_eq!(
        signatures,
        [r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig"}}"#]
    );
    assert_eq!(losses, ["dropped reasoning signature at content[1]"]);
}

#[test]
fn refusals_whole_parts_and_other_choices() {
    let unknown = |dialect| {
        let raw = r#"{"type":"server_tool_use","id":"s"}"#.into();
        Open::Whole(Box::new(Body::Unknown { dialect, kind: "server_tool_use".to_owned(), raw }.into()))
    };
    let events = [
        start(),
        Event::Open { choice: 1, part: 0, kind: Open::Text },
        text(0, "other"),
        Event::Close { part: 0 },
        open(1, unknown(DialectId::AnthropicMessages)),
        Event::Close { part: 1 },
        open(2, unknown(DialectId::OpenAiChat)),
        Event::Close { part: 2 },
        open(3, Open::Refusal),
        gives(3, Delta::Refusal("no".to_owned())),
        Event::Close { part: 3 },
        Event::Finish { choice: 0, finish: Finish::new(Reason::Stop) },
        Event::End,
    ];
    let (frames, losses) = frames(&events);
    assert_eq!(
        frames[1],
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s"}}"#
    );
    assert_eq!(frames[4], r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"no"}}"#);
    assert!(frames[6].contains(r#""stop_reason":"refusal""#));
    assert_eq!(
        losses,
        [
            "dropped choices at choices[1]",
            "dropped server_tool_use at content[1]",
            "approximated refusal at content[2]"
        ]
    );
}

#[test]
fn a_fault_ends_the_stream_without_its_marker() {
    let fault = UpstreamFault::new(Outcome::Overloaded, 529, "full");
    let events = [start(), open(0, Open::Text), text(0, "hi"), Event::Fault(fault), Event::End];
    let (frames, _) = frames(&events);
    let last = frames.last().unwrap();
    assert!(
        last.starts_with(r#"{"type":"error","error":{"type":"overloaded_error","message":"full","tollgate":"#),
        "{last}"
    );
    assert!(!frames.iter().any(|frame| frame == STOP));
}
