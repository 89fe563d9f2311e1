#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;
use wire::frame::Framer as _;
use wire::sse::SseFramer;

use crate::ir::finish::Reason;
use crate::usage::Unit;

fn frames(stream: &str) -> Vec<Frame> {
    let (mut framer, mut frames) = (SseFramer::default(), Vec::new());
    framer.push(&Bytes::copy_from_slice(stream.as_bytes()), &mut frames).unwrap();
    framer.finish(&mut frames);
    frames
}

fn watched(events: &[&str]) -> (Vec<Seen>, Reading) {
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let mut meter = ResponsesMeter::default();
    let seen = frames(&stream).iter().map(|frame| meter.frame(frame)).collect();
    meter.finish();
    (seen, meter.take_reading())
}

fn check(event: &str, expected: Seen) {
    assert_eq!(watched(&[event]).0, [expected], "{event}");
}

#[test]
fn what_is_content() {
    check(r#"{"type":"response.created","response":{"id":"r"}}"#, Seen::Preamble);
    check(r#"{"type":"response.output_item.added","item":{"type":"message"}}"#, Seen::Preamble);
    check(r#"{"type":"response.output_item.added","item":{"type":"reasoning"}}"#, Seen::Preamble);
    check(r#"{"type":"response.output_item.added","item":{"type":"function_call","name":"f"}}"#, Seen::Content);
    check(r#"{"type":"response.output_item.added","item":{"type":"web_search_call"}}"#, Seen::Content);
    check(r#"{"type":"response.output_item.done","item":{"type":"reasoning","summary":[]}}"#, Seen::Content);
    check(r#"{"type":"response.output_text.delta","delta":""}"#, Seen::Preamble);
    check(r#"{"type":"response.output_text.delta","delta":"x"}"#, Seen::Content);
    check(r#"{"type":"response.reasoning_summary_text.delta","delta":"x"}"#, Seen::Content);
    check(r#"{"type":"response.code_interpreter_call_code.delta","delta":"x"}"#, Seen::Content);
    check(r#"{"type":"response.completed","response":{}}"#, Seen::End);
    check(r#"{"type":"error","error":{"message":"m"}}"#, Seen::Fault);
    check(r#"{"type":"response.failed","response":{"error":{"message":"m"}}}"#, Seen::Fault);
    check(r#"{"error":{"message":"m"}}"#, Seen::Fault);
    check("[DONE]", Seen::Preamble);
    check("{", Seen::Preamble);
}

const USAGE: &str = r#""usage":{"input_tokens":9,"output_tokens":4,"total_tokens":13}"#;

#[test]
fn a_stream_to_its_end() {
    let done = format!(
        r#"{{"type":"response.completed","response":{{"id":"r","model":"m","status":"completed","output":[{{"type":"message","content":[{{"type":"output_text","text":"four"}}]}}],{USAGE}}}}}"#
    );
    let (_, reading) = watched(&[r#"{"type":"response.output_text.delta","delta":"four"}"#, &done]);
    assert!(reading.complete);
    assert_eq!((reading.id.as_deref(), reading.model.as_deref(), reading.text_bytes), (Some("r"), Some("m"), 4));
    assert_eq!((reading.usage.get(Unit::Input), reading.usage.get(Unit::Output)), (Some(9), Some(4)));
    assert_eq!(reading.finish.unwrap().reason, Reason::Stop);
    // Only the last event: its text counts.
    assert_eq!(watched(&[&done]).1.text_bytes, 4);
    assert!(!watched(&[r#"{"type":"response.output_text.delta","delta":"four"}"#]).1.complete);
}

#[test]
fn whole_answers() {
    let whole = |json: &str| {
        let mut meter = ResponsesMeter::default();
        meter.whole(Json::parse(json).unwrap());
        meter.take_reading()
    };
    let call =
        whole(&format!(r#"{{"status":"completed","output":[{{"type":"function_call","arguments":"{{}}"}}],{USAGE}}}"#));
    assert_eq!((call.complete, call.finish.unwrap().reason, call.text_bytes), (true, Reason::ToolUse, 2));
    let cut = whole(r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}"#);
    assert_eq!((cut.complete, cut.finish.unwrap().reason), (true, Reason::Length));
    assert_eq!(whole(r#"{"status":"failed","error":{"message":"m"},"output":[]}"#).fault.unwrap().message, "m");
    assert_eq!(whole("{}").fault.unwrap().outcome, Outcome::BadAnswer);
    assert_eq!(whole(r#"{"status":"queued","output":[]}"#).finish, None);
}
