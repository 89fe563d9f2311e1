//! What an upstream's answer is: won, missed, or the caller's own fault passed on.

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use dialect::outcome::{Outcome, UpstreamFault};
use http::{HeaderMap, Response, header};

use super::relay::Flow;
use super::settle::{self, Record};
use super::whole::Whole;
use crate::server::reply::{self, ReplyBody};

/// What is to be answered.
#[derive(Debug)]
pub enum Won {
    /// A whole answer.
    Whole(Box<Whole>),
    /// A stream that has begun.
    Stream(Box<Flow>),
    /// The upstream's refusal, as it came or translated.
    Rejected(Box<Rejected>),
}

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

/// An upstream's refusal on its way to the caller.
#[derive(Debug)]
pub struct Rejected {
    caller: DialectId,
    fault: Fault,
    /// The upstream's headers and body where the caller speaks its dialect.
    untouched: Option<(HeaderMap, Bytes)>,
}

impl Rejected {
    /// A refusal: untouched for a caller of the upstream's dialect, translated for others.
    #[must_use]
    pub fn new(caller: DialectId, miss: Miss, kind: Kind, retry_after: Option<u64>) -> Self {
        let upstream = miss.fault;
        let status = if upstream.status >= 400 { upstream.status } else { 400 };
        let mut fault = Fault::new(kind, upstream.message);
        fault.status = Some(status);
        fault.path = upstream.param;
        fault.code = upstream.code;
        fault.upstream_type = upstream.kind;
        fault.retry_after = retry_after;
        let untouched = miss
            .raw
            .filter(|(dialect, _, body)| *dialect == caller && !body.is_empty() && upstream.status >= 400)
            .map(|(_, headers, body)| (headers, body));
        Self { caller, fault, untouched }
    }

    /// Answers, the line written first.
    pub async fn answer(self, mut record: Record) -> Response<ReplyBody> {
        let status = self.fault.status_in(self.caller);
        record.settle_error(&self.fault, status).await;
        let Some((headers, body)) = self.untouched else {
            return super::fault_reply(dialect::of(self.caller), &self.fault, &record);
        };
        let mut response = reply::bytes(status, body);
        let kind = headers.get(header::CONTENT_TYPE).cloned();
        response.headers_mut().insert(header::CONTENT_TYPE, kind.unwrap_or(reply::JSON));
        reply::upstream_headers(&mut response, &headers, false);
        reply::fault_headers(&mut response, &self.fault);
        reply::record_headers(&mut response, &record);
        response
    }
}

/// Overwrites our own keys (whole, or a tail behind a mask) and `org-…` ids with `*`, the length kept.
#[must_use]
pub fn redact<'k>(body: Bytes, keys: impl Iterator<Item = &'k str>) -> Bytes {
    let mut stars: Vec<(usize, usize)> = Vec::new();
    for key in keys.filter(|key| key.len() >= 8) {
        for at in memchr::memmem::find_iter(&body, key.as_bytes()) {
            stars.push((at, at + key.len()));
        }
        let tail = key.as_bytes().get(key.len().saturating_sub(4)..).unwrap_or_default();
        for at in memchr::memmem::find_iter(&body, tail) {
            // A tail counts where a mask stands before as much of it as is shown: `sk-…*abcd`, `...abcd`.
            let mut from = at;
            while from > 0 && same_as_key(key, &body, from - 1, at) {
                from -= 1;
            }
            let masked = from > 0 && matches!(body.get(from - 1), Some(b'*' | b'.' | 0xa6));
            let long = at - from >= 4;
            if masked || long {
                stars.push((from, at + tail.len()));
            }
        }
    }
    for at in memchr::memmem::find_iter(&body, b"org-") {
        let id = body.get(at + 4..).unwrap_or_default();
        let length = id.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let inside = at > 0 && body.get(at - 1).is_some_and(|byte| byte.is_ascii_alphanumeric());
        if length >= 6 && !inside {
            stars.push((at, at + 4 + length));
        }
    }
    if stars.is_empty() {
        return body;
    }
    let mut bytes = body.to_vec();
    for (from, to) in stars {
        if let Some(span) = bytes.get_mut(from..to) {
            span.fill(b'*');
        }
    }
    bytes.into()
}

/// True when the byte at `at` continues the key backwards from the tail that starts at `tail`.
fn same_as_key(key: &str, body: &[u8], at: usize, tail: usize) -> bool {
    let back = tail - at;
    let place = key.len().checked_sub(4 + back);
    place.is_some_and(|place| key.as_bytes().get(place) == body.get(at))
}

/// Reads an answer that is not 2xx, bounded; keys are overwritten.
pub async fn refusal(
    answer: crate::upstream::client::Answer,
    dialect: DialectId,
    keys: impl Iterator<Item = &str>,
) -> Miss {
    /// More of an error nobody reads.
    const MOST: usize = 1 << 20;
    let mut body = answer.body;
    let bytes = match body.collect(MOST).await {
        Ok(Some(bytes)) => redact(bytes, keys),
        Ok(None) | Err(_) => Bytes::new(),
    };
    let now = crate::env::unix_seconds();
    let fault = dialect::of(dialect).read_fault(answer.status, &answer.headers, &bytes, now);
    Miss { fault, raw: Some((dialect, answer.headers, bytes)) }
}

/// Waits for a line as long as an answer may be kept back.
pub async fn written(appended: store::journal::Appended) {
    settle::wait(appended).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_organizations_are_overwritten_in_place() {
        let key = "sk-proj-abcdefghijklmnop1234";
        let cases = [
            (format!("bad key {key}."), format!("bad key {}.", "*".repeat(key.len()))),
            (
                "Incorrect API key provided: sk-proj-********1234. See".into(),
                "Incorrect API key provided: sk-proj-************. See".into(),
            ),
            ("key ...nop1234 x".into(), "key ...******* x".into()),
            ("room 1234 is free".into(), "room 1234 is free".into()),
            ("in organization org-AbCdEf123456 on".into(), format!("in organization {} on", "*".repeat(16))),
            ("reorg-anisation".into(), "reorg-anisation".into()),
        ];
        for (body, expected) in cases {
            let body: String = body;
            let out = redact(Bytes::from(body.clone()), std::iter::once(key));
            assert_eq!(String::from_utf8_lossy(&out), expected, "{body}");
            assert_eq!(out.len(), body.len());
        }
    }
}
