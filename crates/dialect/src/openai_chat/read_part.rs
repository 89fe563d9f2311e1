//! Parts of a client's messages: text, media, refusals, reasoning; unknown ones as they came.

use std::borrow::Cow;

use wire::json::{Json, Kind};

use super::media;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::ir::part::{Body, Media, MediaKind, MediaSource, Part, Reasoning};
use crate::loss::Loss;

/// Losses met while reading.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) losses: Vec<Loss>,
}

impl Notes {
    /// The text of a string; a lone surrogate in it is a loss.
    ///
    /// # Errors
    /// Anything but a string.
    pub(super) fn text(&mut self, value: Json<'_>, path: &str) -> Result<String, Fault> {
        let Some(text) = value.text() else {
            return Err(Fault::invalid(path, format!("`{path}` must be a string.")));
        };
        if text.replaced > 0 {
            self.losses.push(Loss::approximated("lone surrogate", path));
        }
        Ok(text.text.into_owned())
    }

    /// Members of an inner object that the IR has no place for.
    fn unknown(&mut self, object: Json<'_>, known: &[&str], name: &str, path: &str) {
        for (key, value) in object.members() {
            if !value.is_null() && !known.contains(&&*key) {
                self.losses.push(Loss::dropped(format!("{name}.{key}"), path));
            }
        }
    }
}

/// Reads `content`: a string, a list of parts, or nothing.
///
/// # Errors
/// Another type, or a part that is not an object with a type.
pub(super) fn content(value: Option<Json<'_>>, path: &str, notes: &mut Notes) -> Result<Vec<Part>, Fault> {
    let Some(value) = value.and_then(Json::non_null) else { return Ok(Vec::new()) };
    match value.kind() {
        Kind::String => {
            let text = notes.text(value, path)?;
            Ok(if text.is_empty() { Vec::new() } else { vec![Part::text(text)] })
        }
        Kind::Array => {
            let mut parts = Vec::new();
            for (index, item) in value.items().enumerate() {
                parts.push(part(item, &format!("{path}[{index}]"), notes)?);
            }
            Ok(parts)
        }
        _ => Err(Fault::invalid(path, format!("`{path}` must be a string or an array of parts."))),
    }
}

/// Reads one part.
fn part(item: Json<'_>, path: &str, notes: &mut Notes) -> Result<Part, Fault> {
    if item.kind() == Kind::String {
        return notes.text(item, path).map(Part::text);
    }
    let Some(kind) = item.get("type").and_then(Json::as_str) else {
        return Err(Fault::invalid(path, format!("`{path}` must be an object with a `type`.")));
    };
    let own = |name: &str| item.get(name).and_then(Json::non_null);
    let inner = own(&kind).unwrap_or(Json::NULL);
    let need = |found: Option<Body>| {
        let at = format!("{path}.{kind}");
        found.ok_or_else(|| Fault::invalid(at.clone(), format!("`{at}` is missing or of a wrong type.")))
    };
    let body = match &*kind {
        "text" | "input_text" | "output_text" => {
            let text = own("text").unwrap_or(Json::NULL);
            Body::Text { text: notes.text(text, &format!("{path}.text"))?, citations: Vec::new() }
        }
        "refusal" => Body::Refusal(notes.text(inner, &format!("{path}.refusal"))?),
        "image_url" => need(url_media(MediaKind::Image, inner, &kind, path, notes))?,
        "video_url" => need(url_media(MediaKind::Video, inner, &kind, path, notes))?,
        "input_audio" => need(audio(inner, path, notes))?,
        "file" => need(file(inner, path, notes))?,
        "thinking" => Body::Reasoning(Reasoning { text: thinking(inner), proof: None, redacted: false }),
        _ => {
            let raw = item.raw().into();
            return Ok(Body::Unknown { dialect: DialectId::OpenAiChat, kind: kind.into_owned(), raw }.into());
        }
    };
    let content = if kind.ends_with("text") { "text" } else { &*kind };
    let mut part = Part::from(body);
    part.cache = own("cache_control").map(|mark| mark.raw().into());
    part.foreign = foreign(item, &["type", content, "cache_control"]);
    Ok(part)
}

/// Members beyond those known; `null` says nothing.
pub(super) fn foreign(object: Json<'_>, known: &[&str]) -> Foreign {
    let mut foreign = Foreign::default();
    for (key, value) in object.members() {
        if !value.is_null() && !known.contains(&&*key) {
            foreign.push(DialectId::OpenAiChat, &key, value.raw());
        }
    }
    foreign
}

/// An image or a film by address; some servers take the bare address.
fn url_media(kind: MediaKind, inner: Json<'_>, name: &str, path: &str, notes: &mut Notes) -> Option<Body> {
    let url = inner.as_str().or_else(|| inner.get("url").and_then(Json::as_str))?;
    let detail = inner.get("detail").and_then(Json::as_str).map(Cow::into_owned);
    notes.unknown(inner, &["url", "detail"], name, path);
    Some(Body::Media(Media { kind, source: media::of_url(&url), name: None, detail }))
}

fn audio(inner: Json<'_>, path: &str, notes: &mut Notes) -> Option<Body> {
    let data = inner.get("data").and_then(Json::as_str)?.into_owned();
    let format = inner.get("format").and_then(Json::as_str);
    let media_type = media::audio_type(format.as_deref().unwrap_or("wav"));
    notes.unknown(inner, &["data", "format"], "input_audio", path);
    let source = MediaSource::Base64 { media_type, data };
    Some(Body::Media(Media { kind: MediaKind::Audio, source, name: None, detail: None }))
}

fn file(inner: Json<'_>, path: &str, notes: &mut Notes) -> Option<Body> {
    let text = |name: &str| inner.get(name).and_then(Json::as_str).map(Cow::into_owned);
    let source = match (text("file_data"), text("file_id")) {
        (Some(data), _) => match media::of_url(&data) {
            // Bare base64, without the words of a `data:` address.
            MediaSource::Url(data) if !data.starts_with("http") => {
                MediaSource::Base64 { media_type: "application/pdf".to_owned(), data }
            }
            source => source,
        },
        (None, Some(id)) => MediaSource::FileId { dialect: DialectId::OpenAiChat, id },
        (None, None) => MediaSource::Url(text("file_url")?),
    };
    notes.unknown(inner, &["file_data", "file_id", "file_url", "filename"], "file", path);
    Some(Body::Media(Media { kind: MediaKind::File, source, name: text("filename"), detail: None }))
}

/// The text of Mistral's `thinking`: a string or a list of texts.
fn thinking(value: Json<'_>) -> String {
    let own = value.as_str().map(Cow::into_owned).unwrap_or_default();
    value.items().filter_map(|item| item.get("text")).filter_map(Json::as_str).fold(own, |all, text| all + &*text)
}
