//! Finish reasons: Google's words and their meanings.

use wire::json::Json;

use crate::ir::finish::{Finish, Reason};

/// The finish of a word, or of the number that old clients ask for instead (`enum-encoding=int`).
pub(super) fn read(value: Json<'_>) -> Option<Finish> {
    let raw = match value.as_str() {
        Some(word) => word.into_owned(),
        None => match value.as_u64()? {
            0 => return None,
            1 => "STOP".to_owned(),
            2 => "MAX_TOKENS".to_owned(),
            3 => "SAFETY".to_owned(),
            4 => "RECITATION".to_owned(),
            // The APIs number the later ones differently.
            other => other.to_string(),
        },
    };
    let reason = match raw.as_str() {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" => Reason::Stop,
        "MAX_TOKENS" => Reason::Length,
        word if filters(word) => Reason::ContentFilter,
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MALFORMED_RESPONSE"
        | "MISSING_THOUGHT_SIGNATURE" => Reason::Error,
        _ => Reason::Other,
    };
    Some(Finish { reason, raw: Some(raw), stop_sequence: None })
}

/// Words of filters.
fn filters(word: &str) -> bool {
    matches!(
        word,
        "SAFETY"
            | "RECITATION"
            | "LANGUAGE"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "MODEL_ARMOR"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION"
    )
}

/// The finish of a prompt that was blocked: `promptFeedback.blockReason`.
pub(super) fn blocked(reason: Json<'_>) -> Finish {
    let raw = reason.as_str().map_or_else(|| reason.raw().to_owned(), std::borrow::Cow::into_owned);
    Finish { reason: Reason::ContentFilter, raw: Some(raw), stop_sequence: None }
}

/// The word for a finish, and whether it will be read as exactly that. `calls`: the answer calls tools.
pub(super) fn write(finish: Option<&Finish>, calls: bool) -> (&str, bool) {
    let Some(finish) = finish else { return ("STOP", !calls) };
    let own = |word: fn(&str) -> bool| finish.raw.as_deref().filter(|raw| word(raw));
    match finish.reason {
        Reason::Stop => ("STOP", !calls),
        Reason::ToolUse => ("STOP", calls),
        Reason::StopSequence => ("STOP", false),
        Reason::Length => ("MAX_TOKENS", true),
        Reason::ContentFilter => (own(filters).unwrap_or("SAFETY"), true),
        // The nearest words.
        Reason::Refusal => ("SAFETY", false),
        Reason::Error => match own(|word| matches!(word, "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL")) {
            Some(word) => (word, true),
            None => ("OTHER", false),
        },
        Reason::Pause => ("OTHER", false),
        Reason::Other => ("OTHER", true),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn words_come_back() {
        for word in ["STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "MODEL_ARMOR", "MALFORMED_FUNCTION_CALL", "OTHER"] {
            let text = format!("\"{word}\"");
            let finish = read(Json::parse(&text).expect("JSON")).expect("a reason");
            assert_eq!(write(Some(&finish), false), (word, true));
        }
        assert_eq!(read(Json::parse("2").expect("JSON")).map(|finish| finish.reason), Some(Reason::Length));
        assert_eq!(read(Json::parse("0").expect("JSON")), None);
        assert_eq!(write(Some(&Finish::new(Reason::ToolUse)), true), ("STOP", true));
        assert_eq!(write(Some(&Finish::new(Reason::Stop)), true), ("STOP", false));
        assert_eq!(write(None, false), ("STOP", true));
    }
}
