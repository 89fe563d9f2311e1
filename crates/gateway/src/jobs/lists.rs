//! Asks providers which models they list, in the background; nothing ever waits for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use wire::json::Json;

use crate::gateway::Gateway;
use crate::state::provider::Provider;
use crate::tasks::Tasks;
use crate::upstream::credential::Payload;

/// How often lists are asked for anew.
const EVERY: Duration = Duration::from_secs(15 * 60);
/// How often a server that has not been found is looked for.
const LOOK: Duration = Duration::from_secs(15);
/// How long a list may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest list, in bytes.
const MOST: usize = 16 * 1024 * 1024;

/// Asks every provider in turn, until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let stop = gateway.tasks.stop().clone();
    let mut round = 0u64;
    let rounds = EVERY.as_secs() / LOOK.as_secs();
    loop {
        let snapshot = gateway.snapshot.load_full();
        for provider in &snapshot.providers {
            let missing = !provider.found.load(Ordering::Relaxed);
            let unlisted = provider.listed.load().is_none() && provider.config.models.is_none();
            if missing || (unlisted && round < 4) || round.is_multiple_of(rounds) {
                let asked = tokio::time::timeout(PATIENCE, ask(&gateway.tasks, provider));
                tokio::select! {
                    _ = asked => {}
                    () = stop.cancelled() => return,
                }
            }
        }
        round += 1;
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Asks one provider; what it lists is kept until it lists something else.
async fn ask(tasks: &Tasks, provider: &Provider) -> Option<()> {
    if provider.config.models.is_some() && provider.found.load(Ordering::Relaxed) {
        return None;
    }
    let client = provider.client.as_ref()?;
    let url = provider.config.models_url()?;
    let mut request = Request::new(Full::new(Bytes::new()));
    *request.method_mut() = Method::GET;
    *request.uri_mut() = url.parse().ok()?;
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let endpoint = provider.config.endpoints.first()?;
    if endpoint.dialect == dialect::id::DialectId::AnthropicMessages {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    for (name, value) in &provider.config.headers {
        headers.insert(http::HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.reveal()).ok()?);
    }
    if let Some(key) = provider.config.keys.first()
        && let Some((name, value)) = endpoint.auth.header(key.reveal())
    {
        headers.insert(http::HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
    }
    provider.authorize(tasks, &mut request, Payload::Whole(b"")).await.ok()?;
    let mut answer = client.send(request).await.ok()?;
    if answer.status != 200 {
        return None;
    }
    let body = answer.body.collect(MOST).await.ok()??;
    let listed = models(&body)?;
    provider.found.store(true, Ordering::Relaxed);
    provider.listed.store(Some(Arc::new(listed)));
    Some(())
}

/// Ids of a list in OpenAI's shape (`data[].id`), in Google's (`models[].name`), or a bare array of such.
fn models(body: &[u8]) -> Option<Vec<Arc<str>>> {
    let json = Json::from_bytes(body).ok()?;
    let list = json.get("data").or_else(|| json.get("models")).unwrap_or(json);
    let id = |item: Json<'_>| {
        let id = item.get("id").or_else(|| item.get("name"))?.as_str()?;
        Some(Arc::from(id.strip_prefix("models/").unwrap_or(&id)))
    };
    let ids: Vec<Arc<str>> = list.items().filter_map(id).take(20_000).collect();
    (!ids.is_empty()).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_of_lists_are_read() {
        let ids = |text: &str| models(text.as_bytes()).map(|ids| ids.join(","));
        assert_eq!(ids(r#"{"object":"list","data":[{"id":"a"},{"id":"b","x":1}]}"#).as_deref(), Some("a,b"));
        assert_eq!(ids(r#"[{"id":"a"}]"#).as_deref(), Some("a"));
        assert_eq!(ids(r#"{"models":[{"name":"models/gemini-2.5-flash"}]}"#).as_deref(), Some("gemini-2.5-flash"));
        assert_eq!(ids("<html>"), None);
        assert_eq!(ids(r#"{"data":[]}"#), None);
    }
}
