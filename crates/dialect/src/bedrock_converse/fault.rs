//! Failures: Bedrock's error bodies and exceptions inside streams, and our own in their shape.

use http::HeaderMap;
use wire::eventstream;
use wire::json::{Json, Writer};

use crate::fault::{Fault, amazon};
use crate::id::DialectId;
use crate::outcome::{Outcome, UpstreamFault};
use crate::refusal::{plain, without_message, words};
use crate::retry_after;

/// Reads an answer whose status is not 2xx. `now` is unix time in seconds. The exception's name stands in a header,
/// sometimes with an address behind a colon.
pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8], now: u64) -> UpstreamFault {
    let named = headers.get("x-amzn-errortype").and_then(|kind| kind.to_str().ok());
    let mut fault = match Json::from_bytes(body) {
        Ok(json) => of_json(json, named, status),
        Err(_) => of(words(&String::from_utf8_lossy(body), status), named, status),
    };
    fault.retry_after = retry_after::by_headers(status, headers, now);
    fault
}

/// The error that a body of status 200 holds; `None` where it holds none.
pub(super) fn inside(json: Json<'_>) -> Option<UpstreamFault> {
    let message = json.get("message").or_else(|| json.get("Message"));
    (message.is_some() && json.get("output").is_none()).then(|| of_json(json, None, 200))
}

/// An exception or error inside a stream: its name and its payload.
pub(super) fn exception(kind: &str, payload: &str) -> UpstreamFault {
    match Json::parse(payload) {
        Ok(json) => of_json(json, Some(kind), 200),
        Err(_) => of(format!("The provider ended the stream with {kind}."), Some(kind), 200),
    }
}

fn of_json(json: Json<'_>, named: Option<&str>, status: u16) -> UpstreamFault {
    let text = |name: &str| json.get(name).and_then(plain).filter(|text| !text.is_empty());
    let message = text("message").or_else(|| text("Message")).unwrap_or_else(|| match named {
        Some(kind) if status == 200 => format!("The provider ended the stream with {kind}."),
        _ => without_message(status),
    });
    let inner = text("__type");
    let mut fault = of(message, named.or(inner.as_deref()), status);
    // A model's own failure tells the status that it would have had.
    let original = json.get("originalStatusCode").and_then(Json::as_u64).and_then(|status| u16::try_from(status).ok());
    if let (Outcome::ServerError, Some(status @ 400..=599)) = (fault.outcome, original) {
        fault.outcome = match Outcome::of_status(status) {
            Outcome::InvalidRequest => Outcome::ServerError,
            outcome => outcome,
        };
    }
    fault
}

fn of(message: String, named: Option<&str>, status: u16) -> UpstreamFault {
    let kind = named.map(name).filter(|kind| !kind.is_empty());
    let outcome = classify(status, kind.as_deref().unwrap_or_default(), &message);
    let mut fault = UpstreamFault::new(outcome, status, message);
    fault.kind = kind;
    if says(&fault.message, &["on-demand throughput isn"]) {
        fault.message.push_str(
            " The model must be named by the id of an inference profile, such as `us.` or `global.` before this id.",
        );
    }
    fault
}

/// The exception's bare name, as errors of a whole answer spell it: `ThrottlingException` of
/// `ThrottlingException:http://…`, `com.amazon.bedrock#ThrottlingException` and `throttlingException`.
fn name(kind: &str) -> String {
    let kind = kind.split(':').next().unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or_default();
    let mut chars = kind.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

/// The class of a failure: by the exception, else by status, refined by what the message says.
fn classify(status: u16, kind: &str, message: &str) -> Outcome {
    let outcome = match kind {
        "ThrottlingException" | "TooManyRequestsException" | "ServiceQuotaExceededException" => Outcome::RateLimited,
        "ServiceUnavailableException" | "ModelNotReadyException" => Outcome::Overloaded,
        "ModelTimeoutException" | "ModelErrorException" | "ModelStreamErrorException" | "InternalServerException" => {
            Outcome::ServerError
        }
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "ExpiredTokenException"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException"
        | "InvalidClientTokenId" => Outcome::Auth,
        "ValidationException" | "ResourceNotFoundException" => Outcome::InvalidRequest,
        _ if status == 200 => Outcome::ServerError,
        _ => Outcome::of_status(status),
    };
    match outcome {
        Outcome::InvalidRequest if says(message, CONTEXT) => Outcome::ContextLength,
        Outcome::InvalidRequest if says(message, POLICY) => Outcome::ContentPolicy,
        Outcome::InvalidRequest if says(message, BUSY) => Outcome::ServerError,
        outcome => outcome,
    }
}

fn says(message: &str, list: &[&str]) -> bool {
    let text = message.to_ascii_lowercase();
    list.iter().any(|word| text.contains(word))
}

/// The request is longer than the model's context.
const CONTEXT: &[&str] = &[
    "input is too long",
    "prompt is too long",
    "too many input tokens",
    "exceeds the maximum number of tokens",
    "exceed context limit",
    "maximum context length",
    "input tokens exceeds",
];

/// The request is refused for what it says.
const POLICY: &[&str] = &["content filtering policy", "blocked by content filter", "usage policy", "responsible ai"];

/// Said as the request's fault, and not.
const BUSY: &[&str] = &["an internal server error", "system encountered an unexpected error"];

/// Writes a failure as a whole body.
pub(super) fn write(fault: &Fault, request_id: &str) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("message").str(&fault.message);
        fault.write_tollgate(request_id, json);
    });
    json.finish()
}

/// Writes a failure as the exception of a stream that has begun.
pub(super) fn write_event(fault: &Fault, request_id: &str) -> Vec<u8> {
    let kind = amazon(fault.status_in(DialectId::BedrockConverse));
    let mut chars = kind.chars();
    let kind = chars.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + chars.as_str());
    let headers = [(":exception-type", &*kind), (":content-type", "application/json"), (":message-type", "exception")];
    let mut out = Vec::new();
    eventstream::write(&headers, write(fault, request_id).as_bytes(), &mut out);
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;
    use crate::fault::Kind;
    use http::HeaderValue;

    fn check(status: u16, kind: &'static str, body: &str, expected: (Outcome, Option<&str>)) {
        let mut headers = HeaderMap::new();
        if !kind.is_empty() {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(kind));
        }
        let fault = read(status, &headers, body.as_bytes(), 0);
        assert_eq!((fault.outcome, fault.kind.as_deref()), expected, "{status} {kind} {body}");
        assert_eq!(fault.status, status);
    }

    #[test]
    fn refusals_are_classed() {
        use Outcome::{Auth, ContextLength, InvalidRequest, Overloaded, RateLimited, ServerError};
        let throttled = "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/";
        check(429, throttled, r#"{"message":"Too many tokens"}"#, (RateLimited, Some("ThrottlingException")));
        check(429, "ModelNotReadyException", r#"{"message":"m"}"#, (Overloaded, Some("ModelNotReadyException")));
        check(424, "ModelErrorException", r#"{"message":"m"}"#, (ServerError, Some("ModelErrorException")));
        check(408, "ModelTimeoutException", "{}", (ServerError, Some("ModelTimeoutException")));
        check(403, "", r#"{"Message":"User is not authorized"}"#, (Auth, None));
        check(404, "ResourceNotFoundException:", "{}", (InvalidRequest, Some("ResourceNotFoundException")));
        check(
            400,
            "ValidationException",
            r#"{"message":"Input is too long."}"#,
            (ContextLength, Some("ValidationException")),
        );
        check(503, "", "<html><title>Busy</title></html>", (Overloaded, None));
    }

    #[test]
    fn what_to_do_about_a_bare_id_is_said() {
        let body = "{\"message\":\"Invocation of model ID a with on-demand throughput isn’t supported.\"}";
        let fault = read(400, &HeaderMap::new(), body.as_bytes(), 0);
        assert!(fault.message.contains("inference profile"), "{}", fault.message);
        assert_eq!(fault.outcome, Outcome::InvalidRequest);
    }

    #[test]
    fn exceptions_inside_a_stream_are_faults_of_a_200() {
        for (kind, payload, outcome, message) in [
            ("throttlingException", r#"{"message":"Slow"}"#, Outcome::RateLimited, "Slow"),
            ("modelStreamErrorException", r#"{"message":"m","originalStatusCode":503}"#, Outcome::Overloaded, "m"),
            (
                "internalServerException",
                "",
                Outcome::ServerError,
                "The provider ended the stream with internalServerException.",
            ),
            ("BadRequest", "{}", Outcome::ServerError, "The provider ended the stream with BadRequest."),
        ] {
            let fault = exception(kind, payload);
            assert_eq!((fault.outcome, fault.status, &*fault.message), (outcome, 200, message));
        }
    }

    #[test]
    fn ours_are_exceptions() {
        use bytes::Bytes;
        use wire::frame::Framer as _;
        let bytes = write_event(&Fault::new(Kind::UpstreamRateLimited, "Later."), "r");
        let mut frames = Vec::new();
        eventstream::EventStreamFramer::default().push(&Bytes::from(bytes), &mut frames).expect("a message");
        assert_eq!(frames.first().map(|frame| frame.name()), Some("exception:throttlingException"));
        assert!(frames.first().is_some_and(|frame| frame.text().starts_with(r#"{"message":"Later.","tollgate":{"#)));
    }
}
