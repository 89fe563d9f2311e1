//! Whole answers of this dialect, both ways.

use std::borrow::Cow;

use wire::json::{Json, Kind, Writer};

use super::answer::{self, Item, at, made_id};
use super::part::Reader;
use super::{cite, fault, finish, usage};
use crate::dialect::Asked;
use crate::ir::part::Body;
use crate::ir::response::{Choice, Response};
use crate::loss::{Loss, Lossy};
use crate::outcome::{Outcome, UpstreamFault};
use crate::target::Target;
use crate::undo::Undo;

/// Reads a whole answer.
///
/// # Errors
/// The error that the body holds, or `bad_answer` where it is not what the dialect says.
pub(super) fn read(body: Json<'_>, undo: &Undo, _from: &Target<'_>) -> Result<Lossy<Response>, UpstreamFault> {
    if let Some(fault) = fault::inside(body) {
        return Err(fault);
    }
    let bad = |message: &str| UpstreamFault::new(Outcome::BadAnswer, 200, message);
    let message = body.get("message").filter(|message| message.kind() == Kind::Object);
    let message = message.ok_or_else(|| bad("The answer has no `message`."))?;
    let mut reader = Reader::default();
    let text = |name: &str| body.get(name).and_then(Json::as_str).map(Cow::into_owned).unwrap_or_default();
    let id = text("id");
    let mut parts = reader.said(message, "choices[0]").map_err(|fault| bad(&fault.message))?;
    let mut calls = 0;
    for part in &mut parts {
        if let Body::ToolCall(call) = &mut part.body {
            call.name = undo.name(&call.name).to_owned();
            call.id = match call.id.as_str() {
                "" => made_id(&call.name, &id, calls),
                id => undo.id(id).to_owned(),
            };
            calls += 1;
        }
    }
    let mut losses = reader.losses;
    let known = ["id", "model", "message", "finish_reason", "usage", "response_type"];
    losses.extend(
        body.members()
            .filter(|(key, value)| !value.is_null() && !known.contains(&&**key))
            .map(|(key, _)| Loss::dropped(key.into_owned(), "")),
    );
    let finish = finish::read(&text("finish_reason"));
    let usage = body.get("usage").map(usage::read).unwrap_or_default();
    let response = Response { id, model: text("model"), created: None, choices: vec![Choice { parts, finish }], usage };
    Ok(Lossy { value: response, losses })
}

/// Writes a whole answer. The dialect has one choice, and no member for the model: clients that look find it.
pub(super) fn write(response: &Response, asked: &Asked) -> Lossy<String> {
    let mut losses = Vec::new();
    let said = |own: &'_ str, other: &'_ str| if own.is_empty() { other.to_owned() } else { own.to_owned() };
    let id = said(&response.id, &asked.id);
    let none = Choice::default();
    let choice = response.choices.first().unwrap_or(&none);
    losses.extend((1..response.choices.len()).map(|number| Loss::dropped("n", format!("choices[{number}]"))));
    let (mut content, mut calls, mut citations) = (Vec::new(), Vec::new(), Vec::new());
    // Places that no loss of order names yet.
    let mut places: Vec<String> = Vec::new();
    for (place, part) in choice.parts.iter().enumerate() {
        let at = at(0, place);
        let Some(item) = answer::item(part, &at, &mut losses) else { continue };
        let mut json = Writer::new();
        match item {
            Item::Call(call) => {
                let number = u64::try_from(calls.len()).unwrap_or(u64::MAX);
                let id = if call.id.is_empty() { made_id(&call.name, &id, number) } else { call.id.clone() };
                json.object(|json| {
                    json.key("id").str(&id).key("type").str("function");
                    json.key("function").object(|json| {
                        json.key("name").str(&call.name).key("arguments").str(&call.arguments);
                    });
                });
                places.push(at);
                calls.push(json.finish());
                continue;
            }
            Item::Own(raw) => _ = json.raw(raw),
            Item::Said(kind, text) => {
                let index = u64::try_from(content.len()).unwrap_or(u64::MAX);
                if let Body::Text { citations: cited, .. } = &part.body {
                    citations.extend(cited.iter().map(|one| cite::write(one, text, index, &at, &mut losses)));
                }
                json.object(|json| _ = json.key("type").str(kind).key(kind).str(text));
            }
        }
        // Content stands before calls, whatever came first: texts that a call was between become neighbours.
        if !calls.is_empty() {
            losses.extend(places.drain(..).chain([at.clone()]).map(|at| Loss::approximated("order", at)));
        }
        places.push(at);
        content.push(json.finish());
    }
    let word = finish::write(choice.finish.as_ref(), !calls.is_empty(), &mut losses);
    let mut json = Writer::with_capacity(1024);
    json.object(|json| {
        json.key("id").str(&id);
        json.key("model").str(&said(&response.model, &asked.model));
        json.key("message").object(|json| {
            json.key("role").str("assistant");
            for (key, items) in [("content", &content), ("tool_calls", &calls), ("citations", &citations)] {
                if !items.is_empty() {
                    json.key(key).array(|json| items.iter().for_each(|item| _ = json.raw(item)));
                }
            }
        });
        json.key("finish_reason").str(word);
        usage::write(&response.usage, &mut losses, json);
    });
    Lossy { value: json.finish(), losses }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use crate::ir::finish::Reason;
    use crate::ir::part::Part;

    fn answer(text: &str) -> Result<Lossy<Response>, UpstreamFault> {
        let undo = Undo { names: vec![("a_b".to_owned(), "a.b".to_owned())], ..Undo::default() };
        read(Json::parse(text).expect("JSON"), &undo, &Target::default())
    }

    #[test]
    fn a_plan_calls_and_what_is_cited() {
        let read = answer(
            r#"{"id":"i","message":{"role":"assistant","content":[{"type":"thinking","thinking":"t"},{"type":"text","text":"abc"}],
            "tool_plan":"p","tool_calls":[{"id":"","type":"function","function":{"name":"a_b","arguments":"{}"}}],
            "citations":[{"start":0,"end":1,"text":"a","sources":[],"content_index":1},{"start":0,"end":1,"text":"p","sources":[],"type":"PLAN"}]},
            "finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":1,"output_tokens":2}},"logprobs":[]}"#,
        )
        .expect("an answer");
        let choice = &read.value.choices[0];
        let cited = |part: &Part| matches!(&part.body, Body::Text { citations, .. } if citations.len() == 1);
        assert_eq!((choice.parts.len(), cited(&choice.parts[1]), cited(&choice.parts[2])), (4, true, true));
        assert!(matches!(&choice.parts[3].body, Body::ToolCall(call) if call.name == "a.b" && call.id == "a.b_i0"));
        assert_eq!(choice.finish.as_ref().map(|finish| finish.reason), Some(Reason::ToolUse));
        assert_eq!(read.losses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["dropped logprobs"]);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for (text, outcome) in [
            (r#"{"message":"no"}"#, Outcome::ServerError),
            (r#"{"message":{"role":"assistant"},"finish_reason":"ERROR","error":"bad"}"#, Outcome::ServerError),
            ("{}", Outcome::BadAnswer),
            (r#"{"message":{"content":7}}"#, Outcome::BadAnswer),
        ] {
            assert_eq!(answer(text).expect_err("a fault").outcome, outcome, "{text}");
        }
    }
}
