#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::foreign::Raw;
use crate::ir::part::{Body, MediaKind, MediaSource, Part};
use crate::ir::request::{Message, Role};
use bytes::Bytes;

fn of(text: &str) -> Result<Lossy<Request>, Fault> {
    request(&Document::parse(Bytes::from(text.to_owned())).unwrap())
}

/// The only message of a request.
fn one(message: &str) -> (Message, Vec<String>) {
    let read = of(&format!(r#"{{"model":"m","messages":[{message}]}}"#)).unwrap();
    let [message] = read.value.messages.as_slice() else { panic!("one message") };
    (message.clone(), read.losses.iter().map(ToString::to_string).collect())
}

#[test]
fn a_request_with_everything() {
    let read = of(r#"{"model":"m","max_completion_tokens":9,"temperature":0.50,"top_p":1e-1,"top_k":4,"stop":"a",
        "random_seed":12345678901234567890,"frequency_penalty":0.1,"presence_penalty":-1,"n":2,"logprobs":true,
        "top_logprobs":3,"user":"u","service_tier":"flex","stream":true,"stream_options":{"include_usage":true},
        "models":["x"],"provider":{},"usage":{"include":true},"prompt_cache_key":"k","store":null,"verbosity":"low",
        "response_format":{"type":"json_schema","json_schema":{"name":"f","schema":{"z":1,"a":2},"strict":true}},
        "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"z":1,"a":2},"strict":false},
                  "cache_control":{"type":"ephemeral"},"eager":1},{"type":"openrouter:web","max":1}],
        "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,
        "reasoning_effort":"high","messages":[{"role":"developer","content":"s"},{"role":"user","content":"hi","name":"n"}]}"#)
    .unwrap();
    assert!(read.losses.is_empty(), "{:?}", read.losses);
    let request = read.value;
    let sampling = &request.sampling;
    let raw = |value: &Option<Raw>| value.as_ref().unwrap().as_str().to_owned();
    assert_eq!([raw(&sampling.temperature), raw(&sampling.top_p), raw(&sampling.top_k)], ["0.50", "1e-1", "4"]);
    assert_eq!(raw(&sampling.seed), "12345678901234567890");
    assert_eq!((sampling.max_output, sampling.choices, sampling.stop.len()), (Some(9), Some(2), 1));
    assert_eq!((request.user.as_deref(), request.tier.as_deref(), request.stream), (Some("u"), Some("flex"), true));
    assert_eq!(request.foreign.iter().collect::<Vec<_>>(), [(HERE, "verbosity", "\"low\"")]);
    let [Tool::Function(function), Tool::Foreign { kind, .. }] = request.tools.as_slice() else { panic!("two tools") };
    assert_eq!(function.schema.as_ref().unwrap().as_str(), r#"{"z":1,"a":2}"#);
    assert_eq!((function.strict, function.cache.is_some(), kind.as_str()), (Some(false), true, "openrouter:web"));
    assert_eq!(function.foreign.iter().next(), Some((HERE, "eager", "1")));
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".to_owned())));
    assert_eq!(request.effort.unwrap().level.as_deref(), Some("high"));
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::System, Role::User]);
    assert_eq!(request.messages[1].name.as_deref(), Some("n"));
}

#[test]
fn thinking_in_every_form() {
    let effort = |enabled, level: Option<&str>, budget, adaptive| {
        Some(Effort { enabled, level: level.map(str::to_owned), budget, adaptive })
    };
    for (body, expected) in [
        (r#""reasoning_effort":"low""#, effort(None, Some("low"), None, false)),
        (r#""reasoning_effort":"none""#, effort(Some(false), None, None, false)),
        (r#""reasoning":{"effort":"high","enabled":true}"#, effort(Some(true), Some("high"), None, false)),
        (r#""reasoning":{"max_tokens":2000}"#, effort(None, None, Some(2000), false)),
        (r#""thinking":{"type":"disabled"}"#, effort(Some(false), None, None, false)),
        (r#""thinking":{"type":"adaptive"}"#, effort(Some(true), None, None, true)),
        (r#""enable_thinking":true,"thinking_budget":50"#, effort(Some(true), None, Some(50), false)),
        (r#""reasoning":{}"#, None),
    ] {
        let read = of(&format!(r#"{{"model":"m","messages":[],{body}}}"#)).unwrap();
        assert_eq!(read.value.effort, expected, "{body}");
        assert!(read.losses.is_empty(), "{body}");
    }
}

#[test]
fn parts_of_every_kind() {
    let (message, losses) = one(r#"{"role":"user","content":[
        {"type":"text","text":"a\ud800","cache_control":{"type":"ephemeral"}},
        {"type":"image_url","image_url":"https://a.example/x"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD","detail":"low","w":1}},
        {"type":"input_audio","input_audio":{"data":"QUJD","format":"mp3"}},
        {"type":"file","file":{"file_data":"data:application/pdf;base64,QUJD","filename":"f.pdf"}},
        {"type":"file","file":{"file_id":"file_1"}},
        {"type":"video_url","video_url":{"url":"https://a.example/v"}},
        {"type":"new","x":1}]}"#);
    assert_eq!(
        losses,
        [
            "approximated lone surrogate at messages[0].content[0].text",
            "dropped w at messages[0].content[2].image_url.w"
        ]
    );
    assert!(message.parts[0].cache.is_some());
    assert!(matches!(&message.parts[7].body, Body::Unknown { kind, .. } if kind == "new"));
    let media: Vec<_> = message.parts[1..7]
        .iter()
        .map(|part| match &part.body {
            Body::Media(media) => (media.kind, media.source.clone(), media.name.clone().or(media.detail.clone())),
            other => panic!("{other:?}"),
        })
        .collect();
    let bytes = |media_type: &str| MediaSource::Base64 { media_type: media_type.to_owned(), data: "QUJD".to_owned() };
    let expected = [
        (MediaKind::Image, MediaSource::Url("https://a.example/x".to_owned()), None),
        (MediaKind::Image, bytes("image/png"), Some("low".to_owned())),
        (MediaKind::Audio, bytes("audio/mpeg"), None),
        (MediaKind::File, bytes("application/pdf"), Some("f.pdf".to_owned())),
        (MediaKind::File, MediaSource::FileId { dialect: HERE, id: "file_1".to_owned() }, None),
        (MediaKind::Video, MediaSource::Url("https://a.example/v".to_owned()), None),
    ];
    assert_eq!(media, expected);
}

#[test]
fn streamed_thoughts_find_their_proofs_again() {
    // As an accumulator joins a stream of two thoughts; the second proof stands on a text that did not come back.
    let (message, losses) = one(r#"{"role":"assistant","content":"so","reasoning_content":"é😀 first",
        "reasoning_details":[
            {"type":"reasoning.text","signature":"A","format":"anthropic-claude-v1","index":0,"origin":"c","span":[0,3]},
            {"type":"reasoning.text","signature":"B","format":"anthropic-claude-v1","index":1,"origin":"c","span":[3,8]},
            {"type":"reasoning.text","signature":"C","format":"anthropic-claude-v1","index":2,"origin":"c","span":[8,9]},
            {"type":"reasoning.text","signature":"D","format":"anthropic-claude-v1","index":3,"origin":"c","span":[8,8]}]}"#);
    let thoughts = message.parts.iter().filter_map(|part| match &part.body {
        Body::Reasoning(reasoning) => Some((&*reasoning.text, reasoning.proof.as_ref().map(|proof| &*proof.data))),
        _ => None,
    });
    let thoughts: Vec<_> = thoughts.collect();
    assert_eq!(thoughts, [("é😀 ", Some("A")), ("first", Some("B")), ("", None), ("", Some("D"))]);
    assert_eq!(losses.len(), 1, "{losses:?}");
    for span in ["[1,0]", "[0]", "[-1,2]", "[0,1e3]", "7", "[0,18446744073709551615]"] {
        let json = format!(
            r#"{{"role":"assistant","content":null,"reasoning_content":"abc","reasoning_details":[
            {{"type":"reasoning.text","signature":"A","format":"anthropic-claude-v1","origin":"c","span":{span}}}]}}"#
        );
        assert_eq!(one(&json).1.len(), 1, "{span}");
    }
}

#[test]
fn an_assistant_thinks_says_and_calls() {
    let (message, losses) = one(r#"{"role":"assistant","content":"so","reasoning":"t","annotations":[],"refusal":null,
        "reasoning_details":[{"type":"reasoning.text","text":"t","signature":"S","format":"anthropic-claude-v1","id":"r","index":0,"origin":"c"},
                             {"type":"reasoning.encrypted","data":"D","format":"openai-responses-v1","id":null}],
        "tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":null},"index":0,
                       "extra_content":{"google":{"thought_signature":"G"}}},
                      {"id":"2","function":{"name":"f","arguments":"{\"a\":1}"}}]}"#);
    assert!(losses.is_empty(), "{losses:?}");
    let [thought, hidden, text, one, two] = message.parts.as_slice() else { panic!("{:?}", message.parts) };
    let Body::Reasoning(thought) = &thought.body else { panic!("reasoning") };
    let proof = thought.proof.as_ref().unwrap();
    assert_eq!((proof.origin.dialect, proof.origin.model.as_str()), (DialectId::AnthropicMessages, "c"));
    let Body::Reasoning(reasoning) = &hidden.body else { panic!("reasoning") };
    assert!(reasoning.redacted && reasoning.proof.as_ref().unwrap().origin.dialect == HERE);
    assert_eq!(*text, Part::text("so"));
    let Body::ToolCall(one) = &one.body else { panic!("a call") };
    assert_eq!((one.arguments.as_str(), one.proof.as_ref().unwrap().data.as_str()), ("", "G"));
    let Body::ToolCall(two) = &two.body else { panic!("a call") };
    assert_eq!(two.arguments, r#"{"a":1}"#);
    let thinking = r#"{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}"#;
    assert!(matches!(&self::one(thinking).0.parts[0].body, Body::Reasoning(hm) if hm.text == "hm"));
    let content = r#"{"role":"assistant","content":null,"reasoning_content":"hm"}"#;
    assert!(matches!(&self::one(content).0.parts[0].body, Body::Reasoning(hm) if hm.text == "hm"));
}

#[test]
fn functions_of_old() {
    let request = of(r#"{"model":"m","functions":[{"name":"f"}],"function_call":{"name":"f"},"messages":[
        {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
        {"role":"function","name":"f","content":"1"}]}"#);
    let request = request.unwrap().value;
    assert_eq!((request.tools.len(), request.tool_choice), (1, Some(ToolChoice::Named("f".to_owned()))));
    let Body::ToolResult(result) = &request.messages[1].parts[0].body else { panic!("a result") };
    assert_eq!((result.call_id.as_str(), &request.messages[1].parts[0].foreign.is_empty()), ("call_0", &true));
}

#[test]
fn what_is_wrong_has_its_path() {
    for (body, path) in [
        (r#"{"messages":[]}"#, "model"),
        (r#"{"model":"m"}"#, "messages"),
        (r#"{"model":"m","messages":{}}"#, "messages"),
        (r#"{"model":"m","messages":[1]}"#, "messages[0]"),
        (r#"{"model":"m","messages":[{"role":"x"}]}"#, "messages[0].role"),
        (r#"{"model":"m","messages":[{"role":"user"}]}"#, "messages[0].content"),
        (r#"{"model":"m","messages":[{"role":"user","content":[{}]}]}"#, "messages[0].content[0].type"),
        (r#"{"model":"m","messages":[{"role":"user","content":[{"type":1}]}]}"#, "messages[0].content[0].type"),
        (r#"{"model":"m","messages":[{"role":"tool","content":""}]}"#, "messages[0].tool_call_id"),
        (
            r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1"}]}]}"#,
            "messages[0].tool_calls[0].function",
        ),
        (r#"{"model":"m","messages":[],"tools":[{"type":"function","name":"f"}]}"#, "tools[0].function"),
        (r#"{"model":"m","messages":[],"max_tokens":-1}"#, "max_tokens"),
        (r#"{"model":"m","messages":[],"stop":[1]}"#, "stop[0]"),
        (
            r#"{"model":"m","messages":[],"response_format":{"type":"json_schema","json_schema":{}}}"#,
            "response_format.json_schema.schema",
        ),
        (r#"{"model":"m","messages":[],"tool_choice":"x"}"#, "tool_choice"),
        (r#"{"model":"m","messages":[],"reasoning":1}"#, "reasoning"),
    ] {
        assert_eq!(of(body).unwrap_err().path.as_deref(), Some(path), "{body}");
    }
}
