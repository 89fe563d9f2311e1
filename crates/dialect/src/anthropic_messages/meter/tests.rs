#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::finish::Reason;
use crate::outcome::Outcome;
use crate::usage::Unit;
use bytes::Bytes;
use wire::frame::Framer;
use wire::sse::SseFramer;

fn watch(stream: &str) -> (Vec<Seen>, Reading) {
    let mut frames = Vec::new();
    let mut framer = SseFramer::default();
    framer.push(&Bytes::from(stream.to_owned()), &mut frames).expect("short frames");
    framer.finish(&mut frames);
    let mut meter = MessagesMeter::default();
    let seen = frames.iter().map(|frame| meter.frame(frame)).collect();
    meter.finish();
    (seen, meter.reading().clone())
}

const STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-x\",\"usage\":{\"input_tokens\":9,\"cache_read_input_tokens\":4,\"output_tokens\":1}}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"h\\u00e9\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{}}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":30}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    "data: [DONE]\n\n",
);

#[test]
fn a_whole_stream() {
    use Seen::{Content, End, Preamble};
    let (seen, reading) = watch(STREAM);
    let expected =
        [Preamble, Preamble, Preamble, Content, Preamble, Content, Preamble, Preamble, Preamble, End, Preamble];
    assert_eq!(seen, expected);
    assert_eq!((reading.id.as_deref(), reading.model.as_deref()), (Some("msg_1"), Some("claude-x")));
    assert_eq!(reading.finish.map(|finish| finish.reason), Some(Reason::ToolUse));
    assert!(reading.complete && reading.fault.is_none());
    assert_eq!(reading.text_bytes, 3);
    assert_eq!(reading.usage.source, Source::Reported);
    let counts: Vec<(Unit, u64)> = reading.usage.iter().collect();
    assert_eq!(counts, [(Unit::Input, 9), (Unit::CacheRead, 4), (Unit::Output, 30)]);
}

#[test]
fn names_are_not_needed() {
    let nameless: String =
        STREAM.lines().filter(|line| !line.starts_with("event:")).fold(String::new(), |text, line| text + line + "\n");
    assert_eq!(watch(&nameless), watch(STREAM));
}

#[test]
fn a_cut_stream_is_not_whole() {
    let (_, reading) = watch(STREAM.split("event: message_delta").next().expect("a start"));
    assert!(!reading.complete);
    assert_eq!((reading.usage.source, reading.usage.get(Unit::Input)), (Source::Partial, Some(9)));
}

#[test]
fn errors_and_noise() {
    let (seen, reading) = watch(
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
    );
    assert_eq!(seen, [Seen::Fault]);
    assert_eq!(reading.fault.map(|fault| fault.outcome), Some(Outcome::Overloaded));
    let (seen, reading) =
        watch(": hello\n\ndata: not json\n\ndata: {\"type\":\"future_event\",\"x\":[1]}\n\ndata: 7\n\n");
    assert_eq!(seen, [Seen::Preamble; 4]);
    assert_eq!(reading, Reading::default());
}

#[test]
fn a_whole_answer() {
    let mut meter = MessagesMeter::default();
    let body = r#"{"id":"msg_2","type":"message","model":"m","content":[{"type":"thinking","thinking":"abc","signature":"xyz"},{"type":"text","text":"de"},{"type":"tool_use","id":"t","name":"n","input":{"a":1}}],"stop_reason":"stop_sequence","stop_sequence":"END","usage":{"input_tokens":1,"output_tokens":2}}"#;
    meter.whole(Json::parse(body).expect("JSON"));
    let reading = meter.reading();
    assert!(reading.complete);
    assert_eq!(reading.text_bytes, 3 + 2 + 2);
    let finish = reading.finish.as_ref().expect("a finish");
    assert_eq!((finish.reason, finish.stop_sequence.as_deref()), (Reason::StopSequence, Some("END")));
    assert_eq!(reading.usage.source, Source::Reported);
    let mut meter = MessagesMeter::default();
    meter.whole(Json::parse(r#"{"type":"error","error":{"type":"api_error","message":"x"}}"#).expect("JSON"));
    assert!(!meter.reading().complete && meter.reading().fault.is_some());
}
