//! OpenAI's `/v1/responses`: create, whole and streamed, and the servers that speak it.

mod answer;
mod cite;
mod decode;
mod encode;
mod fault;
mod heard;
mod item;
mod meter;
mod object;
mod output;
mod output_item;
mod params;
mod patch;
mod peek;
mod read;
mod remote;
mod sealed;
mod status;
mod turns;
mod usage;
mod write;

pub use sealed::NO_PROOF;

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
use http::HeaderMap;
use wire::json::{Document, Edit, Json};

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct OpenAiResponses;

impl Dialect for OpenAiResponses {
    fn id(&self) -> DialectId {
        DialectId::OpenAiResponses
    }
    fn peek(&self, body: &Document, _said: Said<'_>) -> Result<Peek, Fault> {
        peek::peek(body)
    }
    fn patch(&self, body: &Document, peek: &Peek, to: &Target<'_>) -> Patch {
        patch::patch(body, peek, to)
    }
    fn meter(&self, from: &Target<'_>) -> Box<dyn Meter> {
        Box::new(meter::ResponsesMeter::new(from.quirks))
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
    fn turns(&self) -> &'static str {
        "input"
    }
    fn read_request(&self, body: &Document, _said: Said<'_>) -> Result<Lossy<Request>, Fault> {
        read::request(body)
    }
    fn write_request(&self, request: &Request, to: &Target<'_>) -> Result<Outgoing, Fault> {
        write::request(request, to)
    }
    fn echo(&self, body: &Document) -> Vec<(String, String)> {
        object::echo(body)
    }
    fn read_response(&self, body: Json<'_>, undo: &Undo, from: &Target<'_>) -> Result<Lossy<Response>, UpstreamFault> {
        answer::read(body, undo, from)
    }
    fn write_response(&self, response: &Response, asked: &Asked) -> Lossy<String> {
        answer::write(response, asked)
    }
    fn decoder(&self, undo: Undo, from: &Target<'_>) -> Box<dyn Decoder> {
        Box::new(decode::ResponsesDecoder::new(undo, from))
    }
    fn encoder(&self, asked: &Asked) -> Box<dyn Encoder> {
        Box::new(encode::ResponsesEncoder::new(asked))
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
