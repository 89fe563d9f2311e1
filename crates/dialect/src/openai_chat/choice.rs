//! One of the answers under way: what its deltas (or its whole message) say, as parts.

use std::borrow::Cow;

use wire::json::{Joiner, Json};

use super::call::{self, Call, Piece, made_id};
use super::think::{self, Think};
use super::{cite, details, finish};
use crate::id::DialectId;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::{Finish, Reason};
use crate::ir::part::{Body, Citation, Media, MediaKind, MediaSource, Part, Reasoning};
use crate::loss::Loss;
use crate::undo::Undo;

/// What all answers of one stream share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) undo: Undo,
    /// The model that answers, as it was asked for.
    pub(super) model: String,
    /// The answer's id.
    pub(super) id: String,
    pub(super) losses: Vec<Loss>,
    /// What the answer found on the web, as far as its server says so at its top.
    pub(super) sources: Vec<Citation>,
    /// Number of the next part.
    next: u32,
}

impl Shared {
    pub(super) fn new(undo: Undo, model: &str) -> Self {
        Self { undo, model: model.to_owned(), ..Self::default() }
    }

    fn open(&mut self, choice: u32, kind: Open, out: &mut Vec<Event>) -> u32 {
        let part = self.next;
        self.next = self.next.saturating_add(1);
        out.push(Event::Open { choice, part, kind });
        part
    }

    /// Notes a loss, once.
    pub(super) fn lose(&mut self, loss: Loss) {
        if !self.losses.contains(&loss) {
            self.losses.push(loss);
        }
    }
}

/// The text, reasoning or refusal that is open.
#[derive(Debug)]
struct Running {
    voice: Voice,
    part: u32,
    joiner: Joiner,
    /// Which of the reasoning details it is.
    index: Option<u64>,
    /// It has its proof.
    proven: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Text,
    Reasoning,
    Refusal,
}

impl Voice {
    const fn open(self) -> Open {
        match self {
            Voice::Text => Open::Text,
            Voice::Reasoning => Open::Reasoning,
            Voice::Refusal => Open::Refusal,
        }
    }

    const fn delta(self, text: String) -> Delta {
        match self {
            Voice::Text => Delta::Text(text),
            Voice::Reasoning => Delta::Reasoning(text),
            Voice::Refusal => Delta::Refusal(text),
        }
    }
}

/// One answer under way.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) number: u32,
    running: Option<Running>,
    /// Set where reasoning may stand inside the text; its own joiner, because the text is read before it
    /// is known which part it belongs to.
    think: Option<(Think, Joiner)>,
    calls: Vec<Call>,
    /// Sound so far, in base64.
    audio: String,
    finish: Option<Finish>,
    called: bool,
    refused: bool,
}

impl Choice {
    pub(super) fn new(number: u32, think_tags: bool) -> Self {
        Self {
            number,
            running: None,
            think: think_tags.then(Default::default),
            calls: Vec::new(),
            audio: String::new(),
            finish: None,
            called: false,
            refused: false,
        }
    }

    /// Takes one object of `choices`. `whole`: it is a whole answer, not a chunk of one.
    pub(super) fn push(&mut self, choice: Json<'_>, whole: bool, shared: &mut Shared, out: &mut Vec<Event>) {
        let get = |name: &str| choice.get(name).and_then(Json::non_null);
        if let Some(said) = get("delta").or_else(|| get("message")) {
            self.said(said, whole, shared, out);
        }
        if get("logprobs").is_some() {
            shared.lose(Loss::dropped("logprobs", format!("choices[{}]", self.number)));
        }
        if let Some(word) = get("finish_reason").and_then(Json::as_str).filter(|word| !word.is_empty()) {
            if self.finish.is_none() {
                self.cite(shared, out);
            }
            self.finish = Some(finish::read(&word));
            self.close(shared, out);
        }
    }

    /// What was found stands on the text that is open; nothing else can cite it.
    fn cite(&mut self, shared: &mut Shared, out: &mut Vec<Event>) {
        if shared.sources.is_empty() {
            return;
        }
        self.flush(shared, out);
        match &self.running {
            Some(running) if running.voice == Voice::Text => {
                let delta = |source: &Citation| Delta::Citation(source.clone());
                out.extend(shared.sources.iter().map(|one| Event::Delta { part: running.part, delta: delta(one) }));
            }
            _ => shared.lose(Loss::dropped("search_results", format!("choices[{}]", self.number))),
        }
    }

    /// True once the server said why it ended.
    pub(super) const fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Why it ended, in view of all that it said.
    pub(super) fn take_finish(&mut self, undo: &Undo) -> Option<Finish> {
        let mut finish = self.finish.take()?;
        match finish.reason {
            // Servers say `stop` after tool calls, and OpenAI says it after a refusal.
            Reason::Stop if self.called => finish.reason = Reason::ToolUse,
            Reason::Stop if self.refused => finish.reason = Reason::Refusal,
            // The only tool was the one that stood for the answer's form.
            Reason::ToolUse if undo.format_tool.is_some() && !self.called => finish = Finish::new(Reason::Stop),
            _ => {}
        }
        Some(finish)
    }

    fn said(&mut self, said: Json<'_>, whole: bool, shared: &mut Shared, out: &mut Vec<Event>) {
        let get = |name: &str| said.get(name).and_then(Json::non_null);
        let list = |name: &str| get(name).into_iter().flat_map(Json::items);
        self.thought(said, shared, out);
        if let Some(content) = get("content") {
            match content.inside() {
                Some(inside) => self.content(inside, shared, out),
                None => content.items().for_each(|item| self.item(item, shared, out)),
            }
        }
        if let Some(audio) = get("audio") {
            // What is spoken is the answer's text for who cannot hear it.
            let transcript = audio.get("transcript").and_then(Json::inside).unwrap_or_default();
            self.say(Voice::Text, transcript, shared, out);
            self.audio.push_str(&audio.get("data").and_then(Json::as_str).unwrap_or_default());
        }
        for annotation in list("annotations") {
            self.flush(shared, out);
            let part = self.voice(Voice::Text, shared, out);
            out.push(Event::Delta { part, delta: Delta::Citation(cite::read(annotation)) });
        }
        list("images").for_each(|image| self.image(image, shared, out));
        self.say(Voice::Refusal, get("refusal").and_then(Json::inside).unwrap_or_default(), shared, out);
        for call in list("tool_calls") {
            self.call(&Piece::read(call, false), whole, shared, out);
        }
        if let Some(call) = get("function_call") {
            self.call(&Piece::read(call, true), whole, shared, out);
        }
    }

    /// Reasoning beside the text. Servers that say it as details say it again as a plain text.
    fn thought(&mut self, said: Json<'_>, shared: &mut Shared, out: &mut Vec<Event>) {
        let plain = |name: &str| said.get(name).and_then(Json::inside).filter(|inside| !inside.is_empty());
        let given: Vec<_> = said.get("reasoning_details").into_iter().flat_map(Json::items).collect();
        let detailed = given.iter().any(|detail| !details::read(*detail, "").inside.is_empty());
        if let Some(inside) = plain("reasoning_content").or_else(|| plain("reasoning")).filter(|_| !detailed) {
            self.reason(inside, None, shared, out);
        }
        for detail in given {
            let detail = details::read(detail, &shared.model);
            if detail.redacted {
                if detail.proof.is_some() {
                    let hidden = Reasoning { text: String::new(), proof: detail.proof, redacted: true };
                    self.whole(Body::Reasoning(hidden).into(), shared, out);
                }
                continue;
            }
            self.reason(detail.inside, detail.index, shared, out);
            if let Some(proof) = detail.proof {
                self.next_reasoning(None, shared, out);
                let part = self.voice(Voice::Reasoning, shared, out);
                if let Some(running) = &mut self.running {
                    running.proven = true;
                }
                out.push(Event::Delta { part, delta: Delta::Proof(proof) });
            }
        }
    }

    fn reason(&mut self, inside: &str, index: Option<u64>, shared: &mut Shared, out: &mut Vec<Event>) {
        if inside.is_empty() {
            return;
        }
        self.next_reasoning(index, shared, out);
        self.say(Voice::Reasoning, inside, shared, out);
        if let Some(running) = &mut self.running {
            running.index = index.or(running.index);
        }
    }

    /// Closes a part of reasoning that has its proof, or that another detail follows.
    fn next_reasoning(&mut self, index: Option<u64>, shared: &mut Shared, out: &mut Vec<Event>) {
        let next = self.running.as_ref().is_some_and(|running| {
            let other = index.zip(running.index).is_some_and(|(new, own)| new != own);
            running.voice == Voice::Reasoning && (running.proven || other)
        });
        if next {
            self.close_running(shared, out);
        }
    }

    /// The text member, where reasoning may stand in it too.
    fn content(&mut self, inside: &str, shared: &mut Shared, out: &mut Vec<Event>) {
        let Some((think, joiner)) = &mut self.think else {
            return self.say(Voice::Text, inside, shared, out);
        };
        let mut text = String::new();
        let replaced = joiner.push(inside, &mut text);
        let mut pieces = Vec::new();
        think.push(&text, &mut pieces);
        self.replaced(replaced, shared);
        self.pieces(pieces, shared, out);
    }

    fn pieces(&mut self, pieces: Vec<think::Piece>, shared: &mut Shared, out: &mut Vec<Event>) {
        for piece in pieces {
            let (voice, text) = match piece {
                think::Piece::Thought(text) => (Voice::Reasoning, text),
                think::Piece::Said(text) => (Voice::Text, text),
            };
            let part = self.voice(voice, shared, out);
            out.push(Event::Delta { part, delta: voice.delta(text) });
        }
    }

    /// One item of content that is a list (Mistral).
    fn item(&mut self, item: Json<'_>, shared: &mut Shared, out: &mut Vec<Event>) {
        let inside = |json: Json<'_>, name: &str| json.get(name).and_then(Json::inside).map(str::to_owned);
        let kind = item.get("type").and_then(Json::as_str).unwrap_or_default();
        match &*kind {
            "text" => self.content(&inside(item, "text").unwrap_or_default(), shared, out),
            "refusal" => self.say(Voice::Refusal, &inside(item, "refusal").unwrap_or_default(), shared, out),
            "thinking" => {
                self.reason(&inside(item, "thinking").unwrap_or_default(), None, shared, out);
                for text in item.get("thinking").into_iter().flat_map(Json::items) {
                    self.reason(&inside(text, "text").unwrap_or_default(), None, shared, out);
                }
            }
            "image_url" => self.image(item, shared, out),
            _ => {
                let kind = kind.into_owned();
                let raw = item.raw().into();
                self.whole(Body::Unknown { dialect: DialectId::OpenAiChat, kind, raw }.into(), shared, out);
            }
        }
    }

    fn image(&mut self, image: Json<'_>, shared: &mut Shared, out: &mut Vec<Event>) {
        let place = image.get("image_url").unwrap_or(Json::NULL);
        let url = place.as_str().or_else(|| place.get("url").and_then(Json::as_str));
        match url {
            Some(url) => {
                let source = source(&url);
                self.whole(image_part(source), shared, out);
            }
            None => shared.lose(Loss::dropped("image", format!("choices[{}]", self.number))),
        }
    }

    fn call(&mut self, piece: &Piece<'_>, whole: bool, shared: &mut Shared, out: &mut Vec<Event>) {
        if piece.is_empty() && (self.calls.is_empty() || whole) {
            return;
        }
        let known = self.calls.iter().rposition(|call| !whole && call.goes_on(piece));
        let at = known.unwrap_or_else(|| {
            self.calls.push(Call { index: piece.index, ..Call::default() });
            self.calls.len() - 1
        });
        self.flush(shared, out);
        self.close_running(shared, out);
        let Some(call) = self.calls.get_mut(at) else { return };
        call.custom |= piece.custom;
        if call.id.is_empty() {
            call.id = piece.id.clone().into_owned();
        }
        if call.name.is_empty() {
            call.name = piece.name.clone().into_owned();
        }
        let mut text = String::new();
        let replaced = if piece.value {
            text.push_str(piece.arguments);
            0
        } else {
            call.joiner.push(piece.arguments, &mut text)
        };
        call.arguments.push_str(&text);
        self.replaced(replaced, shared);
        let opened =
            self.calls.get(at).is_some_and(|call| call.part.is_none() && !call.custom && !call.name.is_empty());
        if opened {
            self.open_call(at, piece.extra, shared, out);
        } else {
            self.argue(at, text, out);
        }
    }

    /// Opens a call and says what is known of its arguments.
    fn open_call(&mut self, at: usize, extra: Option<Json<'_>>, shared: &mut Shared, out: &mut Vec<Event>) {
        let Some(call) = self.calls.get_mut(at) else { return };
        call.format = shared.undo.format_tool.as_deref() == Some(call.name.as_str());
        let kind = if call.format {
            Open::Text
        } else {
            self.called = true;
            let id = match call.id.as_str() {
                "" => made_id(&shared.id, self.number, at),
                id => shared.undo.id(id).to_owned(),
            };
            let proof = extra.map(|extra| call::proof(extra, &shared.model));
            Open::ToolCall { id, name: shared.undo.name(&call.name).to_owned(), proof }
        };
        call.part = Some(shared.open(self.number, kind, out));
        let text = call.arguments.clone();
        self.argue(at, text, out);
    }

    fn argue(&self, at: usize, text: String, out: &mut Vec<Event>) {
        let Some(call) = self.calls.get(at) else { return };
        if let (Some(part), false) = (call.part, text.is_empty()) {
            let delta = if call.format { Delta::Text(text) } else { Delta::Arguments(text) };
            out.push(Event::Delta { part, delta });
        }
    }

    /// The open part of a voice; opened, and what else runs closed, where it is another.
    fn voice(&mut self, voice: Voice, shared: &mut Shared, out: &mut Vec<Event>) -> u32 {
        match &self.running {
            Some(running) if running.voice == voice => running.part,
            _ => {
                self.close_running(shared, out);
                self.refused |= voice == Voice::Refusal;
                let part = shared.open(self.number, voice.open(), out);
                let joiner = Joiner::default();
                self.running = Some(Running { voice, part, joiner, index: None, proven: false });
                part
            }
        }
    }

    /// More of a voice, as the inside of a JSON string.
    fn say(&mut self, voice: Voice, inside: &str, shared: &mut Shared, out: &mut Vec<Event>) {
        if inside.is_empty() {
            return;
        }
        if voice != Voice::Reasoning {
            self.flush(shared, out);
        }
        let part = self.voice(voice, shared, out);
        let mut text = String::new();
        let replaced = self.running.as_mut().map_or(0, |running| running.joiner.push(inside, &mut text));
        self.replaced(replaced, shared);
        if !text.is_empty() {
            out.push(Event::Delta { part, delta: voice.delta(text) });
        }
    }

    fn whole(&mut self, part: Part, shared: &mut Shared, out: &mut Vec<Event>) {
        self.flush(shared, out);
        self.close_running(shared, out);
        let part = shared.open(self.number, Open::Whole(Box::new(part)), out);
        out.push(Event::Close { part });
    }

    /// Says what the search for tags holds back: something else than text follows.
    fn flush(&mut self, shared: &mut Shared, out: &mut Vec<Event>) {
        let Some((think, joiner)) = &mut self.think else { return };
        let mut text = String::new();
        let replaced = joiner.finish(&mut text);
        let mut pieces = Vec::new();
        think.push(&text, &mut pieces);
        think.finish(&mut pieces);
        self.replaced(replaced, shared);
        self.pieces(pieces, shared, out);
    }

    fn replaced(&self, count: usize, shared: &mut Shared) {
        if count > 0 {
            shared.lose(Loss::approximated("lone surrogate", format!("choices[{}]", self.number)));
        }
    }

    fn close_running(&mut self, shared: &mut Shared, out: &mut Vec<Event>) {
        let Some(mut running) = self.running.take() else { return };
        let mut text = String::new();
        let replaced = running.joiner.finish(&mut text);
        self.replaced(replaced, shared);
        if !text.is_empty() {
            out.push(Event::Delta { part: running.part, delta: running.voice.delta(text) });
        }
        out.push(Event::Close { part: running.part });
    }

    /// Closes everything that is open.
    pub(super) fn close(&mut self, shared: &mut Shared, out: &mut Vec<Event>) {
        self.flush(shared, out);
        self.close_running(shared, out);
        for at in 0..self.calls.len() {
            self.close_call(at, shared, out);
        }
        let audio = std::mem::take(&mut self.audio);
        if !audio.is_empty() {
            let source = MediaSource::Base64 { media_type: sound(&audio).to_owned(), data: audio };
            let media = Media { kind: MediaKind::Audio, source, name: None, detail: None };
            self.whole(Body::Media(media).into(), shared, out);
        }
    }

    fn close_call(&mut self, at: usize, shared: &mut Shared, out: &mut Vec<Event>) {
        let Some(call) = self.calls.get_mut(at).filter(|call| !call.closed) else { return };
        call.closed = true;
        let mut text = String::new();
        let replaced = call.joiner.finish(&mut text);
        call.arguments.push_str(&text);
        let custom = call.custom;
        self.replaced(replaced, shared);
        if custom {
            self.called = true;
            let Some(call) = self.calls.get(at) else { return };
            let id = match call.id.as_str() {
                "" => Cow::Owned(made_id(&shared.id, self.number, at)),
                id => Cow::Borrowed(shared.undo.id(id)),
            };
            let part = call.custom_part(&id, shared.undo.name(&call.name));
            return self.whole(part, shared, out);
        }
        if self.calls.get(at).is_some_and(|call| call.part.is_none()) {
            // A call that was never named: its arguments are still the answer's.
            self.open_call(at, None, shared, out);
        } else {
            self.argue(at, text, out);
        }
        if let Some(part) = self.calls.get(at).and_then(|call| call.part) {
            out.push(Event::Close { part });
        }
    }
}

fn image_part(source: MediaSource) -> Part {
    Body::Media(Media { kind: MediaKind::Image, source, name: None, detail: None }).into()
}

/// The bytes of a `data:` address, or the address.
fn source(url: &str) -> MediaSource {
    match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((media_type, data)) => MediaSource::Base64 { media_type: media_type.to_owned(), data: data.to_owned() },
        None => MediaSource::Url(url.to_owned()),
    }
}

/// The media type of sound, by how its base64 begins: the answer itself does not say. Streams are raw PCM.
fn sound(data: &str) -> &'static str {
    let kinds = [
        ("SUQz", "audio/mpeg"),
        ("//", "audio/mpeg"),
        ("UklG", "audio/wav"),
        ("T2dn", "audio/ogg"),
        ("ZkxhQ", "audio/flac"),
    ];
    kinds.into_iter().find(|(begin, _)| data.starts_with(begin)).map_or("audio/pcm", |(_, kind)| kind)
}
