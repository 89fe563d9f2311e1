//! What is to be answered: an upstream's answer, or the caller's own fault passed on.

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use http::{HeaderMap, Response, header};

use super::flow::Flow;
use super::miss::Miss;
use super::settle::Record;
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
            return reply::fault(dialect::of(self.caller), &self.fault, &record);
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
