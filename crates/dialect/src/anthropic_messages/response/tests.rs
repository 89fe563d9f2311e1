#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::id::DialectId;
use crate::ir::part::{Citation, Opaque, Origin, Reasoning, ToolCall};
use crate::usage::Unit;

fn of(text: &str, undo: &Undo) -> Result<Lossy<Response>, UpstreamFault> {
    read(Json::parse(text).unwrap(), undo, &Target { model: "claude-x", ..Target::default() })
}

const ANSWER: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-x-1","content":[{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"redacted_thinking","data":"d"},{"type":"text","text":"hi","citations":[{"type":"char_location","cited_text":"q"}]},{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":4}}"#;

#[test]
fn an_answer_reads_and_writes_back() {
    let answer = of(ANSWER, &Undo::default()).unwrap();
    assert!(answer.losses.is_empty());
    let response = answer.value;
    assert_eq!((response.id.as_str(), response.model.as_str()), ("msg_1", "claude-x-1"));
    let Body::Reasoning(reasoning) = &response.choices[0].parts[0].body else { panic!("reasoning") };
    let origin = Origin { dialect: DialectId::AnthropicMessages, model: "claude-x".to_owned() };
    assert_eq!(reasoning.proof, Some(Opaque { origin, data: "sig".to_owned() }));
    assert_eq!((response.usage.get(Unit::Input), response.usage.get(Unit::Output)), (Some(3), Some(4)));
    assert_eq!(write(&response, &Asked::default()), Lossy::whole(ANSWER.to_owned()));
}

#[test]
fn what_was_changed_is_changed_back() {
    let mut undo = Undo { names: vec![("f".to_owned(), "f.x".to_owned())], ..Undo::default() };
    undo.ids.push(("t".to_owned(), "t:1".to_owned()));
    let response = of(ANSWER, &undo).unwrap().value;
    let Body::ToolCall(call) = &response.choices[0].parts[4].body else { panic!("a call") };
    assert_eq!((call.id.as_str(), call.name.as_str(), call.arguments.as_str()), ("t:1", "f.x", r#"{"a":1}"#));
    let undo = Undo { format_tool: Some("f".to_owned()), ..Undo::default() };
    let choice = of(ANSWER, &undo).unwrap().value.choices.remove(0);
    assert_eq!(choice.parts[4], Part::text(r#"{"a":1}"#));
    assert_eq!(choice.finish, Some(Finish::new(Reason::Stop)));
}

#[test]
fn what_is_no_answer_is_a_fault() {
    for (text, outcome) in [
        (r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#, Outcome::Overloaded),
        ("{}", Outcome::BadAnswer),
        ("7", Outcome::BadAnswer),
        (r#"{"content":[{"text":"x"}]}"#, Outcome::BadAnswer),
        (r#"{"content":[{"type":"tool_use"}]}"#, Outcome::BadAnswer),
    ] {
        assert_eq!(of(text, &Undo::default()).unwrap_err().outcome, outcome, "{text}");
    }
    let text = r#"{"content":[],"container":{"id":"c"},"stop_details":null}"#;
    assert_eq!(of(text, &Undo::default()).unwrap().losses, [Loss::dropped("container", "container")]);
}

#[test]
fn answers_of_other_dialects() {
    let origin = Origin { dialect: DialectId::OpenAiChat, model: String::new() };
    let proof = Some(Opaque { origin, data: "x".to_owned() });
    let url = Citation {
        url: Some("https://x".to_owned()),
        title: Some("X".to_owned()),
        quoted: None,
        span: Some((0, 2)),
        raw: None,
    };
    let call = ToolCall { id: String::new(), name: "f".to_owned(), arguments: "oops".to_owned(), proof: None };
    let parts = vec![
        Body::Reasoning(Reasoning { text: "hm".to_owned(), proof, redacted: false }).into(),
        Part::text(""),
        Body::Text { text: "hi".to_owned(), citations: vec![url] }.into(),
        Body::ToolCall(call).into(),
    ];
    let choice = Choice { parts, finish: Some(Finish::new(Reason::Stop)) };
    let response = Response { choices: vec![choice, Choice::default()], ..Response::default() };
    let asked = Asked { id: "req-1".to_owned(), model: "m".to_owned(), ..Asked::default() };
    let written = write(&response, &asked);
    assert_eq!(
        written.value,
        concat!(
            r#"{"id":"req-1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"hm","signature":""},"#,
            r#"{"type":"text","text":"hi","citations":[{"type":"web_search_result_location","cited_text":"","url":"https://x","title":"X","encrypted_index":""}]},"#,
            r#"{"type":"tool_use","id":"toolu_req_1_content_3","name":"f","input":{"arguments":"oops"}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":0,"output_tokens":0}}"#
        )
    );
    let told: Vec<String> = written.losses.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "dropped choices at choices[1]",
            "dropped reasoning signature at content[0]",
            "approximated citations at content[2]",
            "approximated arguments at content[3]"
        ]
    );
    let parts = vec![Body::Refusal("no".to_owned()).into()];
    let choice = Choice { parts, finish: Some(Finish::new(Reason::Stop)) };
    let written = write(&Response { choices: vec![choice], ..Response::default() }, &asked);
    assert!(written.value.contains(r#""content":[{"type":"text","text":"no"}],"stop_reason":"refusal""#));
}
