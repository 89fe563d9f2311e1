//! Law 5: `fold(unfold(r)) == r`, and an answer survives its own dialect's stream.

use std::collections::BTreeMap;

use bytes::Bytes;
use dialect::ir::fold::{fold, unfold};
use dialect::ir::grammar::Grammar;
use dialect::ir::part::{Body, Part};
use dialect::ir::response::{Choice, Response};
use dialect::undo::Undo;
use proptest::prelude::*;
use wire::json::Json;

use crate::common::recordings::{self, Answer, Exchange};
use crate::common::{diff, generate, rows, streams};

/// An answer by its form: what kinds of parts it has, why it ended, which units it counts.
fn form(answer: &Response) -> String {
    let kind = |part: &Part| match &part.body {
        Body::Text { .. } => "text".to_owned(),
        Body::Reasoning(_) => "reasoning".to_owned(),
        Body::ToolCall(call) => format!("call {}", call.name),
        Body::Refusal(_) => "refusal".to_owned(),
        Body::Media(_) => "media".to_owned(),
        Body::ToolResult(_) => "result".to_owned(),
        Body::Unknown { kind, .. } => kind.clone(),
    };
    let choice = |choice: &Choice| {
        let mut kinds: Vec<String> = choice.parts.iter().map(kind).collect();
        kinds.dedup();
        (kinds, choice.finish.as_ref().map(|finish| finish.reason))
    };
    let units: Vec<_> = answer.usage.iter().map(|(unit, _)| unit.name()).collect();
    format!("{:?} {units:?}", answer.choices.iter().map(choice).collect::<Vec<_>>())
}

/// The answer of an exchange, however it came, and whether it was streamed.
fn answer(exchange: &Exchange) -> Option<(bool, Response)> {
    let (dialect, model) = (dialect::of(exchange.dialect), exchange.model());
    let target = rows::target(&exchange.provider, &model);
    match &exchange.answer {
        Answer::Whole(body) => {
            let json = Json::parse(body).unwrap();
            Some((false, dialect.read_response(json, &Undo::default(), &target).ok()?.value))
        }
        Answer::Stream(stream) => {
            let (events, _) = streams::decode(dialect, &target, std::slice::from_ref(stream));
            Some((true, fold(events).ok()?))
        }
        Answer::Nothing => None,
    }
}

/// Streams of pairs whose two answers were made differently, and how.
const OTHERWISE: &[(&str, &str)] = &[
    ("openai/openai-chat--chat-streaming-web-search-01d07", "nobody asked for the stream's usage"),
    (
        "vercel-gateway/openai-chat--testvercelcommonwithanthropiccache-claude-sonnet-4-tool-streaming-d7007#0",
        "the model says a word before it calls",
    ),
    (
        "vercel-gateway/openai-chat--testvercelthinking-gemini-3-pro-preview-thinking-streaming-41b50#0",
        "the proof of the reasoning comes after the call",
    ),
];

#[test]
fn streamed_and_whole_answers_to_one_request_have_one_form() {
    let mut asked: BTreeMap<String, Vec<&Exchange>> = BTreeMap::new();
    for exchange in recordings::all().iter().filter(|exchange| exchange.is_ok()) {
        let Some(request) = &exchange.request else { continue };
        let members = Json::parse(request).unwrap().members();
        let members = members.filter(|(key, _)| !matches!(&**key, "stream" | "stream_options"));
        let mut members: Vec<_> = members.map(|(key, value)| format!("{key}:{}", value.raw())).collect();
        members.sort();
        asked.entry(format!("{} {}", exchange.provider, members.join(","))).or_default().push(exchange);
    }
    let (mut equal, mut otherwise, mut wrong) = (0, 0, Vec::new());
    for exchanges in asked.values() {
        let answers: Vec<_> = exchanges.iter().filter_map(|exchange| Some((exchange, answer(exchange)?))).collect();
        let first = |streamed: bool| answers.iter().find(|(_, (own, _))| *own == streamed);
        let (Some((whole, (_, answer))), Some((stream, (_, streamed)))) = (first(false), first(true)) else { continue };
        if form(answer) == form(streamed) {
            equal += 1;
        } else if OTHERWISE.iter().any(|(name, _)| *name == stream.name) {
            otherwise += 1;
        } else {
            wrong.push(format!("{} / {}\n  {}\n  {}", whole.name, stream.name, form(answer), form(streamed)));
        }
    }
    println!("{equal} pairs of one form, {otherwise} that the model answered otherwise");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!((equal + otherwise, otherwise), (49, OTHERWISE.len()));
}

proptest! {
    #[test]
    fn an_answer_survives_its_stream(response in generate::any_response()) {
        let events = unfold(&response);
        prop_assert_eq!(Grammar::check(&events), Ok(()));
        prop_assert_eq!(fold(events).unwrap(), response);
    }

    #[test]
    fn an_answer_survives_every_dialects_stream_up_to_losses(response in generate::response()) {
        for dialect in dialect::all() {
            let (bytes, mut losses) = streams::encode(dialect, &streams::asked(), &unfold(&response));
            let (events, more) = streams::decode(dialect, &rows::target("p", generate::MODEL), &[Bytes::from(bytes.clone())]);
            losses.extend(more);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let back = fold(events).unwrap_or_else(|fault| panic!("{}: {fault:?}\n{text}", dialect.id()));
            let silent = diff::unnamed(diff::responses(&response, &back), &losses);
            prop_assert!(silent.is_empty(), "{}: {silent:#?}\n{losses:?}\n{text}", dialect.id());
        }
    }
}
