//! Parts for a server's messages: what has a place here, and what is lost.

use wire::json::{Json, Writer};

use super::media::{audio_format, data_url};
use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::ir::part::{Body, Media, MediaKind, MediaSource, Part};
use crate::loss::Loss;
use crate::quirk::Quirk;
use crate::target::Target;

/// Where parts are written: the target, and what could not come along.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) to: &'a Target<'a>,
    pub(super) losses: Vec<Loss>,
}

impl Place<'_> {
    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.to.quirks.has(quirk)
    }

    pub(super) fn dropped(&mut self, what: &str, at: &str) {
        self.losses.push(Loss::dropped(what.to_owned(), at));
    }

    /// Members that belong to this dialect go home; all others are lost.
    pub(super) fn foreign(&mut self, foreign: &Foreign, at: &str, json: &mut Writer) {
        for (dialect, key, value) in foreign.iter() {
            if dialect == DialectId::OpenAiChat {
                json.key(key).raw(value);
            } else {
                self.dropped(key, at);
            }
        }
    }

    /// A cache mark, where the server knows them.
    pub(super) fn cache(&mut self, part: &Part, at: &str, json: &mut Writer) {
        if let Some(mark) = &part.cache {
            if self.has(Quirk::CacheControl) {
                json.key("cache_control").raw(mark.as_str());
            } else {
                self.dropped("cache_control", at);
            }
        }
    }

    /// True when a text must be written as a part because more stands on it.
    fn bears(&self, part: &Part) -> bool {
        (part.cache.is_some() && self.has(Quirk::CacheControl))
            || part.foreign.iter().any(|(dialect, ..)| dialect == DialectId::OpenAiChat)
    }

    /// The value of `content`: a string where one text is all, else a list of parts. False where
    /// nothing was left to write; then nothing is written.
    pub(super) fn content(&mut self, parts: &[(String, &Part)], json: &mut Writer) -> bool {
        if let [(at, part)] = parts {
            if let (Body::Text { text, citations }, false) = (&part.body, self.bears(part)) {
                json.key("content").str(text);
                self.on_text(part, citations.is_empty(), at);
                return true;
            }
        }
        let mut pieces = Vec::new();
        for (at, part) in parts {
            let mut piece = Writer::new();
            if self.part(part, at, &mut piece) {
                pieces.push(piece.finish());
            }
        }
        if pieces.is_empty() {
            return false;
        }
        json.key("content").array(|json| {
            for piece in &pieces {
                json.raw(piece);
            }
        });
        true
    }

    /// What stands on a text that is written bare.
    fn on_text(&mut self, part: &Part, uncited: bool, at: &str) {
        if !uncited {
            self.dropped("citations", at);
        }
        let mut none = Writer::new();
        self.cache(part, at, &mut none);
        self.foreign(&part.foreign, at, &mut none);
    }

    /// Writes one part of a list; false where it has no place.
    pub(super) fn part(&mut self, part: &Part, at: &str, json: &mut Writer) -> bool {
        match &part.body {
            Body::Text { text, citations } => {
                json.object(|json| {
                    json.key("type").str("text");
                    json.key("text").str(text);
                    self.cache(part, at, json);
                    self.foreign(&part.foreign, at, json);
                });
                if !citations.is_empty() {
                    self.dropped("citations", at);
                }
                true
            }
            Body::Refusal(text) => {
                json.object(|json| {
                    json.key("type").str("refusal");
                    json.key("refusal").str(text);
                    self.cache(part, at, json);
                    self.foreign(&part.foreign, at, json);
                });
                true
            }
            Body::Media(media) => self.media(part, media, at, json),
            Body::Unknown { dialect: DialectId::OpenAiChat, raw, .. } => {
                json.raw(raw.as_str());
                true
            }
            Body::Unknown { kind, .. } => {
                self.dropped(kind, at);
                false
            }
            Body::Reasoning(_) => {
                self.dropped("reasoning", at);
                false
            }
            Body::ToolCall(_) => {
                self.dropped("tool call", at);
                false
            }
            Body::ToolResult(_) => {
                self.dropped("tool result", at);
                false
            }
        }
    }

    fn media(&mut self, part: &Part, media: &Media, at: &str, json: &mut Writer) -> bool {
        let (kind, inner) = match self.medium(media, at) {
            Ok(written) => written,
            Err(what) => {
                self.dropped(what, at);
                return false;
            }
        };
        json.object(|json| {
            json.key("type").str(kind);
            json.key(kind).raw(&inner);
            self.cache(part, at, json);
            self.foreign(&part.foreign, at, json);
        });
        true
    }

    /// The kind of a medium's part and its inner value; the word of what has no place here.
    fn medium(&mut self, media: &Media, at: &str) -> Result<(&'static str, String), &'static str> {
        let mut json = Writer::new();
        let address = match &media.source {
            MediaSource::Url(url) => Some(url.clone()),
            MediaSource::Base64 { media_type, data } => Some(data_url(media_type, data)),
            MediaSource::FileId { .. } | MediaSource::Text(_) => None,
        };
        if media.name.is_some() && media.kind != MediaKind::File {
            self.dropped("title", at);
        }
        let kind = match (media.kind, &media.source, address) {
            (_, MediaSource::Text(text), _) => {
                self.losses.push(Loss::approximated("document", at));
                let titled = media.name.as_ref().filter(|_| media.kind == MediaKind::File);
                json.str(&titled.map_or_else(|| text.clone(), |name| format!("{name}\n\n{text}")));
                "text"
            }
            (MediaKind::Image, _, Some(url)) => {
                json.object(|json| {
                    json.key("url").str(&url);
                    if let Some(detail) = &media.detail {
                        json.key("detail").str(detail);
                    }
                });
                "image_url"
            }
            (MediaKind::Video, _, Some(url)) if self.to.openrouter => {
                json.object(|json| {
                    json.key("url").str(&url);
                });
                "video_url"
            }
            (MediaKind::Audio, MediaSource::Base64 { media_type, data }, _) => {
                json.object(|json| {
                    json.key("data").str(data);
                    json.key("format").str(audio_format(media_type));
                });
                "input_audio"
            }
            (_, MediaSource::FileId { dialect: DialectId::OpenAiChat, id }, _) => {
                json.object(|json| {
                    json.key("file_id").str(id);
                    if let Some(name) = &media.name {
                        json.key("filename").str(name);
                    }
                });
                "file"
            }
            (MediaKind::File, MediaSource::Base64 { media_type, .. }, Some(url)) => {
                let plain = if media_type == "application/pdf" { "document.pdf" } else { "document" };
                json.object(|json| {
                    // OpenAI refuses a file without a name.
                    json.key("filename").str(media.name.as_deref().unwrap_or(plain));
                    json.key("file_data").str(&url);
                });
                "file"
            }
            (_, MediaSource::FileId { .. }, _) => return Err("file id"),
            (MediaKind::Image, ..) => return Err("image"),
            (MediaKind::Audio, ..) => return Err("audio"),
            (MediaKind::Video, ..) => return Err("video"),
            (MediaKind::File, ..) => return Err("document"),
        };
        if media.detail.is_some() && kind != "image_url" {
            self.dropped("detail", at);
        }
        Ok((kind, json.finish()))
    }
}

/// True for JSON text that is an object.
pub(super) fn is_object(text: &str) -> bool {
    Json::parse(text).is_ok_and(|json| json.kind() == wire::json::Kind::Object)
}
