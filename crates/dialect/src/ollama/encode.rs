//! Events to a stream of this dialect, as the official clients read it: a line a piece, calls whole.

use wire::json::Writer;

use super::answer;
use super::{fault, finish, response, usage};
use crate::dialect::Asked;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::Finish;
use crate::ir::fold::pieces;
use crate::ir::part::{Body, Part, ToolCall};
use crate::loss::Loss;
use crate::members::one_line;
use crate::stream::Encoder;
use crate::usage::Usage;

/// The encoder. The dialect has one choice.
#[derive(Debug, Default)]
pub(super) struct OllamaEncoder {
    asked: Asked,
    id: String,
    model: String,
    created: Option<u64>,
    /// By part number.
    parts: Vec<Begun>,
    places: u64,
    called: bool,
    /// The last part told where that was thinking: another one would run on with it.
    thought: Option<String>,
    finish: Option<Finish>,
    usage: Usage,
    losses: Vec<Loss>,
    done: bool,
}

/// A part that has begun.
#[derive(Debug)]
enum Begun {
    /// Words go on as they come; the place of the part.
    Words(String),
    /// A call waits for its end.
    Call(String, ToolCall),
    /// It was told, or has no place.
    Over,
}

impl OllamaEncoder {
    pub(super) fn new(asked: &Asked) -> Self {
        Self { asked: asked.clone(), ..Self::default() }
    }

    fn line(&self, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
        let mut json = Writer::with_capacity(160);
        json.object(|json| {
            response::head(&self.id, &self.model, self.created, &self.asked, json);
            members(json);
        });
        out.extend_from_slice(one_line(&json.finish()).as_bytes());
        out.push(b'\n');
    }

    /// A line of a message with one member beside its content.
    fn piece(&self, out: &mut Vec<u8>, content: &str, member: impl FnOnce(&mut Writer)) {
        self.line(out, |json| {
            json.key("message").object(|json| {
                json.key("role").str("assistant").key("content").str(content);
                member(json);
            });
            json.key("done").bool(false);
        });
    }

    fn opened(&mut self, choice: u32, kind: &Open, out: &mut Vec<u8>) {
        if choice > 0 {
            self.losses.push(Loss::dropped("n", format!("choices[{choice}]")));
            return self.parts.push(Begun::Over);
        }
        let at = format!("choices[0].content[{}]", self.places);
        self.places = self.places.saturating_add(1);
        if matches!(kind, Open::Refusal) {
            self.losses.push(Loss::approximated("refusal", at.clone()));
        }
        let begun = match kind {
            Open::Text | Open::Refusal => Begun::Words(at),
            Open::Reasoning => {
                self.thinks(&at);
                Begun::Words(at)
            }
            Open::ToolCall { id, name, proof } => {
                let (id, name, proof) = (id.clone(), name.clone(), proof.clone());
                Begun::Call(at, ToolCall { id, name, proof, arguments: String::new() })
            }
            Open::Whole(part) => {
                self.whole(part, &at, out);
                Begun::Over
            }
        };
        self.parts.push(begun);
    }

    /// Thinking begins; it runs on from thinking before it.
    fn thinks(&mut self, at: &str) {
        if let Some(before) = self.thought.replace(at.to_owned()) {
            self.losses.extend([before, at.to_owned()].map(|at| Loss::approximated("reasoning", at)));
        }
    }

    fn whole(&mut self, part: &Part, at: &str, out: &mut Vec<u8>) {
        self.losses.extend(part.foreign.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), at)));
        if part.cache.is_some() {
            self.losses.push(Loss::dropped("cache_control", at));
        }
        match &part.body {
            Body::ToolCall(call) => self.call(call, at, out),
            Body::Media(media) => match answer::bytes(media, at, &mut self.losses) {
                Some(data) => {
                    self.thought = None;
                    self.piece(out, "", |json| {
                        json.key("images").array(|json| _ = json.str(data));
                    });
                }
                None => self.losses.push(Loss::dropped(media.kind.word(), at)),
            },
            body => match pieces(body) {
                Some((open, deltas)) => {
                    match open {
                        Open::Reasoning => self.thinks(at),
                        Open::Refusal => self.losses.push(Loss::approximated("refusal", at)),
                        _ => {}
                    }
                    deltas.iter().for_each(|delta| self.words(delta, at, out));
                }
                None => self.losses.push(Loss::dropped(body.word(), at)),
            },
        }
    }

    fn words(&mut self, delta: &Delta, at: &str, out: &mut Vec<u8>) {
        match delta {
            Delta::Text(text) | Delta::Refusal(text) if !text.is_empty() => {
                self.thought = None;
                self.piece(out, text, |_| {});
            }
            Delta::Reasoning(text) if !text.is_empty() => {
                self.piece(out, "", |json| _ = json.key("thinking").str(text))
            }
            Delta::Proof(_) => self.losses.push(Loss::dropped("signature", at)),
            Delta::Citation(_) => {
                let loss = Loss::dropped("citations", at);
                if !self.losses.contains(&loss) {
                    self.losses.push(loss);
                }
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &ToolCall, at: &str, out: &mut Vec<u8>) {
        self.thought = None;
        self.called = true;
        let written = answer::call(call, &[], at, &mut self.losses);
        self.piece(out, "", |json| {
            json.key("tool_calls").array(|json| _ = json.raw(&written));
        });
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let mut losses = std::mem::take(&mut self.losses);
        let word = finish::write(self.finish.as_ref(), self.called, &mut losses);
        self.line(out, |json| {
            json.key("message").object(|json| _ = json.key("role").str("assistant").key("content").str(""));
            json.key("done").bool(true).key("done_reason").str(word);
            usage::write(&self.usage, &mut losses, json);
        });
        self.losses = losses;
    }
}

impl Encoder for OllamaEncoder {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, model, created } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
                self.created = *created;
            }
            Event::Open { choice, kind, .. } => self.opened(*choice, kind, out),
            Event::Delta { part, delta } => {
                let place = usize::try_from(*part).unwrap_or(usize::MAX);
                match (self.parts.get_mut(place), delta) {
                    (Some(Begun::Call(_, call)), Delta::Arguments(text)) => call.arguments.push_str(text),
                    (Some(Begun::Words(at)), delta) => {
                        let at = at.clone();
                        self.words(delta, &at, out);
                    }
                    _ => {}
                }
            }
            Event::Close { part } => {
                let slot = usize::try_from(*part).ok().and_then(|place| self.parts.get_mut(place));
                if let Some(Begun::Call(at, call)) = slot.map(|slot| std::mem::replace(slot, Begun::Over)) {
                    self.call(&call, &at, out);
                }
            }
            Event::Usage(usage) => self.usage = usage.clone(),
            Event::Finish { choice: 0, finish } => self.finish = Some(finish.clone()),
            Event::Finish { choice, .. } => self.losses.push(Loss::dropped("n", format!("choices[{choice}]"))),
            Event::Fault(fault) => {
                out.extend_from_slice(&fault::write_line(&fault.told(), &self.asked.id));
                self.done = true;
            }
            Event::End => {
                self.end(out);
                self.done = true;
            }
        }
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.losses)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use crate::ir::finish::Reason;
    use crate::usage::Unit;

    #[test]
    fn an_answer_as_clients_read_it() {
        let mut encoder =
            OllamaEncoder::new(&Asked { id: "tg-1".to_owned(), model: "m".to_owned(), ..Asked::default() });
        let mut out = Vec::new();
        let open = |part, kind| Event::Open { choice: 0, part, kind };
        for event in [
            Event::Start { id: String::new(), model: String::new(), created: Some(0) },
            open(0, Open::Text),
            Event::Delta { part: 0, delta: Delta::Text("hi".to_owned()) },
            Event::Close { part: 0 },
            open(1, Open::ToolCall { id: "c".to_owned(), name: "f".to_owned(), proof: None }),
            Event::Delta { part: 1, delta: Delta::Arguments("{\n  \"x\":".to_owned()) },
            Event::Delta { part: 1, delta: Delta::Arguments(" 1}".to_owned()) },
            Event::Close { part: 1 },
            Event::Usage(Usage::unknown().with(Unit::Input, 3).with(Unit::Output, 4)),
            Event::Finish { choice: 0, finish: Finish::new(Reason::ToolUse) },
            Event::End,
        ] {
            encoder.push(&event, &mut out);
        }
        let text = String::from_utf8(out).expect("text");
        let head =
            r#"{"model":"m","created_at":"1970-01-01T00:00:00Z","id":"tg-1","message":{"role":"assistant","content":"#;
        let expected = [
            format!(r#"{head}"hi"}},"done":false}}"#),
            format!(
                r#"{head}"","tool_calls":[{{"id":"c","function":{{"name":"f","arguments":{{   "x": 1}}}}}}]}},"done":false}}"#
            ),
            format!(r#"{head}""}},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":4}}"#),
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        assert!(encoder.take_losses().is_empty());
    }
}
