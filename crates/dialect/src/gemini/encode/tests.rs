#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::finish::Reason;
use crate::outcome::{Outcome, UpstreamFault};

fn chunks(events: &[Event]) -> Vec<String> {
    let mut encoder = GeminiEncoder::new(&Asked { id: "made".into(), model: "asked".into(), ..Asked::default() });
    let mut out = Vec::new();
    events.iter().for_each(|event| encoder.push(event, &mut out));
    let text = String::from_utf8(out).expect("text");
    text.split_terminator("\r\n\r\n").map(|frame| frame.strip_prefix("data: ").expect("a frame").to_owned()).collect()
}

fn start() -> Event {
    Event::Start { id: String::new(), model: "m".into(), created: None }
}

#[test]
fn parts_one_at_a_time_and_calls_whole() {
    let call = Open::ToolCall { id: "c".into(), name: "f".into(), proof: None };
    let say = |text: &str| Event::Delta { part: 0, delta: Delta::Text(text.into()) };
    let argue = |text: &str| Event::Delta { part: 1, delta: Delta::Arguments(text.into()) };
    let finish = Event::Finish { choice: 0, finish: Finish::new(Reason::ToolUse) };
    let chunks = chunks(&[
        start(),
        Event::Open { choice: 0, part: 0, kind: Open::Text },
        say("a"),
        Event::Open { choice: 0, part: 1, kind: call },
        argue("{\"x\""),
        say("b"),
        argue(":1}"),
        Event::Close { part: 1 },
        Event::Close { part: 0 },
        finish,
        Event::End,
    ]);
    let part = |part: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{"parts":[{part}],"role":"model"}},"index":0}}],"modelVersion":"m","responseId":"made"}}"#
        )
    };
    let expected = [
        part(r#"{"text":"a"}"#),
        part(r#"{"text":"b"}"#),
        part(r#"{"functionCall":{"id":"c","name":"f","args":{"x":1}}}"#),
    ];
    assert_eq!(chunks.get(..3).expect("three"), expected);
    assert!(chunks.last().is_some_and(|last| last.contains(r#""finishReason":"STOP""#)));
}

#[test]
fn a_failure_ends_the_stream_without_a_finish() {
    let fault = Event::Fault(UpstreamFault::new(Outcome::Overloaded, 200, "no room"));
    let chunks = chunks(&[start(), fault, Event::End]);
    assert_eq!(chunks.len(), 1);
    assert!(
        chunks.first().is_some_and(
            |chunk| chunk.starts_with(r#"{"error":{"code":503,"message":"no room","status":"UNAVAILABLE""#)
        )
    );
}

#[test]
fn line_breaks_of_arguments_do_not_end_a_line() {
    let call = Open::ToolCall { id: "c".into(), name: "f".into(), proof: None };
    let chunks = chunks(&[
        start(),
        Event::Open { choice: 0, part: 0, kind: call },
        Event::Delta { part: 0, delta: Delta::Arguments("{\n  \"x\": \"a\\nb\"\r\n}".into()) },
        Event::Close { part: 0 },
        Event::End,
    ]);
    assert!(chunks[0].contains(r#""args":{   "x": "a\nb"  }"#), "{}", chunks[0]);
}
