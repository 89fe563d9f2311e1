//! Responses and conversations that a provider keeps: asked of the provider and the key that made them, and found by
//! their owner alone.

pub mod answer;
pub mod path;
pub mod pin;
pub mod price;

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use http::{Method, Response, request::Parts};
use http_body::Body as _;
use hyper::body::Incoming;
use policy::entry::Decision;
use policy::object::{Kind as ObjectKind, Object, State};
use tokio::time::Instant;

use self::answer::{About, refuse};
use self::path::{Verb, Wanted};
use crate::auth;
use crate::exchange::admit::admit_one;
use crate::exchange::arrive::{self, discard, unsupported};
use crate::exchange::estimate::Counting;
use crate::exchange::opening::{Opening, client};
use crate::exchange::settle::Record;
use crate::gateway::Gateway;
use crate::native::Ask;
use crate::objects::pin::required;
use crate::objects::pin::{Pin, named};
use crate::objects::send::{Carried, Going, ask, up};
use crate::server::reply::{self, ReplyBody};
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;

/// Errors are told in this dialect.
const FAMILY: DialectId = DialectId::OpenAiResponses;

/// What is to be asked of a provider.
struct Asking {
    pin: Pin,
    going: Going,
    object: Option<Object>,
    until: Instant,
}

/// Serves one request; the path is one that [`path::parse`] reads.
pub async fn run(gateway: Arc<Gateway>, request: Ask) -> Response<ReplyBody> {
    let Ask { id, start, peer, head, body } = request;
    let uri = head.uri.clone();
    let Some(wanted) = path::parse(&head.method, uri.path()) else {
        return reply::plain_fault(FAMILY, &Fault::new(Kind::NotFound, "There is nothing here."), id);
    };
    let snapshot = gateway.snapshot.load_full();
    let known = match gateway.loops(&head.headers) {
        Some(fault) => Err(fault),
        None => auth::caller(&gateway, &snapshot, &head, peer).await,
    };
    let who = match known {
        Ok(who) => who,
        Err(fault) => {
            gateway.metrics.request(FAMILY.name(), "error", fault.kind.name(), 0, 0);
            if !body.is_end_stream() {
                gateway.tasks.spawn("discard", discard(body));
            }
            return reply::plain_fault(FAMILY, &fault, id);
        }
    };
    let client = client(peer, &head.headers, &snapshot);
    let opening = Opening { id, start, dialect: FAMILY.name(), operation: wanted.kind.name(), client };
    let mut record = Record::begun(&gateway, &snapshot, &who, opening);
    record.count(Counting::Free);
    let local = peer.is_some() && gateway.directory.load().is_empty();
    let mut body = Some(body);
    let todo = todo(&gateway, &snapshot, &who, &wanted, &head, &mut body, local, &mut record).await;
    if let Some(body) = body.filter(|body| todo.is_err() && !body.is_end_stream()) {
        gateway.tasks.spawn("discard", discard(body));
    }
    let Asking { pin, going, object, until } = match todo {
        Ok(asking) => asking,
        Err(fault) => return refuse(record, &fault).await,
    };
    let streams = going.query.as_deref().is_some_and(|query| query.split('&').any(|pair| pair == "stream=true"));
    match ask(&pin, &going, until, &mut record).await {
        Ok(got) => {
            let about = About {
                wanted,
                pin,
                object,
                owner: who.owner.clone(),
                bodiless: head.method == Method::HEAD,
                streams,
                until,
            };
            answer::answer(record, about, got).await
        }
        Err(fault) => refuse(record, &fault).await,
    }
}

/// Checks a request and says what is to be asked.
#[expect(clippy::too_many_arguments, reason = "one request has one reader")]
async fn todo(
    gateway: &Arc<Gateway>,
    snapshot: &Arc<Snapshot>,
    who: &Principal,
    wanted: &Wanted<'_>,
    head: &Parts,
    body: &mut Option<Incoming>,
    local: bool,
    record: &mut Record,
) -> Result<Asking, Fault> {
    record.read_headers(&head.headers, who)?;
    if let Verb::Wrong(allow) = wanted.verb {
        let fault = Fault::new(Kind::MethodNotAllowed, format!("This path takes {allow}."));
        return Err(fault.with("allow", format!("\"{allow}\"")));
    }
    record.hold(admit_one(gateway, snapshot.config.server.max_in_flight)?);
    let object = match wanted.id {
        "" => None,
        id => gateway.objects.find(who, wanted.kind, id, named(&head.headers)).await?,
    };
    let pin = match &object {
        Some(object) => pin::of(snapshot, object)?,
        // What was made past the gateway belongs to whoever runs it.
        None if wanted.verb == Verb::Make || who.admin => {
            pin::choose(snapshot, who, wanted.kind, named(&head.headers))?
        }
        None => return Err(unknown(wanted)),
    };
    // What is kept may be looked at and ended where it is; nothing more is sent to who lacks what is required.
    if body.as_ref().is_some_and(|body| !body.is_end_stream()) {
        required(&pin, who)?;
    }
    if let Some(object) =
        object.as_ref().filter(|object| object.state == Some(State::Open) && wanted.verb == Verb::Delete)
    {
        ended(gateway, object).await?;
    }
    let bytes = match body.as_mut().filter(|body| !body.is_end_stream()) {
        Some(body) => {
            if let Some(fault) = unsupported(&head.headers, local) {
                return Err(fault);
            }
            arrive::read(gateway, snapshot, &head.headers, body).await?.0
        }
        None => Bytes::new(),
    };
    record.asks(&pin.target.name, false, None, 0);
    record.decide(Decision { why: "pinned".to_owned(), candidates: Vec::new() });
    let path = if wanted.id.is_empty() { String::new() } else { format!("/{}{}", wanted.id, wanted.rest) };
    let mut headers = up(&head.headers, FAMILY, true);
    if !bytes.is_empty() {
        headers.insert(http::header::CONTENT_TYPE, reply::JSON);
    }
    let query = arrive::query(head.uri.query());
    let going = Going { method: head.method.clone(), path, query, headers, body: Carried::Whole(bytes) };
    let until = crate::env::instant() + pin.target.timeouts.total;
    Ok(Asking { pin, going, object, until })
}

/// What a response in the making costs is in the ledger before it can be deleted.
async fn ended(gateway: &Arc<Gateway>, object: &Object) -> Result<(), Fault> {
    match price::step(gateway, object).await {
        price::Step::Settled => Ok(()),
        price::Step::Pending | price::Step::Failed => {
            let message = "This response is still being made. Cancel it, or wait for its end; then delete it.";
            Err(Fault { status: Some(409), ..Fault::invalid("response_id", message) })
        }
    }
}

fn unknown(wanted: &Wanted<'_>) -> Fault {
    let what = match wanted.kind {
        ObjectKind::Conversation => "conversation",
        _ => "response",
    };
    let mut fault = Fault::new(Kind::NotFound, format!("There is no such {what} of this key."));
    fault.code = Some(format!("{what}_not_found"));
    fault
}
