//! The one trait a new dialect implements. No I/O, no clock, no async.

use http::HeaderMap;
use wire::json::{Document, Edit, Json};

use crate::fault::Fault;
use crate::id::DialectId;
use crate::ir::part::MediaKind;
use crate::ir::request::Request;
use crate::ir::response::Response;
use crate::loss::{Loss, Lossy};
use crate::outcome::UpstreamFault;
use crate::peek::{Peek, Said};
use crate::quirk::Quirk;
use crate::remote::{Remote, Takes, is_web};
use crate::stream::{Decoder, Encoder, Framing, Meter};
use crate::target::Target;
use crate::undo::Undo;

/// How the body sent differs from the body received, in the same dialect.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    /// Edits of the body.
    pub edits: Vec<Edit<'static>>,
    /// What a listed refusal of the target made us leave out.
    pub losses: Vec<Loss>,
    /// Hold back the frame that carries usage and nothing else: the client did not ask for it.
    pub hold_usage: bool,
}

/// A request written for another dialect's upstream.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// The body.
    pub body: String,
    /// Headers beyond those of the row (`anthropic-version`).
    pub headers: Vec<(&'static str, String)>,
    /// What could not come along.
    pub losses: Vec<Loss>,
    /// What the answer must be changed back from.
    pub undo: Undo,
}

/// What the client asked for, as far as its answer must know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// Streams end with a usage frame.
    pub include_usage: bool,
    /// Unix time in seconds when the request arrived, for dialects that date their answers.
    pub now: u64,
    /// An id for answers whose upstream gave none.
    pub id: String,
    /// Whether the gateway keeps the answer for its caller: then, or when it says that it does not, the answer's id
    /// is [`Asked::id`] whatever the upstream's is. `None`: the upstream's id stays. For dialects with state.
    pub kept: Option<bool>,
    /// The model the answer is said to be from, where the upstream does not say.
    pub model: String,
    /// Members of the request that its answer repeats, as JSON texts; see [`Dialect::echo`].
    pub echo: Vec<(String, String)>,
}

/// A language of requests, answers and streams.
pub trait Dialect: Send + Sync + std::fmt::Debug + 'static {
    /// Its name.
    fn id(&self) -> DialectId;

    /// How its streams are framed: what its decoder reads and its encoder writes.
    fn framing(&self) -> Framing {
        Framing::Events
    }

    // Same dialect.

    /// Looks at a request: what routing must know. `said` is what its path said.
    ///
    /// # Errors
    /// `invalid_request` with the path of a top-level member of a wrong type, or a missing model.
    fn peek(&self, body: &Document, said: Said<'_>) -> Result<Peek, Fault>;
    /// How the body must change on its way to a target of the same dialect.
    fn patch(&self, body: &Document, peek: &Peek, to: &Target<'_>) -> Patch;
    /// Watches an answer in this dialect.
    fn meter(&self, from: &Target<'_>) -> Box<dyn Meter>;

    // Media at addresses.

    /// The media of a request that stand at an address. None where no client speaks the dialect.
    fn remote(&self, _body: &Document) -> Vec<Remote> {
        Vec::new()
    }
    /// The edits of the same body that put bytes, in base64, in the place of an address.
    fn inline(&self, _remote: &Remote, _media_type: &str, _data: &str) -> Vec<Edit<'static>> {
        Vec::new()
    }
    /// How a target of this dialect takes media at an address.
    fn takes(&self, _kind: MediaKind, url: &str, to: &Target<'_>) -> Takes {
        match is_web(url) && !to.quirks.has(Quirk::NoMediaUrls) {
            true => Takes::Address,
            false => Takes::Bytes,
        }
    }

    // Across dialects.

    /// The member that holds the turns of a conversation, for faults that speak of them.
    fn turns(&self) -> &'static str {
        "messages"
    }
    /// Reads a request, with what its path said. Losses are what the IR has no place for (a lone surrogate).
    ///
    /// # Errors
    /// `invalid_request` with the path of what is not as the dialect says.
    fn read_request(&self, body: &Document, said: Said<'_>) -> Result<Lossy<Request>, Fault>;
    /// Writes a request for a target.
    ///
    /// # Errors
    /// `invalid_request` where nothing sensible can be sent.
    fn write_request(&self, request: &Request, to: &Target<'_>) -> Result<Outgoing, Fault>;
    /// The members of a request that its answer repeats, as JSON texts, for [`Asked::echo`]. None in most
    /// dialects.
    fn echo(&self, _body: &Document) -> Vec<(String, String)> {
        Vec::new()
    }
    /// Reads a whole answer.
    ///
    /// # Errors
    /// The error that the body holds, or `bad_answer` where it is not what the dialect says.
    fn read_response(&self, body: Json<'_>, undo: &Undo, from: &Target<'_>) -> Result<Lossy<Response>, UpstreamFault>;
    /// Writes a whole answer.
    fn write_response(&self, response: &Response, asked: &Asked) -> Lossy<String>;
    /// Reads a stream from a target.
    fn decoder(&self, undo: Undo, from: &Target<'_>) -> Box<dyn Decoder>;
    /// Writes a stream.
    fn encoder(&self, asked: &Asked) -> Box<dyn Encoder>;

    // Failures.

    /// Reads an answer whose status is not 2xx. `now` is unix time in seconds, for dates in headers.
    fn read_fault(&self, status: u16, headers: &HeaderMap, body: &[u8], now: u64) -> UpstreamFault;
    /// Writes a failure as a whole body.
    fn write_fault(&self, fault: &Fault, request_id: &str) -> String;
    /// Writes a failure as the in-band error of a stream that has begun: whole frames, no end marker.
    fn write_stream_fault(&self, fault: &Fault, request_id: &str) -> Vec<u8>;
}
