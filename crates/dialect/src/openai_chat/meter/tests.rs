#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use bytes::Bytes;
use wire::frame::Framer;
use wire::sse::SseFramer;

use super::*;
use crate::usage::Unit;

fn watch(stream: &str, quirks: &[Quirk]) -> (Vec<Seen>, Reading) {
    let mut meter = ChatMeter::new(quirks.iter().copied().collect());
    let mut framer = SseFramer::default();
    let mut frames = Vec::new();
    framer.push(&Bytes::copy_from_slice(stream.as_bytes()), &mut frames).expect("frames");
    framer.finish(&mut frames);
    let seen = frames.iter().map(|frame| meter.frame(frame)).collect();
    meter.finish();
    (seen, meter.reading().clone())
}

const ROLE: &str = "data: {\"id\":\"c1\",\"model\":\"m1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n";
const TEXT: &str = "data: {\"id\":\"c2\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\\u00e9\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5},\"service_tier\":\"flex\"}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[test]
fn a_whole_stream() {
    let (seen, reading) = watch(&[": ping\n\n", ROLE, TEXT, STOP, USAGE, DONE].concat(), &[]);
    assert_eq!(seen, [Seen::Preamble, Seen::Preamble, Seen::Content, Seen::Preamble, Seen::UsageOnly, Seen::End]);
    assert!(reading.complete);
    assert_eq!((reading.id.as_deref(), reading.model.as_deref()), (Some("c1"), Some("m1")));
    assert_eq!(reading.finish.as_ref().map(|finish| finish.reason), Some(Reason::Stop));
    assert_eq!(reading.text_bytes, 3);
    assert_eq!((reading.usage.get(Unit::Input), reading.usage.source), (Some(3), Source::Reported));
    assert_eq!(reading.usage.tier.as_deref(), Some("flex"));
}

#[test]
fn without_the_end_it_is_not_complete() {
    assert!(!watch(&[ROLE, TEXT, STOP].concat(), &[]).1.complete);
    assert!(watch(&[ROLE, TEXT, STOP].concat(), &[Quirk::NoDone]).1.complete);
    assert!(!watch(&[ROLE, TEXT].concat(), &[Quirk::NoDone]).1.complete);
    let other = "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n\n";
    assert!(!watch(&[ROLE, other, STOP].concat(), &[Quirk::NoDone]).1.complete);
    let cumulative = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n";
    let reading = watch(cumulative, &[Quirk::UsageEveryChunk]).1;
    assert_eq!((reading.usage.source, reading.usage.get(Unit::Output)), (Source::Partial, Some(1)));
}

#[test]
fn what_counts_as_content() {
    for (delta, seen, bytes) in [
        (r#"{"role":"assistant","content":null,"refusal":null}"#, Seen::Preamble, 0),
        (r#"{"content":"x"}"#, Seen::Content, 1),
        (r#"{"reasoning_content":"xy","reasoning":"xy"}"#, Seen::Content, 2),
        (r#"{"reasoning":"xy","content":""}"#, Seen::Content, 2),
        (r#"{"refusal":"no"}"#, Seen::Content, 2),
        (r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]}"#, Seen::Content, 0),
        (r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}"#, Seen::Content, 7),
        (r#"{"tool_calls":[{"index":0,"type":"custom","custom":{"name":"f","input":"abc"}}]}"#, Seen::Content, 3),
        (r#"{"function_call":{"name":"f","arguments":"{}"}}"#, Seen::Content, 2),
        (r#"{"audio":{"id":"a","data":"AA"}}"#, Seen::Content, 0),
        (
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"abc"}]},{"type":"text","text":"d"}]}"#,
            Seen::Content,
            4,
        ),
    ] {
        let (found, reading) = watch(&format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n"), &[]);
        assert_eq!((found.as_slice(), reading.text_bytes), (&[seen][..], bytes), "{delta}");
    }
}

#[test]
fn azures_first_chunk_is_not_held() {
    let chunk = "data: {\"id\":\"\",\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[{}]}\n\n";
    let (seen, reading) = watch(chunk, &[]);
    assert_eq!(seen, [Seen::Preamble]);
    assert_eq!((reading.id, reading.model), (None, None));
}

#[test]
fn usage_where_groq_puts_it() {
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":5,\"total_tokens\":9}}}\n\n";
    let (seen, reading) = watch(chunk, &[Quirk::UsageInXGroq]);
    assert_eq!((seen, reading.usage.get(Unit::Output)), (vec![Seen::Preamble], Some(5)));
}

#[test]
fn errors_in_the_stream() {
    for error in [
        "data: {\"choices\":[{\"index\":0,\"delta\":{}}],\"x_groq\":{\"id\":\"r\",\"error\":\"m\"}}\n\n",
        "data: {\"error\":{\"message\":\"m\",\"code\":502},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}]}\n\n",
        "event: error\ndata: {\"error\":{\"message\":\"m\",\"status_code\":400}}\n\n",
        "event: error\ndata: m\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"error\":{\"message\":\"m\",\"code\":502},\"finish_reason\":\"error\"}]}\n\n",
    ] {
        let (seen, reading) = watch(&[ROLE, TEXT, error, DONE].concat(), &[]);
        assert_eq!(seen.get(2), Some(&Seen::Fault), "{error}");
        assert_eq!(reading.fault.map(|fault| fault.message).as_deref(), Some("m"));
        assert!(!reading.complete);
    }
}

#[test]
fn a_later_frame_does_not_unsay_usage_or_tier() {
    let tiered = ROLE.replace("\"id\"", "\"service_tier\":\"priority\",\"id\"");
    let usage = USAGE.replace(",\"service_tier\":\"flex\"", "");
    let empty = "data: {\"choices\":[],\"usage\":{}}\n\n";
    let bare = "data: {\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    for end in [[&*usage, empty], [empty, &*usage], [empty, bare]] {
        let (seen, reading) = watch(&[&*tiered, TEXT, STOP, end[0], end[1], DONE].concat(), &[]);
        assert_eq!(seen[3..], [Seen::UsageOnly, Seen::UsageOnly, Seen::End]);
        assert_eq!((reading.usage.source, reading.usage.get(Unit::Output)), (Source::Reported, Some(2)));
        assert_eq!(reading.usage.tier.as_deref(), Some("priority"));
    }
}

#[test]
fn the_first_choice_of_several_tells_the_finish() {
    let two = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"},{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let (_, reading) = watch(&[ROLE, two].concat(), &[Quirk::NoDone]);
    assert!(reading.complete);
    assert_eq!(reading.finish.map(|finish| finish.reason), Some(Reason::Length));
    let second = "data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
    let (_, reading) = watch(&[second, ROLE, STOP].concat(), &[]);
    assert_eq!(reading.finish.map(|finish| finish.reason), Some(Reason::Stop));
}

#[test]
fn frames_that_are_not_json_pass() {
    assert_eq!(watch("data: oops\n\ndata: [1]\n\ndata: {\"x\n\n", &[]).0, [Seen::Preamble; 3]);
}

#[test]
fn whole_answers() {
    let whole = |body: &str| {
        let mut meter = ChatMeter::default();
        meter.whole(Json::parse(body).expect("JSON"));
        meter.reading().clone()
    };
    let reading = whole(
        r#"{"id":"c","model":"m","choices":[{"index":0,"message":{"content":"hi","refusal":null},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
    );
    assert!(reading.complete && reading.fault.is_none());
    assert_eq!((reading.text_bytes, reading.finish.map(|finish| finish.reason)), (2, Some(Reason::Length)));
    let refusal = whole(r#"{"choices":[{"index":0,"message":{"refusal":"no"},"finish_reason":"stop"}]}"#);
    assert_eq!(refusal.finish.map(|finish| finish.reason), Some(Reason::Refusal));
    assert_eq!(
        whole(r#"{"error":{"code":402,"message":"m"}}"#).fault.map(|fault| fault.outcome),
        Some(Outcome::Billing)
    );
    assert!(!whole(r#"{"choices":[]}"#).complete);
    assert_eq!(whole(r#"{"detail":"x"}"#).fault.map(|fault| fault.outcome), Some(Outcome::BadAnswer));
}
