//! Stop reasons: Anthropic's words and their meanings.

use wire::json::Json;

use crate::ir::finish::{Finish, Reason};

/// The finish of an object with `stop_reason` and `stop_sequence`; `None` while there is no reason.
pub(super) fn read(object: Json<'_>) -> Option<Finish> {
    let word = object.get("stop_reason")?.as_str()?;
    let reason = match &*word {
        "end_turn" => Reason::Stop,
        "stop_sequence" => Reason::StopSequence,
        "max_tokens" | "model_context_window_exceeded" => Reason::Length,
        "tool_use" => Reason::ToolUse,
        "refusal" => Reason::Refusal,
        "pause_turn" => Reason::Pause,
        _ => Reason::Other,
    };
    let stop_sequence = object.get("stop_sequence").and_then(Json::as_str).map(std::borrow::Cow::into_owned);
    Some(Finish { reason, raw: Some(word.into_owned()), stop_sequence })
}

/// The word for a finish, and whether it means exactly that.
pub(super) fn write(finish: &Finish) -> (&'static str, bool) {
    match finish.reason {
        Reason::Stop => ("end_turn", true),
        Reason::StopSequence => ("stop_sequence", true),
        Reason::Length if finish.raw.as_deref() == Some("model_context_window_exceeded") => {
            ("model_context_window_exceeded", true)
        }
        Reason::Length => ("max_tokens", true),
        Reason::ToolUse => ("tool_use", true),
        Reason::Refusal => ("refusal", true),
        Reason::Pause => ("pause_turn", true),
        // The nearest word: the answer is not all that the model had to say.
        Reason::ContentFilter => ("refusal", false),
        Reason::Error | Reason::Other => ("end_turn", false),
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
            "refusal",
            "pause_turn",
        ] {
            let text = format!(r#"{{"stop_reason":"{word}","stop_sequence":null}}"#);
            let finish = read(Json::parse(&text).expect("JSON")).expect("a reason");
            assert_eq!(write(&finish), (word, true));
        }
        assert_eq!(read(Json::parse(r#"{"stop_reason":null}"#).expect("JSON")), None);
        assert_eq!(write(&Finish::new(Reason::Other)), ("end_turn", false));
        assert_eq!(write(&Finish::new(Reason::ContentFilter)), ("refusal", false));
    }
}
