//! Sends a request of the native lane: the provider's host, the caller's path, our key.

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::outcome::Outcome;
use http::{Request, Uri};
use http_body_util::Full;
use tokio::time::{Instant, timeout_at};

use super::headers;
use super::{Carried, Going};
use crate::exchange::miss::unauthorized;
use crate::exchange::settle::Record;
use crate::upstream::client::{Answer, SendError};
use crate::upstream::credential::Payload;
use crate::upstream::sent::{Sent, Trouble, Upload};

/// Sends a request and waits for the answer's head.
///
/// # Errors
/// How the try ended, and what the caller is told.
pub async fn send(going: &Going, until: Instant, record: &mut Record) -> Result<Answer, (Outcome, Fault)> {
    let waiting = crate::env::instant();
    let mut by = until;
    if going.stream {
        by = by.min(waiting + going.target.timeouts.first_byte);
    }
    let tried = timeout_at(by, once_more(going, record)).await;
    record.waited(waiting);
    match tried {
        Ok(tried) => tried,
        Err(_) => {
            let (outcome, timer) =
                if by < until { (Outcome::TimeoutFirstByte, "first_byte") } else { (Outcome::TimeoutTotal, "total") };
            let message = "The provider did not answer in time. Retry, or raise its `timeouts`.";
            Err((outcome, Fault::new(Kind::UpstreamTimeout, message).with("timer", format!("\"{timer}\""))))
        }
    }
}

/// A body that is here is sent again where a kept connection was found closed.
async fn once_more(going: &Going, record: &mut Record) -> Result<Answer, (Outcome, Fault)> {
    let provider = &going.target.provider;
    let Some(client) = provider.client.as_ref() else { return Err((Outcome::Connect, unreachable())) };
    let mut again = false;
    loop {
        let (body, upload) = match &going.body {
            Carried::Read(bytes, _) => (Sent::from(Full::new(bytes.clone())), None),
            Carried::Through(upload) => (upload.send(Bytes::new()), Some(upload)),
        };
        let mut request = Request::new(body);
        *request.method_mut() = going.method.clone();
        *request.uri_mut() = address(going).ok_or_else(|| (Outcome::InvalidRequest, unsendable()))?;
        *request.headers_mut() = going.headers.clone();
        let key = provider.config.keys.get(going.key).map(crate::config::Secret::reveal);
        let auth = key.and_then(|key| auth(going).header(key));
        headers::ours(request.headers_mut(), &going.target, auth, &record.gateway().via_header);
        let payload = match &going.body {
            Carried::Read(bytes, _) => Payload::Whole(bytes),
            Carried::Through(_) => Payload::Through,
        };
        let authorized = provider.authorize(&record.gateway().tasks, &mut request, payload).await;
        authorized
            .map_err(|error| (Outcome::Auth, Fault::new(Kind::UpstreamAuth, unauthorized(&error.to_string()))))?;
        match client.send(request).await {
            Ok(answer) => return Ok(answer),
            Err(error) => {
                if let Some(trouble) = upload.and_then(Upload::trouble) {
                    return Err((Outcome::Cancelled, told(trouble, record.snapshot().config.server.max_upload)));
                }
                let fresh = upload.is_none_or(|upload| !upload.touched());
                match error {
                    SendError::Broken { reused: true } if fresh && !again => {
                        again = true;
                        record.resent();
                    }
                    SendError::ConnectTimeout => return Err((Outcome::TimeoutConnect, unreachable())),
                    SendError::Connect | SendError::Broken { .. } => return Err((Outcome::Connect, unreachable())),
                }
            }
        }
    }
}

/// How the provider's key is sent: as the dialect whose path it is has it, else as the row says.
fn auth(going: &Going) -> &policy::provider::row::Auth {
    let config = &going.target.provider.config;
    let own = going.known.and_then(|dialect| config.row.speaks(dialect, &config.base_url));
    own.map(|speaks| config.row.auth(speaks)).or(config.row.native_auth.as_ref()).unwrap_or(&config.row.auth)
}

/// The provider's origin with the caller's path and query.
fn address(going: &Going) -> Option<Uri> {
    let base: Uri = going.target.provider.config.base_url.parse().ok()?;
    let path = match &going.query {
        Some(query) => format!("{}?{query}", going.path),
        None => going.path.clone(),
    };
    Uri::builder().scheme(base.scheme()?.clone()).authority(base.authority()?.clone()).path_and_query(path).build().ok()
}

fn unreachable() -> Fault {
    Fault::new(
        Kind::UpstreamFailed,
        "The provider could not be reached. Retry shortly; the operator must check its `base_url`.",
    )
}

fn unsendable() -> Fault {
    Fault::invalid("", "This path cannot be sent. Percent-encode what is not letters, digits and `-._~`.")
}

/// What a caller whose body did not come whole is told.
#[must_use]
pub fn told(trouble: Trouble, limit: u64) -> Fault {
    match trouble {
        Trouble::TooLarge => too_large(limit),
        Trouble::Broken => Fault::invalid("", "The request body broke off before its end."),
        Trouble::Stalled => Fault::invalid("", "The request body stopped coming for 60 seconds."),
        Trouble::Refused => Fault::invalid("", "The request body is not what it must be."),
    }
}

/// The fault of an upload that is too long.
#[must_use]
pub fn too_large(limit: u64) -> Fault {
    let message = format!("The upload is longer than {limit} bytes, the limit of this gateway (`server.max_upload`).");
    Fault::new(Kind::TooLarge, message).with("limit", limit.to_string())
}
