//! Failures: Cohere's error bodies, the ends of streams that failed, and our own in its shape.

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
            UpstreamFault::new(classify(status, None, &message), status, message)
        }
    };
    fault.retry_after = retry_after::by_headers(status, headers, now).or(fault.retry_after);
    fault
}

/// The error that a body of status 200, or an event of a stream, holds; `None` where it holds none.
pub(super) fn inside(json: Json<'_>) -> Option<UpstreamFault> {
    if json.kind() != Kind::Object {
        return None;
    }
    let bare = json.get("message").is_some_and(|message| message.kind() == Kind::String);
    let answer = json.get("finish_reason").is_some() || json.get("delta").is_some();
    (bare && !answer).then(|| of_json(json, 200)).or_else(|| of_end(json))
}

/// The error that the end of an answer names (`error` beside `finish_reason: ERROR`).
pub(super) fn of_end(end: Json<'_>) -> Option<UpstreamFault> {
    let error = end.get("error").and_then(Json::non_null)?;
    let said = matches!(error.kind(), Kind::Object | Kind::String);
    said.then(|| of_json(end, 200))
}

fn of_json(json: Json<'_>, status: u16) -> UpstreamFault {
    let text = |object: Json<'_>, name: &str| object.get(name).and_then(plain);
    let error = json.get("error").and_then(Json::non_null);
    let message = text(json, "message")
        .or_else(|| error.and_then(Json::as_str).map(Cow::into_owned))
        .or_else(|| error.and_then(|error| text(error, "message")))
        .or_else(|| text(json, "detail"))
        .filter(|message| !message.is_empty())
        .unwrap_or_else(|| without_message(status));
    let kind = text(json, "error_type").or_else(|| error.and_then(|error| text(error, "type")));
    let outcome = classify(status, kind.as_deref(), &message);
    let mut fault = UpstreamFault::new(outcome, status, message);
    fault.retry_after = retry_after::by_body(Some(json), &fault.message);
    fault.kind = kind;
    fault
}

/// The class of a failure: by status, refined by type and words.
fn classify(status: u16, kind: Option<&str>, message: &str) -> Outcome {
    let text = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let outcome = match status {
        200 => Outcome::ServerError,
        // The client's word for a token that is none any more.
        498 => Outcome::Auth,
        499 => Outcome::ServerError,
        501 => Outcome::InvalidRequest,
        _ => Outcome::of_status(status),
    };
    match outcome {
        Outcome::InvalidRequest | Outcome::ServerError if kind == Some("TOO_MANY_TOKENS") || says(CONTEXT) => {
            Outcome::ContextLength
        }
        // A month's calls of a trial key are not there again in seconds.
        Outcome::RateLimited if says(BILLING) => Outcome::Billing,
        Outcome::InvalidRequest | Outcome::Auth if says(BILLING) => Outcome::Billing,
        Outcome::InvalidRequest if says(AUTH) => Outcome::Auth,
        Outcome::InvalidRequest if says(POLICY) => Outcome::ContentPolicy,
        outcome => outcome,
    }
}

const CONTEXT: &[&str] = &["too many tokens", "maximum context length", "size limit exceeded"];

const BILLING: &[&str] = &["calls / month", "calls/month", "billing", "payment method", "monthly limit"];

const AUTH: &[&str] = &["invalid api token", "incorrect api key", "api key is not valid"];

const POLICY: &[&str] = &["blocked output", "usage guidelines", "content policy"];

/// Writes a failure as a whole body.
pub(super) fn write(fault: &Fault, request_id: &str) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("message").str(&fault.message);
        json.key("id").str(request_id);
        json.key("error_type").str(fault.upstream_type.as_deref().unwrap_or_else(|| fault.kind.name()));
        fault.write_tollgate(request_id, json);
    });
    json.finish()
}

/// Writes a failure as the last event of a stream that has begun: an end that names its error, without `[DONE]`.
pub(super) fn write_event(fault: &Fault, request_id: &str) -> Vec<u8> {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("message-end");
        json.key("delta").object(|json| {
            json.key("finish_reason").str("ERROR");
            json.key("error").str(&fault.message);
            json.key("error_type").str(fault.upstream_type.as_deref().unwrap_or_else(|| fault.kind.name()));
        });
        fault.write_tollgate(request_id, json);
    });
    format!("event: message-end\ndata: {}\n\n", json.finish()).into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn failures_have_their_class() {
        for (status, body, expected) in [
            (401, r#"{"id":"x","message":"Incorrect API key provided: ***."}"#, Outcome::Auth),
            (
                400,
                r#"{"error_type":"TOO_MANY_TOKENS","message":"too many tokens: size limit exceeded"}"#,
                Outcome::ContextLength,
            ),
            (404, r#"{"message":"model 'x' not found"}"#, Outcome::InvalidRequest),
            (422, r#"{"message":"invalid request"}"#, Outcome::InvalidRequest),
            (
                429,
                r#"{"message":"You are using a Trial key, which is limited to 1000 API calls / month."}"#,
                Outcome::Billing,
            ),
            (429, r#"{"message":"too many requests"}"#, Outcome::RateLimited),
            (498, r#"{"message":"invalid token"}"#, Outcome::Auth),
            (499, r#"{"message":"request cancelled"}"#, Outcome::ServerError),
            (500, "", Outcome::ServerError),
            (503, "<html><title>no</title></html>", Outcome::Overloaded),
        ] {
            let fault = read(status, &HeaderMap::new(), body.as_bytes(), 0);
            assert_eq!((fault.outcome, fault.status), (expected, status), "{body}");
            assert!(!fault.message.is_empty());
        }
    }

    #[test]
    fn an_error_may_stand_in_an_answer() {
        let inside = |text: &str| inside(Json::parse(text).expect("JSON")).map(|fault| fault.message);
        assert_eq!(inside(r#"{"message":"no","id":"x"}"#).as_deref(), Some("no"));
        assert_eq!(inside(r#"{"finish_reason":"ERROR","error":"bad"}"#).as_deref(), Some("bad"));
        assert_eq!(inside(r#"{"finish_reason":"COMPLETE","message":{"role":"assistant"}}"#), None);
        assert_eq!(inside("[]"), None);
    }

    #[test]
    fn our_own_come_back() {
        let fault = Fault::new(crate::fault::Kind::UpstreamFailed, "it broke");
        let read = read(502, &HeaderMap::new(), write(&fault, "r1").as_bytes(), 0);
        assert_eq!((read.message.as_str(), read.kind.as_deref()), ("it broke", Some("upstream_failed")));
        let event = String::from_utf8(write_event(&fault, "r1")).expect("text");
        assert!(event.contains(r#""finish_reason":"ERROR","error":"it broke""#) && !event.contains("[DONE]"));
    }
}
