//! One turn of a conversation that the gateway keeps: the id its response will have, and what is kept at its end.

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use policy::port::Kept;
use uuid::Uuid;
use wire::json::Json;

use crate::env;
use crate::gateway::Gateway;

/// How every id of ours begins; OpenAI's go on in hexadecimal digits.
const MARK: &str = "resp_tg";
/// How long a response is kept; OpenAI's time.
const AGE_MS: i64 = 30 * 86_400_000;
/// Longest input and longest response that is kept, in bytes each.
pub const MOST: usize = 8 << 20;

/// One turn.
#[derive(Debug)]
pub struct Turn {
    /// The id of its response.
    pub id: Arc<str>,
    /// The kept response that it continues.
    pub previous: Option<Arc<str>>,
    /// Its response is to be kept.
    pub keep: bool,
    /// The caller wants that, and cannot have it: its input is too long.
    pub too_long: bool,
    /// Whose it is.
    pub owner: Arc<str>,
    /// Its own input's items, where they are kept.
    pub input: Arc<str>,
}

/// True for an id that this gateway, or another of its kind, has made.
#[must_use]
pub fn is_ours(id: &str) -> bool {
    id.starts_with(MARK)
}

/// The request that made a response of ours: its id stands in the response's.
#[must_use]
pub fn request_of(id: &str) -> Option<Uuid> {
    Uuid::try_parse(id.strip_prefix(MARK)?.get(..32)?).ok()
}

/// An id for a request's response: nobody guesses it.
#[must_use]
pub fn make_id(request: Uuid) -> Arc<str> {
    let mut secret = [0u8; 12];
    env::secret_bytes(&mut secret);
    format!("{MARK}{}{}", request.simple(), crate::state::directory::hex(&secret)).into()
}

/// What a caller is told whose response was never kept because nothing is.
#[must_use]
pub fn off(path: &str) -> Fault {
    let message = "This response was not kept: storing content is off on this gateway. Send the whole conversation in \
                   `input`, or have the operator set `responses: { state: on }`.";
    Fault { code: Some("previous_response_not_found".to_owned()), ..Fault::invalid(path, message) }
}

/// The store that keeps responses is away.
#[must_use]
pub fn away() -> Fault {
    let message = "The store that keeps responses cannot be reached right now. Retry shortly.";
    Fault { retry_after: Some(1), ..Fault::new(Kind::Unavailable, message) }
}

impl Turn {
    /// Keeps the turn's response, as its caller gets it.
    pub fn end(&self, gateway: &Arc<Gateway>, body: &str) {
        if !self.keep || body.len() > MOST {
            return;
        }
        let now = env::now().as_millisecond();
        let kept = Kept {
            id: Arc::clone(&self.id),
            owner: Arc::clone(&self.owner),
            previous: self.previous.clone(),
            created_ms: now,
            expires_ms: now.saturating_add(AGE_MS),
            input: Arc::clone(&self.input),
            body: body.into(),
        };
        gateway.shelf.put(&gateway.tasks, kept);
    }

    /// The same of a stream's last frames.
    pub fn end_stream(&self, gateway: &Arc<Gateway>, frames: &Bytes) {
        // No JSON has a line feed in it, so this is where the last frame's begins.
        let Some(at) = memchr::memmem::rfind(frames, b"\ndata: ") else { return };
        let data = frames.get(at + 7..).unwrap_or_default();
        let response = std::str::from_utf8(data).ok().and_then(|text| Json::parse(text.trim_end()).ok());
        if let Some(response) = response.and_then(|event| event.get("response")) {
            self.end(gateway, response.raw());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart_and_lead_to_their_request() {
        let request = Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001);
        let (one, other) = (make_id(request), make_id(request));
        assert_ne!(one, other, "the request's id alone does not give it away");
        assert!(is_ours(&one) && one.len() == MARK.len() + 56);
        assert_eq!(request_of(&one), Some(request));
        for id in ["resp_68af4030baa48193b0b43b4c2a176a1a0e6967589f080e77", "chatcmpl-1", "", "resp_t"] {
            assert!(!is_ours(id) && request_of(id).is_none(), "{id}");
        }
        assert_eq!(request_of("resp_tgxyz"), None);
    }
}
