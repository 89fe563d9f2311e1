//! Media by address, by `data:` address and by format word.

use crate::ir::part::MediaSource;

/// The source that an address names: the bytes themselves where it is a `data:` address in base64.
pub(super) fn of_url(url: &str) -> MediaSource {
    let inside = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match inside {
        Some((media_type, data)) => MediaSource::Base64 { media_type: media_type.to_owned(), data: data.to_owned() },
        None => MediaSource::Url(url.to_owned()),
    }
}

/// The address of bytes in base64.
pub(super) fn data_url(media_type: &str, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}

/// The media type of OpenAI's word for a format of sound.
pub(super) fn audio_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    }
}

/// OpenAI's word for a media type of sound.
pub(super) fn audio_format(media_type: &str) -> &str {
    match media_type {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/x-wav" | "audio/wave" => "wav",
        other => other.strip_prefix("audio/").unwrap_or("wav"),
    }
}
