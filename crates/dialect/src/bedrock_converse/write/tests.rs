#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;
use wire::json::Document;

use crate::dialect::Dialect as _;
use crate::peek::Said;
use crate::target::Control;

/// A request of another dialect, written for a model.
fn written_for(model: &str, body: &str) -> (Outgoing, Vec<String>) {
    let document = Document::parse(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    let read = match document.get("max_tokens") {
        Some(_) => crate::anthropic_messages::AnthropicMessages.read_request(&document, Said::default()),
        None => crate::openai_chat::OpenAiChat.read_request(&document, Said::default()),
    };
    let out = write(&read.unwrap().value, &Target { model, ..Target::default() }).unwrap();
    let losses = out.losses.iter().map(ToString::to_string).collect();
    (out, losses)
}

fn member(out: &Outgoing, path: &[&str]) -> Option<String> {
    Json::parse(&out.body).unwrap().at(path).map(|value| value.raw().to_owned())
}

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

#[test]
fn forms_are_held_by_the_model_where_it_can() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}}"#;
    let (out, losses) = written_for(CLAUDE, body);
    assert_eq!(
        member(&out, &["outputConfig"]).as_deref(),
        Some(
            r#"{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":\"object\"}","name":"n"}}}}"#
        )
    );
    assert!(losses.is_empty(), "{losses:?}");
    let (out, losses) = written_for("us.amazon.nova-pro-v1:0", body);
    assert_eq!(member(&out, &["toolConfig", "toolChoice"]).as_deref(), Some(r#"{"tool":{"name":"n"}}"#));
    assert_eq!((out.undo.format_tool.as_deref(), losses.len()), (Some("n"), 1));
}

#[test]
fn thinking_is_told_in_each_familys_words() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a"}],"reasoning_effort":"low"}"#;
    for (model, expected) in [
        (CLAUDE, r#"{"thinking":{"type":"enabled","budget_tokens":1024}}"#),
        ("anthropic.claude-opus-4-6-v1", r#"{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}"#),
        ("us.amazon.nova-2-lite-v1:0", r#"{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}}"#),
        ("openai.gpt-oss-120b-1:0", r#"{"reasoning_effort":"low"}"#),
        ("qwen.qwen3-32b-v1:0", r#"{"reasoning_config":"low"}"#),
    ] {
        let (out, _) = written_for(model, body);
        assert_eq!(member(&out, &["additionalModelRequestFields"]).as_deref(), Some(expected), "{model}");
    }
    let (out, losses) = written_for("mistral.mistral-large-2407-v1:0", body);
    assert_eq!((member(&out, &["additionalModelRequestFields"]), losses.len()), (None, 1));
    // A model that the catalogue knows better.
    let document = Document::parse(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    let read = crate::openai_chat::OpenAiChat.read_request(&document, Said::default()).unwrap().value;
    let out = write(&read, &Target { model: "x", reasoning: Control::Effort, ..Target::default() }).unwrap();
    assert_eq!(member(&out, &["additionalModelRequestFields", "reasoning_effort"]).as_deref(), Some("\"low\""));
}

#[test]
fn ids_are_as_bedrock_takes_them_and_come_back() {
    let long = "call_".repeat(20);
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"a"}},
        {{"role":"assistant","tool_calls":[{{"id":"{long}","type":"function","function":{{"name":"f.x","arguments":"{{}}"}}}}]}},
        {{"role":"tool","tool_call_id":"{long}","content":"b"}}]}}"#
    );
    let (out, losses) = written_for(CLAUDE, &body);
    let json = Json::parse(&out.body).unwrap();
    let turns: Vec<Json<'_>> = json.get("messages").unwrap().items().collect();
    let id = |turn: Json<'_>, member: &str| {
        let block = turn.get("content").unwrap().items().next().unwrap();
        block.at(&[member, "toolUseId"]).unwrap().as_str().unwrap().into_owned()
    };
    let (call, result) = (id(turns[1], "toolUse"), id(turns[2], "toolResult"));
    assert_eq!((call.len(), &call), (64, &result));
    assert_eq!((out.undo.id(&call), out.undo.name("f_x")), (&*long, "f.x"));
    // Tools that are called must be declared.
    assert_eq!(losses, ["approximated tools at tools"]);
    assert!(out.body.contains(r#""toolSpec":{"name":"f_x""#), "{}", out.body);
}

#[test]
fn tools_that_must_not_be_called_stay_away() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a"}],"tool_choice":"none","tools":[{"type":"function","function":{"name":"f"}}]}"#;
    let (out, losses) = written_for(CLAUDE, body);
    assert_eq!(
        (member(&out, &["toolConfig"]), &*losses),
        (None, &["approximated tool_choice at tool_choice".to_owned()][..])
    );
}

#[test]
fn what_a_model_does_not_take_is_not_sent() {
    let body = r#"{"model":"m","max_tokens":9,"top_k":5,"temperature":0.5,"stop_sequences":["X"],"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}"#;
    let (out, losses) = written_for("us.meta.llama3-3-70b-instruct-v1:0", body);
    assert_eq!(losses, ["dropped cache_control at messages[0].content[0]", "dropped top_k at top_k"]);
    assert_eq!(
        out.body,
        r#"{"messages":[{"role":"user","content":[{"text":"a"}]}],"inferenceConfig":{"maxTokens":9,"temperature":0.5,"stopSequences":["X"]}}"#
    );
    // A Nova keeps a mark for five minutes; a Claude tells the stop text when asked.
    let (out, losses) = written_for("amazon.nova-lite-v1:0", body);
    assert_eq!(losses, ["approximated cache_control at messages[0].content[0]"]);
    assert!(out.body.contains(r#"{"cachePoint":{"type":"default"}}"#), "{}", out.body);
    let (out, _) = written_for("anthropic.claude-3-haiku-20240307-v1:0", body);
    assert_eq!(member(&out, &["additionalModelResponseFieldPaths"]).as_deref(), Some(r#"["/stop_sequence"]"#));
    assert_eq!(member(&out, &["additionalModelRequestFields"]).as_deref(), Some(r#"{"top_k":5}"#));
}
