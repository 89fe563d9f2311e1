//! Watches an answer in this dialect without touching it: what frames are, usage, finish, faults.

use wire::frame::Frame;
use wire::json::{Index, Json, Kind};

use super::{fault, finish, usage};
use crate::alike::Alike;
use crate::ir::finish::{Finish, Reason};
use crate::outcome::{Outcome, UpstreamFault};
use crate::quirk::{Quirk, Quirks};
use crate::stream::{Meter, Reading, Seen};
use crate::usage::Source;

/// The meter. One walk over each frame's members.
#[derive(Debug, Default)]
pub(super) struct ChatMeter {
    reading: Reading,
    quirks: Quirks,
    /// Choices seen, with whether each has a finish reason.
    choices: Vec<(u64, bool)>,
    /// A refusal was seen in the first choice.
    refused: bool,
    index: Index,
    alike: Alike,
}

/// What one frame's members tell.
#[derive(Default)]
struct Told<'a> {
    content: bool,
    choices: bool,
    usage: bool,
    failed: Option<UpstreamFault>,
    only: Only<'a>,
}

/// The one string that a frame tells.
#[derive(Default, Clone, Copy)]
enum Only<'a> {
    /// Nothing was told yet.
    #[default]
    Nothing,
    /// This string alone.
    String(Json<'a>),
    /// More than one string, or something else.
    More,
}

impl<'a> Only<'a> {
    fn tells(&mut self, string: Json<'a>) {
        *self = match self {
            Only::Nothing => Only::String(string),
            Only::String(_) | Only::More => Only::More,
        };
    }
}

impl ChatMeter {
    pub(super) fn new(quirks: Quirks) -> Self {
        Self { quirks, ..Self::default() }
    }

    fn fail(&mut self, fault: UpstreamFault) -> Seen {
        self.reading.fault.get_or_insert(fault);
        self.reading.complete = false;
        if self.reading.usage.source == Source::Reported {
            self.reading.usage.source = Source::Partial;
        }
        Seen::Fault
    }

    /// Reads a frame.
    fn read(&mut self, data: &[u8], body: Json<'_>) -> Seen {
        let told = self.members(body);
        if let Some(fault) = told.failed {
            return self.fail(fault);
        }
        match told {
            Told { content: true, usage, only, .. } => {
                if let (Only::String(string), false) = (only, usage) {
                    self.alike.learn(data, string);
                }
                Seen::Content
            }
            Told { choices: false, usage: true, .. } => Seen::UsageOnly,
            _ => Seen::Preamble,
        }
    }

    /// Looks at the members of a chunk or of a whole answer.
    fn members<'a>(&mut self, body: Json<'a>) -> Told<'a> {
        let mut told = Told::default();
        let mut tier = None;
        for (key, value) in body.members() {
            if value.is_null() {
                continue;
            }
            match &*key {
                "choices" => {
                    for choice in value.items() {
                        told.choices = true;
                        told.content |= self.choice(choice, &mut told.failed, &mut told.only);
                    }
                }
                "usage" => {
                    told.usage = true;
                    self.used(value);
                }
                "x_groq" => {
                    told.only = Only::More;
                    if let Some(value) = value.get("usage").and_then(Json::non_null) {
                        self.used(value);
                    }
                    told.failed = fault::inside(value).or(told.failed);
                }
                "id" if self.reading.id.is_none() => self.reading.id = text(value),
                "model" if self.reading.model.is_none() => self.reading.model = text(value),
                "service_tier" => tier = text(value),
                "error" => told.failed = fault::inside(body).or(told.failed),
                "object" if value.is("error") => told.failed = fault::inside(body),
                _ => {}
            }
        }
        if let Some(tier) = tier {
            self.reading.usage.tier = Some(tier.into_boxed_str());
        }
        told
    }

    /// Takes a usage object. The last one counts, unless it says nothing where an earlier one did.
    fn used(&mut self, object: Json<'_>) {
        let mut usage = usage::read(object, self.quirks);
        if usage.source == Source::Unknown && self.reading.usage.source != Source::Unknown {
            return;
        }
        usage.tier = usage.tier.or_else(|| self.reading.usage.tier.take());
        self.reading.usage = usage;
    }

    /// Looks at one choice; true when it carries content.
    fn choice<'a>(&mut self, choice: Json<'a>, failed: &mut Option<UpstreamFault>, only: &mut Only<'a>) -> bool {
        let mut index = 0;
        let mut said = None;
        let mut why = None;
        for (key, value) in choice.members() {
            match &*key {
                "index" => index = value.as_u64().unwrap_or(0),
                "delta" | "message" => said = Some(value),
                "finish_reason" => why = value.as_str().filter(|word| !word.is_empty()),
                // OpenRouter's place for the failure of one choice.
                "error" if !value.is_null() => *failed = fault::inside(choice),
                _ => {}
            }
        }
        let place = match self.choices.iter().position(|(known, _)| *known == index) {
            Some(place) => place,
            None => {
                self.choices.push((index, false));
                self.choices.len() - 1
            }
        };
        let content = said.is_some_and(|said| self.said(said, index == 0, only));
        if let Some(word) = why {
            *only = Only::More;
            if let Some(choice) = self.choices.get_mut(place) {
                choice.1 = true;
            }
            // Choices may come in any order.
            if index == 0 || self.reading.finish.is_none() {
                self.reading.finish = Some(refusing(finish::read(&word), self.refused));
            }
        }
        content
    }

    /// Looks at a delta or a message; true when it carries content.
    fn said<'a>(&mut self, said: Json<'a>, first: bool, only: &mut Only<'a>) -> bool {
        let mut content = false;
        let mut bytes = 0;
        let mut reasoning = 0;
        for (key, value) in said.members() {
            let size = match (&*key, value.kind()) {
                ("content" | "refusal", Kind::String) => {
                    let size = length(value);
                    only.tells(value);
                    self.refused |= first && size > 0 && &*key == "refusal";
                    size
                }
                ("content", Kind::Array) => value.items().map(part).sum(),
                ("reasoning_content" | "reasoning", Kind::String) => {
                    // Some servers say the same under both names.
                    let size = length(value);
                    only.tells(value);
                    reasoning = size.max(reasoning);
                    content |= size > 0;
                    0
                }
                ("tool_calls", Kind::Array) => {
                    content |= value.items().next().is_some();
                    value.items().map(call).sum()
                }
                ("function_call", Kind::Object) => {
                    content = true;
                    arguments(value)
                }
                ("audio", Kind::Object) => {
                    content = true;
                    value.get("transcript").map_or(0, length)
                }
                ("reasoning_details" | "images", Kind::Array) => {
                    content |= value.items().next().is_some();
                    0
                }
                // A role, or nothing.
                (_, Kind::String | Kind::Null) => continue,
                _ => {
                    *only = Only::More;
                    continue;
                }
            };
            if value.kind() != Kind::String {
                *only = Only::More;
            }
            content |= size > 0;
            bytes += size;
        }
        self.reading.text_bytes = self.reading.text_bytes.saturating_add(bytes + reasoning);
        content
    }

    fn all_finished(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|(_, finished)| *finished)
    }
}

/// A stop after a refusal is the refusal.
fn refusing(mut finish: Finish, refused: bool) -> Finish {
    if refused && finish.reason == Reason::Stop {
        finish.reason = Reason::Refusal;
    }
    finish
}

fn text(value: Json<'_>) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(std::borrow::Cow::into_owned)
}

/// Bytes of a string's text.
fn length(value: Json<'_>) -> u64 {
    value.as_str().map_or(0, |text| text.len() as u64)
}

fn arguments(function: Json<'_>) -> u64 {
    function.get("arguments").map_or(0, length)
}

/// Bytes of what a tool call says: a function's arguments or a custom tool's input.
fn call(call: Json<'_>) -> u64 {
    let mut bytes = 0;
    for (key, value) in call.members() {
        match &*key {
            "function" => bytes += arguments(value),
            "custom" => bytes += value.get("input").map_or(0, length),
            _ => {}
        }
    }
    bytes
}

/// Bytes of a part of listed content: text, or a `thinking` part with texts of its own.
fn part(part: Json<'_>) -> u64 {
    let inner: u64 = part
        .get("thinking")
        .map_or(0, |list| length(list) + list.items().filter_map(|item| item.get("text")).map(length).sum::<u64>());
    part.get("text").map_or(0, length) + inner
}

impl Meter for ChatMeter {
    fn frame(&mut self, frame: &Frame) -> Seen {
        let Some(data) = frame.data.as_deref() else { return Seen::Preamble };
        if data.trim_ascii() == b"[DONE]" {
            if self.reading.fault.is_none() {
                self.reading.complete = true;
            }
            return Seen::End;
        }
        if frame.name() == "error" {
            return self.fail(fault::of_event(frame.text()));
        }
        if let Some(bytes) = self.alike.said(data) {
            self.reading.text_bytes = self.reading.text_bytes.saturating_add(bytes as u64);
            return Seen::Content;
        }
        let mut index = std::mem::take(&mut self.index);
        let seen = match index.read_bytes(data) {
            Ok(body) => self.read(data, body),
            Err(_) => Seen::Preamble,
        };
        self.index = index;
        seen
    }

    fn whole(&mut self, body: Json<'_>) {
        let told = self.members(body);
        let missing =
            || (!told.choices).then(|| UpstreamFault::new(Outcome::BadAnswer, 200, "The answer has no choices."));
        match told.failed.or_else(missing) {
            Some(fault) => {
                self.fail(fault);
            }
            None => self.reading.complete = true,
        }
    }

    fn finish(&mut self) {
        if self.reading.complete || self.reading.fault.is_some() {
            return;
        }
        let finished = self.all_finished();
        self.reading.complete = finished && self.quirks.has(Quirk::NoDone);
        // Usage so far is all of it once every choice is done.
        if !finished && self.reading.usage.source == Source::Reported {
            self.reading.usage.source = Source::Partial;
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
