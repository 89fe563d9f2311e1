//! What an answer said so far, item by item. Text is taken from whatever carries it first (deltas, their
//! ends, items that are done, the last event) and never twice.

use wire::json::{Joiner, Json};

use super::cite;
use super::item::{PARAGRAPH, foreign, word};
use super::output_item::{Item, Place, Slot, Voice, other};
use super::sealed::{self, Sealed};
use crate::id::DialectId;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::part::{Body, Opaque, Origin, Reasoning};
use crate::loss::Loss;
use crate::signature;
use crate::undo::Undo;

/// What an answer said so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    undo: Undo,
    model: String,
    items: Vec<Item>,
    next: u32,
    /// What was lost.
    pub(super) losses: Vec<Loss>,
    /// A tool of the client's is called.
    pub(super) calls: bool,
    /// Something is refused.
    pub(super) refused: bool,
}

impl Heard {
    /// Nothing yet.
    pub(super) fn new(undo: Undo, model: &str) -> Self {
        Self { undo, model: model.to_owned(), ..Self::default() }
    }

    /// Notes a loss, once.
    fn lose(&mut self, loss: Loss) {
        if !self.losses.contains(&loss) {
            self.losses.push(loss);
        }
    }

    fn opens(&mut self, kind: Open, out: &mut Vec<Event>) -> u32 {
        let part = self.next;
        self.next = self.next.saturating_add(1);
        out.push(Event::Open { choice: 0, part, kind });
        part
    }

    /// The item of a place, made where it is new: by its index, else by its id, else the last that is not done.
    fn find(&mut self, index: Option<u64>, id: &str, kind: &str) -> usize {
        let at = self.items.iter().rposition(|item| {
            let here = match index {
                Some(index) => item.index == Some(index),
                None if id.is_empty() => !item.done,
                None => item.id == id,
            };
            here && item.kind == kind
        });
        let by_id = || self.items.iter().rposition(|item| !id.is_empty() && item.id == id && item.kind == kind);
        at.or_else(by_id).unwrap_or_else(|| self.make(index, id, kind))
    }

    fn make(&mut self, index: Option<u64>, id: &str, kind: &str) -> usize {
        self.items.push(Item {
            index,
            id: id.to_owned(),
            kind: kind.to_owned(),
            slots: Vec::new(),
            part: None,
            voice: None,
            call_id: String::new(),
            name: String::new(),
            format: false,
            done: false,
        });
        self.items.len() - 1
    }

    /// A text of an item, made where it is new.
    fn slot(&mut self, at: usize, voice: Voice, number: u64) -> Option<(&mut Item, usize)> {
        let item = self.items.get_mut(at).filter(|item| !item.done)?;
        let known = item.slots.iter().position(|slot| slot.voice == voice && slot.number == number);
        let place = known.unwrap_or_else(|| {
            let (part, said, joiner) = Default::default();
            item.slots.push(Slot { voice, number, part, said, joiner, cited: 0, closed: false });
            item.slots.len() - 1
        });
        Some((item, place))
    }

    /// An item began. Its texts are not read: what follows says them, too.
    pub(super) fn added(&mut self, index: Option<u64>, item: Json<'_>, out: &mut Vec<Event>) {
        let at = self.find(index, &word(item, "id"), &word(item, "type"));
        self.named(at, item, out);
    }

    /// Takes what an item says of its call, and opens it once its tool is known.
    fn named(&mut self, at: usize, json: Json<'_>, out: &mut Vec<Event>) {
        let Some(item) = self.items.get_mut(at) else { return };
        if item.kind != "function_call" || item.part.is_some() {
            return;
        }
        for (slot, name) in [(&mut item.call_id, "call_id"), (&mut item.name, "name")] {
            if slot.is_empty() {
                *slot = word(json, name);
            }
        }
        if item.call_id.is_empty() {
            item.call_id = word(json, "id");
        }
        if item.name.is_empty() {
            return;
        }
        item.format = self.undo.format_tool.as_deref() == Some(item.name.as_str());
        let (format, said) = (item.format, item.slots.iter().map(|slot| slot.said.as_str()).collect::<String>());
        let kind = if format {
            Open::Text
        } else {
            let id = self.undo.id(&item.call_id).to_owned();
            let origin = Origin { dialect: DialectId::Gemini, model: self.model.clone() };
            let signature = json.get("extra_content").and_then(signature::read);
            let proof = signature.map(|data| Opaque { origin, data });
            Open::ToolCall { id, name: self.undo.name(&item.name).to_owned(), proof }
        };
        self.calls |= !format;
        let part = self.opens(kind, out);
        if let Some(item) = self.items.get_mut(at) {
            item.part = Some(part);
        }
        if !said.is_empty() {
            let delta = if format { Delta::Text(said) } else { Delta::Arguments(said) };
            out.push(Event::Delta { part, delta });
        }
    }

    /// One more piece of a text, as the inside of a JSON string.
    pub(super) fn piece(&mut self, voice: Voice, place: Place<'_>, piece: Json<'_>, out: &mut Vec<Event>) {
        let Some(inside) = piece.inside() else { return };
        let at = self.find(place.index, place.id, voice.item());
        let Some((item, slot)) = self.slot(at, voice, place.number) else { return };
        let Some(known) = item.slots.get_mut(slot).filter(|slot| !slot.closed) else { return };
        let mut text = String::with_capacity(inside.len());
        let replaced = known.joiner.push(inside, &mut text);
        self.replaced(replaced, at);
        self.say(at, slot, &text, out);
    }

    fn replaced(&mut self, count: usize, at: usize) {
        if count > 0 {
            self.lose(Loss::approximated("lone surrogate", format!("output[{at}]")));
        }
    }

    /// The whole of a text: says what of it was not said.
    fn rest(&mut self, at: usize, voice: Voice, number: u64, whole: Json<'_>, out: &mut Vec<Event>) {
        let Some(whole) = whole.text() else { return };
        let Some((item, slot)) = self.slot(at, voice, number) else { return };
        let Some(known) = item.slots.get_mut(slot).filter(|slot| !slot.closed) else { return };
        let Some(rest) = whole.text.strip_prefix(known.said.as_str()).filter(|rest| !rest.is_empty()) else { return };
        // What is held of a surrogate pair is in the rest.
        known.joiner = Joiner::default();
        let rest = rest.to_owned();
        self.replaced(whole.replaced, at);
        self.say(at, slot, &rest, out);
    }

    /// The whole of a text that a frame names.
    pub(super) fn whole(&mut self, voice: Voice, place: Place<'_>, whole: Json<'_>, out: &mut Vec<Event>) {
        let at = self.find(place.index, place.id, voice.item());
        self.rest(at, voice, place.number, whole, out);
    }

    /// A content part is done. Reasoning that is told in parts has them under the same event.
    pub(super) fn part_done(&mut self, place: Place<'_>, part: Json<'_>, out: &mut Vec<Event>) {
        match &*word(part, "type") {
            "reasoning_text" => self.whole(Voice::Thought, place, part.get("text").unwrap_or(Json::NULL), out),
            kind => {
                let at = self.find(place.index, place.id, "message");
                self.content(at, place.number, kind, part, out);
                self.close_slots(at, Some(place.number), out);
            }
        }
    }

    fn say(&mut self, at: usize, slot: usize, text: &str, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let Some(item) = self.items.get_mut(at) else { return };
        let Some(known) = item.slots.get_mut(slot) else { return };
        known.said.push_str(text);
        let (voice, number) = (known.voice, known.number);
        match voice {
            Voice::Text | Voice::Refusal => {
                let part = self.spoken(at, slot, out);
                let text = text.to_owned();
                let delta = if voice == Voice::Text { Delta::Text(text) } else { Delta::Refusal(text) };
                out.extend(part.map(|part| Event::Delta { part, delta }));
            }
            Voice::Thought | Voice::Summary => {
                let last = item.voice.replace((voice, number));
                if let Some(last) = last.filter(|(other, _)| *other != voice) {
                    // Reasoning and its summary: the one that came first is told.
                    item.voice = Some(last);
                    return self.lose(Loss::dropped("summary", format!("output[{at}]")));
                }
                let text = match last {
                    Some((_, other)) if other != number => format!("{PARAGRAPH}{text}"),
                    _ => text.to_owned(),
                };
                let part = match item.part {
                    Some(part) => part,
                    None => {
                        let part = self.opens(Open::Reasoning, out);
                        if let Some(item) = self.items.get_mut(at) {
                            item.part = Some(part);
                        }
                        part
                    }
                };
                out.push(Event::Delta { part, delta: Delta::Reasoning(text) });
            }
            Voice::Arguments => {
                let text = text.to_owned();
                let delta = if item.format { Delta::Text(text) } else { Delta::Arguments(text) };
                out.extend(item.part.map(|part| Event::Delta { part, delta }));
            }
        }
    }

    /// The part of a text of a message; opened where it is new.
    fn spoken(&mut self, at: usize, slot: usize, out: &mut Vec<Event>) -> Option<u32> {
        let known = self.items.get(at)?.slots.get(slot)?;
        if known.part.is_some() {
            return known.part;
        }
        let refusal = known.voice == Voice::Refusal;
        self.refused |= refusal;
        let part = self.opens(if refusal { Open::Refusal } else { Open::Text }, out);
        self.items.get_mut(at)?.slots.get_mut(slot)?.part = Some(part);
        Some(part)
    }

    /// One more source on a text.
    pub(super) fn cite(&mut self, place: Place<'_>, annotation: Json<'_>, out: &mut Vec<Event>) {
        let at = self.find(place.index, place.id, "message");
        self.cited(at, place.number, annotation, out);
    }

    fn cited(&mut self, at: usize, number: u64, annotation: Json<'_>, out: &mut Vec<Event>) {
        let Some((item, slot)) = self.slot(at, Voice::Text, number) else { return };
        match item.slots.get_mut(slot).filter(|slot| !slot.closed) {
            Some(known) => known.cited += 1,
            None => return,
        }
        let delta = Delta::Citation(cite::read(annotation));
        let part = self.spoken(at, slot, out);
        out.extend(part.map(|part| Event::Delta { part, delta }));
    }

    /// A part of a message's content, whole.
    fn content(&mut self, at: usize, number: u64, kind: &str, part: Json<'_>, out: &mut Vec<Event>) {
        let get = |name: &str| part.get(name).unwrap_or(Json::NULL);
        match kind {
            "output_text" | "text" => {
                self.rest(at, Voice::Text, number, get("text"), out);
                let slot = |slot: &&Slot| slot.voice == Voice::Text && slot.number == number;
                let cited =
                    self.items.get(at).and_then(|item| item.slots.iter().find(slot)).map_or(0, |slot| slot.cited);
                for annotation in get("annotations").items().skip(cited) {
                    self.cited(at, number, annotation, out);
                }
                if get("logprobs").items().next().is_some() {
                    self.lose(Loss::dropped("logprobs", format!("output[{at}]")));
                }
            }
            "refusal" => self.rest(at, Voice::Refusal, number, get("refusal"), out),
            other => self.lose(Loss::dropped(other.to_owned(), format!("output[{at}]"))),
        }
    }

    /// An item is done: says what of it was not said, and closes it.
    pub(super) fn done(&mut self, index: Option<u64>, item: Json<'_>, out: &mut Vec<Event>) {
        let at = self.find(index, &word(item, "id"), &word(item, "type"));
        self.settle(at, item, out);
    }

    fn settle(&mut self, at: usize, json: Json<'_>, out: &mut Vec<Event>) {
        let Some(kind) = self.items.get(at).filter(|item| !item.done).map(|item| item.kind.clone()) else { return };
        let list = |name: &str| (0..).zip(json.get(name).into_iter().flat_map(Json::items));
        let known: &[&str] = match kind.as_str() {
            "message" => {
                for (number, part) in list("content") {
                    self.content(at, number, &word(part, "type"), part, out);
                }
                &["id", "type", "status", "role", "content"]
            }
            "reasoning" => {
                for (name, voice) in [("content", Voice::Thought), ("summary", Voice::Summary)] {
                    for (number, text) in list(name) {
                        self.rest(at, voice, number, text.get("text").unwrap_or(text), out);
                    }
                }
                self.prove(at, json, out);
                &["id", "type", "status", "content", "summary", "encrypted_content"]
            }
            "function_call" => {
                self.named(at, json, out);
                self.rest(at, Voice::Arguments, 0, json.get("arguments").unwrap_or(Json::NULL), out);
                // The signature went with the call; anything else there has no place.
                match json.get("extra_content").and_then(signature::read) {
                    Some(_) => &["id", "type", "status", "call_id", "name", "arguments", "extra_content"],
                    None => &["id", "type", "status", "call_id", "name", "arguments"],
                }
            }
            _ => {
                let part = self.opens(Open::Whole(Box::new(other(&kind, json))), out);
                out.push(Event::Close { part });
                &[]
            }
        };
        if !known.is_empty() {
            for (_, key, _) in foreign(json, known).iter() {
                self.lose(Loss::dropped(key.to_owned(), format!("output[{at}]")));
            }
        }
        self.close(at, out);
    }

    /// The proof of reasoning, which is all there is where the words are hidden.
    fn prove(&mut self, at: usize, json: Json<'_>, out: &mut Vec<Event>) {
        let data = word(json, "encrypted_content");
        if data.is_empty() {
            return;
        }
        let own = |data: String| {
            let origin = Origin { dialect: DialectId::OpenAiResponses, model: self.model.clone() };
            Sealed { proof: Some(Opaque { origin, data }), redacted: true }
        };
        // A gateway before this one may have sealed another dialect's.
        let Sealed { proof: Some(proof), redacted } = sealed::read(&data).unwrap_or_else(|| own(data.clone())) else {
            return;
        };
        match self.items.get(at).and_then(|item| item.part) {
            Some(part) => out.push(Event::Delta { part, delta: Delta::Proof(proof) }),
            None => {
                let hidden = Reasoning { text: String::new(), proof: Some(proof), redacted };
                let part = self.opens(Open::Whole(Box::new(Body::Reasoning(hidden).into())), out);
                out.push(Event::Close { part });
            }
        }
    }

    /// Closes the texts of a message: all, or one.
    fn close_slots(&mut self, at: usize, number: Option<u64>, out: &mut Vec<Event>) {
        let slots = self.items.get(at).map_or(0, |item| item.slots.len());
        for place in 0..slots {
            let slot = self.items.get_mut(at).and_then(|item| item.slots.get_mut(place));
            let Some(slot) = slot.filter(|slot| !slot.closed && number.is_none_or(|number| number == slot.number))
            else {
                continue;
            };
            let mut rest = String::new();
            let replaced = slot.joiner.finish(&mut rest);
            self.replaced(replaced, at);
            self.say(at, place, &rest, out);
            let Some(slot) = self.items.get_mut(at).and_then(|item| item.slots.get_mut(place)) else { continue };
            slot.closed = true;
            out.extend(slot.part.map(|part| Event::Close { part }));
        }
    }

    fn close(&mut self, at: usize, out: &mut Vec<Event>) {
        self.close_slots(at, None, out);
        if let Some(item) = self.items.get_mut(at).filter(|item| !item.done) {
            item.done = true;
            out.extend(item.part.map(|part| Event::Close { part }));
        }
    }

    /// The whole output, as the last event repeats it; what no event said is said now.
    pub(super) fn output(&mut self, output: Json<'_>, out: &mut Vec<Event>) {
        let mut claimed: Vec<usize> = Vec::new();
        for (place, json) in (0..).zip(output.items()) {
            let (kind, id) = (word(json, "type"), word(json, "id"));
            let free = |at: &usize| !claimed.contains(at);
            let known = |test: &dyn Fn(&Item) -> bool| {
                let items = self.items.iter().enumerate();
                items.filter(|(_, item)| item.kind == kind && test(item)).map(|(at, _)| at).find(free)
            };
            // By id; by place, where ids change with every event; else the next of its kind.
            let at = known(&|item| !id.is_empty() && item.id == id)
                .or_else(|| known(&|item| item.index == Some(place)))
                .or_else(|| known(&|_| true));
            let at = at.unwrap_or_else(|| self.make(Some(place), &id, &kind));
            claimed.push(at);
            self.settle(at, json, out);
        }
        self.close_all(out);
    }

    /// Closes whatever is open.
    pub(super) fn close_all(&mut self, out: &mut Vec<Event>) {
        for at in 0..self.items.len() {
            self.close(at, out);
        }
    }
}
