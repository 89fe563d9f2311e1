//! A request that goes on from a response that the gateway keeps: the conversation it stands for is put into it.

use std::sync::Arc;

use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use policy::object::Kind as ObjectKind;
use policy::port::{Kept, Reach};
use wire::json::{Edit, Json};

use super::arrive::Arrived;
use crate::gateway::Gateway;
use crate::kept::items;
use crate::kept::turn::{MOST, Turn, away, is_ours, make_id, off};

/// Most responses and bytes of one conversation.
const REACH: Reach = Reach { count: 500, bytes: 32 << 20 };

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
    let conversation = said("conversation");
    let conversation = conversation.and_then(|value| value.as_str().or_else(|| value.get("id")?.as_str()));
    let named = match (&previous, conversation) {
        (Some(id), _) if is_ours(id) => None,
        (Some(id), _) => Some((ObjectKind::Response, id.clone(), "previous_response_id")),
        (None, Some(id)) => Some((ObjectKind::Conversation, id.into_owned(), "conversation")),
        (None, None) => None,
    };
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
    if let Some((kind, id, path)) = named {
        arrived.held = gateway.objects.find(&arrived.who, kind, &id, None).await?;
        // What was made past the gateway belongs to whoever runs it.
        if arrived.held.is_none() && !arrived.who.admin {
            return Err(stranger(kind, &id, path));
        }
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

/// What a provider keeps is not there, or another's.
fn stranger(kind: ObjectKind, id: &str, path: &str) -> Fault {
    let (what, code) = match kind {
        ObjectKind::Conversation => ("conversation", "conversation_not_found"),
        _ => ("response", "previous_response_not_found"),
    };
    let message = format!(
        "There is no {what} `{}` of this key. Send the whole conversation in `input`, or go on from one that this key or \
         its team has made through this gateway.",
        items::shown(id)
    );
    let mut fault = Fault::new(Kind::NotFound, message);
    fault.code = Some(code.to_owned());
    fault.path = Some(path.to_owned());
    fault
}
