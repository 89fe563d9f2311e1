#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;
use bytes::Bytes;

fn look(body: &str, said: Said<'_>) -> Result<Peek, String> {
    let body = Document::parse(Bytes::copy_from_slice(body.as_bytes())).expect("JSON");
    peek(&body, said).map_err(|fault| fault.path.unwrap_or_default())
}

fn check(config: &str, expected: impl Fn(&Peek) -> bool) {
    let body = format!(r#"{{"contents":[],{config}}}"#);
    let said = Said { model: Some("gemini-x"), stream: Some(true) };
    let peek = look(&body, said).expect(config);
    assert!(peek.stream && peek.model == "gemini-x" && expected(&peek), "{config}: {peek:?}");
}

#[test]
fn what_routing_must_know() {
    check(r#""generationConfig":{"maxOutputTokens":7,"candidateCount":2}"#, |peek| {
        peek.max_output == Some(7) && peek.choices == 2
    });
    check(r#""generation_config":{"max_output_tokens":7}"#, |peek| peek.max_output == Some(7) && peek.choices == 1);
    check(r#""tools":[{"googleSearch":{}}]"#, |peek| peek.wants.tools);
    check(r#""tools":{"function_declarations":[]}"#, |peek| peek.wants.tools);
    check(r#""generationConfig":{"response_mime_type":"application/json"}"#, |peek| peek.wants.structured);
    check(r#""generationConfig":{"responseJsonSchema":{}}"#, |peek| peek.wants.structured);
    check(r#""generationConfig":{"thinkingConfig":{"thinkingBudget":0}}"#, |peek| !peek.wants.reasoning);
    check(r#""generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW"}}"#, |peek| peek.wants.reasoning);
    check(r#""serviceTier":"FLEX""#, |peek| peek.tier.as_deref() == Some("flex"));
}

#[test]
fn the_path_names_the_model() {
    let said = |model| Said { model, stream: None };
    assert_eq!(look(r#"{"contents":[]}"#, said(None)), Err("model".into()));
    assert_eq!(look(r#"{"contents":[],"model":"models/b"}"#, said(None)).map(|peek| peek.model), Ok("b".into()));
    assert_eq!(look(r#"{"contents":[],"model":"models/b"}"#, said(Some("a"))).map(|peek| peek.model), Ok("a".into()));
}

#[test]
fn wrong_types_are_named() {
    let said = Said { model: Some("m"), stream: None };
    for (body, path) in [
        ("{}", "contents"),
        (r#"{"contents":"x"}"#, "contents"),
        (r#"{"contents":[],"tools":1}"#, "tools"),
        (r#"{"contents":[],"generationConfig":[]}"#, "generationConfig"),
        (r#"{"contents":[],"generationConfig":{"maxOutputTokens":"x"}}"#, "generationConfig.maxOutputTokens"),
    ] {
        assert_eq!(look(body, said), Err(path.into()), "{body}");
    }
}
