//! Images, documents, sounds and films: Converse's formats and sources, and the media types of the others.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wire::json::{Json, Writer};

use crate::id::DialectId;
use crate::ir::part::{Media, MediaKind, MediaSource};

const HERE: DialectId = DialectId::BedrockConverse;

/// Formats by kind, with the media type of each. The first of a media type is the one written for it, the first of a
/// format the one read. Source: AWS, "ImageBlock", "DocumentBlock", "AudioBlock", "VideoBlock".
const FORMATS: &[(MediaKind, &str, &str)] = &[
    (MediaKind::Image, "png", "image/png"),
    (MediaKind::Image, "jpeg", "image/jpeg"),
    (MediaKind::Image, "jpeg", "image/jpg"),
    (MediaKind::Image, "gif", "image/gif"),
    (MediaKind::Image, "webp", "image/webp"),
    (MediaKind::File, "pdf", "application/pdf"),
    (MediaKind::File, "txt", "text/plain"),
    (MediaKind::File, "md", "text/markdown"),
    (MediaKind::File, "csv", "text/csv"),
    (MediaKind::File, "html", "text/html"),
    (MediaKind::File, "doc", "application/msword"),
    (MediaKind::File, "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (MediaKind::File, "xls", "application/vnd.ms-excel"),
    (MediaKind::File, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (MediaKind::Audio, "mp3", "audio/mpeg"),
    (MediaKind::Audio, "mp3", "audio/mp3"),
    (MediaKind::Audio, "wav", "audio/wav"),
    (MediaKind::Audio, "wav", "audio/x-wav"),
    (MediaKind::Audio, "opus", "audio/opus"),
    (MediaKind::Audio, "aac", "audio/aac"),
    (MediaKind::Audio, "flac", "audio/flac"),
    (MediaKind::Audio, "ogg", "audio/ogg"),
    (MediaKind::Audio, "webm", "audio/webm"),
    (MediaKind::Audio, "m4a", "audio/mp4"),
    (MediaKind::Video, "mp4", "video/mp4"),
    (MediaKind::Video, "mov", "video/quicktime"),
    (MediaKind::Video, "mkv", "video/x-matroska"),
    (MediaKind::Video, "webm", "video/webm"),
    (MediaKind::Video, "flv", "video/x-flv"),
    (MediaKind::Video, "mpeg", "video/mpeg"),
    (MediaKind::Video, "wmv", "video/x-ms-wmv"),
    (MediaKind::Video, "three_gp", "video/3gpp"),
];

/// The member that holds media of a kind.
pub(super) const fn member(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::File => "document",
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

/// The kind of media that a member holds.
pub(super) fn kind(member: &str) -> Option<MediaKind> {
    Some(match member {
        "image" => MediaKind::Image,
        "document" => MediaKind::File,
        "audio" => MediaKind::Audio,
        "video" => MediaKind::Video,
        _ => return None,
    })
}

/// The media of a block's member; `None` for a format or a source that no other dialect has.
pub(super) fn read(kind: MediaKind, block: Json<'_>) -> Option<Media> {
    let format = block.get("format").and_then(Json::as_str)?;
    let media_type = FORMATS.iter().find(|row| row.0 == kind && row.1 == format)?.2;
    let source = block.get("source")?;
    let mut members = source.members().filter(|(_, value)| !value.is_null());
    let ((place, value), None) = (members.next()?, members.next()) else { return None };
    let source = match &*place {
        "bytes" => bytes(kind, media_type, value.as_str()?),
        "text" if kind == MediaKind::File && format == "txt" => MediaSource::Text(value.as_str()?.into_owned()),
        "s3Location" => {
            let mut members = value.members();
            let (("uri", uri), None) = (members.next().as_ref().map(|(key, value)| (&**key, *value))?, members.next())
            else {
                return None;
            };
            let id = uri.as_str()?.into_owned();
            // The place alone must tell the format again.
            if guess(kind, &id) != format {
                return None;
            }
            MediaSource::FileId { dialect: HERE, id }
        }
        _ => return None,
    };
    let name = block.get("name").and_then(Json::as_str).filter(|name| !is_made_up(name)).map(Cow::into_owned);
    Some(Media { kind, source, name: name.filter(|_| kind == MediaKind::File), detail: None })
}

/// Bytes as they came; a plain text as that.
fn bytes(kind: MediaKind, media_type: &str, data: Cow<'_, str>) -> MediaSource {
    if kind == MediaKind::File
        && media_type == "text/plain"
        && let Some(text) = STANDARD.decode(data.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok())
    {
        return MediaSource::Text(text);
    }
    MediaSource::Base64 { media_type: media_type.to_owned(), data: data.into_owned() }
}

/// Media as Converse takes them.
#[derive(Debug)]
pub(super) struct Shaped {
    /// The kind it goes as.
    pub(super) kind: MediaKind,
    format: &'static str,
    source: Placed,
    /// It goes as exactly what it is.
    pub(super) exact: bool,
}

#[derive(Debug)]
enum Placed {
    Bytes(String),
    Stored(String),
}

/// Media in a form that Converse takes; `None` for those it has no form for, and for addresses, which it does not
/// fetch, other than of S3.
pub(super) fn shape(media: &Media) -> Option<Shaped> {
    let stored = |uri: &str| Shaped {
        kind: media.kind,
        format: guess(media.kind, uri),
        source: Placed::Stored(uri.to_owned()),
        exact: true,
    };
    match &media.source {
        MediaSource::FileId { dialect: HERE, id } => Some(stored(id)),
        MediaSource::FileId { .. } => None,
        MediaSource::Url(url) => url.starts_with("s3://").then(|| stored(url)),
        MediaSource::Text(text) => (media.kind == MediaKind::File).then(|| Shaped {
            kind: media.kind,
            format: "txt",
            source: Placed::Bytes(STANDARD.encode(text)),
            exact: true,
        }),
        MediaSource::Base64 { media_type, data } => {
            let bare = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let kind = if bare.starts_with("image/") { MediaKind::Image } else { media.kind };
            let row = FORMATS.iter().find(|row| row.0 == kind && row.2 == bare)?;
            let read = FORMATS.iter().find(|first| first.0 == kind && first.1 == row.1)?;
            let exact = kind == media.kind && read.2 == *media_type;
            Some(Shaped { kind, format: row.1, source: Placed::Bytes(data.clone()), exact })
        }
    }
}

impl Shaped {
    /// Writes format and source.
    pub(super) fn write(&self, json: &mut Writer) {
        json.key("format").str(self.format);
        json.key("source").object(|json| match &self.source {
            Placed::Bytes(data) => _ = json.key("bytes").str(data),
            Placed::Stored(uri) => {
                json.key("s3Location").object(|json| _ = json.key("uri").str(uri));
            }
        });
    }
}

/// The format that the ending of a place tells, else the most usual of its kind.
fn guess(kind: MediaKind, uri: &str) -> &'static str {
    let ending = uri.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
    let ending = match ending.unwrap_or_default().to_ascii_lowercase() {
        ending if ending == "jpg" => "jpeg".to_owned(),
        ending if ending == "3gp" => "three_gp".to_owned(),
        ending => ending,
    };
    let mut own = FORMATS.iter().filter(|row| row.0 == kind);
    let usual = own.clone().next().map_or("txt", |row| row.1);
    own.find(|row| row.1 == ending).map_or(usual, |row| row.1)
}

/// What a document without a name is called: Converse wants one of each.
pub(super) fn made_up(number: usize) -> String {
    format!("unnamed-{number}")
}

fn is_made_up(name: &str) -> bool {
    name.strip_prefix("unnamed-").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A name as Converse takes it: letters, digits, single spaces, hyphens, parentheses, brackets; and whether it is
/// that already.
pub(super) fn named(name: &str) -> (String, bool) {
    let good = |char: char| char.is_ascii_alphanumeric() || matches!(char, ' ' | '-' | '(' | ')' | '[' | ']');
    let mut out = String::with_capacity(name.len());
    for char in name.trim().chars().take(200).map(|char| if good(char) { char } else { '-' }) {
        if char != ' ' || !out.ends_with(' ') {
            out.push(char);
        }
    }
    if out.is_empty() {
        out.push('-');
    }
    let same = out == name && !is_made_up(name);
    (out, same)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    fn check(member: &str, block: &str, expected: Option<MediaSource>) {
        let media = read(kind(member).unwrap(), Json::parse(block).unwrap());
        assert_eq!(media.as_ref().map(|media| media.source.clone()), expected, "{block}");
        if let Some(media) = media {
            let mut json = Writer::new();
            json.object(|json| shape(&media).unwrap().write(json));
            let (written, own) = (json.finish(), Json::parse(block).unwrap());
            let written = Json::parse(&written).unwrap();
            assert_eq!(written.get("format").map(Json::raw), own.get("format").map(Json::raw));
            if own.at(&["source", "text"]).is_none() {
                assert_eq!(written.get("source").map(Json::raw), own.get("source").map(Json::raw));
            }
        }
    }

    #[test]
    fn media_come_back() {
        let base64 =
            |media_type: &str, data: &str| MediaSource::Base64 { media_type: media_type.into(), data: data.into() };
        let stored = |id: &str| MediaSource::FileId { dialect: HERE, id: id.to_owned() };
        check("image", r#"{"format":"jpeg","source":{"bytes":"AA=="}}"#, Some(base64("image/jpeg", "AA==")));
        check("document", r#"{"format":"txt","source":{"bytes":"SGk="}}"#, Some(MediaSource::Text("Hi".to_owned())));
        check("document", r#"{"format":"txt","source":{"text":"Hi"}}"#, Some(MediaSource::Text("Hi".to_owned())));
        check("video", r#"{"format":"mp4","source":{"s3Location":{"uri":"s3://b/v"}}}"#, Some(stored("s3://b/v")));
        check(
            "image",
            r#"{"format":"jpeg","source":{"s3Location":{"uri":"s3://b/x.JPG"}}}"#,
            Some(stored("s3://b/x.JPG")),
        );
        check("image", r#"{"format":"gif","source":{"s3Location":{"uri":"s3://b/x"}}}"#, None);
        check("image", r#"{"format":"png","source":{"s3Location":{"uri":"s3://b/x","bucketOwner":"1"}}}"#, None);
        check("image", r#"{"format":"bmp","source":{"bytes":""}}"#, None);
        check("document", r#"{"format":"txt","source":{"content":[{"text":"a"}]}}"#, None);
    }

    #[test]
    fn names_are_as_they_must_be() {
        for (name, expected, same) in [
            ("a report (2)", "a report (2)", true),
            ("a_report.pdf", "a-report-pdf", false),
            ("a  b", "a b", false),
            ("", "-", false),
            ("unnamed-1", "unnamed-1", false),
        ] {
            assert_eq!(named(name), (expected.to_owned(), same));
        }
    }
}
