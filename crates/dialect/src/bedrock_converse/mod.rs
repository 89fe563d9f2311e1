//! Amazon Bedrock's `Converse` and `ConverseStream`.
//!
//! The model and whether to stream stand in the path. A stream is an AWS event stream, one message an event, whose
//! name is in the message's headers; `metadata` with the usage is its last. Text blocks begin without an event.

mod answer;
mod block;
mod decode;
mod encode;
mod fault;
mod media;
mod meter;
mod model;
mod params;
mod patch;
mod peek;
mod read;
mod response;
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
use crate::remote::Takes;
use crate::stream::{Decoder, Encoder, Framing, Meter};
use crate::target::Target;
use crate::undo::Undo;
use http::HeaderMap;
use wire::json::{Document, Json};

/// The dialect.
#[derive(Debug, Clone, Copy)]
pub struct BedrockConverse;

impl Dialect for BedrockConverse {
    fn id(&self) -> DialectId {
        DialectId::BedrockConverse
    }
    fn framing(&self) -> Framing {
        Framing::AwsEventStream
    }
    fn takes(&self, kind: MediaKind, url: &str, _to: &Target<'_>) -> Takes {
        match url.starts_with("s3://") {
            true => Takes::Address,
            false => crate::remote::takes(kind, url, &[], &[MediaKind::Image, MediaKind::File, MediaKind::Video]),
        }
    }
    fn peek(&self, body: &Document, said: Said<'_>) -> Result<Peek, Fault> {
        peek::peek(body, said)
    }
    fn patch(&self, body: &Document, _peek: &Peek, to: &Target<'_>) -> Patch {
        patch::patch(body, to)
    }
    fn meter(&self, _from: &Target<'_>) -> Box<dyn Meter> {
        Box::new(meter::ConverseMeter::default())
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
        Box::new(decode::ConverseDecoder::new(undo, from))
    }
    fn encoder(&self, asked: &Asked) -> Box<dyn Encoder> {
        Box::new(encode::ConverseEncoder::new(asked))
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
