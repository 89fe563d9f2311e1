//! Media of answers: images by address or bytes, sound by how its base64 begins.

use crate::ir::part::{Body, Media, MediaKind, MediaSource, Part};

/// An image as a part.
pub(super) fn image_part(source: MediaSource) -> Part {
    Body::Media(Media { kind: MediaKind::Image, source, name: None, detail: None }).into()
}

/// The bytes of a `data:` address, or the address.
pub(super) fn source(url: &str) -> MediaSource {
    match url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((media_type, data)) => MediaSource::Base64 { media_type: media_type.to_owned(), data: data.to_owned() },
        None => MediaSource::Url(url.to_owned()),
    }
}

/// The media type of sound, by how its base64 begins: the answer itself does not say. Streams are raw PCM.
pub(super) fn sound(data: &str) -> &'static str {
    let kinds = [
        ("SUQz", "audio/mpeg"),
        ("//", "audio/mpeg"),
        ("UklG", "audio/wav"),
        ("T2dn", "audio/ogg"),
        ("ZkxhQ", "audio/flac"),
    ];
    kinds.into_iter().find(|(begin, _)| data.starts_with(begin)).map_or("audio/pcm", |(_, kind)| kind)
}
