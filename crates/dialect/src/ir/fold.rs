//! Events to one whole answer and back: `fold(unfold(r)) == r`.
//!
//! An answer is *well-formed* when it has at most [`MAX_CHOICES`] choices and the last of them, if any,
//! has a part or a finish (a stream has no word for a choice about which nothing is said). Every
//! well-formed answer survives `fold(unfold(r))` unchanged; of any other, the choices without a word are
//! missing at the end, or those beyond the limit.

use super::event::{Delta, Event, Open};
use super::finish::Finish;
use super::grammar::{Grammar, MAX_CHOICES};
use super::part::{Body, Part, Reasoning, ToolCall};
use super::response::{Choice, Response};
use crate::outcome::{Outcome, UpstreamFault};

/// Collects the events of one stream into its answer.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    response: Response,
    grammar: Grammar,
    /// Where each part stands: choice, place in the choice.
    places: Vec<(usize, usize)>,
    fault: Option<UpstreamFault>,
}

impl Fold {
    /// Takes the next event. After a fault, or an event that breaks the grammar, the rest is ignored.
    pub fn push(&mut self, event: Event) {
        if self.fault.is_some() {
            return;
        }
        if let Err(violation) = self.grammar.push(&event) {
            self.fault = Some(UpstreamFault::new(Outcome::BadAnswer, 200, violation.to_string()));
            return;
        }
        match event {
            Event::Start { id, model, created } => {
                self.response.id = id;
                self.response.model = model;
                self.response.created = created;
            }
            Event::Open { choice, kind, .. } => {
                let parts = &mut choice_at(&mut self.response, choice).parts;
                let place = parts.len();
                parts.push(begin(kind));
                self.places.push((to_index(choice), place));
            }
            Event::Delta { part, delta } => {
                if let Some(part) = self.part(part) {
                    extend(&mut part.body, delta);
                }
            }
            Event::Usage(usage) => self.response.usage = usage,
            Event::Finish { choice, finish } => set_finish(&mut self.response, choice, finish),
            Event::Fault(fault) => self.fault = Some(fault),
            Event::Close { .. } | Event::End => {}
        }
    }

    /// The whole answer.
    ///
    /// # Errors
    /// The stream's own fault; [`Outcome::Truncated`] where it stops before its end;
    /// [`Outcome::BadAnswer`] where the events break the grammar.
    pub fn finish(self) -> Result<Response, UpstreamFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None if !self.grammar.is_done() => {
                Err(UpstreamFault::new(Outcome::Truncated, 200, "the answer ended before its end"))
            }
            None => Ok(self.response),
        }
    }

    fn part(&mut self, number: u32) -> Option<&mut Part> {
        let (choice, place) = *self.places.get(to_index(number))?;
        self.response.choices.get_mut(choice)?.parts.get_mut(place)
    }
}

fn to_index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The choice of a number, made with those before it where it is new. The grammar bounds the number.
fn choice_at(response: &mut Response, choice: u32) -> &mut Choice {
    let index = to_index(choice.min(MAX_CHOICES - 1));
    if response.choices.len() <= index {
        response.choices.resize_with(index + 1, Choice::default);
    }
    &mut response.choices[index]
}

fn set_finish(response: &mut Response, choice: u32, finish: Finish) {
    choice_at(response, choice).finish = Some(finish);
}

/// The part that an opening begins.
fn begin(kind: Open) -> Part {
    match kind {
        Open::Text => Part::text(""),
        Open::Reasoning => Body::Reasoning(Reasoning { text: String::new(), proof: None, redacted: false }).into(),
        Open::ToolCall { id, name, proof } => {
            Body::ToolCall(ToolCall { id, name, arguments: String::new(), proof }).into()
        }
        Open::Refusal => Body::Refusal(String::new()).into(),
        Open::Whole(part) => *part,
    }
}

/// The part with a delta added. The grammar has made sure that they fit.
fn extend(body: &mut Body, delta: Delta) {
    match (body, delta) {
        (Body::Text { text, .. }, Delta::Text(more)) => append(text, more),
        (Body::Text { citations, .. }, Delta::Citation(citation)) => citations.push(citation),
        (Body::Reasoning(reasoning), Delta::Reasoning(more)) => append(&mut reasoning.text, more),
        (Body::Reasoning(reasoning), Delta::Proof(proof)) => reasoning.proof = Some(proof),
        (Body::ToolCall(call), Delta::Arguments(more)) => append(&mut call.arguments, more),
        (Body::Refusal(text), Delta::Refusal(more)) => append(text, more),
        _ => {}
    }
}

/// Appends, or takes the text over where it is the first.
fn append(text: &mut String, more: String) {
    if text.is_empty() {
        *text = more;
    } else {
        text.push_str(&more);
    }
}

/// The answer that a whole stream of events says.
///
/// # Errors
/// As [`Fold::finish`].
pub fn fold(events: impl IntoIterator<Item = Event>) -> Result<Response, UpstreamFault> {
    let mut fold = Fold::default();
    for event in events {
        fold.push(event);
    }
    fold.finish()
}

/// The events that say a whole answer: a sentence of the grammar that comes to its end.
#[must_use]
pub fn unfold(response: &Response) -> Vec<Event> {
    let mut events =
        vec![Event::Start { id: response.id.clone(), model: response.model.clone(), created: response.created }];
    let mut number = 0;
    for (choice, said) in (0..MAX_CHOICES).zip(&response.choices) {
        for part in &said.parts {
            unfold_part(part, choice, number, &mut events);
            number += 1;
        }
        if let Some(finish) = &said.finish {
            events.push(Event::Finish { choice, finish: finish.clone() });
        }
    }
    if response.usage != Default::default() {
        events.push(Event::Usage(response.usage.clone()));
    }
    events.push(Event::End);
    events
}

/// The events of one part: opening, deltas, close. A part that carries more than deltas can say (a
/// cache mark, foreign members) comes whole.
fn unfold_part(part: &Part, choice: u32, number: u32, events: &mut Vec<Event>) {
    let plain = part.cache.is_none() && part.foreign.is_empty();
    let (kind, deltas) = plain
        .then(|| pieces(&part.body))
        .flatten()
        .unwrap_or_else(|| (Open::Whole(Box::new(part.clone())), Vec::new()));
    events.push(Event::Open { choice, part: number, kind });
    events.extend(deltas.into_iter().map(|delta| Event::Delta { part: number, delta }));
    events.push(Event::Close { part: number });
}

/// A body as an opening and deltas; `None` for one that only comes whole. For encoders that write a
/// whole part of a kind they stream.
#[must_use]
pub fn pieces(body: &Body) -> Option<(Open, Vec<Delta>)> {
    let some = |text: &str, delta: fn(String) -> Delta| (!text.is_empty()).then(|| delta(text.to_owned()));
    Some(match body {
        Body::Text { text, citations } => {
            let citations = citations.iter().cloned().map(Delta::Citation);
            (Open::Text, some(text, Delta::Text).into_iter().chain(citations).collect())
        }
        Body::Reasoning(Reasoning { text, proof, redacted: false }) => {
            let proof = proof.clone().map(Delta::Proof);
            (Open::Reasoning, some(text, Delta::Reasoning).into_iter().chain(proof).collect())
        }
        Body::ToolCall(ToolCall { id, name, arguments, proof }) => {
            let open = Open::ToolCall { id: id.clone(), name: name.clone(), proof: proof.clone() };
            (open, some(arguments, Delta::Arguments).into_iter().collect())
        }
        Body::Refusal(text) => (Open::Refusal, some(text, Delta::Refusal).into_iter().collect()),
        Body::Reasoning(Reasoning { redacted: true, .. })
        | Body::Media(_)
        | Body::ToolResult(_)
        | Body::Unknown { .. } => return None,
    })
}

#[cfg(test)]
mod tests;
