#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;
use wire::frame::Framer as _;
use wire::sse::SseFramer;

use crate::ir::fold::fold;
use crate::ir::grammar::Grammar;
use crate::ir::part::Body;
use crate::ir::response::Response;

fn events(lines: &[&str]) -> Vec<Event> {
    let stream: String = lines.iter().map(|line| format!("data: {line}\n\n")).collect();
    let (mut framer, mut frames) = (SseFramer::default(), Vec::new());
    framer.push(&Bytes::from(stream), &mut frames).unwrap();
    let mut decoder = ResponsesDecoder::new(Undo::default(), &Target { model: "m", ..Target::default() });
    let mut events = Vec::new();
    for frame in &frames {
        decoder.push(frame, &mut events);
    }
    decoder.finish(&mut events);
    assert_eq!(Grammar::check(&events), Ok(()));
    events
}

/// What the parts say, each in a word.
fn said(response: &Response) -> String {
    let word = |body: &Body| match body {
        Body::Text { text, citations } => format!("{text}{}", "^".repeat(citations.len())),
        Body::Refusal(text) => format!("no:{text}"),
        Body::Reasoning(own) => format!("hm:{}:{}", own.text, own.proof.as_ref().map_or("", |proof| &proof.data)),
        Body::ToolCall(call) => format!("{}={}({})", call.id, call.name, call.arguments),
        Body::Unknown { kind, .. } => format!("?{kind}"),
        other => format!("{other:?}"),
    };
    let parts = response.choices.iter().flat_map(|choice| &choice.parts);
    parts.map(|part| word(&part.body)).collect::<Vec<_>>().join(" ")
}

fn check(lines: &[&str], expected: &str) {
    let response = fold(events(lines)).unwrap();
    assert_eq!(said(&response), expected);
}

const DELTA: &str =
    r#"{"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"delta":"He"}"#;
const MORE: &str =
    r#"{"type":"response.output_text.delta","item_id":"other","output_index":0,"content_index":0,"delta":"y"}"#;
const TEXT: &str =
    r#"{"type":"response.output_text.done","item_id":"i","output_index":0,"content_index":0,"text":"Hey"}"#;
const ITEM: &str = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"i","content":[{"type":"output_text","text":"Hey","annotations":[{"type":"url_citation","url":"u"}]}]}}"#;
const DONE: &str = r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"message","id":"new","content":[{"type":"output_text","text":"Hey"}]}]}}"#;
const NOTHING: &str = r#"{"type":"response.completed","response":{"status":"completed","output":[]}}"#;

#[test]
fn text_is_read_from_whatever_says_it_first_and_once() {
    check(&[DELTA, MORE, TEXT, ITEM, DONE], "Hey^");
    check(&[DELTA, TEXT, DONE], "Hey");
    check(&[DELTA, DONE], "Hey");
    check(&[TEXT, NOTHING], "Hey");
    check(&[ITEM, DONE], "Hey^");
    check(&[DONE], "Hey");
    check(&[DELTA, MORE, NOTHING, "[DONE]"], "Hey");
}

#[test]
fn calls_with_and_without_their_events() {
    let added = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","id":"fc","call_id":"c","name":"f","arguments":""}}"#;
    let delta =
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc","output_index":0,"delta":"{\"a\":"}"#;
    let done =
        r#"{"type":"response.function_call_arguments.done","item_id":"fc","output_index":0,"arguments":"{\"a\":1}"}"#;
    let item = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","id":"fc","call_id":"c","name":"f","arguments":"{\"a\":1}"}}"#;
    let expected = r#"c=f({"a":1})"#;
    check(&[added, delta, done, item, NOTHING], expected);
    check(&[delta, item, NOTHING], expected);
    check(&[added, done, NOTHING], expected);
    check(&[item, NOTHING], expected);
}

#[test]
fn reasoning_and_what_only_this_dialect_knows() {
    let first = r#"{"type":"response.reasoning_summary_text.delta","item_id":"r","output_index":0,"summary_index":0,"delta":"a"}"#;
    let second = r#"{"type":"response.reasoning_summary_text.delta","item_id":"r","output_index":0,"summary_index":1,"delta":"b"}"#;
    let item = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],"encrypted_content":"E"}}"#;
    check(&[first, second, item, NOTHING], "hm:a\n\nb:E");
    check(&[item, NOTHING], "hm:a\n\nb:E");
    let hidden = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"r","summary":[],"encrypted_content":"E"}}"#;
    check(&[hidden, NOTHING], "hm::E");
    let kept =
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"r","summary":[]}}"#;
    check(&[kept, NOTHING], "");
    let search = r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"web_search_call","id":"w"}}"#;
    let output = r#"{"type":"response.completed","response":{"output":[{"type":"web_search_call","id":"other"}]}}"#;
    check(&[search, output], "?web_search_call");
}

#[test]
fn faults() {
    let outcome = |lines: &[&str]| fold(events(lines)).unwrap_err().outcome;
    assert_eq!(outcome(&[DELTA]), Outcome::Truncated);
    assert_eq!(outcome(&[DELTA, "[DONE]"]), Outcome::Truncated);
    assert_eq!(outcome(&["{"]), Outcome::BadAnswer);
    let nested = r#"{"type":"error","sequence_number":2,"error":{"code":"rate_limit_exceeded","message":"m"}}"#;
    let failed =
        r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}}"#;
    assert_eq!(outcome(&[nested, failed]), Outcome::RateLimited);
    assert_eq!(outcome(&[r#"{"type":"error","code":"server_error","message":"m"}"#]), Outcome::ServerError);
    assert_eq!(outcome(&[DELTA, failed]), Outcome::ServerError);
    assert_eq!(outcome(&[r#"{"error":{"message":"m","code":429}}"#]), Outcome::RateLimited);
}
