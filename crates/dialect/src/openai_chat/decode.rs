//! Chunks and whole answers to events; any bytes at all give a sentence of the grammar.

use std::borrow::Cow;

use wire::frame::Frame;
use wire::json::{Json, Kind};

use super::choice::Choice;
use super::shared::Shared;
use super::{cite, fault, usage};
use crate::ir::event::Event;
use crate::ir::fold::fold;
use crate::ir::grammar::MAX_CHOICES;
use crate::ir::part::Citation;
use crate::ir::response::Response;
use crate::loss::{Loss, Lossy};
use crate::outcome::{Outcome, UpstreamFault};
use crate::quirk::{Quirk, Quirks};
use crate::stream::Decoder;
use crate::target::Target;
use crate::undo::Undo;
use crate::usage::{Source, Usage};

/// A stream under way. Finish and usage are told at the end: both may be corrected until then.
#[derive(Debug)]
pub(super) struct ChatDecoder {
    quirks: Quirks,
    shared: Shared,
    choices: Vec<(u32, Choice)>,
    usage: Option<Usage>,
    tier: Option<String>,
    /// Sources that stand beside the answer (Perplexity).
    sources: Vec<Citation>,
    started: bool,
    over: bool,
}

impl ChatDecoder {
    pub(super) fn new(undo: Undo, from: &Target<'_>) -> Self {
        Self {
            quirks: from.quirks,
            shared: Shared { undo, model: from.model.to_owned(), ..Shared::default() },
            choices: Vec::new(),
            usage: None,
            tier: None,
            sources: Vec::new(),
            started: false,
            over: false,
        }
    }

    /// Takes a chunk, or a whole answer.
    fn chunk(&mut self, body: Json<'_>, whole: bool, out: &mut Vec<Event>) {
        let failed = fault::inside(body);
        let mut choices = None;
        for (key, value) in body.members() {
            match &*key {
                "choices" => choices = Some(value),
                "usage" if value.kind() == Kind::Object => self.usage = Some(usage::read(value, self.quirks)),
                "x_groq" => {
                    if let Some(value) = value.get("usage").and_then(Json::non_null) {
                        self.usage = Some(usage::read(value, self.quirks));
                    }
                }
                "service_tier" => self.tier = value.as_str().map(Cow::into_owned).or_else(|| self.tier.take()),
                "search_results" => self.sources = cite::sources(value),
                "citations" if self.sources.is_empty() => self.sources = cite::sources(value),
                _ => {}
            }
        }
        if failed.is_none() || choices.is_some_and(|choices| choices.items().next().is_some()) {
            self.start(body, out);
        }
        let mut inner = None;
        for choice in choices.into_iter().flat_map(Json::items) {
            if choice.get("error").is_some() {
                inner = fault::inside(choice);
            }
            self.choice(choice, whole, out);
        }
        if let Some(fault) = failed.or(inner) {
            self.fail(fault, out);
        }
    }

    fn start(&mut self, body: Json<'_>, out: &mut Vec<Event>) {
        if self.started {
            return;
        }
        self.started = true;
        let text = |name: &str| body.get(name).and_then(Json::as_str).map(Cow::into_owned).unwrap_or_default();
        let created = body.get("created").and_then(Json::as_u64);
        out.push(Event::Start { id: text("id"), model: text("model"), created });
    }

    fn choice(&mut self, choice: Json<'_>, whole: bool, out: &mut Vec<Event>) {
        let index = choice.get("index").and_then(Json::as_u64).unwrap_or(0);
        let Some(number) = u32::try_from(index).ok().filter(|number| *number < MAX_CHOICES) else {
            let loss = Loss::dropped("choice", format!("choices[{index}]"));
            if !self.shared.losses.contains(&loss) {
                self.shared.losses.push(loss);
            }
            return;
        };
        let place = match self.choices.iter().position(|(known, _)| *known == number) {
            Some(place) => place,
            None => {
                self.choices.push((number, Choice::new(number, self.quirks)));
                self.choices.len() - 1
            }
        };
        if let Some((_, under_way)) = self.choices.get_mut(place) {
            under_way.push(choice, whole, &mut self.shared, out);
        }
    }

    /// Azure's first chunk says no id and no model; nothing waits for a better one.
    fn tell_usage(&mut self, whole: bool, out: &mut Vec<Event>) {
        let Some(mut usage) = self.usage.take().filter(|_| self.started) else { return };
        if let Some(tier) = self.tier.take() {
            usage.tier = Some(tier.into_boxed_str());
        }
        if !whole && usage.source == Source::Reported {
            usage.source = Source::Partial;
        }
        out.push(Event::Usage(usage));
    }

    fn fail(&mut self, fault: UpstreamFault, out: &mut Vec<Event>) {
        if self.over {
            return;
        }
        self.over = true;
        self.tell_usage(false, out);
        out.push(Event::Fault(fault));
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        if self.over {
            return;
        }
        if !self.started {
            return self.fail(UpstreamFault::new(Outcome::BadAnswer, 200, "The answer ended before it began."), out);
        }
        self.over = true;
        let sources = std::mem::take(&mut self.sources);
        self.choices.sort_by_key(|(number, _)| *number);
        for (number, choice) in &mut self.choices {
            let own: &[Citation] = if *number == 0 { &sources } else { &[] };
            choice.close(own, &mut self.shared, out);
        }
        for (number, choice) in &mut self.choices {
            if let Some(finish) = choice.ending() {
                out.push(Event::Finish { choice: *number, finish });
            }
        }
        self.tell_usage(true, out);
        out.push(Event::End);
    }
}

impl Decoder for ChatDecoder {
    fn push(&mut self, frame: &Frame, out: &mut Vec<Event>) {
        let Some(data) = frame.data.as_deref().filter(|data| !data.trim_ascii().is_empty()) else { return };
        if self.over {
            return;
        }
        if data.trim_ascii() == b"[DONE]" {
            return self.end(out);
        }
        if frame.name() == "error" {
            return self.fail(fault::of_event(frame.text()), out);
        }
        match Json::from_bytes(data) {
            Ok(body) if body.kind() == Kind::Object => self.chunk(body, false, out),
            Ok(body) => {
                let fault = fault::inside(body).unwrap_or_else(|| bad("A frame of the stream is not a JSON object."));
                self.fail(fault, out);
            }
            Err(error) => self.fail(bad(&format!("A frame of the stream is not JSON: {error}.")), out),
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        if self.over {
            return;
        }
        let finished = !self.choices.is_empty() && self.choices.iter().all(|(_, choice)| choice.finish.is_some());
        if finished && self.quirks.has(Quirk::NoDone) {
            self.end(out);
        } else {
            let message = "The stream ended without `[DONE]`.";
            self.fail(UpstreamFault::new(Outcome::Truncated, 200, message), out);
        }
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.shared.losses)
    }
}

fn bad(message: &str) -> UpstreamFault {
    UpstreamFault::new(Outcome::BadAnswer, 200, message)
}

/// Reads a whole answer: the same as a stream of one chunk.
///
/// # Errors
/// The error that the body holds; `bad_answer` where it has no choices.
pub(super) fn read_response(body: Json<'_>, undo: &Undo, from: &Target<'_>) -> Result<Lossy<Response>, UpstreamFault> {
    if let Some(fault) = fault::inside(body) {
        return Err(fault);
    }
    if body.get("choices").is_none_or(|choices| choices.kind() != Kind::Array) {
        return Err(bad("The answer has no choices."));
    }
    let mut decoder = ChatDecoder::new(undo.clone(), from);
    let mut events = Vec::new();
    decoder.chunk(body, true, &mut events);
    decoder.end(&mut events);
    let losses = decoder.take_losses();
    fold(events).map(|value| Lossy { value, losses })
}

#[cfg(test)]
mod tests;
