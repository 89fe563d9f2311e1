//! Anthropic's `/v1/messages`, versions 2023-06-01 and later.

mod answer;
mod block;
mod decode;
mod encode;
mod fault;
mod meter;
pub(crate) mod model;
pub(crate) mod params;
mod patch;
mod peek;
mod read;
mod remote;
mod response;
mod signed;
mod stop;
mod turns;
mod usage;
mod write;

use crate::dialect::{Asked, Dialect, Outgoing, Patch};
use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::part::MediaKind;
use crate::ir::request::Request;
use crate::ir::response::Response;
use crate::loss::Lossy;
use crate::outcome::UpstreamFault;
use crate::peek::{Peek, Said};
use crate::remote::{Remote, Takes};
use crate::stream::{Decoder, Encoder, Meter};
use crate::target::Target;
use crate::undo::Undo;
use crate::usage::Usage;
use http::HeaderMap;
use wire::json::{Document, Edit, Json};

/// Reads a usage object of this shape: the counts of input leave out what the cache read or kept.
#[must_use]
pub fn read_usage(object: Json<'_>) -> Usage {
    usage::read(object)
}

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct AnthropicMessages;

impl Dialect for AnthropicMessages {
    fn id(&self) -> DialectId {
        DialectId::AnthropicMessages
    }
    fn peek(&self, body: &Document, _said: Said<'_>) -> Result<Peek, Fault> {
        peek::peek(body)
    }
    fn patch(&self, body: &Document, peek: &Peek, to: &Target<'_>) -> Patch {
        patch::patch(body, peek, to)
    }
    fn meter(&self, _from: &Target<'_>) -> Box<dyn Meter> {
        Box::new(meter::MessagesMeter::default())
    }
    fn remote(&self, body: &Document) -> Vec<Remote> {
        remote::remote(body)
    }
    fn inline(&self, remote: &Remote, media_type: &str, data: &str) -> Vec<Edit<'static>> {
        remote::inline(remote, media_type, data)
    }
    fn takes(&self, kind: MediaKind, url: &str, to: &Target<'_>) -> Takes {
        remote::takes(kind, url, to)
    }
    fn read_request(&self, body: &Document, _said: Said<'_>) -> Result<Lossy<Request>, Fault> {
        read::read(body)
    }
    fn write_request(&self, request: &Request, to: &Target<'_>) -> Result<Outgoing, Fault> {
        write::write(request, to)
    }
    fn read_response(&self, body: Json<'_>, undo: &Undo, from: &Target<'_>) -> Result<Lossy<Response>, UpstreamFault> {
        response::read(body, undo, from)
    }
    fn write_response(&self, response: &Response, asked: &Asked) -> Lossy<String> {
        response::write(response, asked)
    }
    fn decoder(&self, undo: Undo, from: &Target<'_>) -> Box<dyn Decoder> {
        Box::new(decode::MessagesDecoder::new(undo, from))
    }
    fn encoder(&self, asked: &Asked) -> Box<dyn Encoder> {
        Box::new(encode::MessagesEncoder::new(asked))
    }
    fn read_fault(&self, status: u16, headers: &HeaderMap, body: &[u8], now: u64) -> UpstreamFault {
        fault::read(status, headers, body, now)
    }
    fn write_fault(&self, fault: &Fault, request_id: &str) -> String {
        fault::write(fault, request_id)
    }
    fn write_stream_fault(&self, fault: &Fault, request_id: &str) -> Vec<u8> {
        fault::write_event(fault, request_id)
    }
}
