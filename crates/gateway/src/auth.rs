//! Who calls: the key in any of its headers, the local socket, or local mode with its guards.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};

use dialect::fault::{Fault, Kind};
use http::request::Parts;
use http::{HeaderMap, header};

use crate::env;
use crate::gateway::Gateway;
use crate::state::directory::{Directory, Principal, hash};
use crate::state::snapshot::Snapshot;

static LOCAL: LazyLock<Arc<Principal>> = LazyLock::new(|| Arc::new(Principal::named("local", true)));
static SOCKET: LazyLock<Arc<Principal>> = LazyLock::new(|| Arc::new(Principal::named("admin", true)));

/// The key that a request carries, in any of the headers that clients use, or in `?key=`.
#[must_use]
pub fn key(head: &Parts) -> Option<&str> {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let bearer = text("authorization").and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    bearer
        .or_else(|| text("x-api-key"))
        .or_else(|| text("api-key"))
        .or_else(|| text("x-goog-api-key"))
        .or_else(|| head.uri.query()?.split('&').find_map(|pair| pair.strip_prefix("key=")))
        .filter(|key| !key.is_empty())
}

/// Finds the caller. `peer` is `None` on the local socket, whose file mode is its lock.
///
/// # Errors
/// `unauthenticated`; `forbidden` by local mode's guards; `unavailable` when the key is not known here and the
/// store is away.
pub async fn caller(
    gateway: &Arc<Gateway>,
    snapshot: &Snapshot,
    head: &Parts,
    peer: Option<SocketAddr>,
) -> Result<Arc<Principal>, Fault> {
    let Some(peer) = peer else { return Ok(Arc::clone(&SOCKET)) };
    let directory = gateway.directory.load_full();
    if directory.is_empty() {
        return match local_guard(head, peer, &snapshot.config.server.cors) {
            None => Ok(Arc::clone(&LOCAL)),
            Some(fault) => Err(fault),
        };
    }
    let Some(key) = key(head) else {
        let message = "No API key was sent. Send the gateway's key as `Authorization: Bearer tg-…` or `x-api-key`; \
                       `tollgate keys create --name NAME` makes one.";
        return Err(unauthenticated(message));
    };
    let hash = hash(key);
    let who = match directory.find(&hash) {
        Some(who) => Arc::clone(who),
        None => look_up(gateway, snapshot, hash).await?,
    };
    if who.expires.is_some_and(|expires| expires <= env::now()) {
        return Err(unauthenticated("This API key has expired. Ask the gateway's operator for a new one."));
    }
    if who.orphan {
        let team = who.team.as_deref().unwrap_or_default();
        let message = format!(
            "This API key is of the team `{team}`, which is not defined any more, so nobody knows where its prompts may \
             go. The gateway's operator must define the team, or make a new key."
        );
        return Err(Fault::new(Kind::Forbidden, message));
    }
    Ok(who)
}

fn unauthenticated(message: &str) -> Fault {
    Fault { code: Some("invalid_api_key".to_owned()), ..Fault::new(Kind::Unauthenticated, message) }
}

/// A key that is not known here is looked up in the store before it is refused.
async fn look_up(gateway: &Arc<Gateway>, snapshot: &Snapshot, hash: [u8; 32]) -> Result<Arc<Principal>, Fault> {
    let unknown =
        || unauthenticated("This API key is not known here: it is wrong, was revoked, or is for another gateway.");
    if gateway.misses.knows(&hash) {
        return Err(unknown());
    }
    match gateway.keys.find(hash).await {
        Ok(Some(_)) => {
            refresh(gateway, snapshot).await?;
            gateway.directory.load().find(&hash).cloned().ok_or_else(unknown)
        }
        Ok(None) => {
            gateway.misses.add(hash);
            Err(unknown())
        }
        Err(_) => Err(away()),
    }
}

fn away() -> Fault {
    let message =
        "This API key is not known to this node, and the store that may know it cannot be reached. Retry shortly.";
    Fault { retry_after: Some(1), ..Fault::new(Kind::Unavailable, message) }
}

/// Reads the keys of the store anew.
///
/// # Errors
/// `unavailable` when the store is away.
pub async fn refresh(gateway: &Arc<Gateway>, snapshot: &Snapshot) -> Result<(), Fault> {
    let stored = gateway.keys.load().await.map_err(|_| away())?;
    let admin = **gateway.admin.load();
    gateway.directory.store(Arc::new(Directory::build(&snapshot.config, stored, admin)));
    gateway.misses.clear();
    Ok(())
}

/// What an attacker's page or a proxy on the same machine would send, refused.
fn local_guard(head: &Parts, peer: SocketAddr, cors: &[String]) -> Option<Fault> {
    let refuse = |message: &str| Some(Fault::new(Kind::Forbidden, message));
    if !peer.ip().to_canonical().is_loopback() {
        return refuse("No key is defined, so only this machine may call. Make one with `tollgate keys create`.");
    }
    let headers = &head.headers;
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| head.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default();
    if !is_local(host) {
        return refuse(
            "Without a key only `Host: localhost` or a loopback address is served: a web page may stand behind \
             another name. Make a key with `tollgate keys create` to serve this name.",
        );
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let own = origin.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host));
        if !own && !cors.iter().any(|allowed| allowed == "*" || allowed == origin) {
            return refuse("This web page may not call the gateway. Add its origin to `server.cors`.");
        }
    }
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        let known = headers.get(header::ORIGIN).is_some();
        if !known {
            return refuse("A web page of another site may not call the gateway.");
        }
    }
    if forwarded(headers) {
        return refuse(
            "This request came through a proxy, whose callers this gateway cannot tell apart without keys. Make one \
             with `tollgate keys create`.",
        );
    }
    None
}

fn forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        name == "forwarded" || name == "via" || name.starts_with("x-forwarded-")
    })
}

/// True for `localhost` and loopback addresses, with or without a port.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn guard(headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::builder().uri("/v1/models");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        local_guard(&head, "127.0.0.1:5000".parse().unwrap(), &["https://app.example".to_owned()]).is_none()
    }

    #[test]
    fn local_mode_serves_this_machine_only() {
        assert!(guard(&[("host", "localhost:4000")]));
        assert!(guard(&[("host", "127.0.0.1:4000")]));
        assert!(guard(&[("host", "[::1]:4000")]));
        assert!(guard(&[("host", "localhost:4000"), ("origin", "http://localhost:4000")]));
        assert!(guard(&[("host", "localhost:4000"), ("origin", "https://app.example")]));
        for refused in [
            &[("host", "evil.example")][..],
            &[("host", "localhost.evil.example:4000")],
            &[],
            &[("host", "localhost:4000"), ("origin", "https://evil.example")],
            &[("host", "localhost:4000"), ("origin", "null")],
            &[("host", "localhost:4000"), ("sec-fetch-site", "cross-site")],
            &[("host", "localhost:4000"), ("x-forwarded-for", "10.0.0.1")],
            &[("host", "localhost:4000"), ("x-forwarded-proto", "https")],
            &[("host", "localhost:4000"), ("forwarded", "for=10.0.0.1")],
            &[("host", "localhost:4000"), ("via", "1.1 nginx")],
        ] {
            assert!(!guard(refused), "{refused:?}");
        }
    }

    #[test]
    fn the_key_is_found_in_every_spelling() {
        let find = |name: &str, value: &str| {
            let (head, ()) = http::Request::builder().uri("/x").header(name, value).body(()).unwrap().into_parts();
            key(&head).map(str::to_owned)
        };
        for (name, value) in [
            ("authorization", "Bearer tg-1"),
            ("authorization", "bearer  tg-1"),
            ("x-api-key", "tg-1"),
            ("api-key", "tg-1"),
            ("x-goog-api-key", "tg-1"),
        ] {
            assert_eq!(find(name, value).as_deref(), Some("tg-1"), "{name}: {value}");
        }
        assert_eq!(find("authorization", "Basic dGc="), None);
        let (head, ()) = http::Request::builder().uri("/x?a=1&key=tg-1").body(()).unwrap().into_parts();
        assert_eq!(key(&head), Some("tg-1"));
    }
}
