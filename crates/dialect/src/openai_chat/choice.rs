//! One of the answers of a stream: its deltas to parts that open, go on and close.

use std::borrow::Cow;

use wire::json::{Joiner, Json, Kind};

use super::call::Call;
use super::shared::Shared;
use super::think::{Piece, Think};
use super::{cite, finish, proof};
use crate::id::DialectId;
use crate::ir::event::{Delta, Event, Open};
use crate::ir::finish::{Finish, Reason};
use crate::ir::part::{Body, Citation, Media, MediaKind, MediaSource, Reasoning};
use crate::loss::Loss;
use crate::quirk::{Quirk, Quirks};

/// What kind of running text is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Text,
    Reasoning,
    Refusal,
}

/// One answer under way.
#[derive(Debug)]
pub(super) struct Choice {
    number: u32,
    /// The text, reasoning or refusal that is open: its kind and part.
    run: Option<(Run, u32)>,
    /// Which reasoning detail is open.
    detail: Option<u64>,
    content: Joiner,
    reasoning: Joiner,
    refusal: Joiner,
    think: Option<Think>,
    calls: Vec<Call>,
    audio: Option<Audio>,
    /// Sources to be put on the text when it ends.
    sources: Vec<Citation>,
    pub(super) finish: Option<Finish>,
    refused: bool,
    /// A tool was called.
    called: bool,
    /// The tool that gives the answer its form was called.
    formed: bool,
    logprobs: bool,
}

#[derive(Debug, Default)]
struct Audio {
    data: String,
    transcript: bool,
}

impl Choice {
    pub(super) fn new(number: u32, quirks: Quirks) -> Self {
        Self {
            number,
            run: None,
            detail: None,
            content: Joiner::default(),
            reasoning: Joiner::default(),
            refusal: Joiner::default(),
            think: quirks.has(Quirk::ThinkTags).then(Think::default),
            calls: Vec::new(),
            audio: None,
            sources: Vec::new(),
            finish: None,
            refused: false,
            called: false,
            formed: false,
            logprobs: false,
        }
    }

    /// Takes one `choices[]` object of a chunk or of a whole answer. (Perplexity's have both members; its
    /// chunks' `message` repeats all of the text.)
    pub(super) fn push(&mut self, choice: Json<'_>, whole: bool, shared: &mut Shared, out: &mut Vec<Event>) {
        let (own, other) = if whole { ("message", "delta") } else { ("delta", "message") };
        let first = choice.get(own).and_then(Json::non_null);
        if let Some(said) = first.or_else(|| choice.get(other)) {
            self.said(said, shared, out);
        }
        if choice.get("logprobs").and_then(Json::non_null).is_some() && !self.logprobs {
            self.logprobs = true;
            shared.losses.push(Loss::dropped("logprobs", format!("choices[{}]", self.number)));
        }
        let word = choice.get("finish_reason").and_then(Json::as_str).filter(|word| !word.is_empty());
        if let Some(word) = word {
            self.finish = Some(finish::read(&word));
        }
    }

    fn said(&mut self, said: Json<'_>, shared: &mut Shared, out: &mut Vec<Event>) {
        let details = said.get("reasoning_details").filter(|list| list.items().next().is_some());
        if let Some(details) = details {
            for detail in details.items() {
                self.detail(detail, shared, out);
            }
        } else {
            let given = |name: &str| said.get(name).filter(|value| value.inside().is_some_and(|text| !text.is_empty()));
            if let Some(inside) = given("reasoning_content").or_else(|| given("reasoning")).and_then(Json::inside) {
                self.reason(inside, shared, out);
            }
        }
        match said.get("content").map(|content| (content, content.kind())) {
            Some((content, Kind::String)) => self.text(content.inside().unwrap_or_default(), shared, out),
            Some((list, Kind::Array)) => self.list(list, shared, out),
            _ => {}
        }
        if let Some(inside) = said.get("refusal").and_then(Json::inside).filter(|inside| !inside.is_empty()) {
            let mut text = String::new();
            let replaced = self.refusal.push(inside, &mut text);
            shared.replaced(replaced, self.number);
            self.refused = true;
            self.run_on(Run::Refusal, text, shared, out);
        }
        for annotation in said.get("annotations").into_iter().flat_map(Json::items) {
            match cite::read(annotation) {
                Some(citation) => self.sources.push(citation),
                None => shared.losses.push(Loss::dropped("annotation", format!("choices[{}]", self.number))),
            }
        }
        for image in said.get("images").into_iter().flat_map(Json::items) {
            self.image(image, shared, out);
        }
        for call in said.get("tool_calls").into_iter().flat_map(Json::items) {
            self.call(call, shared, out);
        }
        if let Some(function) = said.get("function_call").filter(|function| function.kind() == Kind::Object) {
            self.call_delta(Some(u64::MAX), "", function, None, shared, out);
        }
        if let Some(audio) = said.get("audio").filter(|audio| audio.kind() == Kind::Object) {
            self.audio(audio, shared, out);
        }
    }

    /// More of the text, given as the inside of a JSON string.
    fn text(&mut self, inside: &str, shared: &mut Shared, out: &mut Vec<Event>) {
        if inside.is_empty() {
            return;
        }
        let mut text = String::new();
        let replaced = self.content.push(inside, &mut text);
        shared.replaced(replaced, self.number);
        self.plain(text, shared, out);
    }

    fn plain(&mut self, text: String, shared: &mut Shared, out: &mut Vec<Event>) {
        match &mut self.think {
            Some(think) => {
                let mut pieces = Vec::new();
                think.push(&text, &mut pieces);
                self.pieces(pieces, shared, out);
            }
            None => self.run_on(Run::Text, text, shared, out),
        }
    }

    fn pieces(&mut self, pieces: Vec<Piece>, shared: &mut Shared, out: &mut Vec<Event>) {
        for piece in pieces {
            match piece {
                Piece::Reasoning(text) => self.run_on(Run::Reasoning, text, shared, out),
                Piece::Text(text) => self.run_on(Run::Text, text, shared, out),
            }
        }
    }

    fn reason(&mut self, inside: &str, shared: &mut Shared, out: &mut Vec<Event>) {
        let mut text = String::new();
        let replaced = self.reasoning.push(inside, &mut text);
        shared.replaced(replaced, self.number);
        self.run_on(Run::Reasoning, text, shared, out);
    }

    /// Mistral's content as a list: `thinking` parts and texts.
    fn list(&mut self, list: Json<'_>, shared: &mut Shared, out: &mut Vec<Event>) {
        for part in list.items() {
            let kind = part.get("type").and_then(Json::as_str).unwrap_or_default();
            match &*kind {
                "text" => self.text(part.get("text").and_then(Json::inside).unwrap_or_default(), shared, out),
                "thinking" => {
                    let thinking = part.get("thinking").unwrap_or(Json::NULL);
                    if let Some(inside) = thinking.inside() {
                        self.reason(inside, shared, out);
                    }
                    for inside in thinking.items().filter_map(|item| item.get("text")).filter_map(Json::inside) {
                        self.reason(inside, shared, out);
                    }
                }
                "image_url" => self.image(part, shared, out),
                "refusal" => {
                    let text = part.get("refusal").and_then(Json::as_str).map(Cow::into_owned).unwrap_or_default();
                    self.refused |= !text.is_empty();
                    self.run_on(Run::Refusal, text, shared, out);
                }
                _ => {
                    let kind = kind.into_owned();
                    self.whole(
                        Body::Unknown { dialect: DialectId::OpenAiChat, kind, raw: part.raw().into() },
                        shared,
                        out,
                    );
                }
            }
        }
    }

    /// One of `reasoning_details`.
    fn detail(&mut self, detail: Json<'_>, shared: &mut Shared, out: &mut Vec<Event>) {
        let read = proof::read(detail, Some(&shared.model));
        if self.detail != read.index && matches!(self.run, Some((Run::Reasoning, _))) {
            self.close_run(shared, out);
        }
        self.detail = read.index;
        if read.redacted {
            let reasoning = Reasoning { text: String::new(), proof: read.proof, redacted: true };
            return self.whole(Body::Reasoning(reasoning), shared, out);
        }
        if let Some(inside) = read.inside.filter(|inside| !inside.is_empty()) {
            self.reason(inside, shared, out);
        }
        if let Some(proof) = read.proof {
            // A proof ends the piece it proves.
            let part = self.begin(Run::Reasoning, shared, out);
            out.push(Event::Delta { part, delta: Delta::Proof(proof) });
            self.close_run(shared, out);
        }
    }

    fn image(&mut self, image: Json<'_>, shared: &mut Shared, out: &mut Vec<Event>) {
        let place = image.get("image_url").unwrap_or(image);
        let url = place.as_str().or_else(|| place.get("url").and_then(Json::as_str));
        if let Some(url) = url {
            let source = super::media::of_url(&url);
            let media = Media { kind: MediaKind::Image, source, name: None, detail: None };
            self.whole(Body::Media(media), shared, out);
        }
    }

    fn audio(&mut self, audio: Json<'_>, shared: &mut Shared, out: &mut Vec<Event>) {
        let held = self.audio.get_or_insert_default();
        if let Some(data) = audio.get("data").and_then(Json::as_str) {
            held.data.push_str(&data);
        }
        // What is spoken is the answer's text for who cannot hear it.
        if let Some(inside) = audio.get("transcript").and_then(Json::inside).filter(|inside| !inside.is_empty()) {
            held.transcript = true;
            self.text(inside, shared, out);
        }
    }

    fn call(&mut self, call: Json<'_>, shared: &mut Shared, out: &mut Vec<Event>) {
        let index = call.get("index").and_then(Json::as_u64);
        let id = call.get("id").and_then(Json::as_str).unwrap_or_default();
        let function = call.get("function").or_else(|| call.get("custom")).unwrap_or(Json::NULL);
        let extra = call.get("extra_content").and_then(Json::non_null);
        self.call_delta(index, &id, function, extra, shared, out);
    }

    fn call_delta(
        &mut self,
        index: Option<u64>,
        id: &str,
        function: Json<'_>,
        extra: Option<Json<'_>>,
        shared: &mut Shared,
        out: &mut Vec<Event>,
    ) {
        let name = function.get("name").and_then(Json::as_str).unwrap_or_default();
        let place = self.calls.iter().rposition(|call| call.goes_on(index, id, &name));
        // Without an index, an id or a name it can only be more of the last call.
        let last = self.calls.len().checked_sub(1).filter(|_| index.is_none() && id.is_empty() && name.is_empty());
        let place = place.or(last).unwrap_or_else(|| {
            self.calls.push(Call::new(index, format!("call_{}_{}", self.number, self.calls.len())));
            self.calls.len() - 1
        });
        self.close_run(shared, out);
        if let Some(call) = self.calls.get_mut(place) {
            call.push(self.number, id, &name, function, extra, shared, out);
        }
    }

    /// The part of a running text of that kind, opened where it is not.
    fn begin(&mut self, run: Run, shared: &mut Shared, out: &mut Vec<Event>) -> u32 {
        match self.run {
            Some((open, part)) if open == run => part,
            _ => {
                self.close_run(shared, out);
                let kind = match run {
                    Run::Text => Open::Text,
                    Run::Reasoning => Open::Reasoning,
                    Run::Refusal => Open::Refusal,
                };
                let part = shared.open(self.number, kind, out);
                self.run = Some((run, part));
                part
            }
        }
    }

    fn run_on(&mut self, run: Run, text: String, shared: &mut Shared, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        let part = self.begin(run, shared, out);
        let delta = match run {
            Run::Text => Delta::Text(text),
            Run::Reasoning => Delta::Reasoning(text),
            Run::Refusal => Delta::Refusal(text),
        };
        out.push(Event::Delta { part, delta });
    }

    fn whole(&mut self, body: Body, shared: &mut Shared, out: &mut Vec<Event>) {
        self.close_run(shared, out);
        let part = shared.open(self.number, Open::Whole(Box::new(body.into())), out);
        out.push(Event::Close { part });
    }

    fn close_run(&mut self, shared: &mut Shared, out: &mut Vec<Event>) {
        let Some((run, part)) = self.run.take() else { return };
        let (joiner, delta): (&mut Joiner, fn(String) -> Delta) = match run {
            Run::Text => (&mut self.content, Delta::Text),
            Run::Reasoning => (&mut self.reasoning, Delta::Reasoning),
            Run::Refusal => (&mut self.refusal, Delta::Refusal),
        };
        let mut text = String::new();
        let replaced = joiner.finish(&mut text);
        shared.replaced(replaced, self.number);
        if !text.is_empty() {
            out.push(Event::Delta { part, delta: delta(text) });
        }
        if run == Run::Text {
            let citations = std::mem::take(&mut self.sources);
            out.extend(citations.into_iter().map(|citation| Event::Delta { part, delta: Delta::Citation(citation) }));
        }
        out.push(Event::Close { part });
    }

    /// Closes what is open; `sources` stand on the text where nothing else does.
    pub(super) fn close(&mut self, sources: &[Citation], shared: &mut Shared, out: &mut Vec<Event>) {
        if let Some(mut think) = self.think.take() {
            let mut pieces = Vec::new();
            think.finish(&mut pieces);
            self.pieces(pieces, shared, out);
        }
        if self.sources.is_empty() {
            self.sources.extend_from_slice(sources);
        }
        self.close_run(shared, out);
        // Half a surrogate pair may be all that was said.
        let mut text = String::new();
        let replaced = self.content.finish(&mut text);
        shared.replaced(replaced, self.number);
        self.run_on(Run::Text, text, shared, out);
        self.close_run(shared, out);
        if !self.sources.is_empty() {
            self.sources.clear();
            shared.losses.push(Loss::dropped("annotations", format!("choices[{}]", self.number)));
        }
        for mut call in std::mem::take(&mut self.calls) {
            self.formed |= call.is_form(shared);
            self.called |= !call.is_form(shared);
            call.close(self.number, shared, out);
        }
        if let Some(audio) = self.audio.take().filter(|audio| !audio.data.is_empty()) {
            let source = MediaSource::Base64 { media_type: "audio/*".to_owned(), data: audio.data };
            let media = Media { kind: MediaKind::Audio, source, name: None, detail: None };
            self.whole(Body::Media(media), shared, out);
        }
    }

    /// Why it ended, by the word and by what was said; after [`Choice::close`].
    pub(super) fn ending(&mut self) -> Option<Finish> {
        let mut finish = self.finish.take()?;
        finish.reason = match finish.reason {
            // Gemini and others say `stop` where tools are called.
            Reason::Stop if self.called => Reason::ToolUse,
            Reason::Stop if self.refused => Reason::Refusal,
            // The only tool called was the form of the answer.
            Reason::ToolUse if self.formed && !self.called => Reason::Stop,
            reason => reason,
        };
        Some(finish)
    }
}
