#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::usage::Unit;
use bytes::Bytes;

fn watch(chunks: &[&str]) -> (Vec<Seen>, Reading) {
    let mut meter = GeminiMeter::new(&Target::default());
    let seen = chunks
        .iter()
        .map(|chunk| {
            let data = Bytes::copy_from_slice(chunk.as_bytes());
            meter.frame(&Frame { event: None, data: Some(data.clone()), raw: data })
        })
        .collect();
    meter.finish();
    (seen, meter.take_reading())
}

#[test]
fn a_stream() {
    let (seen, reading) = watch(&[
        r#"{"candidates":[{"content":{"parts":[{"text":""}]}}],"usageMetadata":{"promptTokenCount":3},"responseId":"r","modelVersion":"m"}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"hé"}]}}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1}}"#,
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":"bc"}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":9}}"#,
    ]);
    assert_eq!(seen, [Seen::Preamble, Seen::Content, Seen::Content]);
    assert_eq!((reading.complete, reading.text_bytes, reading.id.as_deref()), (true, 6, Some("r")));
    assert_eq!((reading.usage.get(Unit::Output), reading.usage.source), (Some(9), Source::Reported));
    assert_eq!(reading.finish.map(|finish| finish.reason), Some(Reason::ToolUse));
}

#[test]
fn a_stream_cut_short() {
    let (_, reading) =
        watch(&[r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":3}}"#]);
    assert_eq!((reading.complete, reading.usage.source), (false, Source::Partial));
    assert!(!watch(&[]).1.complete);
}

#[test]
fn refusals_and_errors() {
    let (seen, reading) = watch(&[r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#]);
    assert_eq!((seen.as_slice(), reading.complete), (&[Seen::Content][..], true));
    let (seen, reading) = watch(&[r#"{"error":{"code":500,"message":"x","status":"INTERNAL"}}"#]);
    assert_eq!((seen.as_slice(), reading.complete, reading.fault.is_some()), (&[Seen::Fault][..], false, true));
}
