//! Streams of this dialect to events. Any bytes at all give a sentence of the grammar.

use std::borrow::Cow;

use wire::frame::Frame;
use wire::json::{Index, Json, Kind};

use super::answer::picture;
use super::{fault, finish, usage};
use crate::ir::event::{Delta, Event, Open};
use crate::ir::part::Body;
use crate::loss::Loss;
use crate::outcome::{Outcome, UpstreamFault};
use crate::retry_after::rfc3339;
use crate::stream::Decoder;
use crate::target::Target;
use crate::undo::Undo;
use crate::usage::Source;

/// The decoder.
#[derive(Debug, Default)]
pub(super) struct OllamaDecoder {
    undo: Undo,
    started: bool,
    done: bool,
    next: u32,
    /// The part that goes on, and whether it is thinking.
    open: Option<(u32, bool)>,
    calls: u64,
    /// What ids are made of.
    date: String,
    losses: Vec<Loss>,
    index: Index,
}

impl OllamaDecoder {
    pub(super) fn new(undo: Undo, _from: &Target<'_>) -> Self {
        Self { undo, ..Self::default() }
    }

    fn fail(&mut self, fault: UpstreamFault, out: &mut Vec<Event>) {
        self.done = true;
        self.close(out);
        out.push(Event::Fault(fault));
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        out.extend(self.open.take().map(|(part, _)| Event::Close { part }));
    }

    fn opens(&mut self, kind: Open, out: &mut Vec<Event>) -> u32 {
        let part = self.next;
        self.next = self.next.saturating_add(1);
        out.push(Event::Open { choice: 0, part, kind });
        part
    }

    /// Takes one line.
    pub(super) fn take(&mut self, line: Json<'_>, out: &mut Vec<Event>) {
        if line.kind() != Kind::Object {
            return self.fail(bad("A line of the answer is no object."), out);
        }
        if let Some(fault) = fault::inside(line) {
            return self.fail(fault, out);
        }
        let word = |name: &str| line.get(name).and_then(Json::as_str).map(Cow::into_owned).unwrap_or_default();
        if !std::mem::replace(&mut self.started, true) {
            self.date = word("created_at");
            let created = rfc3339(&self.date).filter(|seconds| *seconds > 0);
            out.push(Event::Start { id: word("id"), model: word("model"), created });
        }
        let message = line.get("message").unwrap_or(Json::NULL);
        self.say(message, "thinking", true, out);
        self.say(message, "content", false, out);
        for image in message.get("images").unwrap_or(Json::NULL).items().filter_map(Json::as_str) {
            self.close(out);
            let part = Body::Media(picture(image.into_owned())).into();
            let part = self.opens(Open::Whole(Box::new(part)), out);
            out.push(Event::Close { part });
        }
        for call in message.get("tool_calls").unwrap_or(Json::NULL).items() {
            self.call(call, out);
            if self.done {
                return;
            }
        }
        let logprobs = Loss::dropped("logprobs", "choices[0]");
        if line.get("logprobs").and_then(Json::non_null).is_some() && !self.losses.contains(&logprobs) {
            self.losses.push(logprobs);
        }
        if line.get("done").and_then(Json::as_bool) == Some(true) {
            self.end(line, out);
        }
    }

    /// More words, thought or said; one ends where the other begins.
    fn say(&mut self, message: Json<'_>, name: &str, thinks: bool, out: &mut Vec<Event>) {
        let text = message.get(name).and_then(Json::text).map(|text| text.text.into_owned()).unwrap_or_default();
        if text.is_empty() {
            return;
        }
        let part = match self.open {
            Some((part, same)) if same == thinks => part,
            _ => {
                self.close(out);
                let part = self.opens(if thinks { Open::Reasoning } else { Open::Text }, out);
                self.open = Some((part, thinks));
                part
            }
        };
        let delta = if thinks { Delta::Reasoning(text) } else { Delta::Text(text) };
        out.push(Event::Delta { part, delta });
    }

    /// A call, which comes whole.
    fn call(&mut self, call: Json<'_>, out: &mut Vec<Event>) {
        self.close(out);
        let function = call.get("function").unwrap_or(Json::NULL);
        let word = |json: Json<'_>, name: &str| json.get(name).and_then(Json::as_str).map(Cow::into_owned);
        let Some(name) = word(function, "name").filter(|name| !name.is_empty()) else {
            return self.fail(bad("A tool call without a name."), out);
        };
        let id = match word(call, "id").filter(|id| !id.is_empty()) {
            Some(id) => self.undo.id(&id).to_owned(),
            None => {
                let date: String = self.date.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
                format!("call_{date}_{}", self.calls)
            }
        };
        self.calls = self.calls.saturating_add(1);
        let name = self.undo.name(&name).to_owned();
        let part = self.opens(Open::ToolCall { id, name, proof: None }, out);
        let arguments = match function.get("arguments").and_then(Json::non_null) {
            None => "{}".to_owned(),
            Some(text) if text.kind() == Kind::String => text.as_str().unwrap_or_default().into_owned(),
            Some(other) => other.raw().to_owned(),
        };
        out.push(Event::Delta { part, delta: Delta::Arguments(arguments) });
        out.push(Event::Close { part });
    }

    fn end(&mut self, line: Json<'_>, out: &mut Vec<Event>) {
        self.close(out);
        let used = usage::read(line);
        if used.source == Source::Reported {
            out.push(Event::Usage(used));
        }
        let reason = line.get("done_reason").and_then(Json::as_str);
        let finish = finish::read(reason.as_deref(), self.calls > 0);
        out.push(Event::Finish { choice: 0, finish });
        out.push(Event::End);
        self.done = true;
    }
}

impl Decoder for OllamaDecoder {
    fn push(&mut self, frame: &Frame, out: &mut Vec<Event>) {
        let data = frame.data.as_deref().unwrap_or_default().trim_ascii();
        if self.done || data.is_empty() {
            return;
        }
        let mut index = std::mem::take(&mut self.index);
        match index.read_bytes(data) {
            Ok(line) => self.take(line, out),
            Err(_) => self.fail(bad("A line of the answer is not JSON."), out),
        }
        self.index = index;
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        if !self.done {
            let message = "The answer ended before the line that says `done`.";
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

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use crate::ir::fold::fold;
    use crate::ir::grammar::Grammar;

    fn decoded(lines: &[&str]) -> Vec<Event> {
        let mut decoder = OllamaDecoder::new(Undo::default(), &Target::default());
        let mut out = Vec::new();
        for line in lines {
            decoder.push(&Frame { data: Some(line.as_bytes().to_vec().into()), ..Frame::default() }, &mut out);
        }
        decoder.finish(&mut out);
        Grammar::check(&out).unwrap_or_else(|violation| panic!("{violation}: {out:#?}"));
        out
    }

    const LAST: &str =
        r#"{"message":{"role":"assistant","content":""},"done":true,"done_reason":"length","eval_count":1}"#;

    #[test]
    fn thinking_ends_where_words_begin() {
        let answer = fold(decoded(&[
            r#"{"model":"m","message":{"thinking":"a"},"done":false}"#,
            r#"{"message":{"thinking":"b"},"done":false}"#,
            r#"{"message":{"content":"c","images":["/9j/"]},"done":false}"#,
            r#"{"message":{"content":"d"},"done":false}"#,
            LAST,
        ]))
        .expect("an answer");
        let kinds: Vec<_> = answer.choices[0].parts.iter().map(|part| part.body.word()).collect();
        assert_eq!(kinds, ["reasoning", "text", "image", "text"]);
    }

    #[test]
    fn failures_are_told() {
        for (lines, outcome) in [
            (&[r#"{"message":{"content":"c"}}"#, r#"{"error":"gone"}"#][..], Outcome::ServerError),
            (&[r#"{"message":{"content":"c"}}"#], Outcome::Truncated),
            (&[], Outcome::Truncated),
            (&["["], Outcome::BadAnswer),
            (&[r#"{"message":{"tool_calls":[{}]}}"#], Outcome::BadAnswer),
        ] {
            let Some(Event::Fault(fault)) = decoded(lines).pop() else { panic!("no fault") };
            assert_eq!(fault.outcome, outcome, "{lines:?}");
        }
    }
}
