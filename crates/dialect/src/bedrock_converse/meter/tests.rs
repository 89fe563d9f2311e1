#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;

use crate::outcome::Outcome;
use crate::usage::{Source, Unit};

fn frame(name: &str, data: &str) -> Frame {
    let bytes = |text: &str| Bytes::from(text.to_owned());
    Frame { event: Some(bytes(name)), data: Some(bytes(data)), raw: Bytes::new() }
}

#[test]
fn a_stream_is_watched_to_its_metadata() {
    let mut meter = ConverseMeter::default();
    for (name, data, seen) in [
        ("messageStart", r#"{"role":"assistant"}"#, Seen::Preamble),
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#, Seen::Content),
        (
            "contentBlockDelta",
            r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"s"}}}"#,
            Seen::Preamble,
        ),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#, Seen::Preamble),
        ("contentBlockStart", r#"{"start":{"toolUse":{"name":"n"}}}"#, Seen::Content),
        ("contentBlockDelta", r#"{"delta":{"toolUse":{"input":"{}"}}}"#, Seen::Content),
        ("messageStop", r#"{"stopReason":"tool_use"}"#, Seen::Preamble),
        ("later-addition", "{}", Seen::Preamble),
        ("metadata", r#"{"usage":{"inputTokens":3,"outputTokens":4}}"#, Seen::End),
    ] {
        assert_eq!(meter.frame(&frame(name, data)), seen, "{name} {data}");
    }
    meter.finish();
    let reading = meter.take_reading();
    assert_eq!((reading.complete, reading.text_bytes), (true, 4));
    assert_eq!((reading.usage.get(Unit::Input), reading.usage.source), (Some(3), Source::Reported));
}

#[test]
fn what_failed_is_told() {
    let mut meter = ConverseMeter::default();
    assert_eq!(meter.frame(&frame("exception:validationException", r#"{"message":"No"}"#)), Seen::Fault);
    assert_eq!(meter.reading().fault.as_ref().map(|fault| fault.outcome), Some(Outcome::InvalidRequest));
    let mut meter = ConverseMeter::default();
    meter.whole(Json::parse(r#"{"message":"No"}"#).unwrap());
    assert!(meter.reading().fault.is_some() && !meter.reading().complete);
}

#[test]
fn a_whole_answer_is_weighed() {
    let mut meter = ConverseMeter::default();
    let body = r#"{"output":{"message":{"content":[{"text":"Hi"},{"toolUse":{"input":{"a":"bc"}}},
        {"reasoningContent":{"reasoningText":{"text":"Hm","signature":"s"}}},
        {"citationsContent":{"content":[{"text":"x"}],"citations":[]}}]}},"stopReason":"tool_use",
        "usage":{"inputTokens":1,"outputTokens":1}}"#;
    meter.whole(Json::parse(body).unwrap());
    assert_eq!((meter.reading().complete, meter.reading().text_bytes), (true, 8));
}
