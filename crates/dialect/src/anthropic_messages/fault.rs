//! Failures: Anthropic's error bodies, those of servers that are like it, and our own in its shape.

use std::borrow::Cow;

use http::HeaderMap;
use wire::json::{Json, Kind as JsonKind, Writer};

use crate::fault::{Fault, Kind};
use crate::id::DialectId;
use crate::outcome::{Outcome, UpstreamFault};
use crate::refusal::{plain, without_message, words};
use crate::retry_after;

/// Reads an answer whose status is not 2xx. `now` is unix time in seconds.
pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8], now: u64) -> UpstreamFault {
    let mut fault = match Json::from_bytes(body) {
        Ok(json) => of_json(json, status),
        Err(_) => of_plain(&String::from_utf8_lossy(body), status),
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if fault.kind.is_none() {
        // Bedrock names the exception in a header, sometimes with an address behind a colon.
        let kind = header("x-amzn-errortype").and_then(|kind| kind.split(':').next());
        fault.kind = kind.map(str::to_owned);
    }
    // The provider's own word on what it called the request's fault.
    if fault.outcome == Outcome::InvalidRequest && header("x-should-retry") == Some("true") {
        fault.outcome = Outcome::ServerError;
    }
    fault.retry_after = retry_after::by_headers(status, headers, now);
    fault
}

/// The error that a body of status 200 or an `error` event holds; `None` where it holds none.
pub(super) fn inside(json: Json<'_>) -> Option<UpstreamFault> {
    let is_error = json.get("type").is_some_and(|kind| kind.is("error"));
    let error = json.get("error").and_then(Json::non_null);
    (is_error || (error.is_some() && json.get("content").is_none())).then(|| of_json(json, 200))
}

/// Reads the shapes of error bodies: Anthropic's, OpenAI's, Google's (also inside an array), a bare
/// message, a bare string.
fn of_json(json: Json<'_>, status: u16) -> UpstreamFault {
    let json = if json.kind() == JsonKind::Array { json.items().next().unwrap_or(json) } else { json };
    let error = json.get("error").and_then(Json::non_null).unwrap_or(json);
    let text = |object: Json<'_>, name: &str| object.get(name).and_then(plain);
    let message = error
        .as_str()
        .map(Cow::into_owned)
        .or_else(|| text(error, "message"))
        .or_else(|| text(json, "message"))
        .or_else(|| text(json, "Message"))
        .or_else(|| text(json, "detail"))
        .unwrap_or_else(|| without_message(status));
    let kind = text(error, "type").filter(|kind| kind != "error").or_else(|| text(error, "status"));
    let mut fault = UpstreamFault::new(Outcome::ServerError, status, message);
    fault.code = text(error, "code");
    fault.param = text(error, "param");
    fault.outcome = classify(status, kind.as_deref(), fault.code.as_deref(), &fault.message);
    fault.kind = kind;
    fault
}

/// A body that is not JSON: its words, or for a page its title.
fn of_plain(body: &str, status: u16) -> UpstreamFault {
    let message = words(body, status);
    let outcome = classify(status, None, None, &message);
    UpstreamFault::new(outcome, status, message)
}

/// The class of a failure: by type, then by status, refined by what the message says.
fn classify(status: u16, kind: Option<&str>, code: Option<&str>, message: &str) -> Outcome {
    let in_band = status == 200;
    let by_status = match code.and_then(|code| code.parse().ok()) {
        // Inside a 200 a numeric code is the status that would have been (OpenRouter).
        Some(code @ 400..=599) if in_band => Outcome::of_status(code),
        _ if in_band => Outcome::ServerError,
        _ => Outcome::of_status(status),
    };
    let by_kind = match kind {
        Some("invalid_request_error" | "not_found_error" | "request_too_large") => Some(Outcome::InvalidRequest),
        Some("authentication_error" | "permission_error") => Some(Outcome::Auth),
        Some("billing_error" | "insufficient_quota") => Some(Outcome::Billing),
        Some("rate_limit_error") => Some(Outcome::RateLimited),
        Some("overloaded_error") => Some(Outcome::Overloaded),
        Some("api_error" | "timeout_error") => Some(Outcome::ServerError),
        _ => None,
    };
    let outcome = match (by_kind, status) {
        // A status that says more than a careless type.
        (Some(Outcome::InvalidRequest), 401..=403 | 429 | 500..=599) => by_status,
        (Some(Outcome::ServerError), 401..=403 | 429 | 503 | 529) => by_status,
        (Some(outcome), _) => outcome,
        (None, _) => by_status,
    };
    let text = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word) || code == Some(*word));
    match outcome {
        Outcome::InvalidRequest | Outcome::Auth | Outcome::RateLimited | Outcome::Billing if says(BILLING) => {
            Outcome::Billing
        }
        Outcome::InvalidRequest if says(CONTEXT) => Outcome::ContextLength,
        Outcome::InvalidRequest | Outcome::Auth if says(POLICY) => Outcome::ContentPolicy,
        Outcome::InvalidRequest if says(DISABLED) => Outcome::Auth,
        outcome => outcome,
    }
}

/// Our balance or quota.
const BILLING: &[&str] = &[
    "credit balance",
    "insufficient credit",
    "insufficient balance",
    "insufficient_quota",
    "out of credits",
    "exceeded your current quota",
    "specified api usage limits",
];

/// The request is longer than the model's context.
const CONTEXT: &[&str] = &[
    "prompt is too long",
    "input is too long",
    "exceed context limit",
    "exceeds the context window",
    "maximum context length",
    "context_length_exceeded",
    "exceed_context_size_error",
    "exceeds the maximum number of tokens",
    "too many input tokens",
];

/// The request is refused for what it says.
const POLICY: &[&str] = &[
    "content filtering policy",
    "content policy",
    "content_policy",
    "content_filter",
    "usage policy",
    "content management policy",
];

/// The account behind our key is switched off.
const DISABLED: &[&str] = &["organization has been disabled"];

/// The `type` of a failure in this dialect.
fn type_of(fault: &Fault) -> &'static str {
    match (fault.kind, fault.status) {
        (Kind::UpstreamRejected, Some(status)) => match status {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            504 => "timeout_error",
            529 => "overloaded_error",
            500..=599 => "api_error",
            _ => "invalid_request_error",
        },
        (kind, _) => kind.type_in(DialectId::AnthropicMessages),
    }
}

/// Writes a failure as a whole body.
pub(super) fn write(fault: &Fault, request_id: &str) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("type").str("error");
        json.key("error").object(|json| {
            json.key("type").str(type_of(fault));
            json.key("message").str(&fault.message);
            // Where the SDK's helper for threads looks for what to do.
            if let Some(code) = fault.code.as_deref().filter(|code| code.starts_with("thread_")) {
                json.key("details").object(|json| _ = json.key("error_code").str(code));
            }
            fault.write_tollgate(request_id, json);
        });
        json.key("request_id").str(request_id);
    });
    json.finish()
}

/// Writes a failure as the `error` event of a stream that has begun.
pub(super) fn write_event(fault: &Fault, request_id: &str) -> Vec<u8> {
    format!("event: error\ndata: {}\n\n", write(fault, request_id)).into_bytes()
}

#[cfg(test)]
mod tests;
