//! What went wrong with a request as the caller is told it: kind, status, message, details.
//!
//! One table maps a kind to its status and to each dialect's words; the contract's table of errors is
//! this file.

use wire::json::Writer;

use crate::id::DialectId;

/// What kind of failure; the words of `x-tollgate-error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The body is not what the dialect says.
    InvalidRequest,
    /// The caller's key is missing or proven bad.
    Unauthenticated,
    /// A money limit.
    OverBudget,
    /// The key may not use this model, provider or endpoint.
    Forbidden,
    /// No such model.
    UnknownModel,
    /// Every target was excluded.
    NoCandidate,
    /// The body is too large.
    TooLarge,
    /// The request came from this gateway.
    Loop,
    /// Our request, token or concurrency limit.
    RateLimited,
    /// The request is at fault at the upstream.
    UpstreamRejected,
    /// 429 from every target left.
    UpstreamRateLimited,
    /// Our key or balance at the provider is refused.
    UpstreamAuth,
    /// Overloaded everywhere.
    UpstreamOverloaded,
    /// All attempts failed in other or mixed ways.
    UpstreamFailed,
    /// All attempts timed out.
    UpstreamTimeout,
    /// A path or an id that is not there, or not the caller's.
    NotFound,
    /// The path has no such method.
    MethodNotAllowed,
    /// Content type or coding.
    Unsupported,
    /// The gateway must refuse.
    Unavailable,
}

/// One row of the table: kind, word, status, OpenAI's `type`, Anthropic's `type`.
type Row = (Kind, &'static str, u16, &'static str, &'static str);

/// The table.
pub const TABLE: [Row; 19] = [
    (Kind::InvalidRequest, "invalid_request", 400, "invalid_request_error", "invalid_request_error"),
    (Kind::Unauthenticated, "unauthenticated", 401, "invalid_request_error", "authentication_error"),
    (Kind::OverBudget, "over_budget", 402, "insufficient_quota", "billing_error"),
    (Kind::Forbidden, "forbidden", 403, "permission_error", "permission_error"),
    (Kind::UnknownModel, "unknown_model", 404, "invalid_request_error", "not_found_error"),
    (Kind::NoCandidate, "no_candidate", 404, "invalid_request_error", "not_found_error"),
    (Kind::TooLarge, "too_large", 413, "invalid_request_error", "request_too_large"),
    (Kind::Loop, "loop", 508, "server_error", "api_error"),
    (Kind::RateLimited, "rate_limited", 429, "rate_limit_error", "rate_limit_error"),
    (Kind::UpstreamRejected, "upstream_rejected", 400, "invalid_request_error", "invalid_request_error"),
    (Kind::UpstreamRateLimited, "upstream_rate_limited", 429, "rate_limit_error", "rate_limit_error"),
    (Kind::UpstreamAuth, "upstream_auth", 502, "server_error", "api_error"),
    (Kind::UpstreamOverloaded, "upstream_overloaded", 503, "server_error", "overloaded_error"),
    (Kind::UpstreamFailed, "upstream_failed", 502, "server_error", "api_error"),
    (Kind::UpstreamTimeout, "upstream_timeout", 504, "server_error", "timeout_error"),
    (Kind::NotFound, "not_found", 404, "invalid_request_error", "not_found_error"),
    (Kind::MethodNotAllowed, "method_not_allowed", 405, "invalid_request_error", "invalid_request_error"),
    (Kind::Unsupported, "unsupported", 415, "invalid_request_error", "invalid_request_error"),
    (Kind::Unavailable, "unavailable", 503, "server_error", "api_error"),
];

/// Google's status word for an HTTP status (`google.rpc.Code`).
#[must_use]
pub const fn google(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 => "FAILED_PRECONDITION",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        405 => "UNIMPLEMENTED",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        400..=499 => "INVALID_ARGUMENT",
        502 | 503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

/// Amazon Bedrock's exception for an HTTP status.
#[must_use]
pub const fn amazon(status: u16) -> &'static str {
    match status {
        401 | 403 => "AccessDeniedException",
        402 => "ServiceQuotaExceededException",
        404 => "ResourceNotFoundException",
        408 | 504 => "ModelTimeoutException",
        429 => "ThrottlingException",
        400..=499 => "ValidationException",
        503 => "ServiceUnavailableException",
        _ => "InternalServerException",
    }
}

impl Kind {
    fn row(self) -> &'static Row {
        // Every kind has a row; a test holds it. The first row is the total answer to the impossible.
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[0])
    }

    /// The word in `x-tollgate-error`, ledger lines and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status for a caller of that dialect. (Anthropic's word for overloaded is 529.)
    #[must_use]
    pub fn status(self, dialect: DialectId) -> u16 {
        match (self, dialect) {
            (Kind::UpstreamOverloaded, DialectId::AnthropicMessages) => 529,
            _ => self.row().2,
        }
    }

    /// The `type` (Google's `status`, Amazon's exception) in that dialect's error object.
    #[must_use]
    pub fn type_in(self, dialect: DialectId) -> &'static str {
        match dialect {
            DialectId::OpenAiChat | DialectId::OpenAiResponses => self.row().3,
            DialectId::AnthropicMessages => self.row().4,
            DialectId::Gemini => google(self.row().2),
            // Their errors have a message and no type: the kind stands where one is named (Cohere's `error_type`).
            DialectId::CohereV2 | DialectId::Ollama => self.row().1,
            DialectId::BedrockConverse => amazon(self.row().2),
        }
    }
}

/// A failure as the caller is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub kind: Kind,
    /// For [`Kind::UpstreamRejected`]: the upstream's own status.
    pub status: Option<u16>,
    /// What is wrong and what to do next, one or two sentences.
    pub message: String,
    /// The field at fault, as a path (`messages[0].content`).
    pub path: Option<String>,
    /// A code for programs; the kind's name where there is none.
    pub code: Option<String>,
    /// The provider's own `type`, where it is translated across.
    pub upstream_type: Option<String>,
    /// Fields of the `tollgate` object beside kind and request id, each a JSON text.
    pub details: Vec<(&'static str, String)>,
    /// Whole seconds for `retry-after`.
    pub retry_after: Option<u64>,
}

impl Fault {
    /// A failure with a message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            message: message.into(),
            path: None,
            code: None,
            upstream_type: None,
            details: Vec::new(),
            retry_after: None,
        }
    }

    /// A body that is not what the dialect says, at a path.
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        let path = path.into();
        let mut fault = Self::new(Kind::InvalidRequest, message);
        let mut json = Writer::new();
        json.str(&path);
        fault.details.push(("path", json.finish()));
        // The body as a whole has no name that a caller could look for.
        fault.path = Some(path).filter(|path| !path.is_empty());
        fault
    }

    /// The same fault, where what it calls `own` has another name for the caller.
    #[must_use]
    pub fn called(mut self, own: &str, name: &str) -> Self {
        if self.path.as_deref() != Some(own) || own == name {
            return self;
        }
        let message = self.message.replace(&format!("`{own}`"), &format!("`{name}`"));
        let mut renamed = Self::invalid(name, message);
        self.details.retain(|(detail, _)| *detail != "path");
        renamed.details.append(&mut self.details);
        renamed
    }

    /// The same with one more detail, given as JSON text.
    #[must_use]
    pub fn with(mut self, name: &'static str, json: impl Into<String>) -> Self {
        self.details.push((name, json.into()));
        self
    }

    /// The HTTP status for a caller of that dialect.
    #[must_use]
    pub fn status_in(&self, dialect: DialectId) -> u16 {
        self.status.unwrap_or_else(|| self.kind.status(dialect))
    }

    /// Writes the member `tollgate` of an error object: kind, request id and details.
    pub fn write_tollgate(&self, request_id: &str, json: &mut Writer) {
        json.key("tollgate").object(|json| {
            json.key("kind").str(self.kind.name());
            json.key("request_id").str(request_id);
            for (name, value) in &self.details {
                json.key(name).raw(value);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_row() {
        for row in &TABLE {
            assert_eq!(row.0.name(), row.1);
        }
        assert_eq!(Kind::UpstreamOverloaded.status(DialectId::AnthropicMessages), 529);
        assert_eq!(Kind::UpstreamOverloaded.status(DialectId::OpenAiChat), 503);
    }

    #[test]
    fn a_path_to_the_whole_body_is_no_name() {
        assert_eq!(Fault::invalid("", "x").path, None);
        assert_eq!(Fault::invalid("model", "x").path.as_deref(), Some("model"));
    }
}
