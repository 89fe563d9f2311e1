#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;

fn look(body: &str) -> Result<Peek, Fault> {
    peek(&Document::parse(Bytes::from(body.to_owned())).expect("test bodies are JSON"))
}

#[test]
fn reads_what_routing_needs() {
    let body = r#"{"model":"claude-haiku-4-5","max_tokens":64,"stream":true,"service_tier":"auto",
        "metadata":{"user_id":"u1"},"tools":[{"name":"a","input_schema":{}}],"thinking":{"type":"adaptive"},
        "output_config":{"format":{"type":"json_schema","schema":{}}},"usage":{"include":true},"messages":[]}"#;
    let peek = look(body).expect("good body");
    assert_eq!(peek.model, "claude-haiku-4-5");
    assert!(peek.stream && peek.include_usage && peek.include_cost);
    assert_eq!((peek.max_output, peek.choices, peek.bytes), (Some(64), 1, body.len()));
    assert_eq!((peek.user.as_deref(), peek.tier.as_deref()), (Some("u1"), Some("auto")));
    assert_eq!(peek.wants, Wants { tools: true, structured: true, reasoning: true, logprobs: false });
}

#[test]
fn little_is_enough() {
    let peek = look(r#"{"messages":[],"model":"m","tools":[],"thinking":{"type":"disabled"},"metadata":null}"#);
    let peek = peek.expect("max_tokens is the provider's to miss");
    assert!(!peek.stream && peek.max_output.is_none() && peek.user.is_none());
    assert_eq!(peek.wants, Wants::default());
}

#[test]
fn wrong_types_name_their_path() {
    for (body, path) in [
        (r#"{"messages":[]}"#, "model"),
        (r#"{"messages":[],"model":""}"#, "model"),
        (r#"{"messages":[],"model":7}"#, "model"),
        (r#"{"model":"m"}"#, "messages"),
        (r#"{"model":"m","messages":{}}"#, "messages"),
        (r#"{"model":"m","messages":[],"stream":"yes"}"#, "stream"),
        (r#"{"model":"m","messages":[],"max_tokens":1.5}"#, "max_tokens"),
        (r#"{"model":"m","messages":[],"max_tokens":"9"}"#, "max_tokens"),
        (r#"{"model":"m","messages":[],"metadata":[]}"#, "metadata"),
        (r#"{"model":"m","messages":[],"metadata":{"user_id":1}}"#, "metadata.user_id"),
        (r#"{"model":"m","messages":[],"tools":{}}"#, "tools"),
        (r#"{"model":"m","messages":[],"thinking":true}"#, "thinking"),
        (r#"{"model":"m","messages":[],"output_config":1}"#, "output_config"),
        (r#"{"model":"m","messages":[],"service_tier":1}"#, "service_tier"),
    ] {
        assert_eq!(look(body).expect_err(body).path.as_deref(), Some(path), "{body}");
    }
}
