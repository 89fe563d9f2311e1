//! Watches an answer of this dialect and cannot alter it: usage, finish, whether it is whole.

use wire::frame::Frame;
use wire::json::Json;

use super::decode::Searches;
use super::member::{camel, get};
use super::usage::Tokens;
use super::{fault, finish};
use crate::ir::finish::{Finish, Reason};
use crate::members::word;
use crate::stream::{Meter, Reading, Seen};
use crate::target::Target;
use crate::usage::Source;
use crate::weigh::{length, weight};

/// The meter.
#[derive(Debug)]
pub(super) struct GeminiMeter {
    reading: Reading,
    tokens: Tokens,
    searches: Searches,
    /// Candidates seen, and whether each has its finish reason.
    candidates: Vec<(u64, bool)>,
    finish: Option<Finish>,
    blocked: Option<Finish>,
    /// The first candidate calls tools.
    calls: bool,
}

impl GeminiMeter {
    pub(super) fn new(from: &Target<'_>) -> Self {
        Self {
            reading: Reading::default(),
            tokens: Tokens::default(),
            searches: Searches::new(from.model),
            candidates: Vec::new(),
            finish: None,
            blocked: None,
            calls: false,
        }
    }

    fn chunk(&mut self, json: Json<'_>, source: Source) -> Seen {
        let mut seen = Seen::Preamble;
        for (key, value) in json.members() {
            match &*camel(key) {
                "candidates" => {
                    for (place, candidate) in (0..).zip(value.items()) {
                        if self.candidate(place, candidate) {
                            seen = Seen::Content;
                        }
                    }
                }
                "usageMetadata" => self.tokens.take(value),
                "promptFeedback" => {
                    if let Some(reason) = get(value, "blockReason") {
                        self.blocked = Some(finish::blocked(reason));
                        seen = Seen::Content;
                    }
                }
                "responseId" if self.reading.id.is_none() => self.reading.id = word(value),
                "modelVersion" if self.reading.model.is_none() => self.reading.model = word(value),
                _ => {}
            }
        }
        self.tell(source);
        seen
    }

    /// Looks at one candidate; true when it says something.
    fn candidate(&mut self, place: u64, candidate: Json<'_>) -> bool {
        let index = get(candidate, "index").and_then(Json::as_u64).unwrap_or(place);
        let slot = match self.candidates.iter().position(|(own, _)| *own == index) {
            Some(slot) => slot,
            // Nobody asks for more.
            None if self.candidates.len() >= 128 => return false,
            None => {
                self.candidates.push((index, false));
                self.candidates.len() - 1
            }
        };
        let mut says = false;
        let content = get(candidate, "content").unwrap_or(Json::NULL);
        for part in get(content, "parts").unwrap_or(Json::NULL).items() {
            for (key, value) in part.members() {
                let bytes = match &*camel(key) {
                    "text" => length(value),
                    "functionCall" => {
                        self.calls |= index == 0;
                        says = true;
                        get(value, "args").map_or(0, weight)
                    }
                    "inlineData"
                    | "fileData"
                    | "executableCode"
                    | "codeExecutionResult"
                    | "toolCall"
                    | "toolResponse" => {
                        says = true;
                        0
                    }
                    _ => 0,
                };
                self.reading.text_bytes = self.reading.text_bytes.saturating_add(bytes as u64);
                says |= bytes > 0;
            }
        }
        self.searches.take(candidate);
        if let Some(finish) = get(candidate, "finishReason").and_then(finish::read) {
            if let Some((_, finished)) = self.candidates.get_mut(slot) {
                *finished = true;
            }
            if index == 0 {
                self.finish = Some(finish);
            }
        }
        says
    }

    /// Puts what is known so far into the reading.
    fn tell(&mut self, source: Source) {
        self.reading.usage = self.tokens.usage(source);
        self.searches.tell(&mut self.reading.usage);
        let blocked = self.blocked.clone().filter(|_| self.candidates.is_empty());
        self.reading.finish = self.finish.clone().or(blocked);
        if let Some(finish) = &mut self.reading.finish
            && self.calls
            && finish.reason == Reason::Stop
        {
            finish.reason = Reason::ToolUse;
        }
    }

    /// True when every candidate has ended, or the prompt was refused.
    fn is_whole(&self) -> bool {
        match self.candidates.as_slice() {
            [] => self.blocked.is_some(),
            all => all.iter().all(|(_, finished)| *finished),
        }
    }
}

impl Meter for GeminiMeter {
    fn frame(&mut self, frame: &Frame) -> Seen {
        let Ok(json) = Json::parse(frame.text()) else { return Seen::Preamble };
        if let Some(fault) = fault::inside(json) {
            self.reading.fault = Some(fault);
            return Seen::Fault;
        }
        // The counts are whole when the stream is.
        self.chunk(json, Source::Partial)
    }

    fn whole(&mut self, body: Json<'_>) {
        if let Some(fault) = fault::inside(body) {
            self.reading.fault = Some(fault);
            return;
        }
        self.chunk(body, Source::Reported);
        self.reading.complete = !self.candidates.is_empty() || self.blocked.is_some();
    }

    fn finish(&mut self) {
        if self.reading.fault.is_none() && !self.reading.complete && self.is_whole() {
            self.reading.complete = true;
            self.tell(Source::Reported);
        }
    }

    fn reading(&self) -> &Reading {
        &self.reading
    }

    fn take_reading(&mut self) -> Reading {
        std::mem::take(&mut self.reading)
    }
}

#[cfg(test)]
mod tests;
