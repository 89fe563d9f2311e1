//! One look at the body of a native call: the model, and whether the caller's key may use it.

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use http::request::Parts;
use http::{HeaderMap, header};
use http_body::Body as _;
use hyper::body::Incoming;
use wire::json::{Document, Json};

use super::headers::is_json;
use super::path::{self, Known, Named};
use crate::exchange::arrive;
use crate::gateway::{Gateway, Held};
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;

/// What one look told.
#[derive(Debug, Default)]
pub struct Looked {
    /// The model, where it is known.
    pub model: Option<String>,
    /// Every other model that the body names.
    pub others: Vec<String>,
    /// A streamed answer is asked for.
    pub stream: bool,
    /// The service tier asked for.
    pub tier: Option<String>,
    /// The end user.
    pub user: Option<String>,
    /// The body's length, in bytes.
    pub bytes: u64,
    /// The body, where it was read.
    pub body: Option<(Bytes, Held)>,
}

/// Reads the body of a call whose path is known, where it is JSON of a length that may be held; every other body
/// stays where it is.
///
/// # Errors
/// The body breaks off, or there is no memory for it.
pub async fn look(
    gateway: &Arc<Gateway>,
    snapshot: &Snapshot,
    head: &Parts,
    call: Option<&Known>,
    body: &mut Option<Incoming>,
) -> Result<Looked, Fault> {
    let mut looked = Looked::default();
    let Some(call) = call else { return Ok(looked) };
    if let Named::Path(model) = &call.model {
        looked.model = Some(model.clone());
        looked.stream = path::streams(head.uri.path());
    }
    // Ollama streams unless it is told not to.
    looked.stream |= call.dialect == Some(DialectId::Ollama);
    let told = told(&head.headers);
    looked.bytes = told.unwrap_or(0);
    let wanted = call.model != Named::Nowhere;
    let fits = told.is_none_or(|told| told <= snapshot.config.server.max_body);
    let Some(incoming) = body.as_mut().filter(|body| wanted && fits && is_json(&head.headers) && !body.is_end_stream())
    else {
        return Ok(looked);
    };
    let (bytes, held) = arrive::read(gateway, snapshot, &head.headers, incoming).await?;
    looked.bytes = bytes.len() as u64;
    if let Ok(document) = Document::parse(bytes.clone()) {
        tell(&document, &mut looked);
    }
    looked.body = Some((bytes, held));
    Ok(looked)
}

fn told(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn tell(document: &Document, looked: &mut Looked) {
    let text = |json: Json<'_>| json.as_str().map(|text| text.into_owned()).filter(|text| !text.is_empty());
    for (key, value) in document.members() {
        match key {
            "model" => match (text(value), &looked.model) {
                (Some(model), None) => looked.model = Some(model),
                (Some(model), Some(_)) => looked.others.push(model),
                (None, _) => {}
            },
            // OpenRouter's list of models to try.
            "models" => looked.others.extend(value.items().filter_map(text)),
            "stream" => looked.stream = value.as_bool().unwrap_or(looked.stream),
            "service_tier" => looked.tier = text(value),
            "user" | "safety_identifier" => looked.user = text(value).or(looked.user.take()),
            _ => {}
        }
    }
}

/// Checks the models of a call against those that the caller's key may use.
///
/// # Errors
/// `forbidden` for a key of named models where the call's model is not known or none of them.
pub fn allowed(snapshot: &Snapshot, place: usize, who: &Principal, looked: &Looked) -> Result<(), Fault> {
    if who.models.is_empty() && who.team_models.is_empty() {
        return Ok(());
    }
    let Some(provider) = snapshot.providers.get(place) else { return Ok(()) };
    let name = &provider.config.name;
    let may = |model: &String| {
        let full = format!("{name}/{model}");
        who.may_ask(&full) || (provider.offers(model, snapshot.catalog) && who.may_ask(model))
    };
    let Some(model) = &looked.model else {
        let message = "This key may use named models only, and this call of the native lane names none that the \
                       gateway can read. Send JSON with `model` to a path that takes it, or use a key without `models`.";
        return Err(Fault::new(Kind::Forbidden, message));
    };
    match std::iter::once(model).chain(&looked.others).find(|model| !may(model)) {
        None => Ok(()),
        Some(model) => {
            let message = format!(
                "This key may not use the model `{name}/{model}`. Ask for one that it may use (GET /v1/models lists \
                 them), or have the key's `models` extended."
            );
            Err(Fault { code: Some("model_forbidden".to_owned()), ..Fault::new(Kind::Forbidden, message) })
        }
    }
}
