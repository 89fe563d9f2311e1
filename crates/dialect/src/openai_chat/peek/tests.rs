#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use bytes::Bytes;

use super::*;

fn look(body: &str) -> Result<Peek, Fault> {
    peek(&Document::parse(Bytes::copy_from_slice(body.as_bytes())).expect("JSON"))
}

#[test]
fn the_top_level_is_read() {
    let peek = look(
        r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true,"x":1},"usage":{"include":true},
        "max_tokens":5,"max_completion_tokens":7,"n":2,"user":"u","safety_identifier":"s","prompt_cache_key":"k",
        "service_tier":"flex","tools":[{}],"response_format":{"type":"json_object"},"reasoning_effort":"low",
        "logprobs":true,"whatever":{"new":[1]}}"#,
    )
    .expect("a peek");
    assert_eq!((peek.model.as_str(), peek.stream, peek.include_usage, peek.include_cost), ("m", true, true, true));
    assert_eq!((peek.max_output, peek.choices), (Some(7), 2));
    assert_eq!(
        (peek.user.as_deref(), peek.session.as_deref(), peek.tier.as_deref()),
        (Some("s"), Some("k"), Some("flex"))
    );
    assert_eq!(peek.wants, Wants { tools: true, structured: true, reasoning: true, logprobs: true });
}

#[test]
fn what_is_not_said_is_the_default() {
    let peek =
        look(r#"{"model":"m","messages":[],"stream":null,"n":null,"tools":[],"reasoning_effort":"none"}"#).expect("ok");
    assert_eq!(peek, Peek { model: "m".into(), choices: 1, bytes: peek.bytes, ..Peek::default() });
}

#[test]
fn order_does_not_matter() {
    let body =
        r#"{"safety_identifier":"s","user":"u","max_completion_tokens":7,"max_tokens":5,"messages":[],"model":"m"}"#;
    let peek = look(body).expect("a peek");
    assert_eq!((peek.user.as_deref(), peek.max_output), (Some("s"), Some(7)));
}

#[test]
fn every_way_to_ask_for_reasoning() {
    for (member, reasoning) in [
        (r#""reasoning_effort":"minimal""#, true),
        (r#""reasoning":{"max_tokens":9}"#, true),
        (r#""reasoning":{"enabled":false}"#, false),
        (r#""reasoning":{"effort":"none"}"#, false),
        (r#""thinking":{"type":"enabled"}"#, true),
        (r#""thinking":{"type":"disabled"}"#, false),
        (r#""enable_thinking":true"#, true),
        (r#""enable_thinking":false"#, false),
    ] {
        let peek = look(&format!(r#"{{"model":"m","messages":[],{member}}}"#)).expect("good body");
        assert_eq!(peek.wants.reasoning, reasoning, "{member}");
    }
}

#[test]
fn wrong_types_are_named() {
    for (member, path) in [
        (r#""model":5"#, "model"),
        (r#""model":"""#, "model"),
        (r#""stream":"yes""#, "stream"),
        (r#""stream_options":[]"#, "stream_options"),
        (r#""stream_options":{"include_usage":1}"#, "stream_options.include_usage"),
        (r#""usage":true"#, "usage"),
        (r#""usage":{"include":"x"}"#, "usage.include"),
        (r#""max_tokens":1.5"#, "max_tokens"),
        (r#""max_completion_tokens":-1"#, "max_completion_tokens"),
        (r#""n":0"#, "n"),
        (r#""user":{}"#, "user"),
        (r#""prompt_cache_key":1"#, "prompt_cache_key"),
        (r#""tools":{}"#, "tools"),
        (r#""functions":1"#, "functions"),
        (r#""safety_identifier":[]"#, "safety_identifier"),
        (r#""service_tier":1"#, "service_tier"),
        (r#""response_format":"json""#, "response_format"),
        (r#""reasoning_effort":3"#, "reasoning_effort"),
        (r#""logprobs":5"#, "logprobs"),
    ] {
        let model = if path == "model" { "" } else { r#""model":"m","# };
        let fault = look(&format!(r#"{{{model}"messages":[],{member}}}"#)).expect_err(member);
        assert_eq!(fault.path.as_deref(), Some(path), "{member}");
    }
    assert_eq!(look(r#"{"model":"m"}"#).expect_err("none").path.as_deref(), Some("messages"));
    assert_eq!(look(r#"{"model":"m","messages":"hi"}"#).expect_err("text").path.as_deref(), Some("messages"));
    assert_eq!(look(r#"{"messages":[]}"#).expect_err("none").path.as_deref(), Some("model"));
}
