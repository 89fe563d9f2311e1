#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::fold::fold;
use crate::ir::part::Reasoning;
use crate::ir::response::Response;
use bytes::Bytes;

fn events(chunks: &[&str]) -> (Vec<Event>, Vec<String>) {
    let mut decoder = GeminiDecoder::new(Undo::default(), &Target { model: "gemini-3-pro", ..Target::default() });
    let mut out = Vec::new();
    for chunk in chunks {
        let data = Bytes::copy_from_slice(chunk.as_bytes());
        decoder.push(&Frame { event: None, data: Some(data.clone()), raw: data }, &mut out);
    }
    decoder.finish(&mut out);
    (out, decoder.take_losses().iter().map(ToString::to_string).collect())
}

fn answer(chunks: &[&str]) -> Response {
    fold(events(chunks).0).expect("an answer")
}

fn chunk(parts: &str, finish: &str) -> String {
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{parts}],"role":"model"}}{finish},"index":0}}],"responseId":"id","modelVersion":"mv"}}"#
    )
}

const STOP: &str = r#","finishReason":"STOP""#;

#[test]
fn text_thoughts_and_calls() {
    let chunks = [
        chunk(r#"{"text":"I ","thought":true}"#, ""),
        chunk(r#"{"text":"think","thought":true}"#, ""),
        chunk(r#"{"text":"Hel"}"#, ""),
        chunk(r#"{"text":"lo"}"#, ""),
        chunk(
            r#"{"functionCall":{"name":"f","args":{"b":1,"a":2}},"thoughtSignature":"s"},{"functionCall":{"name":"g","id":"x"}}"#,
            STOP,
        ),
    ];
    let answer = answer(&chunks.iter().map(String::as_str).collect::<Vec<_>>());
    let choice = answer.choices.first().expect("a choice");
    let said: Vec<String> = choice
        .parts
        .iter()
        .map(|part| match &part.body {
            Body::Reasoning(Reasoning { text, .. }) => format!("thinks {text}"),
            Body::Text { text, .. } => text.clone(),
            Body::ToolCall(call) => format!("{} {} {} {}", call.id, call.name, call.arguments, call.proof.is_some()),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(said, ["thinks I think", "Hello", r#"call_id_0 f {"b":1,"a":2} true"#, "x g {} false"]);
    assert_eq!(choice.finish.as_ref().map(|finish| finish.reason), Some(Reason::ToolUse));
    assert_eq!((answer.id.as_str(), answer.model.as_str()), ("id", "mv"));
}

#[test]
fn a_signature_on_the_last_text_is_hidden_reasoning() {
    let chunks = [chunk(r#"{"text":"a"}"#, ""), chunk(r#"{"text":"","thoughtSignature":"s"}"#, STOP)];
    let answer = answer(&chunks.iter().map(String::as_str).collect::<Vec<_>>());
    let parts = &answer.choices.first().expect("a choice").parts;
    assert!(matches!(
        parts.as_slice(),
        [Part { body: Body::Text { .. }, .. }, Part { body: Body::Reasoning(Reasoning { redacted: true, .. }), .. }]
    ));
}

#[test]
fn a_stream_is_whole_when_every_candidate_ended() {
    let whole = chunk(r#"{"text":"a"}"#, STOP);
    assert_eq!(events(&[&whole]).0.last(), Some(&Event::End));
    let other = r#"{"candidates":[{"content":{"parts":[{"text":"b"}]},"index":1}]}"#;
    for chunks in [&[whole.as_str(), other][..], &[chunk(r#"{"text":"a"}"#, "").as_str()], &[]] {
        let (events, _) = events(chunks);
        let outcome = match events.last() {
            Some(Event::Fault(fault)) => Some(fault.outcome),
            _ => None,
        };
        assert_eq!(outcome, Some(Outcome::Truncated), "{chunks:?}");
    }
}

#[test]
fn a_blocked_prompt_is_an_answer() {
    let answer = answer(&[r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}}"#]);
    let finish = answer.choices.first().and_then(|choice| choice.finish.as_ref()).expect("a finish");
    assert_eq!((finish.reason, finish.raw.as_deref()), (Reason::ContentFilter, Some("SAFETY")));
    assert_eq!(answer.usage.get(Unit::Input), Some(4));
}

#[test]
fn the_last_of_each_count_counts() {
    let (first, last) = (
        r#"{"candidates":[],"usageMetadata":{"promptTokenCount":15,"candidatesTokenCount":3}}"#,
        r#"{"candidates":[{"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["a","b"]}}],"usageMetadata":{"promptTokenCount":13}}"#,
    );
    let usage = answer(&[first, last]).usage;
    assert_eq!(
        (usage.get(Unit::Input), usage.get(Unit::Output), usage.get(Unit::Search)),
        (Some(13), Some(3), Some(2))
    );
    assert_eq!(usage.source, Source::Reported);
}

#[test]
fn failures_within() {
    let error = r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#;
    let said = chunk(r#"{"text":"a"}"#, "");
    for (chunk, outcome) in [(error, Outcome::Overloaded), ("{", Outcome::BadAnswer), ("7", Outcome::BadAnswer)] {
        let (events, _) = events(&[&said, chunk]);
        assert!(matches!(events.last(), Some(Event::Fault(fault)) if fault.outcome == outcome), "{chunk}");
    }
}
