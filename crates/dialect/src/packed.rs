//! Bytes inside a request: base64 and `data:` URLs, checked and brought into the one form that providers take.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fault::Fault;
use crate::ir::part::MediaSource;

/// Base64 in the standard alphabet, padded, without white space. The alphabet for URLs, line breaks and missing
/// padding mean the same bytes and are put right, since not every provider does so.
///
/// # Errors
/// `invalid_request` at the path where it is no base64.
pub(crate) fn base64(data: String, path: &str) -> Result<String, Fault> {
    let mut kept = data.trim_end_matches('=').len();
    let standard = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    if data.len() - kept <= 2 && data.len().is_multiple_of(4) && data.as_bytes().iter().take(kept).all(|b| standard(*b))
    {
        return Ok(data);
    }
    let mut clean = String::with_capacity(data.len() + 3);
    clean.extend(data.chars().filter(|char| !char.is_ascii_whitespace()).map(|char| match char {
        '-' => '+',
        '_' => '/',
        char => char,
    }));
    kept = clean.trim_end_matches('=').len();
    let padding = clean.len() - kept;
    clean.truncate(kept);
    if padding > 2 || kept % 4 == 1 || !clean.bytes().all(standard) {
        let message = format!("`{path}` is not base64. Encode the whole file, and cut nothing off.");
        return Err(Fault::invalid(path, message));
    }
    while !clean.len().is_multiple_of(4) {
        clean.push('=');
    }
    Ok(clean)
}

/// True for a URL that holds its bytes itself.
pub(crate) fn is_data(url: &str) -> bool {
    url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// The bytes of a `data:` URL (RFC 2397), in whichever of its two codings; any other URL as the address it is.
///
/// # Errors
/// `invalid_request` at the path where it is a `data:` URL and broken, or no address at all.
pub(crate) fn source(url: String, path: &str) -> Result<MediaSource, Fault> {
    if url.trim().is_empty() {
        return Err(Fault::invalid(path, format!("`{path}` is empty. Give an address or a `data:` URL.")));
    }
    if !is_data(&url) {
        return Ok(MediaSource::Url(url));
    }
    let Some((head, data)) = url.get(5..).and_then(|rest| rest.split_once(',')) else {
        let message = format!("`{path}` is a `data:` URL without a comma: data:image/png;base64,… is wanted.");
        return Err(Fault::invalid(path, message));
    };
    let (media_type, packed) = match head.rsplit_once(';') {
        Some((media_type, coding)) if coding.trim().eq_ignore_ascii_case("base64") => (media_type, true),
        _ => (head, false),
    };
    let media_type = if media_type.is_empty() { "text/plain" } else { media_type }.to_owned();
    let data = if packed { base64(data.to_owned(), path)? } else { STANDARD.encode(unescaped(data)) };
    Ok(MediaSource::Base64 { media_type, data })
}

/// Bytes with their `%41` undone; what is no such escape stands for itself.
fn unescaped(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.extend(u8::try_from(high * 16 + low));
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn base64_is_put_right_or_refused() {
        for (data, expected) in [
            ("QUJD", Some("QUJD")),
            ("", Some("")),
            ("QQ==", Some("QQ==")),
            ("QQ", Some("QQ==")),
            ("QUI", Some("QUI=")),
            ("QU\r\nJD \t", Some("QUJD")),
            ("-_-_", Some("+/+/")),
            ("Q", None),
            ("QUJDR", None),
            ("QQ=", Some("QQ==")),
            ("Q===", None),
            ("QUJD====", None),
            ("Q=Q=", None),
            ("QU!D", None),
            ("QUé", None),
        ] {
            let read = base64(data.to_owned(), "p");
            assert_eq!(read.as_deref().ok(), expected, "{data}");
            if let Err(fault) = read {
                assert_eq!(fault.path.as_deref(), Some("p"));
            }
        }
    }

    #[test]
    fn data_urls_are_bytes() {
        let base64 = |media_type: &str, data: &str| {
            Some(MediaSource::Base64 { media_type: media_type.into(), data: data.into() })
        };
        for (url, expected) in [
            ("data:image/png;base64,QUJD", base64("image/png", "QUJD")),
            ("DATA:image/png;BASE64,QUJD", base64("image/png", "QUJD")),
            ("data:image/svg+xml,%3Csvg%3E", base64("image/svg+xml", "PHN2Zz4=")),
            ("data:,A%", base64("text/plain", "QSU=")),
            ("data:;base64,QQ", base64("text/plain", "QQ==")),
            ("https://a/b", Some(MediaSource::Url("https://a/b".into()))),
            ("data:image/png;base64", None),
            ("data:image/png;base64,Q", None),
            ("data:image/png;base64,<svg>", None),
            (" ", None),
        ] {
            assert_eq!(source(url.to_owned(), "p").ok(), expected, "{url}");
        }
    }
}
