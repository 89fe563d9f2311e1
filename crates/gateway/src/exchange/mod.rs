//! The story of one request: arrive, plan, admit, recall, attempt, judge, relay, settle.

pub mod access;
pub mod admit;
pub mod array;
pub mod arrive;
pub mod attempt;
pub mod call;
pub mod estimate;
pub mod expect;
pub mod flow;
pub mod held;
pub mod hold;
pub mod hosting;
pub mod judge;
pub mod media;
pub mod miss;
pub mod opening;
pub mod out;
pub mod pass;
pub mod plan;
pub mod prepare;
pub mod recall;
pub mod redact;
pub mod relay;
pub mod remains;
pub mod resume;
pub mod send;
pub mod settle;
pub mod tags;
pub mod watch;
pub mod whole;

use std::sync::Arc;

use dialect::fault::Fault;
use http::Response;

use crate::gateway::Gateway;
use crate::objects::refer;
use crate::server::reply::{self, ReplyBody};
use arrive::Arrived;
use call::Call;
use judge::Won;
use settle::Record;

/// Serves one model call.
pub async fn run(gateway: Arc<Gateway>, call: Call) -> Response<ReplyBody> {
    let (caller, id) = (call.dialect, call.id);
    // Who asks, and what: one snapshot of the configuration and one of the keys for the request's life.
    let (mut arrived, mut record) = match arrive::arrive(&gateway, call).await {
        Ok(arrived) => arrived,
        Err(refused) => return refused.answer(&gateway, caller, id),
    };
    // A response that it goes on from and that the gateway keeps: its conversation is the request's.
    if let Err(fault) = resume::begin(&gateway, &mut arrived).await {
        return refuse(record, &arrived, &fault).await;
    }
    record.weighs(arrived.peek.bytes as u64);
    match serve(&gateway, &arrived, &mut record).await {
        Ok(Won::Whole(whole)) => whole::answer(record, &arrived, whole).await,
        Ok(Won::Stream(flow)) => relay::answer(record, &arrived, flow),
        Ok(Won::Rejected(rejected)) => rejected.answer(record).await,
        Err(fault) => refuse(record, &arrived, &fault).await,
    }
}

async fn serve(gateway: &Arc<Gateway>, arrived: &Arrived, record: &mut Record) -> Result<Won, Fault> {
    let plan = plan::plan(arrived, record)?;
    refer::check(gateway, &arrived.who, arrived.body.bytes(), refer::words(arrived.dialect)).await?;
    record.hold(admit::admit(gateway, arrived)?);
    match recall::recall(gateway, arrived) {
        Some(known) => Ok(known),
        None => attempt::attempt_all(arrived, &plan, record).await,
    }
}

/// Answers with an error of ours, its line written first.
async fn refuse(mut record: Record, arrived: &Arrived, fault: &Fault) -> Response<ReplyBody> {
    record.settle_error(fault, fault.status_in(arrived.dialect)).await;
    reply::fault(dialect::of(arrived.dialect), fault, &record)
}
