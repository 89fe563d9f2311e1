//! Law 1: in the same dialect a body changes only where it is edited, byte for byte.

use bytes::Bytes;
use dialect::peek::Said;
use dialect::target::Target;
use proptest::collection::vec;
use proptest::prelude::*;
use wire::json::{Document, Edit, Json, Step};

use crate::common::recordings::{self, Answer};
use crate::common::spell::Spelling;
use crate::common::{json, outside, rows};

/// Patches a body for a target; `None` where it is refused.
fn patched(body: &str, dialect: &dyn dialect::dialect::Dialect, said: Said<'_>, target: &Target<'_>) -> Option<usize> {
    let document = Document::parse(Bytes::copy_from_slice(body.as_bytes())).ok()?;
    let peek = dialect.peek(&document, said).ok()?;
    let patch = dialect.patch(&document, &peek, target);
    let out = document.edit(&patch.edits);
    let after = Document::parse(out.clone()).expect("a patched body is JSON");
    outside::check(document.json(), after.json(), &patch.edits, "").unwrap();
    if patch.edits.is_empty() {
        assert_eq!(out, body.as_bytes());
    }
    // Gemini's models may stand in their collection.
    let is = |model: Json<'_>| model.as_str().is_some_and(|name| name.trim_start_matches("models/") == target.model);
    if document.get("model").is_some_and(is) {
        let model = |edit: &Edit<'_>| edit.path.first() == Some(&Step::from("model"));
        assert!(!patch.edits.iter().any(model), "the model is right already");
    } else if document.get("model").is_some() {
        assert!(is(after.get("model").unwrap()), "the model is the target's");
    }
    Some(patch.edits.len())
}

/// True for a request that names a prompt which its provider keeps, and with it the model.
fn is_stored_prompt(request: &str) -> bool {
    let json = Json::parse(request).unwrap();
    json.get("model").is_none() && json.at(&["prompt", "id"]).is_some()
}

#[test]
fn recorded_bodies_in_every_spelling() {
    let (mut read, mut refused) = (0, Vec::new());
    for exchange in recordings::all() {
        let Some(request) = &exchange.request else { continue };
        let dialect = dialect::of(exchange.dialect);
        for spelling in Spelling::ALL {
            let body = spelling.write(Json::parse(request).unwrap());
            let model = exchange.model();
            for model in [model.as_str(), "another/model \"x\""] {
                match patched(&body, dialect, exchange.said(), &rows::target(&exchange.provider, model)) {
                    Some(_) => read += 1,
                    // A stored prompt may name the model where only its provider sees it.
                    None if is_stored_prompt(request) => {}
                    None => refused.push((&exchange.name, spelling)),
                }
            }
        }
    }
    assert!(read > 4000, "{read} bodies");
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn answers_that_are_watched_are_not_read_wrong() {
    for exchange in recordings::all() {
        if let (Answer::Whole(body), true) = (&exchange.answer, exchange.is_ok()) {
            let dialect = dialect::of(exchange.dialect);
            for spelling in Spelling::ALL {
                let model = exchange.model();
                let reading = |text: &str| {
                    let mut meter = dialect.meter(&rows::target(&exchange.provider, &model));
                    meter.whole(Json::parse(text).unwrap());
                    meter.finish();
                    let reading = meter.reading().clone();
                    (
                        reading.usage.iter().collect::<Vec<_>>(),
                        reading.id,
                        reading.finish,
                        reading.complete,
                        reading.text_bytes,
                    )
                };
                let spelled = spelling.write(Json::parse(body).unwrap());
                assert_eq!(reading(&spelled), reading(body), "{} {spelling:?}", exchange.name);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_body_with_unknown_members(
        known in prop::sample::subsequence(vec![
            r#""stream": true"#, r#""stream":false"#, r#""stream_options" : {"x":1e400}"#, r#""stream_options":{"include_usage" :false }"#,
            r#""stream_options":null"#, r#""max_tokens" :5"#, r#""max_completion_tokens":7"#, r#""temperature": 1.50"#,
            r#""usage":{ "include":true}"#, r#""provider":{"order":[ "a"]}"#, r#""models":["a", "b"]"#, r#""top_k":1"#, r#""n":1"#,
            r#""tool_choice":"required""#, r#""top_logprobs": 0"#, r#""parallel_tool_calls":true"#,
            r#""text":{"format": {"type":"json_schema","schema":{}} ,"verbosity":"low"}"#, r#""previous_response_id" :"r""#, r#""service_tier":"auto""#, r#""thinking":{"type":"enabled","budget_tokens":2000}"#,
        ], 0..8),
        unknown in vec((json::space(), json::string(true), json::value(true)), 0..4),
        model in prop::sample::select(vec![r#""model":"m""#, r#""mod\u0065l" : "m""#, "\"model\"\n:\t\"\\u006d\" "]),
        (before, after) in (json::space(), json::space()),
        target in prop::sample::select(vec!["m", "n"]),
        quirks in prop::sample::subsequence(dialect::quirk::Quirk::ALL.map(|(quirk, _)| quirk).to_vec(), 0..4),
        turn in 0usize..8,
    ) {
        // A key may stand once: that others are refused is another test.
        let key = |member: &str| member.split('"').nth(1).unwrap().to_owned();
        let mut members: Vec<String> = known.iter().map(|text| (*text).to_owned()).collect();
        members.dedup_by_key(|member| key(member));
        let said = [r#""messages": [{"role":"user", "content":"a\ud800"}]"#, r#""input" : "a\ud800""#];
        members.extend([model, said[0], said[1]].map(str::to_owned));
        members.extend(unknown.iter().enumerate().map(|(index, (space, key, value))| {
            format!("{space}\"u{index}{}{space}:{value}", &key[1..])
        }));
        let rotate = turn % members.len();
        members.rotate_left(rotate);
        let body = format!("{before}{{{}}}{after}", members.join(","));
        for dialect in dialect::all() {
            let target = Target { provider: "p", model: target, quirks: quirks.iter().copied().collect(), ..Target::default() };
            patched(&body, dialect, Said::default(), &target);
        }
    }
}
