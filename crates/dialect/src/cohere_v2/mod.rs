//! Cohere's `/v2/chat`.
//!
//! What it says before it calls tools stands in `tool_plan`, which is text here. Billed are `billed_units`, not
//! the raw `tokens`. A stream ends with `message-end`, mostly followed by `[DONE]`.

mod answer;
mod cite;
mod decode;
mod encode;
mod fault;
mod finish;
mod meter;
mod params;
mod part;
mod patch;
mod peek;
mod read;
mod response;
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
use crate::quirk::Quirk;
use crate::remote::Takes;
use crate::stream::{Decoder, Encoder, Meter};
use crate::target::Target;
use crate::undo::Undo;
use http::HeaderMap;
use wire::json::{Document, Json};

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct CohereV2;

impl Dialect for CohereV2 {
    fn id(&self) -> DialectId {
        DialectId::CohereV2
    }
    fn takes(&self, kind: MediaKind, url: &str, to: &Target<'_>) -> Takes {
        let fetched: &[MediaKind] = if to.quirks.has(Quirk::NoMediaUrls) { &[] } else { &[MediaKind::Image] };
        crate::remote::takes(kind, url, fetched, &[MediaKind::Image])
    }
    fn peek(&self, body: &Document, _said: Said<'_>) -> Result<Peek, Fault> {
        peek::peek(body)
    }
    fn patch(&self, body: &Document, peek: &Peek, to: &Target<'_>) -> Patch {
        patch::patch(body, peek, to)
    }
    fn meter(&self, _from: &Target<'_>) -> Box<dyn Meter> {
        Box::new(meter::CohereMeter::default())
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
        Box::new(decode::CohereDecoder::new(undo, from))
    }
    fn encoder(&self, asked: &Asked) -> Box<dyn Encoder> {
        Box::new(encode::CohereEncoder::new(asked))
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
