//! What the body of a refusal says, whoever wrote it.

use std::borrow::Cow;

use wire::json::{Json, Kind};

/// Longest message taken from a body that is not JSON, in characters.
const MAX_PLAIN: usize = 500;

/// The text of a string; the JSON text of anything else that is there.
pub(crate) fn plain(value: Json<'_>) -> Option<String> {
    match value.kind() {
        Kind::Null => None,
        Kind::String => value.as_str().map(Cow::into_owned),
        _ => Some(value.raw().to_owned()),
    }
}

/// The message where a provider gave none.
pub(crate) fn without_message(status: u16) -> String {
    format!("The provider answered {status} without a message.")
}

/// The message of a body that is not JSON: its words, or for a page its title.
pub(crate) fn words(body: &str, status: u16) -> String {
    let text = body.trim();
    let page = text.starts_with('<');
    let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).map(|(title, _)| title);
    let words = if page { title.unwrap_or_default().trim() } else { text };
    match words {
        "" => without_message(status),
        words => words.chars().take(MAX_PLAIN).collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn pages_say_their_title() {
        for (body, expected) in [
            (" no \n", "no"),
            ("<html><title> Bad gateway </title></html>", "Bad gateway"),
            ("<html></html>", "The provider answered 502 without a message."),
            ("", "The provider answered 502 without a message."),
            ("a <title>b</title>", "a <title>b</title>"),
        ] {
            assert_eq!(words(body, 502), expected);
        }
        assert_eq!(words(&"ä".repeat(501), 502).chars().count(), 500);
        for (text, expected) in [("null", None), (r#""a""#, Some("a")), ("[1]", Some("[1]"))] {
            assert_eq!(plain(Json::parse(text).unwrap()).as_deref(), expected);
        }
    }
}
