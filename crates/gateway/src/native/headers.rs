//! Headers of the native lane: allow-lists both ways. The caller's key and the account's names never pass.

use dialect::fault::{Fault, Kind};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};

use crate::server::reply::ReplyBody;
use crate::state::target::Target;
use crate::upstream::kind::kind;

/// Request headers that go up by name.
const UP: [&str; 18] = [
    "accept",
    "accept-language",
    "content-type",
    "content-encoding",
    "content-disposition",
    "content-range",
    "range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "if-range",
    "idempotency-key",
    "x-idempotency-key",
    "prefer",
    "traceparent",
    "tracestate",
    "upload-offset",
];
/// And by how they begin.
const UP_PREFIXES: [&str; 5] = ["anthropic-", "openai-", "x-goog-", "x-amz-", "x-amzn-"];
/// Response headers that go down by name.
const DOWN: [&str; 15] = [
    "content-type",
    "content-disposition",
    "content-range",
    "content-language",
    "accept-ranges",
    "cache-control",
    "etag",
    "last-modified",
    "location",
    "expires",
    "request-id",
    "x-request-id",
    "retry-after",
    "x-should-retry",
    "upload-offset",
];
/// And by how they begin.
const DOWN_PREFIXES: [&str; 6] = ["anthropic-", "openai-", "x-goog-", "x-amz-", "x-amzn-", "x-ms-"];
/// What says who calls, or which account is charged: ours takes its place.
const NEVER: [&str; 13] = [
    "x-goog-api-key",
    "x-goog-user-project",
    "x-goog-iam-authorization-token",
    "x-goog-authenticated-user-email",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "x-amz-signature",
    "openai-organization",
    "openai-project",
    "anthropic-organization-id",
    "anthropic-workspace-id",
    "anthropic-dangerous-direct-browser-access",
];

fn listed(name: &str, names: &[&str], prefixes: &[&str]) -> bool {
    !NEVER.contains(&name) && (names.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix)))
}

/// The caller's headers that go up.
#[must_use]
pub fn up(from: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(from.len());
    for (name, value) in from {
        if listed(name.as_str(), &UP, &UP_PREFIXES) {
            headers.append(name, value.clone());
        }
    }
    headers
}

/// Adds what every request carries: the row's headers, the provider's key, our token, no coding.
pub fn ours(headers: &mut HeaderMap, target: &Target, auth: Option<(&str, String)>, via: &HeaderValue) {
    for (name, value) in &target.provider.config.headers {
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.reveal()))
        {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("tollgate/", env!("CARGO_PKG_VERSION"))));
    headers.insert(header::VIA, via.clone());
    if let Some((name, value)) = auth
        && let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value))
    {
        value.set_sensitive(true);
        headers.insert(name, value);
    }
}

/// Adds the upstream's headers that go down; one that holds a key of ours does not.
pub fn down(response: &mut Response<ReplyBody>, from: &HeaderMap, target: &Target) {
    let one_key = target.provider.keys() == 1;
    let secrets = target.secrets();
    for (name, value) in from {
        let text = name.as_str();
        let limit = text.starts_with("x-ratelimit-") || text.starts_with("anthropic-ratelimit-");
        let passes = if limit { one_key } else { listed(text, &DOWN, &DOWN_PREFIXES) };
        let leaks = || secrets.iter().any(|key| memchr::memmem::find(value.as_bytes(), key.as_bytes()).is_some());
        if passes && !leaks() {
            response.headers_mut().append(name, value.clone());
        }
    }
}

/// The fault of a body that a web page may post without asking first, for local mode.
#[must_use]
pub fn unasked(head: &Parts) -> Option<Fault> {
    let simple = matches!(&*kind(&head.headers), "" | "text/plain" | "application/x-www-form-urlencoded");
    (head.method == Method::POST && simple).then(|| {
        let message =
            "Without a key, a body needs a `content-type` such as `application/json`: a web page cannot send it unasked.";
        Fault::new(Kind::Unsupported, message)
    })
}

/// Whether a header says JSON.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let kind = kind(headers);
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// Whether a header says server-sent events.
#[must_use]
pub fn is_events(headers: &HeaderMap) -> bool {
    kind(headers) == "text/event-stream"
}
