//! Checks that events follow the grammar of streams; the judge of every decoder.
//!
//! `Start (Open Delta* Close)* … Finish* Usage? (End | Fault)`, and in words:
//!
//! * `Start` comes first and once. Only a `Fault` may stand instead of it.
//! * Parts are numbered 0, 1, 2, … in the order they open, across choices. They may interleave.
//! * A delta fits the kind of its open part: text and citations on text, reasoning and at most one proof
//!   on reasoning, arguments on a tool call, refusal on a refusal, nothing on a whole part.
//! * A choice finishes at most once, when all its parts are closed; nothing of it opens afterwards.
//! * Usage may come anywhere between start and end, and more than once.
//! * `End` comes when every part is closed. `Fault` may leave parts open. Nothing follows either.
//! * Choices are numbered below [`MAX_CHOICES`].

use thiserror::Error;

use super::event::{Delta, Event, Open};

/// One more than the highest number of a choice (OpenAI's limit of `n`).
pub const MAX_CHOICES: u32 = 128;

/// An event that may not stand where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("event {at}: {what}")]
pub struct Violation {
    /// The event's place in the stream, from 0.
    pub at: usize,
    /// The rule it breaks.
    pub what: &'static str,
}

/// Checks one stream, event by event.
#[derive(Debug, Clone, Default)]
pub struct Grammar {
    seen: usize,
    phase: Phase,
    parts: Vec<Part>,
    /// How many parts are open.
    open: usize,
    /// One bit per choice that is finished.
    finished: u128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Before,
    Within,
    Ended,
    Faulted,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    choice: u32,
    kind: Kind,
    open: bool,
    proven: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    ToolCall,
    Refusal,
    Whole,
}

impl Grammar {
    /// Takes the next event.
    ///
    /// # Errors
    /// The rule that the event breaks. The checker's state is then what it was before.
    pub fn push(&mut self, event: &Event) -> Result<(), Violation> {
        self.step(event).map_err(|what| Violation { at: self.seen, what })?;
        self.seen += 1;
        Ok(())
    }

    /// True when the stream is a whole sentence: it came to its end or its fault.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Ended | Phase::Faulted)
    }

    /// Checks a whole stream: every event, and that it came to its end or its fault.
    ///
    /// # Errors
    /// The first event that breaks a rule, or the missing end.
    pub fn check<'e>(events: impl IntoIterator<Item = &'e Event>) -> Result<(), Violation> {
        let mut grammar = Self::default();
        for event in events {
            grammar.push(event)?;
        }
        if grammar.is_done() {
            Ok(())
        } else {
            Err(Violation { at: grammar.seen, what: "the stream stops without end or fault" })
        }
    }

    fn step(&mut self, event: &Event) -> Result<(), &'static str> {
        match self.phase {
            Phase::Ended => return Err("nothing follows the end"),
            Phase::Faulted => return Err("nothing follows a fault"),
            Phase::Before if !matches!(event, Event::Start { .. } | Event::Fault(_)) => {
                return Err("a stream begins with its start");
            }
            Phase::Before | Phase::Within => {}
        }
        match event {
            Event::Start { .. } if self.phase == Phase::Within => return Err("the start stands once"),
            Event::Start { .. } => self.phase = Phase::Within,
            Event::Open { choice, part, kind } => self.opened(*choice, *part, kind)?,
            Event::Delta { part, delta } => self.delta(*part, delta)?,
            Event::Close { part } => {
                self.open_part(*part)?.open = false;
                self.open -= 1;
            }
            Event::Usage(_) => {}
            Event::Finish { choice, .. } => self.finish(*choice)?,
            Event::Fault(_) => self.phase = Phase::Faulted,
            Event::End if self.open > 0 => return Err("a part is open at the end"),
            Event::End => self.phase = Phase::Ended,
        }
        Ok(())
    }

    fn opened(&mut self, choice: u32, part: u32, kind: &Open) -> Result<(), &'static str> {
        if usize::try_from(part).ok() != Some(self.parts.len()) {
            return Err("parts are numbered in the order they open");
        }
        if self.finished & bit(choice)? != 0 {
            return Err("a choice that is finished opens no part");
        }
        let kind = match kind {
            Open::Text => Kind::Text,
            Open::Reasoning => Kind::Reasoning,
            Open::ToolCall { .. } => Kind::ToolCall,
            Open::Refusal => Kind::Refusal,
            Open::Whole(_) => Kind::Whole,
        };
        self.parts.push(Part { choice, kind, open: true, proven: false });
        self.open += 1;
        Ok(())
    }

    fn open_part(&mut self, part: u32) -> Result<&mut Part, &'static str> {
        let index = usize::try_from(part).unwrap_or(usize::MAX);
        match self.parts.get_mut(index) {
            Some(part) if part.open => Ok(part),
            Some(_) => Err("the part is closed"),
            None => Err("the part was never opened"),
        }
    }

    fn delta(&mut self, part: u32, delta: &Delta) -> Result<(), &'static str> {
        let part = self.open_part(part)?;
        match (part.kind, delta) {
            (Kind::Text, Delta::Text(_) | Delta::Citation(_))
            | (Kind::Reasoning, Delta::Reasoning(_))
            | (Kind::ToolCall, Delta::Arguments(_))
            | (Kind::Refusal, Delta::Refusal(_)) => Ok(()),
            (Kind::Reasoning, Delta::Proof(_)) if part.proven => Err("a part of reasoning has one proof"),
            (Kind::Reasoning, Delta::Proof(_)) => {
                part.proven = true;
                Ok(())
            }
            _ => Err("the delta is of another kind than its part"),
        }
    }

    fn finish(&mut self, choice: u32) -> Result<(), &'static str> {
        let bit = bit(choice)?;
        if self.finished & bit != 0 {
            return Err("a choice finishes once");
        }
        if self.open > 0 && self.parts.iter().any(|part| part.open && part.choice == choice) {
            return Err("a choice finishes when its parts are closed");
        }
        self.finished |= bit;
        Ok(())
    }
}

/// The bit of a choice in a set of them.
fn bit(choice: u32) -> Result<u128, &'static str> {
    if choice < MAX_CHOICES { Ok(1 << choice) } else { Err("a choice is numbered too high") }
}

#[cfg(test)]
mod tests;
