#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;

use crate::ir::finish::Reason;
use crate::ir::fold::fold;
use crate::ir::response::Response;
use crate::usage::Unit;

fn frame(name: &str, data: &str) -> Frame {
    let bytes = |text: &str| Bytes::from(text.to_owned());
    Frame { event: Some(bytes(name)), data: Some(bytes(data)), raw: Bytes::new() }
}

fn events(frames: &[(&str, &str)], undo: Undo) -> (Vec<Event>, Vec<String>) {
    let mut decoder = ConverseDecoder::new(undo, &Target { model: "m", ..Target::default() });
    let mut out = Vec::new();
    for (name, data) in frames {
        decoder.push(&frame(name, data), &mut out);
    }
    decoder.finish(&mut out);
    (out, decoder.take_losses().iter().map(ToString::to_string).collect())
}

/// An answer of these frames between start and end.
fn answer(frames: &[(&str, &str)]) -> (Response, Vec<String>) {
    let all = [&[START][..], frames, &[STOP, METADATA]].concat();
    let (events, losses) = events(&all, Undo::default());
    (fold(events).unwrap(), losses)
}

const START: (&str, &str) = ("messageStart", r#"{"role":"assistant","p":"abc"}"#);
const STOP: (&str, &str) = ("messageStop", r#"{"stopReason":"end_turn"}"#);
const METADATA: (&str, &str) = ("metadata", r#"{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}"#);

fn delta(index: u64, delta: &str) -> (&'static str, String) {
    ("contentBlockDelta", format!(r#"{{"contentBlockIndex":{index},"delta":{delta}}}"#))
}

fn bodies(frames: &[(&'static str, String)]) -> Vec<Body> {
    let frames: Vec<(&str, &str)> = frames.iter().map(|(name, data)| (*name, data.as_str())).collect();
    answer(&frames).0.choices[0].parts.iter().map(|part| part.body.clone()).collect()
}

#[test]
fn text_begins_without_a_start() {
    let (response, losses) = answer(&[
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":""}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hel"}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"lo"}}"#),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
    ]);
    assert_eq!(response.choices[0].parts, [Part::text("Hello")]);
    assert_eq!(response.choices[0].finish.as_ref().map(|finish| finish.reason), Some(Reason::Stop));
    assert_eq!((response.usage.get(Unit::Input), response.usage.get(Unit::Output)), (Some(1), Some(2)));
    assert!(losses.is_empty());
}

#[test]
fn reasoning_ends_with_its_signature() {
    let parts = bodies(&[
        delta(0, r#"{"reasoningContent":{"text":"Hm"}}"#),
        delta(0, r#"{"reasoningContent":{"text":"."}}"#),
        delta(0, r#"{"reasoningContent":{"signature":"s1"}}"#),
        delta(0, r#"{"text":"A"}"#),
    ]);
    let Body::Reasoning(reasoning) = &parts[0] else { panic!("{parts:?}") };
    assert_eq!((&*reasoning.text, reasoning.proof.as_ref().map(|proof| &*proof.data)), ("Hm.", Some("s1")));
    // What says another thing in the same place is another block.
    assert_eq!(parts[1], Part::text("A").body);
    let parts = bodies(&[
        delta(0, r#"{"reasoningContent":{"redactedContent":"YQ=="}}"#),
        delta(0, r#"{"reasoningContent":{"redactedContent":"Yg=="}}"#),
    ]);
    let Body::Reasoning(Reasoning { proof: Some(proof), redacted: true, .. }) = &parts[0] else { panic!("{parts:?}") };
    assert_eq!(proof.data, "YWI=");
}

#[test]
fn calls_say_their_arguments_in_pieces() {
    let start = r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t1","name":"a","type":"tool_use"}}}"#;
    let (response, _) = answer(&[
        ("contentBlockStart", start),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"a\""}}}"#),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":":1}"}}}"#),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ("contentBlockStart", r#"{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t2","name":"b"}}}"#),
    ]);
    let calls: Vec<(&str, &str)> = response.choices[0]
        .parts
        .iter()
        .map(|part| match &part.body {
            Body::ToolCall(call) => (call.id.as_str(), call.arguments.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(calls, [("t1", r#"{"a":1}"#), ("t2", "{}")]);
    // The tool that stands for the answer's form is its text.
    let undo = Undo { format_tool: Some("a".to_owned()), ..Undo::default() };
    let stop = ("messageStop", r#"{"stopReason":"tool_use"}"#);
    let said = ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{}"}}}"#);
    let (events, _) = events(&[START, ("contentBlockStart", start), said, stop, METADATA], undo);
    let response = fold(events).unwrap();
    assert_eq!(response.choices[0].parts, [Part::text("{}")]);
    assert_eq!(response.choices[0].finish.as_ref().map(|finish| finish.reason), Some(Reason::Stop));
}

#[test]
fn what_runs_at_the_provider_comes_whole() {
    let parts = bodies(&[
        (
            "contentBlockStart",
            r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"n","type":"server_tool_use"}}}"#
                .to_owned(),
        ),
        delta(0, r#"{"toolUse":{"input":"{\"s\":1}"}}"#),
        (
            "contentBlockStart",
            r#"{"contentBlockIndex":1,"start":{"toolResult":{"toolUseId":"t","type":"x_result"}}}"#.to_owned(),
        ),
        delta(1, r#"{"toolResult":[{"json":{"a":1}}]}"#),
    ]);
    let raws: Vec<(&str, &str)> = parts
        .iter()
        .map(|body| match body {
            Body::Unknown { kind, raw, .. } => (kind.as_str(), raw.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        raws[0],
        ("server_tool_use", r#"{"toolUse":{"toolUseId":"t","name":"n","type":"server_tool_use","input":{"s":1}}}"#)
    );
    assert_eq!(
        raws[1],
        ("x_result", r#"{"toolResult":{"toolUseId":"t","type":"x_result","content":[{"json":{"a":1}}]}}"#)
    );
}

#[test]
fn streams_end_whole_or_not() {
    let outcome = |frames: &[(&str, &str)]| fold(events(frames, Undo::default()).0).map_err(|fault| fault.outcome);
    assert!(outcome(&[START, STOP]).unwrap().usage.is_empty());
    assert_eq!(outcome(&[START]).unwrap_err(), Outcome::Truncated);
    assert_eq!(outcome(&[]).unwrap_err(), Outcome::Truncated);
    assert_eq!(outcome(&[START, METADATA]).unwrap_err(), Outcome::Truncated);
    assert_eq!(outcome(&[STOP]).unwrap_err(), Outcome::BadAnswer);
    assert_eq!(outcome(&[START, START]).unwrap_err(), Outcome::BadAnswer);
    assert_eq!(
        outcome(&[START, STOP, ("contentBlockDelta", r#"{"delta":{"text":"a"}}"#)]).unwrap_err(),
        Outcome::BadAnswer
    );
    assert_eq!(outcome(&[START, ("contentBlockDelta", "no JSON")]).unwrap_err(), Outcome::BadAnswer);
    assert_eq!(
        outcome(&[START, ("exception:throttlingException", r#"{"message":"m"}"#)]).unwrap_err(),
        Outcome::RateLimited
    );
}
