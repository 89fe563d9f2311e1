#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;

fn read(part: &str) -> (Vec<Part>, Vec<String>) {
    let mut reader = Reader::default();
    let mut parts = Vec::new();
    reader.part(Json::parse(part).expect("JSON"), "p", &mut parts).expect(part);
    (parts, reader.losses.iter().map(ToString::to_string).collect())
}

/// Checks the bodies that a part is read as, in the words of `Debug`.
fn check(part: &str, expected: &[&str]) {
    let (parts, _) = read(part);
    let said: Vec<String> = parts.iter().map(|part| format!("{:?}", part.body)).collect();
    assert_eq!(said.len(), expected.len(), "{part}: {said:?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.contains(expected), "{part}: {said} has no {expected}");
    }
}

#[test]
fn parts_by_what_they_are() {
    check(r#"{"text":"a"}"#, &[r#"Text { text: "a""#]);
    check(r#"{"text":""}"#, &[]);
    check(r#"{"text":"a","thought":true}"#, &["proof: None, redacted: false"]);
    check(r#"{"text":"a","thought":true,"thought_signature":"s"}"#, &["1 bytes)), redacted: false"]);
    check(r#"{"text":"a","thoughtSignature":"s"}"#, &[r#"Text { text: "a""#, "redacted: true"]);
    check(r#"{"text":"","thoughtSignature":"s"}"#, &["redacted: true"]);
    check(r#"{"thought":true,"thoughtSignature":"s"}"#, &["redacted: true"]);
    check(r#"{"inline_data":{"mime_type":"image/png","data":"QQ=="}}"#, &["kind: Image, source: Base64"]);
    check(r#"{"fileData":{"fileUri":"https://a.example/x.mp4"}}"#, &["kind: Video, source: Url"]);
    check(r#"{"fileData":{"fileUri":"gs://b/x","mimeType":"audio/wav"}}"#, &["kind: Audio, source: FileId"]);
    check(
        r#"{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"s"}"#,
        &[r#"id: "call_0", name: "f", arguments: "{\"a\":1}", proof: Some"#],
    );
    check(
        r#"{"functionCall":{"name":"f","id":"x"},"thoughtSignature":"skip_thought_signature_validator"}"#,
        &[r#"id: "x", name: "f", arguments: "{}", proof: None"#],
    );
    check(r#"{"executableCode":{"code":"1"},"thoughtSignature":"s"}"#, &[r#"kind: "executableCode""#]);
    check(r#"{"newThing":{}}"#, &[r#"kind: "newThing""#]);
    check("{}", &[]);
}

#[test]
fn what_stands_beside_goes_home() {
    let (parts, losses) =
        read(r#"{"fileData":{"fileUri":"https://youtu.be/x","mimeType":"video/mp4"},"videoMetadata":{"fps":1}}"#);
    assert_eq!(
        parts.first().expect("a part").foreign.iter().collect::<Vec<_>>(),
        [(HERE, "videoMetadata", r#"{"fps":1}"#)]
    );
    assert_eq!(losses, Vec::<String>::new());
}

#[test]
fn bytes_are_in_the_standard_alphabet() {
    for (data, expected) in
        [("a-_b", "a+/b"), ("a-", "a+=="), ("ab+/", "ab+/"), ("no-!", "no-!"), ("QQ", "QQ"), ("", "")]
    {
        assert_eq!(standard(data.to_owned()), expected);
    }
}

#[test]
fn results_are_unwrapped() {
    let check = |response: &str, texts: &[&str], failed: Option<bool>| {
        let (parts, _) = read(&format!(r#"{{"functionResponse":{{"name":"f","id":"i","response":{response}}}}}"#));
        let Some(Body::ToolResult(result)) = parts.first().map(|part| &part.body) else { unreachable!() };
        let said: Vec<&str> = result
            .content
            .iter()
            .map(|part| match &part.body {
                Body::Text { text, .. } => text.as_str(),
                _ => "?",
            })
            .collect();
        assert_eq!((said.as_slice(), result.is_error, result.call_id.as_str()), (texts, failed, "i"), "{response}");
    };
    check(r#"{"result":"x"}"#, &["x"], None);
    check(r#"{"output":"x"}"#, &["x"], None);
    check(r#"{"error":"x"}"#, &["x"], Some(true));
    check(r#"{"result":["a","b"]}"#, &["a", "b"], None);
    check(r#"{"result":{"a":1}}"#, &[r#"{"result":{"a":1}}"#], None);
    check(r#"{"a":1}"#, &[r#"{"a":1}"#], None);
    check("{}", &[], None);
    check("null", &[], None);
}

#[test]
fn what_is_wrong_is_named() {
    for (part, path) in [
        ("1", "p"),
        (r#"{"text":1}"#, "p.text"),
        (r#"{"functionCall":{}}"#, "p.functionCall.name"),
        (r#"{"functionCall":7}"#, "p.functionCall"),
        (r#"{"inlineData":{"mimeType":"image/png"}}"#, "p.inlineData.data"),
        (r#"{"functionResponse":{"response":{}}}"#, "p.functionResponse.name"),
    ] {
        let fault = Reader::default().part(Json::parse(part).expect("JSON"), "p", &mut Vec::new()).expect_err(part);
        assert_eq!(fault.path.as_deref(), Some(path), "{part}");
    }
}
