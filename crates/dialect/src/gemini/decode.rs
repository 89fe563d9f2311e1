//! Streams and whole answers of this dialect to events: a whole answer is a stream of one chunk.

use wire::frame::Frame;
use wire::json::{Json, Kind};

use super::member::{camel, foreign, get, word};
use super::part::{Reader, hidden, said};
use super::partial::Partial;
use super::usage::Tokens;
use super::{calls, fault, finish, ground, model};
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::{Finish, Reason};
use crate::ir::grammar::MAX_CHOICES;
use crate::ir::part::{Body, Opaque, Part};
use crate::loss::Loss;
use crate::outcome::{Outcome, UpstreamFault};
use crate::stream::Decoder;
use crate::target::Target;
use crate::undo::Undo;
use crate::usage::{Source, Unit, Usage};

/// The decoder.
#[derive(Debug)]
pub(super) struct GeminiDecoder {
    undo: Undo,
    reader: Reader,
    id: String,
    started: bool,
    done: bool,
    tokens: Tokens,
    searches: Searches,
    /// Why the prompt was refused.
    blocked: Option<Finish>,
    choices: Vec<Choice>,
    next: u32,
}

/// One candidate.
#[derive(Debug, Default)]
struct Choice {
    index: u32,
    /// The last text, which stays open for what it cites.
    text: Option<u32>,
    /// Reasoning that may go on.
    thought: Option<u32>,
    /// The text is the last thing said, so more text goes on with it.
    speaking: bool,
    /// Everything visible that was said.
    said: String,
    /// The signature of that text, held back so that what the text cites comes first.
    held: Option<Opaque>,
    /// How many parts it has.
    places: u64,
    /// How many calls it made.
    calls: u64,
    /// A call whose arguments come in pieces.
    partial: Option<(u32, Partial)>,
    finish: Option<Finish>,
}

/// Searches that were made, by what the grounding says.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Searches {
    each: bool,
    most: u64,
}

impl Searches {
    pub(super) fn new(model: &str) -> Self {
        Self { each: model::abilities(model).search_each, most: 0 }
    }

    /// Counts the queries of a candidate's grounding.
    pub(super) fn take(&mut self, candidate: Json<'_>) {
        let queries = get(candidate, "groundingMetadata").and_then(|grounding| get(grounding, "webSearchQueries"));
        let count = queries.map_or(0, |queries| queries.items().fold(0, |count: u64, _| count.saturating_add(1)));
        self.most = self.most.max(if self.each { count } else { count.min(1) });
    }

    /// Adds them to the usage.
    pub(super) fn tell(self, usage: &mut Usage) {
        if self.most > 0 && !usage.is_empty() {
            usage.set(Unit::Search, self.most);
        }
    }
}

impl GeminiDecoder {
    pub(super) fn new(undo: Undo, from: &Target<'_>) -> Self {
        Self {
            undo,
            reader: Reader { model: from.model.to_owned(), answer: true, ..Reader::default() },
            id: String::new(),
            started: false,
            done: false,
            tokens: Tokens::default(),
            searches: Searches::new(from.model),
            blocked: None,
            choices: Vec::new(),
            next: 0,
        }
    }

    fn lose(&mut self, loss: Loss) {
        ground::lose(loss, &mut self.reader.losses);
    }

    fn fail(&mut self, fault: UpstreamFault, out: &mut Vec<Event>) {
        if self.done {
            return;
        }
        self.close_all(out);
        self.tell_usage(Source::Partial, out);
        out.push(Event::Fault(fault));
        self.done = true;
    }

    pub(super) fn bad(&mut self, message: &str, out: &mut Vec<Event>) {
        self.fail(UpstreamFault::new(Outcome::BadAnswer, 200, message), out);
    }

    /// Takes one whole answer, or one chunk of a stream.
    pub(super) fn take(&mut self, chunk: Json<'_>, out: &mut Vec<Event>) {
        if chunk.kind() != Kind::Object {
            return self.bad("A chunk of the answer is no object.", out);
        }
        if !self.started {
            self.started = true;
            self.id = word(chunk, "responseId").into_owned();
            out.push(Event::Start {
                id: self.id.clone(),
                model: word(chunk, "modelVersion").into_owned(),
                created: None,
            });
        }
        for (key, value) in chunk.members().filter(|(_, value)| !value.is_null()) {
            match &*camel(key) {
                "candidates" => {
                    for (place, candidate) in (0..).zip(value.items()) {
                        self.candidate(place, candidate, out);
                        if self.done {
                            return;
                        }
                    }
                }
                "usageMetadata" => self.tokens.take(value),
                "promptFeedback" => {
                    if let Some(reason) = get(value, "blockReason") {
                        self.blocked = Some(finish::blocked(reason));
                    }
                    if get(value, "blockReasonMessage").is_some() {
                        self.lose(Loss::dropped("blockReasonMessage", "promptFeedback"));
                    }
                }
                "responseId" | "modelVersion" | "createTime" => {}
                other => self.lose(Loss::dropped(other.to_owned(), other.to_owned())),
            }
        }
    }

    fn choice(&mut self, index: u32) -> usize {
        match self.choices.iter().position(|choice| choice.index == index) {
            Some(place) => place,
            None => {
                self.choices.push(Choice { index, ..Choice::default() });
                self.choices.len() - 1
            }
        }
    }

    fn candidate(&mut self, place: u64, candidate: Json<'_>, out: &mut Vec<Event>) {
        let index = get(candidate, "index").and_then(Json::as_u64).unwrap_or(place);
        let Some(index) = u32::try_from(index).ok().filter(|index| *index < MAX_CHOICES) else {
            return self.bad("A candidate is numbered too high.", out);
        };
        let at = self.choice(index);
        // Lent to the reading below, and given back.
        let Some(slot) = self.choices.get_mut(at) else { return };
        let mut choice = std::mem::take(slot);
        let parts = get(candidate, "content").and_then(|content| get(content, "parts")).unwrap_or(Json::NULL);
        for part in parts.items() {
            let path = format!("choices[{index}].content[{}]", choice.places);
            if let Err(message) = self.part(&mut choice, part, &path, out) {
                return self.bad(&message, out);
            }
        }
        self.searches.take(candidate);
        for citation in ground::read(candidate, &choice.said, &mut self.reader.losses) {
            let part = match choice.text {
                Some(part) => part,
                None => self.text(&mut choice, out),
            };
            out.push(Event::Delta { part, delta: Delta::Citation(citation) });
        }
        for (key, value) in candidate.members().filter(|(_, value)| !value.is_null()) {
            let key = camel(key);
            match &*key {
                "finishReason" => choice.finish = finish::read(value).or(choice.finish.take()),
                "content" | "index" | "groundingMetadata" | "citationMetadata" | "tokenCount" => {}
                "logprobsResult" => self.lose(Loss::dropped("logprobs", format!("choices[{index}]"))),
                other => self.lose(Loss::dropped(other.to_owned(), format!("choices[{index}]"))),
            }
        }
        if let Some(slot) = self.choices.get_mut(at) {
            *slot = choice;
        }
    }

    fn opens(&mut self, choice: &mut Choice, kind: Open, out: &mut Vec<Event>) -> u32 {
        let part = self.next;
        choice.places = choice.places.saturating_add(1);
        self.next = self.next.saturating_add(1);
        out.push(Event::Open { choice: choice.index, part, kind });
        part
    }

    /// Opens a text; the one before it can be cited no more.
    fn text(&mut self, choice: &mut Choice, out: &mut Vec<Event>) -> u32 {
        if let Some(part) = choice.text.take() {
            out.push(Event::Close { part });
        }
        let part = self.opens(choice, Open::Text, out);
        choice.text = Some(part);
        choice.speaking = true;
        part
    }

    fn part(&mut self, choice: &mut Choice, part: Json<'_>, at: &str, out: &mut Vec<Event>) -> Result<(), String> {
        let thought = get(part, "thought").and_then(Json::as_bool).unwrap_or(false);
        let kind = said(part);
        if !matches!(kind, Some(("functionCall", _))) {
            self.call_done(choice, out);
        }
        match kind {
            None => self.proof(choice, part, out),
            // What stands beside a part has no place in deltas.
            Some((kind, _)) if beside(part, kind) => self.marked(choice, part, at, out)?,
            Some(("text", text)) => {
                let text = self.reader.text(text, at).map_err(|fault| fault.message)?;
                if thought { self.think(choice, part, text, out) } else { self.say(choice, part, text, out) }
            }
            Some(("functionCall", call)) if call.kind() == Kind::Object => {
                self.call(choice, part, call, at, out)?;
            }
            Some(_) => self.marked(choice, part, at, out)?,
        }
        Ok(())
    }

    /// A part that comes whole, with everything that stands beside it.
    fn marked(&mut self, choice: &mut Choice, part: Json<'_>, at: &str, out: &mut Vec<Event>) -> Result<(), String> {
        let mut parts = Vec::new();
        self.reader.part(part, at, &mut parts).map_err(|fault| fault.message)?;
        let named = get(part, "functionCall").is_some_and(|call| !word(call, "id").is_empty());
        for mut part in parts {
            match &mut part.body {
                Body::ToolCall(call) => {
                    if !named {
                        call.id = calls::made_id(&self.id, choice.index, choice.calls);
                    }
                    call.name = self.undo.name(&call.name).to_owned();
                    choice.calls = choice.calls.saturating_add(1);
                }
                Body::Text { text, .. } => choice.said.push_str(text),
                _ => {}
            }
            self.whole(choice, part, out);
        }
        Ok(())
    }

    /// Nothing is being said or thought.
    fn quiet(&mut self, choice: &mut Choice, out: &mut Vec<Event>) {
        self.release(choice, out);
        choice.speaking = false;
        if let Some(part) = choice.thought.take() {
            out.push(Event::Close { part });
        }
    }

    fn say(&mut self, choice: &mut Choice, part: Json<'_>, text: String, out: &mut Vec<Event>) {
        if !text.is_empty() {
            self.release(choice, out);
            if let Some(part) = choice.thought.take() {
                out.push(Event::Close { part });
            }
            let open = match choice.text {
                Some(open) if choice.speaking => open,
                _ => self.text(choice, out),
            };
            choice.said.push_str(&text);
            out.push(Event::Delta { part: open, delta: Delta::Text(text) });
        }
        if let Some(proof) = self.reader.signature(part) {
            self.release(choice, out);
            choice.held = Some(proof);
        }
    }

    /// Says the signature that was held back.
    fn release(&mut self, choice: &mut Choice, out: &mut Vec<Event>) {
        if let Some(proof) = choice.held.take() {
            self.whole(choice, hidden(proof).into(), out);
        }
    }

    fn think(&mut self, choice: &mut Choice, part: Json<'_>, text: String, out: &mut Vec<Event>) {
        if text.is_empty() {
            return self.proof(choice, part, out);
        }
        let open = match choice.thought {
            Some(open) => open,
            None => {
                self.quiet(choice, out);
                let open = self.opens(choice, Open::Reasoning, out);
                choice.thought = Some(open);
                open
            }
        };
        out.push(Event::Delta { part: open, delta: Delta::Reasoning(text) });
        if get(part, "thoughtSignature").is_some() {
            self.proof(choice, part, out);
        }
    }

    /// A signature of its own: of the reasoning that is open, else of hidden reasoning.
    fn proof(&mut self, choice: &mut Choice, part: Json<'_>, out: &mut Vec<Event>) {
        let Some(proof) = self.reader.signature(part) else { return };
        match choice.thought.take() {
            Some(open) => {
                out.push(Event::Delta { part: open, delta: Delta::Proof(proof) });
                out.push(Event::Close { part: open });
            }
            None => self.whole(choice, hidden(proof).into(), out),
        }
    }

    fn whole(&mut self, choice: &mut Choice, part: Part, out: &mut Vec<Event>) {
        self.quiet(choice, out);
        let part = self.opens(choice, Open::Whole(Box::new(part)), out);
        out.push(Event::Close { part });
    }

    /// A call, whole or in pieces. `{}` ends one that came in pieces.
    fn call(
        &mut self,
        choice: &mut Choice,
        part: Json<'_>,
        call: Json<'_>,
        at: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), String> {
        let name = self.reader.maybe(call, "name", at).map_err(|fault| fault.message)?;
        let goes_on = get(call, "willContinue").and_then(Json::as_bool).unwrap_or(false);
        if name.is_empty() {
            let Some((open, mut partial)) = choice.partial.take() else {
                return Err("A function call without a name.".to_owned());
            };
            self.pieces(&mut partial, get(call, "partialArgs").unwrap_or(Json::NULL), at);
            choice.partial = Some((open, partial));
            if !goes_on {
                self.call_done(choice, out);
            }
            return Ok(());
        }
        self.call_done(choice, out);
        self.quiet(choice, out);
        let mut id = word(call, "id").into_owned();
        if id.is_empty() {
            id = calls::made_id(&self.id, choice.index, choice.calls);
        }
        choice.calls = choice.calls.saturating_add(1);
        let proof = self.reader.signature(part);
        let name = self.undo.name(&name).to_owned();
        let open = self.opens(choice, Open::ToolCall { id: self.undo.id(&id).to_owned(), name, proof }, out);
        let mut partial = Partial::default();
        let pieces = get(call, "partialArgs").unwrap_or(Json::NULL);
        if goes_on || pieces.items().next().is_some() {
            self.pieces(&mut partial, pieces, at);
            choice.partial = Some((open, partial));
            if !goes_on {
                self.call_done(choice, out);
            }
            return Ok(());
        }
        let arguments = get(call, "args").map_or("{}", Json::raw).to_owned();
        out.push(Event::Delta { part: open, delta: Delta::Arguments(arguments) });
        out.push(Event::Close { part: open });
        Ok(())
    }

    /// Pieces of a call's arguments.
    fn pieces(&mut self, partial: &mut Partial, pieces: Json<'_>, at: &str) {
        for piece in pieces.items() {
            if !partial.take(piece) {
                self.lose(Loss::dropped("partialArgs", at));
            }
        }
    }

    /// A call in pieces is whole.
    fn call_done(&mut self, choice: &mut Choice, out: &mut Vec<Event>) {
        if let Some((part, partial)) = choice.partial.take() {
            out.push(Event::Delta { part, delta: Delta::Arguments(partial.finish()) });
            out.push(Event::Close { part });
        }
    }

    fn close_all(&mut self, out: &mut Vec<Event>) {
        for at in 0..self.choices.len() {
            let Some(mut choice) = self.choices.get_mut(at).map(std::mem::take) else { continue };
            self.call_done(&mut choice, out);
            self.quiet(&mut choice, out);
            if let Some(part) = choice.text.take() {
                out.push(Event::Close { part });
            }
            if let Some(slot) = self.choices.get_mut(at) {
                *slot = choice;
            }
        }
    }

    fn tell_usage(&self, source: Source, out: &mut Vec<Event>) {
        let mut usage = self.tokens.usage(source);
        self.searches.tell(&mut usage);
        if !usage.is_empty() {
            out.push(Event::Usage(usage));
        }
    }

    /// The answer is over. `whole`: it came in one piece, whose candidates need no finish reason.
    pub(super) fn end(&mut self, whole: bool, out: &mut Vec<Event>) {
        if self.done {
            return;
        }
        let blocked = self.blocked.take().filter(|_| self.choices.is_empty());
        let finished = self.choices.iter().all(|choice| whole || choice.finish.is_some());
        if blocked.is_none() && (self.choices.is_empty() || !finished) {
            return match whole {
                true => self.bad("The answer has no candidates.", out),
                false => {
                    let message = "The stream ended before every candidate had a finish reason.";
                    self.fail(UpstreamFault::new(Outcome::Truncated, 200, message), out);
                }
            };
        }
        self.close_all(out);
        out.extend(blocked.map(|finish| Event::Finish { choice: 0, finish }));
        for choice in &mut self.choices {
            let Some(mut finish) = choice.finish.take() else { continue };
            if choice.calls > 0 && finish.reason == Reason::Stop {
                finish.reason = Reason::ToolUse;
            }
            out.push(Event::Finish { choice: choice.index, finish });
        }
        self.tell_usage(Source::Reported, out);
        out.push(Event::End);
        self.done = true;
    }
}

/// True for a text or call with members beyond its own.
fn beside(part: Json<'_>, kind: &str) -> bool {
    matches!(kind, "text" | "functionCall") && !foreign(part, &["thought", "thoughtSignature", kind]).is_empty()
}

impl Decoder for GeminiDecoder {
    fn push(&mut self, frame: &Frame, out: &mut Vec<Event>) {
        let text = frame.text();
        if self.done || text.trim().is_empty() || text == "[DONE]" {
            return;
        }
        let Ok(json) = Json::parse(text) else { return self.bad("A chunk of the stream is not JSON.", out) };
        match fault::inside(json) {
            Some(fault) => self.fail(fault, out),
            None => self.take(json, out),
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        self.end(false, out);
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        std::mem::take(&mut self.reader.losses)
    }
}

#[cfg(test)]
mod tests;
