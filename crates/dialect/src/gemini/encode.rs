//! Events to a stream of this dialect: each chunk is an answer whose parts are increments, one part at a
//! time within a candidate, in the order they began.

use wire::json::Writer;

use super::answer::{self, Voice};
use super::{fault, response};
use crate::dialect::Asked;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::Finish;
use crate::ir::part::ToolCall;
use crate::loss::Loss;
use crate::members::one_line;
use crate::stream::Encoder;
use crate::usage::Usage;

/// The encoder.
#[derive(Debug)]
pub(super) struct GeminiEncoder {
    asked: Asked,
    id: String,
    model: String,
    losses: Vec<Loss>,
    choices: Vec<Choice>,
    usage: Usage,
    done: bool,
}

/// One candidate.
#[derive(Debug, Default)]
struct Choice {
    index: u32,
    voice: Voice,
    /// Parts that began and are not written to their end; the first is written as it comes, the others
    /// wait, because an increment does not say which part it goes on with.
    waiting: Vec<Waiting>,
    /// Place of the next part, for losses.
    places: u64,
    finish: Option<Finish>,
}

/// A part that is not written to its end.
#[derive(Debug)]
struct Waiting {
    part: u32,
    at: String,
    kind: Open,
    deltas: Vec<Delta>,
    /// Arguments of a call so far, which is written whole.
    arguments: String,
    /// It has begun on the wire.
    begun: bool,
    closed: bool,
}

impl GeminiEncoder {
    pub(super) fn new(asked: &Asked) -> Self {
        let (id, model, losses, choices, usage) = Default::default();
        Self { asked: asked.clone(), id, model, losses, choices, usage, done: false }
    }

    /// One chunk of members.
    fn frame(&self, out: &mut Vec<u8>, members: impl FnOnce(&mut Writer)) {
        let mut json = Writer::with_capacity(160);
        json.object(|json| {
            members(json);
            response::tail(&self.id, &self.model, &self.asked, json);
        });
        // Arguments stand here as their model wrote them, line breaks between tokens too.
        for piece in ["data: ", &one_line(&json.finish()), "\r\n\r\n"] {
            out.extend_from_slice(piece.as_bytes());
        }
    }

    /// A chunk of one part.
    fn part(&self, index: u32, part: String, out: &mut Vec<u8>) {
        self.frame(out, |json| {
            json.key("candidates").array(|json| {
                json.object(|json| {
                    response::content(&[part], json);
                    json.key("index").u64(u64::from(index));
                });
            });
        });
    }

    fn choice(&mut self, index: u32) -> Choice {
        match self.choices.iter().position(|choice| choice.index == index) {
            Some(place) => self.choices.swap_remove(place),
            None => Choice { index, ..Choice::default() },
        }
    }

    fn opened(&mut self, index: u32, part: u32, kind: &Open, out: &mut Vec<u8>) {
        let mut choice = self.choice(index);
        let at = format!("choices[{index}].content[{}]", choice.places);
        choice.places += 1;
        if matches!(kind, Open::Refusal) {
            self.losses.push(Loss::approximated("refusal", at.clone()));
        }
        let (deltas, arguments) = Default::default();
        choice.waiting.push(Waiting { part, at, kind: kind.clone(), deltas, arguments, begun: false, closed: false });
        self.advance(&mut choice, out);
        self.choices.push(choice);
    }

    /// Writes what can be written: the first part as far as it has come, and those behind it that are done.
    fn advance(&mut self, choice: &mut Choice, out: &mut Vec<u8>) {
        while !choice.waiting.is_empty() {
            let mut first = choice.waiting.remove(0);
            if !std::mem::replace(&mut first.begun, true)
                && let Open::Whole(part) = &first.kind
                && let Some(written) = choice.voice.part(part, &first.at, &mut self.losses)
            {
                self.part(choice.index, written, out);
            }
            for delta in std::mem::take(&mut first.deltas) {
                self.delta(choice, &mut first, &delta, out);
            }
            if !first.closed {
                choice.waiting.insert(0, first);
                return;
            }
            self.close(choice, first, out);
        }
    }

    fn delta(&mut self, choice: &mut Choice, first: &mut Waiting, delta: &Delta, out: &mut Vec<u8>) {
        let index = choice.index;
        match (&first.kind, delta) {
            (Open::Text, Delta::Text(text)) | (Open::Refusal, Delta::Refusal(text)) if !text.is_empty() => {
                choice.voice.say(text, &first.at);
                self.part(index, written(|json| _ = json.key("text").str(text)), out);
            }
            (Open::Text, Delta::Citation(citation)) => choice.voice.cite(citation, &first.at),
            (Open::Reasoning, Delta::Reasoning(text)) if !text.is_empty() => {
                if first.arguments.is_empty() {
                    // The mark that this part of reasoning has begun to be told.
                    first.arguments.push('.');
                    choice.voice.think(&first.at, &mut self.losses);
                }
                self.part(index, written(|json| _ = json.key("text").str(text).key("thought").bool(true)), out);
            }
            (Open::Reasoning, Delta::Proof(proof)) => {
                let proof = answer::proof(Some(proof), "reasoning signature", &first.at, &mut self.losses);
                if let Some(proof) = proof {
                    choice.voice.pause();
                    let part = written(|json| {
                        json.key("text").str("").key("thought").bool(true).key("thoughtSignature").str(proof);
                    });
                    self.part(index, part, out);
                }
            }
            (Open::ToolCall { .. }, Delta::Arguments(text)) => first.arguments.push_str(text),
            // Deltas that do not fit their part break the grammar and say nothing here.
            _ => {}
        }
    }

    /// A part is done: a call is whole now.
    fn close(&mut self, choice: &mut Choice, first: Waiting, out: &mut Vec<u8>) {
        if let Open::ToolCall { id, name, proof } = first.kind {
            let call = ToolCall { id, name, proof, arguments: first.arguments };
            choice.voice.pause();
            choice.voice.calls = true;
            let members = answer::call(&call, &first.at, &mut self.losses);
            self.part(choice.index, written(members), out);
        }
    }

    /// The last chunk: why every candidate ended, what it cites, what was used.
    fn end(&mut self, out: &mut Vec<u8>) {
        let mut choices = std::mem::take(&mut self.choices);
        choices.sort_by_key(|choice| choice.index);
        for choice in &mut choices {
            choice.waiting.iter_mut().for_each(|waiting| waiting.closed = true);
            self.advance(choice, out);
        }
        let mut losses = std::mem::take(&mut self.losses);
        self.frame(out, |json| {
            json.key("candidates").array(|json| {
                for choice in &mut choices {
                    json.object(|json| {
                        response::content(&[r#"{"text":""}"#.to_owned()], json);
                        let index = u64::from(choice.index);
                        response::end(choice.finish.as_ref(), index, &mut choice.voice, &mut losses, json);
                        json.key("index").u64(index);
                    });
                }
            });
            response::tell_usage(&self.usage, &mut losses, json);
        });
        self.losses = losses;
    }
}

/// A part of members.
fn written(members: impl FnOnce(&mut Writer)) -> String {
    let mut json = Writer::new();
    json.object(members);
    json.finish()
}

impl Encoder for GeminiEncoder {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { id, model, .. } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
            }
            Event::Open { choice, part, kind } => self.opened(*choice, *part, kind, out),
            Event::Delta { part, .. } | Event::Close { part } => {
                let has = |choice: &Choice| choice.waiting.iter().any(|waiting| waiting.part == *part);
                let Some(place) = self.choices.iter().position(has) else { return };
                let mut choice = self.choices.swap_remove(place);
                if let Some(waiting) = choice.waiting.iter_mut().find(|waiting| waiting.part == *part) {
                    match event {
                        Event::Delta { delta, .. } => waiting.deltas.push(delta.clone()),
                        _ => waiting.closed = true,
                    }
                }
                self.advance(&mut choice, out);
                self.choices.push(choice);
            }
            Event::Usage(usage) => self.usage = usage.clone(),
            Event::Finish { choice, finish } => {
                let mut choice = self.choice(*choice);
                choice.finish = Some(finish.clone());
                self.choices.push(choice);
            }
            Event::Fault(fault) => {
                out.extend_from_slice(&fault::write_event(&fault.told(), &self.asked.id));
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
mod tests;
