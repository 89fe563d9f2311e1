//! Whole answers of this dialect, both ways, and the pieces that streams share with them.

use std::borrow::Cow;

use wire::json::{Json, Kind, Writer};

use super::decode::{ChatDecoder, bad};
use super::{cite, details, fault, finish, usage};
use crate::dialect::Asked;
use crate::id::DialectId;
use crate::ir::finish::{Finish, Reason};
use crate::ir::fold::fold;
use crate::ir::part::{Body, Media, MediaKind, MediaSource, Opaque, Part, Reasoning, ToolCall};
use crate::ir::response::{Choice, Response};
use crate::loss::{Loss, Lossy};
use crate::outcome::UpstreamFault;
use crate::signature;
use crate::stream::Decoder as _;
use crate::target::Target;
use crate::undo::Undo;
use crate::usage::{Unit, Usage};

/// Reads a whole answer: a stream of one chunk.
///
/// # Errors
/// The error that the body holds, or `bad_answer` where it is not what the dialect says.
pub(super) fn read(body: Json<'_>, undo: &Undo, from: &Target<'_>) -> Result<Lossy<Response>, UpstreamFault> {
    if let Some(fault) = fault::inside(body) {
        return Err(fault);
    }
    if body.get("choices").is_none_or(|choices| choices.kind() != Kind::Array) {
        return Err(bad("The answer has no `choices`."));
    }
    let mut decoder = ChatDecoder::new(undo.clone(), from);
    let mut events = Vec::new();
    decoder.take(body, true, &mut events);
    decoder.end(&mut events);
    let losses = decoder.take_losses();
    fold(events).map(|value| Lossy { value, losses })
}

/// What one answer says, as the members of its message.
#[derive(Debug, Default)]
struct Message<'a> {
    /// With the place of its first part.
    text: Option<(Cow<'a, str>, String)>,
    refusal: Option<(Cow<'a, str>, String)>,
    reasoning: Vec<&'a Reasoning>,
    annotations: Vec<String>,
    images: Vec<String>,
    calls: Vec<String>,
    /// The members that parts went to so far, each with its part's place until that is named.
    turns: Vec<(u8, Option<String>)>,
}

impl<'a> Message<'a> {
    fn of(choice: &'a Choice, number: usize, asked: &Asked, losses: &mut Vec<Loss>) -> Self {
        let mut message = Self::default();
        for (place, part) in choice.parts.iter().enumerate() {
            message.add(part, &at(number, place), asked, losses);
        }
        message
    }

    /// A message has one place for each kind of part, and no order between them but this one. Parts that
    /// this one overtakes are named with it.
    fn turn(&mut self, member: u8, at: &str, losses: &mut Vec<Loss>) {
        let mut own = Some(at.to_owned());
        for (_, place) in self.turns.iter_mut().filter(|(other, _)| *other > member) {
            let places = place.take().into_iter().chain(own.take());
            losses.extend(places.map(|place| Loss::approximated("order", place)));
        }
        self.turns.push((member, own));
    }

    fn add(&mut self, part: &'a Part, at: &str, asked: &Asked, losses: &mut Vec<Loss>) {
        bare(part, at, losses);
        match &part.body {
            Body::Reasoning(reasoning) => {
                self.turn(0, at, losses);
                self.reasoning.push(reasoning);
            }
            Body::Text { text, citations } => {
                self.turn(1, at, losses);
                join(&mut self.text, text, at, losses);
                self.annotations.extend(citations.iter().filter_map(|citation| cite::write(citation, at, losses)));
            }
            Body::Refusal(text) => {
                self.turn(3, at, losses);
                join(&mut self.refusal, text, at, losses);
            }
            other => {
                if let Some(image) = image(other, at, losses) {
                    self.turn(2, at, losses);
                    self.images.push(image);
                } else if let Some(call) = call(other, self.calls.len(), None, asked, at, losses) {
                    self.turn(4, at, losses);
                    self.calls.push(call);
                } else {
                    losses.push(Loss::dropped(other.word(), at));
                }
            }
        }
    }

    fn write(&self, json: &mut Writer) {
        let optional = |json: &mut Writer, text: &Option<(Cow<'_, str>, String)>| {
            match text {
                Some((text, _)) => json.str(text),
                None => json.null(),
            };
        };
        let list = |json: &mut Writer, key: &str, items: &[String]| {
            if !items.is_empty() {
                json.key(key).array(|json| {
                    for item in items {
                        json.raw(item);
                    }
                });
            }
        };
        json.object(|json| {
            json.key("role").str("assistant");
            optional(json.key("content"), &self.text);
            optional(json.key("refusal"), &self.refusal);
            let thought: String = self.reasoning.iter().map(|reasoning| reasoning.text.as_str()).collect();
            if !thought.is_empty() {
                json.key("reasoning_content").str(&thought);
            }
            if self.reasoning.len() > 1 || self.reasoning.iter().any(|reasoning| reasoning.proof.is_some()) {
                json.key("reasoning_details").array(|json| {
                    for (index, reasoning) in (0..).zip(&self.reasoning) {
                        details::write_whole(reasoning, index, json);
                    }
                });
            }
            list(json, "annotations", &self.annotations);
            list(json, "images", &self.images);
            list(json, "tool_calls", &self.calls);
        });
    }
}

fn join<'a>(all: &mut Option<(Cow<'a, str>, String)>, text: &'a str, at: &str, losses: &mut Vec<Loss>) {
    match all {
        Some((all, first)) => {
            // Both parts are another than they were; the first is named once for each that joins it.
            losses.push(Loss::approximated("content", first.clone()));
            losses.push(Loss::approximated("content", at));
            all.to_mut().push_str(text);
        }
        None => *all = Some((Cow::Borrowed(text), at.to_owned())),
    }
}

/// The place of a part, for losses.
pub(super) fn at(choice: impl std::fmt::Display, place: impl std::fmt::Display) -> String {
    format!("choices[{choice}].content[{place}]")
}

/// Reports what stands beside a part and has no place here.
pub(super) fn bare(part: &Part, at: &str, losses: &mut Vec<Loss>) {
    losses.extend(part.foreign.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), at)));
    if part.cache.is_some() {
        losses.push(Loss::dropped("cache_control", at));
    }
}

/// An image as an item of `images` (OpenRouter's extension); `None` for anything else.
pub(super) fn image(body: &Body, at: &str, losses: &mut Vec<Loss>) -> Option<String> {
    let Body::Media(Media { kind: MediaKind::Image, source, name, detail }) = body else { return None };
    let url = match source {
        MediaSource::Url(url) => Cow::Borrowed(url.as_str()),
        MediaSource::Base64 { media_type, data } => Cow::Owned(format!("data:{media_type};base64,{data}")),
        MediaSource::FileId { .. } | MediaSource::Text(_) => return None,
    };
    let beside = [("name", name), ("detail", detail)].into_iter().filter(|(_, value)| value.is_some());
    losses.extend(beside.map(|(word, _)| Loss::dropped(word, at)));
    let mut json = Writer::with_capacity(url.len() + 64);
    json.object(|json| {
        json.key("type").str("image_url");
        json.key("image_url").object(|json| {
            json.key("url").str(&url);
        });
    });
    Some(json.finish())
}

/// A tool call as an item of `tool_calls`; `None` for anything else. `number`: which call of its choice.
/// `index`: the member of that name, for streams.
pub(super) fn call(
    body: &Body,
    number: usize,
    index: Option<u64>,
    asked: &Asked,
    at: &str,
    losses: &mut Vec<Loss>,
) -> Option<String> {
    let mut json = Writer::new();
    match body {
        Body::ToolCall(ToolCall { id, name, arguments, proof }) => {
            let extra = extra(proof.as_ref(), at, losses);
            json.object(|json| {
                if let Some(index) = index {
                    json.key("index").u64(index);
                }
                match id.as_str() {
                    "" => json.key("id").str(&super::call::made_id(&asked.id, 0, number)),
                    id => json.key("id").str(id),
                };
                json.key("type").str("function");
                json.key("function").object(|json| {
                    json.key("name").str(name);
                    json.key("arguments").str(arguments);
                });
                if let Some(extra) = extra {
                    json.key("extra_content").raw(&extra);
                }
            });
        }
        Body::Unknown { dialect: DialectId::OpenAiChat, kind, raw } if kind == "custom" => {
            let call = Json::parse(raw.as_str()).ok()?;
            json.object(|json| {
                if let Some(index) = index {
                    json.key("index").u64(index);
                }
                for (key, value) in call.members().filter(|(key, _)| key != "index") {
                    json.key(&key).raw(value.raw());
                }
            });
        }
        _ => return None,
    }
    Some(json.finish())
}

/// What stands beside a call and its maker wants back: Google's own form for Gemini's proofs; any other
/// dialect's has no place there.
fn extra<'a>(proof: Option<&'a Opaque>, at: &str, losses: &mut Vec<Loss>) -> Option<Cow<'a, str>> {
    let proof = proof?;
    if proof.origin.dialect == DialectId::Gemini {
        let mut json = Writer::new();
        signature::write(&proof.data, &mut json);
        return Some(Cow::Owned(json.finish()));
    }
    let own = proof.origin.dialect == DialectId::OpenAiChat;
    if own && Json::parse(&proof.data).is_ok_and(|json| json.kind() == Kind::Object) {
        return Some(Cow::Borrowed(&proof.data));
    }
    losses.push(Loss::dropped("thought_signature", at));
    None
}

/// The word for why a choice ended. One that calls tools says so, whatever its provider called its end,
/// because clients go by it.
pub(super) fn ending(
    finish: Option<&Finish>,
    choice: impl std::fmt::Display,
    calls: bool,
    refused: bool,
    losses: &mut Vec<Loss>,
) -> &'static str {
    let stop = Finish::new(Reason::Stop);
    let missing = finish.is_none();
    let finish = finish.unwrap_or(&stop);
    let at = format!("choices[{choice}].finish_reason");
    if finish.stop_sequence.is_some() || finish.reason == Reason::StopSequence {
        losses.push(Loss::dropped("stop_sequence", at.clone()));
    }
    if calls && finish.reason == Reason::Stop {
        losses.push(Loss::approximated("finish_reason", at));
        return "tool_calls";
    }
    let (word, exact) = finish::write(finish, refused);
    // A filter's word is the nearest for a refusal without words of its own; after a refusal, `stop` is
    // read as one, and after calls as their word.
    let other = match finish.reason {
        Reason::Stop => refused,
        Reason::Refusal => !refused || calls,
        _ => false,
    };
    if !exact || other || missing {
        losses.push(Loss::approximated("finish_reason", at));
    }
    word
}

/// Id, kind, date and model: the first members of an answer and of every chunk.
pub(super) fn head(id: &str, object: &str, created: Option<u64>, model: &str, asked: &Asked, json: &mut Writer) {
    json.key("id").str(if id.is_empty() { &asked.id } else { id });
    json.key("object").str(object);
    json.key("created").u64(created.unwrap_or(asked.now));
    json.key("model").str(if model.is_empty() { &asked.model } else { model });
}

/// The usage member; `null` where nobody knows, because 0 would be a claim.
pub(super) fn tell_usage(used: &Usage, losses: &mut Vec<Loss>, json: &mut Writer) {
    if used.is_empty() {
        json.key("usage").null();
    } else {
        usage::write(used, json.key("usage"));
    }
    if let Some(tier) = &used.tier {
        json.key("service_tier").str(tier);
    }
    // What this dialect has no word for: lifetimes of cache writes, searches, images, calls, lengths.
    let told =
        [Unit::Input, Unit::CacheRead, Unit::CacheWrite, Unit::Output, Unit::Reasoning, Unit::AudioIn, Unit::AudioOut];
    if used.iter().any(|(unit, quantity)| quantity > 0 && !told.contains(&unit)) {
        losses.push(Loss::approximated("usage", "usage"));
    }
}

/// Writes a whole answer.
pub(super) fn write(response: &Response, asked: &Asked) -> Lossy<String> {
    let mut losses = Vec::new();
    let mut json = Writer::with_capacity(1024);
    json.object(|json| {
        head(&response.id, "chat.completion", response.created, &response.model, asked, json);
        json.key("choices").array(|json| {
            for (number, choice) in response.choices.iter().enumerate() {
                let message = Message::of(choice, number, asked, &mut losses);
                let (calls, refused) = (!message.calls.is_empty(), message.refusal.is_some());
                let word = ending(choice.finish.as_ref(), number, calls, refused, &mut losses);
                json.object(|json| {
                    json.key("index").u64(u64::try_from(number).unwrap_or(u64::MAX));
                    message.write(json.key("message"));
                    json.key("logprobs").null();
                    json.key("finish_reason").str(word);
                });
            }
        });
        tell_usage(&response.usage, &mut losses, json);
    });
    Lossy { value: json.finish(), losses }
}

#[cfg(test)]
mod tests;
