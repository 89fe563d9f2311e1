//! Failures: Google's error bodies, and our own in its shape.

use std::borrow::Cow;

use http::HeaderMap;
use wire::json::{Json, Kind as JsonKind, Writer};

use crate::fault::{Fault, google};
use crate::id::DialectId;
use crate::outcome::{Outcome, UpstreamFault};
use crate::refusal::{plain, without_message, words};
use crate::retry_after;

/// Reads an answer whose status is not 2xx. `now` is unix time in seconds.
pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8], now: u64) -> UpstreamFault {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    // A stream that fails before it begins answers with its error as an event.
    let text = text.strip_prefix("data:").unwrap_or(text).trim();
    let mut fault = match Json::parse(text) {
        Ok(json) => of_json(json, status),
        Err(_) => of_plain(text, status),
    };
    fault.retry_after = retry_after::by_headers(status, headers, now).or(fault.retry_after);
    fault
}

/// The error that a body of status 200, or an event or item of a stream, holds; `None` where it holds none.
pub(super) fn inside(json: Json<'_>) -> Option<UpstreamFault> {
    let first = first(json);
    let error = first.get("error").and_then(Json::non_null)?;
    let said = matches!(error.kind(), JsonKind::Object | JsonKind::String);
    (said && first.get("candidates").is_none()).then(|| of_json(json, 200))
}

/// A stream without server-sent events has its error in an array.
fn first(json: Json<'_>) -> Json<'_> {
    if json.kind() == JsonKind::Array { json.items().next().unwrap_or(json) } else { json }
}

fn of_json(json: Json<'_>, status: u16) -> UpstreamFault {
    let json = first(json);
    let error = json.get("error").and_then(Json::non_null).unwrap_or(json);
    let text = |object: Json<'_>, name: &str| object.get(name).and_then(plain);
    let message = error
        .as_str()
        .map(Cow::into_owned)
        .or_else(|| text(error, "message"))
        .filter(|message| !message.is_empty())
        .unwrap_or_else(|| without_message(status));
    let mut fault = UpstreamFault::new(Outcome::ServerError, status, message);
    fault.kind = text(error, "status");
    let details = || error.get("details").unwrap_or(Json::NULL).items();
    let reason = details().find_map(|detail| detail.get("reason").and_then(Json::as_str));
    fault.code = reason.map(Cow::into_owned).or_else(|| text(error, "code"));
    let quota = |detail: Json<'_>| detail.get("violations").unwrap_or(Json::NULL).items().any(daily);
    let daily = details().any(quota);
    let said = if status == 200 { error.get("code").and_then(Json::as_u64) } else { None };
    let would_be = said.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
    fault.outcome = classify(would_be.unwrap_or(status), &fault, daily);
    // A quota of the day is not there again in the seconds that the answer may name.
    fault.retry_after = (!daily).then(|| retry_after::by_body(Some(json), &fault.message)).flatten();
    fault
}

/// True for a violated quota of a whole day (`quotaId: GenerateRequestsPerDayPerProjectPerModel-FreeTier`).
fn daily(violation: Json<'_>) -> bool {
    let names = ["quotaId", "quotaMetric"].iter().filter_map(|name| violation.get(name).and_then(Json::as_str));
    names.into_iter().any(|name| {
        let name = name.to_ascii_lowercase();
        name.contains("perday") || name.contains("per_day")
    })
}

/// A body that is not JSON: its words, or for a page its title.
fn of_plain(body: &str, status: u16) -> UpstreamFault {
    let message = words(body, status);
    let mut fault = UpstreamFault::new(Outcome::ServerError, status, message);
    fault.outcome = classify(status, &fault, false);
    fault
}

/// The class of a failure: by status, refined by Google's reasons and the words of the message.
fn classify(status: u16, fault: &UpstreamFault, daily: bool) -> Outcome {
    let words = fault.message.to_ascii_lowercase();
    let says = |list: &[&str]| list.iter().any(|word| words.contains(word));
    let (kind, code) = (fault.kind.as_deref().unwrap_or_default(), fault.code.as_deref().unwrap_or_default());
    let outcome = match (status, kind) {
        (200, "RESOURCE_EXHAUSTED") => Outcome::RateLimited,
        (200, "UNAVAILABLE") => Outcome::Overloaded,
        (200, "INVALID_ARGUMENT" | "NOT_FOUND") => Outcome::InvalidRequest,
        (200, "UNAUTHENTICATED" | "PERMISSION_DENIED") => Outcome::Auth,
        (200, _) | (499, _) => Outcome::ServerError,
        _ => Outcome::of_status(status),
    };
    match outcome {
        Outcome::RateLimited if daily => Outcome::Billing,
        Outcome::InvalidRequest if matches!(code, "API_KEY_INVALID" | "API_KEY_EXPIRED") || says(AUTH) => Outcome::Auth,
        Outcome::InvalidRequest | Outcome::Auth if code == "BILLING_DISABLED" || says(BILLING) => Outcome::Billing,
        Outcome::InvalidRequest if says(CONTEXT) => Outcome::ContextLength,
        Outcome::InvalidRequest if says(POLICY) => Outcome::ContentPolicy,
        // The key's project may not be used from where the gateway stands.
        Outcome::InvalidRequest if kind == "FAILED_PRECONDITION" && words.contains("location") => Outcome::Auth,
        outcome => outcome,
    }
}

const AUTH: &[&str] = &["api key not valid", "api key expired", "api_key_invalid"];

const BILLING: &[&str] = &["billing account", "requires billing", "billing to be enabled", "prepayment credits"];

const CONTEXT: &[&str] = &[
    "exceeds the maximum number of tokens",
    "input token count",
    "exceeds the maximum allowed",
    "request is too long",
];

const POLICY: &[&str] = &["usage guidelines", "responsible ai", "content policy", "prohibited use policy"];

/// Writes a failure as a whole body.
pub(super) fn write(fault: &Fault, request_id: &str) -> String {
    let status = fault.status_in(DialectId::Gemini);
    let mut json = Writer::new();
    json.object(|json| {
        json.key("error").object(|json| {
            json.key("code").u64(u64::from(status));
            json.key("message").str(&fault.message);
            json.key("status").str(google(status));
            fault.write_tollgate(request_id, json);
        });
    });
    json.finish()
}

/// Writes a failure as the last event of a stream that has begun.
pub(super) fn write_event(fault: &Fault, request_id: &str) -> Vec<u8> {
    format!("data: {}\r\n\r\n", write(fault, request_id)).into_bytes()
}

#[cfg(test)]
mod tests;
