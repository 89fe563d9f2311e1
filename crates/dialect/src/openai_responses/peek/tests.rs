#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;

fn look(json: &str) -> Result<Peek, Fault> {
    peek(&Document::parse(Bytes::copy_from_slice(json.as_bytes())).unwrap())
}

fn check(members: &str, expected: Peek) {
    let json = format!(r#"{{"model":"m","input":"hi"{members}}}"#);
    let base = Peek { model: "m".into(), choices: 1, include_usage: true, bytes: json.len(), ..Peek::default() };
    let (model, choices, include_usage, bytes) = (base.model, base.choices, base.include_usage, base.bytes);
    assert_eq!(look(&json).unwrap(), Peek { model, choices, include_usage, bytes, ..expected }, "{members}");
}

#[test]
fn what_routing_must_know() {
    let wants = |wants| Peek { wants, ..Peek::default() };
    check("", Peek::default());
    check(r#","stream":true"#, Peek { stream: true, ..Peek::default() });
    check(r#","max_output_tokens":7"#, Peek { max_output: Some(7), ..Peek::default() });
    check(r#","user":"u","safety_identifier":"s""#, Peek { user: Some("s".into()), ..Peek::default() });
    check(r#","safety_identifier":"s","user":"u""#, Peek { user: Some("s".into()), ..Peek::default() });
    check(
        r#","prompt_cache_key":"k","service_tier":"flex""#,
        Peek { session: Some("k".into()), tier: Some("flex".into()), ..Peek::default() },
    );
    check(r#","usage":{"include":true}"#, Peek { include_cost: true, ..Peek::default() });
    check(r#","tools":[{"type":"web_search"}]"#, wants(Wants { tools: true, ..Wants::default() }));
    check(r#","tools":[]"#, Peek::default());
    check(r#","text":{"format":{"type":"json_schema"}}"#, wants(Wants { structured: true, ..Wants::default() }));
    check(r#","text":{"format":{"type":"text"}}"#, Peek::default());
    check(r#","reasoning":{"effort":"low"}"#, wants(Wants { reasoning: true, ..Wants::default() }));
    check(r#","reasoning":{"effort":"none"}"#, Peek::default());
    check(r#","include":["message.output_text.logprobs"]"#, wants(Wants { logprobs: true, ..Wants::default() }));
}

#[test]
fn state_that_one_account_keeps() {
    let stateful = |json: &str| look(json).unwrap().stateful;
    assert_eq!(stateful(r#"{"model":"m","previous_response_id":"r"}"#), Some("previous_response_id"));
    assert_eq!(stateful(r#"{"model":"m","input":"x","conversation":{"id":"c"}}"#), Some("conversation"));
    assert_eq!(stateful(r#"{"model":"m","prompt":{"id":"p"}}"#), Some("prompt"));
    assert_eq!(stateful(r#"{"model":"m","input":[{"type":"item_reference","id":"i"}]}"#), Some("input"));
    assert_eq!(stateful(r#"{"model":"m","input":[{"role":"user","content":"an item_reference"}]}"#), None);
    assert_eq!(stateful(r#"{"model":"m","input":"x","previous_response_id":null}"#), None);
    assert_eq!(look(r#"{"model":"m","input":"x","conversation":"c"}"#).unwrap().session.as_deref(), Some("c"));
}

#[test]
fn wrong_types_are_named() {
    let path = |json: &str| look(json).unwrap_err().path.unwrap();
    assert_eq!(path(r#"{"input":"x"}"#), "model");
    assert_eq!(path(r#"{"model":"m"}"#), "input");
    assert_eq!(path(r#"{"model":"m","input":{}}"#), "input");
    assert_eq!(path(r#"{"model":"m","input":"x","stream":1}"#), "stream");
    assert_eq!(path(r#"{"model":"m","input":"x","max_output_tokens":"1"}"#), "max_output_tokens");
    assert_eq!(path(r#"{"model":"m","input":"x","tools":{}}"#), "tools");
}
