//! Which outcome a failure is: by status, refined by code, type and the words of the message.

use crate::outcome::Outcome;

/// The class of a failure. `inner`: what stands deeper in the body. Status 200 is an error in-band.
pub(super) fn classify(status: u16, kind: Option<&str>, code: Option<&str>, message: &str, inner: &str) -> Outcome {
    let kind = kind.unwrap_or_default();
    let code = code.unwrap_or_default();
    let outcome = by_status(status, code);
    let words = format!("{message}\n{inner}").to_ascii_lowercase();
    let says = |list: &[&str]| list.iter().any(|word| words.contains(word));
    let named =
        |list: &[&str]| list.iter().any(|word| code.eq_ignore_ascii_case(word) || kind.eq_ignore_ascii_case(word));
    // Our own status, where it is certain whose fault it is, is not argued with.
    let open = !matches!(status, 401 | 402 | 408 | 409 | 425 | 502..=504 | 520..=529);
    // Google says "quota" of what is used up for a minute; only its status is to be believed.
    let googles = status == 429 && named(&["RESOURCE_EXHAUSTED"]);
    if open && !googles && (named(BILLING_CODES) || says(BILLING)) {
        return Outcome::Billing;
    }
    let request = matches!(status, 200 | 400 | 403 | 404 | 413 | 422 | 451 | 500);
    if request && (named(POLICY_CODES) || says(POLICY)) {
        return Outcome::ContentPolicy;
    }
    if request && status != 403 && (named(CONTEXT_CODES) || says(CONTEXT)) {
        return Outcome::ContextLength;
    }
    if matches!(status, 200 | 400 | 404) && (named(AUTH_CODES) || says(AUTH)) {
        return Outcome::Auth;
    }
    if matches!(status, 200 | 400 | 413) && named(RATE_CODES) {
        return Outcome::RateLimited;
    }
    if matches!(status, 200 | 429 | 498 | 500) && named(OVERLOAD_CODES) {
        return Outcome::Overloaded;
    }
    // llama.cpp answers 500 for what the request did wrong.
    if matches!(status, 200 | 500) && named(REQUEST_CODES) {
        return Outcome::InvalidRequest;
    }
    outcome
}

fn by_status(status: u16, code: &str) -> Outcome {
    match status {
        200 => match code.parse::<u16>() {
            // Inside a 200 a numeric code is the status that would have been (OpenRouter).
            Ok(code @ 400..=599) => by_status(code, ""),
            _ => Outcome::ServerError,
        },
        // Groq's own status for "no capacity".
        498 => Outcome::Overloaded,
        _ => Outcome::of_status(status),
    }
}

const BILLING_CODES: &[&str] =
    &["insufficient_quota", "billing_not_active", "billing_hard_limit_reached", "billing_error", "payment_required"];

const BILLING: &[&str] = &[
    "insufficient_quota",
    "exceeded your current quota, please check your plan",
    "insufficient credit",
    "insufficient balance",
    "credit balance is too low",
    "out of credits",
    "billing hard limit",
    "used all available credits",
];

const POLICY_CODES: &[&str] = &[
    "content_policy_violation",
    "content_filter",
    "content_filter_error",
    "moderation",
    "moderation_blocked",
    "invalid_prompt",
    "data_inspection_failed",
    "ResponsibleAIPolicyViolation",
    "sensitive_words_detected",
];

const POLICY: &[&str] = &[
    "responsibleaipolicyviolation",
    "content management policy",
    "content policy",
    "usage policy",
    "usage policies",
    "safety system",
    "requires moderation",
    "flagged for",
    "flagged by moderation",
    "content exists risk",
    "data_inspection_failed",
];

const CONTEXT_CODES: &[&str] =
    &["context_length_exceeded", "exceed_context_size_error", "too_many_prompt_tokens", "TOO_MANY_TOKENS"];

const CONTEXT: &[&str] = &[
    "context_length_exceeded",
    "maximum context length",
    "max context length",
    "context size",
    "context window",
    "exceeds the model's context",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input length and",
    "input token count",
    "input tokens exceeded",
    "exceeds the maximum number of tokens",
    "too many tokens",
    "too many input tokens",
    "total length of all messages is too long",
    "maximum prompt length",
    "reduce the length of the messages",
];

const AUTH_CODES: &[&str] = &["invalid_api_key", "authentication_error", "API_KEY_INVALID", "UNAUTHENTICATED"];

const AUTH: &[&str] =
    &["incorrect api key", "invalid api key", "api key not valid", "api_key_invalid", "api key is invalid"];

const RATE_CODES: &[&str] = &["rate_limit_exceeded", "rate_limit_error", "rate_limited", "too_many_requests"];

const OVERLOAD_CODES: &[&str] = &[
    "overloaded_error",
    "overloaded",
    "server_overloaded",
    "engine_overloaded",
    "engine_overloaded_error",
    "capacity_exceeded",
    "unavailable",
    "insufficient_system_resource",
];

const REQUEST_CODES: &[&str] = &["invalid_request_error", "invalid_request", "invalid_argument", "not_found_error"];
