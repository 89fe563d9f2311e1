//! A file on its way up: its form goes through, a batch's requests looked at line by line.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::line::Models;
use super::send::Carried;
use super::sieve::{Room, Shared, Sieve};
use crate::gateway::{Gateway, Held};
use crate::native::send::too_large;
use crate::operation::form::boundary;
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;
use crate::upstream::sent::Upload;

/// Most bytes that are read ahead, to know what a form is.
const AHEAD: usize = 256 << 10;
/// How long a body may stand still.
const PATIENCE: Duration = Duration::from_secs(60);

/// A form that is ready to go, and what looks at it.
#[derive(Debug)]
pub struct Form {
    /// The body.
    pub body: Carried,
    /// What looks at it; nothing where the API has no files of requests.
    pub sieve: Option<Shared>,
}

/// Memory of all requests together.
#[derive(Debug)]
struct Buffered {
    gateway: Arc<Gateway>,
    held: Held,
    /// Most bytes that all of them may hold.
    most: u64,
}

impl Room for Buffered {
    fn grow(&mut self, bytes: u64) -> Result<(), Fault> {
        self.gateway.grow(&mut self.held, bytes, self.most)
    }
}

/// Makes a form ready to go to the provider of a place.
///
/// # Errors
/// It is no form, or too long; a batch's request asks what it may not. The body stays where it was.
pub async fn ready(
    gateway: &Arc<Gateway>,
    snapshot: &Arc<Snapshot>,
    who: &Arc<Principal>,
    family: DialectId,
    place: usize,
    headers: &HeaderMap,
    coming: &mut Option<Incoming>,
) -> Result<Form, Fault> {
    let server = &snapshot.config.server;
    let boundary = boundary(headers)?;
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Fault::new(Kind::Unsupported, "A form is taken without a `content-encoding`. Send it plain."));
    }
    let broken = || Fault::invalid("", "The request body broke off before its end.");
    let body = coming.as_mut().ok_or_else(broken)?;
    let told = body.size_hint().exact();
    if told.is_some_and(|told| told > server.max_upload) {
        return Err(too_large(server.max_upload));
    }
    if family == DialectId::AnthropicMessages {
        let body = coming.take().ok_or_else(broken)?;
        let body = Carried::Through(bytes::Bytes::new(), Upload::new(body, server.max_upload));
        return Ok(Form { body, sieve: None });
    }
    let held = gateway.buffer(0, server.max_buffered)?;
    let models = Models::new(snapshot, who, place);
    let boundary = boundary.get(2..).unwrap_or_default();
    let room = Buffered { gateway: Arc::clone(gateway), held, most: server.max_buffered };
    let sieve = Shared::new(Sieve::new(boundary, models, Box::new(room)));
    let mut first = BytesMut::new();
    let mut read = 0;
    // A short form is read whole, and goes up with its length.
    let short = told.is_some_and(|told| told <= AHEAD as u64);
    while short || (read < AHEAD && !sieve.with(|sieve| sieve.decided())) {
        let frame = match tokio::time::timeout(PATIENCE, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => {
                let rest = sieve.with(Sieve::finish)?;
                first.extend_from_slice(&rest);
                return Ok(Form { body: Carried::Whole(first.freeze()), sieve: Some(sieve) });
            }
            Ok(Some(Err(_))) => return Err(broken()),
            Err(_) => return Err(Fault::invalid("", "The request body stopped coming for 60 seconds.")),
        };
        let Ok(piece) = frame.into_data() else { continue };
        read += piece.len();
        let piece = sieve.with(|sieve| sieve.push(&piece))?;
        first.extend_from_slice(&piece);
    }
    let body = coming.take().ok_or_else(broken)?;
    let limit = server.max_upload.saturating_sub(read as u64);
    // What does not change keeps its length.
    let same = !sieve.with(|sieve| sieve.changes());
    let length = told.filter(|_| same).map(|told| told.saturating_sub(first.len() as u64));
    let upload = Upload::strained(body, limit, length, Box::new(sieve.clone()));
    Ok(Form { body: Carried::Through(first.freeze(), upload), sieve: Some(sieve) })
}
