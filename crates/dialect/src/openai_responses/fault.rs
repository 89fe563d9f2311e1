//! Failures: OpenAI's error bodies, the two forms of the `error` event, responses that failed, and our own.

use http::HeaderMap;
use wire::json::{Json, Writer};

use crate::fault::Fault;
use crate::openai_chat::fault as openai;
use crate::outcome::{Outcome, UpstreamFault};

/// Reads an answer whose status is not 2xx. `now` is unix time in seconds.
pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8], now: u64) -> UpstreamFault {
    openai::read(status, headers, body, now)
}

/// The error that a body of status 200, a response object or a nameless frame holds; `None` where it holds
/// none.
pub(super) fn inside(json: Json<'_>) -> Option<UpstreamFault> {
    if let Some(fault) = openai::inside(json) {
        return Some(fault);
    }
    let failed = json.get("status").is_some_and(|status| status.is("failed"));
    failed.then(|| {
        UpstreamFault::new(Outcome::ServerError, 200, "The provider's response failed, and it did not say why.")
    })
}

/// The error of an `error` event: nested in `error`, as servers send it, or flat, as it is documented.
pub(super) fn of_event(data: &str) -> UpstreamFault {
    let mut fault = openai::of_event(data);
    // The flat form's `type` is the event's.
    fault.kind = fault.kind.filter(|kind| kind != "error");
    fault
}

/// Writes a failure as a whole body.
pub(super) fn write(fault: &Fault, request_id: &str) -> String {
    openai::write(fault, request_id)
}

/// Writes a failure as the `error` event of a stream that has begun: nested, which the official clients
/// raise, and flat beside it, as it is documented.
pub(super) fn write_event(fault: &Fault, request_id: &str) -> Vec<u8> {
    let whole = write(fault, request_id);
    let error = Json::parse(&whole).ok().and_then(|whole| whole.get("error"));
    let mut json = Writer::with_capacity(whole.len() + 128);
    json.object(|json| {
        json.key("type").str("error");
        json.key("sequence_number").u64(0);
        for key in ["code", "message", "param"] {
            let value = error.and_then(|error| error.get(key));
            json.key(key).raw(value.map_or("null", Json::raw));
        }
        json.key("error").raw(error.map_or("null", Json::raw));
    });
    format!("event: error\ndata: {}\n\n", json.finish()).into_bytes()
}

#[cfg(test)]
mod tests;
