#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::super::peek::peek;
use super::*;
use crate::quirk::Quirks;
use bytes::Bytes;

fn patched(body: &str, to: &Target<'_>) -> (String, Vec<Loss>) {
    let body = Document::parse(Bytes::from(body.to_owned())).expect("test bodies are JSON");
    let patch = patch(&body, &peek(&body).expect("good body"), to);
    assert!(!patch.hold_usage, "this dialect's streams always carry usage");
    (String::from_utf8(body.edit(&patch.edits).to_vec()).expect("UTF-8"), patch.losses)
}

#[test]
fn an_equal_model_changes_no_byte() {
    let body = r#"{ "model" : "m", "future":{"x":1e400}, "messages":[ ] , "temperature":0.50 }"#;
    let to = Target { model: "m", ..Target::default() };
    assert_eq!(patched(body, &to), (body.to_owned(), vec![]));
}

#[test]
fn the_model_and_routing_controls_change_and_nothing_else() {
    let body = r#"{"model":"fast", "models":["a"],"provider":{"order":[]},"usage":{"include":true},"messages":[]}"#;
    let to = Target { model: "claude-x", ..Target::default() };
    assert_eq!(patched(body, &to).0, r#"{"model":"claude-x","messages":[]}"#);
    let to = Target { openrouter: true, ..to };
    assert_eq!(patched(body, &to).0, body.replace("fast", "claude-x"));
}

#[test]
fn refused_parameters_are_left_out_and_told() {
    let body = r#"{"model":"m","messages":[],"temperature":1,"top_p":null,"top_k":4,"tool_choice":{"type":"tool","name":"a","disable_parallel_tool_use":true}}"#;
    let quirks = Quirks::default().with(Quirk::NoSampling).with(Quirk::NoToolChoice);
    let (text, losses) = patched(body, &Target { model: "m", quirks, ..Target::default() });
    let expected = r#"{"model":"m","messages":[],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}"#;
    assert_eq!(text, expected);
    let told: Vec<String> = losses.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["dropped temperature at temperature", "dropped top_k at top_k", "approximated tool_choice at tool_choice"]
    );
}
