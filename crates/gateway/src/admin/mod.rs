//! The admin API: keys, requests, decisions and the configuration, for the operator and the command line.

pub mod config;
pub mod explain;
pub mod fields;
pub mod keys;
pub mod office;
pub mod requests;
pub mod targets;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use http::request::Parts;
use http::{Method, Response, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;

use self::office::{Ask, Office, Told};
use crate::gateway::Gateway;
use crate::server::reply::{self, ReplyBody};

/// Longest body of a call, in bytes; a request to be explained may be in it.
const MOST: usize = 64 * 1024;
/// How long a body may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves a path below `/admin/v1/`.
///
/// # Errors
/// What is wrong with the call.
pub async fn serve(
    gateway: &Arc<Gateway>,
    path: &str,
    head: &Parts,
    body: Incoming,
) -> Result<Response<ReplyBody>, Fault> {
    let body = read(head, body).await?;
    // HEAD works where GET does: the connection leaves the body out.
    let method = if head.method == Method::HEAD { Method::GET } else { head.method.clone() };
    let query = head.uri.query().map(str::to_owned);
    let ask = Ask { method, path: path.to_owned(), query, body };
    let told = answer(&Office::running(gateway), &ask).await?;
    let mut response = reply::json(told.status, told.json);
    // A key's text may be in it.
    response.headers_mut().insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Answers a call, with a gateway or without one.
///
/// # Errors
/// What is wrong with the call.
pub async fn answer(office: &Office, ask: &Ask) -> Result<Told, Fault> {
    let path = ask.path.strip_suffix('/').unwrap_or(&ask.path);
    let (room, rest) = path.split_once('/').unwrap_or((path, ""));
    match room {
        "keys" => keys::answer(office, rest, ask).await,
        "requests" => requests::answer(office, rest, ask).await,
        "explain" => explain::answer(office, rest, ask).await,
        "targets" => targets::answer(office, rest, ask),
        "config" => config::answer(office, rest, ask),
        _ => Err(Fault::new(
            Kind::NotFound,
            "There is no such path in the admin API. There are keys, requests, explain, targets and config; \
             /openapi.json describes them.",
        )),
    }
}

async fn read(head: &Parts, body: Incoming) -> Result<Bytes, Fault> {
    let body = match tokio::time::timeout(PATIENCE, Limited::new(body, MOST).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let message = format!("The body is longer than {MOST} bytes, the most that the admin API takes.");
            return Err(Fault::new(Kind::TooLarge, message).with("limit", MOST.to_string()));
        }
        Ok(Err(_)) => return Err(Fault::invalid("", "The body broke off before its end.")),
        Err(_) => return Err(Fault::invalid("", "The body did not come within 30 seconds.")),
    };
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    // Pages of other sites can post forms and plain text unasked, but no JSON.
    if !body.is_empty() && !kind.eq_ignore_ascii_case("application/json") {
        let message = "The admin API takes JSON: send `content-type: application/json`.";
        return Err(Fault::new(Kind::Unsupported, message));
    }
    Ok(body)
}

/// The description of everything that is served, as OpenAPI 3.1.
#[must_use]
pub const fn openapi() -> &'static str {
    include_str!("openapi.json")
}
