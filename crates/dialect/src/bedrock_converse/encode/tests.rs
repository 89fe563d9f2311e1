#![allow(clippy::unwrap_used, clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;
use wire::eventstream::EventStreamFramer;
use wire::frame::Framer as _;

use crate::ir::finish::Reason;
use crate::ir::fold::unfold;
use crate::ir::part::ToolCall;
use crate::ir::response::{Choice, Response};
use crate::usage::Unit;

/// The messages of an answer, each its name and payload.
fn messages(events: &[Event]) -> Vec<(String, String)> {
    let mut encoder = ConverseEncoder::new(&Asked { id: "i".to_owned(), ..Asked::default() });
    let mut bytes = Vec::new();
    for event in events {
        encoder.push(event, &mut bytes);
    }
    let mut frames = Vec::new();
    EventStreamFramer::default().push(&Bytes::from(bytes), &mut frames).unwrap();
    frames.iter().map(|frame| (frame.name().to_owned(), frame.text().to_owned())).collect()
}

fn check(parts: Vec<Part>, expected: &[(&str, &str)]) {
    let choice = Choice { parts, finish: Some(Finish::new(Reason::Stop)) };
    let usage = Usage::default().with(Unit::Input, 1).with(Unit::Output, 2);
    let said = messages(&unfold(&Response { choices: vec![choice], usage, ..Response::default() }));
    let inner: Vec<(&str, &str)> =
        said.iter().map(|(name, payload)| (name.as_str(), payload.as_str())).skip(1).take(said.len() - 3).collect();
    assert_eq!(inner, expected);
    assert_eq!(said[0], ("messageStart".to_owned(), r#"{"role":"assistant"}"#.to_owned()));
    let last = &said[said.len() - 1];
    assert_eq!((&*last.0, &*last.1), ("metadata", r#"{"usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}"#));
}

#[test]
fn blocks_are_told_as_bedrock_tells_them() {
    check(
        vec![Part::text("a")],
        &[
            ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"a"}}"#),
            ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
        ],
    );
    let call = |arguments: &str| {
        Body::ToolCall(ToolCall { id: "t".into(), name: "n".into(), arguments: arguments.into(), proof: None }).into()
    };
    let start = r#"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"n"}}}"#;
    for (arguments, input) in [(r#"{"a":1}"#, r#"{\"a\":1}"#), ("", "{}"), ("[1]", r#"{\"arguments\":\"[1]\"}"#)] {
        let delta = format!(r#"{{"contentBlockIndex":0,"delta":{{"toolUse":{{"input":"{input}"}}}}}}"#);
        check(
            vec![call(arguments)],
            &[
                ("contentBlockStart", start),
                ("contentBlockDelta", &delta),
                ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
            ],
        );
    }
    // Nothing said is no block.
    check(vec![Part::text("")], &[]);
}

#[test]
fn a_fault_is_an_exception() {
    use crate::outcome::{Outcome, UpstreamFault};
    let start = Event::Start { id: String::new(), model: String::new(), created: None };
    let said = messages(&[start, Event::Fault(UpstreamFault::new(Outcome::RateLimited, 200, "Slow"))]);
    assert_eq!(said[1].0, "exception:throttlingException");
    assert!(said[1].1.contains("\"message\":\"Slow\""));
}
