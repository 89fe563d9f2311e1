#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;

const SAID: Said<'static> = Said { model: Some("m"), stream: Some(true) };

fn request(members: &str) -> Request {
    let body = format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"hi"}}]}}]{members}}}"#);
    let body = Document::parse(Bytes::from(body)).expect(members);
    read(&body, SAID).expect(members).value
}

fn fault(body: &str) -> String {
    let body = Document::parse(Bytes::copy_from_slice(body.as_bytes())).expect("JSON");
    read(&body, SAID).expect_err("wrong").path.unwrap_or_default()
}

#[test]
fn path_and_conversation() {
    let request = request(r#","system_instruction":{"parts":[{"text":"be brief"}]}"#);
    assert_eq!((request.model.as_str(), request.stream, request.system.len()), ("m", true, 1));
    assert_eq!(request.messages.first().map(|message| message.role), Some(Role::User));
}

#[test]
fn sampling_and_form() {
    let config = r#","generationConfig":{"maxOutputTokens":7,"temperature":1e400,"topP":0.5,"top_k":3,"stopSequences":["a"],
        "candidateCount":2,"seed":1,"responseLogprobs":true,"logprobs":5,"responseModalities":["TEXT"],"x":1,
        "responseMimeType":"application/json","responseSchema":{"type":"OBJECT"}}"#;
    let request = request(config);
    let sampling = &request.sampling;
    assert_eq!((sampling.max_output, sampling.choices, sampling.top_logprobs), (Some(7), Some(2), Some(5)));
    assert_eq!(sampling.temperature.as_ref().map(Raw::as_str), Some("1e400"));
    assert_eq!(sampling.top_k.as_ref().map(Raw::as_str), Some("3"));
    let schema = match &request.format {
        Some(Format::JsonSchema { schema, .. }) => schema.as_str(),
        _ => "",
    };
    assert_eq!(schema, r#"{"type":"object"}"#);
    assert_eq!(request.foreign.iter().collect::<Vec<_>>(), [(HERE, "generationConfig.x", "1")]);
}

#[test]
fn forms_by_media_type() {
    let form = |config: &str| request(&format!(r#","generationConfig":{{{config}}}"#)).format;
    assert_eq!(form(r#""response_mime_type":"application/json""#), Some(Format::JsonObject));
    assert_eq!(form(r#""responseMimeType":"text/plain""#), None);
    assert_eq!(form(r#""responseMimeType":"text/x.enum","responseSchema":{"type":"STRING"}"#), None);
}

#[test]
fn thinking() {
    let check = |config: &str, expected: Effort| {
        let request = request(&format!(r#","generationConfig":{{"thinkingConfig":{{{config}}}}}"#));
        assert_eq!(request.effort.unwrap_or_default(), expected, "{config}");
    };
    let on = Effort { enabled: Some(true), ..Effort::default() };
    check(r#""thinkingBudget":0"#, Effort { enabled: Some(false), ..Effort::default() });
    check(r#""thinkingBudget":-1"#, Effort { adaptive: true, ..on.clone() });
    check(r#""thinking_budget":512,"include_thoughts":true"#, Effort { budget: Some(512), ..on.clone() });
    check(r#""thinkingLevel":"LOW","includeThoughts":true"#, Effort { level: Some("low".into()), ..Effort::default() });
    check(r#""includeThoughts":true"#, on);
    check(r#""includeThoughts":false"#, Effort::default());
}

#[test]
fn tools_and_choice() {
    let request = request(
        r#","tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT"}},{"name":"g","parametersJsonSchema":{ "a":1}}],
            "googleSearch":{}},{"code_execution":{}}],"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED"},"x":2}"#,
    );
    let names: Vec<String> = request
        .tools
        .iter()
        .map(|tool| match tool {
            Tool::Function(function) => format!("{} {:?}", function.name, function.schema.as_ref().map(Raw::as_str)),
            Tool::Foreign { kind, raw, .. } => format!("{kind} {}", raw.as_str()),
        })
        .collect();
    let expected = [
        r#"f Some("{\"type\":\"object\"}")"#,
        r#"g Some("{ \"a\":1}")"#,
        r#"googleSearch {"googleSearch":{}}"#,
        r#"codeExecution {"codeExecution":{}}"#,
    ];
    assert_eq!(names, expected);
    assert_eq!(request.tool_choice, Some(ToolChoice::Auto));
    assert_eq!(request.foreign.iter().map(|(_, key, _)| key).collect::<Vec<_>>(), [VALIDATED, "toolConfig.x"]);
}

#[test]
fn choices() {
    let check = |calling: &str, expected: Option<ToolChoice>| {
        let request = request(&format!(r#","tool_config":{{"function_calling_config":{{{calling}}}}}"#));
        assert_eq!(request.tool_choice, expected, "{calling}");
    };
    let names = |required| Some(ToolChoice::Allowed { required, names: vec!["a".into(), "b".into()] });
    check("", None);
    check(r#""mode":"auto""#, Some(ToolChoice::Auto));
    check(r#""mode":"ANY""#, Some(ToolChoice::Any));
    check(r#""mode":"NONE""#, Some(ToolChoice::None));
    check(r#""mode":"ANY","allowed_function_names":["a"]"#, Some(ToolChoice::Named("a".into())));
    check(r#""mode":"ANY","allowedFunctionNames":["a","b"]"#, names(true));
    check(r#""mode":"VALIDATED","allowedFunctionNames":["a","b"]"#, names(false));
}

#[test]
fn what_is_wrong_is_named() {
    for (body, path) in [
        ("{}", "contents"),
        (r#"{"contents":7}"#, "contents"),
        (r#"{"contents":["a"]}"#, "contents[0]"),
        (r#"{"contents":[],"cachedContent":"cachedContents/1"}"#, "cachedContent"),
        (r#"{"contents":[{"role":"assistant"}]}"#, "contents[0].role"),
        (r#"{"contents":[],"generationConfig":{"topP":"x"}}"#, "generationConfig.topP"),
        (r#"{"contents":[],"tools":[{"functionDeclarations":[{}]}]}"#, "tools[0].functionDeclarations[0].name"),
        (
            r#"{"contents":[],"toolConfig":{"functionCallingConfig":{"mode":"X"}}}"#,
            "toolConfig.functionCallingConfig.mode",
        ),
    ] {
        assert_eq!(fault(body), path, "{body}");
    }
}
