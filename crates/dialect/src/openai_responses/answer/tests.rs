#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::finish::{Finish, Reason};
use crate::ir::part::{Body, Part, Reasoning, ToolCall};
use crate::ir::response::Choice;

fn asked(echo: &[(&str, &str)]) -> Asked {
    let echo = echo.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Asked { now: 9, id: "tg-ab".into(), model: "asked".into(), echo, ..Asked::default() }
}

fn response(parts: Vec<Part>, reason: Reason) -> Response {
    Response { choices: vec![Choice { parts, finish: Some(Finish::new(reason)) }], ..Response::default() }
}

/// The members that hang on the answer: status, reason, output; and the losses.
fn check(response: &Response, asked: &Asked, expected: &str, losses: &[&str]) {
    let written = write(response, asked);
    let json = Json::parse(&written.value).unwrap();
    let get = |name: &str| json.get(name).unwrap().raw();
    assert_eq!(format!("{} {} {}", get("status"), get("incomplete_details"), get("output")), expected);
    assert_eq!(written.losses.iter().map(ToString::to_string).collect::<Vec<_>>(), losses);
}

fn call() -> Part {
    Body::ToolCall(ToolCall { id: "c".into(), name: "f".into(), arguments: r#"{"input":"ls"}"#.into(), proof: None })
        .into()
}

#[test]
fn items_in_their_order() {
    let thought = Body::Reasoning(Reasoning { text: "hm".into(), proof: None, redacted: false });
    let parts = vec![thought.into(), Part::text("a"), Part::text("b"), call()];
    let text = |text: &str| format!(r#"{{"type":"output_text","text":"{text}","annotations":[],"logprobs":[]}}"#);
    let expected = format!(
        r#""completed" null [{},{},{}]"#,
        r#"{"id":"rs_ab000","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]}"#,
        format_args!(
            r#"{{"id":"msg_ab001","type":"message","status":"completed","role":"assistant","content":[{},{}]}}"#,
            text("a"),
            text("b")
        ),
        r#"{"id":"fc_ab002","type":"function_call","status":"completed","call_id":"c","name":"f","arguments":"{\"input\":\"ls\"}"}"#,
    );
    check(&response(parts, Reason::ToolUse), &asked(&[]), &expected, &[]);
}

#[test]
fn custom_tools_get_their_free_text_back() {
    let asked = asked(&[("tools", r#"[{"type":"custom","name":"f"}]"#)]);
    let expected = r#""completed" null [{"id":"ctc_ab000","type":"custom_tool_call","status":"completed","call_id":"c","name":"f","input":"ls"}]"#;
    check(&response(vec![call()], Reason::ToolUse), &asked, expected, &[]);
}

#[test]
fn ends() {
    let loss = "approximated finish_reason at status";
    check(&response(vec![], Reason::Stop), &asked(&[]), r#""completed" null []"#, &[]);
    check(&response(vec![], Reason::Length), &asked(&[]), r#""incomplete" {"reason":"max_output_tokens"} []"#, &[]);
    check(&response(vec![], Reason::ContentFilter), &asked(&[]), r#""incomplete" {"reason":"content_filter"} []"#, &[]);
    check(&response(vec![], Reason::Pause), &asked(&[]), r#""incomplete" {"reason":"pause_turn"} []"#, &[loss]);
}

#[test]
fn the_request_is_repeated() {
    let written =
        write(&response(vec![], Reason::Stop), &asked(&[("temperature", "0.50"), ("instructions", r#""i""#)])).value;
    let json = Json::parse(&written).unwrap();
    let get = |name: &str| json.get(name).unwrap().raw();
    assert_eq!(
        (get("temperature"), get("instructions"), get("tools"), get("store")),
        ("0.50", r#""i""#, "[]", "false")
    );
    assert_eq!((get("id"), get("model"), get("created_at"), get("usage")), (r#""tg-ab""#, r#""asked""#, "9", "null"));
}

#[test]
fn answers_that_are_none() {
    let fault =
        |json: &str| read(Json::parse(json).unwrap(), &Undo::default(), &Target::default()).unwrap_err().outcome;
    assert_eq!(fault("{}"), Outcome::BadAnswer);
    assert_eq!(fault(r#"{"output":[],"status":"queued"}"#), Outcome::BadAnswer);
    assert_eq!(
        fault(r#"{"output":[],"status":"failed","error":{"code":"server_error","message":"m"}}"#),
        Outcome::ServerError
    );
    assert_eq!(fault(r#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#), Outcome::RateLimited);
}
