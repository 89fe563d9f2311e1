//! Content parts of this dialect to parts of the IR, and the small readers that everything here shares.

use std::borrow::Cow;

use wire::json::{Json, Kind};

use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::foreign::{Foreign, Raw};
use crate::ir::part::{Body, Media, MediaKind, MediaSource, Part, Reasoning};
use crate::loss::Loss;
use crate::members::{self, array, join, object, raw};
use crate::packed;

const HERE: DialectId = DialectId::OpenAiChat;

/// Reads values and gathers what was lost.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What the IR has no place for.
    pub(super) losses: Vec<Loss>,
    /// Tool calls of the conversation so far: id and name.
    pub(super) calls: Vec<(String, String)>,
}

impl Reader {
    /// The text of a string.
    pub(super) fn text(&mut self, value: Json<'_>, path: &str) -> Result<String, Fault> {
        members::said(value, path, &mut self.losses)
    }

    /// A string member that must be there.
    pub(super) fn need(&mut self, object: Json<'_>, name: &str, path: &str) -> Result<String, Fault> {
        members::need(object, name, path, &mut self.losses)
    }

    /// A string member that may be absent or `null`.
    pub(super) fn maybe(&mut self, object: Json<'_>, name: &str, path: &str) -> Result<Option<String>, Fault> {
        let value = object.get(name).and_then(Json::non_null);
        value.map(|value| self.text(value, &join(path, name))).transpose()
    }

    /// Names the members beyond those known of an object that the IR does not keep open.
    pub(super) fn only(&mut self, object: Json<'_>, known: &[&str], path: &str) {
        for (_, key, _) in foreign(object, known).iter() {
            self.losses.push(Loss::dropped(key.to_owned(), join(path, key)));
        }
    }

    /// Content: a string, a list of parts, or nothing. An empty string has no part.
    pub(super) fn content(&mut self, value: Json<'_>, path: &str) -> Result<Vec<Part>, Fault> {
        match value.kind() {
            Kind::Null => Ok(Vec::new()),
            Kind::String => {
                let text = self.text(value, path)?;
                Ok(if text.is_empty() { Vec::new() } else { vec![Part::text(text)] })
            }
            Kind::Array => {
                let parts = value.items().enumerate();
                parts.map(|(index, part)| self.part(part, &format!("{path}[{index}]"))).collect()
            }
            _ => Err(Fault::invalid(path, format!("`{path}` must be a string or an array of parts."))),
        }
    }

    /// One part.
    fn part(&mut self, part: Json<'_>, path: &str) -> Result<Part, Fault> {
        object(part, path)?;
        let kind = self.need(part, "type", path)?;
        let mut known = vec!["type", "cache_control", kind.as_str()];
        let body = match kind.as_str() {
            "text" => Body::Text { text: self.need(part, "text", path)?, citations: Vec::new() },
            "refusal" => Body::Refusal(self.need(part, "refusal", path)?),
            "image_url" => self.at_url(MediaKind::Image, part, &kind, path)?,
            "video_url" => self.at_url(MediaKind::Video, part, &kind, path)?,
            "document_url" => {
                known.push("document_name");
                let mut body = self.at_url(MediaKind::File, part, &kind, path)?;
                if let Body::Media(media) = &mut body {
                    media.name = self.maybe(part, "document_name", path)?;
                }
                body
            }
            "input_audio" => self.audio(part, path)?,
            "file" => match self.file(part, path)? {
                Some(body) => body,
                None => return Ok(unknown(&kind, part).into()),
            },
            "thinking" => match self.thinking(part, path)? {
                Some(body) => body,
                None => return Ok(unknown(&kind, part).into()),
            },
            _ => return Ok(unknown(&kind, part).into()),
        };
        Ok(Part { body, cache: mark(part), foreign: foreign(part, &known) })
    }

    /// Media behind an address, which stands by itself or in an object with `detail`.
    fn at_url(&mut self, kind: MediaKind, part: Json<'_>, name: &str, path: &str) -> Result<Body, Fault> {
        let path = join(path, name);
        let value = part.get(name).ok_or_else(|| Fault::invalid(&path, format!("`{path}` is missing.")))?;
        let (source, detail) = match value.kind() {
            Kind::Object => {
                self.only(value, &["url", "detail"], &path);
                let at = join(&path, "url");
                (packed::source(self.need(value, "url", &path)?, &at)?, self.maybe(value, "detail", &path)?)
            }
            _ => (packed::source(self.text(value, &path)?, &path)?, None),
        };
        Ok(Body::Media(Media { kind, source, name: None, detail }))
    }

    fn audio(&mut self, part: Json<'_>, path: &str) -> Result<Body, Fault> {
        let mut path = join(path, "input_audio");
        let audio = part.get("input_audio").unwrap_or(Json::NULL);
        let (data, format) = if audio.kind() == Kind::String {
            // Mistral takes the bytes alone.
            (self.text(audio, &path)?, None)
        } else {
            object(audio, &path)?;
            self.only(audio, &["data", "format"], &path);
            let read = (self.need(audio, "data", &path)?, self.maybe(audio, "format", &path)?);
            path = join(&path, "data");
            read
        };
        let media_type = audio_type(format.as_deref().unwrap_or("wav"));
        let source = bytes(data, &media_type, &path)?;
        Ok(Body::Media(Media { kind: MediaKind::Audio, source, name: None, detail: None }))
    }

    /// A file: its bytes, its id, or nothing that is known.
    fn file(&mut self, part: Json<'_>, path: &str) -> Result<Option<Body>, Fault> {
        let path = join(path, "file");
        let file = part.get("file").unwrap_or(Json::NULL);
        object(file, &path)?;
        let source = match (self.maybe(file, "file_data", &path)?, self.maybe(file, "file_id", &path)?) {
            (Some(data), _) => bytes(data, "application/pdf", &join(&path, "file_data"))?,
            (None, Some(id)) => MediaSource::FileId { dialect: HERE, id },
            (None, None) => return Ok(None),
        };
        self.only(file, &["file_data", "file_id", "filename"], &path);
        let name = self.maybe(file, "filename", &path)?.filter(|name| !NO_FILE_NAMES.contains(&name.as_str()));
        Ok(Some(Body::Media(Media { kind: MediaKind::File, source, name, detail: None })))
    }

    /// What Mistral's models thought; `None` where it is more than text.
    fn thinking(&mut self, part: Json<'_>, path: &str) -> Result<Option<Body>, Fault> {
        let path = join(path, "thinking");
        let thinking = part.get("thinking").unwrap_or(Json::NULL);
        let mut text = String::new();
        if thinking.kind() == Kind::String {
            text = self.text(thinking, &path)?;
        } else {
            for (index, item) in array(thinking, &path)?.enumerate() {
                if !item.get("type").is_some_and(|kind| kind.is("text")) {
                    return Ok(None);
                }
                text.push_str(&self.need(item, "text", &format!("{path}[{index}]"))?);
            }
        }
        Ok(Some(Body::Reasoning(Reasoning { text, proof: None, redacted: false })))
    }
}

/// File names that stand for none, since the dialect wants one beside a file's bytes.
pub(in crate::openai_chat) const NO_FILE_NAMES: [&str; 2] = ["unnamed.pdf", "unnamed"];

/// The media type of an audio format's word.
fn audio_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    }
}

/// Bytes as they stand, else a `data:` URL or, as some servers take, an address.
fn bytes(data: String, media_type: &str, path: &str) -> Result<MediaSource, Fault> {
    if packed::is_data(&data) || data.contains("://") {
        return packed::source(data, path);
    }
    Ok(MediaSource::Base64 { media_type: media_type.to_owned(), data: packed::base64(data, path)? })
}

/// Members beyond those known. No annotations say nothing.
pub(super) fn foreign(object: Json<'_>, known: &[&str]) -> Foreign {
    let nothing = |key: &str, value: Json<'_>| key == "annotations" && value.items().next().is_none();
    members::foreign(HERE, object, |key, value| known.contains(&key) || nothing(key, value))
}

/// A part that only this dialect knows.
pub(super) fn unknown(kind: &str, part: Json<'_>) -> Body {
    Body::Unknown { dialect: HERE, kind: kind.to_owned(), raw: part.raw().into() }
}

/// The cache mark of an object.
pub(super) fn mark(object: Json<'_>) -> Option<Raw> {
    object.get("cache_control").and_then(Json::non_null).map(raw)
}

/// The text of a string where nothing hangs on it.
pub(super) fn word<'a>(object: Json<'a>, name: &str) -> Option<Cow<'a, str>> {
    object.get(name).and_then(Json::as_str)
}
