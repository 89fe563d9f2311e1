//! What an answer says it is.

use http::{HeaderMap, header};

/// The media type, lowercase, without its parameters.
#[must_use]
pub fn kind(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
