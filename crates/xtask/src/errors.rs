//! `docs/errors.md`: every kind of failure with its status, its words in each dialect, and what to do.
//!
//! The numbers and words come from `dialect::fault`; what to do stands here, so that a new kind does not
//! compile without it.

use std::fmt::Write;

use dialect::fault::{Kind, TABLE};
use dialect::id::DialectId;

/// When the kind is used, and what the caller or the operator does next.
fn advice(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::InvalidRequest => ("The body is not what the dialect says.", "Mend the field that `path` names."),
        Kind::Unauthenticated => (
            "The caller's key is missing, revoked, expired or not known.",
            "Send a virtual key. Make one with `tollgate keys create --name NAME`.",
        ),
        Kind::OverBudget => ("A money limit is used up.", "Wait until `resets_at`, or raise the limit."),
        Kind::Forbidden => (
            "The key may not use this model, provider or endpoint; or one of local mode's guards refused.",
            "Ask for another model, or let the key use this one.",
        ),
        Kind::UnknownModel => {
            ("No model has this name.", "`near` lists the closest names; `GET /v1/models` lists all.")
        }
        Kind::NoCandidate => {
            ("Every target was excluded.", "`excluded_by` says which constraint excluded each target.")
        }
        Kind::TooLarge => ("The body is larger than the limit.", "Send less, or raise `server.max_body`."),
        Kind::Loop => {
            ("The request has passed through this gateway before.", "A provider's `base_url` points back here.")
        }
        Kind::RateLimited => ("A limit on requests, tokens or concurrency.", "Wait `retry-after` seconds."),
        Kind::UpstreamRejected => (
            "The provider refuses the request itself (400, 404, 413, 422, content policy).",
            "Mend the request: no other target would take it.",
        ),
        Kind::UpstreamRateLimited => {
            ("429 from every target that was left.", "Wait `retry-after` seconds, or add a target.")
        }
        Kind::UpstreamAuth => (
            "The provider refuses the gateway's key, or its balance is used up. The caller's key is fine.",
            "The operator replaces the provider's key or tops up its account.",
        ),
        Kind::UpstreamOverloaded => ("Overloaded everywhere.", "Try again after `retry-after`, or add a target."),
        Kind::UpstreamFailed => {
            ("All attempts failed, in other or mixed ways.", "`attempts` says how each one failed.")
        }
        Kind::UpstreamTimeout => {
            ("All attempts timed out.", "`timer` says which timer; allow more time or ask a faster model.")
        }
        Kind::NotFound => ("A path or an id that is not there, or not the caller's.", "Check the path and the id."),
        Kind::MethodNotAllowed => ("The path has no such method.", "Use one that `allow` names."),
        Kind::Unsupported => {
            ("A content type or coding that is not read.", "Send JSON, plain or in gzip, deflate, br or zstd.")
        }
        Kind::Unavailable => (
            "The gateway must refuse: draining, overloaded, or its store is away.",
            "Try again soon, or on another node.",
        ),
    }
}

/// The whole page.
pub(crate) fn page() -> String {
    let mut page = String::from(HEAD);
    for (kind, ..) in &TABLE {
        let (when, next) = advice(*kind);
        let status = match (kind, kind.status(DialectId::OpenAiChat), kind.status(DialectId::AnthropicMessages)) {
            (Kind::UpstreamRejected, ..) => "the provider's".to_owned(),
            (_, openai, anthropic) if openai == anthropic => openai.to_string(),
            (_, openai, anthropic) => format!("{openai} (Anthropic: {anthropic})"),
        };
        let (openai, anthropic) = (kind.type_in(DialectId::OpenAiChat), kind.type_in(DialectId::AnthropicMessages));
        let google = kind.type_in(DialectId::Gemini);
        // Writing to a `String` does not fail.
        let _ = writeln!(
            page,
            "| `{}` | {status} | `{openai}` | `{anthropic}` | `{google}` | {when} | {next} |",
            kind.name()
        );
    }
    page.push_str(TAIL);
    page
}

const HEAD: &str = "# Errors

<!-- Generated from dialect::fault by crates/xtask/src/errors.rs: UPDATE_DOCS=1 cargo test -p xtask errors -->

An error comes in the shape of the caller's dialect, with the header `x-tollgate-error: KIND`, and inside the error
object a member `tollgate` with `kind`, `request_id` and the details named below:

```json
{\"error\": {\"message\": \"…\", \"type\": \"invalid_request_error\", \"param\": null, \"code\": \"unknown_model\",
           \"tollgate\": {\"kind\": \"unknown_model\", \"request_id\": \"0199…\", \"near\": [\"openai/gpt-5-mini\"]}}}
```

```json
{\"type\": \"error\", \"error\": {\"type\": \"not_found_error\", \"message\": \"…\",
                            \"tollgate\": {\"kind\": \"unknown_model\", \"request_id\": \"0199…\", \"near\": []}}}
```

```json
{\"error\": {\"code\": 404, \"message\": \"…\", \"status\": \"NOT_FOUND\",
           \"tollgate\": {\"kind\": \"unknown_model\", \"request_id\": \"0199…\", \"near\": []}}}
```

| kind | status | OpenAI `type` | Anthropic `type` | Google `status` | when | what to do |
|---|---|---|---|---|---|---|
";

const TAIL: &str = "
**Whose fault.** Kinds that begin with `upstream_` are the provider's or the provider account's; `invalid_request` to
`rate_limited` are the caller's; `unavailable` is the gateway's. The text of a provider's error is passed on: untouched
in the same dialect, translated across dialects. The gateway's own provider keys and account ids in it are overwritten
with `*`.

**Retries by SDKs.** `retry-after` is truthful where it is sent. `x-should-retry: false` is sent with 402, 502 and 504,
because the gateway has already tried what there was to try; the official SDKs obey it.

**Streams.** A failure before the first content is an ordinary HTTP error, and before that the gateway has tried the next
target. A failure after content was sent is the dialect's own in-band error event; then the body ends without the end
marker, and the ledger line says `incomplete`. It never looks like a whole answer.

**Which status at the provider is which outcome** (`attempts[].outcome` of the ledger line): 401 `auth`; 402 and a 429
that says `insufficient_quota` `billing`; 403 `auth`, unless the body names a content policy; 429 `rate_limited`; 503,
529 and `overloaded_error` `overloaded`; 408, 409, 425, 500, 502, 504 and 52x `server_error`. The next target is tried
after all of these. With mixed outcomes the most useful one is answered: 429 only when every target that was left said so.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            assert!(std::fs::write(path, page()).is_ok(), "docs/errors.md can be written");
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(written == page(), "docs/errors.md is stale: UPDATE_DOCS=1 cargo test -p xtask errors");
    }
}
