//! What callers say of themselves, within its bounds: tags, and texts of ledger lines.

/// Most tags of a request.
const MOST_TAGS: usize = 16;

/// The tags of a header's text; `None` for a text that is none.
#[must_use]
pub fn tags_of(text: &str) -> Option<Vec<(String, String)>> {
    let mut tags = Vec::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
        let good = (1..=64).contains(&name.len()) && name.bytes().all(named) && value.len() <= 256;
        if !good || tags.len() == MOST_TAGS {
            return None;
        }
        tags.retain(|(known, _)| known != name);
        tags.push((name.to_owned(), value.to_owned()));
    }
    Some(tags)
}

/// The first 256 bytes of a text, whole characters.
#[must_use]
pub fn bounded(text: &str) -> String {
    let mut end = text.len().min(256);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
