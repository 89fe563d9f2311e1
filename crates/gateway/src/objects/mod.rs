//! Files and batches: kept by one provider under one of its keys, and owned by whoever made them.

pub mod answer;
pub mod learn;
pub mod line;
pub mod list;
pub mod make;
pub mod note;
pub mod path;
pub mod pin;
pub mod refer;
pub mod send;
pub mod sieve;
pub mod upload;

use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use http::{Response, request::Parts};
use http_body::Body as _;
use hyper::body::Incoming;
use policy::entry::Decision;
use policy::object::{Kind as ObjectKind, Object, State};
use policy::provider::kept::Kept;
use tokio::time::Instant;
use wire::json::Document;

use self::answer::{About, answer, refuse};
use self::learn::Making;
use self::note::Note;
use self::path::{Verb, Wanted};
use self::pin::Pin;
use self::send::{Carried, Going, up};
use self::sieve::Shared;
use crate::auth;
use crate::exchange::admit::admit_one;
use crate::exchange::arrive::{self, discard, unsupported};
use crate::exchange::estimate::Counting;
use crate::exchange::opening::{Opening, client};
use crate::exchange::settle::{Record, wait};
use crate::gateway::Gateway;
use crate::jobs::batches;
use crate::native::{self, Ask, NO_MODEL};
use crate::server::reply::{self, ReplyBody};
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;

/// What is to be done for a request.
#[derive(Debug)]
enum Todo {
    /// Answer with this JSON.
    Tell(String),
    /// Ask the provider.
    Ask(Box<Asking>),
}

/// What is asked, and how.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    wanted: Wanted<'a>,
    /// The provider that the caller names.
    at: Option<&'a str>,
    head: &'a Parts,
    /// Nobody has a key.
    local: bool,
}

#[derive(Debug)]
struct Asking {
    pin: Pin,
    going: Going,
    object: Option<Object>,
    making: Option<Making>,
    sieve: Option<Shared>,
    until: Instant,
}

/// Serves one request of the native lane, which may be about a file or a batch as well.
pub async fn run_native(gateway: Arc<Gateway>, ask: Ask) -> Response<ReplyBody> {
    let snapshot = gateway.snapshot.load_full();
    let path = ask.head.uri.path().to_owned();
    match path::of_native(&snapshot, &path, &ask.head.headers) {
        Some((provider, typed)) if path::parse(&ask.head.method, &typed, &ask.head.headers).is_some() => {
            serve(gateway, ask, &typed, Some(provider)).await
        }
        _ => native::run(gateway, ask).await,
    }
}

/// Serves one request.
pub async fn run(gateway: Arc<Gateway>, ask: Ask) -> Response<ReplyBody> {
    let path = ask.head.uri.path().to_owned();
    serve(gateway, ask, &path, None).await
}

async fn serve(gateway: Arc<Gateway>, ask: Ask, path: &str, at: Option<&str>) -> Response<ReplyBody> {
    let (id, start, peer) = (ask.id, ask.start, ask.peer);
    let method = ask.head.method.clone();
    let Some(wanted) = path::parse(&method, path, &ask.head.headers) else {
        return reply::plain_fault(DialectId::OpenAiChat, &Fault::new(Kind::NotFound, "There is nothing here."), id);
    };
    let snapshot = gateway.snapshot.load_full();
    let family = wanted.family;
    let known = match gateway.loops(&ask.head.headers) {
        Some(fault) => Err(fault),
        None => auth::caller(&gateway, &snapshot, &ask.head, peer).await,
    };
    if at.is_some() && wanted.verb == Verb::List && known.as_ref().is_ok_and(|who| who.admin) {
        // The native lane shows an admin key the whole account.
        return native::run(gateway, ask).await;
    }
    let Ask { head, body, .. } = ask;
    let at = at.or_else(|| pin::named(&head.headers)).map(str::to_owned);
    let who = match known {
        Ok(who) => who,
        Err(fault) => {
            gateway.metrics.request(word(family), "error", fault.kind.name(), 0, 0);
            if !body.is_end_stream() {
                gateway.tasks.spawn("discard", discard(body));
            }
            return reply::plain_fault(family, &fault, id);
        }
    };
    let client = client(peer, &head.headers, &snapshot);
    let opening = Opening { id, start, dialect: word(family), operation: wanted.kept.name(), client };
    let mut record = Record::begun(&gateway, &snapshot, &who, opening);
    record.count(Counting::Free);
    let local = peer.is_some() && gateway.directory.load().is_empty();
    let mut body = Some(body);
    let asked = Asked { wanted, at: at.as_deref(), head: &head, local };
    let todo = todo(&gateway, &snapshot, &who, asked, &mut body, start, &mut record).await;
    if let Some(body) = body.filter(|body| todo.is_err() && !body.is_end_stream()) {
        gateway.tasks.spawn("discard", discard(body));
    }
    let asking = match todo {
        Ok(Todo::Ask(asking)) => asking,
        Ok(Todo::Tell(json)) => {
            wait(record.settle_listed(200)).await;
            let mut response = reply::json(200, json);
            reply::record_headers(&mut response, &record);
            return response;
        }
        Err(fault) => return refuse(record, family, &fault).await,
    };
    let Asking { pin, going, object, mut making, sieve, until } = *asking;
    let sent = send::ask(&pin, &going, until, &mut record).await;
    if let Carried::Through(_, upload) = &going.body
        && let Some(rest) = upload.rest()
    {
        gateway.tasks.spawn("discard", discard(rest));
    }
    let got = match sent {
        Ok(got) => got,
        Err(fault) => return refuse(record, family, &fault).await,
    };
    if let (Some(making), Some(sieve)) = (&mut making, sieve) {
        sieve.with(|sieve| {
            making.model = sieve.models().and_then(line::Models::only);
            making.data = sieve.models().and_then(line::Models::names).map(|names| note::of_requests(&names));
        });
    }
    answer(record, About { wanted, pin, object, making, method, until }, got).await
}

/// The dialect's word in ledger lines.
const fn word(family: DialectId) -> &'static str {
    match family {
        DialectId::AnthropicMessages => "anthropic-messages",
        _ => "openai",
    }
}

/// Checks a request and says what is to be done.
async fn todo(
    gateway: &Arc<Gateway>,
    snapshot: &Arc<Snapshot>,
    who: &Arc<Principal>,
    asked: Asked<'_>,
    body: &mut Option<Incoming>,
    start: Instant,
    record: &mut Record,
) -> Result<Todo, Fault> {
    let Asked { wanted, head, .. } = asked;
    record.read_headers(&head.headers, who)?;
    let deadline = arrive::deadline(&head.headers, start)?;
    if let Verb::Wrong(allow) = wanted.verb {
        let fault = Fault::new(Kind::MethodNotAllowed, format!("This path takes {allow}."));
        return Err(fault.with("allow", format!("\"{allow}\"")));
    }
    record.hold(admit_one(gateway, snapshot.config.server.max_in_flight)?);
    let mut asking = match (wanted.verb, wanted.kept) {
        (Verb::List, _) => {
            let list = list::list(gateway, snapshot, who, &wanted, head.uri.query(), &head.headers).await?;
            return Ok(Todo::Tell(list));
        }
        (Verb::Make, Kept::Files) => file(gateway, snapshot, who, asked, body).await?,
        (Verb::Make, Kept::Batches) => batch(gateway, snapshot, who, asked, body, record).await?,
        _ => one(gateway, snapshot, who, asked, body).await?,
    };
    let name = asking.object.as_ref().and_then(|object| object.model.clone());
    let model = asking.making.as_ref().and_then(|making| making.model.clone()).or(name);
    let model = model.as_deref().unwrap_or(NO_MODEL);
    record.asks(&format!("{}/{model}", asking.pin.target.provider_name), false, None, 0);
    record.decide(Decision { why: "pinned".to_owned(), candidates: Vec::new() });
    if let Some(deadline) = deadline {
        asking.until = asking.until.min(deadline);
    }
    Ok(Todo::Ask(Box::new(asking)))
}

impl Asking {
    fn new(pin: Pin, going: Going) -> Self {
        let until = crate::env::instant() + pin.target.timeouts.total;
        Self { pin, going, object: None, making: None, sieve: None, until }
    }
}

fn making(pin: &Pin, who: &Principal, kind: ObjectKind) -> Making {
    Making {
        provider: Arc::clone(&pin.target.provider_name),
        key: pin.fingerprint(),
        owner: who.owner.clone(),
        kind,
        model: None,
        state: (kind == ObjectKind::Batch).then_some(State::Open),
        data: None,
    }
}

/// A file to be made.
async fn file(
    gateway: &Arc<Gateway>,
    snapshot: &Arc<Snapshot>,
    who: &Arc<Principal>,
    asked: Asked<'_>,
    body: &mut Option<Incoming>,
) -> Result<Asking, Fault> {
    let Asked { wanted, at, head, .. } = asked;
    let pin = pin::choose(snapshot, who, wanted.family, wanted.kept, at)?;
    let form = upload::ready(gateway, snapshot, who, wanted.family, pin.place, &head.headers, body).await?;
    let making = making(&pin, who, ObjectKind::File);
    let going = going(wanted, head, form.body, false);
    Ok(Asking { making: Some(making), sieve: form.sieve, ..Asking::new(pin, going) })
}

fn going(wanted: Wanted<'_>, head: &Parts, body: Carried, decoded: bool) -> Going {
    let path = if wanted.id.is_empty() { String::new() } else { format!("/{}{}", wanted.id, wanted.rest) };
    Going {
        method: head.method.clone(),
        path,
        query: arrive::query(head.uri.query()),
        headers: up(&head.headers, wanted.family, decoded),
        body,
    }
}

/// A batch to be made.
async fn batch(
    gateway: &Arc<Gateway>,
    snapshot: &Arc<Snapshot>,
    who: &Arc<Principal>,
    asked: Asked<'_>,
    body: &mut Option<Incoming>,
    record: &Record,
) -> Result<Asking, Fault> {
    let Asked { wanted, at, head, local } = asked;
    if let Some(fault) = unsupported(&head.headers, local) {
        return Err(fault);
    }
    let broken = || Fault::invalid("", "The request body broke off before its end.");
    let (bytes, _held) = arrive::read(gateway, snapshot, &head.headers, body.as_mut().ok_or_else(broken)?).await?;
    let document = Document::parse(bytes)
        .map_err(|error| Fault::invalid("", format!("The request body is not the JSON object it must be: {error}.")))?;
    let made = match wanted.family {
        DialectId::AnthropicMessages => {
            let pin = pin::choose(snapshot, who, wanted.family, wanted.kept, at)?;
            make::of_requests(snapshot, who, pin, &document)?
        }
        _ => make::of_file(gateway, snapshot, who, at, &document).await?,
    };
    let note = Note { family: wanted.family, caller: record.entry().caller.clone(), asked: made.asked };
    let making = Making { model: made.model, data: Some(note.write()), ..making(&made.pin, who, ObjectKind::Batch) };
    let going = going(wanted, head, Carried::Whole(made.body), true);
    Ok(Asking { making: Some(making), ..Asking::new(made.pin, going) })
}

/// Something with one that is there.
async fn one(
    gateway: &Arc<Gateway>,
    snapshot: &Arc<Snapshot>,
    who: &Arc<Principal>,
    asked: Asked<'_>,
    body: &mut Option<Incoming>,
) -> Result<Asking, Fault> {
    let Asked { wanted, at, head, .. } = asked;
    let found = gateway.objects.find(who, wanted.kind(), wanted.id, at).await?;
    let pin = match &found {
        Some(object) => pin::of(snapshot, wanted.family, wanted.kept, object)?,
        // What was made past the gateway belongs to whoever runs it.
        None if who.admin => pin::choose(snapshot, who, wanted.family, wanted.kept, at)?,
        None => return Err(not_found(wanted.kept)),
    };
    if wanted.verb == Verb::Delete
        && let Some(object) = &found
    {
        priced(gateway, object).await?;
    }
    let bytes = match body.as_mut().filter(|body| !body.is_end_stream()) {
        Some(body) => arrive::read(gateway, snapshot, &head.headers, body).await?.0,
        None => Bytes::new(),
    };
    Ok(Asking { object: found, ..Asking::new(pin, going(wanted, head, Carried::Whole(bytes), true)) })
}

/// The answers of a batch that has ended are priced before they can be deleted.
///
/// # Errors
/// `unavailable` when they cannot be read just now.
pub async fn priced(gateway: &Arc<Gateway>, object: &Object) -> Result<(), Fault> {
    let batch = match object.name.kind {
        ObjectKind::Batch => Some(object.clone()),
        ObjectKind::File => match note::batch(object.data.as_deref()) {
            Some(id) => {
                let admin = Principal::named("admin", true);
                gateway.objects.find(&admin, ObjectKind::Batch, &id, Some(&object.name.provider)).await?
            }
            None => None,
        },
        _ => None,
    };
    let Some(batch) = batch.filter(|batch| batch.state == Some(State::Open)) else { return Ok(()) };
    if matches!(batches::step(gateway, &batch).await, batches::Step::Failed(_)) {
        let message = "The answers of this batch are not in the ledger yet, and cannot be read just now; deleted, they \
                       never could be. Retry shortly.";
        return Err(Fault { retry_after: Some(5), ..Fault::new(Kind::Unavailable, message) });
    }
    Ok(())
}

fn not_found(kept: Kept) -> Fault {
    let what = match kept {
        Kept::Files => "file",
        Kept::Batches => "batch",
    };
    Fault::new(Kind::NotFound, format!("There is no such {what} of this key."))
}
