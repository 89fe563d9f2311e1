//! Sends a request about an object to its provider, with its key. No other is tried: none has the object.

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use dialect::outcome::Outcome;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use tokio::time::{Instant, timeout_at};

use super::pin::Pin;
use crate::exchange::miss::unauthorized;
use crate::exchange::settle::Record;
use crate::gateway::Gateway;
use crate::native::headers;
use crate::native::send::told;
use crate::upstream::client::{Answer, SendError};
use crate::upstream::credential::Payload;
use crate::upstream::sent::{Sent, Trouble, Upload};

/// A body that goes up.
#[derive(Debug)]
pub enum Carried {
    /// All of it.
    Whole(Bytes),
    /// What was read of it, and the rest.
    Through(Bytes, Upload),
}

/// What goes up.
#[derive(Debug)]
pub struct Going {
    /// The method.
    pub method: Method,
    /// Where, behind the collection's address: `/{id}/content`.
    pub path: String,
    /// The query.
    pub query: Option<String>,
    /// The caller's headers that go up.
    pub headers: HeaderMap,
    /// The body.
    pub body: Carried,
}

impl Going {
    /// A look at something, with nothing of a caller's in it.
    #[must_use]
    pub fn look(path: String, family: DialectId) -> Self {
        let mut headers = HeaderMap::new();
        if family == DialectId::AnthropicMessages {
            headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        }
        Self { method: Method::GET, path, query: None, headers, body: Carried::Whole(Bytes::new()) }
    }
}

/// Why no answer came.
#[derive(Debug)]
pub enum Unsent {
    /// Nothing was heard.
    Unheard(SendError),
    /// The gateway has no credentials of its own.
    Unauthorized(String),
}

/// Sends once, and again where a kept connection was found closed and the body is still here.
///
/// # Errors
/// Why no answer came.
pub async fn send(gateway: &Arc<Gateway>, pin: &Pin, going: &Going) -> Result<(Answer, bool), Unsent> {
    let provider = &pin.target.provider;
    let client = provider.client.as_ref().ok_or(Unsent::Unheard(SendError::Connect))?;
    let mut again = false;
    loop {
        let (body, upload) = match &going.body {
            Carried::Whole(bytes) => (Sent::from(Full::new(bytes.clone())), None),
            Carried::Through(first, upload) => (upload.send(first.clone()), Some(upload)),
        };
        let mut request = Request::new(body);
        *request.method_mut() = going.method.clone();
        *request.uri_mut() = address(pin, going).ok_or(Unsent::Unheard(SendError::Connect))?;
        *request.headers_mut() = going.headers.clone();
        let key = provider.config.keys.get(pin.key).map(crate::config::Secret::reveal);
        let auth = key.and_then(|key| pin.auth.header(key));
        headers::ours(request.headers_mut(), &pin.target, auth, &gateway.via_header);
        let payload = match &going.body {
            Carried::Whole(bytes) => Payload::Whole(bytes),
            Carried::Through(..) => Payload::Through,
        };
        let authorized = provider.authorize(&gateway.tasks, &mut request, payload).await;
        authorized.map_err(|error| Unsent::Unauthorized(unauthorized(&error.to_string())))?;
        match client.send(request).await {
            Ok(answer) => return Ok((answer, again)),
            Err(SendError::Broken { reused: true }) if !again && upload.is_none_or(|upload| !upload.touched()) => {
                again = true;
            }
            Err(error) => return Err(Unsent::Unheard(error)),
        }
    }
}

fn address(pin: &Pin, going: &Going) -> Option<Uri> {
    let (base, own) = pin.url.split_once('?').map_or((pin.url.as_str(), None), |(base, own)| (base, Some(own)));
    let query: Vec<&str> = own.into_iter().chain(going.query.as_deref()).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("{base}{}{query}", going.path).parse().ok()
}

/// Sends for a caller and waits for the answer's head; the attempt is in the record.
///
/// # Errors
/// What the caller is told.
pub async fn ask(pin: &Pin, going: &Going, until: Instant, record: &mut Record) -> Result<Answer, Fault> {
    record.begin(&pin.target);
    let waiting = crate::env::instant();
    let gateway = Arc::clone(record.gateway());
    let sent = timeout_at(until, send(&gateway, pin, going)).await;
    record.waited(waiting);
    let (outcome, fault) = match sent {
        Ok(Ok((answer, again))) => {
            if again {
                record.resent();
            }
            return Ok(answer);
        }
        Ok(Err(Unsent::Unauthorized(message))) => (Outcome::Auth, Fault::new(Kind::UpstreamAuth, message)),
        Ok(Err(Unsent::Unheard(error))) => {
            if let Carried::Through(_, upload) = &going.body
                && let Some(trouble) = upload.trouble()
            {
                let fault = match trouble {
                    Trouble::Refused => upload.refused(),
                    _ => None,
                };
                let limit = record.snapshot().config.server.max_upload;
                (Outcome::Cancelled, fault.unwrap_or_else(|| told(trouble, limit)))
            } else {
                let outcome = match error {
                    SendError::ConnectTimeout => Outcome::TimeoutConnect,
                    SendError::Connect | SendError::Broken { .. } => Outcome::Connect,
                };
                let message = "The provider could not be reached, and what it keeps is nowhere else. Retry shortly.";
                (outcome, Fault::new(Kind::UpstreamFailed, message))
            }
        }
        Err(_) => {
            let message = "The provider did not answer in time. Retry, or raise its `timeouts`.";
            let fault = Fault::new(Kind::UpstreamTimeout, message).with("timer", "\"total\"");
            (Outcome::TimeoutTotal, fault)
        }
    };
    record.failed(outcome, None);
    Err(fault)
}

/// The caller's headers that go up, less those of a body that was read.
#[must_use]
pub fn up(from: &HeaderMap, family: DialectId, decoded: bool) -> HeaderMap {
    let mut headers = headers::up(from);
    if decoded {
        headers.remove(header::CONTENT_ENCODING);
    }
    if family == DialectId::AnthropicMessages {
        headers.entry("anthropic-version").or_insert(HeaderValue::from_static("2023-06-01"));
    }
    headers
}
