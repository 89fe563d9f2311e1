//! A caller's own objects: which they are says the gateway, how they are now says the provider of each.

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use futures_util::StreamExt as _;
use http::HeaderMap;
use policy::object::{Object, Page};
use wire::json::{Json, Kind as JsonKind, Writer};

use super::path::{Wanted, is_id, kind};
use super::pin;
use super::send::{self, Going, up};
use crate::api::models::decoded;
use crate::gateway::Gateway;
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;

/// Most objects of a page; each is asked of its provider.
const MOST: usize = 100;
/// How many are asked for at a time.
const AT_ONCE: usize = 8;
/// Longest description of one, in bytes.
const MOST_ONE: usize = 1 << 20;

/// Which part is listed.
#[derive(Debug)]
struct Asked {
    page: Page,
    /// Files of this purpose alone.
    purpose: Option<String>,
}

fn asked(wanted: &Wanted<'_>, query: Option<&str>) -> Result<Asked, Fault> {
    let claude = wanted.family == DialectId::AnthropicMessages;
    let mut asked = Asked { page: Page { after: None, before: None, ascending: false, limit: 20 }, purpose: None };
    if !claude && wanted.kept == policy::provider::kept::Kept::Files {
        asked.page.limit = MOST;
    }
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    for (name, value) in pairs {
        let Some(value) = decoded(value).filter(|value| !value.is_empty()) else { continue };
        let id = || match is_id(&value) {
            true => Ok(Some(Arc::from(&*value))),
            false => Err(Fault::invalid(name, format!("`{name}` is the id of an object."))),
        };
        match (name, claude) {
            ("limit", _) => {
                let limit: usize = value
                    .parse()
                    .ok()
                    .filter(|limit| *limit > 0)
                    .ok_or_else(|| Fault::invalid("limit", "`limit` is a number above 0."))?;
                asked.page.limit = limit.min(MOST);
            }
            ("after", false) | ("after_id", true) => asked.page.after = id()?,
            ("before", false) | ("before_id", true) => asked.page.before = id()?,
            ("order", false) => asked.page.ascending = value == "asc",
            ("purpose", false) => asked.purpose = Some(value),
            _ => {}
        }
    }
    Ok(asked)
}

/// Lists a caller's own objects as the API does.
///
/// # Errors
/// The store is away, or a provider does not say how one of them is.
pub async fn list(
    gateway: &Arc<Gateway>,
    snapshot: &Arc<Snapshot>,
    who: &Principal,
    wanted: &Wanted<'_>,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<String, Fault> {
    let Asked { mut page, purpose } = asked(wanted, query)?;
    let limit = page.limit;
    let mut shown: Vec<Bytes> = Vec::new();
    let mut has_more = false;
    // What is gone at its provider, or of another purpose, leaves a gap that more of them fill.
    for _round in 0..10 {
        page.limit = limit - shown.len() + 1;
        let mut objects = gateway.objects.list(&who.owner, kind(wanted.kept), &page).await?;
        has_more = objects.len() == page.limit;
        objects.truncate(limit - shown.len());
        let last = objects.last().map(|object| Arc::clone(&object.name.id));
        let mut found = futures_util::stream::iter(
            objects.into_iter().map(|object| describe(gateway, snapshot, wanted, object, headers)),
        )
        .buffered(AT_ONCE);
        while let Some(found) = found.next().await {
            let Some(found) = found? else { continue };
            let fits = purpose.as_ref().is_none_or(|purpose| {
                let json = Json::from_bytes(&found).ok();
                json.and_then(|json| json.get("purpose")).is_some_and(|known| known.is(purpose))
            });
            if fits {
                shown.push(found);
            }
        }
        let backwards = page.before.is_some() && page.after.is_none();
        match last {
            Some(last) if has_more && shown.len() < limit && !backwards => page.after = Some(last),
            _ => break,
        }
    }
    Ok(write(wanted.family, &shown, has_more))
}

fn write(family: DialectId, shown: &[Bytes], has_more: bool) -> String {
    let id = |one: Option<&Bytes>| {
        let json = one.and_then(|one| Json::from_bytes(one).ok()).and_then(|one| one.get("id"));
        json.map_or_else(|| "null".to_owned(), |id| id.raw().to_owned())
    };
    let mut json = Writer::with_capacity(256 + shown.iter().map(Bytes::len).sum::<usize>());
    json.object(|json| {
        if family == DialectId::OpenAiChat {
            json.key("object").plain("list");
        }
        json.key("data").array(|json| {
            for one in shown {
                json.raw(std::str::from_utf8(one).unwrap_or("null"));
            }
        });
        json.key("has_more").bool(has_more);
        json.key("first_id").raw(&id(shown.first())).key("last_id").raw(&id(shown.last()));
    });
    json.finish()
}

/// How one is now; `None` for one that its provider has no more.
async fn describe(
    gateway: &Arc<Gateway>,
    snapshot: &Arc<Snapshot>,
    wanted: &Wanted<'_>,
    object: Object,
    headers: &HeaderMap,
) -> Result<Option<Bytes>, Fault> {
    // One of another API, or of a provider that is no more configured, is in no list of this one.
    let Ok(pin) = pin::of(snapshot, wanted.family, wanted.kept, &object) else { return Ok(None) };
    let mut headers = up(headers, wanted.family, true);
    headers.remove(http::header::CONTENT_TYPE);
    let going = Going { headers, ..Going::look(format!("/{}", object.name.id), wanted.family) };
    let within = pin.target.timeouts.total;
    let failed = || {
        let message =
            format!("The provider `{}` does not say how `{}` is. Retry shortly.", object.name.provider, object.name.id);
        Fault::new(Kind::UpstreamFailed, message)
    };
    let asked = tokio::time::timeout(within, async {
        let (mut answer, _) = send::send(gateway, &pin, &going).await.map_err(|_| failed())?;
        if matches!(answer.status, 404 | 410) {
            return Ok(None);
        }
        let body = answer.body.collect(MOST_ONE).await.ok().flatten().filter(|_| answer.status == 200);
        let good = body.filter(|body| Json::from_bytes(body).is_ok_and(|json| json.kind() == JsonKind::Object));
        good.map(Some).ok_or_else(failed)
    });
    let found = asked.await.map_err(|_| failed())??;
    Ok(found.map(|body| super::answer::patched(wanted, body)))
}
