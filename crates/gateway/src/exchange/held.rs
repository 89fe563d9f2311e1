//! Responses that the provider itself keeps: noted as their caller's when they are made, before it has their ids.

use std::sync::Arc;

use dialect::id::DialectId;
use jiff::SignedDuration;
use policy::object::{Kind, Name, Object, State};
use wire::json::Json;

use super::arrive::Arrived;
use super::judge::Won;
use super::settle::{Record, wait};
use crate::env;
use crate::held::price;
use crate::objects::note::Note;
use crate::objects::path::is_id;
use crate::state::target::Target;

/// How long OpenAI keeps a response.
const AGE: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Notes the response that was won from a target with one of its keys, where the provider keeps it.
pub async fn note(arrived: &Arrived, target: &Arc<Target>, key: usize, won: &mut Won, record: &Record) {
    if arrived.dialect != DialectId::OpenAiResponses {
        return;
    }
    let flag = |name: &str| arrived.body.get(name).and_then(Json::as_bool);
    let background = flag("background") == Some(true);
    let kept = flag("store") != Some(false);
    let (id, pending, kept) = match &*won {
        Won::Whole(whole) if whole.response.is_none() => {
            let json = Json::from_bytes(&whole.body).unwrap_or(Json::NULL);
            let is = |word: &str| json.get("status").is_some_and(|status| status.is(word));
            let told = json.get("store").and_then(Json::as_bool);
            (whole.reading.id.clone(), is("queued") || is("in_progress"), told.unwrap_or(kept))
        }
        Won::Stream(flow) if flow.is_same() => (flow.reading().id.clone(), background, kept),
        _ => return,
    };
    let Some(id) = id.filter(|id| is_id(id) && (pending || kept)) else { return };
    let name = Name { provider: Arc::clone(&target.provider_name), kind: Kind::Response, id: id.as_str().into() };
    let caller = record.entry().caller.clone();
    let note = Note { family: arrived.dialect, caller, asked: Some(arrived.peek.model.clone()) };
    let now = env::now();
    let made = Object {
        name: name.clone(),
        owner: arrived.who.owner.clone(),
        key: target.provider.fingerprint(key),
        model: Some(Arc::clone(&target.model)),
        created: now,
        expires: now.checked_add(AGE).ok(),
        state: pending.then_some(State::Open),
        data: pending.then(|| price::data(arrived.id, &note)),
    };
    wait(record.gateway().objects.made(made)).await;
    if pending {
        match won {
            Won::Whole(whole) => whole.pending = true,
            Won::Stream(flow) => flow.later = Some(name),
            Won::Rejected(_) => {}
        }
    }
}
