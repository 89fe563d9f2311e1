//! Media at addresses in this dialect's requests, and the bytes that take their place.

use wire::json::{Document, Edit, Json, Kind, Writer};

use super::write::audio_format;
use crate::ir::part::MediaKind;
use crate::quirk::Quirk;
use crate::remote::{Found, Remote, Takes, Walk, data_url, string, takes as takes_of};
use crate::target::Target;

/// How a target of this dialect takes media. Servers fetch pictures and films; a file or a sound is bytes.
pub(super) fn takes(kind: MediaKind, url: &str, to: &Target<'_>) -> Takes {
    let all = [MediaKind::Image, MediaKind::Video, MediaKind::File, MediaKind::Audio];
    let fetched: &[MediaKind] =
        if to.quirks.has(Quirk::NoMediaUrls) { &[] } else { &[MediaKind::Image, MediaKind::Video] };
    takes_of(kind, url, fetched, &all)
}

/// The media at addresses.
pub(super) fn remote(body: &Document) -> Vec<Remote> {
    let mut found = Vec::new();
    if let Some(messages) = body.get("messages") {
        let mut walk = Walk { inside: |key| key == "content", look, found: &mut found };
        walk.value(messages, &mut vec!["messages".into()]);
    }
    found
}

fn look(part: Json<'_>) -> Option<Found> {
    let kind = part.get("type")?.as_str()?;
    let (kind, name) = match &*kind {
        "image_url" => (MediaKind::Image, "image_url"),
        "video_url" => (MediaKind::Video, "video_url"),
        "document_url" => (MediaKind::File, "document_url"),
        // Some take an address in the place of a file's bytes or of a sound's.
        "file" => {
            let (steps, url) = string(part, &["file", "file_data"])?;
            return url.contains("://").then_some((MediaKind::File, steps, url));
        }
        "input_audio" => {
            let (steps, url) = string(part, &["input_audio", "data"])?;
            return url.contains("://").then_some((MediaKind::Audio, steps, url));
        }
        _ => return None,
    };
    let (steps, url) = match part.get(name)?.kind() {
        Kind::String => string(part, &[name])?,
        _ => string(part, &[name, "url"])?,
    };
    Some((kind, steps, url))
}

/// The edits that put bytes in the place of an address.
pub(super) fn inline(remote: &Remote, media_type: &str, data: &str) -> Vec<Edit<'static>> {
    if remote.kind != MediaKind::Audio {
        return vec![Edit::set_at(remote.steps.clone(), data_url(media_type, data))];
    }
    let text = |text: &str| {
        let mut json = Writer::new();
        json.str(text);
        json.finish()
    };
    vec![
        Edit::set_at(remote.steps.clone(), text(data)),
        Edit::set_at(remote.beside("format"), text(audio_format(media_type).0)),
    ]
}
