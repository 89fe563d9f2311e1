//! A Gemini's thought signature beside a call, in the form that Google gave OpenAI's dialect:
//! `extra_content: {"google": {"thought_signature": "…"}}`.

use std::borrow::Cow;

use wire::json::{Json, Writer};

/// The signature, where `extra_content` holds that and nothing else.
pub(crate) fn read(extra: Json<'_>) -> Option<String> {
    let alone = |object: Json<'_>| object.members().count() == 1;
    let google = extra.get("google").filter(|google| alone(extra) && alone(*google))?;
    google.get("thought_signature").and_then(Json::as_str).map(Cow::into_owned)
}

/// Writes the value of `extra_content`.
pub(crate) fn write(signature: &str, json: &mut Writer) {
    json.object(|json| {
        json.key("google").object(|json| _ = json.key("thought_signature").str(signature));
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn signatures_come_back() {
        let mut json = Writer::new();
        write("a+/=", &mut json);
        let text = json.finish();
        assert_eq!(read(Json::parse(&text).expect("JSON")).as_deref(), Some("a+/="));
        for text in [r#"{"google":{"thought_signature":"a","x":1}}"#, r#"{"google":{},"x":1}"#, "{}", "1"] {
            assert_eq!(read(Json::parse(text).expect("JSON")), None);
        }
    }
}
