//! Why an answer ended, in Cohere's words.

use crate::ir::finish::{Finish, Reason};
use crate::loss::Loss;

/// Reads a finish reason; an empty one says nothing.
pub(super) fn read(word: &str) -> Option<Finish> {
    let reason = match word {
        "" => return None,
        "COMPLETE" => Reason::Stop,
        "STOP_SEQUENCE" => Reason::StopSequence,
        "MAX_TOKENS" | "ERROR_LIMIT" => Reason::Length,
        "TOOL_CALL" => Reason::ToolUse,
        "ERROR_TOXIC" => Reason::ContentFilter,
        "ERROR" | "TIMEOUT" | "USER_CANCEL" => Reason::Error,
        _ => Reason::Other,
    };
    Some(Finish { raw: Some(word.to_owned()), ..Finish::new(reason) })
}

/// The word for an ending. One that calls tools says so, whatever its provider called it.
pub(super) fn write(finish: Option<&Finish>, calls: bool, losses: &mut Vec<Loss>) -> &'static str {
    let at = "choices[0].finish_reason";
    let near = || Loss::approximated("finish_reason", at);
    let Some(finish) = finish else {
        losses.push(near());
        return if calls { "TOOL_CALL" } else { "COMPLETE" };
    };
    if finish.stop_sequence.is_some() {
        losses.push(Loss::dropped("stop_sequence", at));
    }
    let (word, exact) = match finish.reason {
        Reason::Stop if calls => ("TOOL_CALL", false),
        Reason::Stop => ("COMPLETE", true),
        Reason::StopSequence => ("STOP_SEQUENCE", true),
        Reason::Length => ("MAX_TOKENS", true),
        Reason::ToolUse => ("TOOL_CALL", true),
        Reason::ContentFilter => ("ERROR_TOXIC", true),
        Reason::Refusal => ("ERROR_TOXIC", false),
        Reason::Error => ("ERROR", true),
        Reason::Pause | Reason::Other => ("COMPLETE", false),
    };
    if !exact {
        losses.push(near());
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for word in ["COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS", "TOOL_CALL", "ERROR_TOXIC", "ERROR"] {
            let mut losses = Vec::new();
            assert_eq!((write(read(word).as_ref(), false, &mut losses), losses.len()), (word, 0));
        }
        assert_eq!(read("TIMEOUT").map(|finish| finish.reason), Some(Reason::Error));
        assert_eq!(read("NEW").map(|finish| finish.reason), Some(Reason::Other));
        assert_eq!(read(""), None);
        let mut losses = Vec::new();
        assert_eq!((write(None, true, &mut losses), losses.len()), ("TOOL_CALL", 1));
    }
}
