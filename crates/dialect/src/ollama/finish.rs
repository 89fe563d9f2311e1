//! Why an answer ended, in Ollama's words. Calls have none of their own.

use crate::ir::finish::{Finish, Reason};
use crate::loss::Loss;

/// Reads a reason; older servers give none. `calls`: the answer calls tools.
pub(super) fn read(word: Option<&str>, calls: bool) -> Finish {
    let reason = match word {
        None | Some("" | "stop") if calls => Reason::ToolUse,
        None | Some("" | "stop") => Reason::Stop,
        Some("length") => Reason::Length,
        Some(_) => Reason::Other,
    };
    Finish { raw: word.filter(|word| !word.is_empty()).map(str::to_owned), ..Finish::new(reason) }
}

/// The word for an ending.
pub(super) fn write(finish: Option<&Finish>, calls: bool, losses: &mut Vec<Loss>) -> &'static str {
    let at = "choices[0].finish_reason";
    let Some(finish) = finish else {
        losses.push(Loss::approximated("finish_reason", at));
        return "stop";
    };
    if finish.stop_sequence.is_some() {
        losses.push(Loss::dropped("stop_sequence", at));
    }
    let (word, exact) = match finish.reason {
        Reason::Stop => ("stop", !calls),
        Reason::ToolUse => ("stop", calls),
        Reason::Length => ("length", true),
        _ => ("stop", false),
    };
    if !exact {
        losses.push(Loss::approximated("finish_reason", at));
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_end_in_a_stop() {
        for (word, calls, reason) in [
            (Some("stop"), false, Reason::Stop),
            (Some("stop"), true, Reason::ToolUse),
            (None, true, Reason::ToolUse),
            (Some("length"), true, Reason::Length),
            (Some("load"), false, Reason::Other),
        ] {
            assert_eq!(read(word, calls).reason, reason, "{word:?}");
        }
        let mut losses = Vec::new();
        assert_eq!(write(Some(&Finish::new(Reason::ToolUse)), true, &mut losses), "stop");
        assert!(losses.is_empty());
        assert_eq!((write(Some(&Finish::new(Reason::Refusal)), false, &mut losses), losses.len()), ("stop", 1));
    }
}
