//! Opening a socket, both ways: what a client asks for and is answered, what an upstream is asked and must answer.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dialect::fault::Fault;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, header};

use crate::api::models::decoded;
use crate::env;
use crate::server::reply::{self, ReplyBody};

/// What RFC 6455 has behind the key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// How browsers, which can set no header, send a key: a subprotocol, as OpenAI's clients do.
const KEY: &str = "openai-insecure-api-key.";
/// How they ask for a beta.
const BETA: &str = "openai-beta.";
const OPENAI_BETA: HeaderName = HeaderName::from_static("openai-beta");

/// What a client asks for.
#[derive(Debug)]
pub struct Opening {
    /// The answer to its key.
    pub accept: HeaderValue,
    /// The subprotocol that it is given.
    pub protocol: Option<HeaderValue>,
    /// The model.
    pub model: String,
    /// Its query, less what names the model or the key.
    pub query: Vec<String>,
    /// Only what is said is to be written down: the session names its model itself.
    pub transcription: bool,
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|name| !name.is_empty())
}

/// Turns what a browser says in subprotocols into the headers that other clients send.
pub fn from_protocols(head: &mut Parts) {
    let find = |prefix: &str| protocols(&head.headers).find_map(|name| name.strip_prefix(prefix)).map(str::to_owned);
    let (key, beta) = (find(KEY), find(BETA));
    if let Some(key) = key.filter(|_| crate::auth::key(head).is_none())
        && let Ok(mut value) = HeaderValue::try_from(format!("Bearer {key}"))
    {
        value.set_sensitive(true);
        head.headers.insert(header::AUTHORIZATION, value);
    }
    if let Some((name, version)) = beta.as_deref().and_then(|beta| beta.rsplit_once('-'))
        && let Ok(value) = HeaderValue::try_from(format!("{name}={version}"))
    {
        head.headers.entry(OPENAI_BETA).or_insert(value);
    }
}

/// Reads what a client asks for.
///
/// # Errors
/// It asks for no socket, or names no model.
pub fn read(head: &Parts) -> Result<Opening, Fault> {
    let has = |name: HeaderName, word: &str| {
        let lines = head.headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    if head.version != Version::HTTP_11 || !has(header::UPGRADE, "websocket") || !has(header::CONNECTION, "upgrade") {
        let message = "This path takes a WebSocket over HTTP/1.1: send `connection: upgrade` and `upgrade: websocket`.";
        return Err(Fault::invalid("upgrade", message));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(Fault::invalid("sec-websocket-version", "The version of the WebSocket must be 13."));
    }
    let key = head.headers.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if STANDARD.decode(key).map_or(0, |bytes| bytes.len()) != 16 {
        return Err(Fault::invalid("sec-websocket-key", "`sec-websocket-key` must be 16 bytes in base64."));
    }
    let mut opening = Opening {
        accept: accept(key),
        protocol: protocol(&head.headers),
        model: String::new(),
        query: Vec::new(),
        transcription: false,
    };
    for pair in head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "model" | "deployment" => opening.model = decoded(&value.replace('+', " ")).unwrap_or_default(),
            // The version of the API is the provider's own.
            "key" | "api-key" | "api-version" => {}
            _ => {
                opening.transcription |= pair == "intent=transcription";
                opening.query.push(pair.to_owned());
            }
        }
    }
    match opening.model.is_empty() {
        true => Err(Fault::invalid("model", "`?model=` is missing: name one of those that GET /v1/models lists.")),
        false => Ok(opening),
    }
}

/// The subprotocol that is chosen: `realtime`, else the first that is no key.
fn protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let plain = |name: &&str| !name.starts_with(KEY);
    let chosen = protocols(headers).find(|name| *name == "realtime").or_else(|| protocols(headers).find(plain))?;
    HeaderValue::from_str(chosen).ok()
}

/// The answer to a key.
fn accept(key: &[u8]) -> HeaderValue {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, GUID].concat());
    HeaderValue::try_from(STANDARD.encode(hash)).unwrap_or(HeaderValue::from_static(""))
}

/// The answer that makes the connection a socket.
#[must_use]
pub fn answer(opening: &Opening) -> Response<ReplyBody> {
    let mut response = reply::bytes(101, "");
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, opening.accept.clone());
    if let Some(protocol) = &opening.protocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol.clone());
    }
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response
}

/// What an upstream is asked, and what it must answer.
#[must_use]
pub fn ask(headers: &mut HeaderMap) -> HeaderValue {
    let mut bytes = [0; 16];
    env::secret_bytes(&mut bytes);
    let key = STANDARD.encode(bytes);
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    let accept = accept(key.as_bytes());
    if let Ok(key) = HeaderValue::try_from(key) {
        headers.insert(header::SEC_WEBSOCKET_KEY, key);
    }
    accept
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().uri(uri);
        let usual = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in usual.iter().filter(|(name, _)| !headers.iter().any(|own| own.0 == *name)).chain(headers) {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn what_clients_ask_for() {
        let read = |uri: &str| read(&parts(uri, &[])).unwrap();
        let opening = read("/v1/realtime?model=p%2Fm&key=tg-1&a=1");
        assert_eq!((opening.model.as_str(), opening.query), ("p/m", vec!["a=1".to_owned()]));
        // The example of RFC 6455.
        assert_eq!(opening.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(read("/openai/realtime?deployment=d&api-version=1").model, "d");
        assert!(read("/v1/realtime?intent=transcription&model=m").transcription);
        for (uri, headers, path) in [
            ("/v1/realtime", &[][..], "model"),
            ("/v1/realtime?model=m", &[("upgrade", "h2c")], "upgrade"),
            ("/v1/realtime?model=m", &[("connection", "close")], "upgrade"),
            ("/v1/realtime?model=m", &[("sec-websocket-version", "8")], "sec-websocket-version"),
            ("/v1/realtime?model=m", &[("sec-websocket-key", "AAAA")], "sec-websocket-key"),
        ] {
            assert_eq!(super::read(&parts(uri, headers)).unwrap_err().path.as_deref(), Some(path), "{headers:?}");
        }
    }

    #[test]
    fn browsers_say_it_in_subprotocols() {
        let offered = "realtime, openai-insecure-api-key.tg-1, openai-beta.realtime-v1";
        let mut head = parts("/v1/realtime?model=m", &[("sec-websocket-protocol", offered)]);
        from_protocols(&mut head);
        assert_eq!(crate::auth::key(&head), Some("tg-1"));
        assert_eq!(head.headers.get("openai-beta").unwrap(), "realtime=v1");
        assert_eq!(read(&head).unwrap().protocol.unwrap(), "realtime");
        // The key is never the one that is chosen.
        let head = parts("/v1/realtime?model=m", &[("sec-websocket-protocol", "openai-insecure-api-key.tg-1")]);
        assert_eq!(read(&head).unwrap().protocol, None);
    }
}
