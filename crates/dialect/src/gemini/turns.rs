//! The conversation as this dialect takes it: contents of the user and the model, results of tools in a
//! content of their own and in the order of the calls.

use wire::json::{Json, Kind, Writer};

use super::model::Abilities;
use super::names::Names;
use super::part::{NO_SIGNATURE, guess, is_wrapping};
use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::ir::part::{Body, Media, MediaSource, Opaque, Part, Reasoning, ToolCall, ToolResult};
use crate::ir::request::{Message, Role};
use crate::loss::Loss;
use crate::members;

const HERE: DialectId = DialectId::Gemini;

/// One content.
#[derive(Debug)]
pub(super) struct Content {
    /// The model's, or else the user's.
    pub(super) model: bool,
    /// Parts, written.
    pub(super) parts: Vec<String>,
    /// Members of this dialect's own.
    pub(super) foreign: Vec<(String, String)>,
}

/// A tool's result that waits for its turn: the place of its call, where it stood, the part.
type Result = (usize, String, String);

/// Builds contents and gathers what is lost.
#[derive(Debug)]
pub(super) struct Turns<'a> {
    /// The model that reads them: it takes no other's proofs.
    pub(super) model: &'a str,
    /// What it can do.
    pub(super) able: Abilities,
    /// Names of tools and calls.
    pub(super) names: Names,
    /// Parts of the instructions.
    pub(super) system: Vec<String>,
    /// The contents.
    pub(super) contents: Vec<Content>,
    /// Results that follow one turn of calls.
    results: Vec<Result>,
    /// What was lost.
    pub(super) losses: Vec<Loss>,
}

impl<'a> Turns<'a> {
    pub(super) fn new(model: &'a str, able: Abilities) -> Self {
        let (names, system, contents, results, losses) = Default::default();
        Self { model, able, names, system, contents, results, losses }
    }

    pub(super) fn lose(&mut self, loss: Loss) {
        self.losses.push(loss);
    }

    /// Parts that instruct: text only.
    pub(super) fn instruct(&mut self, parts: &[Part], path: &str) {
        for (index, part) in parts.iter().enumerate() {
            let at = format!("{path}[{index}]");
            match &part.body {
                Body::Text { .. } | Body::Refusal(_) => {
                    let written = self.part(part, Role::System, at);
                    self.system.extend(written);
                }
                other => self.lose(Loss::dropped(other.word(), at)),
            }
        }
    }

    /// One message. Its system role, in the middle of a conversation, joins the instructions.
    pub(super) fn message(&mut self, message: &Message, index: usize) {
        let path = format!("messages[{index}]");
        if message.name.is_some() {
            self.lose(Loss::dropped("name", format!("{path}.name")));
        }
        let foreign = self.own(&message.foreign, &path);
        if message.role == Role::System {
            self.lose(Loss::approximated("system", path.clone()));
            return self.instruct(&message.parts, &format!("{path}.content"));
        }
        let model = message.role == Role::Assistant;
        if model {
            self.settle();
        }
        let mut parts = Vec::new();
        let mut unsigned = self.able.signed;
        for (number, part) in message.parts.iter().enumerate() {
            let at = format!("{path}.content[{number}]");
            if let (Body::ToolResult(result), false) = (&part.body, model) {
                let place = self.names.call(&result.call_id).map_or(usize::MAX, |(place, _)| place);
                let written = self.result(part, result, &at);
                self.results.push((place, at, written));
                continue;
            }
            if let (Body::ToolCall(call), true) = (&part.body, model) {
                // The first call of a step must be signed; those beside it need not.
                let first = std::mem::take(&mut unsigned);
                parts.push(self.call(part, call, first, at));
                continue;
            }
            parts.extend(self.part(part, message.role, at));
        }
        if parts.is_empty() {
            let lost: Vec<Loss> = foreign.into_iter().map(|(key, _)| Loss::dropped(key, path.clone())).collect();
            return self.losses.extend(lost);
        }
        self.settle();
        self.contents.push(Content { model, parts, foreign });
    }

    /// Writes the results that wait as one content of the user, in the order of their calls.
    pub(super) fn settle(&mut self) {
        let mut results = std::mem::take(&mut self.results);
        if results.is_empty() {
            return;
        }
        if !results.is_sorted_by_key(|(place, ..)| *place) {
            let lost = results.iter().map(|(_, at, _)| Loss::approximated("order", at.clone()));
            self.losses.extend(lost);
            results.sort_by_key(|(place, ..)| *place);
        }
        let parts = results.into_iter().map(|(_, _, part)| part).collect();
        self.contents.push(Content { model: false, parts, foreign: Vec::new() });
    }

    /// One part, where this dialect has a part for it.
    fn part(&mut self, part: &Part, role: Role, at: String) -> Option<String> {
        match &part.body {
            Body::Text { text, .. } | Body::Refusal(text) => {
                if text.is_empty() {
                    return None;
                }
                if let Body::Text { citations, .. } = &part.body
                    && !citations.is_empty()
                {
                    self.lose(Loss::dropped("citations", at.clone()));
                } else if matches!(part.body, Body::Refusal(_)) {
                    self.lose(Loss::approximated("refusal", at.clone()));
                }
                Some(self.ready(part, &at, |json| _ = json.key("text").str(text)))
            }
            Body::Media(media) => {
                let Some(written) = self.media(media, &at) else {
                    self.lose(Loss::dropped(media.kind.word(), at));
                    return None;
                };
                Some(self.ready(part, &at, |json| written.write(json)))
            }
            Body::Reasoning(reasoning) if role == Role::Assistant => self.reasoning(part, reasoning, at),
            Body::Unknown { dialect: HERE, raw, .. } => Some(raw.as_str().to_owned()),
            other => {
                self.lose(Loss::dropped(other.word(), at));
                None
            }
        }
    }

    /// A part of members, with its own members behind them.
    fn ready(&mut self, part: &Part, at: &str, members: impl FnOnce(&mut Writer)) -> String {
        if part.cache.is_some() {
            self.lose(Loss::dropped("cache_control", at));
        }
        let more = self.own(&part.foreign, at);
        let mut json = Writer::new();
        json.object(|json| {
            members(json);
            for (key, value) in &more {
                json.key(key).raw(value);
            }
        });
        json.finish()
    }

    /// Members of this dialect's own; others are lost.
    pub(super) fn own(&mut self, foreign: &Foreign, at: &str) -> Vec<(String, String)> {
        members::own(HERE, foreign, at, &mut self.losses)
    }

    fn media<'m>(&mut self, media: &'m Media, at: &str) -> Option<Blob<'m>> {
        let blob = Blob::of(media)?;
        if matches!(blob, Blob::Text(_)) {
            self.lose(Loss::approximated("file", at));
            return Some(blob);
        }
        if media.name.is_some() {
            self.lose(Loss::dropped("filename", at));
        }
        if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
            self.lose(Loss::dropped("detail", at));
        }
        Some(blob)
    }

    /// Reasoning goes back to the model that proved it, and to no other.
    fn reasoning(&mut self, part: &Part, reasoning: &Reasoning, at: String) -> Option<String> {
        let Some(proof) = reasoning.proof.as_ref().filter(|proof| !proof.data.is_empty()) else {
            self.lose(Loss::dropped("reasoning", at));
            return None;
        };
        if !proof.origin.accepts(HERE, self.model) {
            self.lose(Loss::dropped("reasoning signature", at));
            return None;
        }
        Some(self.ready(part, &at, |json| {
            json.key("text").str(&reasoning.text);
            if !reasoning.redacted {
                json.key("thought").bool(true);
            }
            json.key("thoughtSignature").str(&proof.data);
        }))
    }

    /// A call. `sign`: the model wants it signed, so that a lost signature is replaced by the word for that.
    fn call(&mut self, part: &Part, call: &ToolCall, sign: bool, at: String) -> String {
        let accepted = |proof: &&Opaque| !proof.data.is_empty() && proof.origin.accepts(HERE, self.model);
        let proof = call.proof.as_ref().filter(accepted);
        let signature = match (proof, sign) {
            (Some(proof), _) => Some(proof.data.as_str()),
            (None, true) => Some(NO_SIGNATURE),
            (None, false) => None,
        };
        if proof.is_none() && (sign || call.proof.is_some()) {
            self.lose(match sign {
                true => Loss::weakened("thought_signature", at.clone()),
                false => Loss::dropped("thought_signature", at.clone()),
            });
        }
        let (args, exact) = args(&call.arguments);
        if !exact {
            self.lose(Loss::approximated("arguments", at.clone()));
        }
        let name = self.names.name(&call.name);
        self.names.called(&call.id, &name);
        self.ready(part, &at, |json| {
            json.key("functionCall").object(|json| {
                if !call.id.is_empty() {
                    json.key("id").str(&call.id);
                }
                json.key("name").str(&name);
                json.key("args").raw(&args);
            });
            if let Some(signature) = signature {
                json.key("thoughtSignature").str(signature);
            }
        })
    }

    /// What a tool answered: texts in an object, media beside it.
    fn result(&mut self, part: &Part, result: &ToolResult, at: &str) -> String {
        let (mut texts, mut blobs) = (Vec::new(), Vec::new());
        let mut mixed = false;
        for (index, part) in result.content.iter().enumerate() {
            let at = format!("{at}.content[{index}]");
            match &part.body {
                Body::Text { text, .. } | Body::Refusal(text) => {
                    let plain = matches!(&part.body, Body::Text { citations, .. } if citations.is_empty());
                    if !plain {
                        self.lose(Loss::approximated("text", at.clone()));
                    }
                    self.bare(part, &at);
                    mixed |= !blobs.is_empty();
                    texts.push(text.as_str());
                }
                Body::Media(Media { source: MediaSource::Text(text), .. }) => {
                    self.lose(Loss::approximated("file", at.clone()));
                    self.bare(part, &at);
                    mixed |= !blobs.is_empty();
                    texts.push(text.as_str());
                }
                Body::Media(_) if self.able.media_results => blobs.extend(self.part(part, Role::User, at)),
                other => self.lose(Loss::dropped(other.word(), at)),
            }
        }
        if mixed {
            for index in 0..result.content.len() {
                self.lose(Loss::approximated("order", format!("{at}.content[{index}]")));
            }
        }
        let failed = result.is_error == Some(true);
        let name = match self.names.call(&result.call_id) {
            Some((_, name)) => name.to_owned(),
            None => self.names.name(&result.call_id),
        };
        self.ready(part, at, |json| {
            json.key("functionResponse").object(|json| {
                if !result.call_id.is_empty() {
                    json.key("id").str(&result.call_id);
                }
                json.key("name").str(&name);
                response(&texts, failed, json.key("response"));
                if !blobs.is_empty() {
                    json.key("parts").array(|json| blobs.iter().for_each(|blob| _ = json.raw(blob)));
                }
            });
        })
    }

    /// Reports what stands beside a part and has no place.
    fn bare(&mut self, part: &Part, at: &str) {
        self.losses.extend(part.foreign.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), at)));
        if part.cache.is_some() {
            self.lose(Loss::dropped("cache_control", at));
        }
    }
}

/// The object that a result must be: a text that is one already, else one around the text or texts.
fn response(texts: &[&str], failed: bool, json: &mut Writer) {
    let key = if failed { "error" } else { "result" };
    if let ([only], false) = (texts, failed)
        && let Ok(object) = Json::parse(only)
        && object.kind() == Kind::Object
        && object.raw() == *only
        && !is_wrapping(object)
    {
        json.raw(only);
        return;
    }
    json.object(|json| match texts {
        [] if !failed => {}
        [only] => _ = json.key(key).str(only),
        many => {
            json.key(key).array(|json| many.iter().for_each(|text| _ = json.str(text)));
        }
    });
}

/// Media as this dialect has them.
pub(super) enum Blob<'a> {
    /// Bytes here: media type, base64.
    Inline(&'a str, &'a str),
    /// At an address: media type, address.
    File(&'static str, &'a str),
    /// A text.
    Text(&'a str),
}

impl<'a> Blob<'a> {
    /// `None` for a file that another provider keeps.
    pub(super) fn of(media: &'a Media) -> Option<Self> {
        Some(match &media.source {
            MediaSource::Base64 { media_type, data } => Blob::Inline(media_type, data),
            MediaSource::Url(url) => Blob::File(guess(url, Some(media.kind)), url),
            MediaSource::FileId { dialect: HERE, id } => Blob::File(guess(id, Some(media.kind)), id),
            MediaSource::FileId { .. } => return None,
            MediaSource::Text(text) => Blob::Text(text),
        })
    }

    /// Writes the member.
    pub(super) fn write(&self, json: &mut Writer) {
        match self {
            Blob::Inline(media_type, data) => {
                json.key("inlineData").object(|json| _ = json.key("mimeType").str(media_type).key("data").str(data));
            }
            Blob::File(media_type, uri) => {
                json.key("fileData").object(|json| _ = json.key("mimeType").str(media_type).key("fileUri").str(uri));
            }
            Blob::Text(text) => _ = json.key("text").str(text),
        }
    }
}

/// Arguments as the object that `args` must be, and whether they were one. Nothing said is `{}`; anything
/// else is wrapped so that no word is lost.
pub(super) fn args(arguments: &str) -> (String, bool) {
    match Json::parse(arguments) {
        Ok(json) if json.kind() == Kind::Object => (json.raw().to_owned(), true),
        Ok(json) if json.is_null() => ("{}".to_owned(), true),
        _ if arguments.trim().is_empty() => ("{}".to_owned(), true),
        _ => {
            let mut json = Writer::new();
            json.object(|json| _ = json.key("arguments").str(arguments));
            (json.finish(), false)
        }
    }
}

#[cfg(test)]
mod tests;
