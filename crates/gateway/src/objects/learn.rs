//! What an answer tells of objects: one was made, is gone, or has made others.

use std::sync::Arc;

use jiff::Timestamp;
use policy::object::{Kind, Name, Object, Owner, State};
use store::journal::Appended;
use wire::json::Json;

use super::note;
use super::path::is_id;
use crate::env;
use crate::gateway::Gateway;

/// What is known of a new object beside the answer.
#[derive(Debug, Clone)]
pub struct Making {
    /// The provider's name.
    pub provider: Arc<str>,
    /// Fingerprint of the key it is made with.
    pub key: Arc<str>,
    /// Whose it will be.
    pub owner: Owner,
    /// What it is.
    pub kind: Kind,
    /// The only model it is for.
    pub model: Option<Arc<str>>,
    /// Whether the gateway has work with it.
    pub state: Option<State>,
    /// What is stored with it.
    pub data: Option<Arc<str>>,
}

/// Records the object that an answer says was made; `None` for an answer without an id. Google's names hold their
/// collection (`cachedContents/abc`), and its files stand one member deeper.
#[must_use]
pub fn made(gateway: &Gateway, making: Making, answer: Json<'_>) -> Option<Appended> {
    let answer = answer.get("file").filter(|_| answer.get("id").is_none()).unwrap_or(answer);
    let id = answer.get("id").or_else(|| answer.get("name"))?.as_str()?;
    let expires = answer.get("expires_at").and_then(Json::as_u64).filter(|_| making.kind == Kind::File);
    let expires = expires.and_then(|seconds| Timestamp::from_second(i64::try_from(seconds).ok()?).ok());
    keep(gateway, making, &id, expires)
}

/// Records an object of that id; `None` for what is no id.
#[must_use]
pub fn keep(gateway: &Gateway, making: Making, id: &str, expires: Option<Timestamp>) -> Option<Appended> {
    let id = id.rsplit('/').next().filter(|id| is_id(id))?;
    Some(gateway.objects.made(Object {
        name: Name { provider: making.provider, kind: making.kind, id: id.into() },
        owner: making.owner,
        key: making.key,
        model: making.model,
        created: env::now(),
        expires,
        state: making.state,
        data: making.data,
    }))
}

/// Records the files that a batch has made: they are its owner's. True when the batch has come to its end.
#[must_use]
pub fn batch(gateway: &Gateway, batch: &Object, answer: Json<'_>) -> (bool, Vec<Appended>) {
    let mut appended = Vec::new();
    for member in ["output_file_id", "error_file_id"] {
        let id = answer.get(member).and_then(Json::as_str).filter(|id| is_id(id));
        let Some(id) = id else { continue };
        let name = Name { provider: Arc::clone(&batch.name.provider), kind: Kind::File, id: id.as_ref().into() };
        if gateway.objects.knows(&name) {
            continue;
        }
        appended.push(gateway.objects.made(Object {
            name,
            owner: batch.owner.clone(),
            key: Arc::clone(&batch.key),
            model: None,
            created: env::now(),
            expires: None,
            state: None,
            data: Some(note::of_answers(&batch.name.id)),
        }));
    }
    (ended(answer), appended)
}

/// Whether a batch has come to its end, in either API.
#[must_use]
pub fn ended(answer: Json<'_>) -> bool {
    let is = |member: &str, words: &[&str]| {
        answer.get(member).and_then(Json::as_str).is_some_and(|status| words.contains(&&*status))
    };
    is("status", &["completed", "failed", "expired", "cancelled"]) || is("processing_status", &["ended"])
}
