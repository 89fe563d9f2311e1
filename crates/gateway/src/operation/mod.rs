//! Operations beside model calls (embeddings, images, speech, counting tokens, …): routed, tried in turn, metered and
//! priced like them, their bytes passed through; embeddings and counts are translated where a target has another
//! shape for them.

pub mod answer;
pub mod attempt;
pub mod count;
pub mod embed;
pub mod form;
pub mod leg;
pub mod request;
pub mod tokens;
pub mod usage;

use std::sync::Arc;

use dialect::fault::Fault;
use dialect::id::DialectId;
use http::Response;
use http_body::Body as _;
use policy::provider::operation::Operation;

use crate::auth;
use crate::exchange::admit::admit_one;
use crate::exchange::arrive::{discard, unsupported};
use crate::exchange::estimate::Counting;
use crate::exchange::opening::{Opening, client};
use crate::exchange::plan::{lay, no_key};
use crate::exchange::settle::Record;
use crate::gateway::Gateway;
use crate::native::Ask;
use crate::server::reply::{self, ReplyBody};
use crate::state::directory::Principal;
use crate::state::snapshot::Snapshot;
use crate::state::target::Target;
use attempt::Won;
use request::Request;

/// What is asked for, and in which shape.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The operation.
    pub operation: Operation,
    /// The dialect of its shape and of its errors.
    pub dialect: DialectId,
    /// The model, where the path names it.
    pub named: Option<String>,
    /// One text in place of several (Google's `embedContent`).
    pub single: bool,
}

impl Asking {
    /// The dialect's word in ledger lines.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match (self.operation, self.dialect) {
            (Operation::Rerank | Operation::RerankV2, _) => "cohere",
            (_, DialectId::OpenAiChat) => "openai",
            (_, dialect) => dialect.name(),
        }
    }
}

/// Serves one request.
pub async fn run(gateway: Arc<Gateway>, asking: Asking, ask: Ask) -> Response<ReplyBody> {
    let Ask { id, start, peer, head, body } = ask;
    let (operation, dialect, word) = (asking.operation, asking.dialect, asking.word());
    let snapshot = gateway.snapshot.load_full();
    let known = match gateway.loops(&head.headers) {
        Some(fault) => Err(fault),
        None => auth::caller(&gateway, &snapshot, &head, peer).await,
    };
    let who = match known {
        Ok(who) => who,
        Err(fault) => {
            gateway.metrics.request(word, "error", fault.kind.name(), 0, 0);
            if !body.is_end_stream() {
                gateway.tasks.spawn("discard", discard(body));
            }
            return reply::plain_fault(dialect, &fault, id);
        }
    };
    let client = client(peer, &head.headers, &snapshot);
    let opening = Opening { id, start, dialect: word, operation: operation.name(), client };
    let mut record = Record::begun(&gateway, &snapshot, &who, opening);
    record.count(counting(operation));
    let mut body = Some(body);
    // A page can post a form unasked, but not without the `origin` that local mode looks at.
    let local = peer.is_some() && gateway.directory.load().is_empty();
    let refused = (!operation.is_form()).then(|| unsupported(&head.headers, local)).flatten();
    let read = match refused {
        Some(fault) => Err(fault),
        None => request::read(&gateway, &snapshot, asking, &who, head, &mut body, start, &mut record).await,
    };
    let request = match read {
        Ok(request) => request,
        Err(fault) => {
            if let Some(body) = body.filter(|body| !body.is_end_stream()) {
                gateway.tasks.spawn("discard", discard(body));
            }
            return refuse(record, dialect, &fault).await;
        }
    };
    let won = serve(&gateway, &snapshot, &who, &request, &mut record).await;
    if let Some(rest) = request.rest() {
        gateway.tasks.spawn("discard", discard(rest));
    }
    match won {
        Ok(Won::Answer(answer)) => answer::answer(record, &request, *answer).await,
        Ok(Won::Here(here)) => answer::here(record, &request, *here).await,
        Ok(Won::Rejected(rejected)) => rejected.answer(record).await,
        Err(fault) => refuse(record, dialect, &fault).await,
    }
}

async fn serve(
    gateway: &Arc<Gateway>,
    snapshot: &Snapshot,
    who: &Principal,
    request: &Request,
    record: &mut Record,
) -> Result<Won, Fault> {
    let excluded_by = |target: &Target| match leg::serves(request, target) {
        false => Some("endpoint"),
        true => no_key(target),
    };
    let plan = lay(snapshot, &request.model, who, record, &excluded_by, |_, _| Ok(None))?;
    record.hold(admit_one(gateway, snapshot.config.server.max_in_flight)?);
    attempt::attempt_all(request, &plan, record).await
}

/// Answers with an error of ours, its line written first.
async fn refuse(mut record: Record, dialect: DialectId, fault: &Fault) -> Response<ReplyBody> {
    record.settle_error(fault, fault.status_in(dialect)).await;
    let mut response = reply::plain_fault(dialect, fault, record.id());
    reply::record_headers(&mut response, &record);
    response
}

/// How what is used is known: tokens of texts may be estimated, sounds and images may not.
const fn counting(operation: Operation) -> Counting {
    match operation {
        Operation::CountTokens => Counting::Free,
        Operation::Embeddings | Operation::Completions | Operation::Moderations => Counting::Estimated,
        _ => Counting::Reported,
    }
}
