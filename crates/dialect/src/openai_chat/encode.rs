//! Events to a stream of this dialect, as the official clients read it.

use wire::json::Writer;

use super::answer;
use super::{cite, details};
use crate::dialect::Asked;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::Finish;
use crate::ir::fold::pieces;
use crate::ir::part::{Body, Part, Reasoning, ToolCall};
use crate::loss::Loss;
use crate::stream::Encoder;
use crate::usage::Usage;

/// The encoder. Nothing waits: deltas of this dialect may interleave. A fault writes nothing, because
/// the failure's own frame is written by who ends the stream.
#[derive(Debug)]
pub(super) struct ChatEncoder {
    asked: Asked,
    id: String,
    model: String,
    created: Option<u64>,
    choices: Vec<Said>,
    /// By part number.
    parts: Vec<Begun>,
    usage: Usage,
    losses: Vec<Loss>,
    done: bool,
}

/// What a choice has said so far.
#[derive(Debug)]
struct Said {
    number: u32,
    parts: u64,
    /// Calls and details are numbered by themselves.
    calls: u64,
    details: u64,
    /// Places of the first text and the first refusal.
    text: Option<u64>,
    refusal: Option<u64>,
    /// Place of the last part where that is reasoning without a proof: another one would run on with it.
    unproven: Option<u64>,
    /// Characters of reasoning that were told, and how many of them before the last part of it.
    thought: u64,
    thought_before: u64,
    finished: bool,
}

/// A part that has begun.
#[derive(Debug, Clone, Copy)]
struct Begun {
    choice: u32,
    place: u64,
    /// Which call or detail of its choice it is.
    ordinal: u64,
}

impl ChatEncoder {
    pub(super) fn new(asked: &Asked) -> Self {
        Self {
            asked: asked.clone(),
            id: String::new(),
            model: String::new(),
            created: None,
            choices: Vec::new(),
            parts: Vec::new(),
            usage: Usage::default(),
            losses: Vec::new(),
            done: false,
        }
    }

    /// One frame.
    fn frame(&self, members: impl FnOnce(&mut Writer), out: &mut Vec<u8>) {
        let mut json = Writer::with_capacity(256);
        json.object(|json| {
            answer::head(&self.id, "chat.completion.chunk", self.created, &self.model, &self.asked, json);
            members(json);
        });
        for piece in ["data: ", &json.finish(), "\n\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
    }

    /// A frame of one choice.
    fn chunk(&self, choice: u32, finish: Option<&str>, delta: impl FnOnce(&mut Writer), out: &mut Vec<u8>) {
        let members = |json: &mut Writer| {
            json.key("choices").array(|json| {
                json.object(|json| {
                    json.key("index").u64(choice.into());
                    json.key("delta").object(delta);
                    json.key("logprobs").null();
                    match finish {
                        Some(word) => json.key("finish_reason").str(word),
                        None => json.key("finish_reason").null(),
                    };
                });
            });
            if self.asked.include_usage {
                json.key("usage").null();
            }
        };
        self.frame(members, out);
    }

    /// A frame of one text member.
    fn text(&self, choice: u32, member: &str, text: &str, out: &mut Vec<u8>) {
        let delta = |json: &mut Writer| {
            json.key(member).str(text);
        };
        self.chunk(choice, None, delta, out);
    }

    /// A frame of one list member with one item.
    fn item(&self, choice: u32, member: &str, item: &str, out: &mut Vec<u8>) {
        let delta = |json: &mut Writer| {
            json.key(member).array(|json| {
                json.raw(item);
            });
        };
        self.chunk(choice, None, delta, out);
    }

    /// What a choice has said; its first frame names the role.
    fn said(&mut self, number: u32, out: &mut Vec<u8>) -> Option<&mut Said> {
        let known = self.choices.iter().position(|said| said.number == number);
        let at = known.unwrap_or_else(|| {
            let role = |json: &mut Writer| {
                json.key("role").str("assistant");
                json.key("content").str("");
            };
            self.chunk(number, None, role, out);
            let said = Said {
                number,
                parts: 0,
                calls: 0,
                details: 0,
                text: None,
                refusal: None,
                unproven: None,
                thought: 0,
                thought_before: 0,
                finished: false,
            };
            self.choices.push(said);
            self.choices.len() - 1
        });
        self.choices.get_mut(at)
    }

    fn opened(&mut self, choice: u32, kind: &Open, out: &mut Vec<u8>) {
        let Some(said) = self.said(choice, out) else { return };
        let place = said.parts;
        said.parts += 1;
        let at = answer::at(choice, place);
        let runs_on = std::mem::replace(&mut said.unproven, matches!(kind, Open::Reasoning).then_some(place));
        if matches!(kind, Open::Reasoning) {
            said.thought_before = said.thought;
        }
        let counter = match kind {
            Open::Text | Open::Refusal => None,
            Open::Reasoning => Some(&mut said.details),
            Open::ToolCall { .. } => Some(&mut said.calls),
            Open::Whole(part) => match &part.body {
                Body::Reasoning(_) => Some(&mut said.details),
                Body::ToolCall(_) | Body::Unknown { .. } => Some(&mut said.calls),
                _ => None,
            },
        };
        let ordinal = counter.map_or(0, |counter| std::mem::replace(counter, counter.saturating_add(1)));
        let first = match kind {
            Open::Text => Some(&mut said.text),
            Open::Refusal => Some(&mut said.refusal),
            Open::Whole(part) => match &part.body {
                Body::Text { .. } => Some(&mut said.text),
                Body::Refusal(_) => Some(&mut said.refusal),
                _ => None,
            },
            Open::Reasoning | Open::ToolCall { .. } => None,
        };
        // A message has one text: another part of it goes on where the last one ended, and both are
        // another than they were.
        let joined = first.and_then(|first| match *first {
            Some(known) => Some(known),
            None => {
                *first = Some(place);
                None
            }
        });
        let joined = joined.map(|first| ("content", first));
        let ran_on = runs_on.filter(|_| matches!(kind, Open::Reasoning)).map(|last| ("reasoning", last));
        for (what, other) in joined.into_iter().chain(ran_on) {
            self.losses.push(Loss::approximated(what, answer::at(choice, other)));
            self.losses.push(Loss::approximated(what, at.clone()));
        }
        let begun = Begun { choice, place, ordinal };
        self.parts.push(begun);
        match kind {
            Open::Text | Open::Refusal | Open::Reasoning => {}
            Open::ToolCall { id, name, proof } => {
                let call =
                    ToolCall { id: id.clone(), name: name.clone(), arguments: String::new(), proof: proof.clone() };
                self.call(begun, &Body::ToolCall(call).into(), &at, out);
            }
            Open::Whole(part) => self.whole(begun, part, &at, out),
        }
    }

    /// Writes a call; false for what is none.
    fn call(&mut self, begun: Begun, call: &Part, at: &str, out: &mut Vec<u8>) -> bool {
        let number = usize::try_from(begun.ordinal).unwrap_or(usize::MAX);
        let written = answer::call(&call.body, number, Some(begun.ordinal), &self.asked, at, &mut self.losses);
        if let Some(written) = &written {
            self.item(begun.choice, "tool_calls", written, out);
        }
        written.is_some()
    }

    /// A part that came whole.
    fn whole(&mut self, begun: Begun, part: &Part, at: &str, out: &mut Vec<u8>) {
        answer::bare(part, at, &mut self.losses);
        if let Body::Reasoning(reasoning @ Reasoning { redacted: true, .. }) = &part.body {
            let mut json = Writer::new();
            details::write_whole(reasoning, begun.ordinal, &mut json);
            return self.item(begun.choice, "reasoning_details", &json.finish(), out);
        }
        if let Some(image) = answer::image(&part.body, at, &mut self.losses) {
            return self.item(begun.choice, "images", &image, out);
        }
        if self.call(begun, part, at, out) {
            return;
        }
        match pieces(&part.body) {
            Some((_, deltas)) => deltas.iter().for_each(|delta| self.delta(begun, delta, out)),
            None => {
                self.losses.push(Loss::dropped(part.body.word(), at));
                if matches!(part.body, Body::Unknown { .. }) {
                    // It took the number of a call and is none.
                    if let Some(said) = self.said(begun.choice, out) {
                        said.calls = begun.ordinal;
                    }
                }
            }
        }
    }

    fn delta(&mut self, begun: Begun, delta: &Delta, out: &mut Vec<u8>) {
        let choice = begun.choice;
        match delta {
            Delta::Text(text) | Delta::Reasoning(text) | Delta::Arguments(text) | Delta::Refusal(text)
                if text.is_empty() => {}
            Delta::Text(text) => self.text(choice, "content", text, out),
            Delta::Reasoning(text) => {
                if let Some(said) = self.said(choice, out) {
                    said.thought += text.chars().count() as u64;
                }
                self.text(choice, "reasoning_content", text, out);
            }
            Delta::Refusal(text) => self.text(choice, "refusal", text, out),
            Delta::Arguments(text) => {
                let mut json = Writer::with_capacity(text.len() + 64);
                json.object(|json| {
                    json.key("index").u64(begun.ordinal);
                    json.key("function").object(|json| {
                        json.key("arguments").str(text);
                    });
                });
                self.item(choice, "tool_calls", &json.finish(), out);
            }
            Delta::Proof(proof) => {
                let Some(said) = self.said(choice, out) else { return };
                said.unproven = None;
                let (begin, end) = (said.thought_before, said.thought);
                let mut json = Writer::new();
                details::write_proof(proof, begin, end, begun.ordinal, &mut json);
                self.item(choice, "reasoning_details", &json.finish(), out);
            }
            Delta::Citation(citation) => {
                let at = answer::at(choice, begun.place);
                if let Some(annotation) = cite::write(citation, &at, &mut self.losses) {
                    self.item(choice, "annotations", &annotation, out);
                }
            }
        }
    }

    fn finished(&mut self, choice: u32, finish: Option<&Finish>, out: &mut Vec<u8>) {
        let Some(said) = self.said(choice, out) else { return };
        said.finished = true;
        let (calls, refused) = (said.calls > 0, said.refusal.is_some());
        let word = answer::ending(finish, choice, calls, refused, &mut self.losses);
        self.chunk(choice, Some(word), |_| {}, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        // A choice that its provider never finished is done all the same: clients wait for the word.
        let open: Vec<u32> = self.choices.iter().filter(|said| !said.finished).map(|said| said.number).collect();
        for choice in open {
            self.finished(choice, None, out);
        }
        if self.asked.include_usage && !self.usage.is_empty() {
            let usage = std::mem::take(&mut self.usage);
            let mut losses = Vec::new();
            let members = |json: &mut Writer| {
                json.key("choices").array(|_| {});
                answer::tell_usage(&usage, &mut losses, json);
            };
            self.frame(members, out);
            self.losses.append(&mut losses);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

impl Encoder for ChatEncoder {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, model, created } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
                self.created = *created;
                // Every stream has its first choice, and clients its role at once.
                self.said(0, out);
            }
            Event::Open { choice, kind, .. } => self.opened(*choice, kind, out),
            Event::Delta { part, delta } => {
                let begun = usize::try_from(*part).ok().and_then(|part| self.parts.get(part)).copied();
                if let Some(begun) = begun {
                    self.delta(begun, delta, out);
                }
            }
            Event::Close { .. } => {}
            Event::Usage(usage) => self.usage = usage.clone(),
            Event::Finish { choice, finish } => self.finished(*choice, Some(finish), out),
            Event::Fault(_) => self.done = true,
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
mod tests;
