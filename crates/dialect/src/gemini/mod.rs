//! Google's `generateContent` and `streamGenerateContent`, at the Gemini API and at Vertex AI.
//!
//! The model and whether to stream stand in the path, not in the body. A stream is made of whole answers
//! whose parts are increments, as server-sent events or as the items of one array; it has no end marker and
//! is whole when every candidate has its finish reason.

mod answer;
mod calls;
mod decode;
mod encode;
mod fault;
mod finish;
mod ground;
pub(crate) mod member;
mod meter;
mod model;
mod names;
mod params;
mod part;
mod partial;
mod patch;
mod peek;
mod read;
mod remote;
mod response;
mod schema;
mod tools;
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
use http::HeaderMap;
use wire::json::{Document, Edit, Json};

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct Gemini;

impl Dialect for Gemini {
    fn id(&self) -> DialectId {
        DialectId::Gemini
    }
    fn peek(&self, body: &Document, said: Said<'_>) -> Result<Peek, Fault> {
        peek::peek(body, said)
    }
    fn patch(&self, body: &Document, _peek: &Peek, to: &Target<'_>) -> Patch {
        patch::patch(body, to)
    }
    fn meter(&self, from: &Target<'_>) -> Box<dyn Meter> {
        Box::new(meter::GeminiMeter::new(from))
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
        "contents"
    }
    fn read_request(&self, body: &Document, said: Said<'_>) -> Result<Lossy<Request>, Fault> {
        read::read(body, said)
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
        Box::new(decode::GeminiDecoder::new(undo, from))
    }
    fn encoder(&self, asked: &Asked) -> Box<dyn Encoder> {
        Box::new(encode::GeminiEncoder::new(asked))
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
