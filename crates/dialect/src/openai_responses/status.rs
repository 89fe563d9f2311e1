//! Why an answer ended: the status of a response and the reason of an incomplete one, both ways.

use wire::json::Json;

use crate::ir::finish::{Finish, Reason};

/// The finish of a response object; `None` while it is not done. `calls` and `refused`: what its output
/// holds, because the status does not say.
pub(super) fn read(response: Json<'_>, calls: bool, refused: bool) -> Option<Finish> {
    let status = response.get("status").and_then(Json::as_str);
    let status = status.as_deref().unwrap_or("completed");
    let done = |reason| Some(Finish { raw: Some(status.to_owned()), ..Finish::new(reason) });
    match status {
        "queued" | "in_progress" => None,
        "incomplete" => {
            let reason = response.at(&["incomplete_details", "reason"]).and_then(Json::as_str);
            let word = reason.as_deref().unwrap_or(status);
            let reason = match word {
                "max_output_tokens" | "max_tokens" | "length" => Reason::Length,
                "content_filter" => Reason::ContentFilter,
                // Words of ours: the dialect has none.
                "pause_turn" => Reason::Pause,
                "error" => Reason::Error,
                _ => Reason::Other,
            };
            Some(Finish { raw: Some(word.to_owned()), ..Finish::new(reason) })
        }
        "failed" => done(Reason::Error),
        "cancelled" => done(Reason::Other),
        _ if calls => done(Reason::ToolUse),
        _ if refused => done(Reason::Refusal),
        _ => done(Reason::Stop),
    }
}

/// The reason why an answer is incomplete, `None` where it is complete; and whether it reads back as meant.
pub(super) fn write(finish: Option<&Finish>, calls: bool, refused: bool) -> (Option<&str>, bool) {
    let reason = finish.map_or(Reason::Stop, |finish| finish.reason);
    match reason {
        Reason::Stop => (None, !calls && !refused),
        Reason::StopSequence => (None, false),
        Reason::ToolUse => (None, calls),
        Reason::Refusal if refused => (None, !calls),
        // A filter's word is the nearest for a refusal without words of its own.
        Reason::Refusal => (Some("content_filter"), false),
        Reason::ContentFilter => (Some("content_filter"), true),
        Reason::Length => (Some("max_output_tokens"), true),
        Reason::Pause => (Some("pause_turn"), false),
        Reason::Error => (Some("error"), false),
        Reason::Other => (Some(finish.and_then(|finish| finish.raw.as_deref()).unwrap_or("other")), false),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    fn check(json: &str, calls: bool, refused: bool, reason: Option<Reason>) {
        let finish = read(Json::parse(json).expect("JSON"), calls, refused);
        assert_eq!(finish.map(|finish| finish.reason), reason, "{json}");
    }

    #[test]
    fn statuses_and_their_meanings() {
        check(r#"{"status":"completed"}"#, false, false, Some(Reason::Stop));
        check(r#"{"status":"completed"}"#, true, false, Some(Reason::ToolUse));
        check(r#"{"status":"completed"}"#, false, true, Some(Reason::Refusal));
        check(r#"{"status":"complete"}"#, false, false, Some(Reason::Stop));
        check("{}", false, false, Some(Reason::Stop));
        check(r#"{"status":"queued"}"#, false, false, None);
        let incomplete =
            |reason: &str| format!(r#"{{"status":"incomplete","incomplete_details":{{"reason":"{reason}"}}}}"#);
        check(&incomplete("max_output_tokens"), true, false, Some(Reason::Length));
        check(&incomplete("content_filter"), false, false, Some(Reason::ContentFilter));
        check(&incomplete("new"), false, false, Some(Reason::Other));
        assert_eq!(write(Some(&Finish::new(Reason::Stop)), true, false), (None, false));
        assert_eq!(write(Some(&Finish::new(Reason::ToolUse)), true, false), (None, true));
        assert_eq!(write(None, false, false), (None, true));
    }
}
