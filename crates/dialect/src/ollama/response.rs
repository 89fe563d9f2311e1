//! Whole answers of this dialect, both ways: a whole answer is a stream of one line.

use wire::json::{Json, Kind, Writer};

use super::decode::OllamaDecoder;
use super::{answer, created, fault, finish, usage};
use crate::dialect::Asked;
use crate::ir::fold::fold;
use crate::ir::part::{Body, Part, Reasoning};
use crate::ir::response::{Choice, Response};
use crate::loss::{Loss, Lossy};
use crate::outcome::{Outcome, UpstreamFault};
use crate::stream::Decoder as _;
use crate::target::Target;
use crate::undo::Undo;

/// Reads a whole answer.
///
/// # Errors
/// The error that the body holds, or `bad_answer` where it is not what the dialect says.
pub(super) fn read(body: Json<'_>, undo: &Undo, from: &Target<'_>) -> Result<Lossy<Response>, UpstreamFault> {
    if let Some(fault) = fault::inside(body) {
        return Err(fault);
    }
    if body.get("message").is_none_or(|message| message.kind() != Kind::Object) {
        return Err(UpstreamFault::new(Outcome::BadAnswer, 200, "The answer has no `message`."));
    }
    let mut decoder = OllamaDecoder::new(undo.clone(), from);
    let mut events = Vec::new();
    decoder.take(body, &mut events);
    decoder.finish(&mut events);
    let losses = decoder.take_losses();
    fold(events).map(|value| Lossy { value, losses })
}

/// Where a part is, in the order that a message has: thinking, words, images, calls.
#[derive(Debug, Default)]
struct Said {
    thinking: Vec<(String, String)>,
    content: Vec<(String, String)>,
    images: Vec<String>,
    calls: Vec<String>,
    /// The rank of each part so far, with its place until that is named.
    turns: Vec<(u8, Option<String>)>,
}

impl Said {
    /// Notes a part's rank; those that it overtakes are named with it.
    fn turn(&mut self, rank: u8, at: &str, losses: &mut Vec<Loss>) {
        let mut own = Some(at.to_owned());
        for (_, place) in self.turns.iter_mut().filter(|(other, _)| *other > rank) {
            losses.extend(place.take().into_iter().chain(own.take()).map(|place| Loss::approximated("order", place)));
        }
        self.turns.push((rank, own));
    }

    fn add(&mut self, part: &Part, at: String, losses: &mut Vec<Loss>) {
        losses.extend(part.foreign.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), at.clone())));
        if part.cache.is_some() {
            losses.push(Loss::dropped("cache_control", at.clone()));
        }
        match &part.body {
            Body::Reasoning(Reasoning { text, proof, redacted: false }) if !text.is_empty() => {
                if proof.is_some() {
                    losses.push(Loss::dropped("signature", at.clone()));
                }
                self.turn(0, &at, losses);
                self.thinking.push((text.clone(), at));
            }
            Body::Text { text, citations } => {
                if !citations.is_empty() {
                    losses.push(Loss::dropped("citations", at.clone()));
                }
                self.turn(1, &at, losses);
                self.content.push((text.clone(), at));
            }
            Body::Refusal(text) => {
                losses.push(Loss::approximated("refusal", at.clone()));
                self.turn(1, &at, losses);
                self.content.push((text.clone(), at));
            }
            Body::ToolCall(call) => {
                self.turn(3, &at, losses);
                self.calls.push(answer::call(call, &[], &at, losses));
            }
            other => match other {
                Body::Media(media) if answer::bytes(media, &at, &mut Vec::new()).is_some() => {
                    self.turn(2, &at, losses);
                    self.images.extend(answer::bytes(media, &at, losses).map(str::to_owned));
                }
                other => losses.push(Loss::dropped(other.word(), at)),
            },
        }
    }

    fn write(&self, losses: &mut Vec<Loss>, json: &mut Writer) {
        let mut join = |pieces: &[(String, String)], word: &'static str| -> String {
            if pieces.len() > 1 {
                losses.extend(pieces.iter().map(|(_, at)| Loss::approximated(word, at.clone())));
            }
            pieces.iter().map(|(text, _)| text.as_str()).collect()
        };
        let (content, thinking) = (join(&self.content, "content"), join(&self.thinking, "reasoning"));
        json.object(|json| {
            json.key("role").str("assistant").key("content").str(&content);
            if !thinking.is_empty() {
                json.key("thinking").str(&thinking);
            }
            if !self.images.is_empty() {
                json.key("images").array(|json| self.images.iter().for_each(|image| _ = json.str(image)));
            }
            if !self.calls.is_empty() {
                json.key("tool_calls").array(|json| self.calls.iter().for_each(|call| _ = json.raw(call)));
            }
        });
    }
}

/// The members that every line begins with. The dialect has no id: clients that look find one.
pub(super) fn head(id: &str, model: &str, date: Option<u64>, asked: &Asked, json: &mut Writer) {
    json.key("model").str(if model.is_empty() { &asked.model } else { model });
    json.key("created_at").str(&created::write(date.unwrap_or(asked.now)));
    json.key("id").str(if id.is_empty() { &asked.id } else { id });
}

/// Writes a whole answer. The dialect has one choice.
pub(super) fn write(response: &Response, asked: &Asked) -> Lossy<String> {
    let mut losses = Vec::new();
    let none = Choice::default();
    let choice = response.choices.first().unwrap_or(&none);
    losses.extend((1..response.choices.len()).map(|number| Loss::dropped("n", format!("choices[{number}]"))));
    let mut said = Said::default();
    for (place, part) in choice.parts.iter().enumerate() {
        said.add(part, format!("choices[0].content[{place}]"), &mut losses);
    }
    let word = finish::write(choice.finish.as_ref(), !said.calls.is_empty(), &mut losses);
    let mut json = Writer::with_capacity(1024);
    json.object(|json| {
        head(&response.id, &response.model, response.created, asked, json);
        json.key("message");
        said.write(&mut losses, json);
        json.key("done").bool(true).key("done_reason").str(word);
        usage::write(&response.usage, &mut losses, json);
    });
    Lossy { value: json.finish(), losses }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use crate::ir::finish::Reason;
    use crate::usage::Unit;

    fn answer(text: &str) -> Result<Lossy<Response>, UpstreamFault> {
        read(Json::parse(text).expect("JSON"), &Undo::default(), &Target::default())
    }

    #[test]
    fn thinking_words_and_calls() {
        let read = answer(
            r#"{"model":"m","created_at":"2026-08-05T08:11:03.181289Z","message":{"role":"assistant","content":"c","thinking":"t",
            "tool_calls":[{"function":{"name":"f","arguments":{"x": 1}}},{"id":"own","function":{"name":"f","arguments":{}}}]},
            "done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":4}"#,
        )
        .expect("an answer");
        let response = read.value;
        assert_eq!((response.model.as_str(), response.created), ("m", Some(1_785_917_463)));
        let choice = &response.choices[0];
        assert_eq!((choice.parts.len(), choice.finish.as_ref().map(|f| f.reason)), (4, Some(Reason::ToolUse)));
        let call = |part: &Part| match &part.body {
            Body::ToolCall(call) => (call.id.clone(), call.arguments.clone()),
            _ => Default::default(),
        };
        assert_eq!(call(&choice.parts[2]), ("call_20260805T081103181289Z_0".to_owned(), r#"{"x": 1}"#.to_owned()));
        assert_eq!(call(&choice.parts[3]).0, "own");
        assert_eq!(response.usage.get(Unit::Input), Some(3));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for (text, outcome) in [
            (r#"{"error":"gone"}"#, Outcome::ServerError),
            ("{}", Outcome::BadAnswer),
            (r#"{"message":{"content":"a"},"done":false}"#, Outcome::Truncated),
        ] {
            assert_eq!(answer(text).expect_err("a fault").outcome, outcome, "{text}");
        }
    }
}
