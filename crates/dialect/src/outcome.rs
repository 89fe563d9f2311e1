//! How one attempt at one target ended, and what may be tried after it.

use std::time::Duration;

use crate::fault::{Fault, Kind};

/// How an attempt ended; the words of the ledger's `attempts[].outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The answer is whole.
    Ok,
    /// No connection, or it broke before the first byte of an answer.
    Connect,
    /// No connection within `connect`.
    TimeoutConnect,
    /// No body byte within `first_byte`.
    TimeoutFirstByte,
    /// A silence longer than `idle`.
    TimeoutIdle,
    /// The attempt or the request took longer than `total`.
    TimeoutTotal,
    /// 429: too many requests or tokens.
    RateLimited,
    /// 503, 529: no capacity.
    Overloaded,
    /// 500, 502, 504, 408, 409, 425, 52x.
    ServerError,
    /// 401, 403: our key is refused.
    Auth,
    /// 402, exhausted quota: our balance is refused.
    Billing,
    /// The request is longer than the model's context.
    ContextLength,
    /// Refused for what it says.
    ContentPolicy,
    /// The request is at fault: 400, 404, 413, 422.
    InvalidRequest,
    /// A 2xx answer that is not what the dialect says.
    BadAnswer,
    /// The answer ended before its end.
    Truncated,
    /// The caller left.
    Cancelled,
}

/// Where a failed request may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Nowhere: the request itself is at fault.
    Never,
    /// At another key or target; at the same one only when no other is left.
    Elsewhere,
}

impl Outcome {
    /// Every outcome, in the contract's order.
    pub const ALL: [Outcome; 17] = [
        Outcome::Ok,
        Outcome::Connect,
        Outcome::TimeoutConnect,
        Outcome::TimeoutFirstByte,
        Outcome::TimeoutIdle,
        Outcome::TimeoutTotal,
        Outcome::RateLimited,
        Outcome::Overloaded,
        Outcome::ServerError,
        Outcome::Auth,
        Outcome::Billing,
        Outcome::ContextLength,
        Outcome::ContentPolicy,
        Outcome::InvalidRequest,
        Outcome::BadAnswer,
        Outcome::Truncated,
        Outcome::Cancelled,
    ];

    /// The word in ledger lines, `x-tollgate-why` and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Connect => "connect",
            Outcome::TimeoutConnect => "timeout_connect",
            Outcome::TimeoutFirstByte => "timeout_first_byte",
            Outcome::TimeoutIdle => "timeout_idle",
            Outcome::TimeoutTotal => "timeout_total",
            Outcome::RateLimited => "rate_limited",
            Outcome::Overloaded => "overloaded",
            Outcome::ServerError => "server_error",
            Outcome::Auth => "auth",
            Outcome::Billing => "billing",
            Outcome::ContextLength => "context_length",
            Outcome::ContentPolicy => "content_policy",
            Outcome::InvalidRequest => "invalid_request",
            Outcome::BadAnswer => "bad_answer",
            Outcome::Truncated => "truncated",
            Outcome::Cancelled => "cancelled",
        }
    }

    /// Whether another target may be tried.
    #[must_use]
    pub const fn retry(self) -> Retry {
        match self {
            Outcome::Ok
            | Outcome::Cancelled
            | Outcome::ContextLength
            | Outcome::ContentPolicy
            | Outcome::InvalidRequest => Retry::Never,
            Outcome::Connect
            | Outcome::TimeoutConnect
            | Outcome::TimeoutFirstByte
            | Outcome::TimeoutIdle
            | Outcome::TimeoutTotal
            | Outcome::RateLimited
            | Outcome::Overloaded
            | Outcome::ServerError
            | Outcome::Auth
            | Outcome::Billing
            | Outcome::BadAnswer
            | Outcome::Truncated => Retry::Elsewhere,
        }
    }

    /// The outcome that a bare status stands for, before a dialect's table looks at the body.
    /// (`contract`: 401 auth, 402 billing, 403 auth, 503 and 529 overloaded, 5xx and 408, 409, 425
    /// server_error, 429 rate_limited, other 4xx the request's fault.)
    #[must_use]
    pub const fn of_status(status: u16) -> Outcome {
        match status {
            200..=299 => Outcome::Ok,
            401 | 403 => Outcome::Auth,
            402 => Outcome::Billing,
            429 => Outcome::RateLimited,
            503 | 529 => Outcome::Overloaded,
            408 | 409 | 425 => Outcome::ServerError,
            400..=499 => Outcome::InvalidRequest,
            500..=599 => Outcome::ServerError,
            _ => Outcome::BadAnswer,
        }
    }
}

/// What an upstream said when it refused or failed, read by its dialect's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamFault {
    /// The class.
    pub outcome: Outcome,
    /// HTTP status; 200 for an error inside an answer.
    pub status: u16,
    /// The provider's message, as it wrote it. Not for logs: it may quote the prompt.
    pub message: String,
    /// The provider's `type`, where it gives one.
    pub kind: Option<String>,
    /// The provider's `code`, where it gives one.
    pub code: Option<String>,
    /// The provider's `param`, where it gives one.
    pub param: Option<String>,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
}

impl UpstreamFault {
    /// A fault of a class with a message of our own.
    pub fn new(outcome: Outcome, status: u16, message: impl Into<String>) -> Self {
        Self { outcome, status, message: message.into(), kind: None, code: None, param: None, retry_after: None }
    }

    /// The failure as the caller is told it.
    pub(crate) fn told(&self) -> Fault {
        let kind = match self.outcome {
            Outcome::RateLimited => Kind::UpstreamRateLimited,
            Outcome::Overloaded => Kind::UpstreamOverloaded,
            Outcome::Auth | Outcome::Billing => Kind::UpstreamAuth,
            Outcome::TimeoutConnect | Outcome::TimeoutFirstByte | Outcome::TimeoutIdle | Outcome::TimeoutTotal => {
                Kind::UpstreamTimeout
            }
            Outcome::ContextLength | Outcome::ContentPolicy | Outcome::InvalidRequest => Kind::UpstreamRejected,
            _ => Kind::UpstreamFailed,
        };
        Fault::new(kind, self.message.clone())
    }
}
