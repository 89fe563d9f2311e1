//! Streams of this dialect, and whole answers, to events. Any bytes at all give a sentence of the grammar.

use std::borrow::Cow;

use wire::frame::Frame;
use wire::json::{Index, Json, Kind};

use super::choice::{Choice, Shared};
use super::{cite, fault, usage};
use crate::ir::event::Event;
use crate::ir::grammar::MAX_CHOICES;
use crate::loss::Loss;
use crate::outcome::{Outcome, UpstreamFault};
use crate::quirk::{Quirk, Quirks};
use crate::stream::Decoder;
use crate::target::Target;
use crate::undo::Undo;
use crate::usage::Usage;

/// The decoder. Why choices finished is told at the end, because servers say more after a finish
/// (OpenRouter repeats the choice, Azure filters late); their parts close at once.
#[derive(Debug)]
pub(super) struct ChatDecoder {
    quirks: Quirks,
    shared: Shared,
    model: String,
    created: Option<u64>,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    tier: Option<Box<str>>,
    started: bool,
    done: bool,
    index: Index,
}

impl ChatDecoder {
    pub(super) fn new(undo: Undo, from: &Target<'_>) -> Self {
        Self {
            quirks: from.quirks,
            shared: Shared::new(undo, from.model),
            model: String::new(),
            created: None,
            choices: Vec::new(),
            usage: None,
            tier: None,
            started: false,
            done: false,
            index: Index::default(),
        }
    }

    /// Takes a chunk, or a whole answer: both say the same under other names.
    pub(super) fn take(&mut self, body: Json<'_>, whole: bool, out: &mut Vec<Event>) {
        let mut choices = Json::NULL;
        let mut used = None;
        for (key, value) in body.members() {
            match &*key {
                "choices" => choices = value,
                "usage" if value.kind() == Kind::Object => used = Some(value),
                "x_groq" => used = value.get("usage").and_then(Json::non_null).or(used),
                "id" if self.shared.id.is_empty() => self.shared.id = text(value),
                "model" if self.model.is_empty() => self.model = text(value),
                "created" => self.created = self.created.filter(|at| *at > 0).or(value.as_u64()).or(self.created),
                "service_tier" => self.tier = value.as_str().map(|tier| tier.into()).or_else(|| self.tier.take()),
                other if self.quirks.has(Quirk::SearchResults) => {
                    // Results have titles; addresses alone stand beside them, or in their place.
                    let better = other == "search_results" || self.shared.sources.is_empty();
                    if let Some(found) = cite::found(other, value).filter(|found| better && !found.is_empty()) {
                        self.shared.sources = found;
                    }
                }
                _ => {}
            }
        }
        let mut failed = fault::inside(body);
        // Azure's first chunk has no choice, no id and no model: the start waits for a better one.
        if choices.items().next().is_some() || (used.is_some() && failed.is_none()) {
            self.start(out);
        }
        for choice in choices.items() {
            if let Err(fault) = self.choice(choice, whole, out) {
                failed.get_or_insert(fault);
            }
            // OpenRouter's place for the failure of one choice.
            if choice.get("error").and_then(Json::non_null).is_some() {
                failed = failed.or_else(|| fault::inside(choice));
            }
        }
        if let Some(used) = used {
            self.usage = Some(usage::read(used, self.quirks));
            self.tell_usage(out);
        }
        if let Some(fault) = failed {
            self.fail(fault, out);
        }
    }

    fn start(&mut self, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            let (id, model) = (self.shared.id.clone(), self.model.clone());
            out.push(Event::Start { id, model, created: self.created });
        }
    }

    fn choice(&mut self, choice: Json<'_>, whole: bool, out: &mut Vec<Event>) -> Result<(), UpstreamFault> {
        let index = choice.get("index").and_then(Json::as_u64).unwrap_or(0);
        let number = u32::try_from(index).ok().filter(|number| *number < MAX_CHOICES);
        let number = number.ok_or_else(|| bad("A choice of the answer has an index beyond the limit."))?;
        let at = self.choices.iter().position(|known| known.number == number).unwrap_or_else(|| {
            self.choices.push(Choice::new(number, self.quirks.has(Quirk::ThinkTags)));
            self.choices.len() - 1
        });
        if let Some(under_way) = self.choices.get_mut(at) {
            under_way.push(choice, whole, &mut self.shared, out);
        }
        Ok(())
    }

    /// Tells usage so far; the last time counts.
    fn tell_usage(&self, out: &mut Vec<Event>) {
        if let (Some(usage), true) = (&self.usage, self.started) {
            let mut usage = usage.clone();
            usage.tier = self.tier.clone().or(usage.tier);
            out.push(Event::Usage(usage));
        }
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        for choice in &mut self.choices {
            choice.close(&mut self.shared, out);
        }
    }

    fn fail(&mut self, fault: UpstreamFault, out: &mut Vec<Event>) {
        if !self.done {
            self.done = true;
            self.close(out);
            out.push(Event::Fault(fault));
        }
    }

    /// The answer is whole.
    pub(super) fn end(&mut self, out: &mut Vec<Event>) {
        if self.done {
            return;
        }
        self.start(out);
        self.close(out);
        self.choices.sort_by_key(|choice| choice.number);
        for choice in &mut self.choices {
            if let Some(finish) = choice.take_finish(&self.shared.undo) {
                out.push(Event::Finish { choice: choice.number, finish });
            }
        }
        // A tier that was named after the usage, or without one.
        let told = self.usage.as_ref().and_then(|usage| usage.tier.clone());
        if self.tier.is_some() && self.tier != told {
            self.usage.get_or_insert_default();
            self.tell_usage(out);
        }
        out.push(Event::End);
        self.done = true;
    }
}

impl Decoder for ChatDecoder {
    fn push(&mut self, frame: &Frame, out: &mut Vec<Event>) {
        let data = frame.data.as_deref().unwrap_or_default().trim_ascii();
        if self.done || (data.is_empty() && frame.name() != "error") {
            return;
        }
        if data == b"[DONE]" {
            return if self.started {
                self.end(out);
            } else {
                self.fail(bad("The stream ended without an answer."), out);
            };
        }
        if frame.name() == "error" {
            return self.fail(fault::of_event(frame.text()), out);
        }
        let mut index = std::mem::take(&mut self.index);
        match index.read_bytes(data) {
            Ok(body) => self.take(body, false, out),
            Err(_) => self.fail(bad("A frame of the stream is not JSON."), out),
        }
        self.index = index;
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let finished = !self.choices.is_empty() && self.choices.iter().all(Choice::is_finished);
        if finished && self.quirks.has(Quirk::NoDone) {
            return self.end(out);
        }
        let message = "The stream ended before `[DONE]`.";
        self.fail(UpstreamFault::new(Outcome::Truncated, 200, message), out);
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.shared.losses)
    }
}

/// An answer that is not what the dialect says.
pub(super) fn bad(message: &str) -> UpstreamFault {
    UpstreamFault::new(Outcome::BadAnswer, 200, message)
}

fn text(value: Json<'_>) -> String {
    value.as_str().map(Cow::into_owned).unwrap_or_default()
}

#[cfg(test)]
mod tests;
