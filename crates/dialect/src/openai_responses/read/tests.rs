#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;

use crate::ir::part::Body;

fn read(members: &str) -> Result<Lossy<Request>, Fault> {
    let body = format!(r#"{{"model":"m",{members}}}"#);
    request(&Document::parse(Bytes::from(body)).unwrap())
}

/// What the messages say, each part in a word, and the losses.
fn check(input: &str, expected: &str, losses: &[&str]) {
    let request = read(&format!(r#""input":{input}"#)).unwrap();
    let word = |body: &Body| match body {
        Body::Text { text, citations } => format!("{text}{}", "^".repeat(citations.len())),
        Body::Refusal(text) => format!("no:{text}"),
        Body::Reasoning(own) => format!("hm:{}:{}", own.text, own.proof.as_ref().map_or("", |proof| &proof.data)),
        Body::ToolCall(call) => format!("{}={}({})", call.id, call.name, call.arguments),
        Body::ToolResult(result) => format!("{}>{}", result.call_id, result.content.len()),
        Body::Media(media) => format!("{:?}:{:?}", media.kind, media.source),
        Body::Unknown { kind, .. } => format!("?{kind}"),
    };
    let said: Vec<String> = request
        .value
        .messages
        .iter()
        .map(|message| {
            let parts: Vec<String> = message.parts.iter().map(|part| word(&part.body)).collect();
            format!("{:?}[{}]", message.role, parts.join(","))
        })
        .collect();
    assert_eq!(said.join(" "), expected);
    assert_eq!(request.losses.iter().map(ToString::to_string).collect::<Vec<_>>(), losses);
}

#[test]
fn items() {
    check(r#""hi""#, "User[hi]", &[]);
    check(r#"[{"role":"user","content":"hi"}]"#, "User[hi]", &[]);
    check(r#"[{"type":"message","role":"developer","content":[{"type":"input_text","text":"a"}]}]"#, "System[a]", &[]);
    check(
        r#"[{"type":"message","id":"i","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[{"type":"url_citation","url":"u"}]},{"type":"refusal","refusal":"r"}]}]"#,
        "Assistant[a^,no:r]",
        &[],
    );
    check(
        r#"[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"ok"}]"#,
        "Assistant[c=f({})] Tool[c>1]",
        &[],
    );
    check(
        r#"[{"type":"custom_tool_call","call_id":"c","name":"f","input":"a \"b\""},{"type":"custom_tool_call_output","call_id":"c","output":[]}]"#,
        r#"Assistant[c=f({"input":"a \"b\""})] Tool[c>0]"#,
        &[],
    );
    check(
        r#"[{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],"encrypted_content":"E"}]"#,
        "Assistant[hm:a\n\nb:E]",
        &[],
    );
    check(
        r#"[{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"a"}]}]"#,
        "Assistant[hm:a:]",
        &[],
    );
    check(r#"[{"type":"reasoning","id":"rs","summary":[]}]"#, "", &["dropped reasoning at input[0]"]);
    check(
        r#"[{"type":"web_search_call","id":"w"},{"type":"local_shell_call_output","output":"x"}]"#,
        "Assistant[?web_search_call] Tool[?local_shell_call_output]",
        &[],
    );
    check(
        r#"[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,QQ=="},{"type":"input_file","file_url":"https://f"},{"type":"input_file","file_id":"i"}]}]"#,
        r#"User[Image:Base64 { media_type: "image/png", data: "QQ==" },File:Url("https://f"),File:FileId { dialect: OpenAiResponses, id: "i" }]"#,
        &[],
    );
}

#[test]
fn what_is_kept_elsewhere_is_refused() {
    let refused = |members: &str| read(members).unwrap_err().path.unwrap();
    assert_eq!(refused(r#""input":"x","previous_response_id":"r""#), "previous_response_id");
    assert_eq!(refused(r#""input":"x","conversation":"c""#), "conversation");
    assert_eq!(refused(r#""input":"x","background":true"#), "background");
    assert_eq!(refused(r#""prompt":{"id":"p"}"#), "prompt");
    assert_eq!(refused(r#""input":[{"type":"item_reference","id":"i"}]"#), "input[0]");
    assert_eq!(refused(r#""input":[{"type":"compaction","encrypted_content":"E"}]"#), "input[0]");
    assert!(
        read(r#""input":"x","background":false,"store":false,"previous_response_id":null"#).unwrap().losses.is_empty()
    );
    assert_eq!(read(r#""input":"x","store":true"#).unwrap().losses, [Loss::dropped("store", "store")]);
}

#[test]
fn tools_and_choices() {
    let choice = |json: &str| read(&format!(r#""input":"x","tool_choice":{json}"#)).unwrap().value;
    assert_eq!(choice(r#""required""#).tool_choice, Some(ToolChoice::Any));
    assert_eq!(choice(r#"{"type":"custom","name":"f"}"#).tool_choice, Some(ToolChoice::Named("f".into())));
    let allowed = choice(r#"{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"}]}"#);
    assert_eq!(allowed.tool_choice, Some(ToolChoice::Allowed { required: true, names: vec!["f".into()] }));
    assert_eq!(choice(r#"{"type":"file_search"}"#).foreign.0.len(), 1);
    let tools = read(r#""input":"x","tools":[{"type":"function","name":"f","parameters":null},{"type":"custom","name":"c","format":{"type":"text"}},{"type":"web_search"}]"#).unwrap();
    assert_eq!(tools.losses, [Loss::approximated("custom tool", "tools[1]")]);
    let [Tool::Function(plain), Tool::Function(custom), Tool::Foreign { kind, .. }] = tools.value.tools.as_slice()
    else {
        panic!()
    };
    assert_eq!(
        (plain.schema.as_ref(), custom.schema.as_ref().unwrap().as_str(), kind.as_str()),
        (None, FREE_TEXT, "web_search")
    );
    assert!(custom.foreign.is_empty());
}

#[test]
fn parameters() {
    let request = read(r#""input":"x","instructions":"i","max_output_tokens":5,"reasoning":{"effort":"low","summary":"auto"},"text":{"format":{"type":"json_schema","name":"n","schema":{"a":1}},"verbosity":"low"},"include":["reasoning.encrypted_content","file_search_call.results"],"user":"u","safety_identifier":"s""#).unwrap();
    let value = &request.value;
    assert_eq!((value.system.len(), value.sampling.max_output, value.user.as_deref()), (1, Some(5), Some("s")));
    assert_eq!(value.effort.as_ref().unwrap().level.as_deref(), Some("low"));
    assert!(matches!(&value.format, Some(Format::JsonSchema { name: Some(name), .. }) if name == "n"));
    let own: Vec<&str> = value.foreign.iter().map(|(_, key, _)| key).collect();
    assert_eq!(own, ["reasoning.summary", "text.verbosity"]);
    assert_eq!(
        request.losses,
        [Loss::dropped("file_search_call.results", "include[1]"), Loss::dropped("user", "user")]
    );
}
