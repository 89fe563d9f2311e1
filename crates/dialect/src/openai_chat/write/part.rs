//! Parts of content: text, media, refusals, and what only this dialect knows.

use wire::json::{Writer, quote};

use super::body::Body;
use crate::id::DialectId;
use crate::ir::part::{self, Media, MediaKind, MediaSource, Part};
use crate::loss::Loss;
use crate::members::written;
use crate::openai_chat::read::NO_FILE_NAMES;
use crate::quirk::{Quirk, Quirks};

const HERE: DialectId = DialectId::OpenAiChat;

/// One part of content, written.
#[derive(Debug)]
pub(super) enum Piece {
    /// A text and nothing else, as a JSON string.
    Text(String),
    /// Any other, as a JSON object.
    Object(String),
}

impl Piece {
    /// Writes the part as an item of a list.
    pub(super) fn item(&self, json: &mut Writer) {
        match self {
            Piece::Text(text) => _ = json.object(|json| _ = json.lit("\"type\":\"text\",\"text\":").raw(text)),
            Piece::Object(object) => _ = json.raw(object),
        }
    }
}

/// A part where this dialect has a word for it: text, media, and its own kinds.
pub(super) fn write(part: &Part, assistant: bool, quirks: Quirks, body: &mut Body, at: &str) -> Option<Piece> {
    match &part.body {
        part::Body::Text { text, citations } => {
            if !citations.is_empty() {
                body.lose(Loss::dropped("citations", at));
            }
            text_part(part, text, quirks, body, at)
        }
        part::Body::Refusal(text) if assistant => {
            let more = more(part, quirks, body, at);
            Some(piece(&more, |json| {
                json.key("type").str("refusal");
                json.key("refusal").str(text);
            }))
        }
        part::Body::Refusal(text) => {
            body.lose(Loss::approximated("refusal", at));
            text_part(part, text, quirks, body, at)
        }
        part::Body::Media(media) if !assistant => media_part(part, media, quirks, body, at),
        part::Body::Unknown { dialect: HERE, raw, .. } => Some(Piece::Object(raw.as_str().to_owned())),
        _ => {
            gone(part, part.body.word(), body, at);
            None
        }
    }
}

/// A text; an empty one without members says nothing.
fn text_part(part: &Part, text: &str, quirks: Quirks, body: &mut Body, at: &str) -> Option<Piece> {
    let more = more(part, quirks, body, at);
    if more.is_empty() && text.is_empty() {
        return None;
    }
    if more.is_empty() {
        let mut quoted = String::new();
        quote(text, &mut quoted);
        return Some(Piece::Text(quoted));
    }
    Some(piece(&more, |json| {
        json.key("type").str("text");
        json.key("text").str(text);
    }))
}

/// Names a part that cannot come along, and all that hangs on it.
pub(super) fn gone(part: &Part, what: impl Into<String>, body: &mut Body, at: &str) {
    body.lose(Loss::dropped(what.into(), at));
    hanging(part, body, at);
}

/// Names what hangs on a part and cannot come along.
pub(super) fn hanging(part: &Part, body: &mut Body, at: &str) {
    if part.cache.is_some() {
        body.lose(Loss::dropped("cache_control", at));
    }
    for (_, key, _) in part.foreign.iter() {
        body.lose(Loss::dropped(key.to_owned(), at));
    }
}

/// Cache mark and own members of a part.
pub(super) fn more(part: &Part, quirks: Quirks, body: &mut Body, at: &str) -> Vec<(String, String)> {
    let mut more = Vec::new();
    match &part.cache {
        Some(mark) if quirks.has(Quirk::CacheControl) => {
            more.push(("cache_control".to_owned(), mark.as_str().to_owned()));
        }
        Some(_) => body.lose(Loss::dropped("cache_control", at)),
        None => {}
    }
    more.extend(body.own(&part.foreign, at));
    more
}

/// An object of members and what stands behind them.
pub(super) fn piece(more: &[(String, String)], members: impl FnOnce(&mut Writer)) -> Piece {
    Piece::Object(written(more, members))
}

fn media_part(part: &Part, media: &Media, quirks: Quirks, body: &mut Body, at: &str) -> Option<Piece> {
    if let MediaSource::Text(text) = &media.source {
        body.lose(Loss::approximated(media.kind.word(), at));
        return text_part(part, text, quirks, body, at);
    }
    let address = match &media.source {
        MediaSource::Url(url) => Some(url.clone()),
        MediaSource::Base64 { media_type, data } => Some(format!("data:{media_type};base64,{data}")),
        MediaSource::FileId { .. } | MediaSource::Text(_) => None,
    };
    let written = match (media.kind, &media.source, address) {
        (MediaKind::Image, _, Some(url)) => object("image_url", |json| {
            json.key("url").str(&url);
            if let Some(detail) = &media.detail {
                json.key("detail").str(detail);
            }
        }),
        (MediaKind::Video, _, Some(url)) => object("video_url", |json| _ = json.key("url").str(&url)),
        (MediaKind::Audio, MediaSource::Base64 { media_type, data }, _) => {
            let (format, exact) = audio_format(media_type);
            if !exact {
                body.lose(Loss::approximated("audio", at));
            }
            object("input_audio", |json| {
                json.key("data").str(data);
                json.key("format").str(format);
            })
        }
        (MediaKind::File, MediaSource::Base64 { media_type, .. }, Some(url)) => object("file", |json| {
            let [pdf, other] = NO_FILE_NAMES;
            let unnamed = if media_type == "application/pdf" { pdf } else { other };
            json.key("filename").str(media.name.as_deref().unwrap_or(unnamed));
            json.key("file_data").str(&url);
        }),
        (MediaKind::File, MediaSource::FileId { dialect: HERE, id }, _) => object("file", |json| {
            json.key("file_id").str(id);
            if let Some(name) = &media.name {
                json.key("filename").str(name);
            }
        }),
        (kind, source, _) => {
            let what = match source {
                MediaSource::Url(_) => format!("{} url", kind.word()),
                _ => kind.word().to_owned(),
            };
            gone(part, what, body, at);
            return None;
        }
    };
    if media.kind != MediaKind::File && media.name.is_some() {
        body.lose(Loss::dropped("filename", at));
    }
    if media.kind != MediaKind::Image && media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        body.lose(Loss::dropped("detail", at));
    }
    let more = more(part, quirks, body, at);
    Some(piece(&more, |json| {
        json.key("type").str(written.0);
        json.key(written.0).raw(&written.1);
    }))
}

/// The object that a kind of part keeps under its own name.
fn object(kind: &'static str, members: impl FnOnce(&mut Writer)) -> (&'static str, String) {
    let mut json = Writer::new();
    json.object(members);
    (kind, json.finish())
}

/// The word of an audio type, and whether it reads back as the same.
pub(in crate::openai_chat) fn audio_format(media_type: &str) -> (&str, bool) {
    match media_type {
        "audio/mpeg" => ("mp3", true),
        "audio/mp3" => ("mp3", false),
        "audio/x-wav" => ("wav", false),
        other => other.strip_prefix("audio/").map_or((other, false), |format| (format, true)),
    }
}
