//! The native lane: `/native/{provider}/…` is the provider's own API, untranslated, with the gateway's key, ledger
//! and guards.

pub mod answer;
pub mod headers;
pub mod look;
pub mod object;
pub mod owned;
pub mod path;
pub mod send;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use http::{HeaderMap, Method, Response, header, request::Parts};
use http_body::Body as _;
use hyper::body::Incoming;
use policy::entry::Decision;
use policy::object::{Kind as ObjectKind, Object};
use policy::provider::row::{Row, Speaks};
use tokio::time::Instant;
use uuid::Uuid;

use self::answer::{ERRORS, answered, refuse};
use self::object::About;
use crate::auth;
use crate::exchange::admit::admit_one;
use crate::exchange::arrive::{self, discard};
use crate::exchange::estimate::Counting;
use crate::exchange::opening::{Opening, client};
use crate::exchange::settle::Record;
use crate::gateway::{Gateway, Held};
use crate::objects::learn::Making;
use crate::objects::refer;
use crate::server::reply::{self, ReplyBody};
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;
use crate::state::target::Target;
use crate::upstream::credential::Credential;
use crate::upstream::sent::Upload;

/// The word for no dialect in ledger lines.
pub const NATIVE: &str = "native";
/// The model's name where a call has none.
pub const NO_MODEL: &str = "*";

/// A request of the native lane as it comes from the socket.
#[derive(Debug)]
pub struct Ask {
    /// Its id.
    pub id: Uuid,
    /// When it arrived.
    pub start: Instant,
    /// The caller's address; `None` on the local socket.
    pub peer: Option<SocketAddr>,
    /// The head.
    pub head: Parts,
    /// The body.
    pub body: Incoming,
}

/// A request that may go up.
#[derive(Debug)]
pub struct Going {
    method: Method,
    headers: HeaderMap,
    path: String,
    query: Option<String>,
    known: Option<DialectId>,
    /// A streamed answer was asked for.
    stream: bool,
    target: Arc<Target>,
    body: Carried,
    deadline: Option<Instant>,
    /// Its answer may tell what was used.
    metered: bool,
    /// The place of the key it is sent with.
    key: usize,
    /// What its answer makes.
    making: Option<Making>,
    /// What its answer deletes.
    deletes: Option<Object>,
}

/// The body of a request.
#[derive(Debug)]
pub enum Carried {
    /// It was read.
    Read(Bytes, Held),
    /// It goes through.
    Through(Upload),
}

/// Serves one request.
pub async fn run(gateway: Arc<Gateway>, ask: Ask) -> Response<ReplyBody> {
    let Ask { id, start, peer, head, body } = ask;
    let snapshot = gateway.snapshot.load_full();
    if let Some(fault) = gateway.loops(&head.headers) {
        return stranger(&gateway, &fault, id, body);
    }
    let who = match auth::caller(&gateway, &snapshot, &head, peer).await {
        Ok(who) => who,
        Err(fault) => return stranger(&gateway, &fault, id, body),
    };
    let client = client(peer, &head.headers, &snapshot);
    let opening = Opening { id, start, dialect: NATIVE, operation: NATIVE, client };
    let mut record = Record::begun(&gateway, &snapshot, &who, opening);
    record.count(Counting::Reported);
    let local = peer.is_some() && gateway.directory.load().is_empty() && !body.is_end_stream();
    let mut body = Some(body);
    let unasked = local.then(|| headers::unasked(&head)).flatten();
    let ready = match unasked {
        Some(fault) => Err(fault),
        None => ready(&gateway, &snapshot, &who, head, &mut body, start, &mut record).await,
    };
    let going = match ready {
        Ok(going) => going,
        Err(fault) => {
            if let Some(body) = body.filter(|body| !body.is_end_stream()) {
                gateway.tasks.spawn("discard", discard(body));
            }
            return refuse(record, &fault).await;
        }
    };
    record.begin(&going.target);
    let until = going.until();
    let sent = send::send(&going, until, &mut record).await;
    if let Carried::Through(upload) = &going.body
        && let Some(rest) = upload.rest()
    {
        gateway.tasks.spawn("discard", discard(rest));
    }
    match sent {
        Ok(answer) => answered(record, going, answer, until).await,
        Err(miss) => {
            record.failed(miss.0, None);
            refuse(record, &miss.1).await
        }
    }
}

impl Going {
    fn until(&self) -> Instant {
        let total = crate::env::instant() + self.target.timeouts.total;
        self.deadline.map_or(total, |deadline| deadline.min(total))
    }
}

/// The answer to a caller that nobody knows: no line.
fn stranger(gateway: &Gateway, fault: &Fault, id: Uuid, body: Incoming) -> Response<ReplyBody> {
    gateway.metrics.request(NATIVE, "error", fault.kind.name(), 0, 0);
    let mut response = reply::plain_fault(ERRORS, fault, id);
    if !body.is_end_stream() {
        response.headers_mut().insert(header::CONNECTION, reply::CLOSE);
        gateway.tasks.spawn("discard", discard(body));
    }
    response
}

/// Checks a request against everything it must hold, and makes it ready.
async fn ready(
    gateway: &Arc<Gateway>,
    snapshot: &Arc<Snapshot>,
    who: &Principal,
    head: Parts,
    body: &mut Option<Incoming>,
    start: Instant,
    record: &mut Record,
) -> Result<Going, Fault> {
    record.read_headers(&head.headers, who)?;
    let deadline = arrive::deadline(&head.headers, start)?;
    if matches!(head.method, Method::TRACE | Method::CONNECT) {
        let message = "The native lane takes GET, HEAD, POST, PUT, PATCH and DELETE.";
        return Err(
            Fault::new(Kind::MethodNotAllowed, message).with("allow", "\"GET, HEAD, POST, PUT, PATCH, DELETE\"")
        );
    }
    if head.version < http::Version::HTTP_2 && head.uri.authority().is_some() {
        return Err(Fault::invalid("", "The native lane takes a path, not a whole URL: the provider's host is fixed."));
    }
    let (name, raw) = path::split(head.uri.path()).ok_or_else(nobody)?;
    let place = snapshot.provider_place(name).ok_or_else(|| unknown(snapshot, name))?;
    let plain = path::check(raw)?;
    let provider = &snapshot.config.providers[place];
    if !provider.native || provider.is_demo() {
        let message = format!("The provider `{name}` may not be reached by the native lane (`native: false`).");
        return Err(Fault::new(Kind::Forbidden, message));
    }
    if let Some(why) = who.kept_from(&provider.data) {
        let message =
            format!("What your key or team requires of a provider (`require`), `{name}` does not have: {why}.");
        return Err(Fault::new(Kind::Forbidden, message));
    }
    keeps_base(provider.row, &provider.base_url, name, raw)?;
    let about = object::about(&head.method, &plain);
    let found = match &about {
        Some(About::One { kind, id, .. }) if !owned::is_account(&plain) => {
            let found = gateway.objects.find(who, *kind, id, Some(name)).await?;
            if found.is_none() && !who.admin {
                return Err(Fault::new(Kind::NotFound, "There is no such object of this key."));
            }
            found
        }
        _ => None,
    };
    let own = found.is_some() && head.method == Method::DELETE;
    if owned::needs_admin(&head.method, &plain) && !who.admin && !own {
        let message = "Lists, deletions and the administration of a provider's account show or end what others made: \
                       this path needs an admin key.";
        return Err(Fault::new(Kind::Forbidden, message));
    }
    let call = (head.method == Method::POST).then(|| path::known(&plain));
    let mut looked = look::look(gateway, snapshot, &head, call.as_ref(), body).await?;
    look::allowed(snapshot, place, who, &looked)?;
    if let Some((bytes, _)) = &looked.body {
        refer::check(gateway, who, bytes, &refer::ALL).await?;
    }
    let model = looked.model.as_deref().unwrap_or(NO_MODEL);
    let target = snapshot.target(place, model);
    let known = call.as_ref().and_then(|call| call.dialect);
    record.asks(&target.name, looked.stream, looked.tier, looked.bytes);
    record.decide(Decision { why: "only_target".to_owned(), candidates: Vec::new() });
    if let Some(user) = &looked.user {
        record.for_user(user);
    }
    if let Some(dialect) = known {
        record.speaks(dialect.name());
        record.count(Counting::Estimated);
    }
    if !provider.has_key() && !provider.row.keyless {
        let message = format!("The provider `{name}` has no key. Set its `api_key`.");
        return Err(Fault::new(Kind::NoCandidate, message));
    }
    record.hold(admit_one(gateway, snapshot.config.server.max_in_flight)?);
    let signs = target.provider.credential.as_ref().is_some_and(Credential::signs);
    if let Some(incoming) = body.as_mut().filter(|_| signs && looked.body.is_none()) {
        // A signature is of the whole body.
        looked.body = Some(arrive::read(gateway, snapshot, &head.headers, incoming).await?);
    }
    let limit = snapshot.config.server.max_upload;
    let length = body.as_ref().and_then(|body| body.size_hint().exact());
    let carried = match looked.body {
        Some((bytes, held)) => Carried::Read(bytes, held),
        None if length.is_some_and(|length| length > limit) => return Err(send::too_large(limit)),
        None => match body.take() {
            Some(body) => Carried::Through(Upload::new(body, limit)),
            None => return Err(Fault::invalid("", "The request body broke off before its end.")),
        },
    };
    let key = match &found {
        Some(object) => target.provider.key_of(&object.key).ok_or_else(|| {
            let message = "The provider's key that made this object is not in the configuration any more.";
            Fault::new(Kind::NoCandidate, message)
        })?,
        None => 0,
    };
    let kept = |kind| match kind {
        ObjectKind::ChatCompletion => looked.store == Some(true),
        ObjectKind::Response => looked.store != Some(false),
        _ => true,
    };
    let making = match about {
        Some(About::New(kind)) if kept(kind) => Some(Making {
            provider: Arc::clone(&target.provider_name),
            key: target.provider.fingerprint(key),
            owner: who.owner.clone(),
            kind,
            model: looked.model.as_deref().map(Into::into),
            state: None,
            data: None,
        }),
        _ => None,
    };
    let itself = matches!(about, Some(About::One { itself: true, .. }));
    let mut headers = headers::up(&head.headers);
    if matches!(carried, Carried::Read(..)) {
        headers.remove(header::CONTENT_ENCODING);
    }
    Ok(Going {
        headers,
        path: raw.to_owned(),
        query: arrive::query(head.uri.query()),
        known,
        stream: looked.stream,
        target,
        body: carried,
        deadline,
        metered: head.method == Method::POST,
        key,
        making,
        deletes: found.filter(|_| own && itself),
        method: head.method,
    })
}

fn nobody() -> Fault {
    Fault::new(Kind::NotFound, "The native lane is `/native/{provider}/…`: name a configured provider.")
}

fn unknown(snapshot: &Snapshot, name: &str) -> Fault {
    let names = || snapshot.config.providers.iter().map(|provider| &*provider.name);
    let near = policy::catalog::near_of(names(), name, 3);
    let shown: String = name.chars().take(64).collect();
    let hint = match near.first() {
        Some(near) => format!("Did you mean `{near}`?"),
        None => "It must be one of the configuration's `providers`.".to_owned(),
    };
    Fault::new(Kind::NotFound, format!("There is no provider `{shown}` here. {hint}"))
}

/// The path keeps what the provider's `base_url` begins it with, or stands where one of the row's dialects does
/// (Ollama's `/api/` beside its `/v1`).
fn keeps_base(row: &Row, base_url: &str, name: &str, raw: &str) -> Result<(), Fault> {
    let base = base_url.parse::<http::Uri>().ok();
    let prefix = base.as_ref().map_or("", |base| base.path()).trim_end_matches('/');
    let kept = raw.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let beside = |speaks: &Speaks| {
        let ending = speaks.strip.iter().find(|ending| prefix.ends_with(ending.as_str()));
        let base = ending.map_or(prefix, |ending| prefix.strip_suffix(ending.as_str()).unwrap_or(prefix));
        let folder = speaks.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let within = |rest: &str| rest.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        !folder.is_empty() && !folder.contains('{') && raw.strip_prefix(base).is_some_and(within)
    };
    if kept || row.speaks.iter().any(beside) {
        return Ok(());
    }
    let message = format!("Paths of `{name}` begin with `/native/{name}{prefix}/`, as its `base_url` does.");
    Err(Fault::new(Kind::NotFound, message))
}
