//! Tries targets in turn until one answers: which next is policy's, sending is `send`'s.

use std::time::Duration;

use dialect::fault::{Fault, Kind};
use dialect::id::DialectId;
use dialect::loss::Loss;
use dialect::outcome::Outcome;
use policy::route::retry::{Failed, Next, next};
use policy::route::verdict::verdict;
use tokio::time::Instant;
use wire::json::Writer;

use super::arrive::Arrived;
use super::held;
use super::judge::{Rejected, Won};
use super::miss::{Miss, out_of_time, unauthorized};
use super::plan::Plan;
use super::prepare::Ready;
use super::send::try_one;
use super::settle::Record;
use crate::env;

/// Tries targets until one answers.
///
/// # Errors
/// What the caller is told when none did.
pub async fn attempt_all(arrived: &Arrived, plan: &Plan, record: &mut Record) -> Result<Won, Fault> {
    let mut failed: Vec<Failed> = Vec::new();
    let mut last: Option<Miss> = None;
    let mut ready = Ready::default();
    loop {
        let now = env::instant().saturating_duration_since(arrived.start);
        let (route, key, pause) = match next(&plan.routes, &failed, plan.tries, now, env::roll()) {
            Next::Try { route, key, pause } => (route, key, pause),
            Next::GiveUp => return give_up(arrived.start, arrived.dialect, &failed, last, record),
        };
        if !pause.is_zero() {
            if arrived.deadline.is_some_and(|deadline| env::instant() + pause >= deadline) {
                return give_up(arrived.start, arrived.dialect, &failed, last, record);
            }
            let waiting = env::instant();
            tokio::time::sleep(pause).await;
            record.waited(waiting);
        }
        let Some(target) = plan.targets.get(route) else {
            return give_up(arrived.start, arrived.dialect, &failed, last, record);
        };
        let Some(lane) = target.lane(arrived.dialect) else {
            return give_up(arrived.start, arrived.dialect, &failed, last, record);
        };
        let prepared = ready.prepare(arrived, route, target, lane, record).await?;
        if plan.reject_losses && !prepared.losses.is_empty() {
            return Err(lossy(&prepared.losses));
        }
        if !failed.is_empty() {
            record.fell_back();
        }
        record.begin(target);
        let timeouts = plan.timeouts.over(target.timeouts);
        match try_one(arrived, target, lane, prepared, key, timeouts, record).await {
            Ok(mut won) => {
                record.lose(prepared.losses.clone());
                held::note(arrived, target, key, &mut won, record).await;
                return Ok(won);
            }
            Err(miss) => {
                record.failed(miss.fault.outcome, (miss.fault.status != 0).then_some(miss.fault.status));
                let at = env::instant().saturating_duration_since(arrived.start);
                let (outcome, retry_after) = (miss.fault.outcome, miss.fault.retry_after);
                failed.push(Failed { route, key, outcome, at, retry_after });
                last = Some(miss);
                if arrived.deadline.is_some_and(|deadline| env::instant() >= deadline) {
                    return Err(out_of_time());
                }
            }
        }
    }
}

fn lossy(losses: &[Loss]) -> Fault {
    let said: Vec<String> = losses.iter().map(ToString::to_string).collect();
    let message = format!(
        "This model is set to refuse what cannot be carried to its provider (`losses: reject`), and this request \
         would lose: {}. Leave it out, or ask a model whose provider takes it.",
        said.join("; ")
    );
    let mut json = Writer::new();
    json.array(|json| {
        for loss in &said {
            json.str(loss);
        }
    });
    Fault::new(Kind::InvalidRequest, message).with("losses", json.finish())
}

/// Nothing is left to try: what the caller is told.
///
/// # Errors
/// The sum of all tries, where no upstream's own refusal says it.
pub fn give_up(
    start: Instant,
    caller: DialectId,
    failed: &[Failed],
    last: Option<Miss>,
    record: &Record,
) -> Result<Won, Fault> {
    let now = env::instant().saturating_duration_since(start);
    let waits: Vec<(Outcome, Option<Duration>)> = failed
        .iter()
        .map(|one| (one.outcome, one.retry_after.map(|wait| (one.at + wait).saturating_sub(now))))
        .collect();
    let verdict = verdict(&waits);
    let retry_after = verdict.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
    let Some(last) = last else {
        return Err(Fault::new(Kind::UpstreamFailed, "There was nothing to try."));
    };
    match verdict.kind {
        Kind::UpstreamRejected => {
            Ok(Won::Rejected(Box::new(Rejected::new(caller, last, Kind::UpstreamRejected, None))))
        }
        Kind::UpstreamRateLimited if last.raw.is_some() && last.fault.outcome == Outcome::RateLimited => {
            let kind = Kind::UpstreamRateLimited;
            Ok(Won::Rejected(Box::new(Rejected::new(caller, last, kind, Some(retry_after.unwrap_or(1))))))
        }
        kind => Err(summed_up(kind, failed, &last, retry_after, record)),
    }
}

fn summed_up(kind: Kind, failed: &[Failed], last: &Miss, retry_after: Option<u64>, record: &Record) -> Fault {
    let message = match kind {
        Kind::UpstreamRateLimited => "Every target that is left is rate limited. Retry after the time given.",
        Kind::UpstreamOverloaded => "Every target that was tried is overloaded. Retry shortly, or add a fallback.",
        Kind::UpstreamTimeout => "Every target that was tried took too long. Retry, or raise the model's `timeouts`.",
        // There was no answer to refuse anything: the credentials are missing.
        Kind::UpstreamAuth if last.fault.status == 0 && last.fault.outcome == Outcome::Auth => {
            &unauthorized(&last.fault.message)
        }
        Kind::UpstreamAuth => {
            "The provider refuses the gateway's own key or balance; your key is fine. The operator must check the \
             provider's `api_key` and account."
        }
        _ => "Every target that was tried failed; `attempts` tells how. Retry shortly, or add a fallback.",
    };
    let mut json = Writer::new();
    json.array(|json| {
        for attempt in &record.entry().attempts {
            json.object(|json| {
                json.key("target").str(&format!("{}/{}", attempt.provider, attempt.model));
                json.key("outcome").str(attempt.outcome.name());
                if let Some(status) = attempt.status {
                    json.key("status").u64(u64::from(status));
                }
            });
        }
    });
    let mut fault = Fault::new(kind, message).with("attempts", json.finish());
    if kind == Kind::UpstreamTimeout
        && let Some(timer) = failed.last().and_then(|one| one.outcome.name().strip_prefix("timeout_"))
    {
        fault = fault.with("timer", format!("\"{timer}\""));
    }
    fault.retry_after = match kind {
        Kind::UpstreamOverloaded | Kind::UpstreamRateLimited => {
            Some(retry_after.or(last.fault.retry_after.map(|wait| wait.as_secs())).unwrap_or(1).max(1))
        }
        _ => None,
    };
    fault
}
