//! Operations that are served in their own shape alone (embeddings, images, speech, …): routed, tried in turn,
//! metered and priced like model calls, their bytes passed through.

pub mod answer;
pub mod attempt;
pub mod form;
pub mod request;
pub mod usage;

use std::sync::Arc;

use dialect::fault::Fault;
use http::Response;
use http_body::Body as _;
use policy::provider::operation::{Operation, call};

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

/// Serves one request.
pub async fn run(gateway: Arc<Gateway>, operation: Operation, ask: Ask) -> Response<ReplyBody> {
    let Ask { id, start, peer, head, body } = ask;
    let snapshot = gateway.snapshot.load_full();
    let known = match gateway.loops(&head.headers) {
        Some(fault) => Err(fault),
        None => auth::caller(&gateway, &snapshot, &head, peer).await,
    };
    let who = match known {
        Ok(who) => who,
        Err(fault) => {
            gateway.metrics.request(word(operation), "error", fault.kind.name(), 0, 0);
            if !body.is_end_stream() {
                gateway.tasks.spawn("discard", discard(body));
            }
            return reply::plain_fault(operation.errors(), &fault, id);
        }
    };
    let client = client(peer, &head.headers, &snapshot);
    let opening = Opening { id, start, dialect: word(operation), operation: operation.name(), client };
    let mut record = Record::begun(&gateway, &snapshot, &who, opening);
    record.count(counting(operation));
    let mut body = Some(body);
    // A page can post a form unasked, but not without the `origin` that local mode looks at.
    let local = peer.is_some() && gateway.directory.load().is_empty();
    let refused = (!operation.is_form()).then(|| unsupported(&head.headers, local)).flatten();
    let read = match refused {
        Some(fault) => Err(fault),
        None => request::read(&gateway, &snapshot, operation, &who, head, &mut body, start, &mut record).await,
    };
    let request = match read {
        Ok(request) => request,
        Err(fault) => {
            if let Some(body) = body.filter(|body| !body.is_end_stream()) {
                gateway.tasks.spawn("discard", discard(body));
            }
            return refuse(record, operation, &fault).await;
        }
    };
    let won = serve(&gateway, &snapshot, &who, &request, &mut record).await;
    if let Some(rest) = request.rest() {
        gateway.tasks.spawn("discard", discard(rest));
    }
    match won {
        Ok(Won::Answer(answer)) => answer::answer(record, &request, *answer).await,
        Ok(Won::Rejected(rejected)) => rejected.answer(record).await,
        Err(fault) => refuse(record, operation, &fault).await,
    }
}

async fn serve(
    gateway: &Arc<Gateway>,
    snapshot: &Snapshot,
    who: &Principal,
    request: &Request,
    record: &mut Record,
) -> Result<Won, Fault> {
    let excluded_by = |target: &Target| match place(request.operation, target) {
        None => Some("endpoint"),
        Some(_) => no_key(target),
    };
    let plan = lay(snapshot, &request.model, who, record, &excluded_by, |_, _| false)?;
    record.hold(admit_one(gateway, snapshot.config.server.max_in_flight)?);
    attempt::attempt_all(request, &plan, record).await
}

/// Where a target serves an operation, and how the key is sent there.
fn place(operation: Operation, target: &Target) -> Option<(String, &policy::provider::row::Auth)> {
    let config = &target.provider.config;
    call(config.row, operation, &config.base_url, &target.model, config.api_version.as_deref())
}

/// Answers with an error of ours, its line written first.
async fn refuse(mut record: Record, operation: Operation, fault: &Fault) -> Response<ReplyBody> {
    let errors = operation.errors();
    record.settle_error(fault, fault.status_in(errors)).await;
    let mut response = reply::plain_fault(errors, fault, record.id());
    reply::record_headers(&mut response, &record);
    response
}

/// The dialect's word in ledger lines.
const fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::CountTokens => "anthropic-messages",
        Operation::Rerank | Operation::RerankV2 => "cohere",
        _ => "openai",
    }
}

/// How what is used is known: tokens of texts may be estimated, sounds and images may not.
const fn counting(operation: Operation) -> Counting {
    match operation {
        Operation::CountTokens => Counting::Free,
        Operation::Embeddings | Operation::Completions | Operation::Moderations => Counting::Estimated,
        _ => Counting::Reported,
    }
}
