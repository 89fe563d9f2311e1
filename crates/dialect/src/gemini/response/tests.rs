#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::part::Part;
use crate::ir::response::Choice;
use crate::outcome::Outcome;

fn fault(body: &str) -> Outcome {
    read(Json::parse(body).expect("JSON"), &Undo::default(), &Target::default()).expect_err("no answer").outcome
}

#[test]
fn what_is_no_answer() {
    assert_eq!(fault(r#"{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}"#), Outcome::Overloaded);
    assert_eq!(fault(r#"{"candidates":[]}"#), Outcome::BadAnswer);
    assert_eq!(fault("{}"), Outcome::BadAnswer);
    assert_eq!(fault("[]"), Outcome::BadAnswer);
}

#[test]
fn an_answer_in_words() {
    let choice = Choice { parts: vec![Part::text("hi")], finish: Some(Finish::new(Reason::Length)) };
    let response = Response { model: "m".into(), choices: vec![choice], ..Response::default() };
    let asked = Asked { id: "made".into(), ..Asked::default() };
    let written = write(&response, &asked);
    let expected = r#"{"candidates":[{"content":{"parts":[{"text":"hi"}],"role":"model"},"finishReason":"MAX_TOKENS","index":0}],"modelVersion":"m","responseId":"made"}"#;
    assert_eq!((written.value.as_str(), written.losses.len()), (expected, 0));
    let back =
        read(Json::parse(&written.value).expect("JSON"), &Undo::default(), &Target::default()).expect("an answer");
    assert_eq!(back.value.choices.first().map(|choice| choice.parts.clone()), Some(vec![Part::text("hi")]));
}
