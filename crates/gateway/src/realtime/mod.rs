//! OpenAI's realtime API: a WebSocket between a client and a provider. Who may, where it goes and what it costs is
//! decided and kept as for any request; the messages themselves pass as they come.

pub mod handshake;
pub mod limits;
pub mod lines;
pub mod open;
pub mod relay;

use std::sync::Arc;

use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use http::Response;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use policy::provider::operation::Operation;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::auth;
use crate::exchange::admit::admit_one;
use crate::exchange::arrive;
use crate::exchange::estimate::Counting;
use crate::exchange::opening::{Opening as Begun, client};
use crate::exchange::plan::{lay, no_key};
use crate::exchange::settle::Record;
use crate::gateway::Gateway;
use crate::native::Ask;
use crate::operation::leg::place;
use crate::server::reply::{self, ReplyBody};
use crate::state::target::Target;
use lines::Lines;
use open::{Opened, Won};

/// The dialect that its errors are told in before it is a socket.
const ERRORS: DialectId = DialectId::OpenAiChat;
/// The word for it in ledger lines.
const WORD: &str = "openai-realtime";

/// Serves one request for a socket.
pub async fn run(gateway: Arc<Gateway>, ask: Ask) -> Response<ReplyBody> {
    let Ask { id, start, peer, mut head, .. } = ask;
    handshake::from_protocols(&mut head);
    let snapshot = gateway.snapshot.load_full();
    let known = match gateway.loops(&head.headers) {
        Some(fault) => Err(fault),
        None => auth::caller(&gateway, &snapshot, &head, peer).await,
    };
    let who = match known {
        Ok(who) => who,
        Err(fault) => {
            gateway.metrics.request(WORD, "error", fault.kind.name(), 0, 0);
            return reply::plain_fault(ERRORS, &fault, id);
        }
    };
    let client = client(peer, &head.headers, &snapshot);
    let begun = Begun { id, start, dialect: WORD, operation: Operation::Realtime.name(), client };
    let mut record = Record::begun(&gateway, &snapshot, &who, begun);
    record.count(Counting::Free);
    macro_rules! refuse {
        ($fault:expr) => {
            return refuse(record, &$fault).await
        };
    }
    if let Err(fault) = record.read_headers(&head.headers, &who) {
        refuse!(fault);
    }
    let (opening, deadline) = match (handshake::read(&head), arrive::deadline(&head.headers, start)) {
        (Ok(opening), Ok(deadline)) => (opening, deadline),
        (Err(fault), _) | (_, Err(fault)) => refuse!(fault),
    };
    record.asks(&opening.model, true, None, 0);
    let Some(upgrade) = head.extensions.remove::<OnUpgrade>() else {
        refuse!(Fault::new(Kind::Unsupported, "This connection cannot become a WebSocket. Use HTTP/1.1."));
    };
    let excluded_by = |target: &Target| match place(Operation::Realtime, target) {
        None => Some("endpoint"),
        Some(_) => no_key(target),
    };
    let plan = match lay(&snapshot, &opening.model, &who, &mut record, &excluded_by, |_, _| Ok(None)) {
        Ok(plan) => plan,
        Err(fault) => refuse!(fault),
    };
    match admit_one(&gateway, snapshot.config.server.max_in_flight) {
        Ok(hold) => record.hold(hold),
        Err(fault) => refuse!(fault),
    }
    let opened = match open::open(&opening, &head.headers, &plan, start, deadline, &mut record).await {
        Ok(Won::Opened(opened)) => *opened,
        Ok(Won::Rejected(rejected)) => return rejected.answer(record).await,
        Err(fault) => refuse!(fault),
    };
    record.in_session(&id.hyphenated().to_string());
    record.flows();
    let mut response = handshake::answer(&opening);
    reply::record_headers(&mut response, &record);
    let Opened { target, stream } = opened;
    let limits = **gateway.sockets.load();
    let lines = Lines::new(record, target, who);
    let token = gateway.open_sockets.token();
    let tasks = gateway.tasks.clone();
    tasks.spawn("realtime", async move {
        let _open = token;
        // Where the client left before its answer, dropping the lines settles them.
        let Ok(Ok(down)) = tokio::time::timeout(limits.slow, upgrade).await else { return };
        let down = WebSocketStream::from_raw_socket(TokioIo::new(down), Role::Server, Some(limits.frames())).await;
        let up = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Client, Some(limits.frames())).await;
        relay::relay(down, up, lines, limits, deadline).await;
    });
    response
}

/// Answers with an error of ours, its line written first.
async fn refuse(mut record: Record, fault: &Fault) -> Response<ReplyBody> {
    record.settle_error(fault, fault.status_in(ERRORS)).await;
    let mut response = reply::plain_fault(ERRORS, fault, record.id());
    reply::record_headers(&mut response, &record);
    response
}
