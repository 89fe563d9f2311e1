#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::part::{Body, Opaque, Origin, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Effort, Format, Message, Role};
use crate::target::Control;
use wire::json::Json;

/// The body between the model and what every body ends with, and the losses.
fn sent(asked: &Request, quirks: &[Quirk], reasoning: Control) -> (String, Vec<String>) {
    let quirks = quirks.iter().copied().collect();
    let out = request(asked, &Target { model: "m", quirks, reasoning, ..Target::default() }).unwrap();
    Json::parse(&out.body).expect("what is written is JSON");
    let body = out.body.strip_prefix(r#"{"model":"m","#).and_then(|rest| rest.strip_suffix(r#","store":false}"#));
    (body.unwrap().to_owned(), out.losses.iter().map(ToString::to_string).collect())
}

fn check(messages: Vec<Message>, quirks: &[Quirk], expected: &str, losses: &[&str]) {
    let (body, lost) = sent(&Request { messages, ..Request::default() }, quirks, Control::None);
    assert_eq!(body, format!(r#""input":[{expected}]"#));
    assert_eq!(lost, losses);
}

fn thought(dialect: DialectId, model: &str) -> Part {
    let proof = Opaque { origin: Origin { dialect, model: model.to_owned() }, data: "E".to_owned() };
    Body::Reasoning(Reasoning { text: "hm".to_owned(), proof: Some(proof), redacted: false }).into()
}

fn asks() -> Request {
    Request { messages: vec![Message::new(Role::User, vec![Part::text("hi")])], ..Request::default() }
}

#[test]
fn a_turn_with_tools() {
    let call = ToolCall { id: "c".into(), name: "f.g".into(), arguments: String::new(), proof: None };
    let result = ToolResult { call_id: "c".into(), content: vec![Part::text("one")], is_error: Some(true) };
    let said = vec![Part::text("so"), Body::ToolCall(call).into()];
    let messages =
        vec![Message::new(Role::Assistant, said), Message::new(Role::Tool, vec![Body::ToolResult(result).into()])];
    let expected = concat!(
        r#"{"type":"message","role":"assistant","content":"so"},"#,
        r#"{"type":"function_call","call_id":"c","name":"f_g","arguments":"{}"},"#,
        r#"{"type":"function_call_output","call_id":"c","output":"one"}"#
    );
    check(messages, &[], expected, &["dropped is_error at messages[1].content[0]"]);
}

#[test]
fn reasoning_goes_to_its_maker() {
    let turn = |part| vec![Message::new(Role::Assistant, vec![part, Part::text("so")])];
    let so = r#"{"type":"message","role":"assistant","content":"so"}"#;
    let own = format!(
        r#"{{"type":"reasoning","summary":[{{"type":"summary_text","text":"hm"}}],"encrypted_content":"E"}},{so}"#
    );
    let words =
        format!(r#"{{"type":"reasoning","summary":[],"content":[{{"type":"reasoning_text","text":"hm"}}]}},{so}"#);
    check(turn(thought(HERE, "m")), &[], &own, &[]);
    check(turn(thought(HERE, "")), &[], &own, &[]);
    check(turn(thought(HERE, "other")), &[], so, &["dropped reasoning at messages[0].content[0]"]);
    check(turn(thought(DialectId::AnthropicMessages, "m")), &[], so, &["dropped reasoning at messages[0].content[0]"]);
    let lost = ["dropped signature at messages[0].content[0]"];
    check(turn(thought(DialectId::AnthropicMessages, "m")), &[Quirk::ReasoningContent], &words, &lost);
}

#[test]
fn parameters() {
    let hi = r#""input":[{"type":"message","role":"user","content":"hi"}]"#;
    let low = Effort { level: Some("low".into()), ..Effort::default() };
    let schema = Format::JsonSchema { name: None, description: None, schema: "{}".into(), strict: Some(true) };
    let asked = Request { system: vec![Part::text("i")], effort: Some(low), format: Some(schema), ..asks() };
    let (body, losses) = sent(&asked, &[], Control::Effort);
    let format = r#""text":{"format":{"type":"json_schema","name":"response","schema":{},"strict":true}}"#;
    let include = r#""include":["reasoning.encrypted_content"]"#;
    assert_eq!(body, format!(r#""instructions":"i",{hi},{include},"reasoning":{{"effort":"low"}},{format}"#));
    assert_eq!(losses, Vec::<String>::new());
    let mut asked = asks();
    asked.sampling.max_output = Some(5);
    asked.sampling.stop = vec!["x".into()];
    asked.sampling.seed = Some("1".into());
    let (body, losses) = sent(&asked, &[], Control::None);
    assert_eq!(body, format!(r#"{hi},"max_output_tokens":16"#));
    assert_eq!(losses, ["approximated max_tokens at max_tokens", "dropped seed at seed", "dropped stop at stop"]);
}

#[test]
fn functions_are_not_strict_unless_asked() {
    let function = Function {
        name: "f".into(),
        description: None,
        schema: None,
        strict: None,
        cache: None,
        foreign: Default::default(),
    };
    let asked =
        Request { tools: vec![Tool::Function(function)], tool_choice: Some(ToolChoice::Named("f".into())), ..asks() };
    let (body, _) = sent(&asked, &[], Control::None);
    let tool =
        r#""tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}},"strict":false}]"#;
    assert!(body.ends_with(&format!(r#"{tool},"tool_choice":{{"type":"function","name":"f"}}"#)), "{body}");
}

#[test]
fn instructions_alone_are_said() {
    let (body, _) = sent(&Request { system: vec![Part::text("i")], ..Request::default() }, &[], Control::None);
    assert_eq!(body, r#""input":[{"type":"message","role":"system","content":"i"}]"#);
    let fault = request(&Request::default(), &Target::default()).unwrap_err();
    assert_eq!(fault.path.as_deref(), Some("messages"));
}
