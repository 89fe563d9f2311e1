//! Failures: the error bodies of every server that speaks OpenAI's dialect, and our own in its shape.

use std::borrow::Cow;

use http::HeaderMap;
use wire::json::{Json, Kind as JsonKind, Writer};

use super::classify::classify;
use crate::fault::Fault;
use crate::id::DialectId;
use crate::outcome::{Outcome, UpstreamFault};
use crate::refusal::{plain, without_message, words};
use crate::retry_after;

/// Reads an answer whose status is not 2xx. `now` is unix time in seconds.
pub(crate) fn read(status: u16, headers: &HeaderMap, body: &[u8], now: u64) -> UpstreamFault {
    let json = Json::from_bytes(body).ok().map(first);
    let mut fault = match json {
        Some(json) => of_json(json, status),
        None => of_plain(&String::from_utf8_lossy(body), status),
    };
    fault.retry_after =
        retry_after::by_headers(status, headers, now).or_else(|| retry_after::by_body(json, &fault.message));
    fault
}

/// The error that an answer or a frame of status 200 holds; `None` where it holds none.
pub(crate) fn inside(json: Json<'_>) -> Option<UpstreamFault> {
    let json = first(json);
    if json.get("error").and_then(Json::non_null).is_some_and(|error| error.raw() != "{}" && error.raw() != r#""""#) {
        return Some(of_json(json, 200));
    }
    // Mistral's shape of an error has no member `error`.
    if json.get("object").is_some_and(|object| object.is("error")) {
        return Some(of_json(json, 200));
    }
    // Groq's word for why a stream was stopped early.
    let groq =
        json.get("x_groq").filter(|groq| groq.get("error").is_some_and(|error| error.kind() == JsonKind::String));
    groq.map(|groq| of_json(groq, 200))
}

/// The error of an `event: error` frame, whatever its data is.
pub(crate) fn of_event(data: &str) -> UpstreamFault {
    match Json::parse(data) {
        Ok(json) => of_json(first(json), 200),
        Err(_) => of_plain(data, 200),
    }
}

/// Google wraps its errors in an array where the answer is one.
fn first(json: Json<'_>) -> Json<'_> {
    if json.kind() == JsonKind::Array { json.items().next().unwrap_or(json) } else { json }
}

/// Reads the shapes of error bodies: an `error` object or string, a bare `message`, `detail`.
fn of_json(json: Json<'_>, status: u16) -> UpstreamFault {
    let error = json.get("error").and_then(Json::non_null).unwrap_or(json);
    let text = |name: &str| {
        let own = if error.kind() == JsonKind::Object { error.get(name).and_then(plain) } else { None };
        own.or_else(|| json.get(name).and_then(plain))
    };
    let message = error
        .as_str()
        .map(Cow::into_owned)
        .or_else(|| text("message"))
        .or_else(|| text("Message"))
        .or_else(|| json.get("detail").and_then(detail))
        .unwrap_or_else(|| without_message(status));
    let mut fault = UpstreamFault::new(Outcome::ServerError, status, message);
    fault.kind = text("type").or_else(|| error.get("status").and_then(plain));
    fault.code = text("code");
    fault.param = text("param");
    // What stands deeper says more: Azure's filter, OpenRouter's own upstream, Google's reason.
    let inner = error
        .at(&["innererror", "code"])
        .or_else(|| error.at(&["metadata", "raw"]))
        .or_else(|| error.at(&["metadata", "reasons"]))
        .or_else(|| error.get("details"));
    let inner = inner.and_then(plain).unwrap_or_default();
    fault.outcome = classify(status, fault.kind.as_deref(), fault.code.as_deref(), &fault.message, &inner);
    fault
}

/// FastAPI's `detail`: a text, or a list of what is wrong where.
fn detail(value: Json<'_>) -> Option<String> {
    if value.kind() != JsonKind::Array {
        return plain(value);
    }
    let lines: Vec<String> = value
        .items()
        .map(|item| {
            let place: Vec<String> =
                item.get("loc").map(|loc| loc.items().filter_map(plain).collect()).unwrap_or_default();
            let message = item.get("msg").and_then(plain).unwrap_or_else(|| item.raw().to_owned());
            if place.is_empty() { message } else { format!("{}: {message}", place.join(".")) }
        })
        .collect();
    Some(lines.join("; ")).filter(|text| !text.is_empty())
}

/// A body that is not JSON: its words, or for a page its title.
fn of_plain(body: &str, status: u16) -> UpstreamFault {
    let message = words(body, status);
    let outcome = classify(status, None, None, &message, "");
    UpstreamFault::new(outcome, status, message)
}

/// Another dialect's word for a kind of error in this one's.
fn translated(kind: &str) -> &str {
    match kind {
        "overloaded_error" | "api_error" | "timeout_error" => "server_error",
        "billing_error" => "insufficient_quota",
        "request_too_large" | "not_found_error" => "invalid_request_error",
        other => other,
    }
}

/// Writes a failure as a whole body.
pub(crate) fn write(fault: &Fault, request_id: &str) -> String {
    let mut json = Writer::with_capacity(256 + fault.message.len());
    json.object(|json| {
        json.key("error").object(|json| {
            json.key("message").str(&fault.message);
            let own = fault.kind.type_in(DialectId::OpenAiChat);
            json.key("type").str(fault.upstream_type.as_deref().map_or(own, translated));
            match &fault.path {
                Some(path) => json.key("param").str(path),
                None => json.key("param").null(),
            };
            json.key("code").str(fault.code.as_deref().unwrap_or_else(|| fault.kind.name()));
            fault.write_tollgate(request_id, json);
        });
    });
    json.finish()
}

/// Writes a failure as the in-band error of a stream: one frame, no `[DONE]`.
pub(super) fn write_frame(fault: &Fault, request_id: &str) -> Vec<u8> {
    format!("data: {}\n\n", write(fault, request_id)).into_bytes()
}

#[cfg(test)]
mod tests;
