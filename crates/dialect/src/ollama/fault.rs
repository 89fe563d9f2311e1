//! Failures: Ollama's `{"error": "text"}`, as a whole body and as a line of a stream, and our own in its shape.

use std::borrow::Cow;

use http::HeaderMap;
use wire::json::{Json, Kind, Writer};

use crate::fault::Fault;
use crate::outcome::{Outcome, UpstreamFault};
use crate::refusal::{plain, without_message, words};
use crate::retry_after;

/// Reads an answer whose status is not 2xx. `now` is unix time in seconds.
pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8], now: u64) -> UpstreamFault {
    let mut fault = match Json::from_bytes(body) {
        Ok(json) => of_json(json, status),
        Err(_) => {
            let message = words(&String::from_utf8_lossy(body), status);
            UpstreamFault::new(classify(status, &message), status, message)
        }
    };
    fault.retry_after = retry_after::by_headers(status, headers, now).or(fault.retry_after);
    fault
}

/// The error that a line, or a body of status 200, holds; `None` where it holds none.
pub(super) fn inside(json: Json<'_>) -> Option<UpstreamFault> {
    let error = json.get("error").and_then(Json::non_null)?;
    matches!(error.kind(), Kind::String | Kind::Object).then(|| of_json(json, 200))
}

fn of_json(json: Json<'_>, status: u16) -> UpstreamFault {
    let error = json.get("error").and_then(Json::non_null).unwrap_or(json);
    let inner = || error.get("message").or_else(|| json.get("message")).and_then(plain);
    let message = error.as_str().map(Cow::into_owned).or_else(inner).filter(|message| !message.is_empty());
    let message = message.unwrap_or_else(|| without_message(status));
    let mut fault = UpstreamFault::new(classify(status, &message), status, message);
    fault.retry_after = retry_after::by_body(Some(json), &fault.message);
    fault
}

/// The class of a failure: by status, refined by words.
fn classify(status: u16, message: &str) -> Outcome {
    let text = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let outcome = if status == 200 { Outcome::ServerError } else { Outcome::of_status(status) };
    match outcome {
        Outcome::InvalidRequest | Outcome::ServerError if says(CONTEXT) => Outcome::ContextLength,
        Outcome::ServerError if says(BUSY) => Outcome::Overloaded,
        // What the runner says of a request that the model's template or grammar cannot take.
        Outcome::ServerError if says(REQUEST) => Outcome::InvalidRequest,
        outcome => outcome,
    }
}

const CONTEXT: &[&str] =
    &["exceeds the context", "context length", "exceed_context_size_error", "input length exceeds"];

const BUSY: &[&str] = &["server busy", "maximum pending requests"];

const REQUEST: &[&str] =
    &["does not support tools", "does not support thinking", "invalid image", "failed to parse grammar"];

/// Writes a failure as a whole body.
pub(super) fn write(fault: &Fault, request_id: &str) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("error").str(&fault.message);
        fault.write_tollgate(request_id, json);
    });
    json.finish()
}

/// Writes a failure as the last line of a stream that has begun.
pub(super) fn write_line(fault: &Fault, request_id: &str) -> Vec<u8> {
    format!("{}\n", write(fault, request_id)).into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn failures_have_their_class() {
        for (status, body, expected) in [
            (404, r#"{"error":"model 'x' not found"}"#, Outcome::InvalidRequest),
            (400, r#"{"error":"\"m\" does not support tools"}"#, Outcome::InvalidRequest),
            (500, r#"{"error":"model requires more system memory"}"#, Outcome::ServerError),
            (
                503,
                r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#,
                Outcome::Overloaded,
            ),
            (500, r#"{"error":"the input length exceeds the context length"}"#, Outcome::ContextLength),
            (401, r#"{"error":"unauthorized"}"#, Outcome::Auth),
            (429, r#"{"error":{"message":"slow down"}}"#, Outcome::RateLimited),
            (502, "", Outcome::ServerError),
        ] {
            let fault = read(status, &HeaderMap::new(), body.as_bytes(), 0);
            assert_eq!((fault.outcome, fault.status), (expected, status), "{body}");
            assert!(!fault.message.is_empty());
        }
        let ours = Fault::new(crate::fault::Kind::UpstreamFailed, "it broke");
        let inside = |text: &str| inside(Json::parse(text).expect("JSON")).map(|fault| fault.message);
        assert_eq!(inside(&write(&ours, "r")).as_deref(), Some("it broke"));
        assert_eq!(inside(r#"{"message":{"content":"error"},"done":false}"#), None);
        assert!(write_line(&ours, "r").ends_with(b"}\n"));
    }
}
