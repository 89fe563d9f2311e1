//! Stop reasons: Converse's words and their meanings.

use wire::json::Json;

use crate::ir::finish::{Finish, Reason};

/// The finish of an object with `stopReason`; `None` while there is none. The stop text stands among the model's own
/// members, where it was asked for.
pub(super) fn read(object: Json<'_>) -> Option<Finish> {
    let word = object.get("stopReason")?.as_str()?;
    let reason = match &*word {
        "end_turn" => Reason::Stop,
        "stop_sequence" => Reason::StopSequence,
        "max_tokens" | "model_context_window_exceeded" => Reason::Length,
        "tool_use" => Reason::ToolUse,
        "guardrail_intervened" | "content_filtered" => Reason::ContentFilter,
        "refusal" => Reason::Refusal,
        "malformed_model_output" | "malformed_tool_use" => Reason::Error,
        _ => Reason::Other,
    };
    let stop_sequence = object.at(&["additionalModelResponseFields", "stop_sequence"]).and_then(Json::as_str);
    Some(Finish {
        reason,
        raw: Some(word.into_owned()),
        stop_sequence: stop_sequence.map(std::borrow::Cow::into_owned),
    })
}

/// The word for a finish, and whether it means exactly that.
pub(super) fn write(finish: &Finish) -> (&'static str, bool) {
    let own = |word: &str| finish.raw.as_deref() == Some(word);
    match finish.reason {
        Reason::Stop => ("end_turn", true),
        Reason::StopSequence => ("stop_sequence", true),
        Reason::Length if own("model_context_window_exceeded") => ("model_context_window_exceeded", true),
        Reason::Length => ("max_tokens", true),
        Reason::ToolUse => ("tool_use", true),
        Reason::ContentFilter if own("guardrail_intervened") => ("guardrail_intervened", true),
        Reason::ContentFilter => ("content_filtered", true),
        Reason::Error if own("malformed_tool_use") => ("malformed_tool_use", true),
        Reason::Error => ("malformed_model_output", true),
        // The nearest words.
        Reason::Refusal => ("content_filtered", false),
        Reason::Pause | Reason::Other => ("end_turn", false),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn words_come_back() {
        for word in [
            "end_turn",
            "stop_sequence",
            "max_tokens",
            "model_context_window_exceeded",
            "tool_use",
            "guardrail_intervened",
            "content_filtered",
            "malformed_model_output",
            "malformed_tool_use",
        ] {
            let text = format!(r#"{{"stopReason":"{word}"}}"#);
            let finish = read(Json::parse(&text).expect("JSON")).expect("a reason");
            assert_eq!(write(&finish), (word, true));
        }
        assert_eq!(read(Json::parse("{}").expect("JSON")), None);
        assert_eq!(write(&Finish::new(Reason::Other)), ("end_turn", false));
        let text = r#"{"stopReason":"stop_sequence","additionalModelResponseFields":{"stop_sequence":"X"}}"#;
        let finish = read(Json::parse(text).expect("JSON")).expect("a reason");
        assert_eq!(finish.stop_sequence.as_deref(), Some("X"));
    }
}
