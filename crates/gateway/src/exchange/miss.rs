//! A try that failed: how, and what the upstream said of it.

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use dialect::outcome::{Outcome, UpstreamFault};
use http::HeaderMap;

use super::redact::cleared;
use crate::state::target::Target;

/// A try that failed.
#[derive(Debug)]
pub struct Miss {
    /// How.
    pub fault: UpstreamFault,
    /// The upstream's answer as it came, where there was one: dialect, headers, body.
    pub raw: Option<(DialectId, HeaderMap, Bytes)>,
}

impl Miss {
    /// A try that failed without an answer.
    pub fn of(outcome: Outcome, message: impl Into<String>) -> Self {
        Self { fault: UpstreamFault::new(outcome, 0, message), raw: None }
    }
}

/// The fault of an answer that is not what the dialect says.
#[must_use]
pub fn bad_answer(status: u16, message: &str) -> Miss {
    Miss { fault: UpstreamFault::new(Outcome::BadAnswer, status, message), raw: None }
}

/// The fault of a request that took longer than its caller allows.
#[must_use]
pub fn out_of_time() -> Fault {
    Fault::new(
        Kind::UpstreamTimeout,
        "The request took longer than `x-tollgate-timeout` allows. Allow more time, or ask a faster model.",
    )
    .with("timer", "\"x-tollgate-timeout\"")
}

/// Reads an answer that is not 2xx, bounded; keys are overwritten.
pub async fn refusal(answer: crate::upstream::client::Answer, dialect: DialectId, target: &Target) -> Miss {
    /// More of an error nobody reads.
    const MOST: usize = 1 << 20;
    let mut body = answer.body;
    let bytes = match body.collect(MOST).await {
        Ok(Some(bytes)) => cleared(bytes, target),
        Ok(None) | Err(_) => Bytes::new(),
    };
    let now = crate::env::unix_seconds();
    let fault = dialect::of(dialect).read_fault(answer.status, &answer.headers, &bytes, now);
    Miss { fault, raw: Some((dialect, answer.headers, bytes)) }
}

/// What a caller is told where the gateway has no credentials of its own.
#[must_use]
pub fn unauthorized(error: &str) -> String {
    format!("Your key is fine, but the gateway has {error}")
}
