//! The body of a new batch: what it is made of must be the caller's, and every model one that it may use.

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use policy::object::{Kind as ObjectKind, Object};
use wire::json::{Document, Json, Kind as JsonKind, Writer};

use super::line::{Models, bad, is_limited, of_line};
use super::note;
use super::pin::{self, Pin};
use crate::gateway::Gateway;
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;
use policy::provider::kept::Kept;

/// A batch that may be made.
#[derive(Debug)]
pub struct Batch {
    /// Where.
    pub pin: Pin,
    /// Its body.
    pub body: Bytes,
    /// The only model of its requests, by the provider's id.
    pub model: Option<Arc<str>>,
    /// The only name asked for.
    pub asked: Option<String>,
}

/// A batch of OpenAI's API: it goes where the file of its requests is.
///
/// # Errors
/// The file is not there or not the caller's; it asks for what the caller may not use; its provider has no batches.
pub async fn of_file(
    gateway: &Arc<Gateway>,
    snapshot: &Arc<Snapshot>,
    who: &Arc<Principal>,
    provider: Option<&str>,
    document: &Document,
) -> Result<Batch, Fault> {
    let id = document.get("input_file_id").and_then(Json::as_str);
    let id = id.filter(|id| !id.is_empty()).ok_or_else(|| {
        Fault::invalid("input_file_id", "`input_file_id` is missing: the id of a file uploaded with `purpose=batch`.")
    })?;
    let found = gateway.objects.find(who, ObjectKind::File, &id, provider).await?;
    let file = found.ok_or_else(|| {
        let fault = Fault::new(Kind::NotFound, "There is no such file of this key. Upload one with `purpose=batch`.");
        Fault { path: Some("input_file_id".to_owned()), ..fault }
    })?;
    let pin = pin::of(snapshot, DialectId::OpenAiChat, Kept::Batches, &file)?;
    pin::required(&pin, who)?;
    let names = check_file(snapshot, who, &pin, &file)?;
    let asked = names.and_then(|names| <[String; 1]>::try_from(names).ok()).map(|[only]| only);
    Ok(Batch { pin, body: document.bytes().clone(), model: file.model, asked })
}

/// A key of the same team may be allowed less than the one that uploaded the file.
fn check_file(
    snapshot: &Arc<Snapshot>,
    who: &Arc<Principal>,
    pin: &Pin,
    file: &Object,
) -> Result<Option<Vec<String>>, Fault> {
    let names = note::names(file.data.as_deref());
    let mut models = Models::new(snapshot, who, pin.place);
    match &names {
        Some(names) => {
            for name in names {
                models.id(name)?;
            }
        }
        None if is_limited(who) => {
            let message = "This key may use named models only, and which ones this file asks for is not known. Upload \
                           it anew with `purpose=batch`.";
            return Err(Fault::new(Kind::Forbidden, message));
        }
        None => {}
    }
    Ok(names)
}

/// A batch of Anthropic's API, whose requests stand in it.
///
/// # Errors
/// It is no list of requests; one asks for what the caller may not use.
pub fn of_requests(
    snapshot: &Arc<Snapshot>,
    who: &Arc<Principal>,
    pin: Pin,
    document: &Document,
) -> Result<Batch, Fault> {
    let requests = document.get("requests").filter(|requests| requests.kind() == JsonKind::Array);
    let requests = requests
        .ok_or_else(|| Fault::invalid("requests", "`requests` is a list of `custom_id` and `params` of a message."))?;
    let mut models = Models::new(snapshot, who, pin.place);
    let text = document.text();
    let mut body: Vec<u8> = Vec::with_capacity(text.len());
    let mut from = 0;
    let mut asked: Option<String> = None;
    let mut several = false;
    for (place, request) in requests.items().enumerate() {
        let number = place as u64 + 1;
        let mut params = request.members().filter(|(key, _)| key == "params").map(|(_, params)| params);
        let (Some(only), None) = (params.next(), params.next()) else {
            return Err(bad(number, "It has no `params`, or has them twice."));
        };
        let mut named = only.members().filter(|(key, _)| key == "model").map(|(_, model)| model);
        let (Some(model), None) = (named.next(), named.next()) else {
            return Err(bad(number, "`params` name no `model`, or name it twice."));
        };
        let name = model.as_str().filter(|name| !name.is_empty()).ok_or_else(|| bad(number, "`model` is no name."))?;
        let id = models.id(&name).map_err(|fault| of_line(fault, number))?;
        if *id != *name {
            // The value is a slice of the text, so its address tells its offset.
            let at = (model.raw().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
            let mut json = Writer::new();
            json.str(&id);
            body.extend_from_slice(text.as_bytes().get(from..at).unwrap_or_default());
            body.extend_from_slice(json.finish().as_bytes());
            from = at + model.raw().len();
        }
        several |= asked.as_ref().is_some_and(|asked| **asked != *name);
        asked = asked.or_else(|| Some(name.into_owned()));
    }
    let body = match from {
        0 => document.bytes().clone(),
        from => {
            body.extend_from_slice(text.as_bytes().get(from..).unwrap_or_default());
            body.into()
        }
    };
    Ok(Batch { pin, body, model: models.only(), asked: asked.filter(|_| !several) })
}
