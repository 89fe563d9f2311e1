//! Forms with a file: read as far as the field `model`, the rest goes through as it comes.
//!
//! A form of up to `HELD` bytes is held, so that it can be sent to a second target. A longer one is held up to
//! its field `model`, which most clients send first, and at most up to `server.max_body`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use dialect::fault::{Fault, Kind};
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;

use super::request::replaced;
use crate::gateway::{Gateway, Held};
use crate::native::send::too_large;
use crate::state::snapshot::Snapshot;
use crate::upstream::sent::{Sent, Upload};

/// Longest form that is held whole, in bytes.
const HELD: u64 = 4 << 20;
/// Longest head of one field, in bytes.
const MOST_HEAD: usize = 16 << 10;
/// How long a body may stand still.
const PATIENCE: Duration = Duration::from_secs(60);

/// A form.
#[derive(Debug)]
pub struct Form {
    first: Bytes,
    /// Where the model's name stands in `first`.
    span: Range<usize>,
    model: String,
    /// What was not read.
    rest: Option<Upload>,
    _held: Held,
}

impl Form {
    /// The model asked for.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Bytes that were read of it.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.first.len() as u64
    }

    /// True when nothing was read of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// What goes through.
    #[must_use]
    pub fn upload(&self) -> Option<&Upload> {
        self.rest.as_ref()
    }

    /// The form with another model's name in it.
    #[must_use]
    pub fn body_for(&self, model: &str) -> Sent {
        let first = replaced(&self.first, self.span.clone(), model);
        match &self.rest {
            Some(rest) => rest.send(first),
            None => Sent::from(Full::new(first)),
        }
    }
}

/// Reads a form as far as it must be.
///
/// # Errors
/// It is no form, too long, breaks off, or names no model within what may be held. The body stays where it was.
pub async fn read(
    gateway: &Arc<Gateway>,
    snapshot: &Snapshot,
    headers: &HeaderMap,
    coming: &mut Option<Incoming>,
) -> Result<Form, Fault> {
    let server = &snapshot.config.server;
    let boundary = boundary(headers)?;
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Fault::new(Kind::Unsupported, "A form is taken without a `content-encoding`. Send it plain."));
    }
    let told: Option<u64> = headers.get(header::CONTENT_LENGTH).and_then(|told| told.to_str().ok()?.parse().ok());
    if told.is_some_and(|told| told > server.max_upload) {
        return Err(too_large(server.max_upload));
    }
    let broken = || Fault::invalid("", "The request body broke off before its end.");
    let body = coming.as_mut().ok_or_else(broken)?;
    let whole = told.is_some_and(|told| told <= HELD);
    let mut held = gateway.buffer(0, server.max_buffered)?;
    let mut bytes = BytesMut::new();
    let mut search = Search::new(&boundary);
    let mut found = None;
    let mut ended = false;
    while !ended && (found.is_none() || whole) {
        let frame = match tokio::time::timeout(PATIENCE, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => {
                ended = true;
                continue;
            }
            Ok(Some(Err(_))) => return Err(broken()),
            Err(_) => return Err(Fault::invalid("", "The request body stopped coming for 60 seconds.")),
        };
        let Ok(piece) = frame.into_data() else { continue };
        let size = (bytes.len() + piece.len()) as u64;
        if size > server.max_body {
            return Err(late(server.max_body));
        }
        gateway.grow(&mut held, size, server.max_buffered)?;
        bytes.extend_from_slice(&piece);
        if found.is_none() {
            found = search.look(&bytes)?;
        }
    }
    let Some(span) = found else {
        return Err(Fault::invalid(
            "model",
            "The form has no field `model`: name one of those that GET /v1/models lists.",
        ));
    };
    // A provider may read the other of two: then another model answers than the one that the key may use.
    (search.at, search.clear) = (span.end, span.end);
    if matches!(search.look(&bytes), Ok(Some(_))) {
        return Err(Fault::invalid("model", "The form's field `model` stands twice. Send it once."));
    }
    let first = bytes.freeze();
    let model = first.get(span.clone()).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default().to_owned();
    let limit = server.max_upload.saturating_sub(first.len() as u64);
    let rest = coming.take().filter(|_| !ended).map(|body| Upload::new(body, limit));
    Ok(Form { first, span, model, rest, _held: held })
}

fn late(limit: u64) -> Fault {
    let message = format!(
        "The form's field `model` did not come within its first {limit} bytes (`server.max_body`), as far as a form is \
         held. Send `model` before the file."
    );
    Fault::new(Kind::TooLarge, message).with("limit", limit.to_string())
}

/// The delimiter of a form.
///
/// # Errors
/// It is no form, or names none.
pub fn boundary(headers: &HeaderMap) -> Result<String, Fault> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (name, rest) = kind.split_once(';').unwrap_or((kind, ""));
    if !name.trim().eq_ignore_ascii_case("multipart/form-data") {
        let message = format!("This endpoint takes `multipart/form-data`, not `{}`.", name.trim().escape_default());
        return Err(Fault::new(Kind::Unsupported, message));
    }
    let named = rest
        .split(';')
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"));
    let boundary = named.map(|(_, value)| value.trim().trim_matches('"')).unwrap_or_default();
    if boundary.is_empty() || boundary.len() > 200 {
        return Err(Fault::invalid("", "The form's `content-type` names no `boundary`."));
    }
    Ok(format!("--{boundary}"))
}

/// Looks for the field `model` in bytes that grow.
struct Search {
    delimiter: Vec<u8>,
    /// The next field begins here or later.
    at: usize,
    /// No delimiter begins before this.
    clear: usize,
}

impl Search {
    fn new(delimiter: &str) -> Self {
        Self { delimiter: delimiter.as_bytes().to_vec(), at: 0, clear: 0 }
    }

    /// Where the model's name stands, once it is there whole.
    fn look(&mut self, bytes: &[u8]) -> Result<Option<Range<usize>>, Fault> {
        let from = |at: usize| bytes.get(at..).unwrap_or_default();
        loop {
            let Some(begin) = memchr::memmem::find(from(self.at.max(self.clear)), &self.delimiter) else {
                self.clear = self.clear.max(bytes.len().saturating_sub(self.delimiter.len()));
                return Ok(None);
            };
            let head = self.at.max(self.clear) + begin + self.delimiter.len();
            if from(head).starts_with(b"--") {
                return Ok(None);
            }
            let Some(length) = memchr::memmem::find(from(head), b"\r\n\r\n") else {
                if from(head).len() > MOST_HEAD {
                    return Err(Fault::invalid("", "A field of the form has a head longer than any may be."));
                }
                return Ok(None);
            };
            let value = head + length + 4;
            let named = bytes.get(head..head + length).unwrap_or_default();
            if !is_model(named) {
                self.at = value;
                self.clear = value;
                continue;
            }
            let mut end = b"\r\n".to_vec();
            end.extend_from_slice(&self.delimiter);
            return Ok(memchr::memmem::find(from(value), &end).map(|length| value..value + length));
        }
    }
}

/// True for the head of the field `model`.
fn is_model(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    let disposition = head.split("\r\n").find(|line| {
        line.split_once(':').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"))
    });
    let parts = || disposition.unwrap_or_default().split(';').map(str::trim);
    let named = |part: &str| part == "name=\"model\"" || part == "name=model";
    parts().any(named) && !parts().any(|part| part.starts_with("filename"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_however_the_form_is_cut() {
        let file =
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\n\r\n--bx name=\"model\"\r\n";
        let model = "--b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\np1/m\r\n";
        for form in [format!("{model}{file}--b--\r\n"), format!("{file}{model}--b--\r\n")] {
            for cut in 1..form.len() {
                let mut search = Search::new("--b");
                let early = search.look(&form.as_bytes()[..cut]).unwrap();
                let span = early.or_else(|| search.look(form.as_bytes()).unwrap()).unwrap();
                assert_eq!(&form[span], "p1/m", "cut at {cut}");
            }
        }
        assert_eq!(Search::new("--b").look(format!("{file}--b--\r\n").as_bytes()).unwrap(), None);
    }
}
