//! Streams of this dialect to events. Any bytes at all give a sentence of the grammar.

use std::borrow::Cow;
use std::collections::HashMap;

use wire::frame::Frame;
use wire::json::{Index, Json, Kind};

use super::answer::made_id;
use super::{cite, fault, finish, usage};
use crate::id::DialectId;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::part::Body;
use crate::loss::Loss;
use crate::outcome::{Outcome, UpstreamFault};
use crate::stream::Decoder;
use crate::target::Target;
use crate::undo::Undo;
use crate::usage::Source;

const HERE: DialectId = DialectId::CohereV2;

/// The decoder.
#[derive(Debug, Default)]
pub(super) struct CohereDecoder {
    undo: Undo,
    id: String,
    started: bool,
    done: bool,
    next: u32,
    calls: u64,
    /// Items of content by index: what they are, and their part once it is open.
    items: HashMap<u64, Item>,
    /// The plan, while it may go on.
    plan: Option<u32>,
    /// The last text, which stays open for what it cites.
    text: Option<u32>,
    /// Open calls by index.
    open: HashMap<u64, u32>,
    losses: Vec<Loss>,
    index: Index,
}

/// One item of content.
#[derive(Debug, Clone, Copy)]
struct Item {
    thinks: bool,
    part: Option<u32>,
}

impl CohereDecoder {
    pub(super) fn new(undo: Undo, _from: &Target<'_>) -> Self {
        Self { undo, ..Self::default() }
    }

    fn start(&mut self, event: Json<'_>, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            self.id = word(event, "id");
            out.push(Event::Start { id: self.id.clone(), model: word(event, "model"), created: None });
        }
    }

    fn fail(&mut self, fault: UpstreamFault, out: &mut Vec<Event>) {
        self.done = true;
        if self.started {
            self.close_all(out);
        }
        out.push(Event::Fault(fault));
    }

    fn opens(&mut self, kind: Open, out: &mut Vec<Event>) -> u32 {
        let part = self.next;
        self.next = self.next.saturating_add(1);
        out.push(Event::Open { choice: 0, part, kind });
        part
    }

    fn close(part: Option<u32>, out: &mut Vec<Event>) {
        out.extend(part.map(|part| Event::Close { part }));
    }

    /// The text that stayed open for its citations, and the plan, end where something else begins.
    fn close_texts(&mut self, out: &mut Vec<Event>) {
        Self::close(self.plan.take(), out);
        if let Some(part) = self.text.take() {
            Self::close(Some(part), out);
            self.items.values_mut().filter(|item| item.part == Some(part)).for_each(|item| item.part = None);
        }
    }

    fn close_all(&mut self, out: &mut Vec<Event>) {
        self.close_texts(out);
        let thoughts = self.items.drain().filter_map(|(_, item)| item.part);
        let mut parts: Vec<u32> = thoughts.chain(self.open.drain().map(|(_, part)| part)).collect();
        parts.sort_unstable();
        parts.into_iter().for_each(|part| Self::close(Some(part), out));
    }

    fn take(&mut self, event: Json<'_>, out: &mut Vec<Event>) {
        if event.kind() != Kind::Object {
            return self.fail(bad("An event of the stream is no object."), out);
        }
        let kind = word(event, "type");
        if let Some(fault) = kind.is_empty().then(|| fault::inside(event)).flatten() {
            return self.fail(fault, out);
        }
        self.start(event, out);
        let index = event.get("index").and_then(Json::as_u64).unwrap_or(0);
        let delta = event.get("delta").unwrap_or(Json::NULL);
        let message = delta.get("message").unwrap_or(Json::NULL);
        match kind.as_str() {
            "content-start" => self.content_start(index, only(message.get("content")), out),
            "content-delta" => self.content_delta(index, only(message.get("content")), out),
            "content-end" => self.content_end(index, out),
            "tool-plan-delta" => self.planned(text(message, "tool_plan"), out),
            "tool-call-start" => self.call_start(index, only(message.get("tool_calls")), out),
            "tool-call-delta" => {
                let said = only(message.get("tool_calls")).at(&["function", "arguments"]).and_then(Json::as_str);
                if let (Some(part), Some(said)) = (self.open.get(&index), said.filter(|said| !said.is_empty())) {
                    out.push(Event::Delta { part: *part, delta: Delta::Arguments(said.into_owned()) });
                }
            }
            "tool-call-end" => Self::close(self.open.remove(&index), out),
            "citation-start" => self.cited(message.get("citations").unwrap_or(Json::NULL), out),
            "message-end" => self.end(delta, out),
            "message-start" | "citation-end" | "debug" => {}
            other => {
                let loss = Loss::dropped(other.to_owned(), "");
                if !self.losses.contains(&loss) {
                    self.losses.push(loss);
                }
            }
        }
    }

    fn content_start(&mut self, index: u64, content: Json<'_>, out: &mut Vec<Event>) {
        let kind = word(content, "type");
        if let Some(Item { thinks: true, part }) = self.items.remove(&index) {
            Self::close(part, out);
        }
        self.close_texts(out);
        if !matches!(kind.as_str(), "text" | "thinking" | "") {
            let body = Body::Unknown { dialect: HERE, kind, raw: content.raw().into() };
            let part = self.opens(Open::Whole(Box::new(body.into())), out);
            return Self::close(Some(part), out);
        }
        self.items.insert(index, Item { thinks: kind == "thinking", part: None });
        self.content_delta(index, content, out);
    }

    fn content_delta(&mut self, index: u64, content: Json<'_>, out: &mut Vec<Event>) {
        let (said, thought) = (text(content, "text"), text(content, "thinking"));
        let known = self.items.get(&index).copied();
        let thinks = known.map_or(!thought.is_empty(), |item| item.thinks);
        let said = if thinks { thought } else { said };
        if said.is_empty() {
            return;
        }
        let part = match known.and_then(|item| item.part) {
            Some(part) => part,
            None if thinks => self.opens(Open::Reasoning, out),
            None => self.say(index, out),
        };
        self.items.insert(index, Item { thinks, part: Some(part) });
        let delta = if thinks { Delta::Reasoning(said) } else { Delta::Text(said) };
        out.push(Event::Delta { part, delta });
    }

    /// Opens the text of an item.
    fn say(&mut self, index: u64, out: &mut Vec<Event>) -> u32 {
        self.close_texts(out);
        let part = self.opens(Open::Text, out);
        self.text = Some(part);
        self.items.insert(index, Item { thinks: false, part: Some(part) });
        part
    }

    /// An item is done: thinking closes, a text may still be cited.
    fn content_end(&mut self, index: u64, out: &mut Vec<Event>) {
        if let Some(item) = self.items.get_mut(&index).filter(|item| item.thinks) {
            Self::close(item.part.take(), out);
        }
    }

    fn planned(&mut self, said: String, out: &mut Vec<Event>) {
        if said.is_empty() {
            return;
        }
        let part = match self.plan {
            Some(part) => part,
            None => {
                self.close_texts(out);
                let part = self.opens(Open::Text, out);
                self.plan = Some(part);
                part
            }
        };
        out.push(Event::Delta { part, delta: Delta::Text(said) });
    }

    fn call_start(&mut self, index: u64, call: Json<'_>, out: &mut Vec<Event>) {
        self.close_texts(out);
        Self::close(self.open.remove(&index), out);
        let function = call.get("function").unwrap_or(Json::NULL);
        let name = text(function, "name");
        if name.is_empty() {
            return self.fail(bad("A tool call without a name."), out);
        }
        let name = self.undo.name(&name).to_owned();
        let id = match word(call, "id") {
            id if id.is_empty() => made_id(&name, &self.id, self.calls),
            id => self.undo.id(&id).to_owned(),
        };
        self.calls = self.calls.saturating_add(1);
        let part = self.opens(Open::ToolCall { id, name, proof: None }, out);
        self.open.insert(index, part);
        let said = text(function, "arguments");
        if !said.is_empty() {
            out.push(Event::Delta { part, delta: Delta::Arguments(said) });
        }
    }

    /// A citation, on the item it names where that is open, else on the last text.
    fn cited(&mut self, citations: Json<'_>, out: &mut Vec<Event>) {
        let one = (citations.kind() == Kind::Object).then_some(citations);
        for citation in one.into_iter().chain(citations.items()) {
            let named = cite::index(citation).and_then(|index| Some((index, *self.items.get(&index)?)));
            let named = named.filter(|(_, item)| !item.thinks);
            let part = match named {
                Some((_, Item { part: Some(part), .. })) => Some(part),
                // Nothing of the text was said yet, or something else was said since: it begins, or goes on.
                Some((index, _)) => Some(self.say(index, out)),
                None => self.text.or(self.plan),
            };
            match part {
                Some(part) => out.push(Event::Delta { part, delta: Delta::Citation(cite::read(citation)) }),
                None => self.losses.push(Loss::dropped("citations", "choices[0].content[0]")),
            }
        }
    }

    fn end(&mut self, delta: Json<'_>, out: &mut Vec<Event>) {
        self.close_all(out);
        let mut used = delta.get("usage").map(usage::read).unwrap_or_default();
        let failed = fault::of_end(delta);
        if failed.is_some() && used.source == Source::Reported {
            used.source = Source::Partial;
        }
        if used.raw.is_some() || !used.is_empty() {
            out.push(Event::Usage(used));
        }
        if let Some(fault) = failed {
            return self.fail(fault, out);
        }
        if let Some(finish) = finish::read(&word(delta, "finish_reason")) {
            out.push(Event::Finish { choice: 0, finish });
        }
        if delta.get("logprobs").and_then(Json::non_null).is_some() {
            self.losses.push(Loss::dropped("logprobs", "choices[0]"));
        }
        out.push(Event::End);
        self.done = true;
    }
}

impl Decoder for CohereDecoder {
    fn push(&mut self, frame: &Frame, out: &mut Vec<Event>) {
        let data = frame.data.as_deref().unwrap_or_default().trim_ascii();
        if self.done || data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            return self.fail(bad("The stream ended without `message-end`."), out);
        }
        let mut index = std::mem::take(&mut self.index);
        match index.read_bytes(data) {
            Ok(event) => self.take(event, out),
            Err(_) => self.fail(bad("An event of the stream is not JSON."), out),
        }
        self.index = index;
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        if !self.done {
            let message = "The stream ended before `message-end`.";
            self.fail(UpstreamFault::new(Outcome::Truncated, 200, message), out);
        }
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.losses)
    }
}

fn bad(message: &str) -> UpstreamFault {
    UpstreamFault::new(Outcome::BadAnswer, 200, message)
}

/// The one object that a member holds, also where it comes in a list.
fn only(value: Option<Json<'_>>) -> Json<'_> {
    match value {
        Some(list) if list.kind() == Kind::Array => list.items().next().unwrap_or(Json::NULL),
        other => other.unwrap_or(Json::NULL),
    }
}

/// The words of a member.
fn text(object: Json<'_>, name: &str) -> String {
    object.get(name).and_then(Json::text).map(|text| text.text.into_owned()).unwrap_or_default()
}

fn word(object: Json<'_>, name: &str) -> String {
    object.get(name).and_then(Json::as_str).map(Cow::into_owned).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use crate::ir::fold::fold;
    use crate::ir::grammar::Grammar;

    fn decoded(events: &[&str]) -> Vec<Event> {
        let mut decoder = CohereDecoder::new(Undo::default(), &Target::default());
        let mut out = Vec::new();
        for event in events {
            let frame = Frame { data: Some(event.as_bytes().to_vec().into()), ..Frame::default() };
            decoder.push(&frame, &mut out);
        }
        decoder.finish(&mut out);
        Grammar::check(&out).unwrap_or_else(|violation| panic!("{violation}: {out:#?}"));
        out
    }

    const START: &str = r#"{"type":"message-start","id":"i","delta":{"message":{"role":"assistant"}}}"#;
    const END: &str = r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":1,"output_tokens":1}}}}"#;

    #[test]
    fn a_citation_may_come_after_its_text_ended() {
        let events = decoded(&[
            START,
            r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":"t"}}}}"#,
            r#"{"type":"content-end","index":0}"#,
            r#"{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
            r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"abc"}}}}"#,
            r#"{"type":"content-end","index":1}"#,
            r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":1,"sources":[],"content_index":1}}}}"#,
            END,
            "[DONE]",
        ]);
        let answer = fold(events).expect("an answer");
        let parts = &answer.choices[0].parts;
        assert!(matches!(&parts[1].body, Body::Text { text, citations } if text == "abc" && citations.len() == 1));
        assert_eq!(parts.len(), 2);
    }

    #[test]
    fn an_end_that_names_an_error_is_a_fault() {
        let end = r#"{"type":"message-end","delta":{"finish_reason":"ERROR","usage":{},"error":"bad tool","error_type":"INVALID_TOOL_GENERATION"}}"#;
        let plan = r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I"}}}"#;
        let Some(Event::Fault(fault)) = decoded(&[START, plan, end, "[DONE]"]).pop() else { panic!("no fault") };
        assert_eq!((fault.message.as_str(), fault.kind.as_deref()), ("bad tool", Some("INVALID_TOOL_GENERATION")));
    }

    #[test]
    fn a_stream_without_its_end_is_truncated() {
        for events in
            [&[][..], &[START], &[START, r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I"}}}"#]]
        {
            let Some(Event::Fault(fault)) = decoded(events).pop() else { panic!("no fault") };
            assert_eq!(fault.outcome, Outcome::Truncated);
        }
        for (events, outcome) in [
            (&[START, "[DONE]"][..], Outcome::BadAnswer),
            (&["7"], Outcome::BadAnswer),
            (&[r#"{"message":"no","id":"x"}"#], Outcome::ServerError),
            (&[START, r#"{"type":"tool-call-start","index":0,"delta":{}}"#], Outcome::BadAnswer),
        ] {
            let Some(Event::Fault(fault)) = decoded(events).pop() else { panic!("no fault") };
            assert_eq!(fault.outcome, outcome, "{events:?}");
        }
    }
}
