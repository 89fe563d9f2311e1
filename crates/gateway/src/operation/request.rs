//! One request of an operation: its model, and a body that can be sent to each target with that one's name.

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::Fault;
use dialect::quirk::Quirk;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::Full;
use hyper::body::Incoming;
use policy::provider::operation::Operation;
use tokio::time::Instant;
use wire::json::{Document, Edit, Json};

use super::Asking;
use super::form::{self, Form};
use crate::exchange::arrive;
use crate::exchange::settle::Record;
use crate::gateway::{Gateway, Held};
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;
use crate::state::target::Target;
use crate::upstream::sent::{Sent, Trouble};

/// The model of a moderation that names none, as OpenAI has it.
const MODERATION: &str = "omni-moderation-latest";

/// A request that is understood.
#[derive(Debug)]
pub struct Request {
    /// What is asked for.
    pub asking: Asking,
    /// The model asked for.
    pub model: String,
    /// The answer is to be streamed.
    pub stream: bool,
    /// The caller asked for a stream's usage itself.
    pub include_usage: bool,
    /// Characters of the text to be spoken.
    pub characters: Option<u64>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its query, less `key`.
    pub query: Option<String>,
    /// When it arrived.
    pub start: Instant,
    /// When the caller gives up.
    pub deadline: Option<Instant>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Json { document: Document, _held: Held },
    Form(Form),
}

/// Reads and understands a request.
///
/// # Errors
/// A body that is not what the operation takes, is too long, or names no model.
#[expect(clippy::too_many_arguments, reason = "one request has one reader")]
pub async fn read(
    gateway: &Arc<Gateway>,
    snapshot: &Snapshot,
    asking: Asking,
    who: &Principal,
    head: Parts,
    body: &mut Option<Incoming>,
    start: Instant,
    record: &mut Record,
) -> Result<Request, Fault> {
    record.read_headers(&head.headers, who)?;
    let deadline = arrive::deadline(&head.headers, start)?;
    let query = arrive::query(head.uri.query());
    let broken = || Fault::invalid("", "The request body broke off before its end.");
    let form = asking.operation.is_form();
    let mut request = Request {
        asking,
        model: String::new(),
        stream: false,
        include_usage: false,
        characters: None,
        query,
        start,
        deadline,
        body: if form {
            Body::Form(form::read(gateway, snapshot, &head.headers, body).await?)
        } else {
            let (bytes, held) =
                arrive::read(gateway, snapshot, &head.headers, body.as_mut().ok_or_else(broken)?).await?;
            let document = Document::parse(bytes).map_err(|error| {
                Fault::invalid("", format!("The request body is not the JSON object it must be: {error}."))
            })?;
            Body::Json { document, _held: held }
        },
        headers: head.headers,
    };
    request.understand(record)?;
    Ok(request)
}

impl Request {
    fn understand(&mut self, record: &mut Record) -> Result<(), Fault> {
        let mut tier = None;
        let bytes = match &self.body {
            Body::Form(form) => {
                self.model = form.model().to_owned();
                form.len()
            }
            Body::Json { document, .. } => {
                let text = |name: &str| document.get(name).and_then(Json::as_str);
                self.model = match document.get("model").filter(|model| !model.is_null()) {
                    _ if self.asking.named.is_some() => self.asking.named.clone().unwrap_or_default(),
                    Some(model) => model.as_str().map(Into::into).ok_or_else(no_model)?,
                    None if self.asking.operation == Operation::Moderations => MODERATION.to_owned(),
                    None => String::new(),
                };
                self.stream = document.get("stream").and_then(Json::as_bool).unwrap_or(false);
                self.include_usage = document
                    .get("stream_options")
                    .and_then(|options| options.get("include_usage")?.as_bool())
                    .unwrap_or(false);
                if self.asking.operation == Operation::Speech {
                    self.characters = text("input").map(|input| input.chars().count() as u64);
                }
                tier = text("service_tier").map(Into::into);
                if let Some(user) = text("safety_identifier").or_else(|| text("user")) {
                    record.for_user(&user);
                }
                document.bytes().len() as u64
            }
        };
        if self.model.is_empty() {
            return Err(no_model());
        }
        record.asks(&self.model, self.stream, tier, bytes);
        Ok(())
    }

    /// The body, where it is JSON.
    #[must_use]
    pub fn document(&self) -> Option<&Document> {
        match &self.body {
            Body::Json { document, .. } => Some(document),
            Body::Form(_) => None,
        }
    }

    /// The body for a target of the same shape, with that one's name of the model.
    #[must_use]
    pub fn body_for(&self, target: &Target) -> Sent {
        match &self.body {
            Body::Form(form) => form.body_for(&target.model),
            Body::Json { document, .. } => {
                let mut edits = vec![Edit::set_str("model", &target.model)];
                if self.asks_for_usage(target) {
                    edits.push(Edit::set_at(vec!["stream_options".into(), "include_usage".into()], "true"));
                }
                Sent::from(Full::new(document.edit(&edits)))
            }
        }
    }

    /// The gateway asks for a stream's usage where its caller did not.
    #[must_use]
    pub fn asks_for_usage(&self, target: &Target) -> bool {
        self.asking.operation == Operation::Completions
            && self.stream
            && !self.include_usage
            && !target.quirks.has(Quirk::NoStreamOptions)
    }

    /// The content type that goes up.
    #[must_use]
    pub fn content_type(&self) -> HeaderValue {
        match &self.body {
            Body::Json { .. } => HeaderValue::from_static("application/json"),
            Body::Form(_) => {
                let given = self.headers.get(header::CONTENT_TYPE).cloned();
                given.unwrap_or(HeaderValue::from_static("multipart/form-data"))
            }
        }
    }

    /// Something of the body is gone: it cannot be sent to another target.
    #[must_use]
    pub fn touched(&self) -> bool {
        matches!(&self.body, Body::Form(form) if form.upload().is_some_and(crate::upstream::sent::Upload::touched))
    }

    /// Why the body ended early, if it did.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        match &self.body {
            Body::Form(form) => form.upload()?.trouble(),
            Body::Json { .. } => None,
        }
    }

    /// What nobody has read of the body.
    #[must_use]
    pub fn rest(&self) -> Option<Incoming> {
        match &self.body {
            Body::Form(form) => form.upload()?.rest(),
            Body::Json { .. } => None,
        }
    }

    /// The answer is one JSON object.
    #[must_use]
    pub fn wants_json(&self) -> bool {
        !self.stream
            && !matches!(self.asking.operation, Operation::Speech | Operation::Transcriptions | Operation::Translations)
    }
}

fn no_model() -> Fault {
    Fault::invalid("model", "`model` is missing: name one of those that GET /v1/models lists.")
}

/// Bytes of a form, replaced in one place.
#[must_use]
pub fn replaced(bytes: &[u8], span: std::ops::Range<usize>, new: &str) -> Bytes {
    let (before, after) = (bytes.get(..span.start).unwrap_or_default(), bytes.get(span.end..).unwrap_or_default());
    [before, new.as_bytes(), after].concat().into()
}
