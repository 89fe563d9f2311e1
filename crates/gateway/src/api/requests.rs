//! A caller's own requests: the ledger's line by our id, or by the upstream's in OpenRouter's shape.

use std::sync::Arc;

use dialect::fault::{Fault, Kind};
use http::Response;
use uuid::Uuid;
use wire::json::{Json, Writer};

use crate::gateway::Gateway;
use crate::kept::turn::request_of;
use crate::server::reply::{self, ReplyBody};
use crate::state::directory::Principal;

/// `GET /v1/requests/{id}`
///
/// # Errors
/// `not_found` for what is not there or not the caller's; `unavailable` when it may be in a store that is away.
pub async fn one(gateway: &Arc<Gateway>, who: &Principal, id: &str) -> Result<Response<ReplyBody>, Fault> {
    let line = match Uuid::try_parse(id) {
        Ok(id) => by_id(gateway, id).await?,
        Err(_) => None,
    };
    let line = line.filter(|line| is_callers(line, who)).ok_or_else(not_found)?;
    Ok(reply::json(200, line))
}

/// `GET /api/v1/generation?id=`
///
/// # Errors
/// As [`one`].
pub async fn generation(
    gateway: &Arc<Gateway>,
    who: &Principal,
    query: Option<&str>,
) -> Result<Response<ReplyBody>, Fault> {
    let id = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("id=")));
    let id = id.and_then(super::models::decoded).filter(|id| !id.is_empty());
    let id =
        id.ok_or_else(|| Fault::invalid("id", "`?id=` is the id of a generation: the gateway's or the upstream's."))?;
    // A response's id that is ours names the request that made it.
    let mut line = match Uuid::try_parse(&id).ok().or_else(|| request_of(&id)) {
        Some(id) => by_id(gateway, id).await?,
        None => None,
    };
    if line.is_none() {
        line = by_upstream_id(gateway, &id).await?;
    }
    let line = line.filter(|line| is_callers(line, who)).ok_or_else(not_found)?;
    Ok(reply::json(200, openrouter(&line)))
}

/// A line by its id: from what is not stored yet, else from the store. In that order a line that is being
/// stored is never missed.
///
/// # Errors
/// `unavailable` when it is not in the journal and the store is away.
pub async fn by_id(gateway: &Arc<Gateway>, id: Uuid) -> Result<Option<String>, Fault> {
    let (journal, from) = (Arc::clone(&gateway.journal), gateway.stored());
    let tail = tokio::task::spawn_blocking(move || journal.find_tail(from, id)).await.ok().flatten();
    match tail {
        Some(line) => Ok(Some(line)),
        None => gateway.ledger.find(id).await.map_err(|_| away()),
    }
}

async fn by_upstream_id(gateway: &Arc<Gateway>, id: &str) -> Result<Option<String>, Fault> {
    let (journal, from, text) = (Arc::clone(&gateway.journal), gateway.stored(), id.to_owned());
    let tail = tokio::task::spawn_blocking(move || journal.find_tail_upstream(from, &text)).await.ok().flatten();
    match tail {
        Some(line) => Ok(Some(line)),
        None => gateway.ledger.find_upstream(id).await.map_err(|_| away()),
    }
}

fn away() -> Fault {
    let message = "The ledger's store cannot be reached right now. The line is safe in the journal; retry shortly.";
    Fault { retry_after: Some(1), ..Fault::new(Kind::Unavailable, message) }
}

fn not_found() -> Fault {
    Fault::new(Kind::NotFound, "There is no such request of this key.")
}

/// A key sees its own requests, an admin key all.
fn is_callers(line: &str, who: &Principal) -> bool {
    if who.admin {
        return true;
    }
    let line = Json::parse(line).ok();
    line.and_then(|line| line.at(&["caller", "key"])).is_some_and(|key| key.is(&who.name))
}

/// A line in the shape of OpenRouter's generation, with the line itself under `tollgate`.
fn openrouter(text: &str) -> String {
    let line = Json::parse(text).unwrap_or(Json::NULL);
    let raw = |path: &[&str]| line.at(path).map_or("null", Json::raw);
    let number = |path: &[&str]| line.at(path).and_then(Json::as_u64);
    let usd = line.at(&["cost", "usd"]).and_then(Json::inside).unwrap_or("null");
    let cached = number(&["usage", "cache_read"]);
    let prompt = [number(&["usage", "input"]), cached, number(&["usage", "cache_write"])];
    let prompt = prompt.iter().any(Option::is_some).then(|| prompt.iter().flatten().sum::<u64>());
    let mut json = Writer::with_capacity(text.len() + 512);
    let count = |json: &mut Writer, key: &str, count: Option<u64>| {
        match count {
            Some(count) => json.key(key).u64(count),
            None => json.key(key).null(),
        };
    };
    json.object(|json| {
        json.key("data").object(|json| {
            let upstream = line.get("upstream_id").and_then(Json::non_null).unwrap_or(Json::NULL);
            json.key("id").raw(if upstream.is_null() { raw(&["id"]) } else { upstream.raw() });
            json.key("upstream_id").raw(upstream.raw());
            json.key("model").raw(raw(&["served", "model"])).key("provider_name").raw(raw(&["served", "provider"]));
            json.key("created_at").raw(raw(&["at"])).key("streamed").raw(raw(&["stream"]));
            json.key("cancelled").bool(line.get("status").is_some_and(|status| status.is("cancelled")));
            json.key("total_cost").raw(usd).key("usage").raw(usd);
            count(json, "tokens_prompt", prompt);
            count(json, "tokens_completion", number(&["usage", "output"]));
            count(json, "native_tokens_prompt", prompt);
            count(json, "native_tokens_completion", number(&["usage", "output"]));
            count(json, "native_tokens_cached", cached);
            count(json, "native_tokens_reasoning", number(&["usage", "reasoning"]));
            json.key("latency").raw(raw(&["latency", "first_byte_ms"]));
            json.key("generation_time").raw(raw(&["latency", "total_ms"]));
            json.key("tollgate").raw(text);
        });
    });
    json.finish()
}
