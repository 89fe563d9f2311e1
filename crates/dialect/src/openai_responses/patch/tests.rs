#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;

fn check(members: &str, quirks: &[Quirk], expected: &str, losses: &[&str]) {
    let body = Document::parse(Bytes::from(format!(r#"{{"model":"a","input": "x"{members}}}"#))).unwrap();
    let peek = super::super::peek::peek(&body).unwrap();
    let quirks = quirks.iter().copied().collect();
    let patch = patch(&body, &peek, &Target { model: "b", quirks, ..Target::default() });
    let after = body.edit(&patch.edits);
    assert_eq!(std::str::from_utf8(&after).unwrap(), format!(r#"{{"model":"b","input": "x"{expected}}}"#));
    assert_eq!(patch.losses.iter().map(ToString::to_string).collect::<Vec<_>>(), losses);
    assert!(!patch.hold_usage);
}

#[test]
fn as_little_as_possible() {
    check(r#", "store" : true"#, &[], r#", "store" : true"#, &[]);
    check(r#","provider":{},"models":[],"usage":{"include":true}"#, &[], "", &[]);
    check(r#","temperature":0.5,"top_p":1"#, &[Quirk::NoSampling], "", &["dropped temperature at temperature"]);
    check(r#","top_logprobs":2"#, &[Quirk::NoLogprobs], "", &["dropped top_logprobs at top_logprobs"]);
    check(r#","parallel_tool_calls":true"#, &[Quirk::NoParallelToolCalls], "", &[]);
    check(r#","tool_choice":"required""#, &[Quirk::NoToolChoice], "", &["dropped tool_choice at tool_choice"]);
    check(r#","tool_choice":"auto""#, &[Quirk::NoToolChoice], r#","tool_choice":"auto""#, &[]);
    let schema = r#","text":{"verbosity":"low","format":{"type":"json_schema","name":"n","schema":{}}}"#;
    let object = r#","text":{"verbosity":"low","format":{"type":"json_object"}}"#;
    check(schema, &[Quirk::JsonObjectOnly], object, &["approximated json_schema at text.format"]);
    check(schema, &[], schema, &[]);
}
