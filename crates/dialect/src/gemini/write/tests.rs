#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::part::{Body, Opaque, Origin, Part, ToolCall, ToolResult};
use crate::ir::request::{Format, Message, Role};
use crate::ir::tool::{Function, ToolChoice};

fn written(request: &Request, model: &str) -> (String, Vec<String>) {
    let target = Target { model, ..Target::default() };
    let outgoing = write(request, &target).expect("a request");
    wire::json::Json::parse(&outgoing.body).expect(&outgoing.body);
    (outgoing.body, outgoing.losses.iter().map(ToString::to_string).collect())
}

fn says(request: &Request, model: &str, expected: &[&str], losses: &[&str]) {
    let (body, lost) = written(request, model);
    for piece in expected {
        assert!(body.contains(piece), "{piece} is not in {body}");
    }
    assert_eq!(lost, losses, "{body}");
}

fn hello() -> Request {
    let user = Message::new(Role::User, vec![Part::text("hi")]);
    Request { messages: vec![user], ..Request::default() }
}

fn call(proof: Option<&str>) -> Part {
    let origin = Origin { dialect: crate::id::DialectId::Gemini, model: String::new() };
    let proof = proof.map(|data| Opaque { origin, data: data.into() });
    Body::ToolCall(ToolCall { id: "c1".into(), name: "f".into(), arguments: r#"{"a":1}"#.into(), proof }).into()
}

fn two_turns(proof: Option<&str>) -> Request {
    let mut request = hello();
    let result = ToolResult { call_id: "c1".into(), content: vec![Part::text("rain")], is_error: None };
    request.messages.push(Message::new(Role::Assistant, vec![call(proof)]));
    request.messages.push(Message::new(Role::Tool, vec![Body::ToolResult(result).into()]));
    request
}

#[test]
fn a_call_and_its_result() {
    let call =
        r#"{"role":"model","parts":[{"functionCall":{"id":"c1","name":"f","args":{"a":1}},"thoughtSignature":"sig"}]}"#;
    let result =
        r#"{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"f","response":{"result":"rain"}}}]}"#;
    says(&two_turns(Some("sig")), "gemini-3-pro-preview", &[call, result], &[]);
    let unsigned = r#""args":{"a":1}}}"#;
    says(&two_turns(None), "gemini-2.5-flash", &[unsigned], &[]);
}

#[test]
fn a_lost_signature_is_replaced_by_the_word_for_it() {
    let skipped = r#""thoughtSignature":"skip_thought_signature_validator""#;
    says(
        &two_turns(None),
        "gemini-3-pro-preview",
        &[skipped],
        &["weakened thought_signature at messages[1].content[0]"],
    );
}

#[test]
fn results_follow_the_order_of_their_calls() {
    let mut request = two_turns(None);
    let other = Body::ToolCall(ToolCall { id: "c2".into(), name: "g".into(), arguments: String::new(), proof: None });
    let first = ToolResult { call_id: "c2".into(), content: vec![Part::text("{\"x\":1}")], is_error: Some(true) };
    if let [_, calls, results] = request.messages.as_mut_slice() {
        calls.parts.push(other.into());
        results.parts.insert(0, Body::ToolResult(first).into());
    }
    let order = r#""response":{"result":"rain"}}},{"functionResponse":{"id":"c2","name":"g","response":{"error":"{\"x\":1}"}}}"#;
    let lost = ["approximated order at messages[2].content[0]", "approximated order at messages[2].content[1]"];
    says(&request, "gemini-2.5-pro", &[order], &lost);
}

#[test]
fn the_conversation_begins_with_the_user() {
    let mut request = hello();
    request.messages.insert(0, Message::new(Role::Assistant, vec![Part::text("well")]));
    says(
        &request,
        "m",
        &[r#""contents":[{"role":"user","parts":[{"text":"."}]},{"role":"model""#],
        &["approximated first message at messages[0]"],
    );
    assert!(write(&Request::default(), &Target::default()).is_err());
}

#[test]
fn schemas_by_model() {
    let mut request = hello();
    let schema = r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#;
    request.tools.push(Tool::Function(Function {
        name: "f".into(),
        description: None,
        schema: Some(schema.into()),
        strict: None,
        cache: None,
        foreign: Default::default(),
    }));
    request.tool_choice = Some(ToolChoice::Named("f".into()));
    let choice = r#""toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}"#;
    says(&request, "gemini-2.5-flash", &[&format!(r#""parametersJsonSchema":{schema}"#), choice], &[]);
    let subset = r#""parameters":{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}"#;
    says(&request, "gemini-2.0-flash", &[subset], &["dropped schema additionalProperties at tools[0]"]);
    request.format = Some(Format::JsonObject);
    says(&request, "gemini-3-pro", &[r#""generationConfig":{"responseMimeType":"application/json"}"#], &[]);
    let told = r#""systemInstruction":{"parts":[{"text":"Give your final answer as a JSON object"#;
    says(&request, "gemini-2.5-flash", &[told], &["weakened response_format at format"]);
}

#[test]
fn tiers_and_users() {
    let mut request = hello();
    request.tier = Some("default".into());
    request.user = Some("u".into());
    says(&request, "m", &[r#""serviceTier":"standard""#], &["dropped user at user"]);
}
