#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::part::{Citation, Origin};

#[test]
fn a_whole_answer_is_written_as_clients_read_it() {
    let proof = |data: &str| {
        Some(Opaque { origin: Origin { dialect: DialectId::AnthropicMessages, model: "c".into() }, data: data.into() })
    };
    let cited = Citation { url: Some("u".into()), title: None, quoted: None, span: None, raw: None };
    let placed = Citation { url: None, ..cited.clone() };
    let parts: Vec<Part> = vec![
        Body::Reasoning(Reasoning { text: "r".into(), proof: proof("S"), redacted: false }).into(),
        Body::Reasoning(Reasoning { text: String::new(), proof: proof("D"), redacted: true }).into(),
        Body::Text { text: "t".into(), citations: vec![cited, placed] }.into(),
        Body::ToolCall(ToolCall { id: String::new(), name: "f".into(), arguments: "{}".into(), proof: proof("P") })
            .into(),
    ];
    let choice = Choice { parts, finish: Some(Finish::new(Reason::ToolUse)) };
    let response = Response { choices: vec![choice], ..Response::default() };
    let asked = Asked { include_usage: false, now: 9, id: "req-1".into(), model: "asked".into(), ..Asked::default() };
    let written = write(&response, &asked);
    let expected = concat!(
        r#"{"id":"req-1","object":"chat.completion","created":9,"model":"asked","choices":[{"index":0,"message":"#,
        r#"{"role":"assistant","content":"t","refusal":null,"reasoning_content":"r","reasoning_details":["#,
        r#"{"type":"reasoning.text","signature":"S","format":"anthropic-claude-v1","text":"r","index":0,"origin":"c"},"#,
        r#"{"type":"reasoning.encrypted","data":"D","format":"anthropic-claude-v1","index":1,"origin":"c"}],"#,
        r#""annotations":[{"type":"url_citation","url_citation":{"url":"u","title":"","start_index":0,"end_index":0}}],"#,
        r#""tool_calls":[{"id":"call_req1_0","type":"function","function":{"name":"f","arguments":"{}"}}]},"#,
        r#""logprobs":null,"finish_reason":"tool_calls"}],"usage":null}"#,
    );
    assert_eq!(written.value, expected);
    let at = |place: u32| format!("choices[0].content[{place}]");
    assert_eq!(written.losses, [Loss::dropped("citation", at(2)), Loss::dropped("thought_signature", at(3))]);
}
