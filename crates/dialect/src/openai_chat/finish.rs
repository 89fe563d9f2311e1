//! Finish reasons: the words of OpenAI and of servers like it, and their meanings.

use crate::ir::finish::{Finish, Reason};

/// The meaning of a word; the word itself is kept.
pub(super) fn read(word: &str) -> Finish {
    let reason = match word {
        "stop" | "eos" | "eos_token" | "end_turn" | "COMPLETE" => Reason::Stop,
        "stop_sequence" => Reason::StopSequence,
        "length" | "max_tokens" | "model_length" | "MAX_TOKENS" | "model_context_window_exceeded" => Reason::Length,
        "tool_calls" | "function_call" | "tool_use" => Reason::ToolUse,
        // `sensitive` and `network_error` are Z.ai's.
        "content_filter" | "SAFETY" | "safety" | "moderation" | "sensitive" => Reason::ContentFilter,
        "refusal" => Reason::Refusal,
        "error" | "insufficient_system_resource" | "abort" | "network_error" => Reason::Error,
        _ => Reason::Other,
    };
    Finish { reason, raw: Some(word.to_owned()), stop_sequence: None }
}

/// The word of a meaning, and whether it means exactly that. `refused`: the answer holds a refusal.
pub(super) fn write(finish: &Finish, refused: bool) -> (&'static str, bool) {
    match finish.reason {
        Reason::Stop | Reason::StopSequence => ("stop", true),
        Reason::Length => ("length", true),
        Reason::ToolUse => ("tool_calls", true),
        Reason::ContentFilter => ("content_filter", true),
        Reason::Refusal if refused => ("stop", true),
        Reason::Refusal => ("content_filter", true),
        Reason::Pause | Reason::Error | Reason::Other => ("stop", false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_servers() {
        for (word, reason) in [
            ("eos", Reason::Stop),
            ("eos_token", Reason::Stop),
            ("model_length", Reason::Length),
            ("model_context_window_exceeded", Reason::Length),
            ("sensitive", Reason::ContentFilter),
            ("network_error", Reason::Error),
            ("insufficient_system_resource", Reason::Error),
            ("new", Reason::Other),
        ] {
            assert_eq!(read(word).reason, reason, "{word}");
        }
    }
}
