//! One turn of a conversation that the gateway keeps: the id its response will have, the history that the request
//! continues, and what is kept at its end.

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use policy::port::{Kept, Reach};
use uuid::Uuid;
use wire::json::{Edit, Json};

use super::items;
use crate::env;
use crate::exchange::arrive::Arrived;
use crate::gateway::Gateway;

/// How every id of ours begins; OpenAI's go on in hexadecimal digits.
const MARK: &str = "resp_tg";
/// How long a response is kept; OpenAI's time.
const AGE_MS: i64 = 30 * 86_400_000;
/// Most responses and bytes of one conversation.
const REACH: Reach = Reach { count: 500, bytes: 32 << 20 };
/// Longest input and longest response that is kept, in bytes each.
const MOST: usize = 8 << 20;

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
    owner: Arc<str>,
    /// Its own input's items, where they are kept.
    input: Arc<str>,
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
fn make_id(request: Uuid) -> Arc<str> {
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

/// Begins the turn of a request of OpenAI's Responses API; with a `previous_response_id` of ours, puts the
/// conversation it stands for into the request.
///
/// # Errors
/// A response that is not there, or another's; a conversation that is too long; calls and outputs that do not belong
/// together; a store that is away.
pub async fn begin(gateway: &Arc<Gateway>, arrived: &mut Arrived) -> Result<(), Fault> {
    if arrived.dialect != DialectId::OpenAiResponses {
        return Ok(());
    }
    let body = &arrived.body;
    let said = |name: &str| body.get(name).and_then(Json::non_null);
    let previous = said("previous_response_id").and_then(Json::as_str).map(std::borrow::Cow::into_owned);
    if previous.is_some() && said("conversation").is_some() {
        let message = "`previous_response_id` and `conversation` exclude each other: send one of them.";
        return Err(Fault::invalid("previous_response_id", message));
    }
    let on = arrived.snapshot.config.responses.state;
    let wanted = on && said("store").and_then(Json::as_bool) != Some(false);
    let too_long = wanted && said("input").is_some_and(|input| input.raw().len() > MOST);
    let keep = wanted && !too_long;
    let previous = previous.filter(|id| is_ours(id));
    let own = match keep || previous.is_some() {
        true => items::own(said("input")),
        false => String::new(),
    };
    let owner: Arc<str> = arrived.who.owner.text().into();
    if let Some(id) = &previous {
        if !on {
            return Err(off("previous_response_id"));
        }
        let input = continued(gateway, &owner, id, &own).await?;
        let edits = [Edit::remove("previous_response_id"), Edit::set("input", input)];
        let edited = arrived.body.edit(&edits);
        arrived.replace(gateway, edited)?;
    }
    arrived.turn = Some(Arc::new(Turn {
        id: make_id(arrived.id),
        previous: previous.map(Into::into),
        keep,
        too_long,
        owner,
        input: if keep { own.into() } else { "".into() },
    }));
    Ok(())
}

/// The whole conversation that a response ends, with a request's own items behind it.
async fn continued(gateway: &Gateway, owner: &str, id: &str, own: &str) -> Result<String, Fault> {
    let path = "previous_response_id";
    let chain = gateway.shelf.chain(owner, id, REACH).await.map_err(|_| away())?;
    let bytes: u64 = chain.iter().map(|kept| kept.bytes()).sum();
    match chain.last().map(|kept| &**kept) {
        None => {
            let unknown = items::unknown(id, "previous_response_not_found");
            Err(Fault { path: Some(path.to_owned()), ..unknown })
        }
        Some(last) if last.previous.is_some() && (chain.len() >= REACH.count || bytes > REACH.bytes) => {
            Err(Fault::invalid(path, TOO_FAR))
        }
        Some(_) if bytes > REACH.bytes => Err(Fault::invalid(path, TOO_FAR)),
        Some(Kept { previous: Some(gone), .. }) if chain.iter().all(|kept| kept.id != *gone) => {
            let message = format!(
                "The conversation is not whole any more: the response `{}`, which it goes on from, is gone. Send the \
                 whole conversation in `input`.",
                items::shown(gone)
            );
            let mut fault = Fault::new(Kind::NotFound, message);
            fault.code = Some("previous_response_not_found".to_owned());
            fault.path = Some(path.to_owned());
            Err(fault)
        }
        Some(Kept { previous: Some(_), .. }) => Err(Fault::invalid(path, "The conversation turns in a circle.")),
        Some(_) => items::joined(chain.iter().map(|kept| &**kept), own),
    }
}

const TOO_FAR: &str = "The conversation is longer than 500 responses or 32 MiB, the most that is kept in one. Send what \
                       matters of it in `input`, without `previous_response_id`.";

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
