#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::foreign::Foreign;
use crate::ir::part::{Body, Media, MediaKind, MediaSource, Opaque, Origin, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Effort, Message, Role};

fn written(request: &Request, model: &str) -> (String, Vec<String>, crate::undo::Undo) {
    let out = write(request, &Target { model, ..Target::default() }).unwrap();
    assert_eq!(out.headers, [("anthropic-version", "2023-06-01".to_owned())]);
    Json::parse(&out.body).expect("what is written is JSON");
    (out.body, out.losses.iter().map(ToString::to_string).collect(), out.undo)
}

fn says(role: Role, parts: Vec<Part>) -> Message {
    Message::new(role, parts)
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    let (id, name, arguments) = (id.to_owned(), name.to_owned(), arguments.to_owned());
    Body::ToolCall(ToolCall { id, name, arguments, proof: None }).into()
}

fn result(id: &str, content: Vec<Part>) -> Part {
    Body::ToolResult(ToolResult { call_id: id.to_owned(), content, is_error: None }).into()
}

fn asks(text: &str) -> Request {
    Request { messages: vec![says(Role::User, vec![Part::text(text)])], ..Request::default() }
}

fn function(name: &str, schema: &str) -> Tool {
    Tool::Function(Function {
        name: name.to_owned(),
        description: None,
        schema: Some(schema.into()),
        strict: None,
        cache: None,
        foreign: Foreign::default(),
    })
}

fn schema() -> Format {
    let schema = r#"{"type":"object","properties":{"a":{}}}"#;
    Format::JsonSchema {
        name: Some("my form".to_owned()),
        description: None,
        schema: schema.into(),
        strict: Some(true),
    }
}

#[test]
fn the_least_request() {
    let (body, losses, _) = written(&asks("hi"), "m");
    assert_eq!(body, r#"{"model":"m","max_tokens":8192,"messages":[{"role":"user","content":"hi"}]}"#);
    assert!(losses.is_empty());
    assert_eq!(write(&Request::default(), &Target::default()).unwrap_err().path.as_deref(), Some("messages"));
}

#[test]
fn turns_alternate_and_results_come_first() {
    let messages = vec![
        says(Role::System, vec![Part::text("be brief")]),
        says(Role::User, vec![Part::text("a")]),
        says(Role::User, vec![Part::text("b")]),
        says(Role::Assistant, vec![Part::text(""), call("call|1", "get.it", ""), call("call:1", "get_it", "[1]")]),
        says(Role::Tool, vec![result("call|1", vec![Part::text("one")])]),
        says(Role::Tool, vec![result("call:1", vec![Part::text("x"), Part::text("y")])]),
        says(Role::User, vec![Part::text("go on")]),
        says(Role::System, vec![Part::text("later")]),
        says(Role::Assistant, vec![Part::text("so \n")]),
    ];
    let (body, losses, undo) = written(&Request { messages, ..Request::default() }, "m");
    assert_eq!(
        body,
        concat!(
            r#"{"model":"m","max_tokens":8192,"system":[{"type":"text","text":"be brief"},{"type":"text","text":"later"}],"messages":["#,
            r#"{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},"#,
            r#"{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"get_it","input":{}},"#,
            r#"{"type":"tool_use","id":"call_1_2","name":"get_it_2","input":{"arguments":"[1]"}}]},"#,
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"one"},"#,
            r#"{"type":"tool_result","tool_use_id":"call_1_2","content":[{"type":"text","text":"x"},{"type":"text","text":"y"}]},"#,
            r#"{"type":"text","text":"go on"}]},"#,
            r#"{"role":"assistant","content":"so"}]}"#
        )
    );
    assert_eq!(
        losses,
        [
            "approximated arguments at messages[1].content[2]",
            "approximated system at messages[4]",
            "approximated trailing white space at messages[5].content[0]"
        ]
    );
    assert_eq!((undo.id("call_1"), undo.id("call_1_2")), ("call|1", "call:1"));
    assert_eq!((undo.name("get_it"), undo.name("get_it_2")), ("get.it", "get_it"));
}

#[test]
fn a_conversation_begins_with_the_user() {
    let messages = vec![says(Role::Assistant, vec![Part::text("hello")])];
    let (body, losses, _) = written(&Request { messages, ..Request::default() }, "m");
    assert!(body.contains(r#""messages":[{"role":"user","content":"."},{"role":"assistant""#));
    assert_eq!(losses, ["approximated first message at messages[0]"]);
}

#[test]
fn proofs_go_to_their_maker_only() {
    let thought = |model: &str, redacted| {
        let origin = Origin { dialect: HERE, model: model.to_owned() };
        let proof = Some(Opaque { origin, data: "sig".to_owned() });
        let text = if redacted { String::new() } else { "hm".to_owned() };
        Part::from(Body::Reasoning(Reasoning { text, proof, redacted }))
    };
    let bare = Part::from(Body::Reasoning(Reasoning { text: "hm".to_owned(), proof: None, redacted: false }));
    let parts = vec![thought("", false), thought("m", true), thought("other", false), bare, Part::text("x")];
    let mut request = asks("hi");
    request.messages.push(says(Role::Assistant, parts));
    let (body, losses, _) = written(&request, "m");
    let blocks = r#"[{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"redacted_thinking","data":"sig"},{"type":"text","text":"x"}]"#;
    assert!(body.contains(blocks), "{body}");
    assert_eq!(
        losses,
        ["dropped reasoning signature at messages[1].content[2]", "dropped reasoning at messages[1].content[3]"]
    );
}

#[test]
fn media_that_has_a_block() {
    let media = |kind, source| Part::from(Body::Media(Media { kind, source, name: None, detail: None }));
    let base64 = |media_type: &str| MediaSource::Base64 { media_type: media_type.to_owned(), data: "aa".to_owned() };
    let mut request = asks("hi");
    request.messages[0].parts.extend([
        media(MediaKind::Image, base64("image/png")),
        media(MediaKind::Image, MediaSource::Url("u".to_owned())),
        media(MediaKind::File, base64("application/pdf")),
        media(MediaKind::File, base64("application/zip")),
        media(MediaKind::Audio, base64("audio/wav")),
        media(MediaKind::File, MediaSource::FileId { dialect: DialectId::OpenAiChat, id: "f".to_owned() }),
    ]);
    let (body, losses, _) = written(&request, "m");
    for block in [
        r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aa"}}"#,
        r#"{"type":"image","source":{"type":"url","url":"u"}}"#,
        r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"aa"}}"#,
    ] {
        assert!(body.contains(block), "{body}");
    }
    assert_eq!(
        losses,
        [
            "dropped file at messages[0].content[4]",
            "dropped audio at messages[0].content[5]",
            "dropped file at messages[0].content[6]"
        ]
    );
}

#[test]
fn forms_are_native_or_a_forced_tool() {
    let mut request = Request { format: Some(schema()), ..asks("hi") };
    let (body, losses, undo) = written(&request, "claude-sonnet-4-5");
    assert!(body.ends_with(
        r#""output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{}}}}}}"#
    ));
    assert_eq!((losses.len(), undo.format_tool), (0, None));
    let (body, losses, undo) = written(&request, "claude-3-5-haiku");
    assert!(
        body.contains(r#""tool_choice":{"type":"tool","name":"my_form","disable_parallel_tool_use":true}"#),
        "{body}"
    );
    assert!(body.contains(r#""input_schema":{"type":"object","properties":{"a":{}}}"#));
    assert_eq!(
        (losses, undo.format_tool.as_deref()),
        (vec!["weakened response_format at format".to_owned()], Some("my_form"))
    );
    request.tools.push(function("my_form", "{}"));
    let (body, _, undo) = written(&request, "claude-3-5-haiku");
    assert!(body.contains(r#""tool_choice":{"type":"any","disable_parallel_tool_use":true}"#), "{body}");
    assert!(body.contains(r#"{"name":"my_form","input_schema":{"type":"object"}}"#), "{body}");
    assert_eq!(undo.format_tool.as_deref(), Some("my_form_2"));
    request.format = Some(Format::JsonObject);
    request.effort = Some(Effort { level: Some("high".to_owned()), ..Effort::default() });
    let (body, losses, _) = written(&request, "claude-sonnet-4-6");
    assert!(!body.contains("thinking"), "{body}");
    assert_eq!(losses, ["approximated response_format at format", "dropped reasoning effort at effort"]);
}

#[test]
fn tool_choices() {
    let mut request = asks("hi");
    request.tools = vec![function("a", "{}"), function("b", "true")];
    request.parallel_tools = Some(false);
    let single = r#","disable_parallel_tool_use":true}"#;
    for (choice, expected) in [
        (None, format!(r#"{{"type":"auto"{single}"#)),
        (Some(ToolChoice::Auto), format!(r#"{{"type":"auto"{single}"#)),
        (Some(ToolChoice::Any), format!(r#"{{"type":"any"{single}"#)),
        (Some(ToolChoice::None), r#"{"type":"none"}"#.to_owned()),
        (Some(ToolChoice::Named("a".to_owned())), format!(r#"{{"type":"tool","name":"a"{single}"#)),
        (
            Some(ToolChoice::Allowed { required: true, names: vec!["b".to_owned()] }),
            format!(r#"{{"type":"any"{single}"#),
        ),
    ] {
        request.tool_choice = choice;
        let (body, losses, _) = written(&request, "m");
        assert!(body.contains(&format!(r#""tool_choice":{expected}"#)), "{body}");
        assert!(losses.contains(&"approximated input_schema at tools[1]".to_owned()));
        assert_eq!(
            body.contains(r#""name":"a","input"#),
            !losses.iter().any(|loss| loss == "approximated tool_choice at tool_choice")
        );
    }
    request.tool_choice = Some(ToolChoice::Any);
    request.effort = Some(Effort { enabled: Some(true), adaptive: true, ..Effort::default() });
    let (body, losses, _) = written(&request, "claude-sonnet-4-6");
    assert!(body.contains(r#""tool_choice":{"type":"auto""#) && body.contains(r#""thinking":{"type":"adaptive"}"#));
    assert!(losses.contains(&"approximated tool_choice at tool_choice".to_owned()));
}

#[test]
fn a_budget_needs_the_thinking_that_led_to_the_calls() {
    let mut request = asks("hi");
    request.effort = Some(Effort { enabled: Some(true), budget: Some(2000), ..Effort::default() });
    request.messages.push(says(Role::Assistant, vec![call("t", "f", "{}")]));
    request.messages.push(says(Role::Tool, vec![result("t", vec![Part::text("1")])]));
    let (body, losses, _) = written(&request, "claude-sonnet-4-5");
    assert!(!body.contains("thinking"), "{body}");
    assert_eq!(losses, ["dropped reasoning effort at effort"]);
}

#[test]
fn foreign_members_go_home_or_are_told() {
    let mut request = Request { user: Some("u".to_owned()), tier: Some("flex".to_owned()), ..asks("hi") };
    request.sampling.stop = vec!["a".to_owned(), " ".to_owned()];
    request.foreign.push(HERE, "metadata.team", "1");
    request.foreign.push(HERE, "container", r#""c""#);
    request.foreign.push(DialectId::OpenAiChat, "logit_bias", "{}");
    request.tools.push(Tool::Foreign { dialect: DialectId::OpenAiChat, kind: "custom".to_owned(), raw: "{}".into() });
    request.messages[0].name = Some("bob".to_owned());
    let (body, losses, _) = written(&request, "m");
    assert!(body.ends_with(r#""stop_sequences":["a"],"metadata":{"user_id":"u","team":1},"container":"c"}"#), "{body}");
    assert_eq!(
        losses,
        [
            "dropped name at messages[0].name",
            "dropped custom at tools[0]",
            "dropped stop at stop",
            "dropped service_tier at service_tier",
            "dropped logit_bias at logit_bias"
        ]
    );
}

#[test]
fn schemas_of_arguments_are_objects() {
    for (schema, expected) in [
        (r#"{"b":1,"a":2}"#, r#"{"type":"object","b":1,"a":2}"#),
        ("{ }", r#"{"type":"object"}"#),
        (r#"{"type":"object","$defs":{}}"#, r#"{"type":"object","$defs":{}}"#),
        ("", r#"{"type":"object","properties":{}}"#),
    ] {
        assert_eq!(object_schema(schema), expected);
    }
}
