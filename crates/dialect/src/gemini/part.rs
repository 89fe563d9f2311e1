//! Parts of this dialect to parts of the IR: in requests and in answers.

use wire::json::{Json, Kind};

use super::calls::Calls;
use super::member::{camel, foreign, get, list};
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::part::{Body, Media, MediaKind, MediaSource, Opaque, Origin, Part, Reasoning, ToolCall, ToolResult};
use crate::loss::Loss;
use crate::members::{self, object};
use crate::packed;
use crate::remote::is_web;

const HERE: DialectId = DialectId::Gemini;

/// What Google documents to stand for a signature that is lost; it proves nothing.
pub(super) const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// Members that say how a part is meant, beside what it is.
const BESIDE: &[&str] = &["thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"];

/// Reads parts and gathers what was lost.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The model whose proofs these are; empty where nobody says.
    pub(super) model: String,
    /// It reads an answer, which passes with whatever bytes its maker gave.
    pub(super) answer: bool,
    /// Ids of calls.
    pub(super) calls: Calls,
    /// What the IR has no place for.
    pub(super) losses: Vec<Loss>,
}

impl Reader {
    /// The text of a string.
    pub(super) fn text(&mut self, value: Json<'_>, path: &str) -> Result<String, Fault> {
        members::said(value, path, &mut self.losses)
    }

    /// The text of a member, empty where there is none.
    pub(super) fn maybe(&mut self, object: Json<'_>, name: &str, path: &str) -> Result<String, Fault> {
        match get(object, name) {
            Some(value) => self.text(value, &format!("{path}.{name}")),
            None => Ok(String::new()),
        }
    }

    /// A string that must be there and say something.
    pub(super) fn need(&mut self, object: Json<'_>, name: &str, path: &str) -> Result<String, Fault> {
        let text = self.maybe(object, name, path)?;
        if text.is_empty() {
            let path = format!("{path}.{name}");
            return Err(Fault::invalid(&path, format!("`{path}` is missing.")));
        }
        Ok(text)
    }

    /// A string that must be there, whatever it says.
    fn present(&mut self, object: Json<'_>, name: &str, path: &str) -> Result<String, Fault> {
        match get(object, name) {
            Some(_) => self.maybe(object, name, path),
            None => self.need(object, name, path),
        }
    }

    /// A list of parts.
    pub(super) fn parts(&mut self, value: Json<'_>, path: &str) -> Result<Vec<Part>, Fault> {
        let mut parts = Vec::new();
        for (index, part) in list(value, path)?.into_iter().enumerate() {
            self.part(part, &format!("{path}[{index}]"), &mut parts)?;
        }
        Ok(parts)
    }

    /// One part. A text with a signature is two: the text, and the reasoning that the signature holds.
    pub(super) fn part(&mut self, value: Json<'_>, path: &str, out: &mut Vec<Part>) -> Result<(), Fault> {
        object(value, path)?;
        let proof = self.signature(value);
        let thought = get(value, "thought").and_then(Json::as_bool).unwrap_or(false);
        let Some((kind, inner)) = said(value) else {
            out.extend(proof.map(|proof| marked(hidden(proof), value, &["thought", "thoughtSignature"])));
            return Ok(());
        };
        let at = format!("{path}.{kind}");
        let mut known = vec!["thought", "thoughtSignature", kind];
        let body = match kind {
            "text" => {
                let text = self.text(inner, &at)?;
                match (text.is_empty(), thought) {
                    (true, _) => {
                        out.extend(proof.map(|proof| marked(hidden(proof), value, &known)));
                        return Ok(());
                    }
                    (false, true) => Body::Reasoning(Reasoning { text, proof, redacted: false }),
                    (false, false) => {
                        out.push(marked(Body::Text { text, citations: Vec::new() }, value, &known));
                        out.extend(proof.map(|proof| hidden(proof).into()));
                        return Ok(());
                    }
                }
            }
            "inlineData" | "fileData" => {
                // A signature on media goes home with it.
                known.retain(|name| *name != "thoughtSignature");
                self.media(object(inner, &at)?, kind, &at)?
            }
            "functionCall" if get(inner, "partialArgs").is_none() => {
                let name = self.need(object(inner, &at)?, "name", &at)?;
                let id = self.maybe(inner, "id", &at)?;
                let arguments = get(inner, "args").map_or("{}", Json::raw).to_owned();
                Body::ToolCall(ToolCall { id: self.calls.call(id, &name), name, arguments, proof })
            }
            "functionResponse" => self.result(object(inner, &at)?, &at)?,
            other => {
                let raw = value.raw().into();
                let kind = if other == UNKNOWN { named(value) } else { other.to_owned() };
                out.push(Body::Unknown { dialect: HERE, kind, raw }.into());
                return Ok(());
            }
        };
        out.push(marked(body, value, &known));
        Ok(())
    }

    /// The signature on a part.
    pub(super) fn signature(&self, part: Json<'_>) -> Option<Opaque> {
        let data = get(part, "thoughtSignature").and_then(Json::as_str)?;
        let real = !data.is_empty() && data != NO_SIGNATURE;
        let origin = Origin { dialect: HERE, model: self.model.clone() };
        real.then(|| Opaque { origin, data: data.into_owned() })
    }

    fn media(&mut self, inner: Json<'_>, kind: &str, path: &str) -> Result<Body, Fault> {
        let media_type = self.maybe(inner, "mimeType", path)?;
        let name = Some(self.maybe(inner, "displayName", path)?).filter(|name| !name.is_empty());
        let (kind, source) = if kind == "inlineData" {
            if media_type.is_empty() && !self.answer {
                let path = format!("{path}.mimeType");
                return Err(Fault::invalid(&path, format!("`{path}` is missing: say what the bytes are.")));
            }
            let data = match self.present(inner, "data", path)? {
                data if self.answer => standard(data),
                data => packed::base64(data, &format!("{path}.data"))?,
            };
            (kind_of(&media_type), MediaSource::Base64 { media_type, data })
        } else {
            let uri = self.present(inner, "fileUri", path)?;
            let kind = if media_type.is_empty() { kind_of(guess(&uri, None)) } else { kind_of(&media_type) };
            if !media_type.is_empty() && media_type != guess(&uri, Some(kind)) {
                self.losses.push(Loss::approximated("mimeType", path));
            }
            let source =
                if is_stored(&uri) { MediaSource::FileId { dialect: HERE, id: uri } } else { MediaSource::Url(uri) };
            (kind, source)
        };
        Ok(Body::Media(Media { kind, source, name, detail: None }))
    }

    /// What a tool answered: the words of its object, and media beside it.
    fn result(&mut self, inner: Json<'_>, path: &str) -> Result<Body, Fault> {
        let name = self.need(inner, "name", path)?;
        let id = self.maybe(inner, "id", path)?;
        let call_id = self.calls.answer(id, &name);
        let response = get(inner, "response").unwrap_or(Json::NULL);
        let (mut content, failed) = self.words(response);
        if let Some(parts) = get(inner, "parts") {
            content.extend(self.parts(parts, &format!("{path}.parts"))?);
        }
        for member in foreign(inner, &["name", "id", "response", "parts"]).iter() {
            self.losses.push(Loss::dropped(member.1.to_owned(), path));
        }
        Ok(Body::ToolResult(ToolResult { call_id, content, is_error: failed.then_some(true) }))
    }

    /// A result's object: the text or texts that it wraps and whether it is an error, else the object itself.
    fn words(&mut self, response: Json<'_>) -> (Vec<Part>, bool) {
        let mut members = response.members();
        let (only, more) = (members.next(), members.next());
        match (response.kind(), only, more) {
            (Kind::Null, ..) | (Kind::Object, None, _) => (Vec::new(), false),
            (Kind::Object, Some((key, value)), None) if matches!(&*key, "result" | "output" | "error") => {
                let texts: Option<Vec<Part>> = match value.kind() {
                    Kind::String => Some(value.as_str().into_iter().map(Part::text).collect()),
                    Kind::Array => value.items().map(|item| item.as_str().map(Part::text)).collect(),
                    _ => None,
                };
                match texts {
                    Some(texts) => (texts, key == "error"),
                    None => (vec![Part::text(response.raw())], false),
                }
            }
            (Kind::String, ..) => (response.as_str().into_iter().map(Part::text).collect(), false),
            _ => (vec![Part::text(response.raw())], false),
        }
    }
}

/// Base64 in the standard alphabet: Google's SDKs send the one for URLs, which others do not take.
fn standard(data: String) -> String {
    let is_other = data.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='));
    if !data.contains(['-', '_']) || !is_other {
        return data;
    }
    let mut data = data.replace('-', "+").replace('_', "/");
    while !data.len().is_multiple_of(4) {
        data.push('=');
    }
    data
}

/// True for an object that [`Reader`] would take as a wrapping, so that a result of just that form is wrapped.
pub(super) fn is_wrapping(response: Json<'_>) -> bool {
    let mut members = response.members();
    match (members.next(), members.next()) {
        (None, _) => true,
        (Some((key, _)), None) => matches!(&*key, "result" | "output" | "error"),
        _ => false,
    }
}

/// What a part is: the first of its members that says what, and its value.
pub(super) fn said(part: Json<'_>) -> Option<(&'static str, Json<'_>)> {
    let mut unknown = None;
    for (key, value) in part.members() {
        let key = camel(key);
        if BESIDE.contains(&&*key) || value.is_null() {
            continue;
        }
        if let Some(known) = KINDS.iter().find(|kind| **kind == key) {
            return Some((known, value));
        }
        unknown = unknown.or(Some(value));
    }
    unknown.map(|value| (UNKNOWN, value))
}

/// What a part of no known kind is called until its own word is looked up.
const UNKNOWN: &str = "unknown";

/// The word of a part of no known kind.
fn named(part: Json<'_>) -> String {
    let said =
        |(key, value): &(std::borrow::Cow<'_, str>, Json<'_>)| !BESIDE.contains(&&*camel(&**key)) && !value.is_null();
    part.members().find(said).map_or_else(|| UNKNOWN.to_owned(), |(key, _)| key.into_owned())
}

/// Members that say what a part is.
const KINDS: &[&str] = &[
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
];

/// A body with the members that stand beside it.
fn marked(body: Body, part: Json<'_>, known: &[&str]) -> Part {
    Part { body, cache: None, foreign: foreign(part, known) }
}

/// Reasoning of which only the signature is told.
pub(super) fn hidden(proof: Opaque) -> Body {
    Body::Reasoning(Reasoning { text: String::new(), proof: Some(proof), redacted: true })
}

/// A file that Google keeps: of the Files API, or in a bucket.
pub(super) fn is_stored(uri: &str) -> bool {
    !is_web(uri) || uri.contains("://generativelanguage.googleapis.com/")
}

/// What kind of media a type is.
pub(super) fn kind_of(media_type: &str) -> MediaKind {
    match media_type.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::File,
    }
}

/// The media type of an address: by its ending, where that is of the kind; else the commonest of the kind.
pub(super) fn guess(uri: &str, kind: Option<MediaKind>) -> &'static str {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let by_ending = match ending.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "html" => "text/html",
        "md" => "text/markdown",
        "pdf" => "application/pdf",
        _ if uri.contains("youtube.com/") || uri.contains("://youtu.be/") => "video/mp4",
        _ => "application/pdf",
    };
    match kind {
        Some(kind) if kind_of(by_ending) != kind => match kind {
            MediaKind::Image => "image/jpeg",
            MediaKind::Audio => "audio/mpeg",
            MediaKind::Video => "video/mp4",
            MediaKind::File => "application/pdf",
        },
        _ => by_ending,
    }
}

#[cfg(test)]
mod tests;
