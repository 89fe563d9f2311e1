//! What bytes are, by what they begin with. A header may lie; it only chooses between names of the same bytes.

use dialect::ir::part::MediaKind;

/// Signatures at the start of a file: where they stand, the bytes, the media type.
const SIGNATURES: [(usize, &[u8], &str); 25] = [
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (8, b"AIFF", "audio/aiff"),
    (8, b"AIFC", "audio/aiff"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypavis", "image/avif"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftyphev", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp3gp", "video/3gpp"),
    (4, b"ftyp", "video/mp4"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
];

/// Media types that are archives within, which only a header tells apart.
const ARCHIVES: [&str; 3] =
    ["application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.", "application/epub+zip"];

/// The media type of bytes, as a header says it where the bytes allow that; `None` where nobody knows.
#[must_use]
pub fn sniff(bytes: &[u8], said: Option<&str>) -> Option<String> {
    let said = said.and_then(|said| said.split(';').next()).map(|said| said.trim().to_ascii_lowercase());
    let said = said.as_deref().filter(|said| said.len() < 128);
    let at = |(from, signature, _): &(usize, &[u8], &str)| {
        let framed = *from != 8 || bytes.starts_with(b"RIFF") || bytes.starts_with(b"FORM");
        framed && bytes.get(*from..).is_some_and(|rest| rest.starts_with(signature))
    };
    if let Some((_, _, found)) = SIGNATURES.iter().find(|signature| at(signature)) {
        // Sounds and films share containers.
        let twin = match *found {
            "audio/ogg" => "video/ogg",
            "video/webm" => "audio/webm",
            "video/mp4" => "audio/mp4",
            _ => *found,
        };
        return Some(if said == Some(twin) { twin } else { found }.to_owned());
    }
    match bytes {
        [b'P', b'K', 3, 4, ..] => {
            return said.filter(|said| ARCHIVES.iter().any(|kind| said.starts_with(kind))).map(str::to_owned);
        }
        [0xff, second, ..] if second & 0xf6 == 0xf0 => return Some("audio/aac".to_owned()),
        [0xff, second, ..] if second & 0xe0 == 0xe0 && second & 0x06 != 0 => return Some("audio/mpeg".to_owned()),
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => return Some("image/bmp".to_owned()),
        _ => {}
    }
    text(bytes, said)
}

/// The type of a text.
fn text(bytes: &[u8], said: Option<&str>) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let odd = |char: char| char.is_control() && !matches!(char, '\n' | '\r' | '\t' | '\x0c' | '\u{feff}');
    if text.is_empty() || text.contains(odd) {
        return None;
    }
    let start: String = text.trim_start_matches('\u{feff}').trim_start().chars().take(256).collect();
    let start = start.to_ascii_lowercase();
    let by_start = match () {
        () if start.starts_with("<!doctype html") || start.starts_with("<html") => Some("text/html"),
        () if start.starts_with("<svg") || (start.starts_with("<?xml") && text.contains("<svg")) => {
            Some("image/svg+xml")
        }
        () => None,
    };
    let told = said.filter(|said| {
        said.starts_with("text/") || matches!(*said, "application/json" | "application/xml" | "application/x-ndjson")
    });
    Some(by_start.or(told).unwrap_or("text/plain").to_owned())
}

/// Whether media of a type are of the kind that was asked for.
#[must_use]
pub fn fits(kind: MediaKind, media_type: &str) -> bool {
    match kind {
        MediaKind::Image => media_type.starts_with("image/"),
        MediaKind::Audio => media_type.starts_with("audio/"),
        MediaKind::Video => media_type.starts_with("video/"),
        MediaKind::File => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tell_their_type() {
        for (bytes, said, expected) in [
            (&b"\x89PNG\r\n\x1a\nrest"[..], Some("text/html"), Some("image/png")),
            (b"\xff\xd8\xff\xe0", None, Some("image/jpeg")),
            (b"GIF89a", None, Some("image/gif")),
            (b"RIFF\0\0\0\0WEBPVP8 ", None, Some("image/webp")),
            (b"RIFF\0\0\0\0WAVEfmt ", Some("audio/x-wav"), Some("audio/wav")),
            (b"XXXX\0\0\0\0WEBP", None, None),
            (b"\0\0\0\x1cftypavif", None, Some("image/avif")),
            (b"\0\0\0\x1cftypisom", None, Some("video/mp4")),
            (b"\0\0\0\x1cftypisom", Some("audio/mp4"), Some("audio/mp4")),
            (b"%PDF-1.7", Some("image/png"), Some("application/pdf")),
            (b"ID3\x04", None, Some("audio/mpeg")),
            (b"\xff\xfb\x90", None, Some("audio/mpeg")),
            (b"\xff\xf1\x50", None, Some("audio/aac")),
            (b"OggS", Some("video/ogg"), Some("video/ogg")),
            (b"PK\x03\x04", Some("application/zip"), None),
            (
                b"PK\x03\x04",
                Some("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
                Some("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            ),
            (b"a,b\n1,2\n", Some("text/csv; charset=utf-8"), Some("text/csv")),
            (b"a,b\n1,2\n", Some("image/png"), Some("text/plain")),
            (b"{}", Some("application/json"), Some("application/json")),
            (b" <!DOCTYPE html><p>", Some("image/png"), Some("text/html")),
            (b"<svg xmlns=\"\">", Some("text/plain"), Some("image/svg+xml")),
            (b"\x7fELF\x02\x01", None, None),
            (b"\xff", None, None),
            (b"text\0", None, None),
            (b"", None, None),
        ] {
            assert_eq!(sniff(bytes, said).as_deref(), expected, "{bytes:?} {said:?}");
        }
        assert!(fits(MediaKind::Image, "image/png") && !fits(MediaKind::Image, "text/html"));
        assert!(fits(MediaKind::File, "text/csv") && !fits(MediaKind::Audio, "video/mp4"));
    }
}
