#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]

use super::*;

fn document(text: &str) -> Document {
    Document::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

#[test]
fn the_same_form_changes_the_model_alone() {
    for (form, body, expected) in [
        (Form::Messages, r#"{ "model":"a/b", "x":1e400,"messages":[]}"#, r#"{ "model":"m", "x":1e400,"messages":[]}"#),
        (Form::Gemini, r#"{ "contents" : [] }"#, r#"{ "contents" : [] }"#),
        (
            Form::Gemini,
            r#"{"generateContentRequest":{"model":"models/a","contents":[1.50]}}"#,
            r#"{"generateContentRequest":{"model":"models/m","contents":[1.50]}}"#,
        ),
        (Form::Responses, r#"{"input":"x"}"#, r#"{"input":"x","model":"m"}"#),
    ] {
        assert_eq!(same(form, &document(body), "m"), expected);
    }
}

#[test]
fn what_is_no_matter_of_counting_is_left_out() {
    let written = document(r#"{"model":"m","max_tokens":9,"messages":[{"x":1}],"stream":true,"system":"s"}"#);
    assert_eq!(across(Form::Messages, &written, "m"), r#"{"model":"m","messages":[{"x":1}],"system":"s"}"#);
    let written = document(r#"{"model":"m","input":[],"store":false,"max_output_tokens":3}"#);
    assert_eq!(across(Form::Responses, &written, "m"), r#"{"model":"m","input":[]}"#);
    let written = document(r#"{"contents":[],"tools":[]}"#);
    let expected = r#"{"generateContentRequest":{"model":"models/m","contents":[],"tools":[]}}"#;
    assert_eq!(across(Form::Gemini, &written, "m"), expected);
}

/// As recorded: the envelope, and the profile's prefix left out of the path.
#[test]
fn bedrock_wraps_the_body() {
    let body = invoke(&document(r#"{"anthropic_version":"bedrock-2023-05-31","messages":[]}"#));
    let inside = document(std::str::from_utf8(&body).unwrap());
    let packed = inside.json().at(&["input", "invokeModel", "body"]).unwrap().as_str().unwrap().into_owned();
    let expected = r#"{"anthropic_version":"bedrock-2023-05-31","messages":[],"max_tokens":1}"#;
    assert_eq!(STANDARD.decode(packed).unwrap(), expected.as_bytes());
    for (model, expected) in [
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-sonnet-4-20250514-v1:0"),
        ("anthropic.claude-3", "anthropic.claude-3"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-3", "anthropic.claude-3"),
        ("other", "other"),
    ] {
        assert_eq!(invoked(model), expected, "{model}");
    }
}

#[test]
fn answers_go_from_form_to_form() {
    for (form, answer, expected) in [
        (Form::Messages, r#"{"input_tokens":1581}"#, Some(1581)),
        (Form::Invoke, r#"{"inputTokens":18}"#, Some(18)),
        (Form::Gemini, r#"{"totalTokens":10,"promptTokensDetails":[]}"#, Some(10)),
        (Form::Gemini, "{}", Some(0)),
        (Form::Responses, r#"{"object":"response.input_tokens","input_tokens":11}"#, Some(11)),
        (Form::Messages, "{}", None),
        (Form::Messages, r#"{"input_tokens":"1"}"#, None),
        (Form::Gemini, "[]", None),
    ] {
        assert_eq!(read(form, Json::parse(answer).unwrap()), expected, "{answer}");
    }
    assert_eq!(write(DialectId::AnthropicMessages, 7, false), r#"{"input_tokens":7}"#);
    assert_eq!(write(DialectId::Gemini, 7, true), r#"{"totalTokens":7,"tollgate":{"estimated":true}}"#);
    let responses = r#"{"object":"response.input_tokens","input_tokens":7}"#;
    assert_eq!(write(DialectId::OpenAiResponses, 7, false), responses);
}

#[test]
fn googles_request_stands_inside_or_is_the_body() {
    let body = document(r#"{"generateContentRequest":{"model":"models/a","contents":[]}}"#);
    assert_eq!(inner(DialectId::Gemini, &body).unwrap().text(), r#"{"model":"models/a","contents":[]}"#);
    assert_eq!(inner(DialectId::Gemini, &document(r#"{"contents":[]}"#)).unwrap().text(), r#"{"contents":[]}"#);
    let bad = inner(DialectId::Gemini, &document(r#"{"generateContentRequest":7}"#)).unwrap_err();
    assert_eq!(bad.path.as_deref(), Some("generateContentRequest"));
}
